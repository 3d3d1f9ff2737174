import { z } from 'zod'

import { isoSchema, paginationSchema } from './answers.ts'
import { endpoint } from './endpoint.ts'
import { bool, int, issue, limit, list, maybe, moment, page, sessionRef, text, webUrl } from './fields.ts'
import { isWebhookEventName } from './webhook-events.ts'
import { isHeaderName, isHeaderValue, isReservedHeader } from './webhook-headers.ts'

const tag = 'Webhooks'

/** The kinds of chats an endpoint may be limited to. */
export const chatKinds = ['direct', 'group', 'status', 'newsletter'] as const
export type ChatKind = (typeof chatKinds)[number]

const presetNames = ['legacy', 'standard', 'cloudevents', 'cloud-api'] as const

const preset = z
  .enum(presetNames)
  .transform((value, context) => {
    if (value !== 'cloud-api') return value
    context.addIssue({ code: 'custom', input: value, ...issue('preset_reserved') })
    return z.NEVER
  })
  .meta({
    description:
      'How events are told: `legacy`, `standard` (Standard Webhooks 1.0) or `cloudevents`. `cloud-api` is reserved.',
  })

const responseCheck = z.enum(['status', 'frappe']).meta({
  description: '`status`: HTTP 2xx is success. `frappe`: and the body must not refuse.',
})

const events = list(
  z
    .string()
    .trim()
    .min(1)
    .max(100)
    .transform((name, context) => {
      if (isWebhookEventName(name)) return name
      context.addIssue({
        code: 'custom',
        input: name,
        ...issue('unknown_event', { name: name.slice(0, 60) }),
      })
      return z.NEVER
    }),
  100,
).meta({
  description:
    'Names of events, or aliases (`message`, `message_status`, `session_status`, `*`, …); none: the usual ones of the preset.',
  example: ['message.received'],
})

/** Headers as a client gives them: names and texts. */
const headers = z
  .preprocess(
    jsonObject,
    z.record(
      z.string().max(200),
      z.preprocess((value) => (typeof value === 'number' ? String(value) : value), z.string().max(4096)),
    ),
  )
  .transform((given, context) => {
    const names = Object.keys(given)
    const refuse = (name: string, key: 'reserved_header' | 'not_a_header') =>
      context.addIssue({
        code: 'custom',
        input: name,
        path: [name],
        ...issue(key, { name: name.slice(0, 60) }),
      })
    if (names.length > 20) context.addIssue({ code: 'too_big', origin: 'array', maximum: 20, input: given })
    for (const name of names) {
      if (isReservedHeader(name)) refuse(name, 'reserved_header')
      else if (!isHeaderName(name) || !isHeaderValue(given[name] ?? '')) refuse(name, 'not_a_header')
    }
    return given
  })
  .meta({
    description:
      'Sent with every call, at most 20. Those of the connection, of the body and of the signature are ours.',
    example: { Authorization: 'Bearer …' },
  })

function jsonObject(value: unknown): unknown {
  if (typeof value !== 'string') return value
  try {
    const parsed: unknown = JSON.parse(value)
    return parsed
  } catch {
    return value
  }
}

const secret = text(16, 255)
  .refine((value) => !value.startsWith('whsec_') || isBase64Key(value.slice(6)), issue('not_a_secret'))
  .meta({ description: '16 to 255 characters; `whsec_` is followed by base64. Left out: one is made.' })

function isBase64Key(value: string): boolean {
  return /^[A-Za-z0-9+/]{16,}={0,2}$/.test(value)
}

const retryConfig = z
  .preprocess(
    jsonObject,
    z.object({
      attempts: int(1, 20),
      delay: maybe(int(100, 3_600_000)).transform((value) => value ?? 1000),
    }),
  )
  .meta({
    description:
      'In the place of the usual schedule: so many tries in all, `delay` ms before the second, twice as long before each next. null: the usual schedule.',
  })

