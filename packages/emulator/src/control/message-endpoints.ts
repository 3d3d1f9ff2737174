import { createHash } from 'node:crypto'

import { z } from 'zod'

import { proto } from '../baileys.ts'
import { mediaOf } from '../media/index.ts'
import type { Phone } from '../phone/phone.ts'
import { type Endpoint, endpoint } from './endpoint.ts'
import { address, addressing, base64, device, fromJson, messageId, present, text } from './fields.ts'
import { messageOf, type Phones } from './phones.ts'
import { viewOfMessage } from './views.ts'

/** Any message, as the JSON of its protobuf. */
const message = z
  .record(z.string(), z.unknown())
  .transform((json, context): proto.IMessage => fromJson(proto.Message, json, context))

/** What a person writes and reads, and does to messages. */
export function messageEndpoints(phones: Phones): Endpoint[] {
  const phone = (params: Readonly<Record<string, string>>): Phone => phones.named(params)
  return [
    endpoint('POST /phones/:number/messages', {
      about: 'Sends a text.',
      body: z.strictObject({
        to: address,
        text,
        quote: z.string().optional(),
        mentions: z.array(address).optional(),
        id: messageId.optional(),
        addressing: addressing.optional(),
        device: device.optional(),
      }),
      handle: ({ params, body }) => {
        const from = phone(params)
        const { to, text, quote, mentions, ...options } = body
        const content = {
          text,
          ...(quote !== undefined && { quoted: messageOf(from, quote) }),
          ...(mentions !== undefined && { mentions }),
        }
        const { id, chat } = from.sends(to, content, present(options))
        return { id, chat }
      },
    }),
    endpoint('POST /phones/:number/content', {
      about: 'Sends any message, as the JSON of WhatsApp’s `Message` protobuf; bytes as base64.',
      body: z.strictObject({
        to: address,
        message,
        id: messageId.optional(),
        addressing: addressing.optional(),
        device: device.optional(),
      }),
      handle: ({ params, body }) => {
        const { to, message: content, ...options } = body
        const { id, chat } = phone(params).sends(to, content, present(options))
        return { id, chat }
      },
    }),
    endpoint('POST /phones/:number/media', {
      about: 'Sends a file: `bytes` as base64, or `zeros`, so many bytes that are made while they are read.',
      body: z.strictObject({
        to: address,
        media: z.enum(['image', 'video', 'gif', 'video_note', 'audio', 'voice', 'document', 'sticker']),
        bytes: base64.optional(),
        zeros: z.int().min(1).max(4_294_967_296).optional(),
        mimetype: z.string().optional(),
        caption: text.optional(),
        fileName: z.string().optional(),
        seconds: z.int().min(0).optional(),
        width: z.int().min(1).optional(),
        height: z.int().min(1).optional(),
        thumbnail: base64.optional(),
        viewOnce: z.boolean().optional(),
        id: messageId.optional(),
        addressing: addressing.optional(),
        device: device.optional(),
      }),
      handle: ({ params, body }) => {
        const { to, media, bytes, zeros, id, addressing, device, ...said } = body
        const from = phone(params)
        const content = { media, bytes: zeros === undefined ? (bytes ?? Buffer.alloc(0)) : { zeros } }
        const options = present({ id, addressing, device })
        const sent = from.sendsMedia(to, { ...content, ...present(said) }, options)
        const written = messageOf(from, sent.id)
        return { id: sent.id, chat: sent.chat, directPath: mediaOf(written.message)?.reference.directPath }
      },
    }),
    endpoint('GET /phones/:number/messages/:id/media', {
      about: 'Downloads the file of a message, checks it, and gives its SHA-256 (hex) and bytes (base64).',
      handle: async ({ params }) => {
        const of = phone(params)
        const bytes = await of.downloads(messageOf(of, params['id'] ?? ''))
        const sha256 = createHash('sha256').update(bytes).digest('hex')
        return { size: bytes.length, sha256, bytes: bytes.toString('base64') }
      },
    }),
    endpoint('POST /phones/:number/statuses', {
      about: 'Posts a status of text for these people. `background`: 0xAARRGGBB.',
      body: z.strictObject({
        text,
        audience: z.array(address).min(1),
        background: z.int().min(0).max(0xff_ff_ff_ff).optional(),
        id: messageId.optional(),
      }),
      handle: ({ params, body }) => {
        const { text: written, background: backgroundArgb, audience, ...options } = body
        const content =
          backgroundArgb === undefined ? written : { extendedTextMessage: { text: written, backgroundArgb } }
        const { id, chat } = phone(params).postsStatus(content, audience, present(options))
        return { id, chat }
      },
    }),
    endpoint('GET /phones/:number/messages', {
      about: 'What it received and sent, oldest first.',
      query: z.strictObject({
        chat: address.optional(),
        device: z.coerce.number().int().min(0).default(0),
        limit: z.coerce.number().int().min(1).max(1000).default(100),
      }),
      handle: ({ params, query }) => {
        const of = phone(params)
        const chat = query.chat === undefined ? undefined : of.chatWith(query.chat)
        return of.messages
          .filter((each) => each.device === query.device && (chat === undefined || each.chat === chat))
          .slice(-query.limit)
          .map(viewOfMessage)
      },
    }),
    endpoint('POST /phones/:number/receives', {
      about: 'Waits until it has received a text, and gives the message.',
      body: z.strictObject({ text, waitMs: z.int().min(0).max(120_000).default(20_000) }),
      handle: async ({ params, body, signal }) => {
        const until = AbortSignal.any([signal, AbortSignal.timeout(body.waitMs)])
        const timeoutMs = body.waitMs + 1000 // The signal is first, and tells a timeout from a failure.
        return viewOfMessage(await phone(params).receives(body.text, { timeoutMs, signal: until }))
      },
    }),
    endpoint('POST /phones/:number/read', {
      about: 'Marks a chat as read.',
      body: z.strictObject({ chat: address }),
      handle: ({ params, body }) => phone(params).reads(body.chat),
    }),
    endpoint('POST /phones/:number/typing', {
      about: 'Shows as typing, recording, or no more.',
      body: z.strictObject({
        to: address,
        state: z.enum(['composing', 'recording', 'paused']).default('composing'),
      }),
      handle: ({ params, body }) => phone(params).types(body.to, body.state),
    }),
    endpoint('POST /phones/:number/reactions', {
      about:
        'Reacts to a message; an empty emoji takes the reaction back. In a group for announcements it is sealed.',
      body: z.strictObject({ messageId, emoji: z.string().max(16) }),
      handle: ({ params, body }) => {
        const from = phone(params)
        const { id, chat } = from.reacts(messageOf(from, body.messageId), body.emoji)
        return { id, chat }
      },
    }),
    endpoint('GET /phones/:number/messages/:id', {
      about: 'A message as its chat shows it: edited, deleted, with reactions and votes.',
      handle: ({ params }) => {
        const of = phone(params)
        const { id } = messageOf(of, params['id'] ?? '')
        return { id, ...of.shows(id) }
      },
    }),
    endpoint('PATCH /phones/:number/messages/:id', {
      about: 'Changes the text of a message it sent.',
      body: z.strictObject({ text }),
      handle: ({ params, body }) => {
        const from = phone(params)
        const { id, chat } = from.edits(messageOf(from, params['id'] ?? ''), body.text)
        return { id, chat }
      },
    }),
    endpoint('DELETE /phones/:number/messages/:id', {
      about: 'Deletes a message for everyone: one it sent, or as an administrator that of another.',
      handle: ({ params }) => {
        const from = phone(params)
        const message = messageOf(from, params['id'] ?? '')
        const { id, chat } = message.fromMe ? from.deletes(message) : from.deletesAsAdmin(message)
        return { id, chat }
      },
    }),
    endpoint('POST /phones/:number/votes', {
      about: 'Votes in a poll: all that it chooses, nothing to take its vote back.',
      body: z.strictObject({ messageId, options: z.array(text) }),
      handle: ({ params, body }) => {
        const from = phone(params)
        const { id, chat } = from.votes(messageOf(from, body.messageId), body.options)
        return { id, chat }
      },
    }),
    endpoint('POST /phones/:number/pins', {
      about: 'Pins a message for everybody in its chat, for so many seconds; 0 takes it off.',
      body: z.strictObject({ messageId, seconds: z.int().min(0).default(604_800) }),
      handle: ({ params, body }) => {
        const from = phone(params)
        const { id, chat } = from.pins(messageOf(from, body.messageId), body.seconds || false)
        return { id, chat }
      },
    }),
    endpoint('POST /phones/:number/keeps', {
      about: 'Keeps a message that would disappear, or lets it go.',
      body: z.strictObject({ messageId, kept: z.boolean().default(true) }),
      handle: ({ params, body }) => {
        const from = phone(params)
        const { id, chat } = from.keeps(messageOf(from, body.messageId), body.kept)
        return { id, chat }
      },
    }),
  ]
}
