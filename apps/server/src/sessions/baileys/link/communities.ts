import { randomBytes } from 'node:crypto'

import { type BinaryNode, getBinaryNodeChild, getBinaryNodeChildren } from '../baileys.ts'

import { HubError } from '@inbox-hub/contract'
import { isGroup, type Jid, tryParseJid } from '@inbox-hub/whatsapp'

import { addressIn } from '../journal/envelope.ts'
import { isAnnouncementGroup, membersIn, metadataIn } from './group-nodes.ts'
import type { GroupMember } from './group-nodes.ts'

/** A group of a community. */
export interface CommunityGroup {
  jid: Jid
  subject: string
  /** undefined when WhatsApp did not say. */
  size: number | undefined
  /** The one in which admins write to all. */
  isAnnouncement: boolean
}

/** What can be asked about communities: groups that hold groups. Rejects as `GroupCalls` do. */
export interface CommunityCalls {
  create(subject: string, description: string | undefined): Promise<Jid>
  groups(community: Jid): Promise<readonly CommunityGroup[]>
  /** Members of all its groups. */
  members(community: Jid): Promise<readonly GroupMember[]>
  /** Answers WhatsApp's number for each group, 200 when it was done. */
  link(community: Jid, groups: readonly Jid[]): Promise<readonly { jid: Jid; status: number }[]>
  unlink(community: Jid, group: Jid): Promise<number>
  /** Ends the community; its groups stay, but the one for announcements. */
  end(community: Jid): Promise<void>
}

type Query = (to: string, type: 'get' | 'set', child: BinaryNode) => Promise<BinaryNode>

/**
 * The queries of `w:g2` about communities. baileys has them too (Socket/communities.js), but reads the answer to a new one by asking again,
 * and drops the refusals of single groups. Source for what baileys lacks: whatsmeow group.go.
 */
export function communityCalls(query: Query): CommunityCalls {
  /** Groups that the answer names under `tag`, with WhatsApp's number for each; 200 when it was done. */
  function outcomesIn(answer: BinaryNode, tag: 'links' | 'unlink'): { jid: Jid; status: number }[] {
    const holder = getBinaryNodeChild(answer, tag)
    const lists = tag === 'links' && holder !== undefined ? getBinaryNodeChildren(holder, 'link') : [holder]
    return lists.flatMap((list) =>
      getBinaryNodeChildren(list, 'group').flatMap(({ attrs }) => {
        const jid = addressIn(attrs, 'jid')
        return jid === undefined ? [] : [{ jid, status: Number(attrs['error'] ?? 200) }]
      }),
    )
  }

  return {
    async create(subject, description) {
      const body = { tag: 'body', attrs: {}, content: Buffer.from(description ?? '') }
      const id = `3EB0${randomBytes(9).toString('hex').toUpperCase()}`
      const answer = await query('@g.us', 'set', {
        tag: 'create',
        attrs: { subject },
        content: [
          ...(description === undefined ? [] : [{ tag: 'description', attrs: { id }, content: [body] }]),
          { tag: 'parent', attrs: { default_membership_approval_mode: 'request_required' } },
          { tag: 'allow_non_admin_sub_group_creation', attrs: {} },
          { tag: 'create_general_chat', attrs: {} },
        ],
      })
      const node = getBinaryNodeChild(answer, 'group')
      const group = node && metadataIn(node)
      if (group === undefined) throw new HubError('WHATSAPP_ERROR', { reason: 'NO_ANSWER' })
      return group.jid
    },
    async groups(community) {
      const answer = await query(community, 'get', { tag: 'sub_groups', attrs: {} })
      return getBinaryNodeChildren(getBinaryNodeChild(answer, 'sub_groups'), 'group').flatMap(subGroupIn)
    },
    async members(community) {
      const answer = await query(community, 'get', { tag: 'linked_groups_participants', attrs: {} })
      const list = getBinaryNodeChild(answer, 'linked_groups_participants')
      if (list === undefined) throw new HubError('WHATSAPP_ERROR', { reason: 'NO_ANSWER' })
      return membersIn(list)
    },
    async link(community, groups) {
      const content = groups.map((jid) => ({ tag: 'group', attrs: { jid } }))
      const link = { tag: 'link', attrs: { link_type: 'sub_group' }, content }
      return outcomesIn(await query(community, 'set', { tag: 'links', attrs: {}, content: [link] }), 'links')
    },
    async unlink(community, group) {
      const answer = await query(community, 'set', {
        tag: 'unlink',
        attrs: { unlink_type: 'sub_group' },
        content: [{ tag: 'group', attrs: { jid: group } }],
      })
      return outcomesIn(answer, 'unlink')[0]?.status ?? 200
    },
    async end(community) {
      await query(community, 'set', { tag: 'delete_parent', attrs: {} })
    },
  }
}

function subGroupIn(node: BinaryNode): CommunityGroup[] {
  const { id = '', subject = '', size } = node.attrs
  const jid = tryParseJid(id.includes('@') ? id : `${id}@g.us`)
  if (jid === undefined || !isGroup(jid)) return []
  const members = Number(size)
  return [
    {
      jid,
      subject,
      size: Number.isSafeInteger(members) ? members : undefined,
      isAnnouncement: isAnnouncementGroup(node),
    },
  ]
}