const settings = {
  name: text(1, 100),
  url: webUrl,
  events: maybe(events),
  sessions: maybe(
    list(
      z.preprocess((value) => (typeof value === 'number' ? String(value) : value), sessionRef),
      1000,
    ),
  ).meta({
    description: 'Only events of these sessions; left out or empty: of all.',
  }),
  chats: maybe(list(z.enum(chatKinds), 4)).meta({
    description: 'Only events of such chats, and those of no chat; left out or empty: of all.',
  }),
  headers: maybe(headers),
  preset: maybe(preset),
  ordered: maybe(bool()).meta({
    description:
      'Whether an event waits for the success, or the end, of the one before it of the same session. `legacy`: true when not given, others: false.',
  }),
  timeout: maybe(int(1000, 30_000)).meta({ description: 'ms to answer in; 30000 when not given.' }),
  responseCheck: maybe(responseCheck),
  retryConfig: retryConfig.nullish(),
  secret: maybe(secret),
}

/** An endpoint as every answer shows it. */
export const webhookSchema = z
  .object({
    id: z.string().meta({
      description:
        "`session-7` is the own webhook of session 7, `frappe-7` the server's Frappe for it: read here, set with the session.",
      example: '12',
    }),
    kind: z.enum(['organization', 'session', 'frappe']),
    organizationId: z.int(),
    name: z.string(),
    url: z.string(),
    events: z.array(z.string()),
    sessions: z.array(z.string()).nullable().meta({ description: 'null: all.' }),
    chats: z.array(z.enum(chatKinds)).nullable().meta({ description: 'null: all.' }),
    headers: z
      .record(z.string(), z.string())
      .meta({ description: 'Values are shown as `***`, and may be given back so.' }),
    preset: z.enum(presetNames),
    ordered: z.boolean(),
    timeout: z.int().meta({ description: 'ms.' }),
    responseCheck,
    retryConfig: z.object({ attempts: z.int(), delay: z.int() }).nullable(),
    isActive: z.boolean(),
    isPaused: z.boolean(),
    pausedUntil: isoSchema.nullable(),
    disabledReason: z
      .enum(['asked', 'gone', 'failing'])
      .nullable()
      .meta({ description: '`gone`: it answered 410. `failing`: nothing was taken for five days.' }),
    disabledAt: isoSchema.nullable(),
    oldSecretUntil: isoSchema.nullable().meta({ description: 'While a replaced secret signs too.' }),
    createdAt: isoSchema.nullable(),
    updatedAt: isoSchema.nullable(),
  })
  .meta({ id: 'Webhook' })
export type WebhookWire = z.input<typeof webhookSchema>

const shownSecret = z.string().nullable().meta({
  description: 'The secret that was made, shown this once; null when you gave your own.',
})

const inOrganization = z.object({
  organizationId: z
    .string()
    .min(1)
    .max(20)
    .meta({ description: 'Yours, as `organizationId` of every webhook says.', example: '1' }),
})
const params = z.object({ webhookId: z.string().min(1).max(40).meta({ example: '12' }) })

/** Flat, and once more under `webhook`. */
const webhookTwice = webhookSchema.extend({ webhook: webhookSchema })
const madeTwice = webhookTwice.extend({ secret: shownSecret })

const createErrors = ['WEBHOOK_URL_REFUSED', 'TOO_MANY_WEBHOOKS', 'SESSION_NOT_FOUND'] as const

const webhookConnectivity = endpoint({
  id: 'webhookConnectivity',
  method: 'GET',
  path: '/api/webhooks/test/connectivity',
  tag,
  auth: 'none',
  bucket: 'none',
  summary: 'Whether this server can be reached',
  envelope: 'flat',
  data: z.object({ server: z.string(), version: z.string() }),
})

const testSignature = endpoint({
  id: 'testSignature',
  method: 'POST',
  path: '/api/webhooks/test/signature',
  tag,
  auth: 'none',
  bucket: 'auth',
  summary: 'Check how you sign or verify',
  description:
    'Checks `X-Webhook-Signature` (or `X-Signature`) over the exact bytes of the body with the secret of `FRAPPE_WEBHOOK_SECRET`.',
  input: 'bytes',
  headers: z.object({
    'x-webhook-signature': maybe(z.string().max(500)),
    'x-signature': maybe(z.string().max(500)),
  }),
  data: z.object({
    signatureProvided: z.boolean(),
    signatureValid: z.boolean(),
    algorithm: z.literal('sha256'),
  }),
})

const listWebhooks = endpoint({
  id: 'listWebhooks',
  method: 'GET',
  path: '/api/webhooks/organizations/:organizationId',
  tag,
  summary: 'List the webhooks of an organisation, newest first',
  description: 'Its endpoints, and after them the own webhooks of its sessions.',
  params: inOrganization,
  query: z.object({ page, limit: limit(50), isActive: maybe(bool()), isPaused: maybe(bool()) }),
  data: z.object({ webhooks: z.array(webhookSchema), pagination: paginationSchema, total: z.int() }),
})

