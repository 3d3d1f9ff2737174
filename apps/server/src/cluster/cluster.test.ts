import { expect, test } from 'vitest'

import type { Clock } from '../platform/clock.ts'
import { type Database, StoreFault } from '../platform/database/index.ts'
import { silentLog as log } from '../platform/log.ts'
import { databases, onPostgres, onSqlite } from '../platform/testing/databases.ts'
import { createManualClock, type ManualClock } from '../platform/testing/manual-clock.ts'
import { createCluster, Fenced } from './index.ts'

databases('leases', ({ open }) => {
  test('one node at a time owns a session, and each change of owner raises the epoch', async () => {
    await using db = await withSessions(open)
    await using a = createCluster({ database: db, clock: createManualClock(), log })
    const first = await a.claim(1)
    expect(first).toMatchObject({ sessionId: 1, epoch: 1 })
    if (first === undefined) throw new Error('no lease')
    await a.release(first)
    expect(first.lost.aborted).toBe(true)
    await using b = createCluster({ database: db, clock: createManualClock(), log })
    expect(await b.claim(1)).toMatchObject({ epoch: 2 })
    expect(b.nodeId).not.toBe(a.nodeId)
  })

  test('a write under a stale lease is refused and stores nothing', async () => {
    await using db = await withSessions(open)
    await using stale = createCluster({ database: db, clock: createManualClock(), log })
    await using current = createCluster({ database: db, clock: createManualClock(), log })
    const before = await stale.claim(1)
    if (before === undefined) throw new Error('no lease')
    await expire(db)
    expect(await current.claim(1)).toMatchObject({ epoch: 2 })
    expect(before.lost.aborted).toBe(false) // it has not noticed yet
    const write = db.write(async (tx) => {
      await tx.db.updateTable('session_lease').set({ address: 'stale' }).execute()
      await stale.fence(tx, before)
    })
    await expect(write).rejects.toThrow(Fenced)
    expect(before.lost.aborted).toBe(true)
    const row = await db.read.selectFrom('session_lease').select('address').executeTakeFirst()
    expect(row).toEqual({ address: null })
  })

  test('a write under the current lease is stored', async () => {
    await using db = await withSessions(open)
    await using cluster = createCluster({ database: db, clock: createManualClock(), log })
    const lease = await cluster.claim(1)
    if (lease === undefined) throw new Error('no lease')
    await db.write(async (tx) => {
      await cluster.fence(tx, lease)
      await tx.db.updateTable('session_lease').set({ address: 'here' }).execute()
    })
    expect(await db.read.selectFrom('session_lease').select('address').execute()).toEqual([
      { address: 'here' },
    ])
  })

  test('claiming again on the same node ends the lease before', async () => {
    await using db = await withSessions(open)
    await using cluster = createCluster({ database: db, clock: createManualClock(), log })
    const [first, second] = [await cluster.claim(1), await cluster.claim(1)]
    expect([first?.epoch, second?.epoch]).toEqual([1, 2])
    expect([first?.lost.aborted, second?.lost.aborted]).toEqual([true, false])
    if (first === undefined) throw new Error('no lease')
    await expect(db.write((tx) => cluster.fence(tx, first))).rejects.toThrow(Fenced)
  })

  test('renewals keep a lease for as long as the node lives', async () => {
    await using db = await withSessions(open)
    const clock = createManualClock()
    await using cluster = createCluster({ database: db, clock, log })
    const leases = [await cluster.claim(1), await cluster.claim(2)]
    await expire(db)
    for (let i = 0; i < 12; i++) await renewed(db, clock)
    expect(leases.map((lease) => lease?.lost.aborted)).toEqual([false, false])
  })

  test('ten seconds without a renewal end every lease, whatever the wall clock says', async () => {
    await using db = await withSessions(open)
    const clock = createManualClock()
    const failing = { ...db, write: () => Promise.reject(new StoreFault('down')) } satisfies Database
    let store: Database = db
    const switched: Database = { ...db, write: (work) => store.write(work) }
    await using cluster = createCluster({ database: switched, clock, log })
    const lease = await cluster.claim(1)
    if (lease === undefined) throw new Error('no lease')
    store = failing
    clock.stepWall(-3_600_000)
    await clock.advance(9_999)
    expect(lease.lost.aborted).toBe(false)
    await clock.advance(1)
    expect(lease.lost.aborted).toBe(true)
    store = db
    await expect(db.write((tx) => cluster.fence(tx, lease))).rejects.toThrow(Fenced)
    expect(await cluster.claim(1)).toMatchObject({ epoch: 2 })
  })

  test('a node that was stopped too long refuses to write before its timers even run', async () => {
    await using db = await withSessions(open)
    const clock = createManualClock()
    let asleepMs = 0
    const frozen: Clock = { ...clock, monotonic: () => clock.monotonic() + asleepMs }
    await using cluster = createCluster({ database: db, clock: frozen, log })
    const lease = await cluster.claim(1)
    if (lease === undefined) throw new Error('no lease')
    asleepMs = 40_000
    await expect(db.write((tx) => cluster.fence(tx, lease))).rejects.toThrow(Fenced)
  })

  test('a node that finds its lease taken over when renewing ends it', async () => {
    await using db = await withSessions(open)
    const clock = createManualClock()
    await using slow = createCluster({ database: db, clock, log })
    const lease = await slow.claim(1)
    const kept = await slow.claim(2)
    await expire(db)
    await using other = createCluster({ database: db, clock: createManualClock(), log })
    expect(await other.claim(1)).toMatchObject({ epoch: 2 })
    await renewed(db, clock)
    expect([lease?.lost.aborted, kept?.lost.aborted]).toEqual([true, false])
  })

  test('stopping a node gives its leases back at once', async () => {
    await using db = await withSessions(open)
    const first = createCluster({ database: db, clock: createManualClock(), log })
    const lease = await first.claim(1)
    await first[Symbol.asyncDispose]()
    expect(lease?.lost.aborted).toBe(true)
    expect(await first.claim(1)).toBeUndefined()
    const owners = await db.read.selectFrom('session_lease').select(['owner', 'epoch']).execute()
    expect(owners).toEqual([{ owner: null, epoch: 1 }])
  })
})

