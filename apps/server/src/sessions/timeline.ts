import './tables.ts'

import type { EventType } from '@inbox-hub/contract'

import type { Events, NewEvent } from '../events/index.ts'
import type { Clock } from '../platform/clock.ts'
import { type Database, insertRows, statement, StoreFault, type Tx } from '../platform/database/index.ts'
import type { Log } from '../platform/log.ts'
import type { Wish } from './session-state.ts'

export type TimelineDetail = Readonly<Record<string, string | number | boolean | null>>

/** Something that happened to a session, and the event that tells the world, if it is to be told. */
export interface Happening {
  at: number
  generation: number
  /** 'state', 'told', 'qr', 'end', …, or the name of a dial's step. */
  kind: string
  detail: TimelineDetail
  event?: { type: EventType; data: object }
}

/** Columns of the session row that change with what happened; those left out stay. */
export interface Mirror {
  wish?: Wish
  state?: string
  lastError?: string
  me?: { pn: string | null; lid: string | null; pushName: string | null }
}

export interface TimelineRow extends Omit<Happening, 'event'> {
  seq: number
}

/**
 * What happened to each session, row by row, written with its events and the mirror row in one transaction. Sessions are not held up by
 * it: what many of them do in one turn of the event loop is one transaction, and what the store refuses is kept and tried again.
 */
export interface Timeline extends AsyncDisposable {
  add(sessionId: number, happenings: readonly Happening[], mirror: Mirror): void
  /** Resolves when all that was added before is stored, or when the store refuses it. */
  flushed(): Promise<void>
  /** Newest first, what is not stored yet included. */
  page(
    sessionId: number,
    page: { offset: number; limit: number },
  ): Promise<{ rows: TimelineRow[]; total: number }>
  /** Rows older than 30 days, and all but the newest 2,000 of each session, go. */
  sweep(signal: AbortSignal): Promise<void>
}

const keptMs = 30 * 86_400_000
const keptRows = 2_000
/** Per session, while the store takes nothing. */
const waitingLimit = 200
/**
 * What happens is stored this much later, with what many sessions did meanwhile: the first QR of a dial does not wait for a disk.
 * A crash in between loses only what was true of sockets that died with it.
 */
const gatherMs = 40

interface Owed {
  happenings: Happening[]
  mirror: Mirror
}

const advance = statement((db, p: { id: number; count: number }) =>
  db
    .updateTable('session')
    .set((eb) => ({ timeline_seq: eb('timeline_seq', '+', p.count) }))
    .where('id', '=', p.id)
    .returning('timeline_seq'),
)
const saveState = statement((db, p: { id: number; state: string; at: number }) =>
  db.updateTable('session').set({ state: p.state, updated_at: p.at }).where('id', '=', p.id),
)
const saveWish = statement((db, p: { id: number; wish: Wish }) =>
  db.updateTable('session').set({ wish: p.wish }).where('id', '=', p.id),
)
const saveError = statement((db, p: { id: number; error: string }) =>
  db.updateTable('session').set({ last_error: p.error }).where('id', '=', p.id),
)
const saveMe = statement(
  (db, p: { id: number; pn: string | null; lid: string | null; pushName: string | null }) =>
    db
      .updateTable('session')
      .set({ me_pn: p.pn, me_lid: p.lid, push_name: p.pushName })
      .where('id', '=', p.id),
)
const insertTimeline = insertRows('session_timeline', [
  'session_id',
  'seq',
  'at',
  'generation',
  'kind',
  'detail',
])

