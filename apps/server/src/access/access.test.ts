import { createSecretKey } from 'node:crypto'

import { describe, expect, test } from 'vitest'

import type { Database } from '../platform/database/index.ts'
import { createLog, silentLog } from '../platform/log.ts'
import { createSecrets } from '../platform/secrets/index.ts'
import { databases, onPostgres } from '../platform/testing/databases.ts'
import { createManualClock } from '../platform/testing/manual-clock.ts'
import { idOf, isWeak, makeKey } from './api-key.ts'
import { type Access, createAccess } from './index.ts'

const pepper = createSecretKey(Buffer.alloc(32, 1))

describe('the form of a key', () => {
  test('says what it is, which one it is, and whether it was copied whole', () => {
    const { id, key } = makeKey()
    expect(key).toMatch(/^ihk_[\da-zA-Z]{10}_[\da-zA-Z]{49}$/)
    expect(idOf(key, pepper)).toBe(id)
    for (let i = 15; i < key.length; i++) {
      const changed = `${key.slice(0, i)}${key[i] === 'a' ? 'b' : 'a'}${key.slice(i + 1)}`
      expect(idOf(changed, pepper)).toBeUndefined()
    }
  })

  test('no two are alike', () => {
    expect(new Set(Array.from({ length: 500 }, () => makeKey().key)).size).toBe(500)
  })

  test.each([
    'password12345678',
    'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
    '1234567890123456',
    'abcabcabcabcabcabcabcabc',
  ])('%s is weak', (key) => expect(isWeak(key)).toBe(true))

  test('a random one is not', () => expect(isWeak(makeKey().key)).toBe(false))
})

