import fc from 'fast-check'
import { expect, test } from 'vitest'
import { z } from 'zod'

import { detailsOfIssues, issueText } from './issue-texts.ts'
import {
  ackOfStatus,
  describeReason,
  type Endpoint,
  endpoints,
  errorCodes,
  errors,
  errorsOf,
  eventData,
  eventExamples,
  eventTypes,
  factsOfError,
  HubError,
  languageFor,
  languages,
  messageStatuses,
  parseSessionStatus,
  roleOf,
  roles,
  scopeOf,
  scopes,
  scopesOfRole,
  sendFailures,
  sessionReasonNames,
  sessionReasons,
  sessionStateNames,
  sessionStatuses,
  statusOfState,
  texts,
} from './index.ts'

const every: [string, Endpoint][] = Object.entries(endpoints)

/** The endpoints of the contract that this server has (§4–§6 without media, groups, status, templates). */
const contractOfToday = `
GET /
GET /health
GET /api/docs
POST /api/sessions
GET /api/sessions
GET /api/sessions/stats
GET /api/sessions/frappe/sessions
GET /api/sessions/:
DELETE /api/sessions/:
GET /api/sessions/:/status
GET /api/sessions/:/qr
GET /api/sessions/:/qr/status
POST /api/sessions/:/connect
POST /api/sessions/:/disconnect
POST /api/sessions/:/restart
GET /api/sessions/:/contacts
POST /api/sessions/:/sync
POST /api/sessions/:/repair-conversations
PUT /api/sessions/:/webhook
POST /api/sessions/:/frappe/configure
GET /api/sessions/:/frappe/status
GET /api/messages/unread
POST /api/messages/:/send
GET /api/messages/:
GET /api/messages/:/chats
GET /api/messages/:/stats
GET /api/messages/:/:
PUT /api/messages/:/:/read
DELETE /api/messages/:
POST /api/messages/:/retry
GET /api/contacts/:
GET /api/contacts/:/search/:
GET /api/contacts/:/info/:
GET /api/contacts/:/stats
PUT /api/contacts/:
GET /api/groups/sessions/:
POST /api/groups/sessions/:
GET /api/groups/sessions/:/stats
GET /api/groups/sessions/:/groups/:
PUT /api/groups/sessions/:/groups/:
POST /api/groups/sessions/:/groups/:/read
POST /api/groups/sessions/:/groups/:/participants
DELETE /api/groups/sessions/:/groups/:/participants
POST /api/groups/sessions/:/groups/:/promote
POST /api/groups/sessions/:/groups/:/invite-code
POST /api/groups/join-with-code
`
  .trim()
  .split('\n')

const shapeOf = ({ method, path }: Endpoint): string => `${method} ${path.replace(/:\w+/g, ':')}`

test('every operation of the contract is there, and nothing twice', () => {
  const shapes = every.map(([, endpoint]) => shapeOf(endpoint))
  expect(shapes).toEqual(expect.arrayContaining(contractOfToday))
  expect(new Set(shapes).size).toBe(shapes.length)
})

test.each(every)(
  '%s: its id is its key, its parameters are those of its path, its codes are known',
  (key, endpoint) => {
    expect(endpoint.id).toBe(key)
    const named = [...endpoint.path.matchAll(/:(\w+)/g)].map(([, name]) => name)
    expect(endpoint.params instanceof z.ZodObject ? Object.keys(endpoint.params.shape) : []).toEqual(named)
    for (const code of [...errorsOf(endpoint), ...Object.keys(endpoint.errorData)])
      expect(errorCodes()).toContain(code)
  },
)

test.each(every)('%s: its schemas say which fields must be given', (_key, endpoint) => {
  for (const part of ['params', 'query', 'headers', 'body'] as const) {
    const result = endpoint[part].safeParse({}, { reportInput: true })
    const missing = result.success ? [] : result.error.issues.map(({ path }) => String(path[0]))
    const { required = [] } = z.toJSONSchema(endpoint[part], { io: 'input' })
    expect([part, ...required]).toEqual([part, ...missing])
  }
})

test('making what is kept under an id of its own answers 201, everything else 200', () => {
  expect(every.filter(([, { success }]) => success.status === 201).map(([key]) => key)).toEqual([
    'createSession',
    'createLabel',
    'createQuickReply',
    'createGroup',
    'createCommunity',
    'postStatus',
    'createNewsletter',
    'postNewsletterMessage',
    'uploadMedia',
    'uploadSessionMedia',
    'importMedia',
    'createTemplate',
    'createWebhook',
    'createOwnWebhook',
    'register',
    'createOrganization',
    'inviteMember',
  ])
})

