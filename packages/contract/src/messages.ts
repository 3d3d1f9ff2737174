import { isDeedKind, type Jid, parseChatAddress } from '@inbox-hub/whatsapp'
import { z } from 'zod'

import { isoSchema, paginationSchema } from './answers.ts'
import { endpoint } from './endpoint.ts'
import {
  bool,
  chatAddress,
  int,
  issue,
  limit,
  list,
  maybe,
  moment,
  numberAsText,
  page,
  sessionRef,
  text,
} from './fields.ts'
import { messageContent } from './message-content.ts'
import { eventAnswer, messageTypes } from './message-events.ts'
import { maxBase64Chars } from './media.ts'
import { fileToSendErrors, withFile } from './outgoing-files.ts'
import { outgoingContent } from './outgoing.ts'

export const messageStatuses = [
  'scheduled',
  'pending',
  'sent',
  'delivered',
  'read',
  'failed',
  'received',
] as const
export type MessageStatus = (typeof messageStatuses)[number]

const messageStatusSchema = z.enum(messageStatuses).meta({ id: 'MessageStatus' })

/** WhatsApp Web's number for each status: what CRMs draw as ticks. */
export const ackOfStatus = {
  failed: -1,
  scheduled: 0,
  pending: 0,
  sent: 1,
  received: 1,
  delivered: 2,
  read: 3,
} as const satisfies Record<MessageStatus, number>
/** The same of one that was listened to or looked at, whose status is `read`. */
export const playedAck = 4

/** What a message that is not on its way yet waits for. */
export const waitReasons = [
  'schedule',
  'connection',
  'upload',
  'quiet',
  'pacing',
  'new_chats',
  'queue',
] as const
export type WaitReason = (typeof waitReasons)[number]

/** Why a message has not gone out yet; all null once it is on its way. */
const waiting = {
  waitingFor: z.enum(waitReasons).nullable().meta({
    description:
      '`schedule`: its time has not come; `connection`: the session is offline; `upload`: its file is being given to WhatsApp; `quiet`: WhatsApp asked for a pause; `pacing`: the limits set for the session; `new_chats`: its limits of new chats; `queue`: messages before it. Null when it waits for nothing of ours.',
  }),
  position: z
    .int()
    .nullable()
    .meta({ description: 'Its place among what the session still has to send, from 1.' }),
  expectedAt: isoSchema
    .nullable()
    .meta({ description: 'When it is expected to go out; null when nobody can say.' }),
}

/** A message as every list shows it. There is never a raw WhatsApp message inside. */
export const messageSchema = z
  .object({
    id: z
      .object({
        fromMe: z.boolean(),
        remote: z.string(),
        id: z.string(),
        _serialized: z.string().meta({ description: "WhatsApp's id alone, the same everywhere." }),
      })
      .meta({ description: 'An object, as WhatsApp Web has it; the number is `dbId`.' }),
    dbId: z.int(),
    whatsappMessageId: z.string(),
    messageId: z.string(),
    chatId: z.string().meta({ example: '12025550123@s.whatsapp.net' }),
    from: z.string(),
    to: z.string(),
    fromMe: z.boolean(),
    direction: z.enum(['incoming', 'outgoing']),
    type: z.enum(messageTypes),
    body: z.string(),
    content: z.string(),
    caption: z.string().nullable(),
    status: messageStatusSchema,
    ack: z.int().min(-1).max(4),
    timestamp: isoSchema,
    isRead: z.boolean(),
    isPlayed: z.boolean().meta({
      description:
        'Of a voice note, video note or view-once message: listened to or looked at, ours by somebody, those of others by the account.',
    }),
    hasMedia: z.boolean(),
    has_attachment: z.boolean(),
    mediaUrl: z.string().nullable(),
    hasReactions: z.boolean(),
    reactions: z.array(
      z.object({ emoji: z.string(), from: z.string(), fromMe: z.boolean(), timestamp: isoSchema }),
    ),
    editedAt: isoSchema
      .nullable()
      .meta({ description: 'When its author last changed it; `body` is as it is now.' }),
    deletedAt: isoSchema
      .nullable()
      .meta({ description: 'When it was taken back for everyone; the hub keeps what it said.' }),
    deletedBy: z.string().nullable(),
    isPinned: z.boolean(),
    isKept: z.boolean(),
    pollVotes: z
      .array(z.object({ option: z.string(), votes: z.int(), voters: z.array(z.string()) }))
      .nullable()
      .meta({ description: 'Of a poll, as far as votes reached this account; null for other kinds.' }),
    eventAnswers: z
      .array(z.object({ from: z.string(), ...eventAnswer, timestamp: isoSchema }))
      .nullable()
      .meta({ description: 'Of an event, as far as answers reached this account; null for other kinds.' }),
    isStarred: z.boolean(),
    quotedMsgId: z.string().nullable(),
    mentions: z.array(z.string()),
    isGroup: z.boolean(),
    participant: z.string().nullable(),
    pushName: z.string().nullable(),
    ...messageContent,
    undecryptable: z.boolean().meta({ description: 'Its content could not be opened (yet).' }),
    error: z
      .object({ code: z.string(), message: z.string() })
      .nullable()
      .meta({ description: 'Why it was not sent.' }),
    ...waiting,
  })
  .meta({ id: 'Message' })
