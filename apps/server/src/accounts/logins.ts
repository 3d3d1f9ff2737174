import { randomBytes, type KeyObject } from 'node:crypto'

import { HubError } from '@inbox-hub/contract'

import { boundedCache } from '../platform/bounded-cache.ts'
import type { Clock } from '../platform/clock.ts'
import { type Database, insertRows, statement, type Tx } from '../platform/database/index.ts'
import { hashToken, makeToken, signAccess, verifyAccess } from './tokens.ts'
import type { User } from './user-rows.ts'

export interface Tokens {
  accessToken: string
  refreshToken: string
  expiresIn: '24h'
}

/** Who is logged in where. */
export interface Logins {
  /** Begins a login of somebody whose password was found right; undefined when it is another by now. */
  begin(user: Pick<User, 'id' | 'password_hash'>): Promise<Tokens | undefined>
  /** @throws {HubError} INVALID_REFRESH_TOKEN */
  refresh(refreshToken: string): Promise<Tokens>
  /** Whose access token it is, if its login lasts. */
  of(accessToken: string): Promise<{ userId: number; loginId: string } | undefined>
  end(loginId: string): Promise<void>
  /** Ends a person's logins, but for one; answers how many. */
  endAll(tx: Tx, userId: number, except?: string): Promise<number>
}

export const refreshMs = 30 * 86_400_000
/** How long a login that another process ended may go on working here. */
const believedMs = 15_000

const insert = insertRows('login', ['id', 'user_id', 'refresh_hash', 'created_at', 'expires_at'])
/** On PostgreSQL whoever sets another password waits for this transaction, or this one for them. */
const withPassword = statement((db, p: { userId: number; password: string }, { dialect }) => {
  const row = db
    .selectFrom('app_user')
    .select('id')
    .where('id', '=', p.userId)
    .where('password_hash', '=', p.password)
  return dialect === 'postgres' ? row.forShare() : row
})
const byId = statement((db, p: { id: string }) => db.selectFrom('login').selectAll().where('id', '=', p.id))
/** Only the one refresh token that is good now turns the page. */
const turn = statement((db, p: { id: string; from: string; to: string; expiresAt: number }) =>
  db
    .updateTable('login')
    .set({ refresh_hash: p.to, expires_at: p.expiresAt })
    .where('id', '=', p.id)
    .where('refresh_hash', '=', p.from)
    .returning('user_id'),
)
const removeOne = statement((db, p: { id: string }) => db.deleteFrom('login').where('id', '=', p.id))
const ofUser = statement((db, p: { userId: number }) =>
  db.selectFrom('login').select('id').where('user_id', '=', p.userId),
)
const removeOld = statement((db, p: { userId: number; now: number }) =>
  db.deleteFrom('login').where('user_id', '=', p.userId).where('expires_at', '<', p.now),
)

/** Ends every login of everybody, in a store that no hub serves from, and links to set passwords with. */
export async function forgetLogins(tx: Tx): Promise<void> {
  await tx.db.deleteFrom('login').execute()
  await tx.db.deleteFrom('password_reset').execute()
}

export function createLogins({
  database,
  clock,
  tokenKey,
  pepper,
}: {
  database: Database
  clock: Clock
  tokenKey: KeyObject
  pepper: KeyObject
}): Logins {
  /** Logins that last, as of a moment (monotonic ms). */
  const lasting = boundedCache<string, { userId: number; asOf: number }>(10_000)

  async function tokens(userId: number, loginId: string, refresh: string): Promise<Tokens> {
    return {
      accessToken: await signAccess({ userId, loginId }, tokenKey, clock),
      refreshToken: `${loginId}.${refresh}`,
      expiresIn: '24h',
    }
  }

  return {
    async begin({ id: userId, password_hash: password }) {
      const id = randomBytes(16).toString('base64url')
      const { token, hash } = makeToken(pepper)
      const now = clock.now()
      const isBegun = await database.write(async (tx) => {
        // Whoever sets another ends the logins that there are then: one that comes later must know it.
        if ((await withPassword.first(tx, { userId, password })) === undefined) return false
        await removeOld.run(tx, { userId, now })
        await insert.run(tx, [
          { id, user_id: userId, refresh_hash: hash, created_at: now, expires_at: now + refreshMs },
        ])
        return true
      })
      return isBegun ? tokens(userId, id, token) : undefined
    },
    async refresh(refreshToken) {
      const [loginId = '', secret = ''] = refreshToken.split('.')
      const { token, hash } = makeToken(pepper)
      const turned = await database.write(async (tx) => {
        const login = await byId.first(tx, { id: loginId })
        if (login === undefined || login.expires_at < clock.now()) return undefined
        const from = hashToken(secret, pepper)
        const moved = await turn.first(tx, {
          id: loginId,
          from,
          to: hash,
          expiresAt: clock.now() + refreshMs,
        })
        // An old token: somebody has a copy. Nobody can say which of the two is the thief.
        if (moved === undefined) await removeOne.run(tx, { id: loginId })
        return moved
      })
      if (turned === undefined) {
        lasting.delete(loginId)
        throw new HubError('INVALID_REFRESH_TOKEN')
      }
      return tokens(turned.user_id, loginId, token)
    },
    async of(accessToken) {
      const claims = await verifyAccess(accessToken, tokenKey, clock)
      if (claims === undefined) return undefined
      const { loginId, userId } = claims
      const known = lasting.get(loginId)
      if (known !== undefined && clock.monotonic() - known.asOf < believedMs) return claims
      const asOf = clock.monotonic()
      const row = await byId.first(database, { id: loginId })
      if (row?.user_id !== userId) {
        lasting.delete(loginId)
        return undefined
      }
      lasting.set(loginId, { userId, asOf })
      return claims
    },
    async end(loginId) {
      await database.write((tx) => removeOne.run(tx, { id: loginId }))
      lasting.delete(loginId)
    },
    async endAll(tx, userId, except) {
      const others = (await ofUser.all(tx, { userId })).map(({ id }) => id).filter((id) => id !== except)
      await removeOne.runMany(
        tx,
        others.map((id) => ({ id })),
      )
      tx.afterCommit(() => {
        for (const id of others) lasting.delete(id)
      })
      return others.length
    },
  }
}
