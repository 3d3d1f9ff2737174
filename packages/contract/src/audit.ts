import { z } from 'zod'

import { isoSchema, paginationSchema } from './answers.ts'
import { endpoint } from './endpoint.ts'
import { int, limit, maybe, moment, page, text } from './fields.ts'

const auditLogSchema = z
  .object({
    id: z.int().meta({ description: 'Its place in the chain, from 1, without holes.' }),
    timestamp: isoSchema,
    action: z.string().meta({ description: 'The id of the operation, as in the reference.' }),
    outcome: z.enum(['success', 'failure']),
    status: z.int().meta({ description: 'The HTTP status it was answered with.' }),
    code: z.string().nullable().meta({ description: 'Of the error.' }),
    userId: z.int().nullable(),
    username: z.string().nullable().meta({ description: 'As the user is called now.' }),
    keyId: z.string().nullable().meta({ description: 'The id of the API key, never the key.' }),
    organizationId: z.int().nullable(),
    sessionNumber: z.int().nullable(),
    session: z.string().nullable().meta({ description: 'As the request called it.' }),
    ip: z.string(),
    requestId: z.string(),
    previousHash: z.string(),
    hash: z.string(),
  })
  .meta({ id: 'AuditLog' })
export type WireAuditLog = z.input<typeof auditLogSchema>

const user = { tag: 'Audit', auth: 'user', method: 'GET' } as const
const at = z.object({ organizationId: int(1, 2 ** 31 - 1) })
const foreign = ['ORGANIZATION_NOT_FOUND', 'AUTHORIZATION_FAILED'] as const
const between = {
  startDate: maybe(moment('start_of_day')),
  endDate: maybe(moment('end_of_day')),
}
const logs = z.object({
  logs: z.array(auditLogSchema).meta({ description: 'Newest first.' }),
  pagination: paginationSchema,
  total: z.int(),
})

const myAuditLogs = endpoint({
  ...user,
  id: 'myAuditLogs',
  path: '/api/audit/my-logs',
  summary: 'What you did yourself, wherever it was, logins too, and those that failed at your account',
  query: z.object({ page, limit: limit(50), ...between }),
  data: logs,
})

const listAuditLogs = endpoint({
  ...user,
  id: 'listAuditLogs',
  path: '/api/audit/organizations/:organizationId',
  summary: 'What was done in an organization (admin)',
  params: at,
  query: z.object({
    page,
    limit: limit(50),
    ...between,
    action: maybe(text(1, 100)),
    userId: maybe(int(1, 2 ** 31 - 1)),
  }),
  data: logs,
  errors: [...foreign],
})

const searchAuditLogs = endpoint({
  ...user,
  id: 'searchAuditLogs',
  path: '/api/audit/organizations/:organizationId/search',
  summary: 'Search what was done (admin)',
  params: at,
  query: z.object({
    q: text(1, 200).meta({
      description:
        'Part of an action, an error code, a user name, a key id, a session, an address or a request id.',
    }),
    page,
    limit: limit(50),
    ...between,
  }),
  data: logs,
  errors: [...foreign],
})

const criticalAuditLogs = endpoint({
  ...user,
  id: 'criticalAuditLogs',
  path: '/api/audit/organizations/:organizationId/critical',
  summary: 'What matters most: keys, members, passwords, deletions, and what was refused (admin)',
  params: at,
  query: z.object({ page, limit: limit(50), ...between }),
  data: logs,
  errors: [...foreign],
})

const recentAuditLogs = endpoint({
  ...user,
  id: 'recentAuditLogs',
  path: '/api/audit/organizations/:organizationId/recent',
  summary: 'The newest entries (admin)',
  params: at,
  query: z.object({ limit: limit(20) }),
  data: z.object({ logs: z.array(auditLogSchema), total: z.int() }),
  errors: [...foreign],
})

const auditStats = endpoint({
  ...user,
  id: 'auditStats',
  path: '/api/audit/organizations/:organizationId/stats',
  summary: 'How much was done, and by how many (admin)',
  params: at,
  query: z.object(between),
  data: z.object({
    stats: z.object({
      total: z.int(),
      succeeded: z.int(),
      failed: z.int(),
      critical: z.int(),
      users: z.int(),
      keys: z.int(),
      firstAt: isoSchema.nullable(),
      lastAt: isoSchema.nullable(),
    }),
  }),
  errors: [...foreign],
})

const topAuditActions = endpoint({
  ...user,
  id: 'topAuditActions',
  path: '/api/audit/organizations/:organizationId/top-actions',
  summary: 'What was done most (admin)',
  params: at,
  query: z.object({ limit: limit(10), ...between }),
  data: z.object({
    actions: z.array(z.object({ action: z.string(), count: z.int(), failed: z.int(), lastAt: isoSchema })),
    total: z.int(),
  }),
  errors: [...foreign],
})

const exportAuditLogs = endpoint({
  ...user,
  id: 'exportAuditLogs',
  path: '/api/audit/organizations/:organizationId/export',
  summary: 'Everything that was done, one entry per line (admin)',
  params: at,
  query: z.object(between),
  json: false,
  alternatives: [
    {
      type: 'application/x-ndjson',
      description: 'An entry per line, oldest first, up to the moment of asking',
    },
  ],
  errors: [...foreign],
})

const getAuditLog = endpoint({
  ...user,
  id: 'getAuditLog',
  path: '/api/audit/:logId',
  summary: 'One entry: your own, or of an organization you administer',
  params: z.object({ logId: int(1, Number.MAX_SAFE_INTEGER) }),
  data: z.object({ log: auditLogSchema }),
  errors: ['AUDIT_LOG_NOT_FOUND'],
})

export const auditEndpoints = {
  myAuditLogs,
  listAuditLogs,
  searchAuditLogs,
  criticalAuditLogs,
  recentAuditLogs,
  auditStats,
  topAuditActions,
  exportAuditLogs,
  getAuditLog,
}