export type MessageWire = z.input<typeof messageSchema>

/** A chat as every list shows it. */
export const chatSchema = z
  .object({
    id: z
      .object({
        _serialized: z.string().meta({ example: '12025550123@c.us' }),
        user: z.string(),
        server: z.string(),
      })
      .meta({ description: 'In the form with `@c.us`, which CRMs store and look up; groups `@g.us`.' }),
    chatId: z.string().meta({ example: '12025550123@s.whatsapp.net' }),
    jid: z.string(),
    name: z.string().meta({ description: 'Never empty: the digits when nothing better is known.' }),
    contactName: z.string().nullable(),
    isGroup: z.boolean(),
    lastMessage: z
      .object({
        id: z.string().nullable(),
        body: z.string(),
        content: z.string(),
        text: z.string(),
        timestamp: z.int().meta({ description: 'Unix seconds.' }),
        fromMe: z.boolean(),
        type: z.enum(messageTypes),
        status: messageStatusSchema,
      })
      .meta({ description: 'Always an object.' }),
    unreadCount: z.int(),
    messageCount: z.int(),
    totalMessages: z.int(),
    profilePicture: z.string().nullable(),
    archived: z.boolean(),
    pinned: z.boolean(),
    isMuted: z.boolean(),
    mutedUntil: isoSchema
      .nullable()
      .meta({ description: 'The year 275760 stands for always. It may be over: then `isMuted` is false.' }),
    markedUnread: z.boolean().meta({ description: 'Marked as unread by hand, whatever `unreadCount` says.' }),
    disappearingSeconds: z.int().meta({ description: 'New messages disappear after so long; 0: they stay.' }),
    labels: z.array(z.string()).meta({ description: 'The `id`s of the labels on it.' }),
    isReadOnly: z.boolean(),
    lastMessageAt: isoSchema.nullable(),
  })
  .meta({ id: 'Chat' })
export type ChatWire = z.input<typeof chatSchema>

const tag = 'Messages'
const params = z.object({ sessionId: sessionRef })
const chatParams = params.extend({ chatId: chatAddress })
export const messageId = z.string().min(1).max(250).meta({
  description: "WhatsApp's id, the number `dbId`, or the old `true_<jid>_<id>` form.",
  example: '3EB0C767D26A1B2C3D4E',
})

/** Whom a send is for: one chat, or up to 50. Of several, one that cannot be understood fails alone. */
export const recipients = z
  .preprocess(
    numberAsText,
    z
      .union([
        z.string().max(160),
        z
          .array(z.preprocess(numberAsText, z.string().max(160)))
          .min(1)
          .max(50),
      ])
      .transform(
        (
          value,
          context,
        ): { many: boolean; recipients: readonly { input: string; jid: Jid | undefined }[] } => {
          if (Array.isArray(value))
            return { many: true, recipients: value.map((input) => ({ input, jid: parseChatAddress(input) })) }
          const jid = parseChatAddress(value)
          if (jid === undefined) {
            context.addIssue({ code: 'custom', input: value, ...issue('not_a_chat') })
            return z.NEVER
          }
          return { many: false, recipients: [{ input: value, jid }] }
        },
      ),
  )
  .meta({
    description: 'Digits with country code, a JID, or an array of up to 50 of them.',
    example: '12025550123',
  })

const idempotencyKey = text(1, 255)

