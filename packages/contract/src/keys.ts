import { z } from 'zod'

import { isoSchema } from './answers.ts'
import { endpoint } from './endpoint.ts'
import { text } from './fields.ts'

const tag = 'API keys'

const apiKeySchema = z
  .object({
    id: z.string().meta({ description: 'The public part of the key; safe to log.', example: 'k3f9Qw71Zx' }),
    name: z.string().meta({ example: 'CRM' }),
    createdAt: isoSchema,
    lastUsedAt: isoSchema.nullable().meta({ description: 'Exact to a minute.' }),
    revokedAt: isoSchema.nullable(),
  })
  .meta({ id: 'ApiKey' })

const listKeys = endpoint({
  id: 'listKeys',
  method: 'GET',
  path: '/api/keys',
  tag,
  summary: 'List your API keys, revoked ones too, oldest first',
  data: z.object({ keys: z.array(apiKeySchema) }),
})

const createKey = endpoint({
  id: 'createKey',
  method: 'POST',
  path: '/api/keys',
  tag,
  summary: 'Make another API key for what is yours',
  description: 'The answer is the only place where the key itself is ever shown: only its hash is stored.',
  body: z.object({ name: text(1, 100).meta({ description: 'Who will use it.', example: 'CRM' }) }),
  data: z.object({ id: z.string(), name: z.string(), key: z.string() }),
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

export const keyEndpoints = { listKeys, createKey, revokeKey }
