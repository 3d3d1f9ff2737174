import type { Database, Tx } from '../database/index.ts'

/**
 * Fills the disk under a SQLite store until disposed: the file may not grow by another page, and no page is free. What needs a new page
 * fails with SQLITE_FULL; a row that fits where there is room is still stored, as on a real disk.
 */
export async function fillDisk(database: Database): Promise<AsyncDisposable> {
  const pragma = (tx: Tx, name: string) =>
    // SQLite answers one row with one number.
    Promise.resolve(tx.sql.execute(`PRAGMA ${name}`, [])).then(
      ({ rows }) => Object.values(rows[0] ?? {})[0] as number,
    )
  await database.write(async (tx) => {
    const free = await pragma(tx, 'freelist_count')
    const filler = 'x'.repeat(free * 4_096)
    await tx.sql.execute(`INSERT INTO setting (name, value) VALUES ('filler', ?)`, [filler])
  })
  await database.write(async (tx) => {
    await pragma(tx, `max_page_count = ${await pragma(tx, 'page_count')}`)
  })
  return {
    async [Symbol.asyncDispose]() {
      await setPragma(database, 'max_page_count', 1_073_741_823)
      await database.write(async (tx) => tx.sql.execute(`DELETE FROM setting WHERE name = 'filler'`, []))
    },
  }
}

/** Sets a PRAGMA of the connection that writes. */
export async function setPragma(database: Database, name: string, value: number): Promise<void> {
  await database.write(async (tx) => tx.sql.execute(`PRAGMA ${name} = ${value}`, []))
}