/** What can be wrong with what is done to a message. */
const revokeErrors = [
  'NOT_OWN_MESSAGE',
  'DELETE_TOO_LATE',
  'MESSAGE_DELETED',
  'MESSAGE_NOT_SENT',
  'NOT_GROUP_ADMIN',
  'NOT_IN_GROUP',
  'GROUP_NOT_FOUND',
] as const
/** What can go wrong with what all devices of the account share. */
const appStateErrors = [
  'SESSION_NOT_CONNECTED',
  'APP_STATE_NOT_READY',
  'APP_STATE_CONFLICT',
  'WHATSAPP_ERROR',
] as const
const deedErrors = [
  ...revokeErrors,
  'EDIT_TOO_LATE',
  'KIND_NOT_EDITABLE',
  'NOT_A_POLL',
  'POLL_OPTION_NOT_FOUND',
  'POLL_TOO_MANY_OPTIONS',
  'MESSAGE_NOT_DISAPPEARING',
] as const

const sendAnswer = z.object({
  messageId: z.string(),
  whatsappMessageId: z.string(),
  dbId: z.int(),
  to: z.string(),
  chatId: z.string(),
  type: z.enum(messageTypes),
  status: messageStatusSchema.meta({
    description: '`pending` when WhatsApp has not confirmed it after 20 s; an event tells the rest.',
  }),
  timestamp: isoSchema,
  text: z.string(),
  ...waiting,
  message: messageSchema,
})

const sentAlbum = z
  .object({
    messageId: z.string().meta({ description: 'What its pictures have as `albumId`; no list shows it.' }),
    items: z.array(
      z.object({
        messageId: z.string(),
        dbId: z.int(),
        status: messageStatusSchema,
        code: z.string().optional(),
        error: z
          .string()
          .optional()
          .meta({ description: 'Why it was not sent; the others were not kept from it.' }),
      }),
    ),
  })
  .meta({
    description:
      'Of an album: each of its pictures, in their order. The rest of the answer is about the first.',
  })

const sendMessage = endpoint({
  id: 'sendMessage',
  method: 'POST',
  path: '/api/messages/:sessionId/send',
  tag,
  bucket: 'sending',
  summary: 'Send a message of any kind',
  description:
    'The message is stored before it is promised, and sent once: repeat a call whose answer was lost with the same `Idempotency-Key` and you get the first result. With an array in `to`, `results` tells about each. A file may come with the request, as `multipart/form-data`: the fields are those of the body, with the caption as `message`.',
  params,
  headers: z.object({ 'idempotency-key': maybe(idempotencyKey) }),
  input: 'json_or_form',
  maxBodyBytes: maxBase64Chars + 64 * 1024,
  body: z.preprocess(
    withFile,
    z
      .object({
        to: maybe(recipients).meta({
          description:
            'Digits with country code, a JID, or an array of up to 50 of them. May be left out when `message` is done to another message (a reaction, an edit, …): that stands in its chat.',
        }),
        message: outgoingContent,
        type: maybe(z.string().max(40)).meta({
          description:
            'What a file is to be sent as, where `message` leaves it open; else `message` decides.',
        }),
        mediaId: maybe(z.string().max(100)).meta({
          description: 'A file that was uploaded before; `message` is its caption then.',
        }),
        quotedMessageId: maybe(messageId).meta({ description: 'The message this answers.' }),
        quotedMsgId: maybe(messageId).meta({ description: 'The same.' }),
        mentions: maybe(list(chatAddress, 256)).meta({ description: 'People named in the text with `@`.' }),
        mentionsEveryone: maybe(bool()).meta({
          description: 'Of a group: everybody in it is told that they were named.',
        }),
        sendAt: maybe(moment('start_of_day')).meta({
          description:
            'When it is to go out: ISO 8601 (without a zone it is UTC), or Unix seconds or milliseconds. In the future, at most 366 days ahead. The session need not be connected now.',
          example: '2026-12-24T09:00:00Z',
        }),
        clientId: maybe(idempotencyKey).meta({ description: 'The same as the `Idempotency-Key` header.' }),
      })
      .refine(({ to, message }) => to !== undefined || isDeedKind(message.kind), {
        path: ['to'],
        ...issue('required'),
      })
      .refine(({ sendAt, message }) => sendAt === undefined || !isDeedKind(message.kind), {
        path: ['sendAt'],
        ...issue('not_for_later'),
      }),
  ),
  data: sendAnswer.extend({
    results: z
      .array(
        z.object({
          to: z.string(),
          success: z.boolean(),
          messageId: z.string().optional(),
          status: messageStatusSchema.optional(),
          code: z.string().optional(),
          error: z.string().optional(),
        }),
      )
      .optional(),
    sent: z.int().optional(),
    failed: z.int().optional(),
    album: sentAlbum.optional(),
  }),
  errors: [
    'SESSION_NOT_FOUND',
    'SESSION_NOT_CONNECTED',
    'WHATSAPP_ERROR',
    'MESSAGE_NOT_FOUND',
    'TEMPLATE_NOT_FOUND',
    'TEMPLATE_NOT_APPROVED',
    'TEMPLATE_VARIABLES_MISSING',
    'TEMPLATE_UNFIT',
    'IDEMPOTENCY_CONFLICT',
    ...deedErrors,
    'KIND_NOT_FORWARDABLE',
    ...fileToSendErrors,
  ],
})

