import './tables.ts'

import { randomBytes } from 'node:crypto'

import { type EventData, type EventType, type GroupUpdated, HubError } from '@inbox-hub/contract'
import type { Jid } from '@inbox-hub/whatsapp'

import { byNumber, type Chats, personOf, showPeople } from '../chats/index.ts'
import type { Events, NewEvent } from '../events/index.ts'
import { eventId, type OrdinaryGroups } from '../messages/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { Database, Tx } from '../platform/database/index.ts'
import type { Log } from '../platform/log.ts'
import type {
  Acquaintance,
  GroupCalls,
  GroupMetadata,
  GroupNotice,
  GroupPerson,
  GroupSetting,
  JoinRequest,
  ParticipantOutcome,
} from '../sessions/baileys/index.ts'
import { askWhatsApp, type Sessions, type SessionView } from '../sessions/index.ts'
import { type Communities, createCommunities } from './communities.ts'
import { createGroupList, type GroupList } from './group-list.ts'
import {
  applyChange,
  endMembership,
  findGroup,
  type GroupMemberRow,
  type GroupRow,
  holdGroups,
  isSelf,
  membersOf,
  nameChat,
  ordinaryGroups,
  purgeGroups,
  storeGroup,
  storeGroups,
} from './group-rows.ts'
import { type Asked, groupRefusal } from './refusals.ts'

export { communityRoutes } from './community-routes.ts'
export { groupRoutes } from './routes.ts'

/** A group with its members, as stored. */
export interface StoredGroup {
  row: GroupRow
  members: readonly GroupMemberRow[]
}

/** What a group is to be changed to; what is left out stays. */
export type GroupWish = Omit<GroupUpdated['changes'], 'inviteCode' | 'pictureId' | 'communityId'>

/**
 * The groups of sessions: read from WhatsApp when first needed, kept by what it tells of them. Everything that asks WhatsApp throws
 * `SESSION_NOT_CONNECTED`, or what the refusal means (refusals.ts).
 */
export interface Groups {
  readonly communities: Communities
  /** Rows of the store; `fill` first. */
  readonly list: GroupList
  /** Reads all groups of the session when they were never read, or not for a day and it is connected. */
  fill(session: SessionView): Promise<void>
  /** Throws `GROUP_NOT_FOUND`, `NOT_IN_GROUP`. */
  get(session: SessionView, group: Jid): Promise<StoredGroup>
  /** Whether it is the one for announcements of its community; false when WhatsApp cannot be asked. */
  isForAnnouncements(session: SessionView, group: Jid): Promise<boolean>
  /** Which of these are known to be no community's for announcements. */
  ordinary: OrdinaryGroups
  create(
    session: SessionView,
    wish: {
      subject: string
      description: string | undefined
      people: readonly Jid[]
      /** The community that it is to be a part of. */
      community: Jid | undefined
    },
  ): Promise<StoredGroup & { outcomes: readonly ParticipantOutcome[] }>
  /** One request per field that differs; the first that is refused ends it, and its error names what was `applied`. */
  update(session: SessionView, group: Jid, wish: GroupWish): Promise<StoredGroup>
  participants(
    session: SessionView,
    group: Jid,
    people: readonly Jid[],
    action: 'add' | 'remove' | 'promote' | 'demote',
  ): Promise<readonly ParticipantOutcome[]>
  leave(session: SessionView, group: Jid): Promise<void>
  inviteCode(session: SessionView, group: Jid): Promise<string>
  revokeInvite(session: SessionView, group: Jid): Promise<string>
  invited(session: SessionView, code: string): Promise<GroupMetadata>
  join(session: SessionView, code: string): Promise<{ group: Jid; isPending: boolean }>
  joinRequests(session: SessionView, group: Jid): Promise<readonly JoinRequest[]>
  answerJoinRequests(
    session: SessionView,
    group: Jid,
    people: readonly Jid[],
    action: 'approve' | 'reject',
  ): Promise<readonly ParticipantOutcome[]>
}