export function createTimeline({
  database,
  events,
  clock,
  log,
}: {
  database: Database
  events: Pick<Events, 'append'>
  clock: Clock
  log: Log
}): Timeline {
  let owed = new Map<number, Owed>()
  /** Being written now: readers see it as well. */
  let writing: ReadonlyMap<number, Owed> = new Map()
  let running: Promise<void> | undefined
  /** Until the next transaction, or the next try. */
  let timer: Disposable | undefined
  let failures = 0
  /** Counts what `page` must not miss: a batch moving from memory to the store. */
  let moves = 0

  function wake(): void {
    if (running !== undefined || timer !== undefined || owed.size === 0) return
    timer = clock.after(gatherMs, flushNow)
  }

  function flushNow(): void {
    timer?.[Symbol.dispose]()
    timer = undefined
    if (running !== undefined || owed.size === 0) return
    running = flush().finally(() => {
      running = undefined
      wake()
    })
  }

  async function flush(): Promise<void> {
    writing = owed
    owed = new Map()
    try {
      await store(writing)
      failures = 0
    } catch (error) {
      putBack(writing)
      const retryAfterMs = Math.min(30_000, 1_000 * 2 ** failures)
      failures += 1
      log.warn({ error, retryAfterMs, count: owed.size }, 'what happened to sessions is not stored yet')
      timer = clock.after(retryAfterMs, flushNow)
    } finally {
      moves += 1
      writing = new Map()
    }
  }

  async function store(batch: ReadonlyMap<number, Owed>): Promise<void> {
    try {
      await database.write((tx) => write(tx, batch))
    } catch (error) {
      if (error instanceof StoreFault) throw error
      if (batch.size > 1) {
        // One of them cannot be written: the others can.
        for (const [sessionId, one] of batch) await store(new Map([[sessionId, one]]))
        return
      }
      for (const sessionId of batch.keys())
        log.error({ error, sessionId }, 'what happened to the session could not be written; left out')
    }
  }

  async function write(tx: Tx, batch: ReadonlyMap<number, Owed>): Promise<void> {
    const rows: {
      session_id: number
      seq: number
      at: number
      generation: number
      kind: string
      detail: string
    }[] = []
    const told: NewEvent[] = []
    // In order of id, so that two nodes cannot wait for each other's rows.
    const sessions = [...batch].sort(([a], [b]) => a - b)
    const numbered = await Promise.all(
      sessions.map(([id, { happenings }]) => advance.first(tx, { id, count: happenings.length })),
    )
    const changes: Promise<unknown>[] = []
    for (const [index, [id, { happenings, mirror }]] of sessions.entries()) {
      const last = numbered[index]?.timeline_seq
      if (last === undefined) continue // purged meanwhile
      for (const [place, { at, generation, kind, detail, event }] of happenings.entries()) {
        const seq = last - happenings.length + 1 + place
        rows.push({ session_id: id, seq, at, generation, kind, detail: JSON.stringify(detail) })
        if (event !== undefined) told.push({ ...event, sessionId: id, at, id: `session.${id}.${seq}` })
      }
      const at = happenings.at(-1)?.at ?? clock.now()
      if (mirror.state !== undefined) changes.push(saveState.run(tx, { id, state: mirror.state, at }))
      if (mirror.wish !== undefined) changes.push(saveWish.run(tx, { id, wish: mirror.wish }))
      if (mirror.lastError !== undefined) changes.push(saveError.run(tx, { id, error: mirror.lastError }))
      if (mirror.me !== undefined) changes.push(saveMe.run(tx, { id, ...mirror.me }))
    }
    await Promise.all([...changes, insertTimeline.run(tx, rows)])
    if (told.length > 0) await events.append(tx, told)
  }

  function putBack(batch: ReadonlyMap<number, Owed>): void {
    for (const [sessionId, { happenings, mirror }] of batch) {
      const newer = owed.get(sessionId)
      const all = [...happenings, ...(newer?.happenings ?? [])]
      if (all.length > waitingLimit)
        log.warn(
          { sessionId, count: all.length - waitingLimit },
          'too much waits for the store: the oldest goes',
        )
      owed.set(sessionId, {
        happenings: all.slice(-waitingLimit),
        mirror: { ...mirror, ...newer?.mirror },
      })
    }
  }

  async function storedPage(
    sessionId: number,
    offset: number,
    limit: number,
  ): Promise<{ stored: TimelineRow[]; total: number }> {
    const [counted, rows] = await Promise.all([
      database.read
        .selectFrom('session_timeline')
        .select((eb) => eb.fn.countAll<number>().as('total'))
        .where('session_id', '=', sessionId)
        .executeTakeFirst(),
      database.read
        .selectFrom('session_timeline')
        .selectAll()
        .where('session_id', '=', sessionId)
        .orderBy('seq', 'desc')
        .offset(offset)
        .limit(limit)
        .execute(),
    ])
    const stored = rows.map(({ seq, at, generation, kind, detail }) => ({
      seq,
      at,
      generation,
      kind,
      detail: JSON.parse(detail) as TimelineDetail, // only write() fills this column
    }))
    return { stored, total: counted?.total ?? 0 }
  }

  return {
    add(sessionId, happenings, mirror) {
      const waiting = owed.get(sessionId)
      if (waiting === undefined) owed.set(sessionId, { happenings: [...happenings], mirror: { ...mirror } })
      else {
        waiting.happenings.push(...happenings)
        Object.assign(waiting.mirror, mirror)
      }
      wake()
    },

    async flushed() {
      await running
      // What the store refused waits for its next try.
      if (failures === 0) flushNow()
      await running
    },

    async page(sessionId, { offset, limit }) {
      for (;;) {
        const before = moves
        const waiting = [writing, owed].flatMap((batch) => batch.get(sessionId)?.happenings ?? [])
        const { stored, total } = await storedPage(sessionId, Math.max(0, offset - waiting.length), limit)
        // A batch that was stored meanwhile was seen twice: look again.
        if (moves !== before) continue
        const next = (stored[0]?.seq ?? 0) + 1
        const unstored = waiting
          .map(({ at, generation, kind, detail }, place) => ({
            seq: next + place,
            at,
            generation,
            kind,
            detail,
          }))
          .reverse()
          .slice(offset)
        return { rows: [...unstored, ...stored].slice(0, limit), total: total + waiting.length }
      }
    },

    async sweep(signal) {
      const sessions = await database.read.selectFrom('session').select(['id', 'timeline_seq']).execute()
      const oldest = clock.now() - keptMs
      for (const { id, timeline_seq: last } of sessions) {
        if (signal.aborted) return
        await database.write((tx) =>
          tx.db
            .deleteFrom('session_timeline')
            .where('session_id', '=', id)
            .where((eb) => eb.or([eb('seq', '<=', last - keptRows), eb('at', '<', oldest)]))
            .execute(),
        )
      }
    },

    async [Symbol.asyncDispose]() {
      await running
      flushNow()
      await running
      timer?.[Symbol.dispose]()
    },
  }
}
