import type { BinaryNode } from '../baileys.ts'
import { getBinaryNodeChild } from '../baileys.ts'

import type { GroupUpdated } from '@inbox-hub/contract'
import { isGroup, isLid, type Jid } from '@inbox-hub/whatsapp'

import { addressIn } from '../journal/envelope.ts'
import {
  type GroupChange,
  type GroupNotice,
  type GroupPerson,
  membersIn,
  metadataIn,
  momentIn,
  personIn,
  textIn,
} from './group-nodes.ts'

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
    case 'link':
    case 'unlink': {
      // Told to the group; its community is told of `sub_group`, which its list of groups says.
      if ((child.attrs['link_type'] ?? child.attrs['unlink_type']) !== 'parent_group') return undefined
      const group = getBinaryNodeChild(child, 'group')
      const parent = group === undefined ? undefined : addressIn(group.attrs, 'jid')
      if (child.tag === 'link') return parent && updated({ communityId: parent })
      return updated({ communityId: null })
    }
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
