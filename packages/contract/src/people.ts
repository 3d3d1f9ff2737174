import { phoneDigits } from '@inbox-hub/whatsapp'
import { z } from 'zod'

import { isoSchema } from './answers.ts'
import { endpoint } from './endpoint.ts'
import type { ErrorCode } from './errors/index.ts'
import { bool, chatAddress, maybe, numberAsText, personAddress, sessionRef } from './fields.ts'
import { presenceStates } from './people-events.ts'

const tag = 'Contacts'
const ofSession = z.object({ sessionId: sessionRef })
const ofPerson = ofSession.extend({ contactId: personAddress })
const asks = 'Asks WhatsApp.'
const cached =
  'Answers from the store when WhatsApp was asked within a day, and asks it otherwise; `refresh` asks it when the last answer is more than a minute old. A session asks at most 60 such questions a minute, then 429. While it is not connected, what is stored is answered.'
const refresh = z.object({ refresh: maybe(bool()) })
const always: readonly ErrorCode[] = ['SESSION_NOT_FOUND', 'SESSION_NOT_CONNECTED', 'WHATSAPP_ERROR']

const person = {
  contactId: z
    .string()
    .meta({ description: 'With the phone number when it is known.', example: '12025550123@s.whatsapp.net' }),
  lid: z.string().nullable().meta({ description: 'The address that hides the number, when known.' }),
}

/** Why it is not known whether a number is on WhatsApp. */
export const checkGaps = ['NOT_A_NUMBER', 'NO_ANSWER', 'ASKED_TOO_OFTEN'] as const

const checkNumbers = endpoint({
  id: 'checkNumbers',
  method: 'POST',
  path: '/api/contacts/:sessionId/check',
  tag,
  summary: 'Ask which of up to 50 numbers are on WhatsApp',
  description: `${asks} Answers are kept: an address for 7 days, "not on WhatsApp" for one. Numbers of Brazil, Mexico and Argentina are asked about in both of their spellings; \`contactId\` is the one to write to. At most 10 questions a minute and session, those of sending included.`,
  params: ofSession,
  body: z.object({
    numbers: z
      .preprocess(
        (value) => (typeof value === 'string' || typeof value === 'number' ? [value] : value),
        z
          .array(z.preprocess(numberAsText, z.string().max(60)))
          .min(1)
          .max(50)
          .transform((inputs) =>
            inputs.map((input) => ({ input, digits: phoneDigits(input.replace(/@.*$/s, '')) })),
          ),
      )
      .meta({ description: 'With country code.', example: ['12025550123'] }),
  }),
  data: z.object({
    results: z.array(
      z.object({
        input: z.string(),
        number: z.string().nullable().meta({ description: 'Digits; null: no number at all.' }),
        exists: z.boolean().nullable().meta({ description: 'null: not known, see `reason`.' }),
        contactId: z.string().nullable(),
        lid: z.string().nullable(),
        reason: z.enum(checkGaps).nullable(),
      }),
    ),
    retryAfter: z
      .int()
      .nullable()
      .meta({ description: 'Seconds until those that were `ASKED_TOO_OFTEN` can be asked about.' }),
  }),
  errors: ['SESSION_NOT_FOUND', 'SESSION_NOT_CONNECTED'],
})

const getPicture = endpoint({
  id: 'getPicture',
  method: 'GET',
  path: '/api/contacts/:sessionId/picture/:contactId',
  tag,
  summary: 'The picture of a contact or a group',
  description: `${cached} The picture is kept among the files of the hub, and fetched again when WhatsApp tells of another; \`url\` needs no key. Answers within 10 s.`,
  params: ofSession.extend({ contactId: chatAddress }),
  query: refresh,
  data: z.object({
    contactId: z.string(),
    pictureId: z.string().meta({ description: "WhatsApp's: another picture has another." }),
    mediaId: z.string(),
    url: z.string().meta({ format: 'uri', description: 'Until `urlExpiresAt`.' }),
    urlExpiresAt: isoSchema,
    mimeType: z.string(),
    size: z.int(),
    readAt: isoSchema.meta({ description: 'When WhatsApp last said that it is this one.' }),
  }),
  errors: [...always, 'PICTURE_NOT_FOUND', 'NOT_IN_GROUP', 'MEDIA_QUOTA_EXCEEDED', 'MEDIA_STORE_UNAVAILABLE'],
})

