import type { KeyObject } from 'node:crypto'

import { HubError, mayAs, type Role } from '@inbox-hub/contract'

import type { Clock } from '../platform/clock.ts'
import { type Database, nextIntegers, statement, type Tx } from '../platform/database/index.ts'
import type { Mail } from './mail.ts'
import type { InvitationRow, MemberRow, OrganizationRow } from './tables.ts'
import { hashToken, makeToken } from './tokens.ts'
import { keyOf, type User } from './user-rows.ts'

/** An organization as one of its members sees it. */
export interface Membership {
  organization: OrganizationRow
  role: Role
}

export interface Member extends MemberRow {
  user: User
}

/** Organizations and who belongs to them. Those of others do not exist for whoever asks. */
export interface Organizations {
  /** Makes one in the caller's transaction, owned by `ownerId`. */
  found(
    tx: Tx,
    organization: Pick<OrganizationRow, 'name' | 'description' | 'plan'>,
    userId: number,
  ): Promise<OrganizationRow>
  /** Whoever holds a key of all that an organization has: its owner if it has none yet, else an administrator, who can make such keys. */
  joinByKey(tx: Tx, organizationId: number, userId: number): Promise<void>
  /** Nothing, when an invitation can be used now. @throws {HubError} INVITATION_NOT_FOUND */
  expectInvitation(token: string): Promise<void>
  /** Uses an invitation. Its holder need not have the address it was sent to. @throws {HubError} INVITATION_NOT_FOUND */
  accept(tx: Tx, token: string, user: Pick<User, 'id'>): Promise<number>
  mine(userId: number): Promise<readonly Membership[]>
  /** The ids of the organizations of each of these people; of those without any, nothing. */
  ofEach(tx: Tx, userIds: readonly number[]): Promise<ReadonlyMap<number, readonly number[]>>
  /** @throws {HubError} ORGANIZATION_NOT_FOUND */
  membership(userId: number, organizationId: number): Promise<Membership>
  update(
    organizationId: number,
    changes: { name?: string | undefined; description?: string | undefined },
  ): Promise<void>
  /** In the caller's transaction: keys go with it. */
  remove(tx: Tx, organizationId: number): Promise<void>
  members(organizationId: number): Promise<readonly Member[]>
  /** Also sends it, if it can. */
  invite(
    organization: OrganizationRow,
    by: number,
    to: { email: string; role: Role },
  ): Promise<InvitationRow & { token: string; link: string; isSent: boolean }>
  openInvitations(organizationId: number): Promise<number>
  /** @throws {HubError} MEMBER_NOT_FOUND, AUTHORIZATION_FAILED, LAST_OWNER */
  setRole(by: Membership, userId: number, role: Role): Promise<Member>
  /** @throws {HubError} MEMBER_NOT_FOUND, AUTHORIZATION_FAILED, LAST_OWNER */
  removeMember(by: Membership & { userId: number }, userId: number): Promise<void>
  isAdminOfFirst(userId: number): Promise<boolean>
}

/** To which everything belongs that was there before people were. */
export const firstOrganization = 1
const invitationMs = 7 * 86_400_000

