import { expect, test } from 'vitest'

import { onPostgres } from '../../testing/databases.ts'
import { startRelay } from '../../testing/relay.ts'
import { silentLog } from '../../log.ts'
import { systemClock } from '../../clock.ts'
import { type Database, openDatabase, type OpenOptions, StoreFault, statement } from '../index.ts'

const migrations: OpenOptions['migrations'] = [
  {
    name: '0001-pair.sql',
    checksum: 'x',
    sql: `
      CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
      CREATE TABLE pair_test (id BIGINT PRIMARY KEY, n BIGINT NOT NULL);
      INSERT INTO pair_test VALUES (1, 0), (2, 0);`,
  },
]

declare module '../index.ts' {
  interface Tables {
    pair_test: { id: number; n: number }
  }
}

const add = statement((db, p: { id: number; by: number }) =>
  db
    .updateTable('pair_test')
    .set((eb) => ({ n: eb('n', '+', p.by) }))
    .where('id', '=', p.id),
)
const values = async (db: Database) =>
  (await db.read.selectFrom('pair_test').select('n').orderBy('id').execute()).map(({ n }) => n)

onPostgres('what only a server does', ({ open, place }) => {
  test('two writers in each other’s way are both stored: one runs again', async () => {
    await using db = await open({ migrations })
    const bothHold = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const attempts = [0, 0]
    const write = (mine: 0 | 1) =>
      db.write(async (tx) => {
        attempts[mine] = (attempts[mine] ?? 0) + 1
        await add.run(tx, { id: mine + 1, by: 1 })
        bothHold[mine]?.resolve()
        await bothHold[1 - mine]?.promise
        await add.run(tx, { id: 2 - mine, by: 10 })
      })
    await Promise.all([write(0), write(1)])
    expect(await values(db)).toEqual([11, 11])
    // Usually one more: on a busy server the one that runs again can meet the other once more.
    expect(Math.min(...attempts)).toBe(1)
    expect(Math.max(...attempts)).toBeGreaterThan(1)
  })

  test('a connection that the server ends in the middle is a fault, and the next writer has another', async () => {
    await using db = await open({ migrations })
    const killed = db.write(async (tx) => {
      await add.run(tx, { id: 1, by: 1 })
      const { rows } = await tx.sql.execute('SELECT pg_backend_pid() AS pid', [])
      // One row with one number.
      const [{ pid }] = rows as [{ pid: number }]
      await db.sql.execute('SELECT pg_terminate_backend($1)', [pid])
      await add.run(tx, { id: 1, by: 1 })
    })
    await expect(killed).rejects.toThrow(StoreFault)
    await db.write((tx) => add.run(tx, { id: 2, by: 5 }))
    expect(await values(db)).toEqual([0, 5])
  })

  test('a statement error that the writer swallowed still undoes it, and is what it is told', async () => {
    await using db = await open({ migrations })
    const swallowed = db.write(async (tx) => {
      await add.run(tx, { id: 1, by: 1 })
      await Promise.resolve(tx.sql.execute('SELECT nonsense', [])).catch(() => {})
    })
    await expect(swallowed).rejects.toThrow(/column "nonsense" does not exist/)
    expect(await values(db)).toEqual([0, 0])
  })

  test('durability does not depend on what the database has been set to', async () => {
    await using db = await open({ migrations })
    const { rows } = await db.write(async (tx) => tx.sql.execute('SHOW synchronous_commit', []))
    expect(rows).toEqual([{ synchronous_commit: 'on' }])
    const outside = await db.sql.execute('SHOW idle_in_transaction_session_timeout', [])
    expect(outside.rows).toEqual([{ idle_in_transaction_session_timeout: '0' }])
  })

  test('a burst of writers larger than the pool is stored', async () => {
    await using db = await open({ migrations })
    await Promise.all(
      Array.from({ length: 400 }, (_, i) => db.write((tx) => add.run(tx, { id: (i % 2) + 1, by: 1 }))),
    )
    expect(await values(db)).toEqual([200, 200])
  })

  test('processes that start together migrate once', async () => {
    await using where = await place()
    const databases = await Promise.all([1, 2, 3, 4].map(() => where.open({ migrations })))
    await using all = new AsyncDisposableStack()
    for (const database of databases) all.use(database)
    expect(await Promise.all(databases.map(values))).toEqual(Array.from({ length: 4 }, () => [0, 0]))
  })

  test('a server that is not there is a fault at once', async () => {
    const relay = await startRelay({ host: '127.0.0.1', port: 1 })
    await relay[Symbol.asyncDispose]()
    const opening = openDatabase({
      url: `postgres://postgres@127.0.0.1:${relay.port}/test`,
      dataDir: '/nowhere',
      log: silentLog,
      clock: systemClock,
      migrations,
    })
    await expect(opening).rejects.toThrow(StoreFault)
  })
})
