import { createSecretKey } from 'node:crypto'

import { expect, test } from 'vitest'

import type { Database } from '../platform/database/index.ts'
import { databases } from '../platform/testing/databases.ts'
import { append, type AuditEntry, verify } from './chain.ts'

const key = createSecretKey(Buffer.alloc(32, 7))

const entry = (n: number): AuditEntry => ({
  at: 1_700_000_000_000 + n,
  owner_id: 1 + (n % 2),
  user_id: n % 3 === 0 ? n : null,
  key_id: n % 3 === 0 ? null : `key${n}`,
  session_id: n % 2 === 0 ? n : null,
  session: n % 2 === 0 ? 'support' : null,
  action: 'createSession',
  status: 200,
  code: null,
  ip: '192.0.2.1',
  request_id: `request ${n}`,
})

const filled = async (database: Database, count = 6): Promise<void> => {
  for (let n = 0; n < count; n += 2) await database.write((tx) => append(tx, key, [entry(n), entry(n + 1)]))
}

const change = (database: Database, text: string): Promise<void> =>
  database.write(async (tx) => void (await tx.sql.execute(text, [])))

databases('the chain of the audit log', ({ open }) => {
  test('is intact as it was written, empty or longer than a page, and under its own key alone', async () => {
    await using database = await open()
    expect(await verify(database, key)).toEqual({ intact: true, count: 0, hash: '' })
    await filled(database)
    await database.write((tx) =>
      append(
        tx,
        key,
        Array.from({ length: 1_100 }, (_, n) => entry(n)),
      ),
    )
    expect(await verify(database, key)).toMatchObject({ intact: true, count: 1_106 })
    const other = createSecretKey(Buffer.alloc(32, 8))
    expect(await verify(database, other)).toEqual({ intact: false, seq: 1, problem: 'changed' })
  })

  test('writers at the same time make one chain', async () => {
    await using database = await open()
    await Promise.all(
      Array.from({ length: 20 }, (_, n) => database.write((tx) => append(tx, key, [entry(n)]))),
    )
    expect(await verify(database, key)).toMatchObject({ intact: true, count: 20 })
  })

  test('any column of any row that was changed is found at its row', async () => {
    await using database = await open()
    await filled(database)
    const columns = Object.keys(
      await database.read.selectFrom('audit_log').selectAll().executeTakeFirstOrThrow(),
    )
    const numbers = ['at', 'owner_id', 'user_id', 'session_id', 'status']
    for (const column of columns.filter((name) => name !== 'seq')) {
      const before = await database.read
        .selectFrom('audit_log')
        .selectAll()
        .where('seq', '=', 3)
        .executeTakeFirstOrThrow()
      await change(
        database,
        `UPDATE audit_log SET ${column} = ${numbers.includes(column) ? '77' : "'x'"} WHERE seq = 3`,
      )
      expect([column, await verify(database, key)]).toEqual([
        column,
        { intact: false, seq: 3, problem: 'changed' },
      ])
      await database.write(async (tx) => {
        await tx.db.updateTable('audit_log').set(before).where('seq', '=', 3).execute()
      })
    }
    expect(await verify(database, key)).toMatchObject({ intact: true })
  })

  test.each([
    ['the first removed', 'DELETE FROM audit_log WHERE seq = 1', 1, 'missing'],
    ['one removed', 'DELETE FROM audit_log WHERE seq = 4', 4, 'missing'],
    ['the last removed', 'DELETE FROM audit_log WHERE seq = 6', 6, 'end_removed'],
    ['all removed', 'DELETE FROM audit_log', 1, 'end_removed'],
    ['one moved to the end', 'UPDATE audit_log SET seq = 7 WHERE seq = 2', 2, 'missing'],
    [
      'two exchanged',
      'UPDATE audit_log SET seq = -3 WHERE seq = 3; UPDATE audit_log SET seq = 3 WHERE seq = 4; UPDATE audit_log SET seq = 4 WHERE seq = -3',
      3,
      'changed',
    ],
    [
      'the end removed and said to be earlier',
      'DELETE FROM audit_log WHERE seq > 4; UPDATE audit_head SET seq = 4, hash = (SELECT hash FROM audit_log WHERE seq = 4)',
      4,
      'end_changed',
    ],
    ['the end forgotten', 'DELETE FROM audit_head', 6, 'end_changed'],
  ])('%s: found', async (_what, text, seq, problem) => {
    await using database = await open()
    await filled(database)
    for (const part of text.split(';')) await change(database, part)
    expect(await verify(database, key)).toEqual({ intact: false, seq, problem })
  })
})