const byId = statement((db, p: { id: number }) =>
  db.selectFrom('organization').selectAll().where('id', '=', p.id).where('deleted_at', 'is', null),
)
const memberOf = statement((db, p: { organizationId: number; userId: number }) =>
  db
    .selectFrom('member')
    .selectAll()
    .where('organization_id', '=', p.organizationId)
    .where('user_id', '=', p.userId),
)
const owners = statement((db, p: { organizationId: number }) =>
  db
    .selectFrom('member')
    .select('user_id')
    .where('organization_id', '=', p.organizationId)
    .where('role', '=', 'owner'),
)
const ofUsers = statement((db, p: { userIds: readonly number[] }, { among }) =>
  db
    .selectFrom('member')
    .select(['user_id', 'organization_id'])
    .where(among('user_id', p.userIds))
    .orderBy('organization_id'),
)
const putMember = statement((db, p: MemberRow) =>
  db
    .insertInto('member')
    .values({
      organization_id: p.organization_id,
      user_id: p.user_id,
      role: p.role,
      created_at: p.created_at,
    })
    .onConflict((conflict) => conflict.columns(['organization_id', 'user_id']).doNothing()),
)
const setRoleOf = statement((db, p: { organizationId: number; userId: number; role: Role }) =>
  db
    .updateTable('member')
    .set({ role: p.role })
    .where('organization_id', '=', p.organizationId)
    .where('user_id', '=', p.userId),
)
const dropMember = statement((db, p: { organizationId: number; userId: number }) =>
  db.deleteFrom('member').where('organization_id', '=', p.organizationId).where('user_id', '=', p.userId),
)
const openInvitation = statement((db, p: { hash: string; now: number }) =>
  db
    .selectFrom('invitation')
    .select('id')
    .where('token_hash', '=', p.hash)
    .where('accepted_at', 'is', null)
    .where('expires_at', '>=', p.now),
)
const takeInvitation = statement((db, p: { hash: string; now: number }) =>
  db
    .updateTable('invitation')
    .set({ accepted_at: p.now })
    .where('token_hash', '=', p.hash)
    .where('accepted_at', 'is', null)
    .where('expires_at', '>=', p.now)
    .returning(['organization_id', 'role']),
)

