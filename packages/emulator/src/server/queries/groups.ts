import type { BinaryNode } from '../../baileys.ts'
import { bytesOf, child, childrenOf, children, node, textOf } from '../../stanza.ts'
import type { Account, Accounts } from '../account.ts'
import type { GroupActions } from '../group-actions.ts'
import type { Groups, StoredGroup } from '../groups.ts'
import { badRequest, forbidden, notFound, type Queries, type QueryError, type QueryHandler } from './query.ts'

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

  const membership = (change: 'add' | 'remove' | 'promote' | 'demote'): QueryHandler =>
    ofAdmin((group, iq, account) => {
      const affected = named(child(iq, change))
      actions.changeMembers(group, account, change, affected)
      return [
        node(
          change,
          {},
          affected.map((each) => node('participant', { jid: each.address(0, group.server) })),
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
    'w:g2 get membership_approval_requests': ofAdmin(() => [node('membership_approval_requests', {}, [])]),
    'w:g2 get invite': (iq, device) => {
      const code = child(iq, 'invite')?.attrs['code']
      if (code === undefined)
        return ofMember(({ inviteCode }) => [node('invite', { code: inviteCode })])(iq, device)
      const group = groups.invitedBy(code)
      return group === undefined ? notFound : [group.describe()]
    },
    'w:g2 set invite': (iq, device) => {
      const code = child(iq, 'invite')?.attrs['code']
      if (code === undefined) {
        return ofAdmin((group) => [node('invite', { code: groups.renewInvite(group) })])(iq, device)
      }
      const group = groups.invitedBy(code)
      if (group === undefined) return notFound
      actions.changeMembers(group, device.account, 'add', [device.account])
      return [node('group', { jid: group.jid })]
    },
    'w:g2 set create': (iq, { account }) => {
      const create = child(iq, 'create')
      const group = actions.create(create?.attrs['subject'] ?? '', account, named(create), 'lid')
      return [group.describe()]
    },
    'w:g2 set leave': (iq, { account }) => {
      for (const { attrs } of childrenOf(child(iq, 'leave'), 'group')) {
        const group = groups.find(attrs['id'] ?? '')
        if (group?.members.has(account) === true) actions.changeMembers(group, account, 'remove', [account])
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
