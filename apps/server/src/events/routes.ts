import { Readable } from 'node:stream'

import { endpoints } from '@inbox-hub/contract'

import type { Clock } from '../platform/clock.ts'
import type { Http } from '../platform/http/index.ts'
import { feedEvent } from './feed-wire.ts'
import type { Events, StoredEvent } from './index.ts'
import { overSocket, serverSentEvents, type Streams, type Tickets } from './streams/index.ts'

export interface EventRoutesDeps {
  events: Events
  streams: Streams
  tickets: Tickets
  clock: Clock
  /** Aborted when the hub is about to close: who waits is answered at once. */
  closing: AbortSignal
  /** The sessions whose events this owner may read: all, or the one that `ref` names (throws `SESSION_NOT_FOUND`). */
  readable: (ownerId: number, ref: string | undefined) => readonly { id: number; sessionId: string }[]
}

/** What happened: to be asked for after a place that the reader remembers, to be followed, to be taken away as a whole. */
export function eventRoutes(http: Http, deps: EventRoutesDeps): void {
  const { events, streams, tickets, clock, closing, readable } = deps
  http.serve(endpoints.listEvents, async ({ ownerId, query, signal }) => {
    const names = new Map(readable(ownerId, query.sessionId).map(({ id, sessionId }) => [id, sessionId]))
    const filter = {
      sessionIds: [...names.keys()],
      ...(query.types === undefined ? {} : { types: query.types }),
      limit: query.limit + 1,
    }
    // Heard from before the first look: what is committed in between would otherwise be waited for in vain.
    using arrival = nextArrival(
      events,
      ({ seq, sessionId, type }) =>
        seq > query.after && names.has(sessionId) && (query.types?.includes(type) ?? true),
    )
    let found = await events.after(query.after, filter)
    if (found.length === 0 && query.wait > 0) {
      await firstOf(arrival.promise, clock, query.wait, AbortSignal.any([signal, closing]))
      found = await events.after(query.after, filter)
    }
    const page = found.slice(0, query.limit)
    return {
      data: {
        events: page.map((event) => feedEvent(event, nameIn(names, event))),
        // A place beyond the newest event is taken as the newest: so a reader learns where "now" is.
        next: page.at(-1)?.seq ?? Math.min(query.after, await events.latest()),
        hasMore: found.length > page.length,
        keptAfter: await events.keptAfter(),
      },
    }
  })

  /** What a follower wants to hear. */
  function wanted(
    ownerId: number,
    { sessionId, types }: { sessionId?: string | undefined; types?: readonly string[] | undefined },
  ) {
    const [one] = sessionId === undefined ? [] : readable(ownerId, sessionId)
    return { ownerId, sessionId: one?.id, types }
  }

  http.serve(endpoints.streamEvents, ({ ownerId, query, headers, signal, grant }) => {
    const { listener, body } = serverSentEvents(clock)
    const after = headers['last-event-id'] ?? query.after
    const stream = streams.open(wanted(ownerId, query), after, listener, grant.isStanding)
    signal.addEventListener('abort', () => stream[Symbol.dispose](), { once: true })
    return {
      raw: body,
      type: 'text/event-stream; charset=utf-8',
      // nginx keeps answers back unless it is told not to.
      headers: { 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no' },
    }
  })

  http.serve(endpoints.socketEvents, ({ ownerId, query, grant }) => {
    const what = wanted(ownerId, query)
    streams.admit(ownerId)
    return {
      upgrade: (socket) => {
        const stream = streams.open(what, query.after, overSocket(socket, clock), grant.isStanding)
        socket.once('close', () => stream[Symbol.dispose]())
      },
    }
  })

  http.serve(endpoints.exportEvents, async ({ ownerId, query, signal }) => {
    const names = new Map(readable(ownerId, query.sessionId).map(({ id, sessionId }) => [id, sessionId]))
    const until = await events.latest()
    async function* lines(): AsyncGenerator<string> {
      let after = query.after
      while (!signal.aborted) {
        const page = await events.after(after, {
          sessionIds: [...names.keys()],
          ...(query.types === undefined ? {} : { types: query.types }),
          limit: exportPage,
        })
        const asked = page.filter(({ seq }) => seq <= until)
        if (asked.length > 0)
          yield asked.map((event) => `${JSON.stringify(feedEvent(event, nameIn(names, event)))}\n`).join('')
        after = page.at(-1)?.seq ?? after
        if (asked.length < exportPage) return
      }
    }
    return {
      raw: Readable.from(lines(), { objectMode: false }),
      type: 'application/x-ndjson; charset=utf-8',
      headers: { 'content-disposition': 'attachment; filename="events.ndjson"' },
    }
  })

  http.serve(endpoints.createEventTicket, ({ grant }) => {
    const { ticket, expiresAt } = tickets.issue(grant)
    return { data: { ticket, expiresAt: new Date(expiresAt).toISOString() } }
  })
}

const exportPage = 500

const nameIn = (names: ReadonlyMap<number, string>, { sessionId }: StoredEvent): string =>
  names.get(sessionId) ?? String(sessionId)

function nextArrival(
  events: Events,
  wanted: (event: StoredEvent) => boolean,
): Disposable & { promise: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>()
  const subscription = events.subscribe((arrived) => {
    if (arrived.some(wanted)) resolve()
  })
  return { promise, [Symbol.dispose]: () => subscription[Symbol.dispose]() }
}

/** Resolves with the first of: `event`, `ms` gone by, `signal` aborted. */
async function firstOf(event: Promise<void>, clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  using _timer = clock.after(ms, resolve)
  const gone = () => resolve()
  signal.addEventListener('abort', gone, { once: true })
  if (signal.aborted) resolve()
  await Promise.race([event, promise])
  signal.removeEventListener('abort', gone)
}
