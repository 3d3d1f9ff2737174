import { z } from 'zod'

import { isoSchema, paginationSchema } from './answers.ts'
import { endpoint } from './endpoint.ts'
import type { ErrorCode } from './errors/index.ts'
import {
  bool,
  groupAddress,
  inviteCode,
  int,
  limit,
  list,
  maybe,
  page,
  personAddress,
  sessionRef,
  text,
} from './fields.ts'
import { memberAddModes } from './group-events.ts'

const participantSchema = z.object({
  id: z
    .string()
    .meta({ description: 'With the phone number when it is known.', example: '12025550123@s.whatsapp.net' }),
  lid: z.string().nullable().meta({ description: 'The address that hides the number, when known.' }),
  isAdmin: z.boolean(),
  isSuperAdmin: z.boolean().meta({ description: 'Made the group.' }),
})

export const groupSchema = z
  .object({
    id: z.string().meta({ example: '120363000000000001@g.us' }),
    subject: z.string(),
    description: z.string().nullable(),
    owner: z
      .string()
      .nullable()
      .meta({ description: 'Who made it, with the phone number when it is known.' }),
    participantCount: z.int(),
    participants: z.array(participantSchema).optional().meta({ description: 'Left out in lists.' }),
    createdAt: isoSchema.nullable(),
    isActive: z.boolean().meta({ description: 'false: the account is no longer a member.' }),
    isAdmin: z.boolean().meta({ description: 'Whether the account is an admin of it.' }),
    announcement: z.boolean().meta({ description: 'Only admins may write.' }),
    locked: z.boolean().meta({ description: 'Only admins may change subject, description and picture.' }),
    memberAddMode: z.enum(memberAddModes).meta({ description: 'Who may add members.' }),
    joinApproval: z.boolean().meta({ description: 'Admins decide on who joins.' }),
    ephemeralSeconds: z.int().meta({ description: 'Messages disappear after so long; 0: they stay.' }),
    communityId: z.string().nullable().meta({ description: 'The community it is a part of.' }),
    isCommunity: z.boolean(),
  })
  .meta({ id: 'Group' })
export type GroupWire = z.input<typeof groupSchema>

/** Why WhatsApp did not do to one person what was asked. */
export const participantRefusals = [
  'NOT_ALLOWED',
  'NOT_ON_WHATSAPP',
  'LEFT_RECENTLY',
  'ALREADY_MEMBER',
  'NOT_A_MEMBER',
  'GROUP_FULL',
  'REFUSED',
] as const
export type ParticipantRefusal = (typeof participantRefusals)[number]

const participantResult = z
  .object({
    id: z.string(),
    lid: z.string().nullable(),
    status: z.int().meta({ description: "WhatsApp's number: 200 when it was done." }),
    reason: z.enum(participantRefusals).nullable().meta({
      description:
        'Why not. `NOT_ALLOWED`: their privacy settings, or your rights, do not let you; with an `inviteCode` they can be invited.',
    }),
    inviteCode: z.string().nullable().meta({ description: 'An invitation that is theirs alone.' }),
    inviteExpiresAt: isoSchema.nullable(),
  })
  .meta({ id: 'ParticipantResult' })
export type ParticipantResultWire = z.input<typeof participantResult>

const results = z.object({ results: z.array(participantResult) })

const tag = 'Groups'
const ofSession = z.object({ sessionId: sessionRef })
const ofGroup = ofSession.extend({ groupId: groupAddress })
const asks = 'Asks WhatsApp.'
const perPerson = `${asks} \`participants\` or \`participantId\` must be given. \`results\` has WhatsApp's answer for each person.`
const readsOnce =
  'From the store, which WhatsApp keeps up to date; asks WhatsApp when it was not asked for a day, or never. What is stored is answered while the session is not connected.'

const always: readonly ErrorCode[] = ['SESSION_NOT_FOUND', 'SESSION_NOT_CONNECTED', 'WHATSAPP_ERROR']
const onGroup: readonly ErrorCode[] = [...always, 'GROUP_NOT_FOUND', 'NOT_IN_GROUP']
const forAdmins: readonly ErrorCode[] = [...onGroup, 'NOT_GROUP_ADMIN']

/** Both of the ways in which clients name people: a list, or one. */
const people = z.object({
  participants: list(personAddress, 1024).optional(),
  participantId: maybe(personAddress),
})

