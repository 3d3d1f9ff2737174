import { sql } from 'kysely'

import type { Clock } from '../../../platform/clock.ts'
import type { Database, Tx } from '../../../platform/database/index.ts'
import { statement } from '../../../platform/database/index.ts'
import type { Log } from '../../../platform/log.ts'
import type { Sealer } from '../../../platform/secrets/index.ts'
import type { Journal, JournalEntry, Projection } from './entry.ts'
import '../tables.ts'
import { journalContext } from './inbox.ts'
import type { RowPlace } from './record.ts'
import { entryOf, unpackRecord } from './record.ts'

/** How long the plaintext of a projected message is kept, to answer a redelivery with it. */
const PLAINTEXT_KEPT_MS = 72 * 60 * 60_000
/** How long its hash is kept, to know a redelivery when it comes. WhatsApp keeps undelivered messages 30 days, acknowledged ones never. */
const HASH_KEPT_MS = 14 * 24 * 60 * 60_000
/** Rows that one sweep touches at most: it shares the one writer with the live messages. */
const SWEEP_ROWS = 2_000

const owedRows = statement((db, p: { sessionId: number; limit: number; after: number }) =>
  db
    .selectFrom('inbox_journal')
    .select(['hash', 'seq', 'sealed', 'received_at'])
    .where('session_id', '=', p.sessionId)
    .where('state', '=', 'new')
    .where('kind', '!=', 'history')
    .where('seq', '>', p.after)
    .orderBy('seq')
    .limit(p.limit),
)
const owingSessions = statement((db, _p: object) =>
  db
    .selectFrom('inbox_journal')
    .select('session_id')
    .distinct()
    .where('state', '=', 'new')
    .where('kind', '!=', 'history'),
)
// By their place in the order: the index of what is owed is small, the one of hashes is as large as the journal.
const settleRows = statement((db, p: { places: readonly (readonly [number, number])[] }, { amongPairs }) =>
  db
    .updateTable('inbox_journal')
    .set({ state: 'done' })
    .where('state', '=', sql.lit('new'))
    .where(amongPairs(['session_id', 'seq'], p.places)),
)
const newestOwed = statement((db, p: { sessionId: number }) =>
  db
    .selectFrom('inbox_journal')
    .select((eb) => eb.fn.max('seq').as('seq'))
    .where('session_id', '=', p.sessionId)
    .where('state', '=', 'new'),
)
const clearPlaintext = statement((db, p: { before: number; limit: number }) =>
  db
    .updateTable('inbox_journal')
    .set({ sealed: null })
    .where((eb) =>
      eb(
        eb.refTuple('session_id', 'hash'),
        'in',
        eb
          .selectFrom('inbox_journal as old')
          .select(['old.session_id', 'old.hash'])
          .where('old.received_at', '<', p.before)
          .where('old.state', '=', 'done')
          .where('old.sealed', 'is not', null)
          .limit(p.limit)
          .$asTuple('session_id', 'hash'),
      ),
    ),
)
const forgetRows = statement((db, p: { before: number; limit: number }) =>
  db
    .deleteFrom('inbox_journal')
    .where((eb) =>
      eb(
        eb.refTuple('session_id', 'hash'),
        'in',
        eb
          .selectFrom('inbox_journal as old')
          .select(['old.session_id', 'old.hash'])
          .where('old.received_at', '<', p.before)
          .where('old.state', '=', 'done')
          .limit(p.limit)
          .$asTuple('session_id', 'hash'),
      ),
    ),
)

/** The durable queue between sockets and projector, for all sessions of the process. */
export class EntryJournal implements Journal {
  readonly #database: Database
  readonly #clock: Clock
  readonly #log: Log
  readonly #sealerOf: (sessionId: number) => Promise<Sealer>
  readonly #listeners = new Set<(entries: readonly JournalEntry[]) => void>()
  readonly #lastSeq = new Map<number, number>()
  /** Who projects entries where they are stored. */
  projection: Projection | undefined

  constructor(deps: {
    database: Database
    clock: Clock
    log: Log
    sealerOf: (sessionId: number) => Promise<Sealer>
  }) {
    this.#database = deps.database
    this.#clock = deps.clock
    this.#log = deps.log
    this.#sealerOf = deps.sealerOf
  }

  onEntries(listener: (entries: readonly JournalEntry[]) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  /** Tells entries that became durable. A listener that throws is its own business: the entries stay owed. */
  tell(entries: readonly JournalEntry[]): void {
    for (const listener of this.#listeners) {
      try {
        listener(entries)
      } catch (error) {
        this.#log.error({ error, count: entries.length }, 'a reader of the journal threw')
      }
    }
  }

  async owing(): Promise<readonly number[]> {
    return (await owingSessions.all(this.#database, {})).map(({ session_id }) => session_id)
  }

  async owed(sessionId: number, limit: number, after: number): Promise<readonly JournalEntry[]> {
    const rows = await owedRows.all(this.#database, { sessionId, limit, after })
    if (rows.length === 0) return []
    const sealer = await this.#sealerOf(sessionId)
    const entries: JournalEntry[] = []
    for (const { hash, seq, sealed, received_at } of rows) {
      if (sealed === null) continue
      const place: RowPlace = { sessionId, seq, hash, receivedAt: received_at }
      const entry = entryOf(unpackRecord(sealer.open(sealed, journalContext(sessionId, hash))), place)
      if (entry !== undefined) entries.push(entry)
    }
    return entries
  }

  async settle(tx: Tx, entries: readonly JournalEntry[]): Promise<void> {
    await settleRows.run(tx, { places: entries.map(({ sessionId, seq }) => [sessionId, seq] as const) })
  }

  projectWith(projection: Projection): void {
    this.projection = projection
  }

  /** Continues after what the session is still owed, also when the clock was set back since. */
  async prepare(sessionId: number): Promise<void> {
    if (this.#lastSeq.has(sessionId)) return
    const newest = (await newestOwed.first(this.#database, { sessionId }))?.seq ?? 0
    this.#lastSeq.set(sessionId, Math.max(newest, this.#lastSeq.get(sessionId) ?? 0))
  }

  /** The next place in the session's order: microseconds, so that no counter has to be stored; never the same twice. */
  nextSeq(sessionId: number): number {
    const seq = Math.max((this.#lastSeq.get(sessionId) ?? 0) + 1, this.#clock.now() * 1000)
    this.#lastSeq.set(sessionId, seq)
    return seq
  }

  /** Clears old plaintext and forgets old hashes, a bounded number at a time. Answers how many rows it touched. */
  async sweep(): Promise<number> {
    const now = this.#clock.now()
    const cleared = await this.#database.write((tx) =>
      clearPlaintext.run(tx, { before: now - PLAINTEXT_KEPT_MS, limit: SWEEP_ROWS }),
    )
    const forgotten = await this.#database.write((tx) =>
      forgetRows.run(tx, { before: now - HASH_KEPT_MS, limit: SWEEP_ROWS }),
    )
    return cleared + forgotten
  }
}
