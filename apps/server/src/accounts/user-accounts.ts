import { HubError, type WireUser } from '@inbox-hub/contract'

import { boundedCache } from '../platform/bounded-cache.ts'
import type { Clock } from '../platform/clock.ts'
import { type Database, nextIntegers, statement, type Tx } from '../platform/database/index.ts'
import type { Sealer } from '../platform/secrets/index.ts'
import type { KeyObject } from 'node:crypto'
import type { Logins, Tokens } from './logins.ts'
import type { Mail } from './mail.ts'
import type { Organizations } from './organizations.ts'
import { hashPassword, isPassword } from './password.ts'
import { hashToken, makeToken } from './tokens.ts'
import { makeRecoveryCodes, makeTotpSecret, stepOf, totpUri } from './totp.ts'
import { insertUser, keyOf, type User, userById, userByIdentifier } from './user-rows.ts'

export interface Registration {
  username: string
  email: string
  password: string
  firstName?: string | undefined
  lastName?: string | undefined
  phone?: string | undefined
  organizationName?: string | undefined
}

/** How somebody comes in. */
export type Entrance = { invitation: string } | { ownerOf: number } | 'own_organization'

/** People's accounts. */
export interface Accounts {
  /** Answers also which organization they joined or founded. @throws {HubError} USER_ALREADY_EXISTS, INVITATION_NOT_FOUND */
  register(registration: Registration, entrance: Entrance): Promise<{ user: User; organizationId: number }>
  /** `found` is told whose account it is, before it is proved to be the caller's. @throws {HubError} AUTHENTICATION_FAILED, TOTP_REQUIRED */
  login(
    given: { identifier: string; password: string; code?: string | undefined },
    found: (account: { userId: number }) => void,
  ): Promise<{ user: User; tokens: Tokens }>
  /** An account in use; undefined when there is none. */
  find(userId: number): Promise<User | undefined>
  /** @throws {HubError} USER_ALREADY_EXISTS */
  update(
    user: User,
    changes: {
      firstName?: string | undefined
      lastName?: string | undefined
      phone?: string | undefined
      email?: string | undefined
    },
  ): Promise<User>
  /** Answers how many other logins ended. @throws {HubError} AUTHENTICATION_FAILED */
  changePassword(
    user: User,
    loginId: string,
    given: { currentPassword: string; newPassword: string },
  ): Promise<number>
  /** Sends a link if the address is somebody's; never tells. */
  requestReset(email: string): Promise<void>
  /** A link to set a new password, to hand over. */
  makeResetLink(userId: number): Promise<{ token: string; link: string; expiresAt: number }>
  /** Answers whose it was. @throws {HubError} INVALID_TOKEN */
  resetPassword(token: string, newPassword: string): Promise<number>
  /** @throws {HubError} AUTHENTICATION_FAILED */
  beginTotp(user: User, password: string): Promise<{ secret: string; uri: string }>
  /** @throws {HubError} AUTHENTICATION_FAILED */
  confirmTotp(user: User, code: string): Promise<string[]>
  /** @throws {HubError} AUTHENTICATION_FAILED */
  removeTotp(user: User, password: string): Promise<void>
  wire(user: User): Promise<WireUser>
}

export interface AccountsDeps {
  database: Database
  clock: Clock
  logins: Logins
  organizations: Organizations
  mail: Mail
  pepper: KeyObject
  sealer: Sealer
  /** Where people reach the hub, without a slash at the end. */
  publicUrl: string
}

const resetMs = 3_600_000
/** Wrong passwords for one account before it waits, whoever tries. */
const maxFailures = 10
const waitMs = 15 * 60_000

