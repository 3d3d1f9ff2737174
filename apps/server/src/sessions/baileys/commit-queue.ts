import type { Cluster, Lease } from '../../cluster/index.ts'
import type { Database, Tx } from '../../platform/database/index.ts'
import { insertRows, statement, StoreFault } from '../../platform/database/index.ts'
import type { Acquaintance } from './acquaintances.ts'
import type { JournalEntry, Projection } from './journal/entry.ts'
import './tables.ts'

/** A row of the journal as it is stored, and what its readers are told once it is durable (undefined: nothing). */
export interface JournalRow {
  hash: string
  seq: number
  kind: 'message' | 'undecryptable' | 'receipt' | 'keys' | 'history'
  /** Its content, encrypted anew with each call. */
  seal: () => Uint8Array
  /** Whether baileys needs the content again when the same ciphertext comes again. */
  answersAgain: boolean
  receivedAt: number
  entry: JournalEntry | undefined
  /** Whether a row that is there already undoes the step (a ciphertext), or is simply not told again (a receipt). */
  mustBeNew: boolean
}

/** Everything one step changes. All of it is stored in one transaction, fenced, or nothing. */
export interface Step {
  lease: Lease
  puts: readonly { type: string; id: string; sealed: Uint8Array }[]
  deletes: readonly { type: string; id: string }[]
  rows: readonly JournalRow[]
  facts: readonly Acquaintance[]
  /** More to write in the same transaction. May run again: no effects but on the store. */
  also?: (tx: Tx) => Promise<void>
}

/** The ciphertext is in the journal already: the step that opened it again was undone. */
export class AlreadyJournalled extends Error {
  override readonly name = 'AlreadyJournalled'
}

const putKeys = insertRows('signal_key', ['session_id', 'type', 'id', 'sealed'], (insert) =>
  insert.onConflict((conflict) =>
    conflict
      .columns(['session_id', 'type', 'id'])
      .doUpdateSet((eb) => ({ sealed: eb.ref('excluded.sealed') })),
  ),
)
const deleteKey = statement((db, p: { sessionId: number; type: string; id: string }) =>
  db
    .deleteFrom('signal_key')
    .where('session_id', '=', p.sessionId)
    .where('type', '=', p.type)
    .where('id', '=', p.id),
)
const putRows = insertRows(
  'inbox_journal',
  ['session_id', 'hash', 'seq', 'kind', 'sealed', 'state', 'received_at'],
  (insert) => insert.onConflict((conflict) => conflict.doNothing()).returning(['session_id', 'hash']),
)

/** What became of the rows of a transaction. */
interface Written {
  /** Those that were there already. */
  readonly repeated: Set<JournalRow>
  /** Those whose entries were projected in the same transaction. */
  readonly projected: Set<JournalRow>
}

interface Waiting {
  readonly step: Step
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

interface Lane {
  queue: Waiting[]
  isWriting: boolean
}

/**
 * Commits steps of all sessions together: whoever is waiting when the transaction opens shares its statements and its
 * fsync, and so does the projection of what they brought. Steps of one session commit in the order they were asked.
 */
export class CommitQueue {
  readonly #database: Database
  readonly #cluster: Cluster
  readonly #projection: () => Projection | undefined
  readonly #tell: (entries: readonly JournalEntry[]) => void
  readonly #remember: (tx: Tx, facts: readonly Acquaintance[]) => Promise<void>
  readonly #onHistory: (sessionId: number) => void
  readonly #lanes: readonly Lane[]

  constructor(deps: {
    database: Database
    cluster: Cluster
    /** Who projects entries where they are stored; undefined: all are told as owed. */
    projection: () => Projection | undefined
    tell: (entries: readonly JournalEntry[]) => void
    remember: (tx: Tx, facts: readonly Acquaintance[]) => Promise<void>
    /** History of this session waits in the journal. */
    onHistory: (sessionId: number) => void
  }) {
    this.#database = deps.database
    this.#cluster = deps.cluster
    this.#projection = deps.projection
    this.#tell = deps.tell
    this.#remember = deps.remember
    this.#onHistory = deps.onHistory
    // SQLite has one writer. On PostgreSQL a session whose lease row is locked by a take-over must not hold up all others.
    const lanes = deps.database.dialect === 'postgres' ? 4 : 1
    this.#lanes = Array.from({ length: lanes }, () => ({ queue: [], isWriting: false }))
  }

  /**
   * Resolves when the step is durable and its entries are told. Rejects with `Fenced`, `StoreFault`, `AlreadyJournalled`
   * (nothing of the step is stored), or what a listener of facts threw.
   */
  commit(step: Step): Promise<void> {
    return new Promise((resolve, reject) => {
      // The index is within bounds: it is a remainder.
      const lane = this.#lanes[step.lease.sessionId % this.#lanes.length] as Lane
      lane.queue.push({ step, resolve, reject })
      if (!lane.isWriting) void this.#drain(lane)
    })
  }

