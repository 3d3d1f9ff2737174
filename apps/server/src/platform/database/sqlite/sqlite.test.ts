import { fork } from 'node:child_process'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { open as openFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import fc from 'fast-check'
import { Registry } from 'prom-client'
import { expect, test, vi } from 'vitest'

import { systemClock } from '../../clock.ts'
import { createLog, silentLog } from '../../log.ts'
import { fillDisk } from '../../testing/full-disk.ts'
import { createManualClock } from '../../testing/manual-clock.ts'
import {
  DataDirInUse,
  type Database,
  openDatabase,
  type OpenOptions,
  statement,
  StoreFault,
} from '../index.ts'

declare module '../index.ts' {
  interface Tables {
    note_test: { id: number; text: string }
  }
}

const migrations: OpenOptions['migrations'] = [
  {
    name: '0001-note.sql',
    checksum: 'x',
    sql: `
      CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
      CREATE TABLE note_test (id BIGINT PRIMARY KEY, text TEXT NOT NULL) /*sqlite: STRICT*/;`,
  },
]
const note = statement((db, p: { id: number; text: string }) =>
  db.insertInto('note_test').values({ id: p.id, text: p.text }),
)
const noted = async (db: Database) =>
  (await db.read.selectFrom('note_test').select('id').orderBy('id').execute()).map(({ id }) => id)

function newDir(): Disposable & { path: string } {
  const path = mkdtempSync(join(tmpdir(), 'inbox-hub-test-'))
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) }
}

const open = (dataDir: string, options: Partial<OpenOptions> = {}) =>
  openDatabase({ url: undefined, dataDir, log: silentLog, clock: systemClock, migrations, ...options })

test('everyone who writes in one turn of the event loop shares one commit', async () => {
  using dir = newDir()
  const metrics = new Registry()
  await using db = await open(dir.path, { metrics })
  await Promise.all(Array.from({ length: 50 }, (_, id) => db.write((tx) => note.run(tx, { id, text: 'a' }))))
  expect(await db.write(async () => 'nothing to store')).toBe('nothing to store')
  expect(await noted(db)).toHaveLength(50)
  const figures = await metrics.getSingleMetricAsString('inbox_hub_store_commit_writers')
  expect(figures).toMatch(/_sum 51$/m)
  // Two, unless the machine takes more than a batch's 20 ms for them.
  expect(Number(/_count (\d+)$/m.exec(figures)?.[1])).toBeLessThan(10)
})

test('nobody is told before the commit they share is durable, and then in order', async () => {
  using dir = newDir()
  await using db = await open(dir.path)
  const order: string[] = []
  const write = (id: number) =>
    db
      .write(async (tx) => {
        tx.afterCommit(() => order.push(`committed ${id}`))
        await note.run(tx, { id, text: 'a' })
        order.push(`wrote ${id}`)
        if (id === 2) throw new Error('undone')
      })
      .then(
        () => order.push(`told ${id}`),
        () => order.push(`refused ${id}`),
      )
  await Promise.all([1, 2, 3].map(write))
  expect(order.filter((line) => !line.endsWith('2'))).toEqual([
    'wrote 1',
    'wrote 3',
    'committed 1',
    'committed 3',
    'told 1',
    'told 3',
  ])
  expect(order.filter((line) => line.endsWith('2'))).toEqual(['wrote 2', 'refused 2'])
})

test('whatever mix of writers comes, exactly those that were told are stored', async () => {
  using dir = newDir()
  await using db = await open(dir.path)
  let id = 0
  const writer = fc.record({
    notes: fc.integer({ min: 0, max: 3 }),
    fails: fc.boolean(),
    waits: fc.constantFrom('no', 'a promise', 'a turn'),
    comesIn: fc.constantFrom('this turn', 'the next turn'),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(writer, { maxLength: 30 }), async (writers) => {
      await db.write((tx) => tx.db.deleteFrom('note_test').execute())
      const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
      const told = await Promise.all(
        writers.map(async ({ notes, fails, waits, comesIn }) => {
          const mine = Array.from({ length: notes }, () => ++id)
          if (comesIn === 'the next turn') await turn()
          const write = db.write(async (tx) => {
            for (const one of mine) {
              await note.run(tx, { id: one, text: 'a' })
              if (waits === 'a promise') await Promise.resolve()
              else if (waits === 'a turn') await turn()
            }
            if (fails) throw new Error('wanted')
          })
          return write.then(
            () => mine,
            () => [],
          )
        }),
      )
      expect(await noted(db)).toEqual(told.flat().sort((a, b) => a - b))
    }),
    { numRuns: 60 },
  )
})