const setPassword = statement((db, p: { id: number; hash: string; now: number }) =>
  db.updateTable('app_user').set({ password_hash: p.hash, updated_at: p.now }).where('id', '=', p.id),
)
const changePassword = statement((db, p: { id: number; from: string; hash: string; now: number }) =>
  db
    .updateTable('app_user')
    .set({ password_hash: p.hash, updated_at: p.now })
    .where('id', '=', p.id)
    .where('password_hash', '=', p.from),
)
const setTotp = statement(
  (
    db,
    p: { id: number; secret: string | null; since: number | null; last: number | null; codes: string | null },
  ) =>
    db
      .updateTable('app_user')
      .set({ totp_secret: p.secret, totp_since: p.since, totp_last: p.last, recovery_codes: p.codes })
      .where('id', '=', p.id),
)
/** Of two logins with the same code, one. */
const useStep = statement((db, p: { id: number; step: number }) =>
  db
    .updateTable('app_user')
    .set({ totp_last: p.step })
    .where('id', '=', p.id)
    .where((eb) => eb.or([eb('totp_last', 'is', null), eb('totp_last', '<', p.step)]))
    .returning('id'),
)
const useRecoveryCode = statement((db, p: { id: number; from: string; to: string }) =>
  db
    .updateTable('app_user')
    .set({ recovery_codes: p.to })
    .where('id', '=', p.id)
    .where('recovery_codes', '=', p.from)
    .returning('id'),
)
const storeReset = statement((db, p: { hash: string; userId: number; expiresAt: number }) =>
  db.insertInto('password_reset').values({ token_hash: p.hash, user_id: p.userId, expires_at: p.expiresAt }),
)
/** Found by a keyed hash, of which whoever guesses knows no part: how long a comparison takes tells nothing of the token. */
const resetOf = statement((db, p: { hash: string; now: number }) =>
  db
    .selectFrom('password_reset')
    .select('user_id')
    .where('token_hash', '=', p.hash)
    .where('expires_at', '>=', p.now),
)
const takeReset = statement((db, p: { hash: string; now: number }) =>
  db
    .deleteFrom('password_reset')
    .where('token_hash', '=', p.hash)
    .where('expires_at', '>=', p.now)
    .returning('user_id'),
)
const dropResets = statement((db, p: { userId: number }) =>
  db.deleteFrom('password_reset').where('user_id', '=', p.userId),
)

