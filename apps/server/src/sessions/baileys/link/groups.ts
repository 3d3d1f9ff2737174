import type { BinaryNode } from '../baileys.ts'
import { getBinaryNodeChild, getBinaryNodeChildren } from '../baileys.ts'

import { HubError } from '@inbox-hub/contract'
import type { GroupUpdated, MemberAddMode, ParticipantAction } from '@inbox-hub/contract'
import { isGroup, isLid, isPerson, type Jid, tryParseJid, withoutDevice } from '@inbox-hub/whatsapp'

import { addressIn, type Attributes } from '../journal/envelope.ts'
import type { GroupCalls } from '../index.ts'

/** Somebody as a group names them; `alt` is their other address (number or LID) when the stanza carried it. */
export interface GroupPerson {
  jid: Jid
  alt: Jid | undefined
}

export type GroupRole = 'member' | 'admin' | 'superadmin'

export interface GroupMember extends GroupPerson {
  role: GroupRole
}

/** A group as WhatsApp describes it. Times are Unix ms. */
export interface GroupMetadata {
  jid: Jid
  subject: string
  description: { id: string | undefined; text: string } | undefined
  owner: GroupPerson | undefined
  createdAt: number | undefined
  announcement: boolean
  locked: boolean
  memberAddMode: MemberAddMode
  joinApproval: boolean
  /** 0: messages stay. */
  ephemeralSeconds: number
  community: Jid | undefined
  isCommunity: boolean
  size: number
  members: readonly GroupMember[]
}

/** What WhatsApp did about one of the people that a call named. */
export interface ParticipantOutcome extends GroupPerson {
  /** 200 when it was done. */
  status: number
  /** An invitation for somebody who may not be added. `expiresAt` is Unix ms. */
  invite: { code: string; expiresAt: number } | undefined
}

export interface JoinRequest extends GroupPerson {
  method: string | undefined
  /** Unix ms. */
  requestedAt: number | undefined
}

/** What somebody did to a group, as WhatsApp tells its members. */
export type GroupChange =
  | { is: 'joined'; group: GroupMetadata }
  | { is: 'updated'; changes: GroupUpdated['changes']; descriptionId?: string | undefined }
  | { is: 'participants'; action: ParticipantAction; participants: readonly GroupMember[] }
  | { is: 'join_request'; action: 'created' | 'revoked' | 'rejected'; participants: readonly GroupPerson[] }

export interface GroupNotice {
  /** Of the notification and of this change in it: the same when it comes again. */
  id: string
  by: GroupPerson | undefined
  /** Unix ms, WhatsApp's clock. */
  at: number
  change: GroupChange
}

/** An answer that does not hold what was asked for is as good as none. */
function unreadable(what: string): HubError {
  return new HubError('WHATSAPP_ERROR', { reason: 'NO_ANSWER' }, { cause: new Error(what) })
}

/** Unix ms of an attribute in seconds. */
function momentIn(attributes: Attributes, name: string): number | undefined {
  const seconds = Number(attributes[name])
  return Number.isSafeInteger(seconds) && seconds > 0 ? seconds * 1000 : undefined
}

/** Somebody under the attribute `name`, with their other form under `<name>_pn` or `<name>_lid`. */
function personIn(attributes: Attributes, name: string): GroupPerson | undefined {
  const jid = addressIn(attributes, name)
  if (jid === undefined || !isPerson(jid)) return undefined
  return { jid, alt: addressIn(attributes, isLid(jid) ? `${name}_pn` : `${name}_lid`) }
}

function memberIn({ attrs }: BinaryNode): GroupMember | undefined {
  const jid = addressIn(attrs, 'jid')
  if (jid === undefined || !isPerson(jid)) return undefined
  const type = attrs['type']
  return {
    jid,
    alt: addressIn(attrs, isLid(jid) ? 'phone_number' : 'lid'),
    role: type === 'admin' || type === 'superadmin' ? type : 'member',
  }
}

function membersIn(node: BinaryNode, tag = 'participant'): GroupMember[] {
  return getBinaryNodeChildren(node, tag)
    .map(memberIn)
    .filter((member) => member !== undefined)
}

function textIn(node: BinaryNode | undefined): string | undefined {
  const content = node?.content
  if (content === undefined || Array.isArray(content)) return undefined
  return typeof content === 'string' ? content : Buffer.from(content).toString('utf8')
}

const has = (node: BinaryNode, tag: string): boolean => getBinaryNodeChild(node, tag) !== undefined

/** The group that a `<group>` describes; undefined when it names none. Those who could not be added (`error`) are no members. */
export function metadataIn(group: BinaryNode): GroupMetadata | undefined {
  const { attrs } = group
  const id = attrs['id'] ?? attrs['jid'] ?? ''
  const jid = tryParseJid(id.includes('@') ? id : `${id}@g.us`)
  if (jid === undefined || !isGroup(jid)) return undefined
  const description = getBinaryNodeChild(group, 'description')
  const text = description === undefined ? undefined : textIn(getBinaryNodeChild(description, 'body'))
  const size = Number(attrs['size'])
  const expiration = Number(getBinaryNodeChild(group, 'ephemeral')?.attrs['expiration'] ?? 0)
  const members = getBinaryNodeChildren(group, 'participant')
    .filter((participant) => participant.attrs['error'] === undefined)
    .map(memberIn)
    .filter((member) => member !== undefined)
  return {
    jid,
    subject: attrs['subject'] ?? '',
    description: text === undefined ? undefined : { id: description?.attrs['id'], text },
    owner: personIn(attrs, 'creator'),
    createdAt: momentIn(attrs, 'creation'),
    announcement: has(group, 'announcement'),
    locked: has(group, 'locked'),
    memberAddMode:
      textIn(getBinaryNodeChild(group, 'member_add_mode')) === 'admin_add' ? 'admins' : 'everyone',
    joinApproval: has(group, 'membership_approval_mode'),
    ephemeralSeconds: Number.isSafeInteger(expiration) && expiration > 0 ? expiration : 0,
    community: addressIn(getBinaryNodeChild(group, 'linked_parent')?.attrs ?? {}, 'jid'),
    isCommunity: has(group, 'parent'),
    size: members.length > 0 || !Number.isSafeInteger(size) ? members.length : size,
    members,
  }
}