test('every operation takes a role, and every one for API keys a scope that some role has', () => {
  for (const [, endpoint] of every) {
    if (endpoint.auth === 'none') continue
    expect([...roles, 'self']).toContain(roleOf(endpoint))
    if (endpoint.auth !== 'user') expect(scopes).toContain(scopeOf(endpoint))
  }
  expect(scopesOfRole('owner')).toEqual(new Set(scopes))
})

test('status, QR and QR status are never limited', () => {
  const { getSessionStatus, getQr, getQrStatus } = endpoints
  expect([getSessionStatus, getQr, getQrStatus].map(({ bucket }) => bucket)).toEqual(['none', 'none', 'none'])
})

const tables: [string, Record<string, object>][] = [
  ['errors', errors],
  ['session reasons', sessionReasons],
  ['texts', texts],
  ['send failures', sendFailures],
]

test.each(tables)('%s: every text stands in every language', (_name, table) => {
  const textsOf = (value: object): object[] =>
    'es' in value
      ? [value]
      : Object.values(value).flatMap((inner) => (typeof inner === 'object' ? textsOf(inner as object) : []))
  for (const [key, facts] of Object.entries(table))
    for (const text of textsOf(facts)) {
      expect([key, ...Object.keys(text)]).toEqual([key, ...languages])
      for (const sentence of Object.values(text)) expect(`${key}: ${sentence}`).toMatch(/: \S.+/)
    }
})

test('no text makes a client believe that a failed send went out', () => {
  const everything = JSON.stringify([errors, sessionReasons, texts, sendFailures]).toLowerCase()
  expect(everything).not.toContain('content is required')
  expect(everything).not.toContain('message content')
})

test('the Spanish texts that clients match are those of the contract, word for word', () => {
  const spanish = (code: keyof typeof errors) => factsOfError(code).message.es
  expect(spanish('VALIDATION_ERROR')).toBe('Datos de entrada inválidos')
  expect(spanish('SESSION_NOT_CONNECTED')).toBe('La sesión debe estar conectada')
  expect(spanish('CONNECTION_ERROR')).toBe('Error conectando sesión')
  expect(spanish('QR_GENERATION_ERROR')).toBe('Error obteniendo código QR')
  expect(spanish('MISSING_TOKEN')).toBe('Token de acceso requerido')
  expect(spanish('CONTACT_NOT_FOUND')).toBe('Contacto no encontrado')
  for (const code of ['RATE_LIMIT_EXCEEDED', 'MESSAGE_RATE_LIMIT_EXCEEDED'] as const)
    for (const text of Object.values(factsOfError(code).message))
      expect(text).toMatch(/Demasiadas solicitudes.*rate limit/)
  for (const text of Object.values(factsOfError('SESSION_ALREADY_EXISTS').message))
    expect(text).toContain('Session already exists')
  expect(texts.session_connecting.es).toBe('Sesión iniciada, generando QR o reconectando...')
  expect(texts.session_created.es).toBe('Sesión creada correctamente')
  expect(texts.session_disconnected.es).toBe('Sesión desconectada correctamente')
  expect(texts.session_restarted.es).toBe('Sesión reiniciada correctamente')
  expect(texts.message_sent.es).toBe('Mensaje enviado correctamente')
  expect(texts.messages_read.es).toBe('Mensajes marcados como leídos')
  expect(texts.frappe_on.es).toBe('Integración con Frappe activada para la sesión')
  expect(texts.session_synchronised.es).toBe('Sincronización forzada completada exitosamente')
  expect(texts.conversations_repaired.es).toBe('Reparación completada: {n} conversaciones creadas')
  expect(texts.healthy.es).toBe('API funcionando correctamente')
})

test('a HubError speaks every language and fills in its values', () => {
  const error = new HubError('RATE_LIMIT_EXCEEDED', {}, { values: { seconds: 12 }, retryAfterMs: 12_000 })
  expect(error.status).toBe(429)
  expect(error.messageIn('es')).toBe('Demasiadas solicitudes. Intente de nuevo en 12 segundos (rate limit).')
  expect(error.messageIn('pt')).toContain('12 segundos')
  expect(error.message).toBe(error.messageIn('en'))
  expect(new HubError('NOT_FOUND', {}, { cause: 'x' }).cause).toBe('x')
})

test('every session reason has something to say', () => {
  for (const reason of sessionReasonNames())
    expect(describeReason(reason, 'en')).toEqual({
      code: reason,
      message: expect.any(String),
      remedy: expect.any(String),
    })
})

