import { randomBytes } from 'node:crypto'
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import pg from 'pg'
import { afterAll, describe } from 'vitest'

import { type Clock, systemClock } from '../clock.ts'
import { type Database, openDatabase, type OpenOptions } from '../database/index.ts'
import { type Log, silentLog } from '../log.ts'
import { setPragma } from './full-disk.ts'
import { startRelay } from './relay.ts'
import { type Newborn, newborn, renew } from './spare-schemas.ts'

/** Somewhere a store can live, gone when disposed. Open it, close it, open it again: what was committed is still there. */
export interface Place extends AsyncDisposable {
  readonly url: string | undefined
  readonly dataDir: string
  open(options?: PlaceOptions): Promise<Database>
  /**
   * Breaks the open store until disposed: on SQLite another program holds it locked, on PostgreSQL the server is out of reach (the place must
   * be `breakable`). Every write then fails with a real error of the driver.
   */
  outage(database: Database): Promise<AsyncDisposable>
}

interface PlaceOptions {
  clock?: Clock
  log?: Log
  migrations?: NonNullable<OpenOptions['migrations']>
}

export interface Stores {
  readonly dialect: Database['dialect']
  /** A new, empty, migrated store that vanishes when disposed. */
  readonly open: (options?: PlaceOptions) => Promise<Database>
  /** A place of one's own, for tests that close the store and open it again, or break it. */
  readonly place: (options?: { breakable: boolean }) => Promise<Place>
}

/**
 * Runs a suite on SQLite and on PostgreSQL: `databases('the event log', ({ open }) => { test(…) })`.
 *
 * PostgreSQL is that of TEST_DATABASE_URL, or a local one that lets user postgres into database test without a password. Each place is a
 * schema of its own there, so files run side by side. Without a server the suite is skipped and says so; with CI=true it fails instead.
 */
export function databases(title: string, suite: (stores: Stores) => void): void {
  onSqlite(title, suite)
  onPostgres(title, suite)
}

/** A suite about what only SQLite does. */
export function onSqlite(title: string, suite: (stores: Stores) => void): void {
  describe(`${title} (SQLite)`, () => {
    suite({
      dialect: 'sqlite',
      place: sqlitePlace,
      open: async (options) => openedAt(await sqlitePlace(), options),
    })
  })
}

/** A suite about what only PostgreSQL does. */
export function onPostgres(title: string, suite: (stores: Stores) => void): void {
  const server = postgresUrl ?? ''
  const why = server === '' ? ': skipped, no server; set TEST_DATABASE_URL' : ''
  describe.skipIf(server === '')(`${title} (PostgreSQL${why})`, () => {
    const spare: SpareSchema[] = []
    afterAll(async () => {
      for (const { place } of spare.splice(0)) await place[Symbol.asyncDispose]()
    })
    suite({
      dialect: 'postgres',
      place: (options) => postgresPlace(server, options),
      open: (options) => openedOnSpare(server, spare, options),
    })
  })
}

const postgresUrl = await reachable(
  process.env['TEST_DATABASE_URL'] ?? 'postgres://postgres@127.0.0.1:5432/test',
)

async function reachable(url: string): Promise<string | undefined> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.end()
    return url
  } catch (error) {
    // Asked for by name it must be there, and in CI too; looked for, it may be missing.
    if (process.env['TEST_DATABASE_URL'] !== undefined || process.env['CI'] === 'true') {
      throw new Error('The PostgreSQL suites cannot run: set TEST_DATABASE_URL to a server.', {
        cause: error,
      })
    }
    return undefined
  }
}

/** A store that takes its place with it when it is disposed. */
async function openedAt(place: Place, options?: PlaceOptions): Promise<Database> {
  await using made = new AsyncDisposableStack()
  made.use(place)
  const database = made.use(await place.open(options))
  const both = made.move()
  return { ...database, [Symbol.asyncDispose]: () => both.disposeAsync() }
}

/** A migrated schema that a test gave back, as new: making one takes longer than most tests do. */
interface SpareSchema {
  readonly place: Place & { readonly url: string }
  readonly newborn: Newborn
}

