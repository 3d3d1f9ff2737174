import { z } from 'zod'

import { endpoint } from './endpoint.ts'
import { bool, maybe } from './fields.ts'

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

export const systemEndpoints = { root, health, ready, metrics, openapi, docs }
