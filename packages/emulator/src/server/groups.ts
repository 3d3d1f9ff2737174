import { createHash } from 'node:crypto'
import type { BinaryNode } from '../baileys.ts'
import type { Group } from '../line.ts'
import type { UserJid } from '../jid.ts'
import { node } from '../stanza.ts'
import type { Picture } from './profile.ts'
import type { Account } from './account.ts'

export interface GroupSettings {
  /** Only admins write. */
  announcement: boolean
  /** Only admins change subject and description. */
  locked: boolean
  /** Messages disappear after so many seconds; 0: they do not. */
  ephemeralSeconds: number
  memberAddMode: 'admin_add' | 'all_member_add'
  joinApproval: boolean
  /** How many members it may have. */
  maxMembers: number
}

/** A group as the server keeps it. */
export class StoredGroup implements Group {
  readonly jid: string
  readonly addressing: 'lid' | 'pn'
  readonly creator: Account
  readonly createdAt: number
  subject: string
  subjectAt: number
  description: { id: string; text: string; by: Account; at: number } | undefined
  inviteCode: string
  /** Of groups of a community: the group that holds them. */
  community: StoredGroup | undefined
  /** Holds groups. */
  isCommunity = false
  /** The one for announcements of its community. */
  isAnnouncement = false
  picture: Picture | undefined
  readonly members = new Map<Account, 'admin' | 'superadmin' | undefined>()
  /** Who asks to join, since when (Unix seconds). */
  readonly requests = new Map<Account, number>()
  readonly settings: GroupSettings = {
    announcement: false,
    locked: false,
    ephemeralSeconds: 0,
    memberAddMode: 'all_member_add',
    joinApproval: false,
    maxMembers: 1025,
  }

  constructor(jid: string, subject: string, creator: Account, addressing: 'lid' | 'pn', createdAt: number) {
    this.jid = jid
    this.subject = subject
    this.subjectAt = createdAt
    this.creator = creator
    this.addressing = addressing
    this.createdAt = createdAt
    this.inviteCode = inviteCode(jid, 0)
    this.add(creator, 'superadmin')
  }

  get server(): UserJid['server'] {
    return this.addressing === 'lid' ? 'lid' : 's.whatsapp.net'
  }

  get participants(): Group['participants'] {
    return [...this.members].map(([{ number, pn, lid }, admin]) => ({
      number,
      pn,
      lid,
      ...(admin !== undefined && { admin }),
    }))
  }

  add(account: Account, role?: 'admin' | 'superadmin'): void {
    this.members.set(account, role)
    this.requests.delete(account)
    account.groups.add(this.jid)
  }

  remove(account: Account): void {
    this.members.delete(account)
    account.groups.delete(this.jid)
  }

  get isFull(): boolean {
    return this.members.size >= this.settings.maxMembers
  }

  isAdmin(account: Account): boolean {
    return this.members.get(account) !== undefined
  }

  /** A new invitation; the old one leads nowhere any more. */
  renewInvite(times: number): string {
    this.inviteCode = inviteCode(this.jid, times)
    return this.inviteCode
  }

  /** `<participant>` as queries and notifications name a member. */
  participant(account: Account): BinaryNode {
    const role = this.members.get(account)
    return node('participant', { ...this.naming(account), ...(role !== undefined && { type: role }) })
  }

  /** Both addresses of somebody, the group's own first. */
  naming(account: Account): BinaryNode['attrs'] {
    return this.addressing === 'lid'
      ? { jid: account.lid, phone_number: account.pn }
      : { jid: account.pn, lid: account.lid }
  }

  /** `<group>`: all there is to know about it. */
  describe(): BinaryNode {
    const { settings, description } = this
    const by = (account: Account): string => account.address(0, this.server)
    const content: BinaryNode[] = [...this.members.keys()].map((account) => this.participant(account))
    if (description !== undefined) {
      const attrs = { id: description.id, participant: by(description.by), t: String(description.at) }
      content.push(node('description', attrs, [node('body', {}, Buffer.from(description.text))]))
    }
    if (settings.announcement) content.push(node('announcement'))
    if (settings.locked) content.push(node('locked'))
    if (settings.ephemeralSeconds > 0) {
      content.push(node('ephemeral', { expiration: String(settings.ephemeralSeconds) }))
    }
    if (settings.joinApproval) content.push(node('membership_approval_mode'))
    if (this.isCommunity)
      content.push(node('parent', { default_membership_approval_mode: 'request_required' }))
    if (this.community !== undefined) content.push(node('linked_parent', { jid: this.community.jid }))
    if (this.isAnnouncement) content.push(node('default_sub_group'))
    content.push(node('member_add_mode', {}, settings.memberAddMode))
    const attrs = {
      id: this.jid.slice(0, this.jid.indexOf('@')),
      subject: this.subject,
      s_t: String(this.subjectAt),
      s_o: by(this.creator),
      creation: String(this.createdAt),
      creator: by(this.creator),
      ...(this.addressing === 'lid' && { creator_pn: this.creator.pn, s_o_pn: this.creator.pn }),
      addressing_mode: this.addressing,
      size: String(this.members.size),
    }
    return node('group', attrs, content)
  }
}

/** All groups there are. */
export class Groups {
  readonly #byJid = new Map<string, StoredGroup>()
  readonly #byInvite = new Map<string, StoredGroup>()

  find(jid: string): StoredGroup | undefined {
    return this.#byJid.get(jid)
  }

  /** Where a code leads; `revoked` when it did once. */
  invitedBy(code: string): StoredGroup | 'revoked' | undefined {
    const group = this.#byInvite.get(code)
    return group === undefined || group.inviteCode === code ? group : 'revoked'
  }

  /** @param now - Unix seconds */
  create(subject: string, creator: Account, addressing: 'lid' | 'pn', now: number): StoredGroup {
    const jid = `1203630${String(this.#byJid.size + 1).padStart(11, '0')}@g.us`
    const group = new StoredGroup(jid, subject, creator, addressing, now)
    this.#byJid.set(jid, group)
    this.#byInvite.set(group.inviteCode, group)
    return group
  }

  /** The groups of a community, the one for announcements first. */
  of(community: StoredGroup): StoredGroup[] {
    const groups = [...this.#byJid.values()].filter((group) => group.community === community)
    return groups.sort((left, right) => Number(right.isAnnouncement) - Number(left.isAnnouncement))
  }

  delete(group: StoredGroup): void {
    for (const account of group.members.keys()) group.remove(account)
    this.#byJid.delete(group.jid)
    this.#byInvite.delete(group.inviteCode)
  }

  renewInvite(group: StoredGroup): string {
    const code = group.renewInvite(this.#byInvite.size)
    this.#byInvite.set(code, group)
    return code
  }
}

function inviteCode(jid: string, times: number): string {
  return createHash('sha256').update(`${jid} ${times}`).digest('base64url').slice(0, 22)
}