test('when the disk is full, writers are told, and what was there stays whole', async () => {
  using dir = newDir()
  await using db = await open(dir.path)
  const text = 'x'.repeat(3_000)
  await db.write((tx) => note.run(tx, { id: 1, text }))
  {
    await using _full = await fillDisk(db)
    await expect(db.probe()).rejects.toThrow(/disk is full/)
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => db.write((tx) => note.run(tx, { id: 10 + i, text }))),
    )
    const faults = outcomes.filter(
      (outcome) => outcome.status === 'rejected' && outcome.reason instanceof StoreFault,
    )
    expect(faults.length).toBeGreaterThan(15)
    // Whoever was told that it is stored finds it stored, and nobody else does.
    const stored = outcomes.flatMap((outcome, i) => (outcome.status === 'fulfilled' ? [10 + i] : []))
    expect(await noted(db)).toEqual([1, ...stored])
  }
  await db.probe()
  await db.write((tx) => note.run(tx, { id: 99, text }))
  expect(await noted(db)).toContain(99)
  expect((await db.sql.execute('PRAGMA integrity_check', [])).rows).toEqual([{ integrity_check: 'ok' }])
})

test('a full disk that one writer swallowed undoes that writer alone', async () => {
  using dir = newDir()
  await using db = await open(dir.path)
  const text = 'x'.repeat(30_000)
  await using _full = await fillDisk(db)
  const outcomes = await Promise.allSettled([
    db.write((tx) => note.run(tx, { id: 1, text: 'small' })),
    db.write(async (tx) => {
      await note.run(tx, { id: 2, text: 'small' })
      await note.run(tx, { id: 3, text }).catch(() => {})
    }),
    db.write((tx) => note.run(tx, { id: 4, text: 'small' })),
  ])
  const kept = outcomes.flatMap(({ status }, i) => (status === 'fulfilled' ? [[1, 2, 4][i]] : []))
  expect(outcomes[1]).toMatchObject({ status: 'rejected', reason: { name: 'StoreFault' } })
  expect(await noted(db)).toEqual(kept)
})

/** The disk, as far as the log's syncs go: `held` keeps them waiting, `broken` makes them fail. */
async function slowDisk(dir: string) {
  const held: PromiseWithResolvers<void>[] = []
  await using file = await openFile(join(dir, 'inbox-hub.db'))
  const spy = vi.spyOn(Object.getPrototypeOf(file) as typeof file, 'datasync')
  return {
    /** Rejects or resolves the syncs that wait, in order. */
    held,
    hold: () =>
      spy.mockImplementation(() => {
        const sync = Promise.withResolvers<void>()
        held.push(sync)
        return sync.promise
      }),
    [Symbol.dispose]: () => spy.mockRestore(),
  }
}

test('what is committed and not on the disk yet is seen by nobody, and the event loop goes on', async () => {
  using dir = newDir()
  await using db = await open(dir.path)
  using disk = await slowDisk(dir.path)
  disk.hold()
  let isTold = false
  const write = db.write((tx) => note.run(tx, { id: 1, text: 'a' })).then(() => (isTold = true))
  while (disk.held.length === 0) await new Promise((resolve) => setImmediate(resolve))
  expect([await noted(db), isTold]).toEqual([[], false])
  const next = db.write(async (tx) => {
    // The next transaction stands on it all the same.
    const seen = await tx.db.selectFrom('note_test').select('id').execute()
    await note.run(tx, { id: seen.length + 1, text: 'b' })
  })
  disk.held[0]?.resolve()
  await write
  expect(await noted(db)).toEqual([1])
  while (disk.held.length === 1) await new Promise((resolve) => setImmediate(resolve))
  disk.held[1]?.resolve()
  await next
  expect(await noted(db)).toEqual([1, 2])
})

