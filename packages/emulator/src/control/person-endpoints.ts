import { z } from 'zod'

import type { Phone } from '../phone/phone.ts'
import { type Endpoint, endpoint } from './endpoint.ts'
import { address, present } from './fields.ts'
import type { Phones } from './phones.ts'

/** What a person shows of themselves, and whom they call. */
export function personEndpoints(phones: Phones): Endpoint[] {
  const phone = (params: Readonly<Record<string, string>>): Phone => phones.named(params)
  return [
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
    endpoint('POST /phones/:number/call-log', {
      about: 'Puts a call that is over into the list that all its devices have; `result` as WhatsApp has it.',
      body: z.strictObject({
        callId: z.string().min(1),
        person: address,
        group: z.string().optional(),
        outgoing: z.boolean().default(true),
        result: z.enum(['CONNECTED', 'REJECTED', 'CANCELLED', 'ACCEPTEDELSEWHERE', 'MISSED', 'UNAVAILABLE']),
        at: z.int(),
        seconds: z.int().min(0).optional(),
        video: z.boolean().optional(),
      }),
      handle: ({ params, body: { group, seconds, video, ...call } }) =>
        phone(params).settings.logsCall({ ...call, ...present({ group, seconds, video }) }),
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
