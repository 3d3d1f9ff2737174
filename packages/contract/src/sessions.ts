import { z } from 'zod'

import { isoSchema, paginationSchema } from './answers.ts'
import { contactSchema } from './contacts.ts'
import { endpoint } from './endpoint.ts'
import {
  bool,
  int,
  issue,
  limit,
  list,
  maybe,
  numberAsText,
  page,
  phone,
  proxyUrl,
  sessionRef,
  text,
  webUrl,
} from './fields.ts'
import { sessionReasonNames } from './session-reasons.ts'
import { parseSessionStatus, sessionStateNames, sessionStatuses } from './session-status.ts'

/** The seven words, lower case. */
export const sessionStatusSchema = z.enum(sessionStatuses).meta({ id: 'SessionStatus' })

const sessionState = z.enum(sessionStateNames()).meta({
  id: 'SessionState',
  description: 'Where the session really stands; `status` is its word among the seven that clients know.',
})

const reasonCode = z.enum(sessionReasonNames()).meta({ id: 'SessionReasonCode' })

/** Why a session is not simply connected. */
export const sessionReasonSchema = z
  .object({
    code: reasonCode,
    message: z.string().meta({ description: "What happened, in the reader's language." }),
    remedy: z.string().meta({ description: 'What to do about it.' }),
    retryAt: isoSchema.optional().meta({ description: 'When the server tries again by itself.' }),
  })
  .meta({ id: 'SessionReason' })

/** The last thing that went wrong. It stays after the session recovered. */
const lastErrorSchema = z
  .object({ code: reasonCode, message: z.string(), remedy: z.string(), at: isoSchema })
  .meta({ id: 'SessionLastError' })

const historyMode = z.enum(['none', 'recent', 'full']).meta({
  id: 'HistoryMode',
  description:
    '`recent`: what the phone sends by itself, some months. `full`: all it has, asked for when the session is linked. `none`: names and addresses only.',
})

/** How far the history has come that the phone sends after linking. */
const sessionSync = z
  .object({
    state: z.enum(['none', 'syncing', 'waiting', 'done', 'failed']).meta({
      description: "`none`: the phone has sent nothing yet. `waiting`: for the phone's next part.",
    }),
    percent: z.int().meta({ description: 'Of everything that the phone sends, 0 to 100.' }),
    messages: z.int().meta({ description: 'Stored from the history, that were not there before.' }),
    chats: z.int(),
    contacts: z.int(),
    startedAt: isoSchema.nullable(),
    updatedAt: isoSchema.nullable(),
    finishedAt: isoSchema.nullable(),
    error: z.string().nullable().meta({ description: 'Why a part could not be read.' }),
  })
  .meta({ id: 'SessionSync' })

/** A session as every answer shows it. */
export const sessionSchema = z
  .object({
    id: z.int().meta({ description: 'Never reused for another session.', example: 7 }),
    sessionId: z.string().meta({ example: 'support' }),
    sessionName: z.string().meta({ example: 'Support' }),
    name: z.string().meta({ description: 'The same as `sessionName`.' }),
    status: sessionStatusSchema,
    state: sessionState,
    reason: sessionReasonSchema.nullable(),
    lastError: lastErrorSchema.nullable(),
    phoneNumber: z.string().nullable().meta({ description: 'Digits, once linked.', example: '12025550123' }),
    phoneNumberId: z.string().nullable().meta({ example: '12025550123:4@s.whatsapp.net' }),
    isConnected: z.boolean().meta({ description: 'True only while the connection is open.' }),
    hasQR: z.boolean(),
    lastActivity: isoSchema.meta({ description: 'Never null.' }),
    sendToFrappe: z.boolean(),
    webhookUrl: z.string().nullable(),
    webhookEvents: z.array(z.string()),
    webhookPreset: z.enum(['legacy', 'standard']),
    proxy: z.string().nullable().meta({ description: 'Without user and password.' }),
    qrCode: z.string().nullable().meta({ description: 'Data URL of a PNG while one waits for a scan.' }),
    qrCodeGeneratedAt: isoSchema.nullable(),
    qrCodeExpiresAt: isoSchema.nullable(),
    sync: sessionSync,
    history: historyMode,
    historyDays: z.int().nullable().meta({ description: 'Older messages of the history are left out.' }),
    userId: z.int(),
    organizationId: z.int().nullable(),
    createdAt: isoSchema,
    updatedAt: isoSchema,
  })
  .meta({ id: 'Session' })
