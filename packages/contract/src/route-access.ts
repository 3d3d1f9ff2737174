import type { Endpoint } from './endpoint.ts'
import type { endpoints } from './endpoints.ts'
import { mayAs, type Role, roles } from './roles.ts'
import type { Scope } from './scopes.ts'

/*
 * Who may ask what: the scope an operation takes of an API key, and the role it takes of a person. What no rule speaks of is not served:
 * both functions throw, and the server asks them before it listens.
 */

type OperationId = keyof typeof endpoints

/** What reading and what changing takes, by where an operation stands; the longest beginning decides. */
const scopeByPath: Readonly<Record<string, { read: Scope; write: Scope }>> = {
  '/api/sessions': { read: 'sessions:read', write: 'sessions:write' },
  '/api/messages': { read: 'messages:read', write: 'messages:send' },
  '/api/search': { read: 'messages:read', write: 'messages:read' },
  '/api/contacts': { read: 'contacts:read', write: 'contacts:write' },
  '/api/chats': { read: 'chats:read', write: 'chats:write' },
  '/api/labels': { read: 'chats:read', write: 'chats:write' },
  '/api/quick-replies': { read: 'chats:read', write: 'chats:write' },
  '/api/groups': { read: 'groups:read', write: 'groups:write' },
  '/api/communities': { read: 'groups:read', write: 'groups:write' },
  '/api/status': { read: 'statuses:read', write: 'statuses:write' },
  '/api/channels': { read: 'statuses:read', write: 'statuses:write' },
  '/api/newsletters': { read: 'statuses:read', write: 'statuses:write' },
  '/api/shops': { read: 'contacts:read', write: 'contacts:write' },
  '/api/calls': { read: 'calls:read', write: 'calls:write' },
  '/api/media': { read: 'media:read', write: 'media:write' },
  '/api/templates': { read: 'templates:read', write: 'templates:write' },
  '/api/webhooks': { read: 'webhooks:read', write: 'webhooks:write' },
  '/api/events': { read: 'events:read', write: 'events:read' },
  '/api/privacy': { read: 'privacy', write: 'privacy' },
  '/api/keys': { read: 'admin', write: 'admin' },
}

/** Operations that take another scope than their neighbours. */
const scopeByOperation: Readonly<Partial<Record<OperationId, Scope>>> = {
  // Whoever has a code has the account.
  getQr: 'sessions:pair',
  requestPairingCode: 'sessions:pair',
  listPendingTemplates: 'templates:approve',
  approveTemplate: 'templates:approve',
  rejectTemplate: 'templates:approve',
  deleteTemplate: 'templates:approve',
  useTemplate: 'messages:send',
}

/** The scope an operation takes. Throws for one that no rule speaks of: what is new is closed until somebody says otherwise. */
export function scopeOf({ id, method, path }: Pick<Endpoint, 'id' | 'method' | 'path'>): Scope {
  if (Object.hasOwn(scopeByOperation, id)) {
    // A name that is in the table is one of its names.
    const scope = scopeByOperation[id as keyof typeof scopeByOperation]
    if (scope !== undefined) return scope
  }
  const [, api, area] = path.split('/')
  const rule = scopeByPath[`/${api}/${area}`]
  if (rule === undefined) throw new Error(`No scope is said for ${method} ${path}: add it to scopes.ts.`)
  return method === 'GET' ? rule.read : rule.write
}

/** The scopes, as API keys have them, that a role has beside those of the roles after it. */
const added = {
  owner: [],
  admin: [
    'sessions:write',
    'sessions:pair',
    'templates:approve',
    'webhooks:read',
    'webhooks:write',
    'privacy',
    'admin',
  ],
  agent: [
    'messages:send',
    'contacts:write',
    'chats:write',
    'groups:write',
    'statuses:write',
    'calls:write',
    'media:write',
    'templates:write',
  ],
  viewer: [
    'sessions:read',
    'messages:read',
    'contacts:read',
    'chats:read',
    'groups:read',
    'statuses:read',
    'calls:read',
    'media:read',
    'templates:read',
    'events:read',
  ],
} as const satisfies Record<Role, readonly Scope[]>

const scopesByRole = Object.fromEntries(
  roles.map((role) => [role, new Set(roles.flatMap((each) => (mayAs(role, each) ? added[each] : [])))]),
)

/** What somebody in that role may do wherever an API key works. */
export function scopesOfRole(role: Role): ReadonlySet<Scope> {
  // Made of `roles`, so every role is in it.
  return scopesByRole[role] as ReadonlySet<Scope>
}

/** Operations for people alone: the least role in the organization that the path names, or that they are about the person. */
const ofPeople: Readonly<Partial<Record<OperationId, Role | 'self'>>> = {
  getProfile: 'self',
  updateProfile: 'self',
  changePassword: 'self',
  logout: 'self',
  beginTotp: 'self',
  confirmTotp: 'self',
  removeTotp: 'self',
  createOrganization: 'self',
  myOrganizations: 'self',
  acceptInvitation: 'self',
  myAuditLogs: 'self',
  // Of what one did oneself, or in an organization one administers: known when it is found.
  getAuditLog: 'self',
  getOrganization: 'viewer',
  updateOrganization: 'admin',
  deleteOrganization: 'owner',
  organizationStats: 'viewer',
  listMembers: 'viewer',
  inviteMember: 'admin',
  setMemberRole: 'admin',
  // Whoever wants to leave may.
  removeMember: 'viewer',
  makeResetLink: 'admin',
  createOrganizationKey: 'admin',
  listAuditLogs: 'admin',
  searchAuditLogs: 'admin',
  criticalAuditLogs: 'admin',
  recentAuditLogs: 'admin',
  auditStats: 'admin',
  topAuditActions: 'admin',
  exportAuditLogs: 'admin',
}

/**
 * The least role that an operation takes; `self`: none, it is about whoever asks. Throws for one of which nothing is said: what is new is
 * closed until somebody says otherwise.
 */
export function roleOf(endpoint: Pick<Endpoint, 'id' | 'method' | 'path' | 'auth'>): Role | 'self' {
  if (endpoint.auth === 'user') {
    const said = Object.entries(ofPeople).find(([id]) => id === endpoint.id)?.[1]
    if (said === undefined) throw new Error(`No role is said for ${endpoint.id}: add it to roles.ts.`)
    return said
  }
  const scope = scopeOf(endpoint)
  const least = roles.findLast((role) => scopesOfRole(role).has(scope))
  if (least === undefined) throw new Error(`No role has the scope ${scope}: add it to roles.ts.`)
  return least
}
