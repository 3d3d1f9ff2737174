import './tables.ts'

import { sql } from 'kysely'

import type { Clock } from '../platform/clock.ts'
import { type Database, insertRows, statement, type Tx } from '../platform/database/index.ts'
import type {
  EndpointNumber,
  LaneName,
  PresetName,
  WebhookAttemptTable,
  WebhookDeliveryTable,
} from './tables.ts'

/** One request we owe to one receiver. */
export interface Delivery {
  id: string
  eventSeq: number
  sessionId: number
  endpoint: EndpointNumber
  lane: LaneName
  preset: PresetName
  eventType: string
  body: string
  attempts: number
  /** It goes when it is due, whatever stands before it in its lane. */
  loose: boolean
  /** Unix ms. */
  createdAt: number
  /** Not before then, Unix ms: as the row says it. */
  dueAt: number
  /** The same on the monotonic clock, which nobody can set: what is kept in this process. */
  notBefore: number
}

/** One call and what came of it, for the log of its delivery. */
export interface AttemptNote {
  /** Unix ms: when it ended. */
  at: number
  tookMs: number
  status: number | null
  error: string | null
  answerType: string | null
  /** The beginning of the answer. */
  answer: string | null
}

/** How one attempt ended, to be written down. */
export interface Settlement {
  delivery: Delivery
  /** null: still owed, at `dueAt`. `untouched`: still owed as it was, only the attempt is noted. */
  outcome: 'delivered' | 'given_up' | null | 'untouched'
  attempts: number
  dueAt: number
  loose: boolean
  status: number | null
  error: string | null
  /** Undefined when nobody was called. */
  attempt: AttemptNote | undefined
}

/** The queue that one endpoint gets of one session, in order. */
export interface LaneKey {
  sessionId: number
  endpoint: EndpointNumber
  lane: LaneName
}

const columns = [
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
] as const

const insert = insertRows('webhook_delivery', columns)
const insertAttempts = insertRows(
  'webhook_attempt',
  ['event_seq', 'endpoint', 'lane', 'at', 'took_ms', 'status', 'error', 'answer_type', 'answer'],
  // Two attempts within a millisecond are told apart by nobody, and a batch may be written twice.
  (query) =>
    query.onConflict((conflict) => conflict.columns(['event_seq', 'endpoint', 'lane', 'at']).doNothing()),
)

const owedOfLane = statement((db, p: LaneKey & { after: number; limit: number }) =>
  db
    .selectFrom('webhook_delivery')
    .select(columns)
    .where('session_id', '=', p.sessionId)
    .where('endpoint', '=', p.endpoint)
    .where('lane', '=', p.lane)
    .where('settled_at', 'is', null)
    .where('event_seq', '>', p.after)
    .where('loose', '=', 0)
    .orderBy('event_seq')
    .limit(p.limit),
)

const dueOfLane = statement((db, p: LaneKey & { now: number; limit: number }) =>
  db
    .selectFrom('webhook_delivery')
    .select(columns)
    .where('session_id', '=', p.sessionId)
    .where('endpoint', '=', p.endpoint)
    .where('lane', '=', p.lane)
    .where('settled_at', 'is', null)
    // As a literal: the index is one of those alone.
    .where('loose', '=', sql.lit(1))
    .where('due_at', '<=', p.now)
    .orderBy('due_at')
    .limit(p.limit),
)

const dueAtOnce = statement((db, p: { seq: number; endpoint: number; lane: LaneName; now: number }) =>
  db
    .updateTable('webhook_delivery')
    .set({ due_at: p.now })
    .where('event_seq', '=', p.seq)
    .where('endpoint', '=', p.endpoint)
    .where('lane', '=', p.lane)
    .where('settled_at', 'is', null),
)

const nextDueOfLane = statement((db, p: LaneKey & { now: number }) =>
  db
    .selectFrom('webhook_delivery')
    .select('due_at')
    .where('session_id', '=', p.sessionId)
    .where('endpoint', '=', p.endpoint)
    .where('lane', '=', p.lane)
    .where('settled_at', 'is', null)
    .where('loose', '=', sql.lit(1))
    .where('due_at', '>', p.now)
    .orderBy('due_at')
    .limit(1),
)

