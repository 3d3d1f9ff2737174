import { z } from 'zod'

import { isoSchema } from './answers.ts'
import { endpoint } from './endpoint.ts'
import { int, issue, list, maybe, moment, sessionRef, text } from './fields.ts'
import { scopes } from './scopes.ts'

const tag = 'API keys'

const apiKeySchema = z
  .object({
    id: z.string().meta({ description: 'The public part of the key; safe to log.', example: 'k3f9Qw71Zx' }),
    name: z.string().meta({ example: 'CRM' }),
    createdAt: isoSchema,
    lastUsedAt: isoSchema.nullable().meta({ description: 'Exact to a minute.' }),
    revokedAt: isoSchema.nullable(),
    expiresAt: isoSchema.nullable(),
    scopes: z.array(z.enum(scopes)).nullable().meta({ description: 'What it may do; null: everything.' }),
    sessions: z.array(z.string()).nullable().meta({ description: 'The sessions it opens; null: all.' }),
    networks: z
      .array(z.string())
      .nullable()
      .meta({ description: 'Where it may be used from; null: anywhere.' }),
  })
  .meta({ id: 'ApiKey' })

/** An address or a network, as in `203.0.113.7` or `10.0.0.0/8`. */
const network = z
  .string()
  .trim()
  .max(50)
  .refine(
    (value) => z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()]).safeParse(value).success,
    issue('not_a_network'),
  )
  .meta({ example: '10.0.0.0/8' })

const listKeys = endpoint({
  id: 'listKeys',
  method: 'GET',
  path: '/api/keys',
  tag,
  summary: 'List your API keys, revoked ones too, oldest first',
  data: z.object({ keys: z.array(apiKeySchema) }),
})

/** A key to make, and what it is limited to. */
export const newKey = z.object({
  name: text(1, 100).meta({ description: 'Who will use it.', example: 'CRM' }),
  scopes: maybe(list(z.enum(scopes), scopes.length)).meta({
    description: 'All it may do; everything when left out.',
  }),
  sessions: maybe(list(sessionRef, 1000)).meta({
    description: 'The only sessions it opens. What is not asked of a session is closed to such a key.',
  }),
  networks: maybe(list(network, 100)).meta({ description: 'The only networks it may be used from.' }),
  expiresAt: maybe(moment('end_of_day')),
})

/** The answer is the only place where the key itself is ever shown. */
export const madeKey = z.object({ id: z.string(), name: z.string(), key: z.string() })

const createKey = endpoint({
  id: 'createKey',
  method: 'POST',
  path: '/api/keys',
  tag,
  summary: 'Make another API key for what is yours',
  description: 'The answer is the only place where the key itself is ever shown: only its hash is stored.',
  body: newKey,
  data: madeKey,
  errors: ['SESSION_NOT_FOUND'],
})

const rotateKey = endpoint({
  id: 'rotateKey',
  method: 'POST',
  path: '/api/keys/:id/rotate',
  tag,
  summary: 'Make a key that may do the same, while the old one goes on working for a time',
  params: z.object({ id: z.string().min(1).max(100) }),
  body: z.object({
    overlapHours: maybe(int(0, 720)).meta({
      description: 'How long the old key still works; 24 when left out.',
    }),
  }),
  data: z.object({ id: z.string(), name: z.string(), key: z.string(), oldKeyWorksUntil: isoSchema }),
  errors: ['API_KEY_NOT_FOUND'],
})

const revokeKey = endpoint({
  id: 'revokeKey',
  method: 'DELETE',
  path: '/api/keys/:id',
  tag,
  summary: 'Revoke an API key, at once and for good',
  params: z.object({ id: z.string().min(1).max(100) }),
  data: z.object({ id: z.string(), revoked: z.literal(true) }),
  errors: ['API_KEY_NOT_FOUND'],
})

export const keyEndpoints = { listKeys, createKey, rotateKey, revokeKey }