export type SessionWire = z.input<typeof sessionSchema>

const profile = z.object({
  name: z.string().nullable(),
  about: z.string().nullable(),
  profilePictureUrl: z.string().nullable(),
  isBusiness: z.boolean(),
})

/** Flat and nested at once: one client reads only `data.session`, others only `data`. */
const sessionTwice = sessionSchema.extend({ session: sessionSchema })
const sessionTwiceWithProfile = sessionSchema.extend({ profile, session: sessionSchema.extend({ profile }) })

const params = z.object({ ref: sessionRef })
const tag = 'Sessions'

/** Words that routes use in the place of a session's name. */
const reserved = new Set(['unread', 'stats', 'frappe', 'chats'])

const newSessionId = z
  .preprocess(
    numberAsText,
    z
      .string()
      .trim()
      .refine((value) => /^[\w-]{3,100}$/.test(value), { ...issue('not_a_session_id'), abort: true }),
  )
  .refine(
    (value) => !reserved.has(value.toLowerCase()) && !/^\d{1,10}$/.test(value),
    issue('reserved_session_id'),
  )
  .meta({
    description:
      'The name you choose, unique among your sessions: 3 to 100 of `A-Z a-z 0-9 _ -`. Not `unread`, `stats`, `frappe`, `chats`, nor up to 10 digits only.',
    example: 'support',
  })

const webhookSecret = text(16, 255)
const webhookEvents = list(z.string().trim().min(1).max(100), 100)
const webhookPreset = z.enum(['legacy', 'standard'])

const createSession = endpoint({
  id: 'createSession',
  method: 'POST',
  path: '/api/sessions',
  tag,
  bucket: 'whatsapp',
  summary: 'Create a session and start connecting it',
  description:
    'Answers at once with `status: "pending"`; the connection starts in the background and cannot fail this call. A deleted session with the same `sessionId` comes back with its old number and link.',
  headers: z.object({ 'x-frappe-origin': maybe(bool()) }),
  body: z.object({
    sessionId: newSessionId,
    sessionName: maybe(text(1, 255)),
    name: maybe(text(1, 255)),
    phoneNumber: maybe(phone),
    webhookUrl: maybe(webUrl),
    webhookSecret: maybe(webhookSecret),
    webhookEvents: maybe(webhookEvents),
    webhookPreset: maybe(webhookPreset),
    fromFrappe: maybe(bool()),
    autoConnect: maybe(bool()).meta({ description: 'true when not given.' }),
    proxy: maybe(proxyUrl),
    history: maybe(historyMode).meta({ description: '`recent` when not given.' }),
    historyDays: maybe(int(1, 36_500)).meta({ description: 'Leave older messages of the history out.' }),
  }),
  status: 201,
  data: sessionTwice,
  errors: ['SESSION_ALREADY_EXISTS'],
  errorData: { SESSION_ALREADY_EXISTS: z.object({ session: sessionSchema }) },
})

const listSessions = endpoint({
  id: 'listSessions',
  method: 'GET',
  path: '/api/sessions',
  tag,
  summary: 'List your sessions, newest first',
  query: z.object({
    page,
    limit: limit(100),
    status: maybe(
      z
        .string()
        .max(40)
        .transform((value, context) => {
          const status = parseSessionStatus(value)
          if (status !== undefined) return status
          context.addIssue({ code: 'custom', input: value, ...issue('not_a_status') })
          return z.NEVER
        })
        .meta({ description: 'One of the seven statuses, in any case.', example: 'connected' }),
    ),
  }),
  data: z.object({ sessions: z.array(sessionSchema), pagination: paginationSchema, total: z.int() }),
})