const settleDelivered = statement(
  (
    db,
    p: { pairs: readonly (readonly [number, number])[]; lane: LaneName; now: number; status: number },
    { amongPairs },
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
      .where(amongPairs(['event_seq', 'endpoint'], p.pairs))
      .where('lane', '=', p.lane),
)

const settleOne = statement(
  (
    db,
    p: {
      seq: number
      endpoint: EndpointNumber
      lane: LaneName
      outcome: 'given_up' | null
      attempts: number
      dueAt: number
      loose: 0 | 1
      status: number | null
      error: string | null
      settledAt: number | null
    },
  ) =>
    db
      .updateTable('webhook_delivery')
      .set({
        attempts: p.attempts,
        due_at: p.dueAt,
        loose: p.loose,
        settled_at: p.settledAt,
        outcome: p.outcome,
        last_status: p.status,
        last_error: p.error,
      })
      .where('event_seq', '=', p.seq)
      .where('endpoint', '=', p.endpoint)
      .where('lane', '=', p.lane),
)

/** The rows behind the dispatcher. */
export interface Outbox {
  store(tx: Tx, deliveries: readonly Delivery[]): Promise<void>
  /** The lanes that still owe something, and how many deliveries in all. */
  owed(): Promise<{ lanes: readonly LaneKey[]; count: number }>
  /** The next deliveries of a lane behind `after` (an event's seq), in order. */
  ofLane(key: LaneKey, after: number, limit: number): Promise<readonly Delivery[]>
  /** Deliveries of a lane that hold nobody up and are due. */
  dueOfLane(key: LaneKey, now: number, limit: number): Promise<readonly Delivery[]>
  /** When the next of those is due after `now`, Unix ms; undefined when there is none. */
  nextDueOfLane(key: LaneKey, now: number): Promise<number | undefined>
  /** What waits for its next try is due at `now`, Unix ms. */
  hurry(delivery: Delivery, now: number): Promise<void>
  /** Writes down how attempts ended, in one transaction. */
  settle(settlements: readonly Settlement[], now: number): Promise<void>
  /** Deletes everything of a session. */
  forget(tx: Tx, sessionId: number): Promise<void>
  /** Deletes what was settled long ago: delivered after 7 days, given up after 30. */
  sweep(now: number, stop: AbortSignal): Promise<void>
}

export function createOutbox(database: Database, clock: Clock): Outbox {
  const read = (row: DeliveryRow): Delivery => deliveryOf(row, clock)

  /** How far the walk over old deliveries has come that the last turn did not end. */
  let sweptTo = 0

  return {
    async store(tx, deliveries) {
      await insert.run(tx, deliveries.map(rowOf))
    },
    async owed() {
      const rows = await database.read
        .selectFrom('webhook_delivery')
        .select((eb) => ['session_id', 'endpoint', 'lane', eb.fn.countAll<number>().as('count')])
        .where('settled_at', 'is', null)
        .groupBy(['session_id', 'endpoint', 'lane'])
        .execute()
      return {
        lanes: rows.map((row) => ({ sessionId: row.session_id, endpoint: row.endpoint, lane: row.lane })),
        count: rows.reduce((sum, row) => sum + row.count, 0),
      }
    },
    ofLane: async (key, after, limit) => (await owedOfLane.all(database, { ...key, after, limit })).map(read),
    dueOfLane: async (key, now, limit) => (await dueOfLane.all(database, { ...key, now, limit })).map(read),
    nextDueOfLane: async (key, now) => (await nextDueOfLane.first(database, { ...key, now }))?.due_at,
    async hurry({ eventSeq: seq, endpoint, lane }, now) {
      await database.write((tx) => dueAtOnce.run(tx, { seq, endpoint, lane, now }))
    },
    async settle(settlements, now) {
      const delivered = new Map<string, { pairs: [number, number][]; lane: LaneName; status: number }>()
      const others: Parameters<typeof settleOne.runMany>[1][number][] = []
      for (const settlement of settlements) {
        const { eventSeq: seq, endpoint, lane } = settlement.delivery
        const { outcome, attempts, dueAt, loose, status, error } = settlement
        if (outcome === 'delivered') {
          const alike = `${lane} ${status}`
          const group = delivered.get(alike)
          if (group === undefined)
            delivered.set(alike, { pairs: [[seq, endpoint]], lane, status: status ?? 200 })
          else group.pairs.push([seq, endpoint])
        } else if (outcome !== 'untouched') {
          const settledAt = outcome === null ? null : now
          others.push({
            seq,
            endpoint,
            lane,
            outcome,
            attempts,
            dueAt,
            loose: loose ? 1 : 0,
            status,
            error,
            settledAt,
          })
        }
      }
      await database.write(async (tx) => {
        for (const group of delivered.values()) await settleDelivered.run(tx, { ...group, now })
        await settleOne.runMany(tx, others)
        await insertAttempts.run(tx, settlements.flatMap(attemptRow))
      })
    },
    async forget(tx, sessionId) {
      await tx.db
        .deleteFrom('webhook_attempt')
        .where('event_seq', 'in', (eb) =>
          eb.selectFrom('event').select('seq').where('session_id', '=', sessionId),
        )
        .execute()
      await tx.db.deleteFrom('webhook_delivery').where('session_id', '=', sessionId).execute()
    },
    async sweep(now, stop) {
      while (!stop.aborted) {
        const from = sweptTo
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
        if (last === undefined) {
          sweptTo = 0
          return
        }
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
          await tx.db
            .deleteFrom('webhook_attempt')
            .where('event_seq', '>', from)
            .where('event_seq', '<=', through)
            .where((eb) =>
              eb.not(
                eb.exists(
                  eb
                    .selectFrom('webhook_delivery')
                    .select('event_seq')
                    .whereRef('webhook_delivery.event_seq', '=', 'webhook_attempt.event_seq')
                    .whereRef('webhook_delivery.endpoint', '=', 'webhook_attempt.endpoint')
                    .whereRef('webhook_delivery.lane', '=', 'webhook_attempt.lane'),
                ),
              ),
            )
            .execute()
        })
        sweptTo = through
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

/** A delivery as its row. */
export function rowOf(delivery: Delivery): DeliveryRow {
  return {
    id: delivery.id,
    event_seq: delivery.eventSeq,
    session_id: delivery.sessionId,
    endpoint: delivery.endpoint,
    lane: delivery.lane,
    preset: delivery.preset,
    event_type: delivery.eventType,
    body: delivery.body,
    attempts: delivery.attempts,
    loose: delivery.loose ? 1 : 0,
    created_at: delivery.createdAt,
    due_at: delivery.dueAt,
  }
}

function attemptRow({ delivery, attempt }: Settlement): WebhookAttemptTable[] {
  if (attempt === undefined) return []
  return [
    {
      event_seq: delivery.eventSeq,
      endpoint: delivery.endpoint,
      lane: delivery.lane,
      at: attempt.at,
      took_ms: attempt.tookMs,
      status: attempt.status,
      error: attempt.error,
      answer_type: attempt.answerType,
      answer: attempt.answer,
    },
  ]
}

/** A clock that was set back must not hold a delivery longer than the longest pause between two attempts. */
const longestPauseMs = 29 * 3_600_000

function deliveryOf(row: DeliveryRow, clock: Clock): Delivery {
  const waitMs = Math.min(Math.max(row.due_at - clock.now(), 0), longestPauseMs)
  return {
    id: row.id,
    eventSeq: row.event_seq,
    sessionId: row.session_id,
    endpoint: row.endpoint,
    lane: row.lane,
    preset: row.preset,
    eventType: row.event_type,
    body: row.body,
    attempts: row.attempts,
    loose: row.loose === 1,
    createdAt: row.created_at,
    dueAt: row.due_at,
    notBefore: clock.monotonic() + waitMs,
  }
}
