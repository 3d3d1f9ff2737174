import { type BinaryNode, getBinaryNodeChild, getBinaryNodeChildren } from '../baileys.ts'

import { HubError, type MemberAddMode } from '@inbox-hub/contract'
import { type Jid, withoutDevice } from '@inbox-hub/whatsapp'

import { addressIn } from '../journal/envelope.ts'
import { communityCalls } from './communities.ts'
import { type GroupMetadata, memberIn, metadataIn, momentIn, type ParticipantOutcome } from './group-nodes.ts'
import type { CommunityCalls } from './communities.ts'
import type { JoinRequest } from './group-nodes.ts'

/**
 * What can be asked about groups. Every call is one query to WhatsApp: it rejects with `QueryRefused` when WhatsApp says no, with
 * `HubError WHATSAPP_ERROR` (`NO_ANSWER`) when there is no answer within 20 s that we understand.
 */
export interface GroupCalls {
  readonly communities: CommunityCalls
  /** All groups the account is in, with their members. */
  all(): Promise<readonly GroupMetadata[]>
  metadata(group: Jid): Promise<GroupMetadata>
  /** `key` names the group to be made: WhatsApp makes one per key. */
  create(
    subject: string,
    people: readonly Jid[],
    key: string,
    /** The community that it is to be a part of. */
    community?: Jid,
  ): Promise<{ group: GroupMetadata; outcomes: readonly ParticipantOutcome[] }>
  leave(group: Jid): Promise<void>
  set(group: Jid, setting: GroupSetting): Promise<void>
  /** `previous` is the id of the description that is replaced: WhatsApp answers 409 when it is another. */
  describe(group: Jid, text: string | null, ids: { id: string; previous: string | undefined }): Promise<void>
  participants(
    group: Jid,
    people: readonly Jid[],
    action: 'add' | 'remove' | 'promote' | 'demote',
  ): Promise<readonly ParticipantOutcome[]>
  inviteCode(group: Jid): Promise<string>
  /** Answers the new code. */
  revokeInvite(group: Jid): Promise<string>
  invited(code: string): Promise<GroupMetadata>
  join(code: string): Promise<{ group: Jid; isPending: boolean }>
  joinRequests(group: Jid): Promise<readonly JoinRequest[]>
  answerJoinRequests(
    group: Jid,
    people: readonly Jid[],
    action: 'approve' | 'reject',
  ): Promise<readonly ParticipantOutcome[]>
}

/** An answer that does not hold what was asked for is as good as none. */
export function unreadable(what: string): HubError {
  return new HubError('WHATSAPP_ERROR', { reason: 'NO_ANSWER' }, { cause: new Error(what) })
}

/**
 * The queries of `w:g2`. baileys has the same ones (Socket/groups.js), but answers a time-out as an empty list or an undefined code, and
 * leaves out the other form of the people in its answers.
 * @param ask Rejects with `QueryRefused` for an `<error>`, and when there is no answer.
 */
