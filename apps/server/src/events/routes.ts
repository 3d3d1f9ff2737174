import { endpoints } from '@inbox-hub/contract'

import type { Clock } from '../platform/clock.ts'
import type { Http } from '../platform/http/index.ts'
import type { Events, StoredEvent } from './index.ts'

export interface EventRoutesDeps {
  events: Events
  clock: Clock
  /** Aborted when the hub is about to close: who waits is answered at once. */
  closing: AbortSignal
  /** The sessions whose events this owner may read: all, or the one that `ref` names (throws `SESSION_NOT_FOUND`). */
  readable: (ownerId: number, ref: string | undefined) => readonly { id: number; sessionId: string }[]
}

/** The pull feed: what happened, after a place that the reader remembers. */
export function eventRoutes(http: Http, { events, clock, closing, readable }: EventRoutesDeps): void {
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
        events: page.map((event) => ({
          seq: event.seq,
          id: event.id,
          type: event.type,
          sessionId: names.get(event.sessionId) ?? String(event.sessionId),
          sessionSeq: event.sessionSeq,
          timestamp: new Date(event.at).toISOString(),
          data: { ...event.data },
        })),
        // A place beyond the newest event is taken as the newest: so a reader learns where "now" is.
        next: page.at(-1)?.seq ?? Math.min(query.after, await events.latest()),
        hasMore: found.length > page.length,
      },
    }
  })
}

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
