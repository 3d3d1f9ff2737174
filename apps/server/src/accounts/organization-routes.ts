import {
  type DataOf,
  endpoints,
  HubError,
  isoOf,
  mayAs,
  offsetOf,
  paginationOf,
  type RequestOf,
} from '@inbox-hub/contract'

import type { Database, Tx } from '../platform/database/index.ts'
import type { Http } from '../platform/http/index.ts'
import type { Accounts } from './user-accounts.ts'
import { firstOrganization, type Member, type Membership, type Organizations } from './organizations.ts'

export interface OrganizationRoutesDeps {
  database: Database
  accounts: Accounts
  organizations: Organizations
  isOpen: boolean
  /** How many sessions an organization has, and how many of them are connected. */
  sessionsOf: (organizationId: number) => { all: number; connected: number }
  keysOf: (organizationId: number) => Promise<number>
  createKey: (
    organizationId: number,
    key: RequestOf<typeof endpoints.createOrganizationKey>['body'],
  ) => Promise<DataOf<typeof endpoints.createOrganizationKey>>
  /** Revokes what opens the organization and drops what is its alone, in the transaction that ends it. */
  forget: (tx: Tx, organizationId: number) => Promise<void>
}

/** Organizations and their members: contract §10. */
export function organizationRoutes(http: Pick<Http, 'serve'>, deps: OrganizationRoutesDeps): void {
  const { database, accounts, organizations, isOpen, sessionsOf, keysOf, createKey, forget } = deps

  http.serve(endpoints.createOrganization, async ({ user: { userId }, body }) => {
    if (!isOpen && !(await organizations.isAdminOfFirst(userId))) throw new HubError('REGISTRATION_CLOSED')
    const { name, description = null, plan = 'free' } = body
    const made = await database.write((tx) => organizations.found(tx, { name, description, plan }, userId))
    return {
      data: { organization: organizationWire({ organization: made, role: 'owner' }) },
      audit: { organizationId: made.id },
    }
  })

  http.serve(endpoints.myOrganizations, async ({ user: { userId } }) => {
    const mine = await organizations.mine(userId)
    return { data: { organizations: mine.map(organizationWire), total: mine.length } }
  })

  http.serve(endpoints.getOrganization, async ({ user: { userId }, params }) => ({
    data: { organization: organizationWire(await organizations.membership(userId, params.organizationId)) },
  }))

  http.serve(endpoints.updateOrganization, async ({ user: { userId }, params: { organizationId }, body }) => {
    await organizations.update(organizationId, body)
    return {
      data: { organization: organizationWire(await organizations.membership(userId, organizationId)) },
    }
  })

  http.serve(endpoints.deleteOrganization, async ({ params: { organizationId } }) => {
    if (organizationId === firstOrganization || sessionsOf(organizationId).all > 0)
      throw new HubError('ORGANIZATION_NOT_EMPTY')
    await database.write(async (tx) => {
      await organizations.remove(tx, organizationId)
      await forget(tx, organizationId)
    })
    return { data: { id: organizationId, deleted: true as const } }
  })

  http.serve(endpoints.organizationStats, async ({ params: { organizationId } }) => {
    const { all, connected } = sessionsOf(organizationId)
    const [members, invitations, apiKeys] = await Promise.all([
      organizations.members(organizationId),
      organizations.openInvitations(organizationId),
      keysOf(organizationId),
    ])
    return {
      data: {
        stats: { members: members.length, invitations, sessions: all, connectedSessions: connected, apiKeys },
      },
    }
  })

  http.serve(endpoints.listMembers, async ({ params: { organizationId }, query }) => {
    const members = await organizations.members(organizationId)
    const start = offsetOf(query)
    return {
      data: {
        members: members.slice(start, start + query.limit).map(memberWire),
        pagination: paginationOf(members.length, query.page, query.limit),
        total: members.length,
      },
    }
  })

  http.serve(endpoints.inviteMember, async ({ user: { userId }, params: { organizationId }, body }) => {
    const { organization, role } = await organizations.membership(userId, organizationId)
    if (!mayAs(role, body.role)) throw new HubError('AUTHORIZATION_FAILED')
    const made = await organizations.invite(organization, userId, body)
    const { id, email, token, link, isSent, expires_at: expiresAt } = made
    return {
      data: { invitation: { id, email, role: made.role, token, link, isSent, expiresAt: isoOf(expiresAt) } },
    }
  })

  http.serve(endpoints.acceptInvitation, async ({ user: { userId }, body: { token } }) => {
    const joined = await database.write((tx) => organizations.accept(tx, token, { id: userId }))
    return {
      data: { organization: organizationWire(await organizations.membership(userId, joined)) },
      audit: { organizationId: joined },
    }
  })

  http.serve(endpoints.setMemberRole, async ({ user: { userId }, params, body: { role } }) => {
    const by = await organizations.membership(userId, params.organizationId)
    return { data: { member: memberWire(await organizations.setRole(by, params.memberId, role)) } }
  })

  http.serve(endpoints.removeMember, async ({ user: { userId }, params }) => {
    const by = await organizations.membership(userId, params.organizationId)
    await organizations.removeMember({ ...by, userId }, params.memberId)
    return { data: { id: params.memberId, removed: true as const } }
  })

  http.serve(endpoints.createOrganizationKey, async ({ params: { organizationId }, body }) => ({
    data: await createKey(organizationId, body),
  }))

  http.serve(endpoints.makeResetLink, async ({ user: { userId }, params: { organizationId, memberId } }) => {
    const { role } = await organizations.membership(userId, organizationId)
    const member = (await organizations.members(organizationId)).find(({ user_id: id }) => id === memberId)
    if (member === undefined) throw new HubError('MEMBER_NOT_FOUND')
    // Whoever sets the password has the account: with all that it may do, here and in other organizations.
    const isAbove = role === 'owner' || !mayAs(member.role, 'admin')
    const others = (await organizations.mine(memberId)).length > 1
    if (!isAbove || others) throw new HubError('AUTHORIZATION_FAILED')
    const { token, link, expiresAt } = await accounts.makeResetLink(memberId)
    return { data: { token, link, expiresAt: isoOf(expiresAt) } }
  })
}

function organizationWire({ organization, role }: Membership) {
  const { id, name, description, plan, created_at: createdAt, updated_at: updatedAt } = organization
  return { id, name, description, plan, role, createdAt: isoOf(createdAt), updatedAt: isoOf(updatedAt) }
}

function memberWire({ user, role, created_at: joinedAt }: Member) {
  const { id, username, email, first_name: firstName, last_name: lastName, is_active: isActive } = user
  return {
    id,
    username,
    email,
    firstName,
    lastName,
    role,
    isActive: isActive === 1,
    joinedAt: isoOf(joinedAt),
  }
}