const sessionStats = endpoint({
  id: 'sessionStats',
  method: 'GET',
  path: '/api/sessions/stats',
  tag,
  summary: 'Count your sessions by status',
  data: z.object({
    stats: z.object({
      total: z.int(),
      pending: z.int(),
      connecting: z.int(),
      qr_code: z.int(),
      connected: z.int(),
      disconnected: z.int(),
      error: z.int(),
      rate_limited: z.int(),
    }),
  }),
})

const listFrappeSessions = endpoint({
  id: 'listFrappeSessions',
  method: 'GET',
  path: '/api/sessions/frappe/sessions',
  tag,
  summary: 'List the sessions that send to Frappe',
  query: z.object({ page, limit: limit(100) }),
  data: z.object({ sessions: z.array(sessionSchema), pagination: paginationSchema, total: z.int() }),
})

const getSession = endpoint({
  id: 'getSession',
  method: 'GET',
  path: '/api/sessions/:ref',
  tag,
  summary: 'Read a session',
  params,
  data: sessionTwiceWithProfile,
  errors: ['SESSION_NOT_FOUND'],
})

const getSessionStatus = endpoint({
  id: 'getSessionStatus',
  method: 'GET',
  path: '/api/sessions/:ref/status',
  tag,
  bucket: 'none',
  summary: 'Read where a session stands',
  params,
  data: sessionSchema,
  errors: ['SESSION_NOT_FOUND'],
})

/** How long to wait for a QR code, ms. */
const wait = maybe(int(0, Number.MAX_SAFE_INTEGER)).transform((value) =>
  value === undefined ? undefined : Math.min(value, 25_000),
)

const getQr = endpoint({
  id: 'getQr',
  method: 'GET',
  path: '/api/sessions/:ref/qr',
  tag,
  bucket: 'none',
  summary: 'Read the QR code that links a phone, waiting for it if need be',
  description:
    'Starts the connection of a session that was never connected. `format` (or `Accept`) chooses the drawing. The code is a password: show it to nobody else.',
  params,
  query: z.object({
    wait: wait.meta({ description: 'How long to wait for a code, ms: 0 to 25000, 8000 when not given.' }),
    waitMs: wait.meta({ description: 'The same as `wait`.' }),
    format: maybe(
      z.preprocess(
        (value) => (typeof value === 'string' ? value.toLowerCase() : value),
        z.enum(['json', 'png', 'svg', 'raw', 'terminal']),
      ),
    ),
  }),
  headers: z.object({ accept: maybe(z.string().max(1000)) }),
  data: z.object({
    id: z.int(),
    sessionId: z.string(),
    status: z.literal('qr_code'),
    qrCode: z.string().meta({ description: 'Data URL of a PNG, at least 200 pixels wide.' }),
    qrCodeBase64: z.string().meta({ description: 'The PNG alone, base64.' }),
    qr: z.string().meta({ description: 'The text inside the code.' }),
    index: z.int().meta({ description: 'Which of the codes of this round, from 1.' }),
    of: z.int().meta({ description: 'How many codes the round has.' }),
    generatedAt: isoSchema,
    expiresAt: isoSchema,
  }),
  alternatives: [
    { type: 'image/png', description: '`format=png`: the code as a picture' },
    { type: 'image/svg+xml', description: '`format=svg`: the code as a drawing' },
    {
      type: 'text/plain',
      description: '`format=raw`: the text inside the code. `format=terminal`: the code in block characters',
    },
  ],
  errors: ['SESSION_NOT_FOUND', 'QR_NOT_READY', 'SESSION_ALREADY_CONNECTED', 'QR_GENERATION_ERROR'],
  errorData: {
    QR_NOT_READY: z.object({
      status: sessionStatusSchema,
      state: sessionState,
      hasQR: z.literal(false),
      retryAfter: z.int().meta({ description: 'Seconds.' }),
      reason: sessionReasonSchema.nullable(),
    }),
    SESSION_ALREADY_CONNECTED: z.object({ status: sessionStatusSchema, phoneNumber: z.string().nullable() }),
  },
})

