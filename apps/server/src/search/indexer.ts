import './tables.ts'

import type { Clock } from '../platform/clock.ts'
import { type Database, statement, type Tx } from '../platform/database/index.ts'
import type { Log } from '../platform/log.ts'
import type { MessageIndex } from './message-index.ts'
import { idOf, type Indexed, keyOf, termsOf } from './terms.ts'

/** Keeps the index in step with the messages, behind them: receiving a message does not pay for it. */
export interface Indexer extends AsyncDisposable {
  /** Follows the messages until disposed. */
  start(): void
  /** Reads on until everything is indexed, or `maxMs` have passed. What fails is tried again later. */
  catchUp(maxMs: number): Promise<void>
  /** Leaves nothing of removed messages in the index. */
  purge(): Promise<void>
  /** Messages that are not indexed as they are now; of those that were changed since 10,000 at most are counted. */
  lag(): Promise<number>
  /** Told of a failure of the index; answers whether it was one, after which it is made anew. */
  repair(error: unknown): Promise<boolean>
}

/** Of what is indexed and how (words.ts, terms.ts, the tables): raise it with any change there, and every hub makes its index anew. */
const format = 3

/** Messages per transaction: some milliseconds, because every other writer of the process waits meanwhile. */
const usualBatch = 300
const lookEveryMs = 1_000
const retryAfterMs = 5_000
/** Pause per time worked: a large backlog may take a tenth of the process, not more. */
const restPerWork = 9

const progress = statement((db, _: object, { dialect }) => {
  const row = db.selectFrom('search_progress').select(['format', 'message_id']).where('name', '=', 'message')
  // One process at a time; the others need not wait for what it does already.
  return dialect === 'postgres' ? row.forUpdate().skipLocked() : row
})
const progressSeen = statement((db, _: object) =>
  db.selectFrom('search_progress').select(['format', 'message_id']).where('name', '=', 'message'),
)
const advance = statement((db, p: { format: number; messageId: number }) =>
  db
    .updateTable('search_progress')
    .set({ format: p.format, message_id: p.messageId })
    .where('name', '=', 'message'),
)
const indexed = [
  'id',
  'session_id',
  'chat_jid',
  'sender_jid',
  'from_me',
  'type',
  'body',
  'sent_at',
  'shown',
] as const
const messagesAfter = statement((db, p: { after: number; limit: number }) =>
  db.selectFrom('message').select(indexed).where('id', '>', p.after).orderBy('id').limit(p.limit),
)
const messagesAmong = statement((db, p: { ids: readonly number[] }, { among }) =>
  db.selectFrom('message').select(indexed).where(among('id', p.ids)),
)
const newestId = statement((db, _: object) =>
  db.selectFrom('message').select('id').orderBy('id', 'desc').limit(1),
)
const changes = statement((db, p: { limit: number }) =>
  db.selectFrom('search_change').select(['message_id', 'sent_at']).orderBy('message_id').limit(p.limit),
)
const settle = statement((db, p: { ids: readonly number[] }, { among }) =>
  db.deleteFrom('search_change').where(among('message_id', p.ids)),
)
const changesWaiting = statement((db, p: { most: number }) =>
  db
    .selectFrom(db.selectFrom('search_change').select('message_id').limit(p.most).as('waiting'))
    .select(({ fn }) => fn.countAll<number>().as('count')),
)
/** Counting takes time by the row, and is asked for with every search and every look at the metrics. */
const mostCounted = 10_000

