import { z } from 'zod'

import { isoSchema } from './answers.ts'
import { endpoint } from './endpoint.ts'
import { eventTypes } from './events.ts'
import { int, limit, list, maybe, sessionRef, text } from './fields.ts'

const tag = 'Events'

/** One event as the pull feed, the streams and the export carry it. */
const feedEvent = z.object({
  seq: z.int().meta({ description: 'Its place among all events: what to ask after.' }),
  id: z.string().meta({ description: 'The same wherever and however often it is told.' }),
  type: z.enum(eventTypes),
  sessionId: z.string(),
  sessionSeq: z.int().meta({ description: 'Its place among the events of its session, without holes.' }),
  timestamp: isoSchema,
  data: z.record(z.string(), z.unknown()),
})
export type FeedEvent = z.input<typeof feedEvent>

const place = maybe(int(0, Number.MAX_SAFE_INTEGER))
const filters = {
  sessionId: maybe(sessionRef).meta({ description: 'Only events of this session.' }),
  types: maybe(list(z.enum(eventTypes), eventTypes.length)).meta({ description: 'Only these types.' }),
}

const listEvents = endpoint({
  id: 'listEvents',
  method: 'GET',
  path: '/api/events',
  tag,
  summary: 'Read what happened, oldest first, after a place you remember',
  description:
    'The pull feed. Keep the largest `seq` you have handled and ask for what comes after it; `wait` holds the answer until there is something. Events are kept for 30 days.',
  query: z.object({
    after: place.transform((value) => value ?? 0),
    limit: limit(100),
    ...filters,
    wait: maybe(int(0, Number.MAX_SAFE_INTEGER))
      .transform((value) => Math.min(value ?? 0, 25_000))
      .meta({ description: 'How long to wait for the first event, ms, at most 25000.' }),
  }),
  data: z.object({
    events: z.array(feedEvent),
    next: z.int().meta({ description: 'The `after` of the next call.' }),
    hasMore: z.boolean(),
    keptAfter: z.int().meta({
      description:
        'Up to this `seq` events are no longer kept. Asked for what comes after an earlier place, some are missing.',
    }),
  }),
  errors: ['SESSION_NOT_FOUND'],
})

const live = {
  auth: 'caller-or-ticket',
  tag,
  json: false,
  endless: true,
  errors: ['SESSION_NOT_FOUND', 'TOO_MANY_STREAMS'],
} as const

const liveQuery = z.object({
  after: place.meta({
    description: 'Begin with what comes after this `seq`; left out: with what happens from now on.',
  }),
  ...filters,
  ticket: maybe(text(1, 100)).meta({
    description: 'Instead of the key, for browsers: `POST /api/events/tickets`.',
  }),
})

const streamEvents = endpoint({
  ...live,
  id: 'streamEvents',
  method: 'GET',
  path: '/api/events/stream',
  summary: 'Follow what happens, as server-sent events',
  description:
    'Each event has its `seq` as its id: a client that comes back with `Last-Event-ID`, as browsers do by themselves, goes on where it stopped. `stream.open` comes first; `stream.gap` says that events after your place are no longer kept; `stream.behind` that you read too slowly (1 MB waited for you) and must come back. A comment every 15 s keeps the line open.',
  query: liveQuery,
  headers: z.object({
    'last-event-id': maybe(int(0, Number.MAX_SAFE_INTEGER)).meta({
      description: 'Goes before `after`: the last place you were told.',
    }),
  }),
  alternatives: [
    {
      type: 'text/event-stream',
      description: '`id`, `event` and `data` of each event, its `data` as in the pull feed',
    },
  ],
})

const socketEvents = endpoint({
  ...live,
  id: 'socketEvents',
  method: 'GET',
  path: '/api/events/socket',
  summary: 'Follow what happens, over a WebSocket',
  description:
    'Each message is one event as in the pull feed, or `{"type": "stream.open" | "stream.gap" | "stream.behind", …}` as in the stream. To go on where you stopped, come back with `after`. Close code 1013: you read too slowly. What you send is not read.',
  query: liveQuery,
  alternatives: [
    { type: 'application/json', description: 'Not an answer but the messages of the WebSocket' },
  ],
  errors: [...live.errors, 'UPGRADE_REQUIRED'],
})

const exportEvents = endpoint({
  id: 'exportEvents',
  method: 'GET',
  path: '/api/events/export',
  tag,
  summary: 'Everything that is kept, one event per line',
  query: z.object({ after: place.transform((value) => value ?? 0), ...filters }),
  json: false,
  alternatives: [
    {
      type: 'application/x-ndjson',
      description: 'An event of the pull feed per line, oldest first, up to the moment of asking',
    },
  ],
  errors: ['SESSION_NOT_FOUND'],
})

const createEventTicket = endpoint({
  id: 'createEventTicket',
  method: 'POST',
  path: '/api/events/tickets',
  tag,
  summary: 'A ticket for one stream, for browsers, which cannot send a key with it',
  description:
    'Make it on your server, hand it to the page, which adds `?ticket=` to the address of the stream. It opens one stream within 30 s.',
  data: z.object({ ticket: z.string(), expiresAt: isoSchema }),
})

export const eventEndpoints = { listEvents, streamEvents, socketEvents, exportEvents, createEventTicket }
