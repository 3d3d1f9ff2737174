import { z } from 'zod'

import { proto } from '../baileys.ts'
import type { Phone } from '../phone/phone.ts'
import { type Endpoint, endpoint } from './endpoint.ts'
import { address, fromJson, messageId, number, present, text } from './fields.ts'
import type { Phones } from './phones.ts'

/** Part of a history, as the JSON of its protobuf. */
const history = z
  .record(z.string(), z.unknown())
  .transform((json, context) => fromJson(proto.HistorySync, json, context))
const conversation = z.record(z.string(), z.unknown()).transform((json, context): proto.IConversation => {
  const settings = fromJson(proto.Conversation, { id: '', ...json }, context)
  const { id: _, messages: __, participant: ___, ...said } = settings
  return said
})

/** What a phone tells its clients of before. */
export function historyEndpoints(phones: Phones): Endpoint[] {
  const phone = (params: Readonly<Record<string, string>>): Phone => phones.named(params)
  return [
    endpoint('POST /phones/:number/history', {
      about: 'Puts a message into its history, for a client to be linked later.',
      body: z.strictObject({
        chat: address,
        text,
        from: address.optional(),
        fromMe: z.boolean().default(false),
        at: z.int(),
        id: messageId.optional(),
      }),
      handle: ({ params, body: { chat, ...past } }) => ({
        id: phone(params).remembers(chat, present(past)),
      }),
    }),
    endpoint('POST /phones/:number/number-change', {
      about: 'Tells its clients that a contact has another number now.',
      body: z.strictObject({ contact: address, number }),
      handle: ({ params, body }) => phone(params).learnsNumberChange(body.contact, body.number),
    }),
    endpoint('POST /phones/:number/chat-settings', {
      about: 'What its history says of a chat, as the JSON of WhatsApp’s `Conversation` protobuf.',
      body: z.strictObject({ chat: address, settings: conversation }),
      handle: ({ params, body }) => phone(params).describes(body.chat, body.settings),
    }),
    endpoint('POST /phones/:number/history-sync', {
      about: 'Tells its clients a part of history, as the JSON of WhatsApp’s `HistorySync` protobuf.',
      body: z.strictObject({ history, requestId: text.optional() }),
      handle: ({ params, body }) => phone(params).tellsHistory(body.history, body.requestId),
    }),
  ]
}