test('the seven statuses, and every state has one', () => {
  expect([...sessionStatuses].sort()).toEqual([
    'connected',
    'connecting',
    'disconnected',
    'error',
    'pending',
    'qr_code',
    'rate_limited',
  ])
  expect(new Set(sessionStateNames().map((state) => statusOfState[state]))).toEqual(new Set(sessionStatuses))
  expect(sessionStateNames().filter((state) => statusOfState[state] === 'connected')).toEqual(['online'])
})

test.each([
  ['CONNECTED', 'connected'],
  ['qr', 'qr_code'],
  ['QR Code Required', 'qr_code'],
  ['timeout', 'disconnected'],
  ['not_connected', undefined],
  ['constructor', undefined],
  ['', undefined],
])('the status filter %j means %s', (text, status) => {
  expect(parseSessionStatus(text)).toBe(status)
})

test.each([
  [undefined, 'es'],
  ['', 'es'],
  ['en', 'en'],
  ['pt-BR,pt;q=0.9,en;q=0.8', 'pt'],
  ['de;q=1.0, en;q=0.5, es;q=0.4', 'en'],
  ['en;q=0, es', 'es'],
  ['*', 'es'],
  ['english', 'es'],
])('Accept-Language %j is answered in %s', (header, language) => {
  expect(languageFor(header)).toBe(language)
})

test('every event has an example that matches its schema', () => {
  for (const type of eventTypes)
    expect(eventData[type].parse(eventExamples[type])).toEqual(eventExamples[type])
})

test('every message status has a number for its ticks', () => {
  for (const status of messageStatuses) expect(ackOfStatus[status]).toBeGreaterThanOrEqual(-1)
})

const parse = (endpoint: Endpoint, part: 'params' | 'query' | 'headers' | 'body', value: unknown) => {
  const result = endpoint[part].safeParse(value, { reportInput: true })
  return result.success ? result.data : { invalid: detailsOfIssues(result.error.issues, 'en', part) }
}

test('strings are taken for what they mean, and unknown fields are ignored', () => {
  expect(
    parse(endpoints.createSession, 'body', {
      sessionId: 'support',
      sessionName: 7,
      phoneNumber: '+1 202 555 0123',
      fromFrappe: 'true',
      autoConnect: '0',
      webhookUrl: '',
      webhookSecret: null,
      webhookEvents: 'message, session_status',
      autoReconnect: true,
      description: 'x',
    }),
  ).toEqual({
    sessionId: 'support',
    sessionName: '7',
    phoneNumber: '12025550123',
    fromFrappe: true,
    autoConnect: false,
    webhookUrl: undefined,
    webhookSecret: undefined,
    webhookEvents: ['message', 'session_status'],
  })
  expect(parse(endpoints.createSession, 'body', { sessionId: 'abc', phoneNumber: '' })).toMatchObject({
    sessionId: 'abc',
  })
  expect(
    parse(endpoints.createSession, 'body', { sessionId: 'abc', webhookEvents: '["message"]' }),
  ).toMatchObject({ webhookEvents: ['message'] })
})

test.each(['unread', 'Stats', 'frappe', 'chats', '777', '1234567890'])(
  '%s cannot be the name of a session',
  (sessionId) => {
    expect(parse(endpoints.createSession, 'body', { sessionId })).toEqual({
      invalid: { sessionId: issueText('reserved_session_id', 'en') },
    })
  },
)

test.each(['12025550123', 'a-b_C', 'x'.repeat(100)])('%s can be', (sessionId) => {
  expect(parse(endpoints.createSession, 'body', { sessionId })).toMatchObject({ sessionId })
})

test('pages: defaults, text, and limits that are honoured up to 1000', () => {
  expect(parse(endpoints.listSessions, 'query', {})).toEqual({ page: 1, limit: 100 })
  expect(parse(endpoints.listMessages, 'query', { limit: '200', page: '2' })).toMatchObject({
    page: 2,
    limit: 200,
  })
  expect(parse(endpoints.listChats, 'query', { limit: '99999' })).toMatchObject({ limit: 1000 })
  expect(parse(endpoints.listSessions, 'query', { status: 'CONNECTED' })).toMatchObject({
    status: 'connected',
  })
  expect(parse(endpoints.listSessions, 'query', { page: '0', limit: 'many', status: 'lost' })).toEqual({
    invalid: {
      page: 'It must be at least 1',
      limit: 'It must be a number',
      status: issueText('not_a_status', 'en'),
    },
  })
})