const getQrStatus = endpoint({
  id: 'getQrStatus',
  method: 'GET',
  path: '/api/sessions/:ref/qr/status',
  tag,
  bucket: 'none',
  summary: 'Ask whether a QR code is there, without waiting',
  params,
  data: z.object({
    id: z.int(),
    sessionId: z.string(),
    hasQR: z.boolean(),
    status: sessionStatusSchema,
    state: sessionState,
    isConnected: z.boolean(),
    expiresAt: isoSchema.nullable(),
    reason: sessionReasonSchema.nullable(),
    lastError: lastErrorSchema.nullable(),
  }),
  errors: ['SESSION_NOT_FOUND'],
})

const lifecycle = z.object({
  id: z.int(),
  sessionId: z.string(),
  status: sessionStatusSchema,
  state: sessionState,
  isConnected: z.boolean(),
  hasQR: z.boolean(),
})

const connectSession = endpoint({
  id: 'connectSession',
  method: 'POST',
  path: '/api/sessions/:ref/connect',
  tag,
  bucket: 'whatsapp',
  summary: 'Wish a session connected',
  description:
    'Records the wish and answers at once; WhatsApp is never waited for. Any number of calls make one connection. What goes wrong later is the `reason` of the session, never an error of this call.',
  params,
  body: z.object({ force: maybe(bool()) }),
  data: lifecycle,
  errors: ['SESSION_NOT_FOUND', 'CONNECTION_ERROR'],
})

const restartSession = endpoint({
  id: 'restartSession',
  method: 'POST',
  path: '/api/sessions/:ref/restart',
  tag,
  bucket: 'whatsapp',
  summary: 'Connect a session anew, keeping its link',
  params,
  data: lifecycle,
  errors: ['SESSION_NOT_FOUND'],
})

const disconnectSession = endpoint({
  id: 'disconnectSession',
  method: 'POST',
  path: '/api/sessions/:ref/disconnect',
  tag,
  bucket: 'whatsapp',
  summary: 'Wish a session disconnected, keeping its link',
  params,
  body: z.object({
    logout: maybe(bool()).meta({
      description: 'Also unlink the device from the phone; linking again needs a new scan.',
    }),
  }),
  data: z.object({ id: z.int(), sessionId: z.string(), status: z.literal('disconnected') }),
  errors: ['SESSION_NOT_FOUND'],
})

const deleteSession = endpoint({
  id: 'deleteSession',
  method: 'DELETE',
  path: '/api/sessions/:ref',
  tag,
  bucket: 'whatsapp',
  summary: 'Delete a session; creating or connecting it again recovers it',
  params,
  data: z.object({ id: z.int(), sessionId: z.string(), deleted: z.literal(true) }),
  errors: ['SESSION_NOT_FOUND'],
})

const requestPairingCode = endpoint({
  id: 'requestPairingCode',
  method: 'POST',
  path: '/api/sessions/:ref/pairing-code',
  tag,
  bucket: 'whatsapp',
  summary: 'Link with a code typed on the phone instead of a scan',
  params,
  body: z.object({ phoneNumber: phone }),
  data: z.object({
    id: z.int(),
    sessionId: z.string(),
    status: sessionStatusSchema,
    code: z.string().meta({ example: 'ABCD1234' }),
    formattedCode: z.string().meta({ example: 'ABCD-1234' }),
    phoneNumber: z.string(),
    expiresAt: isoSchema,
  }),
  errors: [
    'SESSION_NOT_FOUND',
    'SESSION_ALREADY_CONNECTED',
    'SESSION_NOT_CONNECTED',
    'PAIRING_CODE_REFUSED',
    'QR_NOT_READY',
  ],
})

const listSessionContacts = endpoint({
  id: 'listSessionContacts',
  method: 'GET',
  path: '/api/sessions/:ref/contacts',
  tag,
  summary: 'List the contacts of a session, from the store',
  params,
  query: z.object({ page, limit: limit(50) }),
  data: z.object({
    contacts: z.array(contactSchema),
    pagination: paginationSchema,
    total: z.int(),
    source: z.enum(['whatsapp', 'database']),
  }),
  errors: ['SESSION_NOT_FOUND'],
})

