import type { BinaryNode } from '../../baileys.ts'
import { bytesOf, child, childrenOf, children, node, textOf } from '../../stanza.ts'
import type { Account, Accounts } from '../account.ts'
import type { GroupActions } from '../group-actions.ts'
import type { Groups, StoredGroup } from '../groups.ts'
import { createCommunity } from './communities.ts'
import {
  badRequest,
  conflict,
  forbidden,
  full,
  gone,
  notAcceptable,
  notFound,
  type Queries,
  type QueryError,
  type QueryHandler,
} from './query.ts'

interface Services {
  accounts: Accounts
  groups: Groups
  actions: GroupActions
}

/** `w:g2`: groups, their members and settings. */
export function groupQueries({ accounts, groups, actions }: Services): Queries {
  /** For what only members may ask or do. */
  const ofMember =
    (
      handle: (group: StoredGroup, iq: BinaryNode, account: Account) => readonly BinaryNode[] | QueryError,
    ): QueryHandler =>
    (iq, { account }) => {
      const group = groups.find(iq.attrs['to'] ?? '')
      if (group === undefined) return notFound
      return group.members.has(account) ? handle(group, iq, account) : forbidden
    }
  const ofAdmin = (
    handle: (group: StoredGroup, iq: BinaryNode, account: Account) => readonly BinaryNode[] | QueryError,
  ): QueryHandler =>
    ofMember((group, iq, account) => (group.isAdmin(account) ? handle(group, iq, account) : forbidden))

  const named = (parent: BinaryNode | undefined): Account[] =>
    childrenOf(parent, 'participant').flatMap(({ attrs }) => accounts.find(attrs['jid'] ?? '') ?? [])

  type Change = 'add' | 'remove' | 'promote' | 'demote'

  /** Why one person cannot be changed so; undefined when they can. */
  const obstacle = (
    group: StoredGroup,
    actor: Account,
    change: Change,
    account: Account,
  ): number | undefined => {
    if (change !== 'add') return group.members.has(account) ? undefined : 404
    if (!account.registered) return 404
    if (group.members.has(account)) return 409
    if (group.isFull) return 419
    // Those whom only their contacts may add; here nobody has contacts.
    return account !== actor && account.privacy.get('groupadd') !== 'all' ? 403 : undefined
  }

  /** `<participant>` of an answer; whom nobody may add gets an invitation of their own. */
  const outcome = (group: StoredGroup, account: Account, error: number | undefined): BinaryNode =>
    error === undefined
      ? group.participant(account)
      : node(
          'participant',
          { ...group.naming(account), error: String(error) },
          error === 403
            ? [node('add_request', { code: group.inviteCode, expiration: '4102444800' })]
            : undefined,
        )

  const mayAdd = (group: StoredGroup, account: Account): boolean =>
    group.isAdmin(account) || group.settings.memberAddMode === 'all_member_add'

  const membership = (change: Change): QueryHandler =>
    ofMember((group, iq, account) => {
      if (change === 'add' ? !mayAdd(group, account) : !group.isAdmin(account)) return forbidden
      const affected: Account[] = []
      const outcomes = named(child(iq, change)).map((person) => {
        const error = obstacle(group, account, change, person)
        if (error === undefined) {
          affected.push(person)
          // One by one: the last place can be taken once.
          if (change === 'add') group.add(person)
        }
        return { person, error }
      })
      if (affected.length > 0) actions.changeMembers(group, account, change, affected)
      return [
        node(
          change,
          {},
          outcomes.map(({ person, error }) => outcome(group, person, error)),
        ),
      ]
    })

  const setting = (tag: string, apply: (group: StoredGroup, iq: BinaryNode) => void): Queries => ({
    [`w:g2 set ${tag}`]: ofAdmin((group, iq, account) => {
      apply(group, iq)
      actions.announce(group, account, children(iq).slice(0, 1))
      return []
    }),
  })

  return {
    'w:g2 get query': ofMember((group) => [group.describe()]),
    'w:g2 get participating': (_, { account }) => [
      node(
        'groups',
        {},
        [...account.groups].flatMap((jid) => groups.find(jid)?.describe() ?? []),
      ),
    ],
    'w:g2 get membership_approval_requests': ofAdmin((group) => [
      node(
        'membership_approval_requests',
        {},
        [...group.requests].map(([account, at]) =>
          node('membership_approval_request', {
            ...group.naming(account),
            request_method: 'invite_link',
            request_time: String(at),
          }),
        ),
      ),
    ]),
    'w:g2 set membership_requests_action': ofAdmin((group, iq, account) => {
      const action = child(iq, 'membership_requests_action')
      const decision = children(action)[0]
      if (decision?.tag !== 'approve' && decision?.tag !== 'reject') return badRequest
      const outcomes = named(decision).map((person) => ({
        person,
        error: !group.requests.has(person)
          ? 404
          : decision.tag === 'approve' && group.isFull
            ? 419
            : undefined,
      }))
      const decided = outcomes.flatMap(({ person, error }) => (error === undefined ? [person] : []))
      if (decided.length > 0) {
        if (decision.tag === 'approve') actions.changeMembers(group, account, 'add', decided)
        else actions.refuse(group, account, decided)
      }
      const answers = outcomes.map(({ person, error }) => outcome(group, person, error))
      return [node('membership_requests_action', {}, [node(decision.tag, {}, answers)])]
    }),
    'w:g2 get invite': (iq, device) => {
      const code = child(iq, 'invite')?.attrs['code']
      if (code === undefined)
        return ofAdmin(({ inviteCode }) => [node('invite', { code: inviteCode })])(iq, device)
      const group = groups.invitedBy(code)
      if (group === undefined) return notAcceptable
      return group === 'revoked' ? gone : [group.describe()]
    },
    'w:g2 set invite': (iq, device) => {
      const code = child(iq, 'invite')?.attrs['code']
      if (code === undefined) {
        return ofAdmin((group, _, account) => {
          const invite = node('invite', { code: groups.renewInvite(group) })
          actions.announce(group, account, [invite])
          return [invite]
        })(iq, device)
      }
      const group = groups.invitedBy(code)
      if (group === undefined) return notAcceptable
      if (group === 'revoked') return gone
      if (group.members.has(device.account)) return conflict
      if (group.settings.joinApproval) {
        actions.request(group, device.account)
        return [node('membership_approval_request', { jid: group.jid })]
      }
      if (group.isFull) return full
      actions.changeMembers(group, device.account, 'add', [device.account])
      return [node('group', { jid: group.jid })]
    },
    'w:g2 set create': (iq, { account }) => {
      const create = child(iq, 'create')
      const subject = create?.attrs['subject'] ?? ''
      if (create === undefined || subject === '') return badRequest
      if (child(create, 'parent') !== undefined) return [createCommunity(create, account, actions).describe()]
      const parent = child(create, 'linked_parent')?.attrs['jid']
      const community = parent === undefined ? undefined : groups.find(parent)
      if (parent !== undefined && community?.isAdmin(account) !== true) return forbidden
      const people = named(create)
      const refused = new Map<Account, number>()
      for (const person of people) {
        if (!person.registered) refused.set(person, 404)
        else if (person.privacy.get('groupadd') !== 'all') refused.set(person, 403)
      }
      const members = people.filter((person) => !refused.has(person))
      const group = actions.create(subject, account, members, 'lid')
      group.community = community
      const described = group.describe()
      const failed = [...refused].map(([person, error]) => outcome(group, person, error))
      return [{ ...described, content: [...children(described), ...failed] }]
    },
    'w:g2 set leave': (iq, { account }) => {
      for (const { attrs } of childrenOf(child(iq, 'leave'), 'group')) {
        const group = groups.find(attrs['id'] ?? '')
        if (group?.members.has(account) !== true) return forbidden
        actions.changeMembers(group, account, 'remove', [account])
      }
      return [node('leave', {}, childrenOf(child(iq, 'leave'), 'group'))]
    },
    'w:g2 set add': membership('add'),
    'w:g2 set remove': membership('remove'),
    'w:g2 set promote': membership('promote'),
    'w:g2 set demote': membership('demote'),
    'w:g2 set subject': ofMember((group, iq, account) => {
      const subject = textOf(child(iq, 'subject'))
      if (subject === undefined) return badRequest
      if (group.settings.locked && !group.isAdmin(account)) return forbidden
      actions.rename(group, account, subject)
      return []
    }),
    'w:g2 set description': ofMember((group, iq, account) => {
      if (group.settings.locked && !group.isAdmin(account)) return forbidden
      const description = child(iq, 'description')
      // Who changes it must know what they replace.
      if (group.description !== undefined && description?.attrs['prev'] !== group.description.id)
        return conflict
      actions.describe(
        group,
        account,
        description?.attrs['id'],
        bytesOf(child(description, 'body'))?.toString(),
      )
      return []
    }),
    ...setting('announcement', ({ settings }) => (settings.announcement = true)),
    ...setting('not_announcement', ({ settings }) => (settings.announcement = false)),
    ...setting('locked', ({ settings }) => (settings.locked = true)),
    ...setting('unlocked', ({ settings }) => (settings.locked = false)),
    ...setting('ephemeral', ({ settings }, iq) => {
      settings.ephemeralSeconds = Number(child(iq, 'ephemeral')?.attrs['expiration'] ?? 0)
    }),
    ...setting('not_ephemeral', ({ settings }) => (settings.ephemeralSeconds = 0)),
    ...setting('member_add_mode', ({ settings }, iq) => {
      settings.memberAddMode =
        textOf(child(iq, 'member_add_mode')) === 'admin_add' ? 'admin_add' : 'all_member_add'
    }),
    ...setting('membership_approval_mode', ({ settings }, iq) => {
      const join = child(child(iq, 'membership_approval_mode'), 'group_join')
      settings.joinApproval = join?.attrs['state'] === 'on'
    }),
  }
}