const listScheduled = endpoint({
  id: 'listScheduled',
  method: 'GET',
  path: '/api/messages/:sessionId/scheduled',
  tag,
  summary: 'List the messages of a session that wait for their time, soonest first',
  params,
  query: z.object({ page, limit: limit(50), chatId: maybe(chatAddress) }),
  data: z.object({ messages: z.array(messageSchema), pagination: paginationSchema, total: z.int() }),
  errors: ['SESSION_NOT_FOUND'],
})

const cancelMessage = endpoint({
  id: 'cancelMessage',
  method: 'POST',
  path: '/api/messages/:messageId/cancel',
  tag,
  summary: 'Take back a message that has not gone out',
  description:
    'One that is scheduled, or still waits for its turn. When the answer comes it will not be sent, whatever happens. Asking again answers the same.',
  params: z.object({ messageId }),
  body: z.object({ sessionId: maybe(sessionRef) }),
  data: z.object({
    messageId: z.string(),
    dbId: z.int(),
    chatId: z.string(),
    cancelled: z.literal(true),
  }),
  errors: ['MESSAGE_NOT_FOUND', 'SESSION_NOT_FOUND', 'MESSAGE_NOT_CANCELLABLE'],
})

const pacingSchema = z.object({
  perMinute: z.int().nullable().meta({ description: 'Messages in any 60 seconds.' }),
  pauseMinMs: z
    .int()
    .nullable()
    .meta({ description: 'Least pause before a message to another chat than the last, in ms.' }),
  pauseMaxMs: z.int().nullable().meta({ description: 'Longest such pause: each is drawn between the two.' }),
  warmUpPerDay: z
    .int()
    .nullable()
    .meta({ description: 'Messages on the first day of a new number; twice as many on the second, …' }),
  warmUpDays: z.int().nullable().meta({ description: 'Days after which the warm-up is over.' }),
  warmUpSince: isoSchema.nullable().meta({ description: 'When the warm-up began.' }),
  newChatsPerHour: z
    .int()
    .nullable()
    .meta({ description: 'Chats that nobody wrote in before, in any 60 minutes.' }),
  newChatsPerDay: z.int().nullable().meta({ description: 'The same in any 24 hours.' }),
})

const getMessageMedia = endpoint({
  id: 'getMessageMedia',
  method: 'GET',
  path: '/api/messages/:sessionId/:messageId/media',
  tag,
  summary: 'The file of a message, fetched from WhatsApp if it is not here',
  description:
    'Answers when the file is here, at most 20 s later. `url` is fetched by a plain GET without a key; it works for `MEDIA_LINK_HOURS`. A file that WhatsApp keeps no more is asked of the phone.',
  params: z.object({ sessionId: sessionRef, messageId }),
  data: z.object({
    url: z.string(),
    media_url: z.string().meta({ description: 'The same.' }),
    urlExpiresAt: isoSchema,
    thumbnailUrl: z.string().nullable(),
    mediaId: z.string(),
    filename: z.string().meta({ description: 'Never empty, and safe as the name of a file.' }),
    mimetype: z.string().meta({ description: 'As its bytes say, else as its message says.' }),
    filesize: z.int().meta({ description: 'Bytes.' }),
    sha256: z.string().meta({ description: 'Of its bytes, hex.' }),
  }),
  errors: [
    'SESSION_NOT_FOUND',
    'MESSAGE_NOT_FOUND',
    'MEDIA_NOT_FOUND',
    'MEDIA_EXPIRED',
    'MEDIA_REJECTED',
    'MEDIA_NOT_READY',
    'FILE_TOO_LARGE',
    'MEDIA_QUOTA_EXCEEDED',
    'MEDIA_STORE_UNAVAILABLE',
  ],
})