export function groupCalls(ask: (node: BinaryNode) => Promise<BinaryNode>): GroupCalls {
  const query = (to: string, type: 'get' | 'set', child: BinaryNode): Promise<BinaryNode> =>
    ask({ tag: 'iq', attrs: { type, xmlns: 'w:g2', to }, content: [child] })
  const all = '@g.us'

  async function described(answer: Promise<BinaryNode>): Promise<GroupMetadata> {
    const node = getBinaryNodeChild(await answer, 'group')
    const group = node === undefined ? undefined : metadataIn(node)
    if (group === undefined) throw unreadable('the answer describes no group')
    return group
  }

  async function invitation(answer: Promise<BinaryNode>): Promise<string> {
    const code = getBinaryNodeChild(await answer, 'invite')?.attrs['code']
    if (code === undefined) throw unreadable('the answer has no invitation')
    return code
  }

  const named = (people: readonly Jid[]): BinaryNode[] =>
    people.map((jid) => ({ tag: 'participant', attrs: { jid } }))

  return {
    communities: communityCalls(query),
    async all() {
      const answer = await query(all, 'get', {
        tag: 'participating',
        attrs: {},
        content: [
          { tag: 'participants', attrs: {} },
          { tag: 'description', attrs: {} },
        ],
      })
      const list = getBinaryNodeChild(answer, 'groups')
      if (list === undefined) throw unreadable('the answer has no list of groups')
      return getBinaryNodeChildren(list, 'group')
        .map(metadataIn)
        .filter((group) => group !== undefined)
    },
    metadata: (group) => described(query(group, 'get', { tag: 'query', attrs: { request: 'interactive' } })),
    async create(subject, people, key, community) {
      const answer = await query(all, 'set', {
        tag: 'create',
        attrs: { subject, key },
        content: [
          ...named(people),
          ...(community === undefined ? [] : [{ tag: 'linked_parent', attrs: { jid: community } }]),
        ],
      })
      const node = getBinaryNodeChild(answer, 'group')
      const group = node === undefined ? undefined : metadataIn(node)
      if (node === undefined || group === undefined) throw unreadable('the answer describes no group')
      return { group, outcomes: outcomesIn(node) }
    },
    async leave(group) {
      await query(all, 'set', {
        tag: 'leave',
        attrs: {},
        content: [{ tag: 'group', attrs: { id: group } }],
      })
    },
    async set(group, change) {
      await query(group, 'set', settingNode(change))
    },
    async describe(group, text, { id, previous }) {
      await query(group, 'set', {
        tag: 'description',
        attrs: {
          ...(text === null ? { delete: 'true' } : { id }),
          ...(previous === undefined ? {} : { prev: previous }),
        },
        ...(text === null ? {} : { content: [{ tag: 'body', attrs: {}, content: Buffer.from(text) }] }),
      })
    },
    async participants(group, people, action) {
      const answer = await query(group, 'set', { tag: action, attrs: {}, content: named(people) })
      const node = getBinaryNodeChild(answer, action)
      return node === undefined ? [] : outcomesIn(node)
    },
    inviteCode: (group) => invitation(query(group, 'get', { tag: 'invite', attrs: {} })),
    revokeInvite: (group) => invitation(query(group, 'set', { tag: 'invite', attrs: {} })),
    invited: (code) => described(query(all, 'get', { tag: 'invite', attrs: { code } })),
    async join(code) {
      const answer = await query(all, 'set', { tag: 'invite', attrs: { code } })
      const pending = getBinaryNodeChild(answer, 'membership_approval_request')
      const jid = addressIn((pending ?? getBinaryNodeChild(answer, 'group'))?.attrs ?? {}, 'jid')
      if (jid === undefined) throw unreadable('the answer names no group')
      return { group: jid, isPending: pending !== undefined }
    },
    async joinRequests(group) {
      const answer = await query(group, 'get', { tag: 'membership_approval_requests', attrs: {} })
      const list = getBinaryNodeChild(answer, 'membership_approval_requests')
      if (list === undefined) throw unreadable('the answer has no list of requests')
      return getBinaryNodeChildren(list, 'membership_approval_request').flatMap((node) => {
        const member = memberIn(node)
        if (member === undefined) return []
        const { jid, alt } = member
        const requestedAt = momentIn(node.attrs, 'request_time')
        return [{ jid, alt, method: node.attrs['request_method'], requestedAt }]
      })
    },
    async answerJoinRequests(group, people, action) {
      const answer = await query(group, 'set', {
        tag: 'membership_requests_action',
        attrs: {},
        content: [{ tag: action, attrs: {}, content: named(people) }],
      })
      const node = getBinaryNodeChild(answer, 'membership_requests_action')
      const list = node === undefined ? undefined : getBinaryNodeChild(node, action)
      return list === undefined ? [] : outcomesIn(list)
    },
  }
}

function outcomesIn(node: BinaryNode): ParticipantOutcome[] {
  return getBinaryNodeChildren(node, 'participant').flatMap((participant) => {
    const member = memberIn(participant)
    if (member === undefined) return []
    const { jid, alt } = member
    const request = getBinaryNodeChild(participant, 'add_request')?.attrs
    const code = request?.['code']
    const expiresAt = request === undefined ? undefined : momentIn(request, 'expiration')
    return [
      {
        jid: withoutDevice(jid),
        alt,
        status: Number(participant.attrs['error'] ?? 200),
        invite: code === undefined || expiresAt === undefined ? undefined : { code, expiresAt },
      },
    ]
  })
}

/** One setting of a group, to be changed to this. */
export type GroupSetting =
  | { set: 'subject'; to: string }
  | { set: 'announcement' | 'locked' | 'joinApproval'; to: boolean }
  | { set: 'memberAddMode'; to: MemberAddMode }
  | { set: 'ephemeralSeconds'; to: number }

function settingNode(setting: GroupSetting): BinaryNode {
  switch (setting.set) {
    case 'subject':
      return { tag: 'subject', attrs: {}, content: Buffer.from(setting.to) }
    case 'announcement':
      return { tag: setting.to ? 'announcement' : 'not_announcement', attrs: {} }
    case 'locked':
      return { tag: setting.to ? 'locked' : 'unlocked', attrs: {} }
    case 'memberAddMode':
      return {
        tag: 'member_add_mode',
        attrs: {},
        content: setting.to === 'admins' ? 'admin_add' : 'all_member_add',
      }
    case 'joinApproval':
      return {
        tag: 'membership_approval_mode',
        attrs: {},
        content: [{ tag: 'group_join', attrs: { state: setting.to ? 'on' : 'off' } }],
      }
    case 'ephemeralSeconds':
      break
  }
  return setting.to > 0
    ? { tag: 'ephemeral', attrs: { expiration: String(setting.to) } }
    : { tag: 'not_ephemeral', attrs: {} }
}
