import { z } from 'zod'

import { messageContent } from './message-content.ts'

/** What a message is, in the words that CRMs keep in a select field: none may be added without them. */
export const messageTypes = [
  'text',
  'image',
  'video',
  'audio',
  'voice',
  'document',
  'location',
  'contact',
  'sticker',
  'buttons',
  'list',
  'poll',
  'reaction',
] as const
export type MessageType = (typeof messageTypes)[number]

const messageRef = {
  messageId: z.string().describe("WhatsApp's id of the message"),
  dbId: z.int().describe('Our number for it, in the order of arrival'),
  chatId: z
    .string()
    .describe(
      'The chat, with the phone number when it is known: …@s.whatsapp.net, else …@lid; groups …@g.us',
    ),
  timestamp: z.int().describe('When it happened, Unix ms, by the clock of WhatsApp where it told us'),
}

const author = {
  isGroup: z.boolean(),
  from: z.string().describe('Who wrote it, with the phone number when it is known'),
  fromLid: z.string().nullable().describe('The same person, as the address that hides the number'),
  participant: z.string().nullable().describe('In groups the same as `from`, else null'),
}

/** Data of `message.received`: somebody wrote to us. Never sent for history nor for what the account itself wrote. */
export const messageReceived = z.object({
  ...messageRef,
  ...author,
  to: z.string().nullable().describe('Our own address; null when it is not known yet'),
  fromMe: z.literal(false),
  pushName: z.string().nullable().describe('What the author calls themselves'),
  type: z.enum(messageTypes),
  text: z.string().describe('Text or caption; empty when there is none'),
  mentions: z.array(z.string()),
  quotedMessageId: z.string().nullable(),
  ...messageContent,
})
export type MessageReceived = z.infer<typeof messageReceived>

/** Data of `message.sent`, `message.delivered` and `message.read`: how far a message that we sent has come. Each once. */
export const messageProgress = z.object({
  ...messageRef,
  status: z.enum(['sent', 'delivered', 'read']),
})
export type MessageProgress = z.infer<typeof messageProgress>

/** Data of `message.failed`: a message that will not go out by itself any more. */
export const messageFailed = z.object({
  ...messageRef,
  status: z.literal('failed'),
  reason: z.string().describe('Stable word, as in `details.reason` of WHATSAPP_ERROR'),
  error: z.string().describe('The same for people'),
})
export type MessageFailed = z.infer<typeof messageFailed>

/** Data of `message.undecryptable`: its envelope arrived, its content could not be opened. `message.received` follows if it can be later. */
export const messageUndecryptable = z.object({
  ...messageRef,
  ...author,
  reason: z.string(),
})
export type MessageUndecryptable = z.infer<typeof messageUndecryptable>

/** Data of `contact.updated`: somebody we know has another name or, at last, a number. */
export const contactUpdated = z.object({
  contactId: z.string().describe('With the phone number when it is known: …@s.whatsapp.net, else …@lid'),
  lid: z.string().nullable(),
  phone: z.string().nullable().describe('Digits'),
  name: z.string().describe('The name to show; never empty'),
  pushName: z.string().nullable(),
  verifiedName: z.string().nullable(),
})
export type ContactUpdated = z.infer<typeof contactUpdated>