test('when the log cannot be synced its writers are told, and all of it goes to its place before the next', async () => {
  using dir = newDir()
  await using db = await open(dir.path)
  const isInPlace = async () => {
    using copy = newDir()
    copyFileSync(join(dir.path, 'inbox-hub.db'), join(copy.path, 'inbox-hub.db'))
    await using alone = await open(copy.path)
    return noted(alone)
  }
  {
    using disk = await slowDisk(dir.path)
    disk.hold()
    const write = db.write((tx) => note.run(tx, { id: 1, text: 'a' }))
    const refused = write.catch((error: unknown) => error)
    while (disk.held.length === 0) await new Promise((resolve) => setImmediate(resolve))
    disk.held[0]?.reject(new Error('EIO'))
    expect(await refused).toBeInstanceOf(StoreFault)
  }
  expect(await isInPlace()).toEqual([])
  await db.write(async () => expect(await isInPlace()).toEqual([1]))
  await db.write((tx) => note.run(tx, { id: 2, text: 'b' }))
  expect(await noted(db)).toEqual([1, 2])
})

test('a long log goes to its place while writing goes on', async () => {
  using dir = newDir()
  await using db = await open(dir.path)
  const text = 'x'.repeat(400_000)
  const isShort = async () => {
    const [pages] = (await db.write(async (tx) => tx.sql.execute('PRAGMA page_count', []))).rows
    return statSync(join(dir.path, 'inbox-hub.db')).size === Number(Object.values(pages ?? {})[0]) * 4_096
  }
  // 100 pages each: a checkpoint is due after 41, and looked for each 16.
  for (let id = 1; id <= 48; id++) await db.write((tx) => note.run(tx, { id, text }))
  while (!(await isShort())) await new Promise((resolve) => setImmediate(resolve))
  expect(await noted(db)).toHaveLength(48)
})

test('a second process, or a second store in this one, is refused with what to do', async () => {
  using dir = newDir()
  const first = await open(dir.path)
  await expect(open(dir.path)).rejects.toThrow(DataDirInUse)
  await expect(open(dir.path)).rejects.toThrow(
    new RegExp(`Another Inbox Hub \\(process ${process.pid}\\) is using .* INBOX_HUB_DATA_DIR`),
  )
  await first[Symbol.asyncDispose]()
  await using again = await open(dir.path)
  await again.probe()
})

