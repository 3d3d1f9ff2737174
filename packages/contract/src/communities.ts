import { z } from 'zod'

import { paginationSchema } from './answers.ts'
import { endpoint } from './endpoint.ts'
import type { ErrorCode } from './errors/index.ts'
import { groupAddress, limit, list, maybe, page, sessionRef, text } from './fields.ts'
import { groupSchema } from './groups.ts'

const tag = 'Communities'
const base = '/api/communities/sessions/:sessionId'
const asks = 'Asks WhatsApp.'
const ofSession = z.object({ sessionId: sessionRef })
const ofCommunity = ofSession.extend({ communityId: groupAddress })

const always: readonly ErrorCode[] = ['SESSION_NOT_FOUND', 'SESSION_NOT_CONNECTED', 'WHATSAPP_ERROR']
const onOne: readonly ErrorCode[] = [...always, 'GROUP_NOT_FOUND', 'NOT_IN_GROUP', 'NOT_A_COMMUNITY']
const forAdmins: readonly ErrorCode[] = [...onOne, 'NOT_GROUP_ADMIN']

const subGroup = z.object({
  id: z.string(),
  subject: z.string(),
  participantCount: z.int().nullable(),
  isAnnouncement: z.boolean().meta({ description: 'The one in which admins write to all.' }),
})

const listCommunities = endpoint({
  id: 'listCommunities',
  method: 'GET',
  path: base,
  tag,
  summary: 'List or search the communities of a session',
  description: 'From the store, as the list of groups.',
  params: ofSession,
  query: z.object({ page, limit: limit(20), search: maybe(text(1, 100)) }),
  data: z.object({ communities: z.array(groupSchema), pagination: paginationSchema, total: z.int() }),
  errors: always,
})

const createCommunity = endpoint({
  id: 'createCommunity',
  method: 'POST',
  path: base,
  tag,
  summary: 'Make a community',
  description: `${asks} WhatsApp makes a group for announcements with it.`,
  params: ofSession,
  body: z.object({ subject: text(1, 100), description: maybe(text(1, 2048)) }),
  status: 201,
  data: z.object({ community: groupSchema, groups: z.array(subGroup) }),
  errors: always,
})

const getCommunity = endpoint({
  id: 'getCommunity',
  method: 'GET',
  path: `${base}/communities/:communityId`,
  tag,
  summary: 'Read a community with its groups',
  description: asks,
  params: ofCommunity,
  data: z.object({ community: groupSchema, groups: z.array(subGroup) }),
  errors: onOne,
})

const listCommunityMembers = endpoint({
  id: 'listCommunityMembers',
  method: 'GET',
  path: `${base}/communities/:communityId/members`,
  tag,
  summary: 'List the members of all groups of a community',
  description: asks,
  params: ofCommunity,
  data: z.object({
    members: z.array(z.object({ id: z.string(), lid: z.string().nullable() })),
    total: z.int(),
  }),
  errors: onOne,
})

const linkGroups = endpoint({
  id: 'linkGroups',
  method: 'POST',
  path: `${base}/communities/:communityId/groups`,
  tag,
  summary: 'Make groups a part of a community',
  description: `${asks} \`results\` has WhatsApp's answer for each group.`,
  params: ofCommunity,
  body: z.object({ groupIds: list(groupAddress, 100) }),
  data: z.object({
    results: z.array(
      z.object({
        id: z.string(),
        status: z.int().meta({ description: "WhatsApp's number: 200 when it was done." }),
      }),
    ),
  }),
  errors: forAdmins,
})

const unlinkGroup = endpoint({
  id: 'unlinkGroup',
  method: 'DELETE',
  path: `${base}/communities/:communityId/groups/:groupId`,
  tag,
  summary: 'Take a group out of a community',
  description: asks,
  params: ofCommunity.extend({ groupId: groupAddress }),
  data: z.object({ groupId: z.string(), unlinked: z.literal(true) }),
  errors: forAdmins,
})

const endCommunity = endpoint({
  id: 'endCommunity',
  method: 'DELETE',
  path: `${base}/communities/:communityId`,
  tag,
  summary: 'End a community; its groups stay',
  description: `${asks} The group for announcements ends with it.`,
  params: ofCommunity,
  data: z.object({ communityId: z.string(), ended: z.literal(true) }),
  errors: forAdmins,
})

export const communityEndpoints = {
  listCommunities,
  createCommunity,
  getCommunity,
  listCommunityMembers,
  linkGroups,
  unlinkGroup,
  endCommunity,
}