export function createOrganizations({
  database,
  clock,
  mail,
  pepper,
  publicUrl,
}: {
  database: Database
  clock: Clock
  mail: Mail
  pepper: KeyObject
  publicUrl: string
}): Organizations {
  async function join(tx: Tx, organizationId: number, userId: number, role: Role): Promise<void> {
    await putMember.run(tx, {
      organization_id: organizationId,
      user_id: userId,
      role,
      created_at: clock.now(),
    })
  }

  async function members(from: Database | Tx, organizationId: number): Promise<readonly Member[]> {
    const db = 'db' in from ? from.db : from.read
    const rows = await db
      .selectFrom('member')
      .innerJoin('app_user', 'app_user.id', 'member.user_id')
      .selectAll('app_user')
      .select(['member.role', 'member.created_at as joined_at'])
      .where('member.organization_id', '=', organizationId)
      .orderBy('member.created_at')
      .orderBy('member.user_id')
      .execute()
    return rows.map(({ role, joined_at: joinedAt, ...user }) => ({
      organization_id: organizationId,
      user_id: user.id,
      role,
      created_at: joinedAt,
      user,
    }))
  }

  /** The member that is about to change, if whoever changes it may; an organization keeps an owner. */
  async function changeable(
    tx: Tx,
    { organization, role }: Membership,
    userId: number,
    losesOwner: boolean,
  ): Promise<Member> {
    const found = (await members(tx, organization.id)).find(({ user_id: id }) => id === userId)
    if (found === undefined) throw new HubError('MEMBER_NOT_FOUND')
    if (found.role === 'owner' && role !== 'owner') throw new HubError('AUTHORIZATION_FAILED')
    if (found.role === 'owner' && losesOwner) {
      const left = await owners.all(tx, { organizationId: organization.id })
      if (left.length === 1) throw new HubError('LAST_OWNER')
    }
    return found
  }

  return {
    async found(tx, { name, description, plan }, userId) {
      const [id = Number.NaN] = await nextIntegers(tx, 'organization', 1)
      const now = clock.now()
      const row: OrganizationRow = {
        id,
        name,
        description,
        plan,
        created_at: now,
        updated_at: now,
        deleted_at: null,
      }
      await tx.db.insertInto('organization').values(row).execute()
      await join(tx, id, userId, 'owner')
      return row
    },
    async joinByKey(tx, organizationId, userId) {
      const isFirst = (await owners.all(tx, { organizationId })).length === 0
      await join(tx, organizationId, userId, isFirst ? 'owner' : 'admin')
    },
    async expectInvitation(token) {
      const hash = hashToken(token, pepper)
      if ((await openInvitation.first(database, { hash, now: clock.now() })) === undefined)
        throw new HubError('INVITATION_NOT_FOUND')
    },
    async accept(tx, token, { id: userId }) {
      const taken = await takeInvitation.first(tx, { hash: hashToken(token, pepper), now: clock.now() })
      if (taken === undefined || (await byId.first(tx, { id: taken.organization_id })) === undefined)
        throw new HubError('INVITATION_NOT_FOUND')
      await join(tx, taken.organization_id, userId, taken.role)
      return taken.organization_id
    },
    async mine(userId) {
      const rows = await database.read
        .selectFrom('member')
        .innerJoin('organization', 'organization.id', 'member.organization_id')
        .selectAll('organization')
        .select('member.role')
        .where('member.user_id', '=', userId)
        .where('organization.deleted_at', 'is', null)
        .orderBy('organization.id')
        .execute()
      return rows.map(({ role, ...organization }) => ({ organization, role }))
    },
    async ofEach(tx, userIds) {
      const rows = await ofUsers.all(tx, { userIds })
      const byUser = Map.groupBy(rows, ({ user_id: userId }) => userId)
      return new Map([...byUser].map(([userId, of]) => [userId, of.map((row) => row.organization_id)]))
    },
    async membership(userId, organizationId) {
      const member = await memberOf.first(database, { organizationId, userId })
      const organization =
        member === undefined ? undefined : await byId.first(database, { id: organizationId })
      if (member === undefined || organization === undefined) throw new HubError('ORGANIZATION_NOT_FOUND')
      return { organization, role: member.role }
    },
    async update(organizationId, { name, description }) {
      await database.write((tx) =>
        tx.db
          .updateTable('organization')
          .set({
            ...(name === undefined ? {} : { name }),
            ...(description === undefined ? {} : { description }),
            updated_at: clock.now(),
          })
          .where('id', '=', organizationId)
          .execute(),
      )
    },
    async remove(tx, organizationId) {
      await tx.db
        .updateTable('organization')
        .set({ deleted_at: clock.now() })
        .where('id', '=', organizationId)
        .execute()
      await tx.db.deleteFrom('member').where('organization_id', '=', organizationId).execute()
      await tx.db.deleteFrom('invitation').where('organization_id', '=', organizationId).execute()
    },
    members: (organizationId) => members(database, organizationId),
    async invite({ id: organizationId, name }, by, { email, role }) {
      const { token, hash } = makeToken(pepper)
      const now = clock.now()
      const row = await database.write(async (tx) => {
        const [id = Number.NaN] = await nextIntegers(tx, 'invitation', 1)
        const made: InvitationRow = {
          id,
          organization_id: organizationId,
          email: keyOf(email),
          role,
          token_hash: hash,
          invited_by: by,
          created_at: now,
          expires_at: now + invitationMs,
          accepted_at: null,
        }
        await tx.db.insertInto('invitation').values(made).execute()
        return made
      })
      const link = `${publicUrl}/invitation#${token}`
      const isSent = await mail.send({
        to: email,
        subject: `Inbox Hub: ${name.replaceAll(/\s+/g, ' ')}`,
        text: `${link}\n\nLe invitan a la organización «${name}». El enlace vale siete días.\nYou are invited to the organization "${name}". The link is good for seven days.\n`,
      })
      return { ...row, token, link, isSent }
    },
    async openInvitations(organizationId) {
      const rows = await database.read
        .selectFrom('invitation')
        .select('id')
        .where('organization_id', '=', organizationId)
        .where('accepted_at', 'is', null)
        .where('expires_at', '>=', clock.now())
        .execute()
      return rows.length
    },
    setRole(by, userId, role) {
      if (!mayAs(by.role, role)) throw new HubError('AUTHORIZATION_FAILED')
      return database.write(async (tx) => {
        const member = await changeable(tx, by, userId, role !== 'owner')
        await setRoleOf.run(tx, { organizationId: by.organization.id, userId, role })
        return { ...member, role }
      })
    },
    async removeMember(by, userId) {
      // Whoever wants to leave may.
      if (userId !== by.userId && !mayAs(by.role, 'admin')) throw new HubError('AUTHORIZATION_FAILED')
      await database.write(async (tx) => {
        await changeable(tx, by, userId, true)
        await dropMember.run(tx, { organizationId: by.organization.id, userId })
      })
    },
    async isAdminOfFirst(userId) {
      const member = await memberOf.first(database, { organizationId: firstOrganization, userId })
      return member !== undefined && mayAs(member.role, 'admin')
    },
  }
}