/**
 * What a `w:gp2` notification tells, child by child, in their order; nothing for what we do not know. Pure. Source: baileys
 * Socket/messages-recv.js (`handleGroupNotification`) and whatsmeow group.go (`parseGroupChange`).
 */
export function noticesIn(
  stanza: BinaryNode,
  receivedAt: number,
): readonly { jid: Jid; notice: GroupNotice }[] {
  const { attrs } = stanza
  const jid = addressIn(attrs, 'from')
  const { id } = attrs
  if (jid === undefined || !isGroup(jid) || id === undefined) return []
  const by = personIn(attrs, 'participant')
  const at = momentIn(attrs, 't') ?? receivedAt
  const children = Array.isArray(stanza.content) ? stanza.content : []
  return children.flatMap((child, index) => {
    const change = changeIn(child, by)
    return change === undefined ? [] : [{ jid, notice: { id: `${id}.${index}`, by, at, change } }]
  })
}

function changeIn(child: BinaryNode, by: GroupPerson | undefined): GroupChange | undefined {
  const updated = (changes: GroupUpdated['changes']): GroupChange => ({ is: 'updated', changes })
  switch (child.tag) {
    case 'create': {
      const node = getBinaryNodeChild(child, 'group')
      const group = node === undefined ? undefined : metadataIn(node)
      return group === undefined ? undefined : { is: 'joined', group }
    }
    case 'add':
    case 'remove':
    case 'leave':
    case 'promote':
    case 'demote': {
      const participants = membersIn(child)
      const [only] = participants
      const isLeaving =
        child.tag === 'remove' &&
        participants.length === 1 &&
        only !== undefined &&
        (only.jid === by?.jid || only.jid === by?.alt)
      return participants.length === 0
        ? undefined
        : { is: 'participants', action: isLeaving ? 'leave' : child.tag, participants }
    }
    case 'subject':
      return updated({ subject: child.attrs['subject'] ?? '' })
    case 'description': {
      const text = textIn(getBinaryNodeChild(child, 'body'))
      return {
        is: 'updated',
        changes: { description: text === undefined || text === '' ? null : text },
        descriptionId: child.attrs['id'],
      }
    }
    case 'announcement':
    case 'not_announcement':
      return updated({ announcement: child.tag === 'announcement' })
    case 'locked':
    case 'unlocked':
      return updated({ locked: child.tag === 'locked' })
    case 'ephemeral':
    case 'not_ephemeral': {
      const seconds = child.tag === 'ephemeral' ? Number(child.attrs['expiration'] ?? 0) : 0
      return Number.isSafeInteger(seconds) && seconds >= 0
        ? updated({ ephemeralSeconds: seconds })
        : undefined
    }
    case 'member_add_mode':
      return updated({ memberAddMode: textIn(child) === 'admin_add' ? 'admins' : 'everyone' })
    case 'membership_approval_mode':
      return updated({ joinApproval: getBinaryNodeChild(child, 'group_join')?.attrs['state'] === 'on' })
    case 'invite': {
      const code = child.attrs['code']
      return code === undefined ? undefined : updated({ inviteCode: code })
    }
    case 'created_membership_requests':
    case 'revoked_membership_requests': {
      // `requested_user` in whatsmeow, `participant` in baileys; whoever asks for themselves may be named by neither.
      const named: readonly GroupPerson[] = [...membersIn(child), ...membersIn(child, 'requested_user')]
      const participants = named.length > 0 || by === undefined ? named : [by]
      if (participants.length === 0) return undefined
      if (child.tag === 'created_membership_requests')
        return { is: 'join_request', action: 'created', participants }
      const isOwn = participants.every(({ jid }) => jid === by?.jid || jid === by?.alt)
      return { is: 'join_request', action: isOwn ? 'revoked' : 'rejected', participants }
    }
    default:
      return undefined
  }
}

/** Those a notice names in both forms. Not the members of a group we come to: they are known by both in its own rows, and may be a thousand. */
export function pairsIn({ by, change }: GroupNotice): readonly { lid: Jid; pn: Jid }[] {
  const named = change.is === 'participants' || change.is === 'join_request' ? change.participants : []
  return [...named, ...(by === undefined ? [] : [by])].flatMap(({ jid, alt }) => {
    if (alt === undefined || isLid(jid) === isLid(alt)) return []
    return isLid(jid) ? [{ lid: jid, pn: alt }] : [{ lid: alt, pn: jid }]
  })
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
    async create(subject, people, key) {
      const answer = await query(all, 'set', {
        tag: 'create',
        attrs: { subject, key },
        content: named(people),
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