const listGroups = endpoint({
  id: 'listGroups',
  method: 'GET',
  path: '/api/groups/sessions/:sessionId',
  tag,
  summary: 'List or search the groups of a session',
  description: readsOnce,
  params: ofSession,
  query: z.object({ page, limit: limit(20), search: maybe(text(1, 100)), isActive: maybe(bool()) }),
  data: z.object({ groups: z.array(groupSchema), pagination: paginationSchema, total: z.int() }),
  errors: always,
})

const createGroup = endpoint({
  id: 'createGroup',
  method: 'POST',
  path: '/api/groups/sessions/:sessionId',
  tag,
  summary: 'Make a group',
  description: `${asks} \`results\` says who could not be added; the group is made without them.`,
  params: ofSession,
  body: z.object({
    subject: text(1, 100),
    description: maybe(text(1, 2048)),
    participants: list(personAddress, 1024).optional(),
    communityId: maybe(groupAddress).meta({ description: 'The community that it is to be a part of.' }),
  }),
  status: 201,
  data: z.object({ group: groupSchema, results: z.array(participantResult) }),
  errors: [...always, 'NOT_GROUP_ADMIN', 'NOT_IN_GROUP'],
})

const groupStats = endpoint({
  id: 'groupStats',
  method: 'GET',
  path: '/api/groups/sessions/:sessionId/stats',
  tag,
  summary: 'Count the groups of a session',
  description: readsOnce,
  params: ofSession,
  data: z.object({
    stats: z.object({
      total: z.int(),
      active: z.int(),
      admin: z.int().meta({ description: 'Active ones that the account is an admin of.' }),
      participants: z.int().meta({ description: 'Members of active groups, once per group.' }),
    }),
  }),
  errors: always,
})

const getGroup = endpoint({
  id: 'getGroup',
  method: 'GET',
  path: '/api/groups/sessions/:sessionId/groups/:groupId',
  tag,
  summary: 'Read a group with its participants',
  description: readsOnce,
  params: ofGroup,
  data: z.object({ group: groupSchema }),
  errors: onGroup,
})

const updateGroup = endpoint({
  id: 'updateGroup',
  method: 'PUT',
  path: '/api/groups/sessions/:sessionId/groups/:groupId',
  tag,
  summary: 'Change subject, description and settings of a group',
  description: `${asks} One request per field that is given and differs, the description last; the first that WhatsApp refuses ends it, and \`details.applied\` names those that were done. An empty description takes it away.`,
  params: ofGroup,
  body: z.object({
    subject: maybe(text(1, 100)),
    description: z.string().max(2048).nullable().optional(),
    announcement: maybe(bool()),
    locked: maybe(bool()),
    memberAddMode: maybe(z.enum(memberAddModes)),
    joinApproval: maybe(bool()),
    ephemeralSeconds: maybe(int(0, 31_536_000)).meta({
      description: 'WhatsApp knows 0 (off), 86400, 604800 and 7776000.',
    }),
  }),
  data: z.object({ group: groupSchema }),
  errors: forAdmins,
})

const readGroup = endpoint({
  id: 'readGroup',
  method: 'POST',
  path: '/api/groups/sessions/:sessionId/groups/:groupId/read',
  tag,
  summary: 'Mark the messages of a group as read',
  params: ofGroup,
  data: z.object({ markedCount: z.int() }),
  errors: ['SESSION_NOT_FOUND'],
})

/** One of the operations on members of a group. */
function onParticipants(id: string, method: 'POST' | 'DELETE', last: string, summary: string) {
  return endpoint({
    id,
    method,
    path: `/api/groups/sessions/:sessionId/groups/:groupId/${last}`,
    tag,
    summary,
    description: perPerson,
    params: ofGroup,
    body: people,
    data: results,
    errors: forAdmins,
  })
}

const addParticipants = endpoint({
  id: 'addParticipants',
  method: 'POST',
  path: '/api/groups/sessions/:sessionId/groups/:groupId/participants',
  tag,
  summary: 'Add people to a group',
  description: perPerson,
  params: ofGroup,
  body: people.extend({
    isAdmin: maybe(bool()).meta({ description: 'Makes those who were added admins too.' }),
  }),
  data: results,
  errors: forAdmins,
})
const removeParticipants = onParticipants(
  'removeParticipants',
  'DELETE',
  'participants',
  'Remove people from a group',
)
const promoteParticipants = onParticipants(
  'promoteParticipants',
  'POST',
  'promote',
  'Make members of a group admins',
)
const demoteParticipants = onParticipants(
  'demoteParticipants',
  'POST',
  'demote',
  'Make admins of a group plain members',
)