test.each([
  ['2026-01-31', Date.UTC(2026, 0, 31), Date.UTC(2026, 0, 31, 23, 59, 59, 999)],
  ['2026-01-31T10:00:00Z', Date.UTC(2026, 0, 31, 10), Date.UTC(2026, 0, 31, 10)],
  ['2026-01-31 10:00:00', Date.UTC(2026, 0, 31, 10), Date.UTC(2026, 0, 31, 10)],
  ['2026-01-31T10:00:00-05:00', Date.UTC(2026, 0, 31, 15), Date.UTC(2026, 0, 31, 15)],
  ['1769853600', 1769853600000, 1769853600000],
  ['1769853600000', 1769853600000, 1769853600000],
])('the date %s', (date, start, end) => {
  expect(parse(endpoints.listMessages, 'query', { startDate: date, endDate: date })).toMatchObject({
    startDate: start,
    endDate: end,
  })
})

test('a period that ends before it starts is refused by name', () => {
  expect(parse(endpoints.messageStats, 'query', { startDate: '2026-02-01', endDate: '2026-01-01' })).toEqual({
    invalid: { endDate: issueText('end_before_start', 'en') },
  })
  expect(parse(endpoints.messageStats, 'query', { startDate: 'yesterday' })).toEqual({
    invalid: { startDate: issueText('not_a_date', 'en') },
  })
})

test('a send is to one chat or several, and says text in any of the usual ways', () => {
  const body = (value: object) => parse(endpoints.sendMessage, 'body', value)
  expect(body({ to: 12025550123, message: 'hi', type: 'text' })).toMatchObject({
    to: { many: false, recipients: [{ input: '12025550123', jid: '12025550123@s.whatsapp.net' }] },
    message: { kind: 'text', text: 'hi' },
  })
  expect(body({ to: ['12025550123@c.us', 'nobody'], message: { text: 'hi' } })).toMatchObject({
    to: {
      many: true,
      recipients: [{ jid: '12025550123@s.whatsapp.net' }, { input: 'nobody', jid: undefined }],
    },
    message: { kind: 'text', text: 'hi' },
  })
  expect(body({ to: 'nobody', message: { hologram: { url: 'x' } } })).toEqual({
    invalid: { to: issueText('not_a_chat', 'en'), message: issueText('unknown_kind', 'en') },
  })
  expect(body({})).toEqual({ invalid: { message: 'It must be given' } })
  expect(body({ message: 'hi' })).toEqual({ invalid: { to: 'It must be given' } })
  expect(body({ message: { messageId: 'A', emoji: '👍' } })).toMatchObject({
    message: { kind: 'reaction', messageId: 'A', emoji: '👍' },
  })
  expect(body({ to: [], message: '' })).toEqual({
    invalid: { to: 'It must have at least 1 items', message: 'It must have at least 1 characters' },
  })
  expect(body({ to: '12025550123', message: 'x'.repeat(4097) })).toEqual({
    invalid: { message: 'It must have at most 4096 characters' },
  })
})

test('how long to wait for a QR code is clamped to what a client endures', () => {
  expect(parse(endpoints.getQr, 'query', { wait: '60000', format: 'PNG' })).toMatchObject({
    wait: 25_000,
    format: 'png',
  })
  expect(parse(endpoints.getQr, 'query', {})).not.toHaveProperty('wait')
  expect(parse(endpoints.getQr, 'query', { wait: '-1' })).toEqual({
    invalid: { wait: 'It must be at least 0' },
  })
})

test('a webhook can be changed in part, and taken away', () => {
  expect(parse(endpoints.setWebhook, 'body', { webhookUrl: '' })).toEqual({ webhookUrl: null })
  expect(parse(endpoints.setWebhook, 'body', { webhookSecret: 'sixteen-letters!' })).toEqual({
    webhookSecret: 'sixteen-letters!',
  })
  expect(parse(endpoints.setWebhook, 'body', { webhookEvents: [] })).toHaveProperty('invalid.webhookEvents')
  expect(parse(endpoints.setWebhook, 'body', { webhookUrl: 'https://u:p@x.example' })).toHaveProperty(
    'invalid.webhookUrl',
  )
})

test('whatever arrives, parsing answers with data or with a sentence per field', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...every.map(([, endpoint]) => endpoint)),
      fc.anything({ withNullPrototype: true }),
      (endpoint, value) => {
        for (const part of ['params', 'query', 'headers', 'body'] as const) {
          const result = endpoint[part].safeParse(value, { reportInput: true })
          const sentences = result.success
            ? []
            : Object.values(detailsOfIssues(result.error.issues, 'es', part))
          expect(result.success || sentences.length > 0).toBe(true)
          for (const sentence of sentences) expect(sentence).toMatch(/^\S.*\S$/)
        }
      },
    ),
    { numRuns: 500 },
  )
})
