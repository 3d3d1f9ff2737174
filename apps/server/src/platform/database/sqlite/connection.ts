import { DatabaseSync, type SQLOutputValue, type StatementSync } from 'node:sqlite'

import { LRUCache } from 'lru-cache'

import { StoreFault } from '../faults.ts'
import { bindable, type SqlResult, type SqlRunner } from '../sql.ts'

/**
 * Statements kept prepared per connection. An uncached one costs six times the memory and a parse per call;
 * the product has about 150, so the bound only guards against queries built with varying text.
 */
const maxPrepared = 500

/** How long a statement waits for another process (a shell, a backup) that is writing. It blocks the event loop. */
const busyTimeoutMs = 1_000

interface Prepared {
  readonly statement: StatementSync
  /** Names of what it answers; empty when it answers no rows. */
  readonly columns: readonly string[]
}

/** One connection to the SQLite file. Synchronous: each call has finished, on the disk's side too, when it returns. */
export class SqliteConnection implements SqlRunner, Disposable {
  readonly dialect = 'sqlite'
  readonly #db: DatabaseSync
  readonly #prepared = new LRUCache<string, Prepared>({ max: maxPrepared })

  constructor(path: string, { readOnly }: { readOnly: boolean }) {
    this.#db = opened(
      () => new DatabaseSync(path, { timeout: busyTimeoutMs, readOnly, enableForeignKeyConstraints: true }),
    )
  }

  /** Runs statements without values, as in a migration. */
  script(sql: string): void {
    opened(() => this.#db.exec(sql))
  }

  /** SQLite rolls a transaction back by itself when the disk is full or broken. */
  get inTransaction(): boolean {
    return this.#db.isTransaction
  }

  execute(sql: string, values: readonly unknown[] = []): SqlResult {
    const bound = bindable(values, sql)
    try {
      let prepared = this.#prepared.get(sql)
      if (prepared === undefined) {
        const statement = this.#db.prepare(sql)
        // Rows as arrays, made into objects here: half the cost of the objects that node:sqlite makes.
        statement.setReturnArrays(true)
        prepared = { statement, columns: statement.columns().map(({ name }) => name) }
        this.#prepared.set(sql, prepared)
      }
      const { statement, columns } = prepared
      if (columns.length > 0) {
        // setReturnArrays above, which the types do not know of.
        const answers = statement.all(...bound) as unknown as readonly SQLOutputValue[][]
        return { rows: answers.map((values) => rowOf(columns, values)), changes: answers.length }
      }
      return { rows: noRows, changes: Number(statement.run(...bound).changes) }
    } catch (error) {
      throw classified(error)
    }
  }

  [Symbol.dispose](): void {
    this.#prepared.clear()
    if (this.#db.isOpen) this.#db.close()
  }
}

const noRows: readonly object[] = []

function rowOf(columns: readonly string[], values: readonly SQLOutputValue[]): object {
  const row: Record<string, SQLOutputValue | undefined> = {}
  for (let i = 0; i < columns.length; i++) row[columns[i] ?? ''] = values[i]
  return row
}

function opened<T>(open: () => T): T {
  try {
    return open()
  } catch (error) {
    throw classified(error)
  }
}

/** The result codes that are about the store and not about the statement, https://www.sqlite.org/rescode.html. */
const storeFaults = new Map([
  [5, 'another program holds the database locked'], // SQLITE_BUSY
  [7, 'out of memory'],
  [8, 'the database is read-only'],
  [10, 'the disk failed'], // SQLITE_IOERR
  [11, 'the database is damaged'], // SQLITE_CORRUPT
  [13, 'the disk is full'],
  [14, 'the database file cannot be opened'],
  [26, 'the file is not a database'],
])

/** `StoreFault` for what the disk did to us, everything else as it came. */
function classified(error: unknown): unknown {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return error
  const fault = storeFaults.get(error.errcode & 0xff)
  return fault === undefined
    ? error
    : new StoreFault(`The store cannot be written: ${fault}.`, { cause: error })
}