export function createAccounts(deps: AccountsDeps): Accounts {
  const { database, clock, logins, organizations, mail, pepper, sealer, publicUrl } = deps
  const failures = boundedCache<string, { count: number; until: number }>(10_000)

  const sealTotp = (secret: string, id: number): string =>
    Buffer.from(sealer.seal(Buffer.from(secret), totpContext(id))).toString('base64')
  const openTotp = (sealed: string, id: number): string =>
    Buffer.from(sealer.open(Buffer.from(sealed, 'base64'), totpContext(id))).toString()

  async function isTaken(tx: Tx, key: string, except?: number): Promise<boolean> {
    const row = await userByIdentifier.first(tx, { key })
    return row !== undefined && row.id !== except
  }

  function failed(key: string): never {
    const now = clock.monotonic()
    const before = failures.get(key)
    const count = before !== undefined && before.until > now ? before.count + 1 : 1
    failures.set(key, { count, until: now + waitMs })
    throw new HubError('AUTHENTICATION_FAILED')
  }

  /** @throws {HubError} AUTHENTICATION_FAILED */
  async function prove(user: User, password: string): Promise<void> {
    const key = `user ${user.id}`
    const wait = failures.get(key)
    const isBarred = wait !== undefined && wait.count >= maxFailures && wait.until > clock.monotonic()
    // Also while barred: how long it takes tells nothing.
    if (!(await isPassword(password, user.password_hash)) || isBarred) failed(key)
    failures.delete(key)
  }

  async function useCode(user: User, code: string): Promise<boolean> {
    const { id, totp_secret: sealed, totp_last: last, recovery_codes: codes } = user
    if (sealed === null) return false
    const step = stepOf(code, openTotp(sealed, id), clock.now(), last)
    if (step !== undefined)
      return database.write(async (tx) => (await useStep.first(tx, { id, step })) !== undefined)
    const hash = hashToken(code.trim().toLowerCase(), pepper)
    // Only this module writes the column, from strings.
    const left = JSON.parse(codes ?? '[]') as string[]
    if (codes === null || !left.includes(hash)) return false
    const to = JSON.stringify(left.filter((each) => each !== hash))
    return database.write(
      async (tx) => (await useRecoveryCode.first(tx, { id, from: codes, to })) !== undefined,
    )
  }

  async function makeReset(userId: number): Promise<{ token: string; link: string; expiresAt: number }> {
    const { token, hash } = makeToken(pepper)
    const expiresAt = clock.now() + resetMs
    await database.write(async (tx) => {
      await dropResets.run(tx, { userId })
      await storeReset.run(tx, { hash, userId, expiresAt })
    })
    return { token, link: `${publicUrl}/reset-password#${token}`, expiresAt }
  }

  async function enter(tx: Tx, user: User, entrance: Entrance, name = user.username): Promise<number> {
    if (entrance === 'own_organization')
      return (await organizations.found(tx, { name, description: null, plan: 'free' }, user.id)).id
    if ('invitation' in entrance) return organizations.accept(tx, entrance.invitation, user)
    await organizations.joinByKey(tx, entrance.ownerOf, user.id)
    return entrance.ownerOf
  }

  async function again(id: number): Promise<User> {
    const user = await userById.first(database, { id })
    if (user === undefined) throw new HubError('INVALID_TOKEN')
    return user
  }

  return {
    async register(registration, entrance) {
      if (typeof entrance === 'object' && 'invitation' in entrance)
        await organizations.expectInvitation(entrance.invitation)
      const password = await hashPassword(registration.password)
      const now = clock.now()
      return database.write(async (tx) => {
        const [username, email] = [keyOf(registration.username), keyOf(registration.email)]
        if ((await isTaken(tx, username)) || (await isTaken(tx, email)))
          throw new HubError('USER_ALREADY_EXISTS')
        const [id = Number.NaN] = await nextIntegers(tx, 'user', 1)
        const user: User = {
          id,
          username: registration.username,
          username_key: username,
          email: registration.email,
          email_key: email,
          first_name: registration.firstName ?? null,
          last_name: registration.lastName ?? null,
          phone: registration.phone ?? null,
          password_hash: password,
          totp_secret: null,
          totp_since: null,
          totp_last: null,
          recovery_codes: null,
          is_active: 1,
          created_at: now,
          updated_at: now,
        }
        await insertUser.run(tx, [user])
        return { user, organizationId: await enter(tx, user, entrance, registration.organizationName) }
      })
    },
    async login({ identifier, password, code }, found) {
      const user = await userByIdentifier.first(database, { key: keyOf(identifier) })
      if (user?.is_active !== 1) {
        await isPassword(password, undefined)
        throw new HubError('AUTHENTICATION_FAILED')
      }
      found({ userId: user.id })
      await prove(user, password)
      if (user.totp_since !== null) {
        if (code === undefined) throw new HubError('TOTP_REQUIRED')
        if (!(await useCode(user, code))) failed(`user ${user.id}`)
      }
      const tokens = await logins.begin(user)
      if (tokens === undefined) throw new HubError('AUTHENTICATION_FAILED')
      return { user, tokens }
    },
    async find(userId) {
      const user = await userById.first(database, { id: userId })
      return user?.is_active === 1 ? user : undefined
    },
    async update(user, { firstName, lastName, phone, email }) {
      await database.write(async (tx) => {
        if (email !== undefined && (await isTaken(tx, keyOf(email), user.id)))
          throw new HubError('USER_ALREADY_EXISTS')
        await tx.db
          .updateTable('app_user')
          .set({
            ...(firstName === undefined ? {} : { first_name: firstName }),
            ...(lastName === undefined ? {} : { last_name: lastName }),
            ...(phone === undefined ? {} : { phone }),
            ...(email === undefined ? {} : { email, email_key: keyOf(email) }),
            updated_at: clock.now(),
          })
          .where('id', '=', user.id)
          .execute()
      })
      return again(user.id)
    },
    async changePassword(user, loginId, { currentPassword, newPassword }) {
      await prove(user, currentPassword)
      const hash = await hashPassword(newPassword)
      return database.write(async (tx) => {
        const change = { id: user.id, from: user.password_hash, hash, now: clock.now() }
        // Another was set meanwhile.
        if ((await changePassword.run(tx, change)) === 0) throw new HubError('AUTHENTICATION_FAILED')
        await dropResets.run(tx, { userId: user.id })
        return logins.endAll(tx, user.id, loginId)
      })
    },
    async requestReset(email) {
      const user = await userByIdentifier.first(database, { key: keyOf(email) })
      if (user?.is_active !== 1) return
      const { link } = await makeReset(user.id)
      await mail.send({
        to: user.email,
        subject: 'Inbox Hub: restablecer la contraseña / set a new password',
        text: `${link}\n\nEl enlace vale una hora y una vez. Si no lo pidió, no haga nada.\nThe link is good for an hour and once. If you did not ask for it, do nothing.\n`,
      })
    },
    makeResetLink: makeReset,
    async resetPassword(token, newPassword) {
      const tokenHash = hashToken(token, pepper)
      if ((await resetOf.first(database, { hash: tokenHash, now: clock.now() })) === undefined)
        throw new HubError('INVALID_TOKEN')
      const hash = await hashPassword(newPassword)
      return database.write(async (tx) => {
        // Of several that came with it at the same time, the first.
        const taken = await takeReset.first(tx, { hash: tokenHash, now: clock.now() })
        if (taken === undefined) throw new HubError('INVALID_TOKEN')
        const { user_id: userId } = taken
        await setPassword.run(tx, { id: userId, hash, now: clock.now() })
        await logins.endAll(tx, userId)
        tx.afterCommit(() => void failures.delete(`user ${userId}`))
        return userId
      })
    },
    async beginTotp(user, password) {
      await prove(user, password)
      // One in use stays until it is removed: a login that was taken over must not replace it.
      if (user.totp_since !== null) throw new HubError('AUTHENTICATION_FAILED')
      const secret = makeTotpSecret()
      await database.write((tx) =>
        setTotp.run(tx, {
          id: user.id,
          secret: sealTotp(secret, user.id),
          since: null,
          last: null,
          codes: null,
        }),
      )
      return { secret, uri: totpUri(secret, user.email) }
    },
    async confirmTotp(user, code) {
      const { id, totp_secret: sealed } = user
      const now = clock.now()
      const step =
        sealed === null || user.totp_since !== null
          ? undefined
          : stepOf(code, openTotp(sealed, id), now, null)
      if (sealed === null || step === undefined) failed(`user ${id}`)
      const recoveryCodes = makeRecoveryCodes()
      const codes = JSON.stringify(recoveryCodes.map((each) => hashToken(each, pepper)))
      await database.write((tx) => setTotp.run(tx, { id, secret: sealed, since: now, last: step, codes }))
      return recoveryCodes
    },
    async removeTotp(user, password) {
      await prove(user, password)
      await database.write((tx) =>
        setTotp.run(tx, { id: user.id, secret: null, since: null, last: null, codes: null }),
      )
    },
    async wire(user) {
      const role = (await organizations.isAdminOfFirst(user.id)) ? 'admin' : 'user'
      return {
        id: user.id,
        username: user.username,
        email: user.email,
        firstName: user.first_name,
        lastName: user.last_name,
        phone: user.phone,
        globalRole: role,
        role,
        isActive: user.is_active === 1,
        twoFactor: user.totp_since !== null,
        createdAt: new Date(user.created_at).toISOString(),
      }
    },
  }
}

const totpContext = (id: number): string => `user ${id}|totp`
