/**
 * The store: SQLite in the data directory, or PostgreSQL, under the same Kysely code.
 *
 * Cold paths (routes, commands) just write Kysely: `await database.read.selectFrom('session')…execute()` and
 * `await database.write(async (tx) => { await tx.db.insertInto('session').values(row).execute() })`.
 *
 * Hot paths (per message, per ratchet step, per delivery) never build a query per call. They declare it once:
 *
 * ```ts
 * const storeKey = statement((db, p: { sessionId: number; type: string; id: string; sealed: Uint8Array }) =>
 *   db
 *     .insertInto('signal_key')
 *     .values({ session_id: p.sessionId, type: p.type, id: p.id, sealed: p.sealed })
 *     .onConflict((conflict) =>
 *       conflict.columns(['session_id', 'type', 'id']).doUpdateSet((eb) => ({ sealed: eb.ref('excluded.sealed') })),
 *     ),
 * )
 * const keysOfType = statement((db, p: { sessionId: number; type: string; ids: readonly string[] }, { among }) =>
 *   db
 *     .selectFrom('signal_key')
 *     .select(['id', 'sealed'])
 *     .where('session_id', '=', p.sessionId)
 *     .where('type', '=', p.type)
 *     .where(among('id', p.ids)),
 * )
 *
 * const rows = await keysOfType.all(database, { sessionId, type, ids }) // committed data
 * await database.write(async (tx) => {
 *   await storeKey.runMany(tx, rows) // SQLite: a loop of one prepared statement; Postgres: pipelined
 *   await keysOfType.all(tx, { sessionId, type, ids }) // sees what this transaction wrote
 * })
 * ```
 *
 * And many rows into one table: `const storeEvents = insertRows('event', ['seq', 'id', …])`, then `storeEvents.run(tx, rows)`.
 *
 * What portable code keeps to:
 * - Values are strings, safe integers or other finite numbers, null and `Uint8Array`. Booleans, dates and objects are refused: say 0/1, Unix ms, JSON.
 * - A NUL character inside a string is stored as U+FFFD (PostgreSQL cannot hold it, and a stranger can send one).
 * - Avoid errors you mean to survive: on PostgreSQL a failed statement dooms its transaction. Use `onConflict`, not `catch`.
 * - `work` given to `write` may run again after a deadlock (PostgreSQL): no effects but on the store; the rest belongs in `afterCommit`.
 * - Inside `write` use `tx`, never `database`: the transaction would wait for itself, or read the past.
 */
import type { Kysely } from 'kysely'

import type { SqlRunner } from './sql.ts'

export { openDatabase, type OpenOptions } from './open.ts'
export { readSqlite } from './sqlite/database.ts'
export { insertRows, statement, type StatementTarget } from './statement.ts'
export { nextIntegers } from './counter.ts'
export { DataDirInUse } from '../data-dir.ts'
export { StoreFault, violation } from './faults.ts'

/**
 * Every table, by name. Each domain adds its own with module augmentation beside its queries:
 * `declare module '../platform/database/index.ts' { interface Tables { message: MessageTable } }`
 */
// oxlint-disable-next-line typescript/no-empty-interface, typescript/no-empty-object-type
export interface Tables {}

/** One open transaction. Never await the network inside it, and never use `Database.read` inside it. */
export interface Tx {
  readonly db: Kysely<Tables>
  /** What `statement(…)` runs on. */
  readonly sql: SqlRunner
  /** Runs after the commit is durable, never after a rollback, in the order of registration. */
  afterCommit(run: () => void): void
}

/**
 * The store: SQLite in the data directory, or PostgreSQL. The same Kysely code runs on both.
 * Portable columns only: TEXT, INTEGER, BIGINT (Unix ms, read as number), BYTEA (Uint8Array in, Uint8Array out), JSON as TEXT.
 */
export interface Database extends AsyncDisposable {
  readonly dialect: 'sqlite' | 'postgres'
  /** Committed data that is on the disk, outside any transaction. */
  readonly read: Kysely<Tables>
  /** What `statement(…)` runs on outside transactions: the same, for reading only. */
  readonly sql: SqlRunner
  /**
   * Runs `work` in a transaction and resolves when its changes are durable. On SQLite, writers of one turn
   * of the event loop share one transaction and one fsync, a savepoint each: one that throws undoes only itself.
   * Rejects with what `work` threw, or with `StoreFault` when the store itself failed (disk full, connection lost).
   */
  write<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /** Resolves when the store can commit again; rejects with `StoreFault` when it cannot. */
  probe(): Promise<void>
}
