import { z } from 'zod'

import { isoSchema, paginationSchema } from './answers.ts'
import { appStateErrors } from './app-state.ts'
import { endpoint } from './endpoint.ts'
import { chatAddress, int, limit, list, maybe, page, phone, sessionRef, text } from './fields.ts'

/** A contact. Every client reads another name for the number, so all of them are there. */
export const contactSchema = z
  .object({
    id: z.string().meta({ description: 'The same as `jid`.', example: '12025550123@s.whatsapp.net' }),
    jid: z.string(),
    lid: z.string().nullable().meta({ description: 'The address that hides the number, when known.' }),
    name: z.string().meta({ description: 'Never empty: the digits when nothing better is known.' }),
    verifiedName: z.string().nullable(),
    username: z.string().nullable().meta({ description: 'A name that WhatsApp keeps unique; few have one.' }),
    notify: z.string().nullable().meta({ description: 'The name the person chose.' }),
    pushname: z.string().nullable(),
    number: z.string().meta({ description: 'Digits.', example: '12025550123' }),
    phone: z.string(),
    phoneNumber: z.string(),
    imgUrl: z.string().nullable(),
    profilePicUrl: z.string().nullable(),
    isUser: z.boolean(),
    isGroup: z.boolean(),
    isWAContact: z.boolean(),
    isMyContact: z.boolean(),
    isBlocked: z.boolean(),
    isBusiness: z.boolean(),
    tags: z.array(z.string()),
    notes: z.string().nullable(),
    assignedToUserId: z.int().nullable(),
  })
  .meta({ id: 'Contact' })
export type ContactWire = z.input<typeof contactSchema>

const contactInfo = contactSchema.extend({
  businessProfile: z
    .object({
      description: z.string().nullable(),
      website: z.string().nullable(),
      email: z.string().nullable(),
    })
    .nullable(),
  status: z.string().nullable(),
  about: z.string().nullable(),
  lastSeen: isoSchema.nullable(),
})

const tag = 'Contacts'
const params = z.object({ sessionId: sessionRef })

const listContacts = endpoint({
  id: 'listContacts',
  method: 'GET',
  path: '/api/contacts/:sessionId',
  tag,
  summary: 'List or search the contacts of a session, from the store',
  params,
  query: z.object({ page, limit: limit(50), search: maybe(text(1, 100)) }),
  data: z.object({
    contacts: z.array(contactSchema),
    pagination: paginationSchema,
    total: z.int(),
    totalIsExact: z.boolean().meta({
      description:
        'False when a search finds more than 1,000 and stopped counting: `total` is then how many there are at least, with more pages than it says.',
    }),
    search: z.string().optional(),
  }),
  errors: ['SESSION_NOT_FOUND'],
})

const searchContact = endpoint({
  id: 'searchContact',
  method: 'GET',
  path: '/api/contacts/:sessionId/search/:phoneNumber',
  tag,
  summary: 'Find a contact by number; null when there is none',
  params: params.extend({ phoneNumber: phone }),
  data: z.object({ contact: contactSchema.nullable(), message: z.string().optional() }),
  errors: ['SESSION_NOT_FOUND'],
})

const getContactInfo = endpoint({
  id: 'getContactInfo',
  method: 'GET',
  path: '/api/contacts/:sessionId/info/:contactId',
  tag,
  summary: 'Read what is known about a contact, flat and under `contact`',
  description: 'A number that is not known yet, but could be one, answers with a minimal contact.',
  params: params.extend({ contactId: chatAddress }),
  data: contactInfo.extend({ contact: contactInfo }),
  errors: ['SESSION_NOT_FOUND'],
})

const contactStats = endpoint({
  id: 'contactStats',
  method: 'GET',
  path: '/api/contacts/:sessionId/stats',
  tag,
  summary: 'Count the contacts of a session',
  params,
  data: z.object({
    stats: z.object({
      total: z.int(),
      users: z.int(),
      groups: z.int(),
      wAContacts: z.int(),
      withNames: z.int(),
      withProfilePics: z.int(),
    }),
  }),
  errors: ['SESSION_NOT_FOUND'],
})

const updateContact = endpoint({
  id: 'updateContact',
  method: 'PUT',
  path: '/api/contacts/:contactId',
  tag,
  summary: 'Change what the hub keeps about a contact; WhatsApp is not told',
  description: 'Without `sessionId` every session of yours that knows the contact is changed.',
  params: z.object({ contactId: chatAddress }),
  body: z.object({
    name: maybe(text(1, 255)),
    tags: list(text(1, 100), 100).optional(),
    notes: z
      .preprocess((value) => (value === '' ? null : value), z.string().max(10_000).nullable())
      .optional(),
    assignedToUserId: z
      .preprocess((value) => (value === '' ? null : value), int(1, 2_147_483_647).nullable())
      .optional(),
    sessionId: maybe(sessionRef),
  }),
  data: z.object({ contact: contactSchema }),
  errors: ['CONTACT_NOT_FOUND', 'SESSION_NOT_FOUND'],
})

const ofAddressBook = z.object({ sessionId: sessionRef, contactId: chatAddress })

const saveContact = endpoint({
  id: 'saveContact',
  method: 'PUT',
  path: '/api/contacts/:sessionId/:contactId/address-book',
  tag,
  summary: 'Save somebody in the address book of the phone, or rename them there',
  description:
    'Asks WhatsApp: the phone and the other devices of the account follow. Their number must be known.',
  params: ofAddressBook,
  body: z.object({
    name: text(1, 255),
    firstName: maybe(text(1, 255)).meta({ description: 'The first word of `name`, when not given.' }),
  }),
  data: z.object({ contact: contactSchema }),
  errors: [...appStateErrors, 'CONTACT_WITHOUT_NUMBER'],
})

const unsaveContact = endpoint({
  id: 'unsaveContact',
  method: 'DELETE',
  path: '/api/contacts/:sessionId/:contactId/address-book',
  tag,
  summary: 'Take somebody out of the address book of the phone',
  description:
    'Asks WhatsApp. What the hub keeps about them stays; they are shown by the name they gave themselves.',
  params: ofAddressBook,
  data: z.object({ contact: contactSchema }),
  errors: [...appStateErrors, 'CONTACT_WITHOUT_NUMBER'],
})

export const contactEndpoints = {
  saveContact,
  unsaveContact,
  listContacts,
  searchContact,
  getContactInfo,
  contactStats,
  updateContact,
}
