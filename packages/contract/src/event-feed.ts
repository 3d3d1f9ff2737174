import { z } from 'zod'

import { isoSchema } from './answers.ts'
import { endpoint } from './endpoint.ts'
import { eventTypes } from './events.ts'
import { int, limit, list, maybe, sessionRef } from './fields.ts'

const tag = 'Events'

const listEvents = endpoint({
  id: 'listEvents',
  method: 'GET',
  path: '/api/events',
  tag,
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

export const eventEndpoints = { listEvents }