const createWebhook = endpoint({
  id: 'createWebhook',
  method: 'POST',
  path: '/api/webhooks/organizations/:organizationId',
  tag,
  summary: 'Add a webhook',
  description: 'At most 200 in an organisation. Told from now on; what happened before can be replayed.',
  params: inOrganization,
  body: z.object(settings),
  status: 201,
  data: madeTwice,
  errors: [...createErrors],
})

const createOwnWebhook = endpoint({
  id: 'createOwnWebhook',
  method: 'POST',
  path: '/api/webhooks',
  tag,
  summary: 'Add a webhook to your organisation',
  body: z.object(settings),
  status: 201,
  data: madeTwice,
  errors: [...createErrors],
})

const webhookStats = endpoint({
  id: 'webhookStats',
  method: 'GET',
  path: '/api/webhooks/organizations/:organizationId/stats',
  tag,
  summary: 'Count what was delivered',
  params: inOrganization,
  data: z.object({
    totalDeliveries: z
      .int()
      .meta({ description: 'Delivered and given up; counted since the endpoints exist.' }),
    successfulDeliveries: z.int(),
    failedDeliveries: z.int(),
    attempts: z.int(),
    averageResponseTime: z.number().nullable().meta({ description: 'ms.' }),
    lastDelivery: isoSchema.nullable(),
  }),
})

const webhookHealth = endpoint({
  id: 'webhookHealth',
  method: 'GET',
  path: '/api/webhooks/organizations/:organizationId/health',
  tag,
  summary: 'How each webhook is doing',
  params: inOrganization,
  data: z.object({
    webhooks: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        status: z.enum(['ok', 'idle', 'failing', 'paused', 'disabled']).meta({
          description: '`idle`: nothing was sent yet.',
        }),
        attempts: z.int(),
        delivered: z.int(),
        errors: z.int().meta({ description: 'Deliveries given up.' }),
        retries: z.int().meta({ description: 'Attempts that were not the first of their delivery, about.' }),
        latency: z.number().nullable().meta({ description: 'Average of all attempts, ms.' }),
        owed: z.int().meta({ description: 'Deliveries that wait.' }),
        lastAttemptAt: isoSchema.nullable(),
        lastStatus: z.int().nullable(),
        lastError: z.string().nullable(),
        lastErrorAt: isoSchema.nullable(),
        failingSince: isoSchema.nullable(),
        disablesAt: isoSchema
          .nullable()
          .meta({ description: 'When it is disabled, should it go on failing.' }),
        disabledReason: z.enum(['asked', 'gone', 'failing']).nullable(),
      }),
    ),
  }),
})

const getWebhook = endpoint({
  id: 'getWebhook',
  method: 'GET',
  path: '/api/webhooks/:webhookId',
  tag,
  summary: 'Read a webhook',
  params,
  data: webhookTwice,
  errors: ['WEBHOOK_NOT_FOUND'],
})

const updateWebhook = endpoint({
  id: 'updateWebhook',
  method: 'PUT',
  path: '/api/webhooks/:webhookId',
  tag,
  summary: 'Change a webhook',
  description:
    'What is left out stays as it is; an empty `events`, `sessions` or `chats` means all. It holds for what is owed already. A new `secret` signs at once, the former one beside it for 24 hours.',
  params,
  body: z.object({ ...settings, name: maybe(settings.name), url: maybe(settings.url) }),
  data: webhookTwice,
  errors: ['WEBHOOK_NOT_FOUND', 'WEBHOOK_OF_SESSION', 'WEBHOOK_URL_REFUSED', 'SESSION_NOT_FOUND'],
})

const deleteWebhook = endpoint({
  id: 'deleteWebhook',
  method: 'DELETE',
  path: '/api/webhooks/:webhookId',
  tag,
  summary: 'Remove a webhook, and what it is owed',
  params,
  data: z.object({ id: z.string(), deleted: z.literal(true) }),
  errors: ['WEBHOOK_NOT_FOUND', 'WEBHOOK_OF_SESSION'],
})

