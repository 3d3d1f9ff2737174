import { z } from 'zod'

import { paginationSchema } from './answers.ts'
import { endpoint } from './endpoint.ts'
import { chatAddress, limit, list, page, sessionRef } from './fields.ts'

/** Data of `contact.merged`: what was shown under other ids is one person's, shown under `contactId` from now on. */
export const contactMerged = z.object({
  contactId: z.string().describe('With the phone number: …@s.whatsapp.net'),
  lid: z.string(),
  phone: z.string().describe('Digits'),
  formerIds: z
    .array(z.string())
    .describe('Ids that contact and chat were shown under until now: the LID, or the number they had before'),
  name: z.string().describe('The name to show; never empty'),
})
export type ContactMerged = z.infer<typeof contactMerged>

const tag = 'Contacts'
const params = z.object({ sessionId: sessionRef })

/** The two addresses of one account. */
const addresses = z
  .object({
    lid: z
      .string()
      .nullable()
      .meta({ description: 'The address that hides the number; null when not known.' }),
    pn: z.string().nullable().meta({ description: '…@s.whatsapp.net; null when not known.' }),
    number: z.string().nullable().meta({ description: 'Digits.', example: '12025550123' }),
  })
  .meta({ id: 'AccountAddresses' })

const listLids = endpoint({
  id: 'listLids',
  method: 'GET',
  path: '/api/contacts/:sessionId/lids',
  tag,
  summary: 'List which LIDs and numbers belong together, as far as the session knows',
  params,
  query: z.object({ page, limit: limit(100) }),
  data: z.object({ lids: z.array(addresses), pagination: paginationSchema, total: z.int() }),
  errors: ['SESSION_NOT_FOUND'],
})

const findLid = endpoint({
  id: 'findLid',
  method: 'GET',
  path: '/api/contacts/:sessionId/lids/:contactId',
  tag,
  summary: 'Look up the LID of a number, or the number of a LID',
  description: 'From what the session has learnt; WhatsApp is not asked. What is not known is null.',
  params: params.extend({ contactId: chatAddress }),
  data: addresses,
  errors: ['SESSION_NOT_FOUND'],
})

const findLids = endpoint({
  id: 'findLids',
  method: 'POST',
  path: '/api/contacts/:sessionId/lids',
  tag,
  summary: 'Look up many LIDs and numbers at once, in the order given',
  params,
  body: z.object({ ids: list(chatAddress, 500) }),
  data: z.object({ lids: z.array(addresses.extend({ id: z.string() })) }),
  errors: ['SESSION_NOT_FOUND'],
})

export const identityEndpoints = { listLids, findLid, findLids }
