import './tables.ts'

import type { Clock } from '../platform/clock.ts'
import { type Database, insertRows, statement, type Tx } from '../platform/database/index.ts'
import type { LaneName, PresetName, Target, WebhookDeliveryTable } from './tables.ts'

/** One request we owe to one receiver. */
export interface Delivery {
  id: string
  eventSeq: number
  sessionId: number
  target: Target
  lane: LaneName
  preset: PresetName
  eventType: string
  body: string
  attempts: number
  /** Unix ms. */
  createdAt: number
  /** Not before then, Unix ms: as the row says it. */
  dueAt: number
  /** The same on the monotonic clock, which nobody can set: what is kept in this process. */
  notBefore: number
}

/** How one attempt ended, to be written down. `outcome` null: still owed, at `dueAt`. */
export interface Settlement {
  delivery: Delivery
  outcome: 'delivered' | 'given_up' | null
  attempts: number
  dueAt: number
  status: number | null
  error: string | null
}

/** The queue that one receiver gets of one session, in order. */
export interface LaneKey {
  sessionId: number
  target: Target
  lane: LaneName
}

const columns = [
  'id',
  'event_seq',
  'session_id',
  'target',
  'lane',
  'preset',
  'event_type',
  'body',
  'attempts',
  'created_at',
  'due_at',
] as const

const insert = insertRows('webhook_delivery', columns)

const owedOfLane = statement((db, p: LaneKey & { after: number; limit: number }) =>
  db
    .selectFrom('webhook_delivery')
    .select(columns)
    .where('session_id', '=', p.sessionId)
    .where('target', '=', p.target)
    .where('lane', '=', p.lane)
    .where('settled_at', 'is', null)
    .where('event_seq', '>', p.after)
    // One that failed without holding the lane comes back by its due time, through `dueRetries`.
    .where((eb) => eb.or([eb('preset', '=', 'legacy'), eb('attempts', '=', 0)]))
    .orderBy('event_seq')
    .limit(p.limit),
)

const dueRetries = statement((db, p: { now: number; limit: number }) =>
  db
    .selectFrom('webhook_delivery')
    .select(columns)
    .where('settled_at', 'is', null)
    .where('attempts', '>', 0)
    .where('preset', '=', 'standard')
    .where('due_at', '<=', p.now)
    .orderBy('due_at')
    .limit(p.limit),
)

const nextRetry = statement((db) =>
  db
    .selectFrom('webhook_delivery')
    .select('due_at')
    .where('settled_at', 'is', null)
    .where('attempts', '>', 0)
    .where('preset', '=', 'standard')
    .orderBy('due_at')
    .limit(1),
)

const settleDelivered = statement(
  (
    db,
    p: { seqs: readonly number[]; target: Target; lane: LaneName; now: number; status: number },
    { among },
  ) =>
    db
      .updateTable('webhook_delivery')
      .set((eb) => ({
        attempts: eb('attempts', '+', 1),
        settled_at: p.now,
        outcome: 'delivered' as const,
        last_status: p.status,
        last_error: null,
      }))
      .where(among('event_seq', p.seqs))
      .where('target', '=', p.target)
      .where('lane', '=', p.lane),
)

const settleOne = statement(
  (
    db,
    p: Omit<Settlement, 'delivery'> & {
      seq: number
      target: Target
      lane: LaneName
      settledAt: number | null
    },
  ) =>
    db
      .updateTable('webhook_delivery')
      .set({
        attempts: p.attempts,
        due_at: p.dueAt,
        settled_at: p.settledAt,
        outcome: p.outcome,
        last_status: p.status,
        last_error: p.error,
      })
      .where('event_seq', '=', p.seq)
      .where('target', '=', p.target)
      .where('lane', '=', p.lane),
)

/** The rows behind the dispatcher. */
export interface Outbox {
  store(tx: Tx, deliveries: readonly Delivery[]): Promise<void>
  /** The lanes that still owe something, and how many deliveries in all. */
  owed(): Promise<{ lanes: readonly LaneKey[]; count: number }>
  /** The next deliveries of a lane behind `after` (an event's seq), in order. */
  ofLane(key: LaneKey, after: number, limit: number): Promise<readonly Delivery[]>
  /** Failed deliveries that hold no lane and are due again. */
  dueRetries(now: number, limit: number): Promise<readonly Delivery[]>
  /** When the next of those is due, Unix ms; undefined when there is none. */
  nextRetryAt(): Promise<number | undefined>
  /** Writes down how attempts ended, in one transaction. */
  settle(settlements: readonly Settlement[], now: number): Promise<void>
  /** Deletes everything of a session. */
  forget(tx: Tx, sessionId: number): Promise<void>
  /** Deletes what was settled long ago: delivered after 7 days, given up after 30. */
  sweep(now: number, stop: AbortSignal): Promise<void>
}

