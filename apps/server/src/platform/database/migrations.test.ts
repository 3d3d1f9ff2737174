import { readdirSync } from 'node:fs'

import { expect, test } from 'vitest'

import { databases } from '../testing/databases.ts'
import { type Migration, MigrationRefused, readMigrations } from './migrations.ts'

const step = (name: string, sql: string, checksum = name): Migration => ({ name, sql, checksum })
const first = step(
  '0001-a.sql',
  `CREATE TABLE a (id BIGINT PRIMARY KEY, b BYTEA) /*sqlite: STRICT*/; INSERT INTO a VALUES (1, NULL);`,
)
const second = step('0002-b.sql', 'CREATE TABLE b (id INTEGER);')

databases('migrations', ({ place, dialect }) => {
  const count = dialect === 'sqlite' ? 'count(*)' : 'count(*)::int'

  test('run once each, in order, and say so afterwards', async () => {
    await using where = await place()
    for (const migrations of [[first], [first, second], [first, second]]) {
      await using db = await where.open({ migrations })
      const { rows } = await db.sql.execute(`SELECT ${count} AS n FROM a`, [])
      expect(rows).toEqual([{ n: 1 }])
    }
    await using db = await where.open({ migrations: [first, second] })
    const { rows } = await db.sql.execute('SELECT name, checksum FROM migration ORDER BY name', [])
    expect(rows).toEqual([
      { name: '0001-a.sql', checksum: '0001-a.sql' },
      { name: '0002-b.sql', checksum: '0002-b.sql' },
    ])
  })

  test('one that fails leaves nothing of itself, and the ones before it', async () => {
    await using where = await place()
    const broken = step('0002-b.sql', 'CREATE TABLE b (id INTEGER); INSERT INTO nowhere VALUES (1);')
    await expect(where.open({ migrations: [first, broken] })).rejects.toThrow(/nowhere/)
    await using db = await where.open({ migrations: [first, second] })
    expect((await db.sql.execute('SELECT id FROM b', [])).rows).toEqual([])
  })

  test('one that was edited after it ran is refused, with what to do', async () => {
    await using where = await place()
    await (await where.open({ migrations: [first] }))[Symbol.asyncDispose]()
    const edited = where.open({ migrations: [{ ...first, checksum: 'another' }, second] })
    await expect(edited).rejects.toThrow(MigrationRefused)
    await expect(edited).rejects.toThrow(/0001-a\.sql was edited after it ran/)
  })

  test('a database of a newer release is refused, with what to do', async () => {
    await using where = await place()
    await (await where.open({ migrations: [first, second] }))[Symbol.asyncDispose]()
    await expect(where.open({ migrations: [first] })).rejects.toThrow(
      /newer Inbox Hub \(0002-b\.sql\)\. Run that version/,
    )
  })
})

test('the shipped ones are found, numbered without holes, and end as they were written', async () => {
  const migrations = await readMigrations()
  expect(migrations.map(({ name }) => Number(name.slice(0, 4)))).toEqual(migrations.map((_, n) => n + 1))
  const files = readdirSync(new URL('../../../migrations/', import.meta.url)).filter((name) =>
    name.endsWith('.sql'),
  )
  expect(migrations).toHaveLength(files.length)
  for (const { checksum } of migrations) expect(checksum).toMatch(/^[\da-f]{64}$/)
})
