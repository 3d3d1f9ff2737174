import './tables.ts'

import { expect, test } from 'vitest'

import { databases } from '../platform/testing/databases.ts'
import { sweepEnded } from './retention.ts'

const day = 86_400_000
const now = Date.UTC(2026, 10, 22)

databases('what has ended of accounts', ({ open }) => {
  test('is removed: logins and links at once, invitations after thirty days', async () => {
    await using database = await open()
    const login = (id: string, expires_at: number) => ({
      id,
      user_id: 1,
      refresh_hash: id,
      created_at: 0,
      expires_at,
    })
    const invitation = (id: number, expires_at: number) => ({
      id,
      organization_id: 1,
      email: 'ana@example.com',
      role: 'agent' as const,
      token_hash: String(id),
      invited_by: 1,
      created_at: 0,
      expires_at,
      accepted_at: null,
    })
    const many = Array.from({ length: 1200 }, (_, n) => login(`ended ${n}`, now - 1))
    await database.write(async (tx) => {
      await tx.db
        .insertInto('login')
        .values([...many.slice(0, 600), login('lasts', now)])
        .execute()
      await tx.db.insertInto('login').values(many.slice(600)).execute()
      const reset = (token_hash: string, expires_at: number) => ({ token_hash, user_id: 1, expires_at })
      await tx.db
        .insertInto('password_reset')
        .values([reset('ended', now - 1), reset('lasts', now)])
        .execute()
      await tx.db
        .insertInto('invitation')
        .values([invitation(1, now - 30 * day - 1), invitation(2, now - 30 * day)])
        .execute()
    })
    // A turn whose time is up does no more than one step.
    await sweepEnded(database, { now, stop: AbortSignal.abort() })
    const left = async () =>
      (await database.read.selectFrom('login').select('id').execute()).map(({ id }) => id)
    expect(await left()).toHaveLength(1201)
    await sweepEnded(database, { now, stop: new AbortController().signal })
    expect(await left()).toEqual(['lasts'])
    expect(await database.read.selectFrom('password_reset').select('token_hash').execute()).toEqual([
      { token_hash: 'lasts' },
    ])
    expect(await database.read.selectFrom('invitation').select('id').execute()).toEqual([{ id: 2 }])
  })
})