async function openedOnSpare(
  server: string,
  spare: SpareSchema[],
  options: PlaceOptions = {},
): Promise<Database> {
  // What other migrations make is no schema for anybody else.
  if (options.migrations !== undefined) return openedAt(await postgresPlace(server), options)
  const schema = spare.pop() ?? (await migratedSchema(server))
  const { place } = schema
  let database: Database
  try {
    database = await place.open(options)
  } catch (error) {
    await place[Symbol.asyncDispose]()
    throw error
  }
  return {
    ...database,
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]()
      if (await connected(place.url, (client) => renew(client, schema.newborn))) spare.push(schema)
      else await place[Symbol.asyncDispose]()
    },
  }
}

async function migratedSchema(server: string): Promise<SpareSchema> {
  await using made = new AsyncDisposableStack()
  const place = made.use(await postgresPlace(server))
  await (await place.open())[Symbol.asyncDispose]()
  const schema = { place, newborn: await connected(place.url, newborn) }
  made.move()
  return schema
}

/** The file of a migrated store, made once in each process: copying it takes a tenth of migrating. */
let migratedFile: Promise<string> | undefined

async function makeMigratedFile(): Promise<string> {
  const dataDir = mkdtempSync(join(tmpdir(), 'inbox-hub-test-'))
  process.once('exit', () => rmSync(dataDir, { recursive: true, force: true }))
  const database = await openDatabase({ url: undefined, dataDir, log: silentLog, clock: systemClock })
  await database[Symbol.asyncDispose]()
  return sqliteFile(dataDir)
}

const sqliteFile = (dataDir: string): string => join(dataDir, 'inbox-hub.db')

async function sqlitePlace(): Promise<Place> {
  const dataDir = mkdtempSync(join(tmpdir(), 'inbox-hub-test-'))
  return {
    url: undefined,
    dataDir,
    async open(options) {
      const file = sqliteFile(dataDir)
      if (options?.migrations === undefined && !existsSync(file))
        copyFileSync(await (migratedFile ??= makeMigratedFile()), file)
      return openDatabase({ url: undefined, dataDir, log: silentLog, clock: systemClock, ...options })
    },
    async outage(database) {
      // Not to wait for the other program each time: it blocks the event loop.
      await setPragma(database, 'busy_timeout', 0)
      const other = new DatabaseSync(sqliteFile(dataDir))
      other.exec('BEGIN IMMEDIATE')
      return {
        async [Symbol.asyncDispose]() {
          other.close()
          await setPragma(database, 'busy_timeout', 1_000)
        },
      }
    },
    async [Symbol.asyncDispose]() {
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

async function postgresPlace(
  server: string,
  { breakable } = { breakable: false },
): Promise<Place & { url: string }> {
  const schema = `test_${process.pid}_${randomBytes(6).toString('hex')}`
  await administer(server, `CREATE SCHEMA ${schema}`)
  const url = new URL(server)
  url.searchParams.set('options', `-c search_path=${schema}`)
  const relay = breakable
    ? await startRelay({ host: url.hostname, port: Number(url.port || 5432) })
    : undefined
  if (relay !== undefined) url.host = `127.0.0.1:${relay.port}`
  const dataDir = mkdtempSync(join(tmpdir(), 'inbox-hub-test-'))
  return {
    url: url.href,
    dataDir,
    open: (options) =>
      openDatabase({ url: url.href, dataDir, log: silentLog, clock: systemClock, ...options }),
    async outage() {
      if (relay === undefined) throw new Error('Ask for a place that is breakable.')
      relay.cut()
      return { [Symbol.asyncDispose]: async () => relay.mend() }
    },
    async [Symbol.asyncDispose]() {
      await relay?.[Symbol.asyncDispose]()
      await administer(server, `DROP SCHEMA ${schema} CASCADE`)
      rmSync(dataDir, { recursive: true, force: true })
    },
  }
}

const administer = (server: string, sql: string): Promise<unknown> =>
  connected(server, (client) => client.query(sql))

async function connected<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}
