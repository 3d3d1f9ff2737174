import {
  type Dialect as KyselyDialect,
  DefaultQueryExecutor,
  DialectAdapterBase,
  type DatabaseConnection,
  type Driver,
  DummyDriver,
  Kysely,
  PostgresAdapter,
  PostgresIntrospector,
  PostgresQueryCompiler,
  SqliteIntrospector,
  SqliteQueryCompiler,
} from 'kysely'

import type { Tables } from './index.ts'
import type { Dialect, SqlRunner } from './sql.ts'

class SqliteAdapter extends DialectAdapterBase {
  override get supportsTransactionalDdl(): boolean {
    return true
  }
  override get supportsReturning(): boolean {
    return true
  }
  override async acquireMigrationLock(): Promise<void> {}
  override async releaseMigrationLock(): Promise<void> {}
}

/** Transactions are `Database.write`'s: it commits in groups, retries, and classifies what fails. */
class NoTransactions extends DummyDriver {
  override async beginTransaction(): Promise<void> {
    throw new Error(
      'Open transactions with database.write, and pass tx on: a transaction inside it would wait for itself.',
    )
  }
}

const dialects = {
  sqlite: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: (): Driver => new NoTransactions(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
  postgres: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: (): Driver => new NoTransactions(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new PostgresQueryCompiler(),
  },
} as const satisfies Record<Dialect, KyselyDialect>

// One of each for the process: they hold no state.
const shared = {
  sqlite: { adapter: new SqliteAdapter(), compiler: new SqliteQueryCompiler(), driver: new NoTransactions() },
  postgres: {
    adapter: new PostgresAdapter(),
    compiler: new PostgresQueryCompiler(),
    driver: new NoTransactions(),
  },
}

/** Builds and compiles queries for one store without running any. */
export const compilers: Record<Dialect, Kysely<Tables>> = {
  sqlite: new Kysely<Tables>({ dialect: dialects.sqlite }),
  postgres: new Kysely<Tables>({ dialect: dialects.postgres }),
}

/** Kysely whose every query runs on `runner`. Cheap enough to make one per transaction. */
export function kyselyOn(runner: SqlRunner): Kysely<Tables> {
  const { adapter, compiler, driver } = shared[runner.dialect]
  const connection: DatabaseConnection = {
    // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- Kysely's signature
    async executeQuery<R>(query: { sql: string; parameters: readonly unknown[] }) {
      const { rows, changes } = await runner.execute(query.sql, query.parameters)
      // Kysely's types say what its query selects; the store answers rows of that shape.
      return { rows: rows as R[], numAffectedRows: BigInt(changes) }
    },
    streamQuery() {
      throw new Error('Page with a key instead: a stream would hold a snapshot, and the log behind it, open.')
    },
  }
  const executor = new DefaultQueryExecutor(compiler, adapter, {
    provideConnection: async (consumer) => consumer(connection),
  })
  const dialect = dialects[runner.dialect]
  return new Kysely<Tables>({ config: { dialect }, dialect, driver, executor })
}
