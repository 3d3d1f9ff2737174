import type { BinaryNode } from '../../baileys.ts'
import { bytesOf, child, childrenOf, node } from '../../stanza.ts'
import type { Account } from '../account.ts'
import type { GroupActions } from '../group-actions.ts'
import type { Groups, StoredGroup } from '../groups.ts'
import { badRequest, forbidden, notFound, type Queries, type QueryError, type QueryHandler } from './query.ts'

/** A new community, with its group for announcements, as `w:g2 set create` with `<parent>` makes it. */
export function createCommunity(create: BinaryNode, creator: Account, actions: GroupActions): StoredGroup {
  const subject = create.attrs['subject'] ?? ''
  const { community } = actions.createCommunity(subject, creator, [])
  const text = bytesOf(child(child(create, 'description'), 'body'))?.toString()
  if (text !== undefined && text !== '')
    actions.describe(community, creator, child(create, 'description')?.attrs['id'], text)
  return community
}

/** `w:g2`: groups that hold groups. */
export function communityQueries({ groups, actions }: { groups: Groups; actions: GroupActions }): Queries {
  type Handle = (
    community: StoredGroup,
    iq: BinaryNode,
    account: Account,
  ) => readonly BinaryNode[] | QueryError
  const onCommunity =
    (isAllowed: (community: StoredGroup, account: Account) => boolean, handle: Handle): QueryHandler =>
    (iq, { account }) => {
      const community = groups.find(iq.attrs['to'] ?? '')
      if (community === undefined) return notFound
      if (!community.isCommunity) return badRequest
      return isAllowed(community, account) ? handle(community, iq, account) : forbidden
    }
  const ofMember = (handle: Handle): QueryHandler =>
    onCommunity(({ members }, account) => members.has(account), handle)
  const ofAdmin = (handle: Handle): QueryHandler =>
    onCommunity((community, account) => community.isAdmin(account), handle)

  /** What the members of a group are told when it comes to a community, or goes. */
  const tell = (group: StoredGroup, community: StoredGroup, actor: Account, what: 'link' | 'unlink'): void =>
    actions.announce(group, actor, [
      node(what, { [`${what}_type`]: 'parent_group' }, [node('group', { jid: community.jid })]),
    ])

  return {
    'w:g2 get sub_groups': ofMember((community) => [
      node(
        'sub_groups',
        {},
        groups
          .of(community)
          .map(({ jid, subject, members, isAnnouncement }) =>
            node(
              'group',
              { id: jid.slice(0, jid.indexOf('@')), subject, size: String(members.size) },
              isAnnouncement ? [node('default_sub_group')] : [],
            ),
          ),
      ),
    ]),
    'w:g2 get linked_groups_participants': ofMember((community) => {
      const members = new Set(groups.of(community).flatMap((group) => [...group.members.keys()]))
      return [
        node(
          'linked_groups_participants',
          {},
          [...members].map((each) => community.participant(each)),
        ),
      ]
    }),
    'w:g2 set links': ofAdmin((community, iq, account) => {
      const link = child(child(iq, 'links'), 'link')
      const answers = childrenOf(link, 'group').map(({ attrs: { jid = '' } }) => {
        const group = groups.find(jid)
        if (group === undefined || group.isCommunity) return node('group', { jid, error: '404' })
        if (!group.isAdmin(account)) return node('group', { jid, error: '403' })
        if (group.community !== undefined) return node('group', { jid, error: '409' })
        group.community = community
        tell(group, community, account, 'link')
        return node('group', { jid })
      })
      return [node('links', {}, [node('link', { link_type: 'sub_group' }, answers)])]
    }),
    'w:g2 set unlink': ofAdmin((community, iq, account) => {
      const answers = childrenOf(child(iq, 'unlink'), 'group').map(({ attrs: { jid = '' } }) => {
        const group = groups.find(jid)
        if (group?.community !== community || group.isAnnouncement)
          return node('group', { jid, error: '404' })
        group.community = undefined
        tell(group, community, account, 'unlink')
        return node('group', { jid })
      })
      return [node('unlink', { unlink_type: 'sub_group' }, answers)]
    }),
    'w:g2 set delete_parent': ofAdmin((community, _, account) => {
      for (const group of groups.of(community)) {
        group.community = undefined
        if (group.isAnnouncement) groups.delete(group)
        else tell(group, community, account, 'unlink')
      }
      groups.delete(community)
      return []
    }),
  }
}