const getPacing = endpoint({
  id: 'getPacing',
  method: 'GET',
  path: '/api/messages/:sessionId/pacing',
  tag,
  summary: 'How a session spreads what it sends',
  params,
  data: z.object({ pacing: pacingSchema }),
  errors: ['SESSION_NOT_FOUND'],
})

const setPacing = endpoint({
  id: 'setPacing',
  method: 'PUT',
  path: '/api/messages/:sessionId/pacing',
  tag,
  summary: 'Limit how fast a session sends',
  description:
    'What is left out, or null, does not limit; `{}` ends all pacing. Holds for messages that wait already. A warm-up that goes on keeps its beginning.',
  params,
  body: z
    .object({
      perMinute: maybe(int(1, 1000)),
      pauseMinMs: maybe(int(0, 600_000)),
      pauseMaxMs: maybe(int(0, 600_000)),
      warmUpPerDay: maybe(int(1, 100_000)),
      warmUpDays: maybe(int(1, 90)).meta({ description: '1 to 90; 14 when only `warmUpPerDay` is given.' }),
      newChatsPerHour: maybe(int(1, 1000)),
      newChatsPerDay: maybe(int(1, 10_000)),
    })
    .refine(({ pauseMinMs, pauseMaxMs }) => (pauseMinMs ?? 0) <= (pauseMaxMs ?? Infinity), {
      path: ['pauseMaxMs'],
      ...issue('below_minimum'),
    }),
  data: z.object({ pacing: pacingSchema }),
  errors: ['SESSION_NOT_FOUND'],
})

const period = { startDate: maybe(moment('start_of_day')), endDate: maybe(moment('end_of_day')) }
const inOrder = ({
  startDate,
  endDate,
}: {
  startDate?: number | undefined
  endDate?: number | undefined
}): boolean => startDate === undefined || endDate === undefined || startDate <= endDate

const listMessages = endpoint({
  id: 'listMessages',
  method: 'GET',
  path: '/api/messages/:sessionId',
  tag,
  summary: 'List the messages of a session, newest first',
  params,
  query: z
    .object({
      page,
      limit: limit(50),
      chatId: maybe(chatAddress),
      type: maybe(z.string().max(40).toLowerCase()),
      fromMe: maybe(bool()),
      ...period,
    })
    .refine(inOrder, { path: ['endDate'], ...issue('end_before_start') }),
  data: z.object({ messages: z.array(messageSchema), pagination: paginationSchema, total: z.int() }),
  errors: ['SESSION_NOT_FOUND'],
})

/** Which chats, and how many of them. */
export const chatQuery = z.object({
  page,
  limit: limit(20),
  archived: maybe(bool()),
  pinned: maybe(bool()),
  muted: maybe(bool()),
  unread: maybe(bool()).meta({ description: 'With unread messages, or marked as unread.' }),
  isGroup: maybe(bool()),
  label: maybe(text(1, 40)).meta({ description: 'The `id` of a label that is on the chat.' }),
})

const listChats = endpoint({
  id: 'listChats',
  method: 'GET',
  path: '/api/messages/:sessionId/chats',
  tag,
  summary: 'List the chats of a session, newest first',
  description: 'From the store. Without a filter all chats are there, archived ones too.',
  params,
  query: chatQuery,
  data: z.object({ chats: z.array(chatSchema), pagination: paginationSchema, total: z.int() }),
  errors: ['SESSION_NOT_FOUND'],
})

const messageStats = endpoint({
  id: 'messageStats',
  method: 'GET',
  path: '/api/messages/:sessionId/stats',
  tag,
  summary: 'Count the messages of a session',
  params,
  query: z.object(period).refine(inOrder, { path: ['endDate'], ...issue('end_before_start') }),
  data: z.object({
    stats: z.object({
      total: z.int(),
      sent: z.int(),
      received: z.int(),
      byType: z.record(z.string(), z.int()),
      byStatus: z.object({
        pending: z.int(),
        sent: z.int(),
        delivered: z.int(),
        read: z.int(),
        failed: z.int(),
      }),
    }),
  }),
  errors: ['SESSION_NOT_FOUND'],
})

const listChatMessages = endpoint({
  id: 'listChatMessages',
  method: 'GET',
  path: '/api/messages/:sessionId/:chatId',
  tag,
  summary: 'List the messages of a chat, newest first',
  params: chatParams,
  query: z.object({ page, limit: limit(50) }),
  data: z.object({
    messages: z.array(messageSchema),
    pagination: paginationSchema,
    total: z.int(),
    chatInfo: z.object({ chatId: z.string(), name: z.string(), isGroup: z.boolean() }),
  }),
  errors: ['SESSION_NOT_FOUND'],
})

