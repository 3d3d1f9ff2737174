import { z } from 'zod'

import { isoSchema } from './answers.ts'

const chatRef = {
  chatId: z
    .string()
    .describe('With the phone number when it is known: …@s.whatsapp.net, else …@lid; a group …@g.us'),
  timestamp: z.int().describe('When it happened, Unix ms'),
}

/** Data of `chat.archived` and `chat.unarchived`. */
export const chatArchived = z.object({ ...chatRef, isArchived: z.boolean() })

/** Data of `chat.updated`: something else was set on the chat, here or on another device. Only what changed is there. */
export const chatUpdated = z.object({
  ...chatRef,
  changes: z.object({
    pinned: z.boolean().optional(),
    mutedUntil: isoSchema.nullable().optional().describe('null: not muted any more; the year 275760: always'),
    markedUnread: z.boolean().optional(),
    disappearingSeconds: z.int().optional().describe('New messages disappear after so long; 0: they stay'),
  }),
})

/** Data of `chat.transferred`: it stands in another session of the same owner now. Told of both sessions. */
export const chatTransferred = z.object({
  ...chatRef,
  fromSessionId: z.string(),
  toSessionId: z.string(),
  messages: z.int().describe('How many moved'),
})

/** Data of `chat.cleared` and `chat.deleted`: the account took its messages away, for itself alone. */
export const chatEmptied = z.object({
  ...chatRef,
  messages: z.int().describe('How many went here'),
})
