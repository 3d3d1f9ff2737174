import type { BinaryNode } from '../baileys.ts'
import type { Clock } from '../clock.ts'
import { node } from '../stanza.ts'
import type { Account } from './account.ts'
import type { Groups, StoredGroup } from './groups.ts'
import type { Router } from './router.ts'

/** Changes groups, and tells their members. */
export class GroupActions {
  readonly #groups: Groups
  readonly #router: Router
  readonly #clock: Clock

  constructor(groups: Groups, router: Router, clock: Clock) {
    this.#groups = groups
    this.#router = router
    this.#clock = clock
  }

  create(
    subject: string,
    creator: Account,
    members: readonly Account[],
    addressing: 'lid' | 'pn',
    as: Partial<Pick<StoredGroup, 'community' | 'isCommunity' | 'isAnnouncement'>> = {},
  ): StoredGroup {
    const group = Object.assign(this.#groups.create(subject, creator, addressing, this.#now), as)
    group.settings.announcement = group.isAnnouncement
    for (const member of members) if (member !== creator && member.registered) group.add(member)
    this.announce(group, creator, [node('create', { type: 'new', key: group.jid }, [group.describe()])])
    return group
  }

  /** A community, with its group for announcements, in which all of its members are. */
  createCommunity(
    subject: string,
    creator: Account,
    members: readonly Account[],
  ): { community: StoredGroup; announcements: StoredGroup } {
    const community = this.create(subject, creator, [], 'lid', { isCommunity: true })
    const as = { community, isAnnouncement: true }
    return { community, announcements: this.create(subject, creator, members, 'lid', as) }
  }

  changeMembers(
    group: StoredGroup,
    actor: Account,
    change: 'add' | 'remove' | 'promote' | 'demote',
    affected: readonly Account[],
  ): void {
    // Named before the change for those who leave, after it for those who come.
    const leaving = affected.map((account) => group.participant(account))
    const told = new Set(group.members.keys())
    for (const account of affected) {
      if (change === 'remove') group.remove(account)
      else if (change === 'promote') group.add(account, 'admin')
      else if (change === 'demote') group.add(account)
      else if (!group.members.has(account)) group.add(account)
    }
    for (const account of group.members.keys()) told.add(account)
    const participants = change === 'remove' ? leaving : affected.map((account) => group.participant(account))
    this.#tell(group, actor, [node(change, {}, participants)], told)
  }

  /** Somebody wants to join: admins decide. */
  request(group: StoredGroup, account: Account): void {
    group.requests.set(account, this.#now)
    const asked = node('created_membership_requests', { request_method: 'invite_link' }, [
      node('requested_user', group.naming(account)),
    ])
    this.#tell(group, account, [asked], this.#adminsOf(group))
  }

  refuse(group: StoredGroup, actor: Account, accounts: readonly Account[]): void {
    for (const account of accounts) group.requests.delete(account)
    const named = accounts.map((account) => node('participant', group.naming(account)))
    this.#tell(group, actor, [node('revoked_membership_requests', {}, named)], this.#adminsOf(group))
  }

  #adminsOf(group: StoredGroup): Account[] {
    return [...group.members.keys()].filter((account) => group.isAdmin(account))
  }

  rename(group: StoredGroup, actor: Account, subject: string): void {
    group.subject = subject
    group.subjectAt = this.#now
    const attrs = { subject, s_t: String(this.#now), s_o: actor.address(0, group.server) }
    this.announce(group, actor, [node('subject', attrs)])
  }

  /** @param text - undefined deletes the description */
  describe(group: StoredGroup, actor: Account, id: string | undefined, text: string | undefined): void {
    group.description =
      text === undefined ? undefined : { id: id ?? String(this.#now), text, by: actor, at: this.#now }
    const content = text === undefined ? [] : [node('body', {}, Buffer.from(text))]
    const attrs = text === undefined ? { delete: 'true' } : { id: id ?? String(this.#now) }
    this.announce(group, actor, [node('description', attrs, content)])
  }

  /** Tells every member what somebody did. */
  announce(group: StoredGroup, actor: Account, content: BinaryNode[]): void {
    this.#tell(group, actor, content, group.members.keys())
  }

  #tell(group: StoredGroup, actor: Account, content: BinaryNode[], accounts: Iterable<Account>): void {
    const attrs = {
      type: 'w:gp2',
      from: group.jid,
      participant: actor.address(0, group.server),
      ...(group.addressing === 'lid' ? { participant_pn: actor.pn } : { participant_lid: actor.lid }),
      addressing_mode: group.addressing,
    }
    for (const account of accounts) this.#router.notify(account, attrs, content)
  }

  get #now(): number {
    return Math.floor(this.#clock.now() / 1000)
  }
}
