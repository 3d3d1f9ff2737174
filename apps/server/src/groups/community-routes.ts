import { endpoints, type GroupWire, offsetOf, paginationOf } from '@inbox-hub/contract'

import { type Chats, personOf, showPeople } from '../chats/index.ts'
import type { Database } from '../platform/database/index.ts'
import type { Http } from '../platform/http/index.ts'
import type { CommunityGroup } from '../sessions/baileys/index.ts'
import type { Sessions, SessionView } from '../sessions/index.ts'
import type { GroupMemberRow, GroupRow } from './group-rows.ts'
import { groupWire } from './group-wire.ts'
import type { Groups } from './index.ts'

export interface CommunityRoutesDeps {
  database: Database
  sessions: Pick<Sessions, 'find'>
  chats: Pick<Chats, 'addresses'>
  groups: Pick<Groups, 'communities' | 'fill' | 'list'>
}

/** Communities: groups that hold groups. */
export function communityRoutes(
  http: Pick<Http, 'serve'>,
  { database, sessions, chats, groups }: CommunityRoutesDeps,
): void {
  const { communities } = groups
  const find = (ownerId: number, ref: string): SessionView => sessions.find(ownerId, ref, 'name_first')

  async function wireOf(
    session: SessionView,
    row: GroupRow,
    members?: readonly GroupMemberRow[],
  ): Promise<GroupWire> {
    const named = [
      ...(members ?? []).map(({ jid, alt }) => personOf(jid, alt)),
      personOf(row.owner, row.owner_alt),
    ]
    const people = named.filter((person) => person !== undefined)
    return groupWire(row, await showPeople(database, chats, session.id, people), members)
  }

  http.serve(endpoints.listCommunities, async ({ params, query, ownerId }) => {
    const session = find(ownerId, params.sessionId)
    await groups.fill(session)
    const { page, limit, search } = query
    const paging = { search, isActive: true, isCommunity: true, limit, offset: offsetOf(query) }
    const { groups: rows, total } = await groups.list.page(session.id, paging)
    return {
      data: {
        communities: await Promise.all(rows.map((row) => wireOf(session, row))),
        pagination: paginationOf(total, page, limit),
        total,
      },
    }
  })

  http.serve(endpoints.createCommunity, async ({ params, body, ownerId }) => {
    const session = find(ownerId, params.sessionId)
    const { subject, description } = body
    const made = await communities.create(session, { subject, description })
    const community = await wireOf(session, made.community.row, made.community.members)
    return { data: { community, groups: made.groups.map(subGroupWire) }, message: 'group_created' }
  })

  http.serve(endpoints.getCommunity, async ({ params, ownerId }) => {
    const session = find(ownerId, params.sessionId)
    const known = await communities.get(session, params.communityId)
    const community = await wireOf(session, known.community.row, known.community.members)
    return { data: { community, groups: known.groups.map(subGroupWire) } }
  })

  http.serve(endpoints.listCommunityMembers, async ({ params, ownerId }) => {
    const session = find(ownerId, params.sessionId)
    const members = await communities.members(session, params.communityId)
    const show = await showPeople(database, chats, session.id, members)
    return { data: { members: members.map(show), total: members.length } }
  })

  http.serve(endpoints.linkGroups, async ({ params, body, ownerId }) => {
    const session = find(ownerId, params.sessionId)
    const outcomes = await communities.link(session, params.communityId, [...new Set(body.groupIds)])
    return { data: { results: outcomes.map(({ jid, status }) => ({ id: jid, status })) } }
  })

  http.serve(endpoints.unlinkGroup, async ({ params, ownerId }) => {
    const { communityId, groupId } = params
    await communities.unlink(find(ownerId, params.sessionId), communityId, groupId)
    return { data: { groupId, unlinked: true as const } }
  })

  http.serve(endpoints.endCommunity, async ({ params, ownerId }) => {
    await communities.end(find(ownerId, params.sessionId), params.communityId)
    return { data: { communityId: params.communityId, ended: true as const } }
  })
}

function subGroupWire({ jid, subject, size, isAnnouncement }: CommunityGroup) {
  return { id: jid, subject, participantCount: size ?? null, isAnnouncement }
}
