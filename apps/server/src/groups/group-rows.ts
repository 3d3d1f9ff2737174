import './tables.ts'

import type { ParticipantAction } from '@inbox-hub/contract'
import { type Jid, sameAccount } from '@inbox-hub/whatsapp'
import { type Selectable, sql } from 'kysely'

import { folded } from '../chats/index.ts'
import { insertRows, statement, type Tx } from '../platform/database/index.ts'
import type {
  GroupChange,
  GroupMember,
  GroupMetadata,
  GroupPerson,
  GroupRole,
} from '../sessions/baileys/index.ts'
import type { SessionView } from '../sessions/index.ts'
import type { GroupMemberTable, GroupTable } from './tables.ts'

export type GroupRow = Selectable<GroupTable>
export type GroupMemberRow = Selectable<GroupMemberTable>

/** Whose groups, and which addresses are their own. */
export type GroupsOf = Pick<SessionView, 'id' | 'mePn' | 'meLid'>

export const findGroup = statement((db, p: { sessionId: number; jid: string }) =>
  db.selectFrom('wa_group').selectAll().where('session_id', '=', p.sessionId).where('jid', '=', p.jid),
)
/** Those of these groups that are known to be no community's for announcements. */
export const ordinaryGroups = statement(
  (db, p: { sessionId: number; groups: readonly string[] }, { among }) =>
    db
      .selectFrom('wa_group')
      .select('jid')
      .where('session_id', '=', p.sessionId)
      .where(among('jid', p.groups))
      .where('is_announcement_group', '=', sql.lit(0)),
)
export const membersOf = statement((db, p: { sessionId: number; jid: string }) =>
  db
    .selectFrom('wa_group_member')
    .selectAll()
    .where('session_id', '=', p.sessionId)
    .where('group_jid', '=', p.jid)
    .orderBy('jid'),
)
const removeGroup = statement((db, p: { sessionId: number; jid: string }) =>
  db.deleteFrom('wa_group').where('session_id', '=', p.sessionId).where('jid', '=', p.jid),
)
const removeMembers = statement((db, p: { sessionId: number; jid: string }) =>
  db.deleteFrom('wa_group_member').where('session_id', '=', p.sessionId).where('group_jid', '=', p.jid),
)
const removeMember = statement((db, p: { sessionId: number; group: string; jid: string }) =>
  db
    .deleteFrom('wa_group_member')
    .where('session_id', '=', p.sessionId)
    .where('group_jid', '=', p.group)
    .where('jid', '=', p.jid),
)
const insertGroup = insertRows('wa_group', [
  'session_id',
  'jid',
  'subject',
  'description',
  'description_id',
  'owner',
  'owner_alt',
  'created_at',
  'announcement',
  'locked',
  'member_add_mode',
  'join_approval',
  'ephemeral_seconds',
  'community',
  'is_community',
  'is_announcement_group',
  'size',
  'role',
  'search',
  'read_at',
])
const putMembers = insertRows(
  'wa_group_member',
  ['session_id', 'group_jid', 'jid', 'alt', 'role'],
  (insert) =>
    insert.onConflict((conflict) =>
      conflict
        .columns(['session_id', 'group_jid', 'jid'])
        .doUpdateSet((eb) => ({ alt: eb.ref('excluded.alt'), role: eb.ref('excluded.role') })),
    ),
)
/** Gives the chat of a group, if there is one, its name. */
export const nameChat = statement((db, p: { sessionId: number; jid: string; name: string }) =>
  db.updateTable('chat').set({ name: p.name }).where('session_id', '=', p.sessionId).where('jid', '=', p.jid),
)
/** Gives the chat of a group, if there is one, the time its messages live. */
const timeChat = statement((db, p: { sessionId: number; jid: string; seconds: number }) =>
  db
    .updateTable('chat')
    .set({ disappearing_seconds: p.seconds })
    .where('session_id', '=', p.sessionId)
    .where('jid', '=', p.jid),
)
const putListRead = statement((db, p: { sessionId: number; at: number }) =>
  db
    .insertInto('group_list')
    .values({ session_id: p.sessionId, read_at: p.at })
    .onConflict((conflict) =>
      conflict.column('session_id').doUpdateSet((eb) => ({ read_at: eb.ref('excluded.read_at') })),
    ),
)
const removeListRead = statement((db, p: { sessionId: number }) =>
  db.deleteFrom('group_list').where('session_id', '=', p.sessionId),
)