const syncSession = endpoint({
  id: 'syncSession',
  method: 'POST',
  path: '/api/sessions/:ref/sync',
  tag,
  summary: 'Fetch contacts, settings of chats and labels from WhatsApp again',
  description:
    'They are kept up to date by themselves; this reads all of them afresh, as if nothing were known, and answers when they are stored. Messages are no part of it: those come with the history, or one chat at a time.',
  params,
  data: z.object({
    sessionId: z.string(),
    contactsSynced: z.int().meta({ description: 'Contacts that the hub has now.' }),
    chatsSynced: z.int().meta({ description: 'Chats that the hub has now.' }),
    contactsReceived: z.int().meta({ description: 'People that WhatsApp told of just now.' }),
    chatsReceived: z.int().meta({ description: 'Chats whose settings WhatsApp told of just now.' }),
    timestamp: isoSchema,
  }),
  errors: ['SESSION_NOT_FOUND', 'SESSION_NOT_CONNECTED', 'WHATSAPP_ERROR'],
})

const setHistory = endpoint({
  id: 'setHistory',
  method: 'PUT',
  path: '/api/sessions/:ref/history',
  tag,
  summary: "Choose what is taken of the phone's history",
  description:
    'Counts for parts that are read from now on. `full` is asked of the phone when it links the session: link it again to have it.',
  params,
  body: z.object({
    history: maybe(historyMode),
    historyDays: z
      .preprocess((value) => (value === '' ? null : value), int(1, 36_500).nullable())
      .optional()
      .meta({ description: 'Leave older messages out; null leaves none out.' }),
  }),
  data: z.object({
    id: z.int(),
    sessionId: z.string(),
    history: historyMode,
    historyDays: z.int().nullable(),
    sync: sessionSync,
  }),
  errors: ['SESSION_NOT_FOUND'],
})

const repairConversations = endpoint({
  id: 'repairConversations',
  method: 'POST',
  path: '/api/sessions/:ref/repair-conversations',
  tag,
  summary: 'Make the chats that messages exist for and that are missing',
  params,
  data: z.object({
    sessionId: z.string(),
    repairedConversations: z.array(z.object({ chatId: z.string(), messages: z.int() })),
    totalRepaired: z.int(),
    timestamp: isoSchema,
  }),
  errors: ['SESSION_NOT_FOUND'],
})

const setWebhook = endpoint({
  id: 'setWebhook',
  method: 'PUT',
  path: '/api/sessions/:ref/webhook',
  tag,
  summary: 'Change where and how the events of a session are delivered',
  params,
  body: z.object({
    webhookUrl: z
      .preprocess((value) => (value === '' ? null : value), webUrl.nullable())
      .optional()
      .meta({ description: 'null or "" removes it.' }),
    webhookSecret: maybe(webhookSecret),
    webhookEvents: maybe(webhookEvents.refine((events) => events.length > 0)),
    webhookPreset: maybe(webhookPreset),
  }),
  data: z.object({
    id: z.int(),
    sessionId: z.string(),
    webhookUrl: z.string().nullable(),
    webhookEvents: z.array(z.string()),
    webhookPreset,
  }),
  errors: ['SESSION_NOT_FOUND'],
})

const setProxy = endpoint({
  id: 'setProxy',
  method: 'PUT',
  path: '/api/sessions/:ref/proxy',
  tag,
  summary: 'Change the proxy of a session; it reconnects through it',
  params,
  body: z.object({
    proxy: z
      .preprocess((value) => (value === '' ? null : value), proxyUrl.nullable())
      .meta({ description: 'http://, https:// or socks5:// URL; null or "" removes it.' }),
  }),
  data: z.object({
    id: z.int(),
    sessionId: z.string(),
    proxy: z.string().nullable(),
    status: sessionStatusSchema,
  }),
  errors: ['SESSION_NOT_FOUND'],
})

