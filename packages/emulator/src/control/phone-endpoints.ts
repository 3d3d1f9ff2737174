import { createHash } from 'node:crypto'

import { z } from 'zod'

import { proto } from '../baileys.ts'
import type { Emulator } from '../emulator.ts'
import type { Companion } from '../line.ts'
import { mediaOf } from '../media/index.ts'
import type { Phone } from '../phone/phone.ts'
import type { PhoneMessage } from '../phone/phone-message.ts'
import { type Endpoint, endpoint } from './endpoint.ts'

const number = z.string().regex(/^\+?\d{5,15}$/, 'a number like +12025550123')
/** A number, a JID or a group. */
const address = z.string().min(5)
const text = z.string().min(1).max(65_536)
const receipts = z.enum(['off', 'delivery', 'read'])
const addressing = z.enum(['lid', 'pn'])
const device = z.int().min(0)
const base64 = z.base64().transform((encoded) => Buffer.from(encoded, 'base64'))
const mediaRetries = z.enum(['uploads', 'not_found', 'decryption_error', 'general_error', 'silence'])

/** Any message, as the JSON of its protobuf. */
const message = z
  .record(z.string(), z.unknown())
  .transform((json, context): proto.IMessage => fromJson(proto.Message, json, context))

function fromJson<Message extends object>(
  type: { fromObject(json: Record<string, unknown>): Message },
  json: Record<string, unknown>,
  context: z.RefinementCtx,
): Message {
  try {
    const content = type.fromObject(json)
    if (Object.keys(content).length > 0) return content
  } catch {
    // A field of another type than WhatsApp's.
  }
  context.addIssue({ code: 'custom', input: json, message: 'no message of WhatsApp’s protobuf' })
  return z.NEVER
}

/** Part of a history, as the JSON of its protobuf. */
const history = z
  .record(z.string(), z.unknown())
  .transform((json, context) => fromJson(proto.HistorySync, json, context))
const conversation = z.record(z.string(), z.unknown()).transform((json, context): proto.IConversation => {
  const settings = fromJson(proto.Conversation, { id: '', ...json }, context)
  const { id: _, messages: __, participant: ___, ...said } = settings
  return said
})

