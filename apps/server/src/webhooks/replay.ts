import './tables.ts'

import { sql } from 'kysely'

import { keepEventsMs, type Events, type StoredEvent } from '../events/index.ts'
import type { Clock } from '../platform/clock.ts'
import { type Database, insertRows, type Tx } from '../platform/database/index.ts'
import type { SessionView } from '../sessions/index.ts'
import type { WebhookEndpoint } from './endpoint.ts'
import { type Delivery, type LaneKey, rowOf } from './outbox.ts'
import type { LaneName } from './tables.ts'

/** Deliveries made owed again by one call: more would keep it waiting. */
const mostAtOnce = 10_000
/** Rows per transaction. */
const batch = 500

const lanes: readonly LaneName[] = ['main', 'statuses', 'acks']

/** What was settled is owed again, under its own id; what is still owed stays as it is; what is not there is written anew. */
const restore = insertRows(
  'webhook_delivery',
  [
    'id',
    'event_seq',
    'session_id',
    'endpoint',
    'lane',
    'preset',
    'event_type',
    'body',
    'attempts',
    'loose',
    'created_at',
    'due_at',
  ],
  (insert) =>
    insert
      .onConflict((conflict) =>
        conflict
          .columns(['event_seq', 'endpoint', 'lane'])
          .doUpdateSet((eb) => ({
            settled_at: null,
            outcome: null,
            attempts: 0,
            loose: 1 as const,
            due_at: eb.ref('excluded.due_at'),
            created_at: eb.ref('excluded.created_at'),
          }))
          .where('webhook_delivery.settled_at', 'is not', null),
      )
      .returning(['event_seq', 'session_id', 'endpoint', 'lane']),
)

/** Whose deliveries: an endpoint, and for a session's own webhook or Frappe also the session. */
export interface ReplayScope {
  endpoint: WebhookEndpoint
  /** The session a derived endpoint belongs to; undefined for an organisation's. */
  sessionId: number | undefined
}

/** Until when, and from where, a replay goes. Times are Unix ms. */
export interface ReplayRange {
  from: number | undefined
  to: number | undefined
  /** An event's seq: go on behind it. */
  after: number | undefined
}

/** How much became owed again; `next` is where to go on behind, undefined when that was all. */
export interface Replayed {
  count: number
  next: number | undefined
}

/** Tells again what was told or given up, under the same ids, at once and past the queues. */
export interface Replay {
  one(scope: ReplayScope, seq: number, lane: LaneName): Promise<void>
  failed(scope: ReplayScope, range: ReplayRange): Promise<Replayed>
  /** Every event since `range.from` that the endpoint listens to, of these sessions. */
  range(
    scope: ReplayScope,
    range: ReplayRange & { from: number },
    sessionIds: readonly number[],
  ): Promise<Replayed>
  /** The oldest moment whose events are all kept, Unix ms. */
  keptFrom(): number
}

export interface ReplayDeps {
  database: Database
  events: Pick<Events, 'after' | 'firstSince'>
  clock: Clock
  view: (sessionId: number) => SessionView | undefined
  deliveriesTo: (
    endpoint: WebhookEndpoint,
    event: StoredEvent,
    session: SessionView,
    now: number,
  ) => readonly Delivery[]
  again: (lanes: readonly LaneKey[], count: number) => void
}

