import type { BinaryNode } from '../baileys.ts'
import { getBinaryNodeChild, getBinaryNodeChildren } from '../baileys.ts'

import type { GroupUpdated, MemberAddMode, ParticipantAction } from '@inbox-hub/contract'
import { isGroup, isLid, isPerson, type Jid, tryParseJid } from '@inbox-hub/whatsapp'

import { addressIn, type Attributes } from '../journal/envelope.ts'

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
  /** The one of its community in which admins write to all. */
  isAnnouncementGroup: boolean
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

/** Unix ms of an attribute in seconds. */
export function momentIn(attributes: Attributes, name: string): number | undefined {
  const seconds = Number(attributes[name])
  return Number.isSafeInteger(seconds) && seconds > 0 ? seconds * 1000 : undefined
}

/** Somebody under the attribute `name`, with their other form under `<name>_pn` or `<name>_lid`. */
export function personIn(attributes: Attributes, name: string): GroupPerson | undefined {
  const jid = addressIn(attributes, name)
  if (jid === undefined || !isPerson(jid)) return undefined
  return { jid, alt: addressIn(attributes, isLid(jid) ? `${name}_pn` : `${name}_lid`) }
}

export function memberIn({ attrs }: BinaryNode): GroupMember | undefined {
  const jid = addressIn(attrs, 'jid')
  if (jid === undefined || !isPerson(jid)) return undefined
  const type = attrs['type']
  return {
    jid,
    alt: addressIn(attrs, isLid(jid) ? 'phone_number' : 'lid'),
    role: type === 'admin' || type === 'superadmin' ? type : 'member',
  }
}

export function membersIn(node: BinaryNode, tag = 'participant'): GroupMember[] {
  return getBinaryNodeChildren(node, tag)
    .map(memberIn)
    .filter((member) => member !== undefined)
}

export function textIn(node: BinaryNode | undefined): string | undefined {
  const content = node?.content
  if (content === undefined || Array.isArray(content)) return undefined
  return typeof content === 'string' ? content : Buffer.from(content).toString('utf8')
}

const has = (node: BinaryNode, tag: string): boolean => getBinaryNodeChild(node, tag) !== undefined

/** Whether a `<group>` is the one for announcements of its community. */
export const isAnnouncementGroup = (group: BinaryNode): boolean =>
  has(group, 'default_sub_group') || has(group, 'default_sub_community')

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
    isAnnouncementGroup: isAnnouncementGroup(group),
    size: members.length > 0 || !Number.isSafeInteger(size) ? members.length : size,
    members,
  }
}