/** Any number that no other advisory lock of ours uses. */
const lockClass = 0x960

const lock = statement((db, p: { sessionIds: readonly number[] }) => ({
  compile: () =>
    sql`select pg_advisory_xact_lock(${sql.lit(lockClass)}, s) from unnest(${p.sessionIds}::int[]) as s`.compile(
      db,
    ),
}))

/**
 * Keeps the groups of sessions for ourselves until `tx` ends. First thing in every transaction that writes them: on PostgreSQL what
 * WhatsApp tells and what was asked of it are stored side by side. SQLite has one writer at a time anyway.
 */
export async function holdGroups(tx: Tx, sessionIds: readonly number[]): Promise<void> {
  if (tx.sql.dialect === 'sqlite' || sessionIds.length === 0) return
  await lock.all(tx, { sessionIds: [...new Set(sessionIds)].sort((left, right) => left - right) })
}

/** Whether this person is the session's own account. */
export function isSelf(
  { mePn, meLid }: Pick<GroupsOf, 'mePn' | 'meLid'>,
  { jid, alt }: GroupPerson,
): boolean {
  return [jid, alt].some(
    (form) =>
      form !== undefined &&
      ((mePn !== undefined && sameAccount(form, mePn)) || (meLid !== undefined && sameAccount(form, meLid))),
  )
}

/** Stores a group as it was read as a whole. */
export async function storeGroup(tx: Tx, of: GroupsOf, group: GroupMetadata, readAt: number): Promise<void> {
  const { id: sessionId } = of
  const { jid, description, owner, members } = group
  await removeGroup.run(tx, { sessionId, jid })
  await removeMembers.run(tx, { sessionId, jid })
  await insertGroup.run(tx, [
    {
      session_id: sessionId,
      jid,
      subject: group.subject,
      description: description?.text ?? null,
      description_id: description?.id ?? null,
      owner: owner?.jid ?? null,
      owner_alt: owner?.alt ?? null,
      created_at: group.createdAt ?? null,
      announcement: Number(group.announcement),
      locked: Number(group.locked),
      member_add_mode: group.memberAddMode,
      join_approval: Number(group.joinApproval),
      ephemeral_seconds: group.ephemeralSeconds,
      community: group.community ?? null,
      is_community: Number(group.isCommunity),
      is_announcement_group: Number(group.isAnnouncementGroup),
      size: group.size,
      role: members.find((member) => isSelf(of, member))?.role ?? null,
      search: folded(group.subject),
      read_at: readAt,
    },
  ])
  await putMembers.run(tx, memberRows(sessionId, jid, members))
  await nameChat.run(tx, { sessionId, jid, name: group.subject })
  await timeChat.run(tx, { sessionId, jid, seconds: group.ephemeralSeconds })
}

function memberRows(sessionId: number, group: Jid, members: readonly GroupMember[]): GroupMemberRow[] {
  // A stanza that named somebody twice would be two rows of one key in one statement.
  const byJid = new Map(members.map((member) => [member.jid, member]))
  return [...byJid.values()].map(({ jid, alt, role }) => ({
    session_id: sessionId,
    group_jid: group,
    jid,
    alt: alt ?? null,
    role,
  }))
}

/** Stores all groups an account is in; those that are not among them any more it has left. */
export async function storeGroups(
  tx: Tx,
  of: GroupsOf,
  groups: readonly GroupMetadata[],
  readAt: number,
): Promise<void> {
  const { id: sessionId } = of
  for (const group of groups) await storeGroup(tx, of, group, readAt)
  const current = new Set<string>(groups.map(({ jid }) => jid))
  const stored = await tx.db
    .selectFrom('wa_group')
    .select('jid')
    .where('session_id', '=', sessionId)
    .where('role', 'is not', null)
    .execute()
  for (const { jid } of stored) if (!current.has(jid)) await endMembership(tx, sessionId, jid)
  await putListRead.run(tx, { sessionId, at: readAt })
}