const markChatRead = endpoint({
  id: 'markChatRead',
  method: 'PUT',
  path: '/api/messages/:sessionId/:chatId/read',
  tag,
  summary: 'Mark the messages of a chat as read',
  description: 'Here at once; to the sender when the session is connected.',
  params: chatParams,
  data: z.object({ chatId: z.string(), markedCount: z.int() }),
  errors: ['SESSION_NOT_FOUND'],
})

const sendTyping = endpoint({
  id: 'sendTyping',
  method: 'POST',
  path: '/api/messages/:sessionId/:chatId/typing',
  tag,
  summary: 'Show that you are typing or recording, or no longer',
  params: chatParams,
  body: z.object({
    state: maybe(z.enum(['composing', 'recording', 'paused'])).transform((value) => value ?? 'composing'),
  }),
  data: z.object({ chatId: z.string(), state: z.enum(['composing', 'recording', 'paused']) }),
  errors: ['SESSION_NOT_FOUND', 'SESSION_NOT_CONNECTED'],
})

const listUnread = endpoint({
  id: 'listUnread',
  method: 'GET',
  path: '/api/messages/unread',
  tag,
  summary: 'List the chats with unread messages, of all your sessions',
  data: z.object({
    unreadMessages: z.array(
      z.object({
        sessionId: z.string(),
        chatId: z.string(),
        chatName: z.string(),
        unreadCount: z.int(),
        lastMessage: z.object({ content: z.string(), timestamp: isoSchema }),
      }),
    ),
    totalUnread: z.int(),
  }),
})

const everyone = maybe(bool()).meta({
  description:
    'Also on the phones of everyone in its chat; the hub keeps what it said, and shows that it was deleted.',
})

const forMe = maybe(bool()).meta({
  description:
    "Also on the account's own phone and devices; the others keep it. Needs the session connected.",
})

const deleteMessage = endpoint({
  id: 'deleteMessage',
  method: 'DELETE',
  path: '/api/messages/:messageId',
  tag,
  summary: 'Remove a message from the hub, or take it back for everyone',
  description:
    'Without `forEveryone` only the hub forgets what it said. With it the message is taken back as a person would on the phone: one of ours within 60 hours, in a group that the account administers anybody’s.',
  params: z.object({ messageId }),
  query: z.object({ forEveryone: everyone, forMe, sessionId: maybe(sessionRef) }),
  body: z.object({ forEveryone: everyone, forMe, sessionId: maybe(sessionRef) }),
  data: z.object({
    messageId: z.string(),
    deleted: z.literal(true),
    forEveryone: z.boolean(),
    status: messageStatusSchema.optional().meta({
      description:
        'With `forEveryone`, how far the taking back has come: `pending` when WhatsApp has not confirmed it after 20 s.',
    }),
  }),
  errors: ['MESSAGE_NOT_FOUND', 'SESSION_NOT_FOUND', ...appStateErrors, ...revokeErrors],
})

const starMessage = endpoint({
  id: 'starMessage',
  method: 'POST',
  path: '/api/messages/:messageId/star',
  tag,
  summary: 'Star a message on all devices of the account, or take the star off',
  params: z.object({ messageId }),
  body: z.object({
    starred: maybe(bool()).meta({ description: 'true when left out' }),
    sessionId: maybe(sessionRef),
  }),
  data: z.object({ messageId: z.string(), starred: z.boolean() }),
  errors: ['MESSAGE_NOT_FOUND', 'SESSION_NOT_FOUND', ...appStateErrors],
})

const retryMessage = endpoint({
  id: 'retryMessage',
  method: 'POST',
  path: '/api/messages/:messageId/retry',
  tag,
  bucket: 'sending',
  summary: 'Send a failed message again, at most three times',
  params: z.object({ messageId }),
  body: z.object({ sessionId: maybe(sessionRef) }),
  data: sendAnswer,
  errors: ['MESSAGE_NOT_FOUND', 'SESSION_NOT_FOUND', 'SESSION_NOT_CONNECTED', 'WHATSAPP_ERROR'],
})

export const messageEndpoints = {
  sendMessage,
  listMessages,
  listChats,
  messageStats,
  listChatMessages,
  markChatRead,
  sendTyping,
  listUnread,
  deleteMessage,
  starMessage,
  retryMessage,
  listScheduled,
  cancelMessage,
  getMessageMedia,
  getPacing,
  setPacing,
}