const configureFrappe = endpoint({
  id: 'configureFrappe',
  method: 'POST',
  path: '/api/sessions/:ref/frappe/configure',
  tag,
  summary: 'Switch the Frappe integration of a session',
  params,
  body: z.object({ sendToFrappe: bool() }),
  data: z.object({ sessionId: z.string(), sendToFrappe: z.boolean() }),
  errors: ['SESSION_NOT_FOUND'],
})

const getFrappeStatus = endpoint({
  id: 'getFrappeStatus',
  method: 'GET',
  path: '/api/sessions/:ref/frappe/status',
  tag,
  summary: 'Read the Frappe integration of a session',
  params,
  data: z.object({
    sessionId: z.string(),
    sendToFrappe: z.boolean(),
    status: sessionStatusSchema,
    sessionName: z.string(),
  }),
  errors: ['SESSION_NOT_FOUND'],
})

/** Facts of a step, safe to show. */
const detail = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()]))

const getDiagnostics = endpoint({
  id: 'getDiagnostics',
  method: 'GET',
  path: '/api/sessions/:ref/diagnostics',
  tag,
  bucket: 'general',
  summary: 'Find out why a session does not connect',
  description:
    'The last dials step by step, what they show, and live probes of the way to WhatsApp (DNS, TCP, TLS, clock, WebSocket, proxy). `probes=false` leaves the probes out.',
  params,
  query: z.object({ probes: maybe(bool()).transform((value) => value ?? true) }),
  data: z.object({
    id: z.int(),
    sessionId: z.string(),
    status: sessionStatusSchema,
    state: sessionState,
    since: isoSchema.meta({ description: 'When the session entered its state.' }),
    deadline: isoSchema.nullable().meta({ description: 'When it leaves it by itself at the latest.' }),
    wish: z.enum(['run', 'stop']),
    generation: z.int().meta({ description: 'How many connections the session has made in this process.' }),
    reason: sessionReasonSchema.nullable(),
    lastError: lastErrorSchema.nullable(),
    findings: z
      .array(sessionReasonSchema)
      .meta({ description: 'What the dials and probes show, most likely first.' }),
    dials: z
      .array(
        z.object({
          generation: z.int(),
          startedAt: isoSchema,
          endedAt: isoSchema.nullable(),
          outcome: z.string().meta({ example: 'online' }),
          steps: z.array(z.object({ at: isoSchema, afterMs: z.int(), step: z.string(), detail })),
        }),
      )
      .meta({ description: 'The last 10, newest first.' }),
    probes: z.array(
      z.object({
        name: z.string().meta({ example: 'dns' }),
        ok: z.boolean(),
        ms: z.int(),
        detail,
        remedy: z.string().nullable(),
      }),
    ),
    versions: z.object({
      hub: z.string(),
      node: z.string(),
      baileys: z.string(),
      whatsappWeb: z.string().nullable(),
    }),
  }),
  errors: ['SESSION_NOT_FOUND'],
})

const getTimeline = endpoint({
  id: 'getTimeline',
  method: 'GET',
  path: '/api/sessions/:ref/timeline',
  tag,
  summary: 'Read what happened to a session, newest first',
  params,
  query: z.object({ page, limit: limit(100) }),
  data: z.object({
    id: z.int(),
    sessionId: z.string(),
    timeline: z.array(
      z.object({
        seq: z.int(),
        at: isoSchema,
        generation: z.int(),
        kind: z.string().meta({ example: 'state' }),
        detail: z.record(z.string(), z.unknown()),
      }),
    ),
    pagination: paginationSchema,
    total: z.int(),
  }),
  errors: ['SESSION_NOT_FOUND'],
})

export const sessionEndpoints = {
  createSession,
  listSessions,
  sessionStats,
  listFrappeSessions,
  getSession,
  getSessionStatus,
  getQr,
  getQrStatus,
  connectSession,
  restartSession,
  disconnectSession,
  deleteSession,
  requestPairingCode,
  listSessionContacts,
  syncSession,
  setHistory,
  repairConversations,
  setWebhook,
  setProxy,
  configureFrappe,
  getFrappeStatus,
  getDiagnostics,
  getTimeline,
}