onSqlite('a directory of one’s own', ({ open }) => {
  test('after a crash the next process takes over at once: the directory was its alone', async () => {
    await using db = await withSessions(open)
    await using crashed = createCluster({ database: db, clock: createManualClock(), log })
    await crashed.claim(1)
    await using next = createCluster({ database: db, clock: createManualClock(), log })
    expect(await next.claim(1)).toMatchObject({ epoch: 2 })
  })
})

onPostgres('nodes side by side', ({ open }) => {
  test('while a lease runs another node is refused', async () => {
    await using db = await withSessions(open)
    await using a = createCluster({ database: db, clock: createManualClock(), log })
    await using b = createCluster({ database: db, clock: createManualClock(), log })
    const claims = await Promise.all([a.claim(1), b.claim(1), a.claim(2), b.claim(2)])
    expect(claims.map((lease) => lease?.epoch ?? 0).sort((x, y) => x - y)).toEqual([0, 0, 1, 1])
  })

  test('after a crash the same node takes its session up at once, and what it wrote before is stale', async () => {
    await using db = await withSessions(open)
    const node = { database: db, log, nodeId: '0123456789abcdef' }
    await using crashed = createCluster({ ...node, clock: createManualClock() })
    const before = await crashed.claim(1)
    if (before === undefined) throw new Error('no lease')
    await using again = createCluster({ ...node, clock: createManualClock() })
    expect(await again.claim(1)).toMatchObject({ epoch: 2 })
    await expect(db.write((tx) => crashed.fence(tx, before))).rejects.toBeInstanceOf(Fenced)
  })

  test('a take-over waits for the write that holds the lease, and the next stale write fails', async () => {
    await using db = await withSessions(open)
    await using a = createCluster({ database: db, clock: createManualClock(), log })
    await using b = createCluster({ database: db, clock: createManualClock(), log })
    const lease = await a.claim(1)
    if (lease === undefined) throw new Error('no lease')
    await expire(db)
    const fenced = Promise.withResolvers<void>()
    const mayEnd = Promise.withResolvers<void>()
    const order: string[] = []
    const write = db.write(async (tx) => {
      await a.fence(tx, lease)
      fenced.resolve()
      await mayEnd.promise
      tx.afterCommit(() => order.push('stale write committed'))
    })
    await fenced.promise
    const takeOver = b.claim(1).then((taken) => {
      order.push(`taken over, epoch ${taken?.epoch}`)
    })
    await lockAwaited(db)
    mayEnd.resolve()
    await Promise.all([write, takeOver])
    expect(order).toEqual(['stale write committed', 'taken over, epoch 2'])
    await expect(db.write((tx) => a.fence(tx, lease))).rejects.toThrow(Fenced)
  })
})

async function withSessions(open: () => Promise<Database>): Promise<Database> {
  const db = await open()
  await db.write(async (tx) => {
    for (const id of [1, 2]) {
      await tx.sql.execute(
        `INSERT INTO session (id, owner_id, session_id, name, wish, state, data_key, webhook_events, webhook_preset, send_to_frappe,
           last_activity_at, created_at, updated_at) VALUES (${id}, 1, 's${id}', 's', 'run', '{}', '', '[]', 'legacy', 0, 0, 0, 0)`,
        [],
      )
    }
  })
  return db
}

/** Makes the rows say that every lease has run out. */
async function expire(db: Database): Promise<void> {
  await db.write((tx) => tx.db.updateTable('session_lease').set({ expires_at: 1 }).execute())
}

/** One renewal, seen in the rows. */
async function renewed(db: Database, clock: ManualClock): Promise<void> {
  await expire(db)
  await clock.advance(5_000)
  const waiting = () =>
    db.read.selectFrom('session_lease').select('session_id').where('expires_at', '=', 1).execute()
  while ((await waiting()).length === 2) await new Promise((resolve) => setImmediate(resolve))
  // The answer of the statement, too, has been dealt with once the next timer is set.
  while (clock.pending < 2) await new Promise((resolve) => setImmediate(resolve))
}

/** Resolves once some transaction waits for a lock. */
async function lockAwaited(db: Database): Promise<void> {
  for (;;) {
    const { rows } = await db.sql.execute(
      `SELECT 1 FROM pg_locks WHERE NOT granted AND locktype IN ('tuple', 'transactionid')`,
      [],
    )
    if (rows.length > 0) return
  }
}