const toggleWebhook = endpoint({
  id: 'toggleWebhook',
  method: 'POST',
  path: '/api/webhooks/:webhookId/toggle',
  tag,
  summary: 'Disable or enable a webhook',
  description:
    'What a disabled webhook is owed becomes a dead letter, and what happens meanwhile is not recorded for it: replay both when it is enabled again.',
  params,
  body: z.object({
    isActive: maybe(bool()).meta({ description: 'Left out: the other of the two.' }),
  }),
  data: webhookTwice,
  errors: ['WEBHOOK_NOT_FOUND', 'WEBHOOK_OF_SESSION'],
})

const pauseWebhook = endpoint({
  id: 'pauseWebhook',
  method: 'POST',
  path: '/api/webhooks/:webhookId/pause',
  tag,
  summary: 'Hold back what a webhook is told, or go on',
  description: 'Events are recorded meanwhile and told afterwards.',
  params,
  body: z.object({
    pauseUntil: maybe(moment('end_of_day')).meta({
      description: 'At most 30 days ahead, which is what is taken when it is not given.',
    }),
    isPaused: maybe(bool()).meta({ description: 'false goes on at once.' }),
  }),
  data: webhookTwice,
  errors: ['WEBHOOK_NOT_FOUND', 'WEBHOOK_OF_SESSION', 'WEBHOOK_DISABLED'],
})

const rotateWebhookSecret = endpoint({
  id: 'rotateWebhookSecret',
  method: 'POST',
  path: '/api/webhooks/:webhookId/rotate-secret',
  tag,
  summary: 'Replace the secret',
  description:
    '`standard` and `cloudevents` sign with both for 24 hours; `legacy`, which has room for one signature, with the new one at once.',
  params,
  body: z.object({ secret: maybe(secret) }),
  data: madeTwice,
  errors: ['WEBHOOK_NOT_FOUND', 'WEBHOOK_OF_SESSION'],
})

const testWebhook = endpoint({
  id: 'testWebhook',
  method: 'POST',
  path: '/api/webhooks/:webhookId/test',
  tag,
  summary: 'Send a test and wait for the answer',
  params,
  body: z.object({
    testPayload: maybe(
      z.preprocess(
        jsonObject,
        z.object({
          event: maybe(
            z
              .string()
              .trim()
              .min(1)
              .max(100)
              .regex(/^[\w.]+$/),
          ),
          sessionId: maybe(z.string().max(100)),
          data: maybe(z.preprocess(jsonObject, z.record(z.string(), z.unknown()))),
        }),
      ),
    ),
  }),
  data: z.object({
    delivered: z.boolean().meta({ description: 'Whether it would count as delivered.' }),
    statusCode: z.int().nullable(),
    durationMs: z.int(),
    responseBody: z.string().meta({ description: 'Its beginning.' }),
    error: z.string().nullable(),
    request: z.object({ url: z.string(), headers: z.record(z.string(), z.string()), body: z.string() }),
  }),
  errors: ['WEBHOOK_NOT_FOUND'],
})

const delivery = z
  .object({
    id: z.string().meta({ example: '4711-main' }),
    webhookId: z.string(),
    messageId: z.string().meta({
      description: 'What the receiver is sent as `webhook-id`: the same at every attempt and replay.',
      example: 'msg_…',
    }),
    event: z.string(),
    sessionId: z.string(),
    seq: z.int().meta({ description: 'Of the event, as in `GET /api/events`.' }),
    status: z.enum(['waiting', 'delivered', 'failed']),
    attempts: z.int().meta({ description: 'Since it was last replayed.' }),
    lastStatus: z.int().nullable(),
    lastError: z.string().nullable(),
    createdAt: isoSchema,
    nextAttemptAt: isoSchema.nullable(),
    settledAt: isoSchema.nullable(),
  })
  .meta({ id: 'WebhookDelivery' })
export type WebhookDeliveryWire = z.input<typeof delivery>

const deliveryParams = params.extend({
  deliveryId: z.string().max(40).meta({ example: '4711-main' }),
})

