import { z } from 'zod'

import type { Phone } from '../phone/phone.ts'
import { type Endpoint, endpoint } from './endpoint.ts'
import { addressing, device, number, text } from './fields.ts'
import type { Phones } from './phones.ts'
import { viewOfCompanion, viewOfPhone } from './views.ts'

const receipts = z.enum(['off', 'delivery', 'read'])
const mediaRetries = z.enum(['uploads', 'not_found', 'decryption_error', 'general_error', 'silence'])

/** What a phone is, and the clients linked to it. */
export function phoneEndpoints(phones: Phones): Endpoint[] {
  const phone = (params: Readonly<Record<string, string>>): Phone => phones.named(params)
  return [
    endpoint('GET /phones', {
      about: 'The phones that were mentioned here.',
      handle: () => phones.all.map(viewOfPhone),
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
  ]
}

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
