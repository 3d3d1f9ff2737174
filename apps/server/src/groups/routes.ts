import {
  endpoints,
  HubError,
  isoOf,
  issueText,
  type Language,
  offsetOf,
  paginationOf,
} from '@inbox-hub/contract'
import type { Jid } from '@inbox-hub/whatsapp'

import { type Chats, personOf, type ShownPerson, showPeople } from '../chats/index.ts'
import type { Messages } from '../messages/index.ts'
import type { Database } from '../platform/database/index.ts'
import type { Http } from '../platform/http/index.ts'
import type { GroupPerson, ParticipantOutcome } from '../sessions/baileys/index.ts'
import type { Sessions, SessionView } from '../sessions/index.ts'
import { groupWire, outcomeWire } from './group-wire.ts'
import type { Groups, StoredGroup } from './index.ts'

export interface GroupRoutesDeps {
  database: Database
  sessions: Pick<Sessions, 'find' | 'link' | 'list'>
  chats: Pick<Chats, 'addresses'>
  messages: Pick<Messages, 'markRead'>
  groups: Groups
}

/** Groups (contract §9). */
export function groupRoutes(
  http: Pick<Http, 'serve'>,
  { database, sessions, chats, messages, groups }: GroupRoutesDeps,
): void {
  const find = (ownerId: number, ref: string): SessionView => sessions.find(ownerId, ref, 'name_first')

  const showing = (
    { id }: SessionView,
    people: readonly (GroupPerson | undefined)[],
  ): Promise<(person: GroupPerson) => ShownPerson> =>
    showPeople(
      database,
      chats,
      id,
      people.filter((person) => person !== undefined),
    )

  async function wireOf(session: SessionView, { row, members }: StoredGroup) {
    const people = members.map(({ jid, alt }) => personOf(jid, alt))
    return groupWire(row, await showing(session, [...people, personOf(row.owner, row.owner_alt)]), members)
  }

  async function resultsOf(
    session: SessionView,
    outcomes: readonly ParticipantOutcome[],
    action: Parameters<typeof outcomeWire>[2],
  ) {
    const show = await showing(session, outcomes)
    return outcomes.map((outcome) => outcomeWire(outcome, show, action))
  }

  http.serve(endpoints.listGroups, async ({ params, query, ownerId }) => {
    const session = find(ownerId, params.sessionId)
    await groups.fill(session)
    const { page, limit, search, isActive } = query
    const { groups: rows, total } = await groups.list.page(session.id, {
      search,
      isActive,
      limit,
      offset: offsetOf(query),
    })
    const show = await showing(
      session,
      rows.map((row) => personOf(row.owner, row.owner_alt)),
    )
    return {
      data: {
        groups: rows.map((row) => groupWire(row, show)),
        pagination: paginationOf(total, page, limit),
        total,
      },
    }
  })

  http.serve(endpoints.groupStats, async ({ params, ownerId }) => {
    const session = find(ownerId, params.sessionId)
    await groups.fill(session)
    return { data: { stats: await groups.list.stats(session.id) } }
  })

  http.serve(endpoints.getGroup, async ({ params, ownerId }) => {
    const session = find(ownerId, params.sessionId)
    return { data: { group: await wireOf(session, await groups.get(session, params.groupId)) } }
  })

  http.serve(endpoints.createGroup, async ({ params, body, ownerId }) => {
    const session = find(ownerId, params.sessionId)
    const { subject, description, participants = [], communityId: community } = body
    const people = unique(participants)
    const made = await groups.create(session, { subject, description, people, community })
    return {
      data: {
        group: await wireOf(session, made),
        results: await resultsOf(session, made.outcomes, 'add'),
      },
      message: 'group_created',
    }
  })

  http.serve(endpoints.updateGroup, async ({ params, body, ownerId }) => {
    const session = find(ownerId, params.sessionId)
    const { description, ...settings } = body
    const changed = await groups.update(session, params.groupId, {
      ...settings,
      ...(description === undefined ? {} : { description: description === '' ? null : description }),
    })
    return { data: { group: await wireOf(session, changed) }, message: 'group_saved' }
  })

  http.serve(endpoints.readGroup, async ({ params, ownerId }) => {
    const { marked } = await messages.markRead(find(ownerId, params.sessionId), params.groupId)
    return { data: { markedCount: marked }, message: 'messages_read' }
  })

  http.serve(endpoints.addParticipants, async ({ params, body, ownerId, language }) => {
    const session = find(ownerId, params.sessionId)
    const { groupId } = params
    const added = await groups.participants(session, groupId, namedIn(body, language), 'add')
    const joined = added.filter(({ status }) => status === 200).map(({ jid }) => jid)
    if (body.isAdmin !== true || joined.length === 0)
      return { data: { results: await resultsOf(session, added, 'add') } }
    const promoted = await groups.participants(session, groupId, joined, 'promote')
    const failed = promoted.filter(({ status }) => status !== 200)
    const rest = added.filter(({ jid }) => !failed.some((outcome) => outcome.jid === jid))
    return {
      data: {
        results: [
          ...(await resultsOf(session, rest, 'add')),
          ...(await resultsOf(session, failed, 'promote')),
        ],
      },
    }
  })

  for (const [endpoint, action] of [
    [endpoints.removeParticipants, 'remove'],
    [endpoints.promoteParticipants, 'promote'],
    [endpoints.demoteParticipants, 'demote'],
  ] as const) {
    http.serve(endpoint, async ({ params, body, ownerId, language }) => {
      const session = find(ownerId, params.sessionId)
      const people = namedIn(body, language)
      const outcomes = await groups.participants(session, params.groupId, people, action)
      return { data: { results: await resultsOf(session, outcomes, action) } }
    })
  }

  http.serve(endpoints.leaveGroup, async ({ params, ownerId }) => {
    await groups.leave(find(ownerId, params.sessionId), params.groupId)
    return { data: { groupId: params.groupId }, message: 'group_left' }
  })

  http.serve(endpoints.getInviteCode, async ({ params, ownerId }) => ({
    data: invitation(await groups.inviteCode(find(ownerId, params.sessionId), params.groupId)),
  }))

  http.serve(endpoints.revokeInviteCode, async ({ params, ownerId }) => ({
    data: invitation(await groups.revokeInvite(find(ownerId, params.sessionId), params.groupId)),
  }))

  http.serve(endpoints.getInvitedGroup, async ({ params, ownerId }) => {
    const session = find(ownerId, params.sessionId)
    const { jid, subject, description, owner, size, createdAt, joinApproval } = await groups.invited(
      session,
      params.inviteCode,
    )
    const show = await showing(session, [owner])
    return {
      data: {
        group: {
          id: jid,
          subject,
          description: description?.text ?? null,
          owner: owner === undefined ? null : show(owner).id,
          participantCount: size,
          createdAt: createdAt === undefined ? null : isoOf(createdAt),
          joinApproval,
        },
      },
    }
  })

  http.serve(endpoints.joinWithCode, async ({ body, ownerId, language }) => {
    const session =
      body.sessionId === undefined ? onlyConnected(ownerId, language) : find(ownerId, body.sessionId)
    const { group, isPending } = await groups.join(session, body.inviteCode)
    return { data: { groupId: group, isPending } }
  })

  /** One client names no session: the only connected one joins (contract §9). */
  function onlyConnected(ownerId: number, language: Language): SessionView {
    const connected = sessions.list(ownerId).filter(({ id }) => sessions.link(id) !== undefined)
    const [only] = connected
    if (only === undefined) throw new HubError('SESSION_NOT_CONNECTED')
    if (connected.length > 1)
      throw new HubError('VALIDATION_ERROR', { sessionId: issueText('required', language) })
    return only
  }

  http.serve(endpoints.listJoinRequests, async ({ params, ownerId }) => {
    const session = find(ownerId, params.sessionId)
    const requests = await groups.joinRequests(session, params.groupId)
    const show = await showing(session, requests)
    return {
      data: {
        requests: requests.map((request) => ({
          ...show(request),
          method: request.method ?? null,
          requestedAt: request.requestedAt === undefined ? null : isoOf(request.requestedAt),
        })),
      },
    }
  })

  for (const [endpoint, action] of [
    [endpoints.approveJoinRequests, 'approve'],
    [endpoints.rejectJoinRequests, 'reject'],
  ] as const) {
    http.serve(endpoint, async ({ params, body, ownerId, language }) => {
      const session = find(ownerId, params.sessionId)
      const people = namedIn(body, language)
      const outcomes = await groups.answerJoinRequests(session, params.groupId, people, action)
      return { data: { results: await resultsOf(session, outcomes, action) } }
    })
  }
}

const unique = (people: readonly Jid[]): readonly Jid[] => [...new Set(people)]

/** Clients name people in either of two fields; at least one must. */
function namedIn(
  {
    participants = [],
    participantId,
  }: { participants?: readonly Jid[] | undefined; participantId?: Jid | undefined },
  language: Language,
): readonly Jid[] {
  const named = participantId === undefined ? participants : [...participants, participantId]
  if (named.length === 0)
    throw new HubError('VALIDATION_ERROR', { participants: issueText('required', language) })
  return unique(named)
}

const invitation = (inviteCode: string): { inviteCode: string; inviteUrl: string } => ({
  inviteCode,
  inviteUrl: `https://chat.whatsapp.com/${inviteCode}`,
})
