import { z } from 'zod'

import { isoSchema } from './answers.ts'
import { endpoint } from './endpoint.ts'
import { eventTypes } from './events.ts'
import { bool, int, limit, list, maybe, sessionRef } from './fields.ts'

const tag = 'System'

/** The version of the API, which is not the version of the program. */
export const apiVersion = '1.0.0'

const root = endpoint({
  id: 'root',
  method: 'GET',
  path: '/',
  tag,
  auth: 'none',
  bucket: 'none',
  summary: 'What this is and where to read on',
  envelope: 'flat',
  data: z.object({
    version: z.string(),
    documentation: z.string(),
    health: z.string(),
    endpoints: z.record(z.string(), z.string()),
  }),
})

const check = z.object({
  name: z.string().meta({ example: 'database' }),
  ok: z.boolean(),
  message: z.string().nullable(),
  remedy: z.string().nullable(),
})
export type ReadinessCheck = z.input<typeof check>

const health = endpoint({
  id: 'health',
  method: 'GET',
  path: '/health',
  tag,
  auth: 'none',
  bucket: 'none',
  summary: 'Whether the process lives; with `?ready=1` whether it can work',
  query: z.object({ ready: maybe(bool()).transform((value) => value ?? false) }),
  envelope: 'flat',
  data: z.object({
    version: z.string(),
    environment: z.string(),
    uptimeSeconds: z.int(),
    checks: z.array(check).optional(),
  }),
  errors: ['NOT_READY'],
  errorData: { NOT_READY: z.object({ checks: z.array(check) }) },
})

const ready = endpoint({
  id: 'ready',
  method: 'GET',
  path: '/health/ready',
  tag,
  auth: 'none',
  bucket: 'none',
  summary: 'Whether the process can work, and if not, why',
  envelope: 'flat',
  data: z.object({
    version: z.string(),
    environment: z.string(),
    uptimeSeconds: z.int(),
    checks: z.array(check),
  }),
  errors: ['NOT_READY'],
  errorData: { NOT_READY: z.object({ checks: z.array(check) }) },
})

const metrics = endpoint({
  id: 'metrics',
  method: 'GET',
  path: '/metrics',
  tag,
  auth: 'none',
  bucket: 'none',
  summary: 'Figures for Prometheus',
  json: false,
  alternatives: [{ type: 'text/plain', description: 'Prometheus text format' }],
})

const openapi = endpoint({
  id: 'openapi',
  method: 'GET',
  path: '/openapi.json',
  tag,
  auth: 'none',
  bucket: 'none',
  summary: 'This API as an OpenAPI 3.1 document',
  json: false,
  alternatives: [{ type: 'application/json', description: 'OpenAPI 3.1' }],
})

const docs = endpoint({
  id: 'docs',
  method: 'GET',
  path: '/api/docs',
  tag,
  auth: 'none',
  bucket: 'none',
  summary: 'This API to read and to try',
  json: false,
  alternatives: [{ type: 'text/html', description: 'A page that loads nothing from elsewhere' }],
})

const listEvents = endpoint({
  id: 'listEvents',
  method: 'GET',
  path: '/api/events',
  tag: 'Events',
  summary: 'Read what happened, oldest first, after a place you remember',
  description:
    'The pull feed. Keep the largest `seq` you have handled and ask for what comes after it; `wait` holds the answer until there is something.',
  query: z.object({
    after: maybe(int(0, Number.MAX_SAFE_INTEGER)).transform((value) => value ?? 0),
    limit: limit(100),
    sessionId: maybe(sessionRef),
    types: maybe(list(z.enum(eventTypes), eventTypes.length)),
    wait: maybe(int(0, Number.MAX_SAFE_INTEGER))
      .transform((value) => Math.min(value ?? 0, 25_000))
      .meta({ description: 'How long to wait for the first event, ms, at most 25000.' }),
  }),
  data: z.object({
    events: z.array(
      z.object({
        seq: z.int(),
        id: z.string(),
        type: z.enum(eventTypes),
        sessionId: z.string(),
        sessionSeq: z.int(),
        timestamp: isoSchema,
        data: z.record(z.string(), z.unknown()),
      }),
    ),
    next: z.int().meta({ description: 'The `after` of the next call.' }),
    hasMore: z.boolean(),
  }),
  errors: ['SESSION_NOT_FOUND'],
})

export const systemEndpoints = { root, health, ready, metrics, openapi, docs, listEvents }
