import { AsyncLocalStorage } from 'node:async_hooks'

import { expect, test } from 'vitest'

import { createLog } from '../log.ts'
import { databases } from '../testing/databases.ts'
import { insertRows, nextIntegers, statement, StoreFault, type Tx, violation } from './index.ts'
import type { Migration } from './migrations.ts'

declare module './index.ts' {
  interface Tables {
    shelf_test: { id: number; title: string; weight: number | null; cover: Uint8Array | null; kind: string }
  }
}

const schema: Migration[] = [
  {
    name: '0001-shelf.sql',
    checksum: 'x',
    sql: `
      CREATE TABLE counter (name TEXT PRIMARY KEY, value BIGINT NOT NULL);
      CREATE TABLE setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
      CREATE TABLE shelf_test (
        id BIGINT PRIMARY KEY, title TEXT NOT NULL UNIQUE, weight BIGINT, cover BYTEA,
        kind TEXT NOT NULL CHECK (kind IN ('book', 'film')), parent BIGINT REFERENCES shelf_test (id)
      );`,
  },
]

const book = (id: number) => ({ id, title: `title ${id}`, weight: null, cover: null, kind: 'book' })
const storeBooks = insertRows('shelf_test', ['id', 'title', 'weight', 'cover', 'kind'])
const titles = statement((db, p: { ids: readonly number[] }, { among }) =>
  db.selectFrom('shelf_test').select(['id', 'title']).where(among('id', p.ids)).orderBy('id'),
)
const weighed = statement((db, p: { places: readonly (readonly [number, number])[] }, { amongPairs }) =>
  db
    .selectFrom('shelf_test')
    .select('id')
    .where(amongPairs(['id', 'weight'], p.places))
    .orderBy('id'),
)
const allIds = statement((db, _: object) => db.selectFrom('shelf_test').select('id').orderBy('id'))
const weigh = statement((db, p: { id: number; weight: number }) =>
  db.updateTable('shelf_test').set({ weight: p.weight }).where('id', '=', p.id),
)