/** Everything a person does with a phone. */
export function phoneEndpoints(emulator: Emulator, known: Set<string>): Endpoint[] {
  const phone = (params: Readonly<Record<string, string>>): Phone => {
    const made = emulator.phone(number.parse(params['number']))
    known.add(made.number)
    return made
  }
  const found = (of: Phone, id: string): PhoneMessage => {
    const message = of.messages.find((each) => each.id === id && each.device === 0)
    if (message === undefined) throw new RangeError(`${of.number} has no message ${id}.`)
    return message
  }
  return [
    endpoint('GET /phones', {
      about: 'The phones that were mentioned here.',
      handle: () => [...known].map((each) => viewOfPhone(emulator.phone(each))),
    }),
    endpoint('POST /phones', {
      about: 'Makes a phone. Any number is one when first mentioned; this is to say how it behaves.',
      body: z.strictObject({
        number,
        pushName: text.optional(),
        receipts: receipts.optional(),
        addressing: addressing.optional(),
      }),
      handle: ({ body }) => viewOfPhone(configured(phone({ number: body.number }), body)),
    }),
    endpoint('GET /phones/:number', {
      about: 'A phone and the clients linked to it.',
      handle: ({ params }) => viewOfPhone(phone(params)),
    }),
    endpoint('PATCH /phones/:number', {
      about: 'Changes how a phone behaves, or takes it offline and back.',
      body: z.strictObject({
        pushName: text.optional(),
        receipts: receipts.optional(),
        addressing: addressing.optional(),
        mediaRetries: mediaRetries.optional(),
        online: z.boolean().optional(),
        presence: z.enum(['available', 'unavailable']).optional(),
      }),
      handle: ({ params, body }) => viewOfPhone(configured(phone(params), body)),
    }),
    endpoint('POST /phones/:number/scan', {
      about: 'Scans the text of a linking QR code.',
      body: z.strictObject({ qr: text }),
      handle: async ({ params, body }) => viewOfCompanion(await phone(params).scan(body.qr)),
    }),
    endpoint('POST /phones/:number/code', {
      about: 'Types the code a client shows.',
      body: z.strictObject({ code: z.string().regex(/^[\w\s-]{8,12}$/, 'eight characters, ABCD-1234') }),
      handle: async ({ params, body }) => viewOfCompanion(await phone(params).enterCode(body.code)),
    }),
    endpoint('POST /phones/:number/unlink', {
      about: 'Unlinks all clients, or one.',
      body: z.strictObject({ device: device.optional() }),
      handle: ({ params, body }) => {
        phone(params).unlink(body.device)
        return viewOfPhone(phone(params))
      },
    }),
    endpoint('POST /phones/:number/devices', {
      about: 'Adds a simulated device, such as the contact’s own WhatsApp Web.',
      handle: ({ params }) => ({ device: phone(params).addDevice() }),
    }),
    endpoint('POST /phones/:number/lose-sessions', {
      about: 'Loses its Signal sessions: what comes next has to be asked for again.',
      handle: ({ params }) => phone(params).losesSessions(),
    }),
    endpoint('POST /phones/:number/messages', {
      about: 'Sends a text.',
      body: z.strictObject({
        to: address,
        text,
        quote: z.string().optional(),
        mentions: z.array(address).optional(),
        id: z.string().min(1).max(64).optional(),
        addressing: addressing.optional(),
        device: device.optional(),
      }),
      handle: ({ params, body }) => {
        const from = phone(params)
        const { to, text, quote, mentions, ...options } = body
        const content = {
          text,
          ...(quote !== undefined && { quoted: found(from, quote) }),
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
        id: z.string().min(1).max(64).optional(),
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
        id: z.string().min(1).max(64).optional(),
        addressing: addressing.optional(),
        device: device.optional(),
      }),
      handle: ({ params, body }) => {
        const { to, media, bytes, zeros, id, addressing, device, ...said } = body
        const from = phone(params)
        const content = { media, bytes: zeros === undefined ? (bytes ?? Buffer.alloc(0)) : { zeros } }
        const options = present({ id, addressing, device })
        const sent = from.sendsMedia(to, { ...content, ...present(said) }, options)
        const written = found(from, sent.id)
        return { id: sent.id, chat: sent.chat, directPath: mediaOf(written.message)?.reference.directPath }
      },
    }),
    endpoint('GET /phones/:number/messages/:id/media', {
      about: 'Downloads the file of a message, checks it, and gives its SHA-256 (hex) and bytes (base64).',
      handle: async ({ params }) => {
        const of = phone(params)
        const bytes = await of.downloads(found(of, params['id'] ?? ''))
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
        id: z.string().min(1).max(64).optional(),
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
    endpoint('PUT /phones/:number/picture', {
      about: 'Changes its picture, a JPEG in base64, or that of a group it is in; null takes it away.',
      body: z.strictObject({ jpeg: z.base64().nullable(), group: address.optional() }),
      handle: ({ params, body: { jpeg, group } }) => {
        const bytes = jpeg === null ? undefined : Buffer.from(jpeg, 'base64')
        const { profile } = phone(params)
        if (group === undefined) profile.picture(bytes)
        else profile.groupPicture(group, bytes)
      },
    }),
    endpoint('PUT /phones/:number/about', {
      about: 'Changes what it says about itself.',
      body: z.strictObject({ text: z.string().max(700) }),
      handle: ({ params, body }) => phone(params).profile.about(body.text),
    }),
    endpoint('PUT /phones/:number/privacy', {
      about: 'Changes a privacy setting, as WhatsApp names it: `profile` `none`.',
      body: z.strictObject({ category: z.string().min(1).max(40), value: z.string().min(1).max(40) }),
      handle: ({ params, body }) => phone(params).profile.privacy(body.category, body.value),
    }),
    endpoint('PUT /phones/:number/blocked', {
      about: 'Blocks somebody, or no longer.',
      body: z.strictObject({ contact: address, blocked: z.boolean().default(true) }),
      handle: ({ params, body }) => phone(params).profile.block(body.contact, body.blocked),
    }),
    endpoint('PUT /phones/:number/business', {
      about: 'Makes it a business with a shop; null: no longer one.',
      body: z.strictObject({ business: business.nullable() }),
      handle: ({ params, body }) => phone(params).profile.business(body.business ?? undefined),
    }),
    endpoint('POST /phones/:number/calls', {
      about: 'Calls somebody, or everybody in a group. Answers the id of the call.',
      body: z.strictObject({ to: address, video: z.boolean().default(false) }),
      handle: ({ params, body: { to, video } }) => ({ callId: phone(params).calls(to, { video }) }),
    }),
    endpoint('DELETE /phones/:number/calls/:callId', {
      about: 'Ends a call it made; `reason` as WhatsApp has it, `timeout` when it rang out.',
      body: z.strictObject({ to: address, reason: z.string().max(40).optional() }),
      handle: ({ params, body: { to, reason } }) => phone(params).hangsUp(to, params['callId'] ?? '', reason),
    }),
    endpoint('POST /phones/:number/calls/:callId', {
      about: 'Takes or refuses a call that rings.',
      body: z.strictObject({ how: z.enum(['accept', 'reject']).default('accept') }),
      handle: ({ params, body }) => phone(params).answers(params['callId'] ?? '', body.how),
    }),
    endpoint('POST /phones/:number/reactions', {
      about: 'Reacts to a message; an empty emoji takes the reaction back.',
      body: z.strictObject({ messageId: z.string(), emoji: z.string().max(16) }),
      handle: ({ params, body }) => {
        const from = phone(params)
        const { id, chat } = from.reacts(found(from, body.messageId), body.emoji)
        return { id, chat }
      },
    }),
    endpoint('GET /phones/:number/messages/:id', {
      about: 'A message as its chat shows it: edited, deleted, with reactions and votes.',
      handle: ({ params }) => {
        const of = phone(params)
        const { id } = found(of, params['id'] ?? '')
        return { id, ...of.shows(id) }
      },
    }),
    endpoint('PATCH /phones/:number/messages/:id', {
      about: 'Changes the text of a message it sent.',
      body: z.strictObject({ text }),
      handle: ({ params, body }) => {
        const from = phone(params)
        const { id, chat } = from.edits(found(from, params['id'] ?? ''), body.text)
        return { id, chat }
      },
    }),
    endpoint('DELETE /phones/:number/messages/:id', {
      about: 'Deletes a message it sent, for everyone.',
      handle: ({ params }) => {
        const from = phone(params)
        const { id, chat } = from.deletes(found(from, params['id'] ?? ''))
        return { id, chat }
      },
    }),
    endpoint('POST /phones/:number/archive', {
      about: 'Archives a chat on all devices, or takes it out again.',
      body: z.strictObject({ chat: address, archived: z.boolean().default(true) }),
      handle: ({ params, body }) => phone(params).settings.archives(body.chat, body.archived),
    }),
    endpoint('POST /phones/:number/chats', {
      about:
        'Pins, mutes, marks as unread or archives a chat on all devices, or takes that back; what is left out stays.',
      body: z.strictObject({
        chat: address,
        archived: z.boolean().optional(),
        pinned: z.boolean().optional(),
        unread: z.boolean().optional(),
        muted: z.union([z.int(), z.enum(['always', 'no'])]).optional(),
        disappearingSeconds: z.int().min(0).optional(),
      }),
      handle: ({ params, body: { chat, archived, pinned, unread, muted, disappearingSeconds } }) => {
        const of = phone(params)
        if (archived !== undefined) of.settings.archives(chat, archived)
        if (pinned !== undefined) of.settings.pins(chat, pinned)
        if (unread !== undefined) of.settings.marksRead(chat, !unread)
        if (muted !== undefined) of.settings.mutes(chat, muted)
        if (disappearingSeconds !== undefined) of.setsDisappearing(chat, disappearingSeconds)
      },
    }),
    endpoint('POST /phones/:number/contacts', {
      about: 'Saves a contact under a name, on all devices.',
      body: z.strictObject({ contact: address, name: text }),
      handle: ({ params, body }) => phone(params).settings.savesContact(body.contact, body.name),
    }),
    endpoint('POST /phones/:number/history', {
      about: 'Puts a message into its history, for a client to be linked later.',
      body: z.strictObject({
        chat: address,
        text,
        from: address.optional(),
        fromMe: z.boolean().default(false),
        at: z.int(),
        id: z.string().min(1).max(64).optional(),
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

const product = z.strictObject({
  id: z.string().min(1),
  name: z.string(),
  description: z.string().exactOptional(),
  priceMilli: z.int().exactOptional(),
  currency: z.string().exactOptional(),
  retailerId: z.string().exactOptional(),
  url: z.string().exactOptional(),
  imageUrl: z.string().exactOptional(),
  isHidden: z.boolean().exactOptional(),
})

const business = z.strictObject({
  profile: z.strictObject({
    description: z.string(),
    address: z.string().exactOptional(),
    email: z.string().exactOptional(),
    websites: z.array(z.string()).exactOptional(),
    category: z.string().exactOptional(),
    hours: z
      .strictObject({
        timezone: z.string(),
        days: z.array(
          z.strictObject({
            day: z.string(),
            mode: z.enum(['open_24h', 'specific_hours', 'appointment_only']),
            open: z.int().exactOptional(),
            close: z.int().exactOptional(),
          }),
        ),
      })
      .exactOptional(),
  }),
  products: z.array(product).default([]),
  collections: z
    .array(z.strictObject({ id: z.string(), name: z.string(), productIds: z.array(z.string()) }))
    .default([]),
  orders: z
    .array(
      z.strictObject({
        id: z.string(),
        token: z.string(),
        items: z.array(z.strictObject({ product, quantity: z.int().min(1) })),
      }),
    )
    .default([]),
})

interface Behaviour {
  pushName?: string | undefined
  receipts?: Phone['receipts'] | undefined
  addressing?: Phone['addressing'] | undefined
  mediaRetries?: Phone['mediaRetries'] | undefined
  online?: boolean | undefined
  presence?: 'available' | 'unavailable' | undefined
}

function configured(
  phone: Phone,
  { pushName, receipts, addressing, mediaRetries, online, presence }: Behaviour,
): Phone {
  if (pushName !== undefined) phone.setsPushName(pushName)
  if (receipts !== undefined) phone.receipts = receipts
  if (addressing !== undefined) phone.addressing = addressing
  if (mediaRetries !== undefined) phone.mediaRetries = mediaRetries
  if (online === true) phone.goOnline()
  if (online === false) phone.goOffline()
  if (presence !== undefined) phone.appears(presence)
  return phone
}

function viewOfPhone(phone: Phone): object {
  const { number, pn, lid, pushName, online, receipts, addressing, devices } = phone
  const companions = phone.companions().map(viewOfCompanion)
  return { number, pn, lid, pushName, online, receipts, addressing, devices, companions }
}

export function viewOfCompanion({ device, pn, lid, platform, online }: Companion): object {
  return { device, pn, lid, platform, online }
}

function viewOfMessage(message: PhoneMessage): object {
  const { id, chat, from, fromMe, text, pushName, at, device } = message
  return { id, chat, from, fromMe, text: text ?? null, pushName: pushName ?? null, at, device }
}

/** Without the fields that were left out. */
function present<Fields extends object>(
  fields: Fields,
): { [Name in keyof Fields]: Exclude<Fields[Name], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined)
  // Only undefined values are gone, as the type says.
  return Object.fromEntries(entries) as { [Name in keyof Fields]: Exclude<Fields[Name], undefined> }
}
