import { HubError } from '@inbox-hub/contract'
import type { Jid } from '@inbox-hub/whatsapp'

import type { CommunityCalls, CommunityGroup, GroupMember } from '../sessions/baileys/index.ts'
import type { SessionView } from '../sessions/index.ts'
import type { StoredGroup } from './index.ts'

/** Communities: groups that hold groups. Everything asks WhatsApp; what is no community is `NOT_A_COMMUNITY`. */
export interface Communities {
  create(
    session: SessionView,
    wish: { subject: string; description: string | undefined },
  ): Promise<{ community: StoredGroup; groups: readonly CommunityGroup[] }>
  get(
    session: SessionView,
    community: Jid,
  ): Promise<{ community: StoredGroup; groups: readonly CommunityGroup[] }>
  members(session: SessionView, community: Jid): Promise<readonly GroupMember[]>
  link(
    session: SessionView,
    community: Jid,
    groups: readonly Jid[],
  ): Promise<readonly { jid: Jid; status: number }[]>
  unlink(session: SessionView, community: Jid, group: Jid): Promise<void>
  end(session: SessionView, community: Jid): Promise<void>
}

/** What groups can do already. */
export interface CommunityParts {
  /** Asks about a group that is stored, or read first. */
  onGroup: <T>(
    session: SessionView,
    group: Jid,
    call: (calls: CommunityCalls, known: StoredGroup) => Promise<T>,
  ) => Promise<T>
  ask: <T>(session: SessionView, call: (calls: CommunityCalls) => Promise<T>) => Promise<T>
  get: (session: SessionView, group: Jid) => Promise<StoredGroup>
  /** Reads groups again that were changed; logs what cannot be read. */
  refreshAfter: (session: SessionView, group: Jid) => Promise<void>
  left: (session: SessionView, group: Jid) => Promise<void>
}

export function createCommunities({ onGroup, ask, get, refreshAfter, left }: CommunityParts): Communities {
  const onCommunity = <T>(
    session: SessionView,
    community: Jid,
    call: (calls: CommunityCalls, known: StoredGroup) => Promise<T>,
  ): Promise<T> =>
    onGroup(session, community, (calls, known) => {
      if (known.row.is_community === 0) throw new HubError('NOT_A_COMMUNITY')
      return call(calls, known)
    })

  const whole: Communities['get'] = (session, id) =>
    onCommunity(session, id, async (calls, community) => ({ community, groups: await calls.groups(id) }))

  return {
    async create(session, { subject, description }) {
      const id = await ask(session, (calls) => calls.create(subject, description))
      await refreshAfter(session, id)
      return whole(session, id)
    },
    get: whole,
    members: (session, community) => onCommunity(session, community, (calls) => calls.members(community)),
    async link(session, community, groups) {
      const outcomes = await onCommunity(session, community, (calls) => calls.link(community, groups))
      for (const { jid, status } of outcomes) if (status === 200) await refreshAfter(session, jid)
      return outcomes
    },
    async unlink(session, community, group) {
      const status = await onCommunity(session, community, (calls) => calls.unlink(community, group))
      if (status !== 200)
        throw new HubError(status === 404 ? 'GROUP_NOT_FOUND' : 'WHATSAPP_ERROR', { status })
      await refreshAfter(session, group)
    },
    async end(session, community) {
      const groups = await onCommunity(session, community, async (calls) => {
        const all = await calls.groups(community)
        await calls.end(community)
        return all
      })
      await left(session, community)
      for (const { jid, isAnnouncement } of groups)
        await (isAnnouncement ? left(session, jid) : get(session, jid).then(() => refreshAfter(session, jid)))
    },
  }
}