export function createReplay({ database, events, clock, view, deliveriesTo, again }: ReplayDeps): Replay {
  /** Makes settled rows between two events owed again, whatever became of them. */
  async function restoreRows(
    tx: Tx,
    { endpoint, sessionId }: ReplayScope,
    which: { from: number; through: number; lane?: LaneName; failed?: { from?: number; to?: number } },
  ): Promise<number> {
    const now = clock.now()
    let query = tx.db
      .updateTable('webhook_delivery')
      .set({ settled_at: null, outcome: null, attempts: 0, loose: 1, due_at: now, created_at: now })
      .where('endpoint', '=', endpoint.number)
      .where('event_seq', '>=', which.from)
      .where('event_seq', '<=', which.through)
      .where('settled_at', 'is not', null)
    if (sessionId !== undefined) query = query.where('session_id', '=', sessionId)
    if (which.lane !== undefined) query = query.where('lane', '=', which.lane)
    if (which.failed !== undefined) {
      // As a literal: the index is one of those alone.
      query = query.where('outcome', '=', sql.lit('given_up'))
      const { from = 0, to = Number.MAX_SAFE_INTEGER } = which.failed
      query = query.where('created_at', '>=', from).where('created_at', '<=', to)
    }
    const { numUpdatedRows } = await query.executeTakeFirst()
    return Number(numUpdatedRows)
  }

  /** What waits for its next try has it now. */
  async function bringForward(
    tx: Tx,
    { endpoint, sessionId }: ReplayScope,
    range: { from: number; through: number },
  ): Promise<void> {
    let query = tx.db
      .updateTable('webhook_delivery')
      .set({ due_at: clock.now() })
      .where('endpoint', '=', endpoint.number)
      .where('event_seq', '>=', range.from)
      .where('event_seq', '<=', range.through)
      .where('settled_at', 'is', null)
      .where('loose', '=', 1)
    if (sessionId !== undefined) query = query.where('session_id', '=', sessionId)
    await query.execute()
  }

  /** `count`: of those that were settled. */
  function tell({ endpoint }: ReplayScope, sessionIds: Iterable<number>, count: number): void {
    const keys = Array.from(new Set(sessionIds), (sessionId) =>
      lanes.map((lane) => ({ sessionId, endpoint: endpoint.number, lane })),
    )
    again(keys.flat(), count)
  }

  return {
    keptFrom: () => clock.now() - keepEventsMs,

    async one(scope, seq, lane) {
      const row = await database.read
        .selectFrom('webhook_delivery')
        .select('session_id')
        .where('event_seq', '=', seq)
        .where('endpoint', '=', scope.endpoint.number)
        .where('lane', '=', lane)
        .executeTakeFirst()
      if (row === undefined) return
      const count = await database.write(async (tx) => {
        await bringForward(tx, scope, { from: seq, through: seq })
        return await restoreRows(tx, scope, { from: seq, through: seq, lane })
      })
      tell(scope, [row.session_id], count)
    },

    async failed(scope, { from, to, after }) {
      let count = 0
      let place = after ?? 0
      const failed = { from: from ?? 0, to: to ?? Number.MAX_SAFE_INTEGER }
      while (count < mostAtOnce) {
        let query = database.read
          .selectFrom('webhook_delivery')
          .select(['event_seq', 'session_id'])
          .where('endpoint', '=', scope.endpoint.number)
          .where('outcome', '=', sql.lit('given_up'))
          .where('event_seq', '>', place)
          .where('created_at', '>=', failed.from)
          .where('created_at', '<=', failed.to)
        if (scope.sessionId !== undefined) query = query.where('session_id', '=', scope.sessionId)
        const rows = await query.orderBy('event_seq').limit(batch).execute()
        const first = rows[0]?.event_seq
        const last = rows.at(-1)?.event_seq
        if (first === undefined || last === undefined) return { count, next: undefined }
        const restored = await database.write((tx) =>
          restoreRows(tx, scope, { from: first, through: last, failed }),
        )
        tell(
          scope,
          rows.map((row) => row.session_id),
          restored,
        )
        count += restored
        place = last
      }
      return { count, next: place }
    },

    async range(scope, { from, to, after }, sessionIds) {
      let count = 0
      let place = after ?? (await events.firstSince(from)) - 1
      while (count < mostAtOnce) {
        const found = await events.after(place, { sessionIds, limit: batch })
        // A QR code of then is no use now.
        const wanted = found.filter(
          ({ at, type }) => at >= from && (to === undefined || at <= to) && type !== 'session.qr',
        )
        const now = clock.now()
        const deliveries = wanted.flatMap((event) => {
          const session = view(event.sessionId)
          return session === undefined ? [] : deliveriesTo(scope.endpoint, event, session, now)
        })
        const [oldest, newest] = [deliveries[0]?.eventSeq, deliveries.at(-1)?.eventSeq]
        const restored =
          oldest === undefined || newest === undefined
            ? []
            : await database.write(async (tx) => {
                await bringForward(tx, scope, { from: oldest, through: newest })
                return await restore.run(
                  tx,
                  deliveries.map((delivery) => ({ ...rowOf(delivery), loose: 1 as const, due_at: now })),
                )
              })
        tell(
          scope,
          deliveries.map(({ sessionId }) => sessionId),
          restored.length,
        )
        count += restored.length
        const last = found.at(-1)
        if (last === undefined || found.length < batch || (to !== undefined && last.at > to + clockStepMs))
          return { count, next: undefined }
        place = last.seq
      }
      return { count, next: place }
    },
  }
}

/** Events stand in the order of their commits, which is that of their times but for a clock that was set back. */
const clockStepMs = 3_600_000
