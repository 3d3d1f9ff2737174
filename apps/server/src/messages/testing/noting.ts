import type { Database, Tx } from '../../platform/database/index.ts'

/** The store, noting the text of every prepared statement that runs on it. */
export function noting(database: Database, texts: Set<string>): Database {
  const note = <Runner extends Database['sql']>(runner: Runner): Runner => ({
    ...runner,
    dialect: runner.dialect,
    execute(sql: string, values: readonly unknown[]) {
      texts.add(sql)
      return runner.execute(sql, values)
    },
  })
  return {
    ...database,
    dialect: database.dialect,
    read: database.read,
    sql: note(database.sql),
    write: (work) =>
      database.write((tx) => {
        const noted: Tx = { db: tx.db, sql: note(tx.sql), afterCommit: (run) => tx.afterCommit(run) }
        return work(noted)
      }),
    probe: () => database.probe(),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  }
}
