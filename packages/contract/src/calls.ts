import { z } from 'zod'

import { isoSchema, paginationSchema } from './answers.ts'
import { callRejecters } from './call-events.ts'
import { endpoint } from './endpoint.ts'
import { bool, chatAddress, issue, limit, maybe, moment, page, sessionRef, text } from './fields.ts'
import { languages } from './language.ts'
import { placeholdersIn } from './placeholders.ts'

/** Where a call stands. The last four are final. */
export const callStatuses = ['ringing', 'accepted', 'ended', 'rejected', 'missed'] as const
export type CallStatus = (typeof callStatuses)[number]

export const callDirections = ['incoming', 'outgoing'] as const

export const callSchema = z
  .object({
    callId: z.string().meta({ example: '7F3A0C9D1E2B4A5C6D7E8F9012345678' }),
    direction: z.enum(callDirections).meta({
      description: '`outgoing`: made on the phone of the account, which tells of it when it is over.',
    }),
    from: z.string().meta({
      description: 'Who calls, with the phone number when it is known.',
      example: '12025550123@s.whatsapp.net',
    }),
    fromLid: z.string().nullable().meta({ description: 'The address that hides the number, when known.' }),
    to: z
      .string()
      .nullable()
      .meta({ description: 'Who is called; null for a group that the account called.' }),
    toLid: z.string().nullable(),
    isVideo: z.boolean(),
    isGroup: z.boolean(),
    groupId: z.string().nullable(),
    status: z.enum(callStatuses).meta({
      description:
        '`accepted` becomes `ended` when it is over; `ended`, `rejected` and `missed` are final. `missed` is also a call of the account that nobody took.',
    }),
    rejectedBy: z.enum(callRejecters).nullable(),
    whileAway: z.boolean().meta({ description: 'It rang while the session was not connected.' }),
    startedAt: isoSchema,
    answeredAt: isoSchema.nullable(),
    endedAt: isoSchema.nullable(),
    durationSeconds: z.int().nullable().meta({ description: 'Of the talk, once it is over.' }),
  })
  .meta({ id: 'Call' })
export type CallWire = z.input<typeof callSchema>

const settingsSchema = z
  .object({
    rejectCalls: z.boolean().meta({ description: 'Refuse calls of people at once.' }),
    rejectGroupCalls: z.boolean().meta({ description: 'Refuse calls of groups too.' }),
    reply: z
      .boolean()
      .meta({ description: 'Write to whoever was refused, once per call. Not for group calls.' }),
    replyText: z
      .string()
      .nullable()
      .meta({ description: 'What to write; null: a text of ours in `language`.' }),
    language: z.enum(languages).meta({ description: 'Of our text.' }),
  })
  .meta({ id: 'CallSettings' })
export type CallSettingsWire = z.input<typeof settingsSchema>

const placeholders = new Set(['name', 'number'])

/** A text with `{{name}}` and `{{number}}`; null or blank: ours. */
const template = z
  .preprocess((value) => (value === '' ? null : value), z.string().max(4096).nullable())
  .refine(
    (value) => value === null || placeholdersIn(value).every((name) => placeholders.has(name)),
    issue('unknown_placeholder'),
  )

const tag = 'Calls'
const ofSession = z.object({ sessionId: sessionRef })
const callId = z.string().min(1).max(128).meta({ description: 'The `callId` of a call.' })

const listCalls = endpoint({
  id: 'listCalls',
  method: 'GET',
  path: '/api/calls/:sessionId',
  tag,
  summary: 'List the calls of a session, newest first',
  description:
    'From the store: calls are kept as WhatsApp tells them, also those that rang while the session was away, and those that the account made on its phone.',
  params: ofSession,
  query: z.object({
    page,
    limit: limit(50),
    status: maybe(z.enum(callStatuses)),
    direction: maybe(z.enum(callDirections)),
    isVideo: maybe(bool()),
    isGroup: maybe(bool()),
    from: maybe(chatAddress),
    to: maybe(chatAddress),
    startDate: maybe(moment('start_of_day')),
    endDate: maybe(moment('end_of_day')),
  }),
  data: z.object({ calls: z.array(callSchema), pagination: paginationSchema, total: z.int() }),
  errors: ['SESSION_NOT_FOUND'],
})

const getCallSettings = endpoint({
  id: 'getCallSettings',
  method: 'GET',
  path: '/api/calls/:sessionId/settings',
  tag,
  summary: 'What a session does about calls',
  params: ofSession,
  data: z.object({ settings: settingsSchema }),
  errors: ['SESSION_NOT_FOUND'],
})

const setCallSettings = endpoint({
  id: 'setCallSettings',
  method: 'PUT',
  path: '/api/calls/:sessionId/settings',
  tag,
  summary: 'Have calls refused automatically, with a message if wanted',
  description:
    'Fields that are left out stay. `{{name}}` and `{{number}}` in `replyText` are replaced by the name and the number of whoever calls. Calls that rang while the session was away are never refused late.',
  params: ofSession,
  body: z.object({
    rejectCalls: maybe(bool()),
    rejectGroupCalls: maybe(bool()),
    reply: maybe(bool()),
    replyText: template.optional(),
    language: maybe(z.enum(languages)),
  }),
  data: z.object({ settings: settingsSchema }),
  errors: ['SESSION_NOT_FOUND'],
})

const getCall = endpoint({
  id: 'getCall',
  method: 'GET',
  path: '/api/calls/:sessionId/:callId',
  tag,
  summary: 'Read one call',
  params: ofSession.extend({ callId }),
  data: z.object({ call: callSchema }),
  errors: ['SESSION_NOT_FOUND', 'CALL_NOT_FOUND'],
})

const rejectCall = endpoint({
  id: 'rejectCall',
  method: 'POST',
  path: '/api/calls/:sessionId/:callId/reject',
  tag,
  summary: 'Refuse a call that rings',
  description:
    'Asks WhatsApp. The phone stops ringing too. `replyText` is written to whoever called, once per call.',
  params: ofSession.extend({ callId }),
  body: z.object({ replyText: maybe(text(1, 4096)) }),
  data: z.object({ call: callSchema }),
  errors: [
    'SESSION_NOT_FOUND',
    'SESSION_NOT_CONNECTED',
    'CALL_NOT_FOUND',
    'CALL_NOT_RINGING',
    'WHATSAPP_ERROR',
  ],
})

export const callEndpoints = { listCalls, getCallSettings, setCallSettings, getCall, rejectCall }
