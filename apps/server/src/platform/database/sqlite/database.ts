import { join } from 'node:path'

import type { Clock } from '../../clock.ts'
import type { Log } from '../../log.ts'
import type { ObserveCommit } from '../commit.ts'
import type { Database } from '../index.ts'
import { kyselyOn } from '../kysely.ts'
import { type Migratable, type Migration, migrate } from '../migrations.ts'
import type { SqlRunner } from '../sql.ts'
import { SqliteConnection } from './connection.ts'
import { createPrivate, takeDataDir } from '../../data-dir.ts'
import { GroupCommit } from './group-commit.ts'
import { WriteAheadLog } from './write-ahead-log.ts'

/** A SQLite file in `dataDir`, for this process alone. */
export async function openSqlite({
  dataDir,
  log,
  clock,
  migrations,
  observe,
}: {
  dataDir: string
  log: Log
  clock: Clock
  migrations: readonly Migration[]
  observe: ObserveCommit
}): Promise<Database> {
  await using opened = new AsyncDisposableStack()
  opened.use(takeDataDir(dataDir))
  const path = join(dataDir, 'inbox-hub.db')
  createPrivate(path)
  const writer = opened.use(new SqliteConnection(path, { readOnly: false }))
  // FULL until write-ahead-log.ts syncs: a power cut must not take what WhatsApp was told to forget.
  writer.script(`
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA temp_store = MEMORY;
    PRAGMA cache_size = -16000;
    PRAGMA journal_size_limit = 67108864;
  `)
  await migrate(migratable(writer), migrations, { log, clock })
  // Its own connection, so that it sees only what is committed and never waits for the writer.
  const reader = opened.use(new SqliteConnection(path, { readOnly: true }))
  reader.script('PRAGMA cache_size = -16000')
  const wal = opened.use(await WriteAheadLog.over(path, { writer, reader, log }))
  const commits = new GroupCommit(writer, wal, { log, clock, observe })
  const resources = opened.move()
  const sql: SqlRunner = reader
  return {
    dialect: 'sqlite',
    read: kyselyOn(reader),
    sql,
    write: (work) => commits.write(work),
    async probe() {
      // An update of one row in place could succeed on a full disk; a page's worth of new data cannot.
      await commits.write(async (tx) => {
        await tx.sql.execute(
          `INSERT INTO setting (name, value) VALUES ('probe', ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
          [probeValue],
        )
        await tx.sql.execute(`DELETE FROM setting WHERE name = 'probe'`, [])
      })
    },
    async [Symbol.asyncDispose]() {
      await commits.close()
      await resources.disposeAsync()
    },
  }
}

/** What is committed in the SQLite store of `dataDir`, which another process may be serving from. Never migrates. Throws `StoreFault`. */
export function readSqlite(dataDir: string): Disposable & Pick<Database, 'sql'> {
  const sql = new SqliteConnection(join(dataDir, 'inbox-hub.db'), { readOnly: true })
  return { sql, [Symbol.dispose]: () => sql[Symbol.dispose]() }
}

/** The data directory's lock already keeps every other process out. */
function migratable(writer: SqliteConnection): Migratable {
  return {
    dialect: 'sqlite',
    async exclusively(work) {
      writer.execute('BEGIN IMMEDIATE')
      try {
        const value = await work({
          dialect: 'sqlite',
          execute: (sql, values) => writer.execute(sql, values),
          script: async (sql) => writer.script(sql),
        })
        writer.execute('COMMIT')
        return value
      } catch (error) {
        if (writer.inTransaction) writer.execute('ROLLBACK')
        throw error
      }
    },
  }
}

const probeValue = JSON.stringify('x'.repeat(16_384))
