import { z } from 'zod'

import { isoSchema, paginationSchema } from './answers.ts'
import { endpoint } from './endpoint.ts'
import { chatAddress, int, limit, list, maybe, page, sessionRef } from './fields.ts'

const tag = 'Messages'
const params = z.object({ sessionId: sessionRef })

const fetchOlderMessages = endpoint({
  id: 'fetchOlderMessages',
  method: 'POST',
  path: '/api/messages/:sessionId/:chatId/history',
  tag,
  bucket: 'whatsapp',
  summary: 'Ask the phone for older messages of a chat',
  description:
    'From the oldest that the hub has. The phone answers when it is online: this waits for it up to `wait`, and otherwise answers `pending`; they are stored when they come, and `session.sync` with the same `requestId` tells it.',
  params: params.extend({ chatId: chatAddress }),
  body: z.object({
    count: maybe(int(1, 500)).meta({ description: 'How many messages, 50 when not given.' }),
    wait: maybe(int(0, 25_000)).meta({
      description: 'How long to wait for the phone, ms, 15000 when not given.',
    }),
  }),
  data: z.object({
    chatId: z.string(),
    requestId: z
      .string()
      .nullable()
      .meta({ description: 'null when the phone has nothing older, as it said before.' }),
    status: z.enum(['done', 'pending']),
    messages: z.int().meta({ description: 'How many came that were not here.' }),
    isComplete: z.boolean().meta({ description: 'The phone has nothing older.' }),
  }),
  errors: ['SESSION_NOT_FOUND', 'SESSION_NOT_CONNECTED', 'CHAT_WITHOUT_MESSAGES', 'WHATSAPP_ERROR'],
})

/** A message of which only the envelope could be read. */
const undecryptable = z
  .object({
    messageId: z.string(),
    dbId: z.int(),
    chatId: z.string(),
    from: z.string(),
    fromLid: z.string().nullable(),
    fromMe: z.boolean(),
    participant: z.string().nullable(),
    isGroup: z.boolean(),
    reason: z.string().meta({ description: 'What the encryption said; without key material.' }),
    timestamp: isoSchema,
    receivedAt: isoSchema,
  })
  .meta({ id: 'UndecryptableMessage' })

const listUndecryptable = endpoint({
  id: 'listUndecryptable',
  method: 'GET',
  path: '/api/messages/:sessionId/undecryptable',
  tag,
  summary: 'List messages that could not be decrypted (yet), newest first',
  description:
    'Their senders are asked again by themselves, and so is the phone. One that is opened later leaves this list and is told as `message.received`.',
  params,
  query: z.object({ page, limit: limit(50), chatId: maybe(chatAddress) }),
  data: z.object({ messages: z.array(undecryptable), pagination: paginationSchema, total: z.int() }),
  errors: ['SESSION_NOT_FOUND'],
})

const recoverMessages = endpoint({
  id: 'recoverMessages',
  method: 'POST',
  path: '/api/messages/:sessionId/undecryptable/recover',
  tag,
  bucket: 'whatsapp',
  summary: 'Ask the phone for messages that could not be decrypted',
  description:
    'The phone, which has them, sends their content when it is online; each is then told as `message.received`. Without `messageIds`: the newest.',
  params,
  body: z.object({ messageIds: list(z.string().trim().min(1).max(200), 100).optional() }),
  data: z.object({ requested: z.int(), messageIds: z.array(z.string()) }),
  errors: ['SESSION_NOT_FOUND', 'SESSION_NOT_CONNECTED', 'MESSAGE_NOT_FOUND', 'WHATSAPP_ERROR'],
})

export const historyEndpoints = { fetchOlderMessages, listUndecryptable, recoverMessages }
