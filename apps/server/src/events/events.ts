import './tables.ts'

import type { EventType } from '@inbox-hub/contract'

import { sql } from 'kysely'

import type { Clock } from '../platform/clock.ts'
import { type Database, insertRows, nextIntegers, statement, type Tx } from '../platform/database/index.ts'
import { keepHouse } from '../platform/housekeeping.ts'
import type { Log } from '../platform/log.ts'
import { createFeed } from './feed.ts'
import type { Events, NewEvent, StoredEvent } from './index.ts'
import { sweepEvents, sweptUpTo } from './retention.ts'

/**
 * Appended in the transaction that stores its message, which message_once lets happen once. An index of these ids, hashes all over it,
 * would only cost each message another page and a look-up: some 10 µs, the page not counted.
 */
const onceByItsMessage = 'message.received' satisfies EventType

const storedAmong = statement((db, p: { ids: readonly string[] }, { among }) =>
  db
    .selectFrom('event')
    .select('id')
    // As a literal: the index is one of those without it.
    .where('type', '<>', sql.lit(onceByItsMessage))
    .where(among('id', p.ids)),
)
const storedAs = statement((db, p: { seq: number; id: string }) =>
  db.selectFrom('event').select('seq').where('seq', '=', p.seq).where('id', '=', p.id),
)
const newestOfSession = statement((db, p: { sessionId: number }) =>
  db
    .selectFrom('event')
    .select('session_seq')
    .where('session_id', '=', p.sessionId)
    .orderBy('session_seq', 'desc')
    .limit(1),
)
const firstFrom = statement((db, p: { seq: number }) =>
  db.selectFrom('event').select(['seq', 'at']).where('seq', '>=', p.seq).orderBy('seq').limit(1),
)
const insert = insertRows('event', ['seq', 'id', 'session_id', 'session_seq', 'type', 'data', 'at'])

const sweepEveryMs = 3_600_000

export interface EventsDeps {
  database: Database
  log: Log
  clock: Clock
}

export function createEvents({ database, log, clock }: EventsDeps): Events {
  const hooks: Parameters<Events['whileAppending']>[0][] = []
  const feed = createFeed({
    log,
    clock,
    isStored: async ({ seq, id }) => (await storedAs.first(database, { seq, id })) !== undefined,
  })

  const numbered = createNumbering()

  async function append(tx: Tx, events: readonly NewEvent[]): Promise<readonly StoredEvent[]> {
    const fresh = await unknown(tx, events)
    if (fresh.length === 0) return []
    const stored = await numbered(tx, fresh)
    await insert.run(
      tx,
      stored.map((event) => ({
        seq: event.seq,
        id: event.id,
        session_id: event.sessionId,
        session_seq: event.sessionSeq,
        type: event.type,
        data: JSON.stringify(event.data),
        at: event.at,
      })),
    )
    const batch = feed.numbered(stored)
    for (const hook of hooks) {
      const then = await hook(tx, stored)
      if (then !== undefined) batch.thens.push(then)
    }
    tx.afterCommit(() => feed.committed(batch))
    return stored
  }

  const house = keepHouse({
    what: 'old events',
    everyMs: sweepEveryMs,
    work: ({ now, stop }) => sweepEvents(database, now, stop),
    clock,
    log,
  })

  return {
    append,
    whileAppending: (work) => void hooks.push(work),
    subscribe: (listener) => feed.subscribe(listener),
    async after(seq, { sessionIds, types, limit }) {
      if (sessionIds?.length === 0 || types?.length === 0) return []
      let query = database.read.selectFrom('event').selectAll().where('seq', '>', seq)
      if (sessionIds !== undefined) query = query.where('session_id', 'in', sessionIds)
      if (types !== undefined) query = query.where('type', 'in', types)
      const rows = await query.orderBy('seq').limit(limit).execute()
      return rows.map((row) => ({
        seq: row.seq,
        sessionSeq: row.session_seq,
        id: row.id,
        sessionId: row.session_id,
        type: row.type as EventType, // only append() writes this column
        data: JSON.parse(row.data) as object, // only append() writes this column, and it takes objects
        at: row.at,
      }))
    },
    async firstSince(at) {
      const newest = await newestOf(database)
      let [low, high] = [0, newest + 1]
      // Halving: events are not indexed by time, and stand in its order but for moments.
      while (low < high) {
        const middle = Math.floor((low + high) / 2)
        const event = await firstFrom.first(database, { seq: middle })
        if (event === undefined || event.at >= at) high = middle
        else low = event.seq + 1
      }
      return low
    },
    async forget(tx, sessionId) {
      await tx.db.deleteFrom('event').where('session_id', '=', sessionId).execute()
    },
    latest: () => newestOf(database),
    keptAfter: () => sweptUpTo(database),
    [Symbol.asyncDispose]: () => house[Symbol.asyncDispose](),
  }
}

async function newestOf(database: Database): Promise<number> {
  const row = await database.read
    .selectFrom('event')
    .select('seq')
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
  return row?.seq ?? 0
}

/** The events that are not stored yet: doing work again must not tell it again, and must not leave holes in `seq`. */
async function unknown(tx: Tx, events: readonly NewEvent[]): Promise<readonly NewEvent[]> {
  const ids = events.filter(({ type }) => type !== onceByItsMessage).map(({ id }) => id)
  const rows = ids.length === 0 ? [] : await storedAmong.all(tx, { ids })
  const seen = new Set(rows.map((row) => row.id))
  return events.filter((event) => {
    if (seen.has(event.id)) return false
    seen.add(event.id)
    return true
  })
}

/**
 * Gives out the numbers. The counter's row is taken first and held until the commit, so whoever follows reads our `session_seq` and
 * commits after us: both sequences grow without holes, in the order of commits.
 */
function createNumbering(): (tx: Tx, events: readonly NewEvent[]) => Promise<readonly StoredEvent[]> {
  /** The last `session_seq` of sessions, as of the event before `next`. */
  const last = new Map<number, number>()
  let next = 0

  return async (tx, events) => {
    const seqs = await nextIntegers(tx, 'event', events.length)
    // Another first number than the expected one: another process has appended since, or our own last transaction was undone.
    if (seqs[0] !== next) last.clear()
    next = (seqs.at(-1) ?? 0) + 1
    const unread = new Set(events.map((event) => event.sessionId).filter((sessionId) => !last.has(sessionId)))
    await Promise.all(
      Array.from(unread, async (sessionId) => {
        const row = await newestOfSession.first(tx, { sessionId })
        last.set(sessionId, row?.session_seq ?? 0)
      }),
    )
    return events.map((event, index) => {
      const sessionSeq = (last.get(event.sessionId) ?? 0) + 1
      last.set(event.sessionId, sessionSeq)
      return { ...event, seq: seqs[index] ?? Number.NaN, sessionSeq }
    })
  }
}