const leaveGroup = endpoint({
  id: 'leaveGroup',
  method: 'POST',
  path: '/api/groups/sessions/:sessionId/groups/:groupId/leave',
  tag,
  summary: 'Leave a group',
  description: asks,
  params: ofGroup,
  data: z.object({ groupId: z.string() }),
  errors: onGroup,
})

const invitation = z.object({ inviteCode: z.string(), inviteUrl: z.string().meta({ format: 'uri' }) })

const getInviteCode = endpoint({
  id: 'getInviteCode',
  method: 'POST',
  path: '/api/groups/sessions/:sessionId/groups/:groupId/invite-code',
  tag,
  summary: 'Read the invitation to a group',
  description: `${asks} Invitations of WhatsApp do not expire: \`expirationHours\` is accepted and ignored.`,
  params: ofGroup,
  body: z.object({ expirationHours: z.unknown().optional() }),
  data: invitation,
  errors: forAdmins,
})

const revokeInviteCode = endpoint({
  id: 'revokeInviteCode',
  method: 'DELETE',
  path: '/api/groups/sessions/:sessionId/groups/:groupId/invite-code',
  tag,
  summary: 'Replace the invitation to a group: the former one leads nowhere',
  description: asks,
  params: ofGroup,
  data: invitation,
  errors: forAdmins,
})

const getInvitedGroup = endpoint({
  id: 'getInvitedGroup',
  method: 'GET',
  path: '/api/groups/sessions/:sessionId/invites/:inviteCode',
  tag,
  summary: 'Read the group that an invitation leads to, without joining',
  description: asks,
  params: ofSession.extend({ inviteCode }),
  data: z.object({
    group: z.object({
      id: z.string(),
      subject: z.string(),
      description: z.string().nullable(),
      owner: z.string().nullable(),
      participantCount: z.int(),
      createdAt: isoSchema.nullable(),
      joinApproval: z.boolean(),
    }),
  }),
  errors: [...always, 'INVITE_NOT_VALID'],
})

const joinWithCode = endpoint({
  id: 'joinWithCode',
  method: 'POST',
  path: '/api/groups/join-with-code',
  tag,
  summary: 'Join a group by its invitation',
  description: `${asks} Without \`sessionId\` the only connected session joins; with several connected ones it must be given.`,
  body: z.object({ inviteCode, sessionId: maybe(sessionRef) }),
  data: z.object({
    groupId: z.string(),
    isPending: z.boolean().meta({ description: 'Admins of the group decide first.' }),
  }),
  errors: [...always, 'INVITE_NOT_VALID', 'ALREADY_IN_GROUP', 'GROUP_FULL', 'NOT_IN_GROUP'],
})

const listJoinRequests = endpoint({
  id: 'listJoinRequests',
  method: 'GET',
  path: '/api/groups/sessions/:sessionId/groups/:groupId/requests',
  tag,
  summary: 'List who asks to join a group',
  description: asks,
  params: ofGroup,
  data: z.object({
    requests: z.array(
      z.object({
        id: z.string(),
        lid: z.string().nullable(),
        method: z
          .string()
          .nullable()
          .meta({ description: 'How they ask: `invite_link`, `linked_group_join`, `non_admin_add`.' }),
        requestedAt: isoSchema.nullable(),
      }),
    ),
  }),
  errors: forAdmins,
})

const approveJoinRequests = onParticipants(
  'approveJoinRequests',
  'POST',
  'requests/approve',
  'Let people who asked join a group',
)
const rejectJoinRequests = onParticipants(
  'rejectJoinRequests',
  'POST',
  'requests/reject',
  'Refuse people who asked to join a group',
)

export const groupEndpoints = {
  listGroups,
  createGroup,
  groupStats,
  getGroup,
  updateGroup,
  readGroup,
  addParticipants,
  removeParticipants,
  promoteParticipants,
  demoteParticipants,
  leaveGroup,
  getInviteCode,
  revokeInviteCode,
  getInvitedGroup,
  joinWithCode,
  listJoinRequests,
  approveJoinRequests,
  rejectJoinRequests,
}