const listDeliveries = endpoint({
  id: 'listDeliveries',
  method: 'GET',
  path: '/api/webhooks/:webhookId/deliveries',
  tag,
  summary: 'List what a webhook was told, newest first',
  description: 'Delivered ones are kept for 7 days, failed ones for 30.',
  params,
  query: z.object({
    status: maybe(z.enum(['waiting', 'delivered', 'failed'])),
    event: maybe(z.string().max(100)),
    sessionId: maybe(sessionRef),
    startDate: maybe(moment('start_of_day')),
    endDate: maybe(moment('end_of_day')),
    q: maybe(text(2, 200)).meta({
      description:
        'Part of the body, of the error or of the `webhook-id`; looked for among the newest 10000 that match the rest.',
    }),
    limit: maybe(int(1, Number.MAX_SAFE_INTEGER))
      .transform((value) => Math.min(value ?? 50, 200))
      .meta({ description: '1 to 200, 50 when not given; more is taken as 200.' }),
    cursor: maybe(z.string().regex(/^\d{1,15}-(main|statuses|acks)$/)).meta({
      description: '`nextCursor` of the page before.',
    }),
  }),
  data: z.object({ deliveries: z.array(delivery), nextCursor: z.string().nullable() }),
  errors: ['WEBHOOK_NOT_FOUND', 'SESSION_NOT_FOUND'],
})

const getDelivery = endpoint({
  id: 'getDelivery',
  method: 'GET',
  path: '/api/webhooks/:webhookId/deliveries/:deliveryId',
  tag,
  summary: 'Read a delivery: what is sent, and what came of each attempt',
  params: deliveryParams,
  data: delivery.extend({
    request: z
      .object({
        method: z.literal('POST'),
        url: z.string(),
        headers: z
          .record(z.string(), z.string())
          .meta({ description: 'Signatures and your own values are hidden.' }),
        body: z.string(),
      })
      .meta({ description: 'As it would be sent now.' }),
    log: z.array(
      z.object({
        at: isoSchema.meta({ description: 'When the attempt ended.' }),
        durationMs: z.int(),
        statusCode: z.int().nullable().meta({ description: 'null: no answer.' }),
        error: z.string().nullable(),
        responseType: z.string().nullable(),
        responseBody: z.string().nullable().meta({ description: 'Its first 1024 characters.' }),
      }),
    ),
  }),
  errors: ['WEBHOOK_NOT_FOUND', 'DELIVERY_NOT_FOUND'],
})

const replayDelivery = endpoint({
  id: 'replayDelivery',
  method: 'POST',
  path: '/api/webhooks/:webhookId/deliveries/:deliveryId/replay',
  tag,
  summary: 'Deliver once more, under the same id',
  params: deliveryParams,
  data: delivery,
  errors: ['WEBHOOK_NOT_FOUND', 'DELIVERY_NOT_FOUND', 'WEBHOOK_DISABLED'],
})

const replayWebhook = endpoint({
  id: 'replayWebhook',
  method: 'POST',
  path: '/api/webhooks/:webhookId/replay',
  tag,
  summary: 'Deliver many once more, under the same ids',
  description:
    'With `failed`: what was given up. Otherwise, with `startDate`, every event from `startDate` on that the webhook listens to, delivered before or not, also what happened while it was disabled or did not exist. At most 10000 a call: go on with `after`, as long as `next` is not null.',
  params,
  body: z
    .object({
      failed: maybe(bool()),
      startDate: maybe(moment('start_of_day')),
      endDate: maybe(moment('end_of_day')),
      after: maybe(int(0, Number.MAX_SAFE_INTEGER)).meta({ description: '`next` of the call before.' }),
    })
    .refine(
      ({ startDate, endDate }) => startDate === undefined || endDate === undefined || startDate <= endDate,
      {
        path: ['endDate'],
        ...issue('end_before_start'),
      },
    ),
  data: z.object({
    replayed: z.int(),
    next: z.int().nullable().meta({ description: 'Give it as `after`; null: that was all.' }),
  }),
  errors: ['WEBHOOK_NOT_FOUND', 'WEBHOOK_DISABLED', 'REPLAY_EXPIRED'],
  errorData: { REPLAY_EXPIRED: z.object({ keptFrom: isoSchema, keptDays: z.int() }) },
})

export const webhookEndpoints = {
  webhookConnectivity,
  testSignature,
  listWebhooks,
  createWebhook,
  webhookStats,
  webhookHealth,
  createOwnWebhook,
  getWebhook,
  updateWebhook,
  deleteWebhook,
  toggleWebhook,
  pauseWebhook,
  rotateWebhookSecret,
  testWebhook,
  listDeliveries,
  getDelivery,
  replayDelivery,
  replayWebhook,
}