export interface GroupsDeps {
  database: Database
  events: Pick<Events, 'append'>
  sessions: Pick<Sessions, 'link' | 'linkWithin' | 'onAcquaintances' | 'view' | 'whilePurging'>
  chats: Pick<Chats, 'addresses' | 'nameGroupsWith' | 'set'>
  clock: Clock
  log: Log
}

/** What was read is good for so long: WhatsApp tells changes, and this heals what it did not. */
const freshForMs = 86_400_000
/** A group that changes at every reading is taken as it is in the end. */
const maxReads = 3

export function createGroups({ database, events, sessions, chats, clock, log }: GroupsDeps): Groups {
  /** Notices per session so far: what was asked before one came may be older than it. */
  const heard = new Map<number, number>()
  /** Lists being read, by session: a second caller waits for the same. */
  const filling = new Map<number, Promise<void>>()

  // -- what WhatsApp tells

  sessions.onAcquaintances(async (tx, facts) => {
    const ours = facts.filter((fact) => fact.type === 'group')
    if (ours.length === 0) return
    await holdGroups(
      tx,
      ours.map(({ sessionId }) => sessionId),
    )
    const told: NewEvent[] = []
    for (const fact of ours) told.push(...(await keep(tx, fact)))
    await events.append(tx, told)
  })
  sessions.whilePurging(async (tx, sessionId) => {
    await purgeGroups(tx, sessionId)
    tx.afterCommit(() => heard.delete(sessionId))
  })

  chats.nameGroupsWith(async (tx, sessionId, group) => {
    const row = await findGroup.first(tx, { sessionId, jid: group })
    if (row !== undefined) await nameChat.run(tx, { sessionId, jid: group, name: row.subject })
    // All groups at once: after linking, messages come in many that nobody asked for yet.
    else tx.afterCommit(() => void meet(sessionId, group))
  })

  /** Reads a group that a message came from, to have its name. */
  async function meet(sessionId: number, group: Jid): Promise<void> {
    const session = sessions.view(sessionId)
    if (session === undefined || sessions.link(sessionId) === undefined) return
    try {
      await fill(session)
      const { row } = await get(session, group)
      // On PostgreSQL it may have been read while its chat was being made, each unseen by the other.
      await write(
        sessionId,
        async (tx) => void (await nameChat.run(tx, { sessionId, jid: group, name: row.subject })),
      )
    } catch (error) {
      // Its chat is shown by its digits until somebody asks for the group.
      log.info({ error, sessionId }, 'a group that a message came from could not be read')
    }
  }

  async function keep(
    tx: Tx,
    { sessionId, jid, notice }: Extract<Acquaintance, { type: 'group' }>,
  ): Promise<readonly NewEvent[]> {
    heard.set(sessionId, (heard.get(sessionId) ?? 0) + 1)
    const { mePn, meLid } = sessions.view(sessionId) ?? { mePn: undefined, meLid: undefined }
    await applyChange(tx, { id: sessionId, mePn, meLid }, jid, notice.change, clock.now())
    const event = await eventOf(tx, sessionId, jid, notice)
    const seconds = notice.change.is === 'updated' ? notice.change.changes.ephemeralSeconds : undefined
    if (seconds === undefined) return [event]
    return [event, ...(await chats.set(tx, { sessionId, jid, disappearingSeconds: seconds }))]
  }

  async function eventOf(
    tx: Tx,
    sessionId: number,
    groupId: Jid,
    { id, by, at, change }: GroupNotice,
  ): Promise<NewEvent> {
    const named = change.is === 'participants' || change.is === 'join_request' ? change.participants : []
    const show = await showPeople(tx, chats, sessionId, by === undefined ? named : [...named, by])
    const author = by === undefined ? null : show(by)
    const about = <Type extends EventType>(
      type: Type,
      data: Omit<EventData<Type>, 'groupId' | 'timestamp'>,
    ): NewEvent => ({
      sessionId,
      type,
      at,
      id: eventId(type, sessionId, groupId, id),
      data: { groupId, timestamp: at, ...data },
    })
    if (change.is === 'joined') {
      const { subject, size } = change.group
      return about('group.joined', { subject, participantCount: size, by: author })
    }
    if (change.is === 'updated') return about('group.updated', { by: author, changes: change.changes })
    const participants = named.map(show)
    return change.is === 'participants'
      ? about('group.participants', { by: author, action: change.action, participants })
      : about('group.join_request', { action: change.action, participants })
  }

  // -- asking WhatsApp

  const ask = <T>(
    session: SessionView,
    asked: Asked,
    isMember: boolean,
    call: (calls: GroupCalls) => Promise<T>,
  ): Promise<T> =>
    askWhatsApp(
      sessions,
      session.id,
      (link) => call(link.groups),
      (status) => groupRefusal(status, asked, isMember),
    )

  /** Reads and stores; once more when something was told meanwhile, which the answer may not know of. */
  async function readInto<T>(
    { id }: SessionView,
    read: () => Promise<T>,
    store: (tx: Tx, answer: T) => Promise<void>,
  ): Promise<void> {
    for (let reads = 1; ; reads++) {
      const before = heard.get(id) ?? 0
      const answer = await read()
      const isStored = await database.write(async (tx) => {
        await holdGroups(tx, [id])
        if (reads < maxReads && (heard.get(id) ?? 0) !== before) return false
        await store(tx, answer)
        return true
      })
      if (isStored) return
    }
  }

  const refresh = (session: SessionView, group: Jid): Promise<void> =>
    readInto(
      session,
      () => ask(session, 'group', false, (calls) => calls.metadata(group)),
      (tx, metadata) => storeGroup(tx, session, metadata, clock.now()),
    )

  /** Writes to the groups of one session. */
  const write = (sessionId: number, work: (tx: Tx) => Promise<void>): Promise<void> =>
    database.write(async (tx) => {
      await holdGroups(tx, [sessionId])
      await work(tx)
    })

  /** What we did is done, whether or not it can be read back now: the notice brings it too. */
  async function refreshAfter(session: SessionView, group: Jid): Promise<void> {
    await refresh(session, group).catch((error: unknown) =>
      log.warn({ error, sessionId: session.id }, 'a group could not be read after it was changed'),
    )
  }

  async function stored({ id }: SessionView, jid: Jid): Promise<StoredGroup | undefined> {
    const row = await findGroup.first(database, { sessionId: id, jid })
    return row && { row, members: await membersOf.all(database, { sessionId: id, jid }) }
  }

  async function get(session: SessionView, group: Jid): Promise<StoredGroup> {
    const known = await stored(session, group)
    if (known !== undefined) {
      const isFresh = known.row.role === null || clock.now() - known.row.read_at < freshForMs
      if (isFresh || sessions.link(session.id) === undefined) return known
    }
    try {
      await refresh(session, group)
    } catch (error) {
      if (known === undefined) throw error
      if (error instanceof HubError && (error.code === 'NOT_IN_GROUP' || error.code === 'GROUP_NOT_FOUND'))
        await write(session.id, (tx) => endMembership(tx, session.id, group))
      else log.warn({ error, sessionId: session.id }, 'a group could not be read again')
    }
    const read = await stored(session, group)
    if (read === undefined) throw new HubError('GROUP_NOT_FOUND')
    return read
  }

  async function fill(session: SessionView): Promise<void> {
    const readAt = await list.readAt(session.id)
    const isFresh = readAt !== undefined && clock.now() - readAt < freshForMs
    if (isFresh || (readAt !== undefined && sessions.link(session.id) === undefined)) return
    const underWay = filling.get(session.id)
    if (underWay !== undefined) return underWay
    const reading = readInto(
      session,
      () => ask(session, 'group', false, (calls) => calls.all()),
      (tx, all) => storeGroups(tx, session, all, clock.now()),
    ).finally(() => filling.delete(session.id))
    filling.set(session.id, reading)
    return reading
  }

  /** What may be done to a group depends on who we are in it: read it first. */
  async function onGroup<T>(
    session: SessionView,
    group: Jid,
    call: (calls: GroupCalls, known: StoredGroup) => Promise<T>,
  ): Promise<T> {
    const known = await get(session, group)
    return ask(session, 'group', known.row.role !== null, (calls) => call(calls, known))
  }

  async function describe(
    session: SessionView,
    group: Jid,
    row: GroupRow,
    text: string | null,
  ): Promise<void> {
    const set = (previous: string | null): Promise<void> =>
      ask(session, 'group', row.role !== null, (calls) =>
        calls.describe(group, text, { id: newDescriptionId(), previous: previous ?? undefined }),
      )
    try {
      await set(row.description_id)
    } catch (error) {
      if (!(error instanceof HubError) || error.details['reason'] !== 'CONFLICT') throw error
      // Somebody else changed it, and we were not told yet: what is asked for replaces theirs.
      await refresh(session, group)
      await set((await get(session, group)).row.description_id)
    }
  }

  /** Everybody in the form that the group names them by; who is not in it, by number. */
  async function namedIn(
    { id: sessionId }: SessionView,
    members: readonly GroupPerson[],
    people: readonly Jid[],
  ): Promise<readonly Jid[]> {
    const show = await showPeople(
      database,
      chats,
      sessionId,
      people.map((jid) => ({ jid, alt: undefined })),
    )
    const byForm = new Map<string, Jid>()
    for (const { jid, alt } of members) {
      byForm.set(jid, jid)
      if (alt !== undefined) byForm.set(alt, jid)
    }
    return people.map((jid) => {
      const { id, lid } = show({ jid, alt: undefined })
      return byForm.get(id) ?? (lid === null ? undefined : byForm.get(lid)) ?? byNumber({ jid, alt: id })
    })
  }

  const membersAsPeople = (members: readonly GroupMemberRow[]): readonly GroupPerson[] =>
    members.flatMap(({ jid, alt }) => personOf(jid, alt) ?? [])

  async function isForAnnouncements(session: SessionView, jid: Jid): Promise<boolean> {
    const known = await findGroup.first(database, { sessionId: session.id, jid })
    if (typeof known?.is_announcement_group === 'number') return known.is_announcement_group === 1
    try {
      return (await get(session, jid)).row.is_announcement_group === 1
    } catch (error) {
      if (error instanceof HubError) return false
      throw error
    }
  }

  const list = createGroupList(database)

  return {
    communities: createCommunities({
      onGroup: (session, group, call) =>
        onGroup(session, group, (calls, known) => call(calls.communities, known)),
      ask: (session, call) => ask(session, 'group', true, (calls) => call(calls.communities)),
      get,
      refreshAfter,
      left: ({ id }, group) => write(id, (tx) => endMembership(tx, id, group)),
    }),
    list,
    fill,
    get,
    isForAnnouncements,
    async ordinary(on, groups) {
      const known = new Set<string>()
      for (const [sessionId, asked] of Map.groupBy(groups, (group) => group.sessionId)) {
        const jids = [...new Set(asked.map(({ jid }) => jid))]
        for (const { jid } of await ordinaryGroups.all(on, { sessionId, groups: jids }))
          known.add(`${sessionId} ${jid}`)
      }
      return (sessionId, jid) => known.has(`${sessionId} ${jid}`)
    },
    async create(session, { subject, description, people, community }) {
      const addressed = await namedIn(session, [], people)
      const key = `3EB0${randomBytes(9).toString('hex').toUpperCase()}`
      const { group, outcomes } = await ask(session, 'group', true, (calls) =>
        calls.create(subject, addressed, key, community),
      )
      await write(session.id, (tx) => storeGroup(tx, session, group, clock.now()))
      if (description !== undefined) {
        await ask(session, 'group', true, (calls) =>
          calls.describe(group.jid, description, { id: newDescriptionId(), previous: undefined }),
        ).catch((error: unknown) =>
          // The group is there: an error would have the caller make another.
          log.warn({ error, sessionId: session.id }, 'a new group was left without its description'),
        )
      }
      await refreshAfter(session, group.jid)
      const made = await get(session, group.jid)
      return { ...made, outcomes: outcomes.filter((outcome) => !isSelf(session, outcome)) }
    },
    async update(session, group, wish) {
      const { row } = await get(session, group)
      const applied: string[] = []
      const isMember = row.role !== null
      try {
        for (const setting of settingsOf(wish, row)) {
          await ask(session, 'group', isMember, (calls) => calls.set(group, setting))
          applied.push(setting.set)
        }
        const { description } = wish
        if (description !== undefined && description !== row.description) {
          await describe(session, group, row, description)
          applied.push('description')
        }
      } catch (error) {
        if (applied.length > 0) await refreshAfter(session, group)
        if (!(error instanceof HubError) || applied.length === 0) throw error
        throw new HubError(error.code, { ...error.details, applied: applied.join(',') }, { cause: error })
      }
      if (applied.length > 0) await refreshAfter(session, group)
      return get(session, group)
    },
    async participants(session, group, people, action) {
      const outcomes = await onGroup(session, group, async (calls, { members }) =>
        calls.participants(group, await namedIn(session, membersAsPeople(members), people), action),
      )
      if (outcomes.some(({ status }) => status === 200)) await refreshAfter(session, group)
      return outcomes
    },
    async leave(session, group) {
      await onGroup(session, group, (calls) => calls.leave(group))
      await write(session.id, (tx) => endMembership(tx, session.id, group))
    },
    inviteCode: (session, group) => onGroup(session, group, (calls) => calls.inviteCode(group)),
    revokeInvite: (session, group) => onGroup(session, group, (calls) => calls.revokeInvite(group)),
    invited: (session, code) => ask(session, 'invitation', false, (calls) => calls.invited(code)),
    async join(session, code) {
      const joined = await ask(session, 'invitation', false, (calls) => calls.join(code))
      if (!joined.isPending) await refreshAfter(session, joined.group)
      return joined
    },
    joinRequests: (session, group) => onGroup(session, group, (calls) => calls.joinRequests(group)),
    async answerJoinRequests(session, group, people, action) {
      const outcomes = await onGroup(session, group, async (calls) => {
        const requests = await calls.joinRequests(group)
        return calls.answerJoinRequests(group, await namedIn(session, requests, people), action)
      })
      if (action === 'approve') await refreshAfter(session, group)
      return outcomes
    },
  }
}

const newDescriptionId = (): string => `3EB0${randomBytes(9).toString('hex').toUpperCase()}`

/** What is to be set, in this order; nothing for what is so already. Pure. */
function settingsOf(wish: GroupWish, row: GroupRow): readonly GroupSetting[] {
  const settings: GroupSetting[] = []
  const { subject, announcement, locked, memberAddMode, joinApproval, ephemeralSeconds } = wish
  if (subject !== undefined && subject !== row.subject) settings.push({ set: 'subject', to: subject })
  if (announcement !== undefined && announcement !== (row.announcement === 1))
    settings.push({ set: 'announcement', to: announcement })
  if (locked !== undefined && locked !== (row.locked === 1)) settings.push({ set: 'locked', to: locked })
  if (memberAddMode !== undefined && memberAddMode !== row.member_add_mode)
    settings.push({ set: 'memberAddMode', to: memberAddMode })
  if (joinApproval !== undefined && joinApproval !== (row.join_approval === 1))
    settings.push({ set: 'joinApproval', to: joinApproval })
  if (ephemeralSeconds !== undefined && ephemeralSeconds !== row.ephemeral_seconds)
    settings.push({ set: 'ephemeralSeconds', to: ephemeralSeconds })
  return settings
}