/** The account is no longer in the group: it stays in the store as it was last seen. */
export async function endMembership(tx: Tx, sessionId: number, jid: string): Promise<void> {
  await tx.db
    .updateTable('wa_group')
    .set({ role: null })
    .where('session_id', '=', sessionId)
    .where('jid', '=', jid)
    .execute()
}

const ROLE_AFTER: Readonly<Partial<Record<ParticipantAction, GroupRole>>> = {
  promote: 'admin',
  demote: 'member',
}

/**
 * Applies what WhatsApp tells of a group. Doing it again changes nothing. A group that was never read as a whole is read when it is first
 * needed, not made up from its changes.
 */
export async function applyChange(
  tx: Tx,
  of: GroupsOf,
  jid: Jid,
  change: GroupChange,
  now: number,
): Promise<void> {
  const { id: sessionId } = of
  if (change.is === 'join_request') return
  const row = await findGroup.first(tx, { sessionId, jid })
  if (change.is === 'joined') {
    // Only members can read a group: what was read of it is newer than the news that we joined.
    if (row === undefined || row.role === null) await storeGroup(tx, of, change.group, now)
    return
  }
  if (change.is === 'updated') {
    if (row === undefined) return
    const { changes, descriptionId } = change
    const { subject, description, announcement, locked, memberAddMode, joinApproval, ephemeralSeconds } =
      changes
    const { communityId } = changes
    const set = {
      ...(subject !== undefined && { subject, search: folded(subject) }),
      ...(description !== undefined && { description, description_id: descriptionId ?? null }),
      ...(announcement !== undefined && { announcement: Number(announcement) }),
      ...(locked !== undefined && { locked: Number(locked) }),
      ...(memberAddMode !== undefined && { member_add_mode: memberAddMode }),
      ...(joinApproval !== undefined && { join_approval: Number(joinApproval) }),
      ...(ephemeralSeconds !== undefined && { ephemeral_seconds: ephemeralSeconds }),
      ...(communityId !== undefined && { community: communityId }),
    }
    if (Object.keys(set).length === 0) return
    await tx.db
      .updateTable('wa_group')
      .set(set)
      .where('session_id', '=', sessionId)
      .where('jid', '=', jid)
      .execute()
    if (subject !== undefined) await nameChat.run(tx, { sessionId, jid, name: subject })
    return
  }
  const { action, participants } = change
  const ourselves = participants.find((person) => isSelf(of, person))
  if (action === 'add' && ourselves !== undefined && (row === undefined || row.role === null)) {
    // Of a group we come to, the notice names the newcomers only: it is read when it is next asked for.
    await forgetGroup(tx, sessionId, jid)
    return
  }
  if (row === undefined) return
  const isGoing = action === 'remove' || action === 'leave'
  if (isGoing) {
    for (const person of participants) {
      for (const form of [person.jid, person.alt])
        if (form !== undefined) await removeMember.run(tx, { sessionId, group: jid, jid: form })
    }
  } else {
    const members = participants.map((person) => ({ ...person, role: ROLE_AFTER[action] ?? person.role }))
    await putMembers.run(tx, memberRows(sessionId, jid, members))
  }
  const counted = await tx.db
    .selectFrom('wa_group_member')
    .select(({ fn }) => fn.countAll<number>().as('members'))
    .where('session_id', '=', sessionId)
    .where('group_jid', '=', jid)
    .executeTakeFirst()
  const ownRole = isGoing ? null : (ROLE_AFTER[action] ?? row.role ?? 'member')
  await tx.db
    .updateTable('wa_group')
    .set({ size: counted?.members ?? 0, ...(ourselves !== undefined && { role: ownRole }) })
    .where('session_id', '=', sessionId)
    .where('jid', '=', jid)
    .execute()
}

async function forgetGroup(tx: Tx, sessionId: number, jid: string): Promise<void> {
  await removeGroup.run(tx, { sessionId, jid })
  await removeMembers.run(tx, { sessionId, jid })
  await removeListRead.run(tx, { sessionId })
}

/** Takes everything about a session's groups out of the store. */
export async function purgeGroups(tx: Tx, sessionId: number): Promise<void> {
  for (const table of ['group_list', 'wa_group', 'wa_group_member'] as const)
    await tx.db.deleteFrom(table).where('session_id', '=', sessionId).execute()
}
