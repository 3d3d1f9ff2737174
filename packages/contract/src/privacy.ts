import { z } from 'zod'

import { isoSchema } from './answers.ts'
import { endpoint } from './endpoint.ts'
import { chatAddress, maybe, sessionRef } from './fields.ts'

const tag = 'Privacy'
const params = z.object({ sessionId: sessionRef, contactId: chatAddress })

const exportContact = endpoint({
  id: 'exportContact',
  method: 'GET',
  path: '/api/privacy/:sessionId/contacts/:contactId/export',
  tag,
  summary: 'Everything a session holds about somebody, one row per line',
  description:
    'NDJSON as it is read: each line has `kind` and, in `data`, the row as it is stored: the contact, addresses, chat, messages of and to them, reactions, calls, statuses, group memberships, files (with a signed link), events and webhook deliveries. The last line has `kind` `end`: without it the export is not whole. Keys and sealed bytes are left out.',
  params,
  json: false,
  alternatives: [
    {
      type: 'application/x-ndjson',
      description: 'A row per line, the last one `{"kind": "end", "data": {}}`',
    },
  ],
  errors: ['SESSION_NOT_FOUND', 'CONTACT_NOT_FOUND'],
})

const eraseContact = endpoint({
  id: 'eraseContact',
  method: 'POST',
  path: '/api/privacy/:sessionId/contacts/:contactId/erase',
  tag,
  summary: 'Erase everything a session holds about somebody, for good',
  description:
    'Removes the contact, their chat, messages of and to them (also theirs in groups and as statuses), files, calls and memberships; takes them out of messages of others; empties events about them (`data` becomes `{"erased": true}`) and removes their webhook deliveries; and notes a keyed hash of their addresses, so that the history and the address book of the phone do not bring them back. Phones and WhatsApp keep what they have. What they write afterwards is kept as anybody\'s is. It goes on for as long as there is something to remove; one that was interrupted is called again.',
  params,
  body: z.object({
    confirm: maybe(chatAddress).meta({
      description: 'The number or address once more: without it nothing is erased.',
    }),
  }),
  data: z.object({
    erased: z.object({
      messages: z.int(),
      redacted: z.int().meta({ description: 'Messages of others that quoted or mentioned them.' }),
      events: z.int(),
      rows: z.int().meta({ description: 'Of all other kinds.' }),
    }),
    erasedAt: isoSchema,
  }),
  errors: ['SESSION_NOT_FOUND', 'CONTACT_NOT_FOUND', 'ERASURE_NOT_CONFIRMED'],
})

export const privacyEndpoints = { exportContact, eraseContact }
