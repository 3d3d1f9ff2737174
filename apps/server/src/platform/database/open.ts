import { Histogram, type Registry } from 'prom-client'

import type { Clock } from '../clock.ts'
import type { Log } from '../log.ts'
import type { ObserveCommit } from './commit.ts'
import type { Database } from './index.ts'
import { type Migration, readMigrations } from './migrations.ts'
import { openSqlite } from './sqlite/database.ts'

export interface OpenOptions {
  /** A `postgres://` URL; undefined = SQLite in `dataDir`. */
  url: string | undefined
  /** Made when missing, readable by its owner alone. */
  dataDir: string
  log: Log
  clock: Clock
  /** Where the figures of commits go. */
  metrics?: Registry
  /** For tests of migrating itself; the shipped ones otherwise. */
  migrations?: readonly Migration[]
}

/** Opens the store and brings its schema up to date. Throws `DataDirInUse`, `DataDirUnusable`, `MigrationRefused` or `StoreFault`, each saying what to do. */
export async function openDatabase({
  url,
  dataDir,
  log,
  clock,
  metrics,
  migrations,
}: OpenOptions): Promise<Database> {
  const steps = migrations ?? (await readMigrations())
  const common = { log, clock, migrations: steps, observe: commitMetrics(metrics) }
  if (url === undefined) return openSqlite({ ...common, dataDir })
  // Most hubs are on SQLite: they neither load nor keep PostgreSQL's driver.
  const { openPostgres } = await import('./postgres/database.ts')
  return openPostgres({ ...common, url })
}

function commitMetrics(metrics: Registry | undefined): ObserveCommit {
  if (metrics === undefined) return () => {}
  const seconds = new Histogram({
    name: 'inbox_hub_store_commit_seconds',
    help: 'How long commits took: the disk, mostly',
    buckets: [0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2],
    registers: [metrics],
  })
  const sharing = new Histogram({
    name: 'inbox_hub_store_commit_writers',
    help: 'How many writers shared one commit',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
    registers: [metrics],
  })
  return (durationMs, writers) => {
    seconds.observe(durationMs / 1_000)
    sharing.observe(writers)
  }
}