export function createIndexer({
  database,
  index,
  clock,
  log,
  batch = usualBatch,
}: {
  database: Database
  index: MessageIndex
  clock: Clock
  log: Log
  /** Messages per transaction; more where nobody else writes. */
  batch?: number
}): Indexer {
  const stopping = new AbortController()
  let timer: Disposable | undefined
  /** One step at a time in this process. */
  let last: Promise<unknown> = Promise.resolve()
  let following: Promise<void> | undefined

  /** One transaction's worth of work; answers whether there may be more. */
  function step(): Promise<boolean> {
    const next = last.then(async () => {
      if (stopping.signal.aborted || !(await hasWork())) return false
      return database.write(readOn)
    })
    last = next.catch(() => {})
    return next
  }

  async function hasWork(): Promise<boolean> {
    const [seen, newest, waiting] = await Promise.all([
      progressSeen.first(database, {}),
      newestId.first(database, {}),
      changes.first(database, { limit: 1 }),
    ])
    return seen?.format !== format || (newest?.id ?? 0) > seen.message_id || waiting !== undefined
  }

  async function readOn(tx: Tx): Promise<boolean> {
    const at = await progress.first(tx, {})
    if (at === undefined) return false
    if (at.format !== format) {
      await makeAnew(tx)
      return true
    }
    const changed = await readAgain(tx, at.message_id)
    const rows = await messagesAfter.all(tx, { after: at.message_id, limit: batch })
    const end = rows.at(-1)
    if (end !== undefined) {
      await add(tx, rows)
      await advance.run(tx, { format, messageId: end.id })
    }
    return changed === batch || rows.length === batch
  }

  async function readAgain(tx: Tx, readUntil: number): Promise<number> {
    const changed = await changes.all(tx, { limit: batch })
    if (changed.length === 0) return 0
    // First: whoever changes one of them from here on notes it again.
    await settle.run(tx, { ids: changed.map((row) => row.message_id) })
    const read = changed.filter((row) => row.message_id <= readUntil)
    if (read.length === 0) return changed.length
    const keys = read.map((row) => keyOf({ id: row.message_id, sent_at: row.sent_at }))
    await index.remove(tx, keys)
    await add(tx, await messagesAmong.all(tx, { ids: keys.map(idOf) }))
    return changed.length
  }

  async function add(tx: Tx, rows: readonly (Indexed & { shown: number })[]): Promise<void> {
    const entries = rows
      .filter((row) => row.shown === 1)
      .map((row) => ({ key: keyOf(row), terms: termsOf(row) }))
    await index.add(
      tx,
      entries.filter(({ terms }) => terms.length > 0),
    )
  }

  async function makeAnew(tx: Tx): Promise<void> {
    await index.create(tx)
    await tx.db.deleteFrom('search_change').execute()
    await advance.run(tx, { format, messageId: 0 })
  }

  async function repair(error: unknown): Promise<boolean> {
    if (!index.isBroken(error)) return false
    log.error({ error }, 'the search index is missing or damaged; making it anew from the messages')
    await database.write(async (tx) => {
      if ((await progress.first(tx, {})) !== undefined) await makeAnew(tx)
    })
    return true
  }

  /** A step whose failure is reported here; how long to wait before the next. */
  async function reported(): Promise<{ more: boolean; pauseMs: number }> {
    const began = clock.monotonic()
    try {
      const more = await step()
      const workedMs = clock.monotonic() - began
      return { more, pauseMs: more ? workedMs * restPerWork : lookEveryMs }
    } catch (error) {
      const repaired = await repair(error).catch(() => false)
      if (!repaired) log.warn({ error, retryAfterMs }, 'messages could not be indexed for the search')
      return { more: repaired, pauseMs: repaired ? 0 : retryAfterMs }
    }
  }

  function follow(afterMs: number): void {
    timer = clock.after(afterMs, () => {
      following = reported().then(({ pauseMs }) => {
        if (!stopping.signal.aborted) follow(pauseMs)
      })
    })
  }

  return {
    start: () => follow(0),
    async catchUp(maxMs) {
      const began = clock.monotonic()
      while (!stopping.signal.aborted) {
        const { more } = await reported()
        if (!more || clock.monotonic() - began >= maxMs) return
      }
    },
    async purge() {
      for (let more = true; more && !stopping.signal.aborted;) more = await step()
      for (let done = 0; !stopping.signal.aborted; done++)
        if (!(await database.write((tx) => index.compact(tx, done)))) return
    },
    async lag() {
      const [seen, newest, waiting] = await Promise.all([
        progressSeen.first(database, {}),
        newestId.first(database, {}),
        changesWaiting.first(database, { most: mostCounted }),
      ])
      const readUntil = seen?.format === format ? seen.message_id : 0
      return Math.max(0, (newest?.id ?? 0) - readUntil) + (waiting?.count ?? 0)
    },
    repair,
    async [Symbol.asyncDispose]() {
      stopping.abort()
      timer?.[Symbol.dispose]()
      await Promise.all([following, last])
    },
  }
}