test('a data directory that cannot be made is refused with what to do', async () => {
  using dir = newDir()
  const file = join(dir.path, 'file')
  writeFileSync(file, '')
  await expect(open(join(file, 'data'))).rejects.toThrow(
    /file\/data cannot be written \(Error: ENOTDIR.*INBOX_HUB_DATA_DIR/,
  )
})

test('what a process was told is stored survives its being killed, and its lock dies with it', async () => {
  using dir = newDir()
  const writer = new URL('./testing/writer.ts', import.meta.url)
  const child = fork(writer, [dir.path], {
    execArgv: ['--conditions=source'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const told: number[] = []
  const enough = Promise.withResolvers<void>()
  child.on('message', (id) => {
    if (typeof id === 'number' && told.push(id) === 200) enough.resolve()
  })
  await enough.promise
  await expect(open(dir.path)).rejects.toThrow(DataDirInUse)
  child.kill('SIGKILL')
  await once(child, 'exit')
  await using db = await open(dir.path)
  const stored = new Set(await noted(db))
  expect(told.filter((id) => !stored.has(id))).toEqual([])
})

test('the data is readable by its owner alone', async () => {
  using dir = newDir()
  const dataDir = join(dir.path, 'made', 'deep')
  await using db = await open(dataDir)
  await db.probe()
  const modeOf = (name: string) => (statSync(join(dataDir, name)).mode & 0o777).toString(8)
  expect(modeOf('.')).toBe('700')
  for (const name of [
    'inbox-hub.db',
    'inbox-hub.db-wal',
    'inbox-hub.db-shm',
    'inbox-hub.lock',
    'inbox-hub.pid',
  ]) {
    expect([name, modeOf(name)]).toEqual([name, '600'])
  }
})

test('a writer that waits for something else is reported, then given up, and the others go on', async () => {
  using dir = newDir()
  const clock = createManualClock()
  const lines: string[] = []
  const log = createLog({ level: 'error', destination: { write: (line) => void lines.push(line) } })
  await using db = await open(dir.path, { clock, log })
  const never = new Promise<never>(() => {})
  const stuck = db.write(async (tx) => {
    await note.run(tx, { id: 1, text: 'a' })
    await never
  })
  const refusal = stuck.catch((error: unknown) => String(error))
  const next = db.write((tx) => note.run(tx, { id: 2, text: 'b' }))
  while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
  await clock.advance(100)
  expect(lines).toEqual([expect.stringContaining('waits for something other than the database')])
  expect(lines[0]).toContain('await never')
  await clock.advance(4_900)
  expect(await refusal).toMatch(/waited 5000 ms/)
  expect(await next).toBe(1)
  expect(await noted(db)).toEqual([2])
  expect(clock.pending).toBe(0)
})

test('database.write inside database.write is given up instead of waiting for itself for ever', async () => {
  using dir = newDir()
  const clock = createManualClock()
  await using db = await open(dir.path, { clock })
  const outer = db.write(async () => {
    await db.write((tx) => note.run(tx, { id: 1, text: 'inner' }))
  })
  const refusal = outer.catch((error: unknown) => String(error))
  while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
  await clock.advance(5_000)
  expect(await refusal).toMatch(/database\.write inside database\.write/)
  while ((await noted(db)).length === 0) await new Promise((resolve) => setImmediate(resolve))
  expect(await noted(db)).toEqual([1])
})

test('a writer may wait for a moment for something that is not the database', async () => {
  using dir = newDir()
  await using db = await open(dir.path, { clock: createManualClock() })
  const slow = db.write(async (tx) => {
    await new Promise((resolve) => setImmediate(resolve))
    await note.run(tx, { id: 1, text: 'a' })
  })
  await Promise.all([slow, db.write((tx) => note.run(tx, { id: 2, text: 'b' }))])
  expect(await noted(db)).toEqual([1, 2])
})

test('reading cannot change anything', async () => {
  using dir = newDir()
  await using db = await open(dir.path)
  await expect(db.read.deleteFrom('note_test').execute()).rejects.toThrow(/read-?only/i)
})

test('a statement that another program blocks becomes a fault, for all who wait at once', async () => {
  using dir = newDir()
  await using db = await open(dir.path)
  const { DatabaseSync } = await import('node:sqlite')
  const shell = new DatabaseSync(join(dir.path, 'inbox-hub.db'))
  shell.exec('BEGIN IMMEDIATE')
  const writes = [1, 2, 3].map((id) => db.write((tx) => note.run(tx, { id, text: 'a' })))
  const outcomes = await Promise.allSettled(writes)
  expect(outcomes.map((outcome) => outcome.status === 'rejected' && String(outcome.reason.message))).toEqual(
    Array.from({ length: 3 }, () => expect.stringContaining('another program holds the database locked')),
  )
  shell.exec('COMMIT')
  shell.close()
  await db.write((tx) => note.run(tx, { id: 4, text: 'a' }))
  expect(await noted(db)).toEqual([4])
})

test('types are strict where the migration asks for it', async () => {
  using dir = newDir()
  await using db = await open(dir.path)
  const wrong = db.write(async (tx) =>
    tx.sql.execute('INSERT INTO note_test (id, text) VALUES (1, ?)', [new Uint8Array(1)]),
  )
  await expect(wrong).rejects.toThrow(/cannot store BLOB value in TEXT column/)
})
