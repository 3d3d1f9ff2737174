import pg, { type PoolClient } from 'pg'

import type { Clock } from '../../clock.ts'
import type { Log } from '../../log.ts'
import { type ObserveCommit, runAfterCommit } from '../commit.ts'
import { StoreFault } from '../faults.ts'
import type { Database, Tx } from '../index.ts'
import { kyselyOn } from '../kysely.ts'
import { type Migratable, type Migration, migrate, MigrationRefused } from '../migrations.ts'
import type { SqlRunner } from '../sql.ts'
import { classified, isConflict } from './errors.ts'
import { runOn } from './run.ts'
import { turns } from './turns.ts'
import { PostgresTx } from './tx.ts'

/** Connections for transactions: they wait for the server's disk, so more of them than of the others. */
const writers = 10
/** Connections for reading, apart, so that a page of the inbox never waits behind a burst of messages. */
const readers = 6
/** An unreachable server must become a `StoreFault` before the lease is lost (10 s, cluster/), not when TCP gives up. */
const connectTimeoutMs = 4_000
const queryTimeoutMs = 8_000
/** Deadlocks are found after a second; five in a row are a bug in the order of locks, not bad luck. */
const maxAttempts = 5
const oldestServer = 15

/**
 * SET LOCAL and not a setting of the connection: PgBouncer in transaction mode gives each transaction another one.
 * synchronous_commit, because an administrator may have turned it off for the database, and WhatsApp is told to forget what we committed.
 */
const begin = `BEGIN; SET LOCAL synchronous_commit = on; SET LOCAL idle_in_transaction_session_timeout = ${queryTimeoutMs}`

/** A PostgreSQL database that many processes may share. */
export async function openPostgres({
  url,
  log,
  clock,
  migrations,
  observe,
}: {
  url: string
  log: Log
  clock: Clock
  migrations: readonly Migration[]
  observe: ObserveCommit
}): Promise<Database> {
  await using opened = new AsyncDisposableStack()
  await migrated(poolOf(url, { max: 1, query_timeout: 0 }, log), migrations, { log, clock })
  const own = (pool: pg.Pool) => opened.adopt(pool, () => pool.end())
  const writePool = own(poolOf(url, { max: writers, query_timeout: queryTimeoutMs }, log))
  const readPool = own(poolOf(url, { max: readers, query_timeout: queryTimeoutMs }, log))

  const [readTurn, writeTurn] = [turns(readers), turns(writers)]
  const reader: SqlRunner = {
    dialect: 'postgres',
    execute: (sql, values) => readTurn(() => runOn(readPool, sql, values)),
  }
  let closed = false
  const write = async <T>(work: (tx: Tx) => Promise<T>): Promise<T> => {
    if (closed) throw new StoreFault('The store is closed.')
    for (let attempt = 1; ; attempt++) {
      try {
        return await writeTurn(() => transaction(writePool, log, observe, work))
      } catch (error) {
        if (!isConflict(error)) throw error
        if (attempt === maxAttempts) throw new StoreFault('The store is too contended.', { cause: error })
        log.debug({ error, attempt }, 'transaction undone by a conflict; again')
        // Full jitter, so that the two do not meet again.
        await new Promise<void>((resolve) => {
          clock.after(Math.random() * 2 ** attempt * 5, resolve)
        })
      }
    }
  }
  const resources = opened.move()
  return {
    dialect: 'postgres',
    read: kyselyOn(reader),
    sql: reader,
    write,
    probe: () =>
      write(async (tx) => {
        const stored = `INSERT INTO setting (name, value) VALUES ('probe', '1') ON CONFLICT (name) DO UPDATE SET value = '1'`
        await tx.sql.execute(stored, [])
        await tx.sql.execute(`DELETE FROM setting WHERE name = 'probe'`, [])
      }),
    async [Symbol.asyncDispose]() {
      closed = true
      await resources.disposeAsync()
    },
  }
}

function poolOf(url: string, limits: { max: number; query_timeout: number }, log: Log): pg.Pool {
  const pool = new pg.Pool({
    connectionString: url,
    ...limits,
    // Statements go out without waiting for the answer before: BEGIN and the first one share a round trip.
    pipeline: true,
    application_name: 'inbox-hub',
    keepAlive: true,
    connectionTimeoutMillis: connectTimeoutMs,
    idleTimeoutMillis: 30_000,
    types: { getTypeParser: typeParser },
  })
  // A connection that breaks while nobody uses it. Who uses one is told by its own rejection …
  pool.on('error', (error) => log.warn({ error }, 'an idle database connection broke'))
  // … and the client says it again to whoever listens; nobody listening would end the process.
  pool.on('connect', (client) => client.on('error', () => {}))
  return pool
}