databases('API keys', ({ open, dialect }) => {
  test('the first start makes a key, shown once and stored as a hash; later starts know it', async () => {
    await using db = await open()
    const first = await started(db)
    const key = first.firstKey ?? ''
    expect(await first.authenticate(key)).toMatchObject({ ownerId: 1 })
    const again = await started(db)
    expect(again.firstKey).toBeUndefined()
    expect(await again.authenticate(key)).toMatchObject({ ownerId: 1 })
    const rows = await db.read.selectFrom('api_key').selectAll().execute()
    expect(JSON.stringify(rows)).not.toContain(key.slice(15))
    expect(rows).toMatchObject([{ owner_id: 1, name: 'first key', revoked_at: null, last_used_at: null }])
  })

  test('a key belongs to its owner; wrong, cut and made-up ones belong to nobody', async () => {
    await using db = await open()
    const access = await started(db)
    const { id, key } = await access.createKey({ ownerId: 7, name: 'crm' })
    expect(await access.authenticate(key)).toMatchObject({ ownerId: 7 })
    const stranger = makeKey().key
    for (const wrong of [
      stranger,
      key.slice(0, -1),
      `${key}x`,
      '',
      'x',
      `ihk_${id}_`,
      stranger.replace(/_\w{10}_/, `_${id}_`),
    ]) {
      expect(await access.authenticate(wrong)).toBeUndefined()
    }
  })

  test('a revoked key stops at once, and stays listed', async () => {
    await using db = await open()
    const clock = createManualClock()
    const access = await started(db, { clock })
    await clock.advance(1)
    const { id, key } = await access.createKey({ ownerId: 7, name: 'crm' })
    expect(await access.revokeKey(id)).toBe(true)
    expect(await access.authenticate(key)).toBeUndefined()
    expect(await access.revokeKey(id)).toBe(false)
    expect(await access.revokeKey('nothing')).toBe(false)
    expect((await access.listKeys()).map(({ name, revokedAt }) => [name, revokedAt !== undefined])).toEqual([
      ['first key', false],
      ['crm', true],
    ])
  })

  test('no request reads the database', async () => {
    await using db = await open()
    let reads = 0
    const counted: Database = {
      ...db,
      sql: {
        dialect,
        execute(sql, values) {
          reads++
          return db.sql.execute(sql, values)
        },
      },
    }
    const access = await started(counted)
    reads = 0
    for (let i = 0; i < 20; i++) {
      expect(access.authenticate(access.firstKey ?? '')).toMatchObject({ ownerId: 1 })
      await access.authenticate(makeKey().key)
      await access.authenticate(`guess number ${i}`)
    }
    expect(reads).toBe(0)
  })

  test('the key in the environment works, whatever its form, and replaces the one that was there', async () => {
    await using db = await open()
    const first = await started(db, { apiKey: 'an old key of a CRM' })
    expect(first.firstKey).toBeUndefined()
    expect(await first.authenticate('an old key of a CRM')).toMatchObject({ ownerId: 1 })
    const made = makeKey().key
    const second = await started(db, { apiKey: made })
    expect(await second.authenticate('an old key of a CRM')).toBeUndefined()
    expect(await second.authenticate(made)).toMatchObject({ ownerId: 1 })
    const third = await started(db, { apiKey: 'an old key of a CRM' })
    expect(await third.authenticate('an old key of a CRM')).toMatchObject({ ownerId: 1 })
    expect(await third.authenticate(made)).toBeUndefined()
    const fourth = await started(db)
    expect(await fourth.authenticate('an old key of a CRM')).toBeUndefined()
    expect(fourth.firstKey).toBeDefined()
  })

  test('a weak key in the environment is warned about, without saying it', async () => {
    await using db = await open()
    const lines: string[] = []
    const log = createLog({ level: 'warn', destination: { write: (line) => void lines.push(line) } })
    await started(db, { apiKey: 'password12345678', log })
    expect(lines).toEqual([expect.stringContaining('easy to guess')])
    expect(lines.join('')).not.toContain('password12345678')
  })

  test('a key made here and mistyped in the environment is refused', async () => {
    await using db = await open()
    const { key } = makeKey()
    const mistyped = `${key.slice(0, -1)}${key.endsWith('a') ? 'b' : 'a'}`
    await expect(started(db, { apiKey: mistyped })).rejects.toThrow(/copy it again/)
  })

  test('when a key was last used is noted once a minute and when stopping', async () => {
    await using db = await open()
    const clock = createManualClock()
    const access = await started(db, { clock })
    const stored = async () =>
      (await db.read.selectFrom('api_key').select('last_used_at').execute())[0]?.last_used_at
    const usedAt = clock.now()
    await access.authenticate(access.firstKey ?? '')
    expect((await access.listKeys())[0]?.lastUsedAt).toBe(usedAt)
    expect(await stored()).toBeNull()
    for (let passed = 0; passed < 60_000; passed += 15_000) await ticked(clock)
    expect(await stored()).toBe(usedAt)
    await access.authenticate(access.firstKey ?? '')
    await access[Symbol.asyncDispose]()
    expect(await stored()).toBe(clock.now())
  })
})

onPostgres('API keys of several processes', ({ open }) => {
  test('keys made and revoked by another process are noticed', async () => {
    await using db = await open()
    const clock = createManualClock()
    const [here, there] = [await started(db, { clock }), await started(db)]
    await clock.advance(1_000)
    const { id, key } = await there.createKey({ ownerId: 3, name: 'x' })
    expect(await here.authenticate(key)).toMatchObject({ ownerId: 3 })
    await there.revokeKey(id)
    await ticked(clock)
    expect(await here.authenticate(key)).toBeUndefined()
  })
})

async function started(
  database: Database,
  { apiKey, clock = createManualClock(), log = silentLog }: Partial<Parameters<typeof createAccess>[0]> = {},
): Promise<Access> {
  const secrets = await createSecrets({
    database,
    dataDir: '/nowhere',
    masterKeys: [new Uint8Array(32).fill(9)],
    log,
  })
  return createAccess({ database, secrets, clock, log, apiKey })
}

/** One round of the timer, and what it does in the database. */
async function ticked(clock: ReturnType<typeof createManualClock>): Promise<void> {
  await clock.advance(clock.untilNext ?? 0)
  while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
}
