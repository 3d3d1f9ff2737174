import { z } from 'zod'

import { isoSchema, paginationSchema } from './answers.ts'
import { email } from './auth.ts'
import { endpoint } from './endpoint.ts'
import { int, limit, maybe, page, text } from './fields.ts'
import { madeKey, newKey } from './keys.ts'
import { roles } from './roles.ts'

const tag = 'Organizations'

const organizationSchema = z
  .object({
    id: z.int(),
    name: z.string(),
    description: z.string().nullable(),
    plan: z.string(),
    role: z.enum(roles).meta({ description: 'What you are in it.' }),
    createdAt: isoSchema,
    updatedAt: isoSchema,
  })
  .meta({ id: 'Organization' })

const memberSchema = z
  .object({
    id: z.int().meta({ description: 'Of the user: `memberId` in paths.' }),
    username: z.string(),
    email: z.string(),
    firstName: z.string().nullable(),
    lastName: z.string().nullable(),
    role: z.enum(roles),
    isActive: z.boolean(),
    joinedAt: isoSchema,
  })
  .meta({ id: 'Member' })

const role = z.preprocess(
  // As the first documents called it.
  (value) =>
    typeof value === 'string'
      ? value
          .trim()
          .toLowerCase()
          .replace(/^member$/, 'agent')
      : value,
  z.enum(roles),
)

const at = z.object({ organizationId: int(1, 2 ** 31 - 1) })
const ofMember = z.object({ organizationId: int(1, 2 ** 31 - 1), memberId: int(1, 2 ** 31 - 1) })
const user = { tag, auth: 'user' } as const
const foreign = ['ORGANIZATION_NOT_FOUND', 'AUTHORIZATION_FAILED'] as const

const createOrganization = endpoint({
  ...user,
  id: 'createOrganization',
  method: 'POST',
  path: '/api/organizations',
  summary: 'Make an organization, which you own',
  status: 201,
  body: z.object({ name: text(1, 200), description: maybe(text(1, 1000)), plan: maybe(text(1, 50)) }),
  data: z.object({ organization: organizationSchema }),
  errors: ['REGISTRATION_CLOSED'],
})

const myOrganizations = endpoint({
  ...user,
  id: 'myOrganizations',
  method: 'GET',
  path: '/api/organizations/my-organizations',
  summary: 'The organizations you are a member of',
  data: z.object({ organizations: z.array(organizationSchema), total: z.int() }),
})

const getOrganization = endpoint({
  ...user,
  id: 'getOrganization',
  method: 'GET',
  path: '/api/organizations/:organizationId',
  summary: 'One organization',
  params: at,
  data: z.object({ organization: organizationSchema }),
  errors: ['ORGANIZATION_NOT_FOUND'],
})

const updateOrganization = endpoint({
  ...user,
  id: 'updateOrganization',
  method: 'PUT',
  path: '/api/organizations/:organizationId',
  summary: 'Rename or describe an organization (admin)',
  params: at,
  body: z.object({ name: maybe(text(1, 200)), description: maybe(text(1, 1000)) }),
  data: z.object({ organization: organizationSchema }),
  errors: [...foreign],
})

const deleteOrganization = endpoint({
  ...user,
  id: 'deleteOrganization',
  method: 'DELETE',
  path: '/api/organizations/:organizationId',
  summary: 'Delete an organization that has no sessions; its API keys are revoked (owner)',
  params: at,
  data: z.object({ id: z.int(), deleted: z.literal(true) }),
  errors: [...foreign, 'ORGANIZATION_NOT_EMPTY'],
})

const organizationStats = endpoint({
  ...user,
  id: 'organizationStats',
  method: 'GET',
  path: '/api/organizations/:organizationId/stats',
  summary: 'How much there is of what',
  params: at,
  data: z.object({
    stats: z.object({
      members: z.int(),
      invitations: z.int(),
      sessions: z.int(),
      connectedSessions: z.int(),
      apiKeys: z.int(),
    }),
  }),
  errors: ['ORGANIZATION_NOT_FOUND'],
})