async function transaction<T>(
  pool: pg.Pool,
  log: Log,
  observe: ObserveCommit,
  work: (tx: Tx) => Promise<T>,
): Promise<T> {
  const client = await connected(pool)
  const tx = new PostgresTx(client)
  // Not awaited: it travels with the first statement, and its failure is the failure of all that follow.
  const begun = client.query(begin)
  begun.catch(() => {})
  let value: T
  try {
    value = await work(tx)
  } catch (error) {
    tx.close()
    await undo(client)
    // A conflict undid everything, whatever `work` made of the error: it must run again.
    throw isConflict(tx.failure) ? tx.failure : error
  }
  tx.close()
  const startedAt = performance.now()
  try {
    await begun
    const { command } = await client.query('COMMIT')
    // The server answers ROLLBACK when a statement had failed, even if `work` caught that.
    if (command !== 'COMMIT')
      throw tx.failure ?? new Error('The transaction was undone by a failed statement.')
  } catch (error) {
    await undo(client)
    throw error === tx.failure ? error : classified(error)
  }
  client.release()
  observe(performance.now() - startedAt, 1)
  runAfterCommit(tx.waiting, log)
  return value
}

async function connected(pool: pg.Pool): Promise<PoolClient> {
  try {
    return await pool.connect()
  } catch (error) {
    throw classified(error)
  }
}

/** Gives the connection back clean, or not at all. */
async function undo(client: PoolClient): Promise<void> {
  try {
    await client.query('ROLLBACK')
    client.release()
  } catch {
    client.release(true)
  }
}

/** Checks the server and brings the schema up to date, over a connection without time limits. */
async function migrated(
  pool: pg.Pool,
  migrations: readonly Migration[],
  { log, clock }: { log: Log; clock: Clock },
): Promise<void> {
  try {
    const client = await connected(pool)
    try {
      await refuseOldServer(client)
      await migrate(migratable(client), migrations, { log, clock })
    } catch (error) {
      throw error instanceof MigrationRefused ? error : classified(error)
    } finally {
      client.release(true)
    }
  } finally {
    await pool.end()
  }
}

async function refuseOldServer(client: PoolClient): Promise<void> {
  const { rows } = await client.query<{ server_version_num: string }>('SHOW server_version_num')
  const version = Math.floor(Number(rows[0]?.server_version_num) / 10_000)
  if (version < oldestServer) {
    throw new MigrationRefused(
      `PostgreSQL ${oldestServer} or newer is needed; the server of DATABASE_URL is version ${version}.`,
    )
  }
}

/** One migration at a time in one schema of one database, whichever process it runs in. */
function migratable(client: PoolClient): Migratable {
  return {
    dialect: 'postgres',
    async exclusively(work) {
      await client.query('BEGIN')
      try {
        await client.query(
          `SELECT pg_advisory_xact_lock(hashtextextended('inbox-hub ' || current_schema(), 0))`,
        )
        const value = await work({
          dialect: 'postgres',
          execute: (sql, values) => runOn(client, sql, values),
          script: async (sql) => {
            await client.query(sql)
          },
        })
        await client.query('COMMIT')
        return value
      } catch (error) {
        await client.query('ROLLBACK').catch(() => {})
        throw error
      }
    },
  }
}

const { builtins } = pg.types
/** BIGINT, and the NUMERIC that SUM and COUNT make of it, as numbers: ours stay below 2^53. BYTEA as a plain Uint8Array, as on SQLite. */
const parsers = new Map<number, (text: string) => unknown>([
  [builtins.INT8, Number],
  [builtins.NUMERIC, Number],
  [builtins.BYTEA, parseBytea],
])

function parseBytea(text: string): Uint8Array {
  const buffer = Buffer.from(text.slice(2), 'hex') // '\\x…', the format since PostgreSQL 9
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.length)
}

function typeParser(oid: number, format?: 'text' | 'binary'): unknown {
  const parser = format === 'binary' ? undefined : parsers.get(oid)
  return parser ?? pg.types.getTypeParser(oid, format)
}
