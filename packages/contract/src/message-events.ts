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

/** Data of `message.played`: somebody listened to a voice note of ours or looked at a view-once message, the first time. */
export const messagePlayed = z.object({
  ...messageRef,
  from: z.string().describe('Who, with the phone number when it is known'),
  fromLid: z.string().nullable().describe('The same person, as the address that hides the number'),
})
export type MessagePlayed = z.infer<typeof messagePlayed>

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

/** Something was done to a message: `messageId`, `dbId` and `chatId` are that message's, the author who did it. */
const change = {
  ...messageRef,
  ...author,
  changeId: z.string().describe("WhatsApp's id of the message that said so"),
  ofOurs: z.boolean().describe('Whether the message it was done to is ours'),
}

/** Data of `message.reaction`: of each person the last one counts. */
export const messageReaction = z.object({
  ...change,
  emoji: z.string().nullable().describe('null when they took their reaction back'),
})
export type MessageReaction = z.infer<typeof messageReaction>

/** Data of `message.edited`: its author changed the text or caption. */
export const messageEdited = z.object({
  ...change,
  text: z.string().describe('As it is now'),
  mentions: z.array(z.string()),
})
export type MessageEdited = z.infer<typeof messageEdited>

/** Data of `message.deleted`: it was taken back for everyone. The hub keeps what it said, marked. */
export const messageDeleted = z.object({
  ...change,
  byAdmin: z.boolean().describe('By an administrator of the group, not by its author'),
})
export type MessageDeleted = z.infer<typeof messageDeleted>

/** Data of `message.pinned`: pinned for everybody in the chat, or no longer. */
export const messagePinned = z.object({
  ...change,
  pinned: z.boolean(),
  until: z.int().nullable().describe('Unix ms; null when it was not told'),
})
export type MessagePinned = z.infer<typeof messagePinned>

/** Data of `message.kept`: kept in a chat whose messages disappear, or no longer. */
export const messageKept = z.object({ ...change, kept: z.boolean() })
export type MessageKept = z.infer<typeof messageKept>

/** Data of `message.poll_vote`: what somebody chose in a poll, all of it; empty when they took their vote back. */
export const messagePollVote = z.object({ ...change, choices: z.array(z.string()) })
export type MessagePollVote = z.infer<typeof messagePollVote>

export const eventAnswer = {
  answer: z.enum(['going', 'not_going', 'maybe']),
  extraGuests: z.int().min(0).describe('How many they bring'),
}

/** Data of `message.event_answer`: whether somebody comes to an event. */
export const messageEventAnswer = z.object({ ...change, ...eventAnswer })
export type MessageEventAnswer = z.infer<typeof messageEventAnswer>

/** Data of `media.downloaded`: the file of a message is here. `timestamp` is when it came. */
export const mediaDownloaded = z.object({
  ...messageRef,
  mediaId: z.string(),
  url: z.string().describe('Where to fetch it without a key, for some hours'),
  thumbnailUrl: z.string(),
  mimetype: z.string().describe('As its bytes say, else as its message says'),
  filename: z.string().nullable(),
  filesize: z.int().describe('Bytes'),
  sha256: z.string().describe('Base64, as in the message'),
})

/** Data of `media.failed`: the file of a message could not be fetched, and will not be unless somebody asks for it. */
export const mediaFailed = z.object({
  ...messageRef,
  reason: z
    .string()
    .describe(
      '`expired`: WhatsApp and the phone have it no more; `corrupt`: it is not what its message says; `too_large`; `no_room`: the quota is used up; `unreachable`',
    ),
})

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
