import { z } from 'zod'

const labelRef = {
  labelId: z.string(),
  timestamp: z.int().describe('When it happened, Unix ms'),
}

/** Data of `label.updated`: a label was made, or its name or colour changed. */
export const labelUpdated = z.object({
  ...labelRef,
  name: z.string(),
  color: z.int().describe("WhatsApp's number of it"),
})

/** Data of `label.deleted`: it is on nothing any more. */
export const labelDeleted = z.object(labelRef)

/** Data of `label.assigned` and `label.unassigned`: it was put on, or taken off, a chat or a message. */
export const labelAssigned = z.object({
  ...labelRef,
  name: z.string().nullable().describe('Of the label; null while WhatsApp has not told it'),
  chatId: z.string(),
  messageId: z.string().nullable().describe('null: the chat itself'),
})

const replyRef = {
  replyId: z.string(),
  timestamp: z.int().describe('When it happened, Unix ms'),
}

/** Data of `quick_reply.updated`: a text to answer with was made or changed. */
export const quickReplyUpdated = z.object({
  ...replyRef,
  shortcut: z.string(),
  text: z.string(),
  keywords: z.array(z.string()),
})

/** Data of `quick_reply.deleted`. */
export const quickReplyDeleted = z.object(replyRef)
