import { type GroupWire, isoOf, type ParticipantResultWire } from '@inbox-hub/contract'
import { personOf, type ShownPerson } from '../chats/index.ts'
import type { GroupPerson, ParticipantOutcome } from '../sessions/baileys/index.ts'
import type { GroupMemberRow, GroupRow } from './group-rows.ts'
import { participantRefusal } from './refusals.ts'

type Show = (person: GroupPerson) => ShownPerson

/** A group as the API shows it (contract §9); with its participants where `members` are given. */
export function groupWire(row: GroupRow, show: Show, members?: readonly GroupMemberRow[]): GroupWire {
  const owner = personOf(row.owner, row.owner_alt)
  return {
    id: row.jid,
    subject: row.subject,
    description: row.description,
    owner: owner === undefined ? null : show(owner).id,
    participantCount: row.size,
    ...(members && { participants: members.flatMap((member) => participantWire(member, show)) }),
    createdAt: row.created_at === null ? null : isoOf(row.created_at),
    isActive: row.role !== null,
    isAdmin: row.role === 'admin' || row.role === 'superadmin',
    announcement: row.announcement === 1,
    locked: row.locked === 1,
    memberAddMode: row.member_add_mode,
    joinApproval: row.join_approval === 1,
    ephemeralSeconds: row.ephemeral_seconds,
    communityId: row.community,
    isCommunity: row.is_community === 1,
  }
}

function participantWire({ jid, alt, role }: GroupMemberRow, show: Show) {
  const person = personOf(jid, alt)
  if (person === undefined) return []
  return [{ ...show(person), isAdmin: role !== 'member', isSuperAdmin: role === 'superadmin' }]
}

/** What WhatsApp did about one person. */
export function outcomeWire(
  outcome: ParticipantOutcome,
  show: Show,
  action: Parameters<typeof participantRefusal>[1],
): ParticipantResultWire {
  const { status, invite } = outcome
  return {
    ...show(outcome),
    status,
    reason: participantRefusal(status, action),
    inviteCode: invite?.code ?? null,
    inviteExpiresAt: invite === undefined ? null : isoOf(invite.expiresAt),
  }
}