const getAbout = endpoint({
  id: 'getAbout',
  method: 'GET',
  path: '/api/contacts/:sessionId/about/:contactId',
  tag,
  summary: 'What a contact says about themselves',
  description: cached,
  params: ofPerson,
  query: refresh,
  data: z.object({
    ...person,
    about: z.string().nullable(),
    isHidden: z.boolean().meta({ description: 'They keep it from this account.' }),
    setAt: isoSchema.nullable(),
    readAt: isoSchema,
  }),
  errors: always,
})

const businessDay = z.object({
  day: z.string().meta({ description: '`mon` to `sun`.' }),
  mode: z.string().meta({ description: '`open_24h`, `specific_hours`, `appointment_only`.' }),
  open: z.int().nullable().meta({ description: 'Minutes since midnight.' }),
  close: z.int().nullable(),
})

/** What a business shows of itself. */
export const businessProfileSchema = z
  .object({
    description: z.string(),
    address: z.string(),
    email: z.string(),
    websites: z.array(z.string()),
    category: z.string(),
    hours: z.object({ timezone: z.string(), days: z.array(businessDay) }).nullable(),
  })
  .meta({ id: 'BusinessProfile' })
export type BusinessProfileWire = z.input<typeof businessProfileSchema>

const getBusiness = endpoint({
  id: 'getBusiness',
  method: 'GET',
  path: '/api/contacts/:sessionId/business/:contactId',
  tag,
  summary: 'The business profile of a contact; null when it is no business',
  description: cached,
  params: ofPerson,
  query: refresh,
  data: z.object({
    ...person,
    isBusiness: z.boolean(),
    business: businessProfileSchema.nullable(),
    readAt: isoSchema,
  }),
  errors: always,
})

const listBlocked = endpoint({
  id: 'listBlocked',
  method: 'GET',
  path: '/api/contacts/:sessionId/blocked',
  tag,
  summary: 'List whom the account blocks',
  description:
    'From the store, which WhatsApp keeps up to date; asks WhatsApp when it was not asked for a day, or never. What is stored is answered while the session is not connected.',
  params: ofSession,
  data: z.object({ blocked: z.array(z.object(person)), total: z.int() }),
  errors: always,
})

const blockState = z.object({ ...person, isBlocked: z.boolean() })
const blockErrors: readonly ErrorCode[] = always

const blockContact = endpoint({
  id: 'blockContact',
  method: 'POST',
  path: '/api/contacts/:sessionId/blocked/:contactId',
  tag,
  summary: 'Block somebody: what they write and their calls do not come any more',
  description: asks,
  params: ofPerson,
  data: blockState,
  errors: blockErrors,
})

const unblockContact = endpoint({
  id: 'unblockContact',
  method: 'DELETE',
  path: '/api/contacts/:sessionId/blocked/:contactId',
  tag,
  summary: 'Block somebody no longer',
  description: asks,
  params: ofPerson,
  data: blockState,
  errors: blockErrors,
})

const presence = z.object({
  ...person,
  state: z
    .enum(presenceStates)
    .nullable()
    .meta({ description: 'null: not told since it is watched, or not watched.' }),
  stateAt: isoSchema.nullable(),
  lastSeen: isoSchema.nullable().meta({ description: 'null: never told, or they keep it to themselves.' }),
  watchedUntil: isoSchema.nullable().meta({ description: 'null: not watched.' }),
})

const watchPresence = endpoint({
  id: 'watchPresence',
  method: 'POST',
  path: '/api/contacts/:sessionId/presence/:contactId',
  tag,
  summary: 'Have `presence.update` events of a contact told, for a day',
  description: `${asks} Ask again to go on; of more than 500 contacts the one asked for longest ago is given up. It outlives reconnects and restarts. WhatsApp tells most of it only while the account appears online itself.`,
  params: ofPerson,
  data: presence,
  errors: always,
})

const getPresence = endpoint({
  id: 'getPresence',
  method: 'GET',
  path: '/api/contacts/:sessionId/presence/:contactId',
  tag,
  summary: 'What was last told of the presence of a contact',
  params: ofPerson,
  data: presence,
  errors: ['SESSION_NOT_FOUND'],
})

const unwatchPresence = endpoint({
  id: 'unwatchPresence',
  method: 'DELETE',
  path: '/api/contacts/:sessionId/presence/:contactId',
  tag,
  summary: 'Have the presence of a contact told no longer',
  params: ofPerson,
  data: presence,
  errors: ['SESSION_NOT_FOUND'],
})

export const peopleEndpoints = {
  checkNumbers,
  getPicture,
  getAbout,
  getBusiness,
  listBlocked,
  blockContact,
  unblockContact,
  watchPresence,
  getPresence,
  unwatchPresence,
}