  async #drain(lane: Lane): Promise<void> {
    lane.isWriting = true
    while (lane.queue.length > 0) {
      let batch: Waiting[] | undefined
      try {
        const written = await this.#database.write((tx) => {
          // Taken when the transaction opens, so that steps that came while it waited for its turn are in it; the same ones if it runs again.
          batch ??= lane.queue.splice(0, MAX_BATCH)
          return this.#write(
            tx,
            batch.map(({ step }) => step),
            this.#projection(),
          )
        })
        this.#settle(batch ?? [], written)
      } catch (error) {
        const failed = batch ?? lane.queue.splice(0)
        if (failed.length <= 1 && error instanceof StoreFault) for (const { reject } of failed) reject(error)
        else await this.#oneByOne(failed)
      }
    }
    lane.isWriting = false
  }

  /** One stale lease, one repeated ciphertext or one entry that cannot be projected must not undo its neighbours. */
  async #oneByOne(failed: readonly Waiting[]): Promise<void> {
    for (const waiting of failed) {
      try {
        // Owed: the projector finds out by itself whether it can be projected, and tells when it cannot.
        const written = await this.#database.write((tx) => this.#write(tx, [waiting.step], undefined))
        this.#settle([waiting], written)
      } catch (error) {
        waiting.reject(error)
      }
    }
  }

  #settle(batch: readonly Waiting[], { repeated, projected }: Written): void {
    const owed: JournalEntry[] = []
    for (const { step } of batch) {
      for (const row of step.rows) {
        if (row.entry !== undefined && !repeated.has(row) && !projected.has(row)) owed.push(row.entry)
        if (row.kind === 'history') this.#onHistory(step.lease.sessionId)
      }
    }
    if (owed.length > 0) this.#tell(owed)
    for (const { resolve } of batch) resolve()
  }

  async #write(tx: Tx, steps: readonly Step[], projection: Projection | undefined): Promise<Written> {
    const leases = new Map<number, Lease>()
    const puts = new Map<string, { session_id: number; type: string; id: string; sealed: Uint8Array }>()
    const deletes: { sessionId: number; type: string; id: string }[] = []
    const rows = new Map<string, { sessionId: number; row: JournalRow }>()
    const written: Written = { repeated: new Set(), projected: new Set() }
    const facts: Acquaintance[] = []
    for (const step of steps) {
      const { sessionId } = step.lease
      const known = leases.get(sessionId)
      if (known !== undefined && known.epoch !== step.lease.epoch) await this.#cluster.fence(tx, step.lease)
      else leases.set(sessionId, step.lease)
      // A later step of the same session wins, as it would in a transaction of its own.
      for (const { type, id } of step.deletes) {
        puts.delete(`${sessionId}|${type}|${id}`)
        deletes.push({ sessionId, type, id })
      }
      for (const { type, id, sealed } of step.puts)
        puts.set(`${sessionId}|${type}|${id}`, { session_id: sessionId, type, id, sealed })
      const isCurrent = step.rows.length > 0 && projection?.isCurrent(sessionId) === true
      for (const row of step.rows) {
        const key = `${sessionId}|${row.hash}`
        if (!rows.has(key)) {
          rows.set(key, { sessionId, row })
          if (isCurrent && row.entry !== undefined) written.projected.add(row)
        } else if (row.mustBeNew) throw new AlreadyJournalled()
        else written.repeated.add(row)
      }
      facts.push(...step.facts)
    }
    for (const lease of leases.values()) await this.#cluster.fence(tx, lease)
    if (deletes.length > 0) await deleteKey.runMany(tx, deletes)
    if (puts.size > 0) await putKeys.run(tx, [...puts.values()])
    if (rows.size > 0) await this.#writeRows(tx, rows, written)
    if (facts.length > 0) await this.#remember(tx, facts)
    for (const { also } of steps) if (also !== undefined) await also(tx)
    const entries = [...written.projected].flatMap(({ entry }) => entry ?? [])
    if (entries.length > 0) await projection?.project(tx, entries)
    return written
  }

  async #writeRows(
    tx: Tx,
    rows: ReadonlyMap<string, { sessionId: number; row: JournalRow }>,
    { repeated, projected }: Written,
  ): Promise<void> {
    const inserted = await putRows.run(
      tx,
      [...rows.values()].map(({ sessionId, row }) => {
        const isProjected = projected.has(row)
        return {
          session_id: sessionId,
          hash: row.hash,
          seq: row.seq,
          kind: row.kind,
          sealed: isProjected && !row.answersAgain ? null : row.seal(),
          // Nobody is owed a row without an entry, but history, which has a worker of its own.
          state: isProjected || (row.entry === undefined && row.kind !== 'history') ? 'done' : 'new',
          received_at: row.receivedAt,
        }
      }),
    )
    if (inserted.length === rows.size) return
    const present = new Set(inserted.map((row) => `${row.session_id}|${row.hash}`))
    for (const [key, { row }] of rows) {
      if (present.has(key)) continue
      if (row.mustBeNew) throw new AlreadyJournalled()
      repeated.add(row)
      projected.delete(row)
    }
  }
}

/** As many steps as one transaction takes at most: bounds what one failure makes to be done again, and how long the event loop waits. */
const MAX_BATCH = 128