const listMembers = endpoint({
  ...user,
  id: 'listMembers',
  method: 'GET',
  path: '/api/organizations/:organizationId/members',
  summary: 'Who belongs to it',
  params: at,
  query: z.object({ page, limit: limit(50) }),
  data: z.object({
    members: z.array(memberSchema),
    pagination: paginationSchema,
    total: z.int(),
  }),
  errors: ['ORGANIZATION_NOT_FOUND'],
})

const inviteMember = endpoint({
  ...user,
  id: 'inviteMember',
  method: 'POST',
  path: '/api/organizations/:organizationId/members/invite',
  summary: 'Invite somebody by e-mail (admin)',
  description:
    'Good for 7 days and one account. With SMTP it is sent; the link is answered too, for you to hand over. Nobody can invite to more than they are.',
  status: 201,
  params: at,
  body: z.object({ email, role: role.default('agent') }),
  data: z.object({
    invitation: z.object({
      id: z.int(),
      email: z.string(),
      role: z.enum(roles),
      token: z.string(),
      link: z.string(),
      isSent: z.boolean(),
      expiresAt: isoSchema,
    }),
  }),
  errors: [...foreign],
})

const acceptInvitation = endpoint({
  ...user,
  id: 'acceptInvitation',
  method: 'POST',
  path: '/api/organizations/invitations/accept',
  summary: 'Join the organization that invited you',
  body: z.object({ token: text(1, 200) }),
  data: z.object({ organization: organizationSchema }),
  errors: ['INVITATION_NOT_FOUND'],
})

const setMemberRole = endpoint({
  ...user,
  id: 'setMemberRole',
  method: 'PUT',
  path: '/api/organizations/:organizationId/members/:memberId/role',
  summary: 'Change what a member may do (admin; of owners, owner)',
  params: ofMember,
  body: z.object({ role }),
  data: z.object({ member: memberSchema }),
  errors: [...foreign, 'MEMBER_NOT_FOUND', 'LAST_OWNER'],
})

const removeMember = endpoint({
  ...user,
  id: 'removeMember',
  method: 'DELETE',
  path: '/api/organizations/:organizationId/members/:memberId',
  summary: 'Take a member out (admin; of owners, owner), or leave',
  params: ofMember,
  data: z.object({ id: z.int(), removed: z.literal(true) }),
  errors: [...foreign, 'MEMBER_NOT_FOUND', 'LAST_OWNER'],
})

const makeResetLink = endpoint({
  ...user,
  id: 'makeResetLink',
  method: 'POST',
  path: '/api/organizations/:organizationId/members/:memberId/reset-link',
  summary:
    'A link with which a member sets a new password, to hand over (admin; of owners and admins, owner)',
  description:
    'For hubs without SMTP. Good once, for an hour. Only for members who belong to no other organization.',
  params: ofMember,
  data: z.object({ token: z.string(), link: z.string(), expiresAt: isoSchema }),
  errors: [...foreign, 'MEMBER_NOT_FOUND'],
})

const createOrganizationKey = endpoint({
  ...user,
  id: 'createOrganizationKey',
  method: 'POST',
  path: '/api/organizations/:organizationId/keys',
  summary: 'Make an API key for the organization (admin)',
  description:
    'The answer is the only place where the key itself is ever shown: only its hash is stored. With it come the operations of `/api/keys`.',
  params: at,
  body: newKey,
  data: madeKey,
  errors: [...foreign, 'SESSION_NOT_FOUND'],
})

export const organizationEndpoints = {
  createOrganization,
  myOrganizations,
  getOrganization,
  updateOrganization,
  deleteOrganization,
  organizationStats,
  listMembers,
  inviteMember,
  acceptInvitation,
  setMemberRole,
  removeMember,
  makeResetLink,
  createOrganizationKey,
}
