import type { Kysely } from 'kysely'

import { StoreFault } from '../faults.ts'
import type { Tables, Tx } from '../index.ts'
import { kyselyOn } from '../kysely.ts'
import type { SqlResult, SqlRunner } from '../sql.ts'
import type { SqliteConnection } from './connection.ts'

/** One writer's part of a shared transaction. Its statements are refused once the writer has ended: they would be someone else's. */
export class SqliteTx implements Tx, SqlRunner {
  readonly dialect = 'sqlite'
  readonly #connection: SqliteConnection
  #open = true
  #db: Kysely<Tables> | undefined
  /** What waits for the commit, in order; made when the first comes. */
  waiting: (() => void)[] | undefined
  /** Set when the disk failed under this writer, even if the writer caught the error. */
  fault: StoreFault | undefined

  constructor(connection: SqliteConnection) {
    this.#connection = connection
  }

  get sql(): SqlRunner {
    return this
  }

  // Made when asked: writers that run prepared statements alone never need it.
  get db(): Kysely<Tables> {
    return (this.#db ??= kyselyOn(this))
  }

  execute(sql: string, values: readonly unknown[]): SqlResult {
    if (!this.#open)
      throw new Error(`The transaction is over: a statement was not awaited inside it. In: ${sql}`)
    // After a disk fault SQLite is outside the transaction: a further statement would commit by itself.
    if (this.fault !== undefined) throw this.fault
    try {
      return this.#connection.execute(sql, values)
    } catch (error) {
      if (error instanceof StoreFault) this.fault = error
      throw error
    }
  }

  afterCommit(run: () => void): void {
    this.waiting ??= []
    this.waiting.push(run)
  }

  close(): void {
    this.#open = false
  }
}