export function createOutbox(database: Database, clock: Clock): Outbox {
  const read = (row: DeliveryRow): Delivery => deliveryOf(row, clock)

  return {
    async store(tx, deliveries) {
      await insert.run(
        tx,
        deliveries.map((delivery) => ({
          id: delivery.id,
          event_seq: delivery.eventSeq,
          session_id: delivery.sessionId,
          target: delivery.target,
          lane: delivery.lane,
          preset: delivery.preset,
          event_type: delivery.eventType,
          body: delivery.body,
          attempts: delivery.attempts,
          created_at: delivery.createdAt,
          due_at: delivery.dueAt,
        })),
      )
    },
    async owed() {
      const rows = await database.read
        .selectFrom('webhook_delivery')
        .select((eb) => ['session_id', 'target', 'lane', eb.fn.countAll<number>().as('count')])
        .where('settled_at', 'is', null)
        .groupBy(['session_id', 'target', 'lane'])
        .execute()
      return {
        lanes: rows.map((row) => ({ sessionId: row.session_id, target: row.target, lane: row.lane })),
        count: rows.reduce((sum, row) => sum + row.count, 0),
      }
    },
    ofLane: async (key, after, limit) => (await owedOfLane.all(database, { ...key, after, limit })).map(read),
    dueRetries: async (now, limit) => (await dueRetries.all(database, { now, limit })).map(read),
    nextRetryAt: async () => (await nextRetry.first(database, {}))?.due_at,
    async settle(settlements, now) {
      const delivered = new Map<string, { seqs: number[]; target: Target; lane: LaneName; status: number }>()
      const others: Parameters<typeof settleOne.runMany>[1][number][] = []
      for (const settlement of settlements) {
        const { eventSeq: seq, target, lane } = settlement.delivery
        if (settlement.outcome === 'delivered') {
          const status = settlement.status ?? 200
          const alike = `${target} ${lane} ${status}`
          const group = delivered.get(alike)
          if (group === undefined) delivered.set(alike, { seqs: [seq], target, lane, status })
          else group.seqs.push(seq)
        } else {
          const { outcome, attempts, dueAt, status, error } = settlement
          const settledAt = outcome === null ? null : now
          others.push({ seq, target, lane, outcome, attempts, dueAt, status, error, settledAt })
        }
      }
      await database.write(async (tx) => {
        for (const group of delivered.values()) await settleDelivered.run(tx, { ...group, now })
        await settleOne.runMany(tx, others)
      })
    },
    async forget(tx, sessionId) {
      await tx.db.deleteFrom('webhook_delivery').where('session_id', '=', sessionId).execute()
    },
    async sweep(now, stop) {
      let from = 0
      while (!stop.aborted) {
        // In the order they were written; the first that is young ends the walk.
        const oldest = await database.read
          .selectFrom('webhook_delivery')
          .select(['event_seq', 'created_at'])
          .where('event_seq', '>', from)
          .orderBy('event_seq')
          .limit(sweepBatch)
          .execute()
        const old = oldest.filter((row) => row.created_at < now - kept.delivered)
        const last = old.at(-1)
        if (last === undefined) return
        const through = last.event_seq
        await database.write(async (tx) => {
          await tx.db
            .deleteFrom('webhook_delivery')
            .where('event_seq', '>', from)
            .where('event_seq', '<=', through)
            .where((eb) =>
              eb.or([
                eb.and([eb('outcome', '=', 'delivered'), eb('settled_at', '<', now - kept.delivered)]),
                eb.and([eb('outcome', '=', 'given_up'), eb('settled_at', '<', now - kept.given_up)]),
              ]),
            )
            .execute()
        })
        from = through
      }
    },
  }
}

const day = 86_400_000
/** How long settled deliveries can be looked at, ms. */
const kept = { delivered: 7 * day, given_up: 30 * day } as const
/** Rows per transaction of the sweep: nobody should wait for housekeeping. */
const sweepBatch = 500

type DeliveryRow = Pick<WebhookDeliveryTable, (typeof columns)[number]>

/** A clock that was set back must not hold a delivery longer than the longest pause between two attempts. */
const longestPauseMs = 29 * 3_600_000

function deliveryOf(row: DeliveryRow, clock: Clock): Delivery {
  const waitMs = Math.min(Math.max(row.due_at - clock.now(), 0), longestPauseMs)
  return {
    id: row.id,
    eventSeq: row.event_seq,
    sessionId: row.session_id,
    target: row.target,
    lane: row.lane,
    preset: row.preset,
    eventType: row.event_type,
    body: row.body,
    attempts: row.attempts,
    createdAt: row.created_at,
    dueAt: row.due_at,
    notBefore: clock.monotonic() + waitMs,
  }
}
