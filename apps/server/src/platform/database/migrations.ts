import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'

import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import { OperatorError } from '../operator-error.ts'
import type { Dialect, SqlRunner } from './sql.ts'

/** The database and this version of the program do not fit together. The message says what to do. */
export class MigrationRefused extends OperatorError {
  override readonly name = 'MigrationRefused'
}

/** One step of the schema: a file of `apps/server/migrations`. */
export interface Migration {
  readonly name: string
  readonly sql: string
  readonly checksum: string
}

/** A store as its migrations see it: several statements in one text, and one transaction at a time across all processes. */
export interface Migratable {
  readonly dialect: Dialect
  /** Runs `work` in a transaction of its own, while no other process migrates. */
  exclusively<T>(work: (run: SqlRunner & { script(sql: string): Promise<void> }) => Promise<T>): Promise<T>
}

/** The same distance from src/platform/database and from dist/platform/database. */
const shippedDir = new URL('../../../migrations/', import.meta.url)

/** The migrations of a directory, in the order of their numbers. */
export async function readMigrations(dir: URL = shippedDir): Promise<Migration[]> {
  const names = (await readdir(dir)).filter((name) => /^\d{4}-[\w-]+\.sql$/.test(name)).sort()
  return Promise.all(
    names.map(async (name) => {
      const sql = (await readFile(new URL(name, dir), 'utf8')).replaceAll('\r\n', '\n')
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') }
    }),
  )
}

/**
 * Brings the store to the newest schema, one transaction per file. Throws `MigrationRefused` when a file that ran was edited since, or the
 * database was already migrated by a newer release.
 *
 * Files are written for PostgreSQL and run on SQLite with two changes: BIGINT and BYTEA become INTEGER and BLOB (so that `id BIGINT
 * PRIMARY KEY` is the row id itself, not a second index), and what stands in a comment that begins with "sqlite:", as in
 * `) /*sqlite: WITHOUT ROWID *\/;`, is read.
 */
export async function migrate(
  store: Migratable,
  migrations: readonly Migration[],
  { log, clock }: { log: Log; clock: Clock },
): Promise<void> {
  const before = await store.exclusively(async (run) => {
    await run.script(
      'CREATE TABLE IF NOT EXISTS migration (name TEXT PRIMARY KEY, checksum TEXT NOT NULL, applied_at BIGINT NOT NULL)',
    )
    return appliedOn(run)
  })
  refuseStrangers(before, migrations)
  // Mostly none: a start on a store that is up to date asks once, not once for each.
  for (const migration of migrations.filter(({ name }) => !before.has(name))) {
    await store.exclusively(async (run) => {
      // Read again each time: on PostgreSQL another process may have gone ahead of us between two steps.
      const applied = await appliedOn(run)
      refuseStrangers(applied, migrations)
      if (applied.has(migration.name)) return
      // Before: a big store keeps one busy for minutes, and the process answers nothing meanwhile.
      log.info({ migration: migration.name }, 'migrating')
      const began = clock.monotonic()
      await run.script(store.dialect === 'sqlite' ? forSqlite(migration.sql) : migration.sql)
      await insertApplied(run, migration, clock.now())
      log.info({ migration: migration.name, durationMs: Math.round(clock.monotonic() - began) }, 'migrated')
    })
  }
}

async function appliedOn(run: SqlRunner): Promise<ReadonlyMap<string, string>> {
  const { rows } = await run.execute('SELECT name, checksum FROM migration ORDER BY name', [])
  // The two columns are TEXT NOT NULL in the table made above.
  return new Map(
    (rows as readonly { name: string; checksum: string }[]).map(({ name, checksum }) => [name, checksum]),
  )
}

async function insertApplied(run: SqlRunner, { name, checksum }: Migration, at: number): Promise<void> {
  const places = run.dialect === 'sqlite' ? '?, ?, ?' : '$1, $2, $3'
  await run.execute(`INSERT INTO migration (name, checksum, applied_at) VALUES (${places})`, [
    name,
    checksum,
    at,
  ])
}

function refuseStrangers(applied: ReadonlyMap<string, string>, known: readonly Migration[]): void {
  const byName = new Map(known.map((migration) => [migration.name, migration]))
  for (const [name, checksum] of applied) {
    const migration = byName.get(name)
    if (migration === undefined) {
      throw new MigrationRefused(
        `The database was already migrated by a newer Inbox Hub (${name}). Run that version or a later one, or restore the backup made before the upgrade.`,
      )
    }
    if (migration.checksum !== checksum) {
      throw new MigrationRefused(
        `The migration ${name} was edited after it ran on this database. Restore the file as it was released and put the change in a new migration.`,
      )
    }
  }
}

function forSqlite(sql: string): string {
  return sql
    .replaceAll(/\bBIGINT\b/g, 'INTEGER')
    .replaceAll(/\bBYTEA\b/g, 'BLOB')
    .replaceAll(/\/\*sqlite:(.*?)\*\//gs, '$1')
}