databases('the store', ({ open: openAny, place, dialect }) => {
  const open = () => openAny({ migrations: schema })
  const idsIn = async (on: Parameters<typeof allIds.all>[0]) => (await allIds.all(on, {})).map(({ id }) => id)

  test('rows are found by pairs of numbers, both of them right', async () => {
    await using db = await open()
    const places = [1, 2, 3].map((id) => [id, 1_790_000_000_123_456 + id] as const)
    await db.write((tx) =>
      storeBooks.run(
        tx,
        places.map(([id, weight]) => ({ ...book(id), weight })),
      ),
    )
    const idsOf = async (list: readonly (readonly [number, number])[]) =>
      (await weighed.all(db, { places: list })).map(({ id }) => id)
    expect(await idsOf(places.slice(1))).toEqual([2, 3])
    const [[one, first], [two, second]] = places as [readonly [number, number], readonly [number, number]]
    expect(
      await idsOf([
        [one, second],
        [two, first],
        [two, second],
      ]),
    ).toEqual([2])
    expect(await idsOf([])).toEqual([])
  })

  test('what a writer stored is read after it resolves, and not before it committed', async () => {
    await using db = await open()
    const during = await db.write(async (tx) => {
      await tx.db.insertInto('shelf_test').values(book(1)).execute()
      return { own: await idsIn(tx), others: await idsIn(db) }
    })
    expect(during).toEqual({ own: [1], others: [] })
    expect(await db.read.selectFrom('shelf_test').select('id').execute()).toEqual([{ id: 1 }])
  })

  test('a writer that throws undoes only itself and is told its own error', async () => {
    await using db = await open()
    const mistake = new Error('mistake')
    const outcomes = await Promise.allSettled(
      Array.from({ length: 12 }, (_, id) =>
        db.write(async (tx) => {
          await storeBooks.run(tx, [book(id)])
          if (id % 4 === 0) throw mistake
          return id
        }),
      ),
    )
    expect(outcomes.filter(({ status }) => status === 'rejected')).toEqual(
      Array.from({ length: 3 }, () => ({ status: 'rejected', reason: mistake })),
    )
    expect(await idsIn(db)).toEqual([1, 2, 3, 5, 6, 7, 9, 10, 11])
  })

  test('a broken rule of the schema is named, and undoes its writer', async () => {
    await using db = await open()
    await db.write((tx) => storeBooks.run(tx, [book(1)]))
    const kindOf = (work: (tx: Tx) => Promise<unknown>) => db.write(work).then(() => 'none', violation)
    expect(await kindOf((tx) => storeBooks.run(tx, [book(2), book(1)]))).toBe('unique')
    expect(await kindOf((tx) => storeBooks.run(tx, [{ ...book(2), title: 'title 1' }]))).toBe('unique')
    expect(await kindOf((tx) => storeBooks.run(tx, [{ ...book(2), kind: 'song' }]))).toBe('check')
    expect(
      await kindOf(async (tx) => tx.sql.execute(`INSERT INTO shelf_test (id, kind) VALUES (2, 'book')`, [])),
    ).toBe('not_null')
    expect(
      await kindOf(async (tx) =>
        tx.sql.execute(`INSERT INTO shelf_test (id, title, kind, parent) VALUES (2, 't', 'book', 9)`, []),
      ),
    ).toBe('foreign_key')
    expect(await idsIn(db)).toEqual([1])
  })

  test('work after the commit runs once the change can be read, in order, and never after a rollback', async () => {
    await using db = await open()
    const told: string[] = []
    await db.write(async (tx) => {
      tx.afterCommit(() => told.push('first'))
      await storeBooks.run(tx, [book(1)])
      tx.afterCommit(() => told.push('second'))
    })
    told.push('resolved')
    const undone = db.write(async (tx) => {
      tx.afterCommit(() => told.push('never'))
      await storeBooks.run(tx, [book(1)])
    })
    await expect(undone).rejects.toSatisfy((error) => violation(error) === 'unique')
    expect(told).toEqual(['first', 'second', 'resolved'])
  })

  test('what work after a commit throws is logged and changes nothing', async () => {
    const lines: string[] = []
    const log = createLog({ level: 'error', destination: { write: (line) => void lines.push(line) } })
    await using db = await openAny({ migrations: schema, log })
    const value = await db.write(async (tx) => {
      tx.afterCommit(() => {
        throw new Error('listener broke')
      })
      tx.afterCommit(() => lines.push('the next one ran'))
      return 7
    })
    expect(value).toBe(7)
    expect(lines).toEqual([expect.stringContaining('listener broke'), 'the next one ran'])
  })

  test('writers run in the async context they were asked in', async () => {
    await using db = await open()
    const session = new AsyncLocalStorage<number>()
    const seen = await Promise.all(
      [1, 2, 3].map((id) =>
        session.run(id, () =>
          db.write(async (tx) => {
            const before = session.getStore()
            await idsIn(tx)
            const after = Promise.withResolvers<number | undefined>()
            tx.afterCommit(() => after.resolve(session.getStore()))
            return { before, between: session.getStore(), after: after.promise }
          }),
        ),
      ),
    )
    const contexts = await Promise.all(
      seen.map(async ({ before, between, after }) => [before, between, await after]),
    )
    expect(contexts).toEqual([
      [1, 1, 1],
      [2, 2, 2],
      [3, 3, 3],
    ])
  })

  test('integers are given out once and without holes, whoever asks and whatever is undone', async () => {
    await using db = await open()
    const given = await Promise.allSettled(
      Array.from({ length: 30 }, (_, i) =>
        db.write(async (tx) => {
          const numbers = await nextIntegers(tx, 'shelf', (i % 3) + 1)
          if (i % 7 === 0) throw new Error('undone')
          return numbers
        }),
      ),
    )
    const numbers = given.flatMap((outcome) => (outcome.status === 'fulfilled' ? outcome.value : []))
    const sorted = [...numbers].sort((a, b) => a - b)
    expect(sorted).toEqual(Array.from({ length: numbers.length }, (_, i) => i + 1))
    expect(await db.write((tx) => nextIntegers(tx, 'other', 0))).toEqual([])
    expect(await db.write((tx) => nextIntegers(tx, 'other', 2))).toEqual([1, 2])
  })

  test('values come back as they went in', async () => {
    await using db = await open()
    const row = {
      id: 1_790_000_000_000,
      title: 'ñandú 🦤 \u2028 "quoted" \\ line\nline',
      weight: -(2 ** 53 - 1),
      cover: Uint8Array.from({ length: 256 }, (_, i) => i),
      kind: 'film',
    }
    await db.write((tx) => storeBooks.run(tx, [row, { ...book(2), cover: new Uint8Array(0) }]))
    const [empty, full] = await db.read.selectFrom('shelf_test').selectAll().orderBy('id').execute()
    expect(full).toEqual({ ...row, parent: null })
    expect(empty?.cover).toEqual(new Uint8Array(0))
    expect(full?.cover?.constructor).toBe(Uint8Array)
    const [sums] = await db.read
      .selectFrom('shelf_test')
      .select((eb) => [eb.fn.countAll<number>().as('count'), eb.fn.sum<number>('id').as('sum')])
      .execute()
    expect(sums).toEqual({ count: 2, sum: 1_790_000_000_002 })
  })

  test('a NUL inside a text, which PostgreSQL cannot hold, is stored as U+FFFD', async () => {
    await using db = await open()
    await db.write((tx) => storeBooks.run(tx, [{ ...book(1), title: 'a\0b' }]))
    expect(await titles.all(db, { ids: [1] })).toEqual([{ id: 1, title: 'a\uFFFDb' }])
  })

  test.each([
    true,
    undefined,
    new Date(0),
    { a: 1 },
    ['x'],
    Number.NaN,
    Infinity,
    2 ** 60,
    () => 1,
    Symbol('s'),
  ])('a value the stores would read differently is refused: %s', async (value) => {
    await using db = await open()
    const insert = db.write(async (tx) => {
      const places = dialect === 'sqlite' ? `?, ?, 'book'` : `$1, $2, 'book'`
      await tx.sql.execute(`INSERT INTO shelf_test (id, title, kind) VALUES (${places})`, [
        value === undefined ? undefined : 1,
        dialect === 'postgres' && Array.isArray(value) ? [{}] : value,
      ])
    })
    await expect(insert).rejects.toThrow(TypeError)
    expect(await idsIn(db)).toEqual([])
  })

  test('a statement runs with other values each time, with lists of any length', async () => {
    await using db = await open()
    await db.write((tx) => storeBooks.run(tx, [book(1), book(2), book(3)]))
    expect(await titles.all(db, { ids: [1, 3, 9] })).toEqual([
      { id: 1, title: 'title 1' },
      { id: 3, title: 'title 3' },
    ])
    expect(await titles.all(db, { ids: [] })).toEqual([])
    expect(await titles.first(db, { ids: [2] })).toEqual({ id: 2, title: 'title 2' })
    expect(await titles.first(db, { ids: [9] })).toBeUndefined()
    const changed = await db.write(async (tx) => [
      await weigh.run(tx, { id: 2, weight: 5 }),
      await weigh.run(tx, { id: 9, weight: 5 }),
      await weigh.runMany(
        tx,
        [1, 2, 3, 9].map((id) => ({ id, weight: id })),
      ),
      await weigh.runMany(tx, []),
    ])
    expect(changed).toEqual([1, 0, 3, 0])
  })

  test('a placeholder used in an expression is a mistake that says so', async () => {
    await using db = await open()
    const wrong = statement((kysely, p: { id: number }) =>
      kysely
        .selectFrom('shelf_test')
        .select('id')
        .where('id', '=', p.id + 1),
    )
    await expect(wrong.all(db, { id: 1 })).rejects.toThrow(/id is a placeholder/)
  })

  test('many rows are inserted at once, and answered when asked', async () => {
    await using db = await open()
    const storeNew = insertRows('shelf_test', ['id', 'title', 'kind'], (insert) =>
      insert.onConflict((conflict) => conflict.column('id').doNothing()).returning('id'),
    )
    const rows = (from: number, to: number) =>
      Array.from({ length: to - from }, (_, i) => ({ id: from + i, title: `t${from + i}`, kind: 'film' }))
    const first = await db.write((tx) => storeNew.run(tx, rows(0, 211)))
    expect(first).toHaveLength(211)
    const second = await db.write((tx) => storeNew.run(tx, rows(200, 220)))
    expect(second.map(({ id }) => id)).toEqual([211, 212, 213, 214, 215, 216, 217, 218, 219])
    expect(await db.write((tx) => storeNew.run(tx, []))).toEqual([])
    expect(await idsIn(db)).toHaveLength(220)
  })

  test('a statement that outlives its transaction is refused, not run in the next one', async () => {
    await using db = await open()
    let leaked: Tx | undefined
    await db.write(async (tx) => {
      leaked = tx
    })
    const late = leaked
    if (late === undefined) throw new Error('no transaction')
    await expect(storeBooks.run(late, [book(1)])).rejects.toThrow(/transaction is over/)
    await expect(late.db.insertInto('shelf_test').values(book(1)).execute()).rejects.toThrow(
      /transaction is over/,
    )
    expect(await idsIn(db)).toEqual([])
  })

  test('transactions and streams of Kysely are refused with the way to go', async () => {
    await using db = await open()
    await expect(db.read.transaction().execute(async () => 1)).rejects.toThrow(/database\.write/)
    const stream = db.read.selectFrom('shelf_test').select('id').stream()
    await expect(stream.next()).rejects.toThrow(/Page with a key/)
  })

  test('the probe commits, and leaves nothing', async () => {
    await using db = await open()
    await db.probe()
    await Promise.all([db.probe(), db.probe()])
    expect((await db.sql.execute('SELECT name FROM setting', [])).rows).toEqual([])
  })

  test('what was committed is there after closing and opening again; a closed store takes nothing', async () => {
    await using where = await place()
    const first = await where.open({ migrations: schema })
    const pending = first.write((tx) => storeBooks.run(tx, [book(1)]))
    await first[Symbol.asyncDispose]()
    await pending
    await expect(first.write((tx) => storeBooks.run(tx, [book(2)]))).rejects.toThrow(StoreFault)
    await using again = await where.open({ migrations: schema })
    expect(await idsIn(again)).toEqual([1])
  })

  test('a store that fails says so to everyone, keeps nothing of it, and works again by itself', async () => {
    await using where = await place({ breakable: true })
    await using db = await where.open({ migrations: schema })
    await db.write((tx) => storeBooks.run(tx, [book(1)]))
    {
      await using _outage = await where.outage(db)
      const writes = await Promise.allSettled(
        [2, 3, 4].map((id) => db.write((tx) => storeBooks.run(tx, [book(id)]))),
      )
      const reasons = writes.map((write) => (write.status === 'rejected' ? write.reason : 'stored'))
      expect(reasons).toEqual([expect.any(StoreFault), expect.any(StoreFault), expect.any(StoreFault)])
      await expect(db.probe()).rejects.toThrow(StoreFault)
    }
    await db.probe()
    await db.write((tx) => storeBooks.run(tx, [book(5)]))
    expect(await idsIn(db)).toEqual([1, 5])
  })

  test('a fault that the writer swallowed is a fault all the same', async () => {
    await using where = await place({ breakable: true })
    await using db = await where.open({ migrations: schema })
    await using _outage = await where.outage(db)
    const swallowing = db.write(async (tx) => {
      await storeBooks.run(tx, [book(1)]).catch(() => {})
      return 'done'
    })
    await expect(swallowing).rejects.toThrow(StoreFault)
  })

  test('the shipped schema applies, and applies once', async () => {
    await using where = await place()
    for (let start = 0; start < 2; start++) {
      await using db = await where.open()
      await db.probe()
      expect(await db.write((tx) => nextIntegers(tx, 'message', 1))).toEqual([start + 1])
    }
  })
})
