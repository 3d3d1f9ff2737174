import type { Kysely } from 'kysely'
import type { PoolClient } from 'pg'

import type { Tables, Tx } from '../index.ts'
import { kyselyOn } from '../kysely.ts'
import type { SqlResult, SqlRunner } from '../sql.ts'
import { runOn } from './run.ts'

/** One transaction on one connection. Its statements are refused once it has ended: they would be someone else's. */
export class PostgresTx implements Tx, SqlRunner {
  readonly dialect = 'postgres'
  readonly #client: PoolClient
  #open = true
  #db: Kysely<Tables> | undefined
  readonly #afterCommit: (() => void)[] = []
  /** The error that doomed the transaction, even if the writer caught it. */
  failure: Error | undefined

  constructor(client: PoolClient) {
    this.#client = client
  }

  get sql(): SqlRunner {
    return this
  }

  get db(): Kysely<Tables> {
    return (this.#db ??= kyselyOn(this))
  }

  async execute(sql: string, values: readonly unknown[]): Promise<SqlResult> {
    if (!this.#open) {
      throw new Error(`The transaction is over: a statement was not awaited inside it. In: ${sql}`)
    }
    try {
      return await runOn(this.#client, sql, values)
    } catch (error) {
      if (error instanceof Error) this.failure ??= error
      throw error
    }
  }

  afterCommit(run: () => void): void {
    this.#afterCommit.push(run)
  }

  /** What waits for the commit, in order. */
  get waiting(): readonly (() => void)[] {
    return this.#afterCommit
  }

  close(): void {
    this.#open = false
  }
}
