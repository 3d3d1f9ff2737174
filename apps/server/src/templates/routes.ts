import {
  endpoints,
  HubError,
  isoOf,
  mayAs,
  offsetOf,
  paginationOf,
  type Role,
  type TemplateWire,
} from '@inbox-hub/contract'

import type { RequestedSends } from '../messages/index.ts'
import type { Http } from '../platform/http/index.ts'
import type { Sessions } from '../sessions/index.ts'
import type { Templates } from './index.ts'
import { type TemplateRow, type WantedTemplates, writingOf } from './template-rows.ts'

export interface TemplateRoutesDeps {
  templates: Templates
  organizations: {
    /** @throws {HubError} ORGANIZATION_NOT_FOUND, AUTHORIZATION_FAILED when the member is less than `needed` */
    as(userId: number, organizationId: number, needed: Role): Promise<{ role: Role }>
  }
  sessions: Pick<Sessions, 'find'>
  requested: Pick<RequestedSends, 'send'>
}

/** Messages written beforehand: contract §10. */
export function templateRoutes(
  http: Pick<Http, 'serve'>,
  { templates, organizations, sessions, requested }: TemplateRoutesDeps,
): void {
  /** A template of an organization of the caller's, and what the caller is there. */
  async function of(
    userId: number,
    templateId: number,
    needed: Role,
  ): Promise<{ row: TemplateRow; role: Role }> {
    const row = await templates.find(templateId)
    if (row === undefined) throw new HubError('TEMPLATE_NOT_FOUND')
    try {
      const { role } = await organizations.as(userId, row.owner_id, needed)
      return { row, role }
    } catch (error) {
      // Those of others do not exist.
      if (error instanceof HubError && error.code === 'ORGANIZATION_NOT_FOUND')
        throw new HubError('TEMPLATE_NOT_FOUND', {}, { cause: error })
      throw error
    }
  }

  async function pageOf(wanted: WantedTemplates, { page, limit }: { page: number; limit: number }) {
    const { rows, total } = await templates.list.page(wanted, { limit, offset: offsetOf({ page, limit }) })
    return {
      data: { templates: rows.map(wireOf), pagination: paginationOf(total, page, limit), total },
    }
  }

  http.serve(endpoints.listTemplates, async ({ user, params: { organizationId: ownerId }, query }) => {
    await organizations.as(user.userId, ownerId, 'viewer')
    return pageOf({ ...query, ownerId }, query)
  })

  http.serve(endpoints.listActiveTemplates, async ({ user, params, query }) => {
    const { organizationId: ownerId } = params
    await organizations.as(user.userId, ownerId, 'viewer')
    return pageOf({ ...query, ownerId, status: 'approved', isActive: true }, query)
  })

  http.serve(endpoints.listPendingTemplates, async ({ user, params, query }) => {
    const { organizationId: ownerId } = params
    await organizations.as(user.userId, ownerId, 'admin')
    return pageOf({ ...query, ownerId, status: 'pending' }, query)
  })

  http.serve(endpoints.templateStats, async ({ user, params: { organizationId: ownerId } }) => {
    await organizations.as(user.userId, ownerId, 'viewer')
    const { mostUsed, ...stats } = await templates.list.stats(ownerId)
    const used = mostUsed.map(({ id, name, uses }) => ({ id, name, usageCount: uses }))
    return { data: { stats: { ...stats, mostUsed: used } } }
  })

  http.serve(
    endpoints.createTemplate,
    async ({ user: { userId }, params: { organizationId: ownerId }, body, language }) => {
      await organizations.as(userId, ownerId, 'agent')
      const row = await templates.create(
        ownerId,
        {
          name: body.name,
          content: body.content,
          category: body.category ?? null,
          variables: body.variables ?? [],
          attachments: body.attachments ?? [],
          interactiveElements: body.interactiveElements ?? [],
          isActive: body.isActive ?? true,
          status: body.status ?? 'pending',
        },
        { userId, language },
      )
      return { data: { template: wireOf(row) }, message: 'template_saved' }
    },
  )

  http.serve(endpoints.getTemplate, async ({ user, params }) => {
    const { row } = await of(user.userId, params.templateId, 'viewer')
    return { data: { template: wireOf(row) } }
  })

  http.serve(endpoints.updateTemplate, async ({ user: { userId }, params, body, language }) => {
    const { row, role } = await of(userId, params.templateId, 'agent')
    const mayApprove = mayAs(role, 'admin')
    const changed = await templates.update(row, body, { userId, language, mayApprove })
    return {
      data: { template: wireOf(changed) },
      message: 'template_saved',
      audit: { organizationId: row.owner_id },
    }
  })

  http.serve(endpoints.deleteTemplate, async ({ user, params }) => {
    const { row } = await of(user.userId, params.templateId, 'admin')
    await templates.remove(row)
    return {
      data: { id: row.id, deleted: true as const },
      message: 'template_deleted',
      audit: { organizationId: row.owner_id },
    }
  })

  http.serve(endpoints.approveTemplate, async ({ user: { userId }, params, language }) => {
    const { row } = await of(userId, params.templateId, 'admin')
    const decided = await templates.decide(row, { status: 'approved' }, { userId, language })
    return {
      data: { template: wireOf(decided) },
      message: 'template_approved',
      audit: { organizationId: row.owner_id },
    }
  })

  http.serve(endpoints.rejectTemplate, async ({ user: { userId }, params, body, language }) => {
    const { row } = await of(userId, params.templateId, 'admin')
    const reason = body.rejectionReason ?? body.reason
    const decided = await templates.decide(row, { status: 'rejected', reason }, { userId, language })
    return {
      data: { template: wireOf(decided) },
      message: 'template_rejected',
      audit: { organizationId: row.owner_id },
    }
  })

  http.serve(endpoints.useTemplate, async ({ user, params, body, headers, language, baseUrl, signal }) => {
    const { row } = await of(user.userId, params.templateId, 'agent')
    const { variables = {}, to, sessionId = '' } = body
    const session = to === undefined ? undefined : sessions.find(row.owner_id, sessionId, 'name_first')
    const { text: rendered, content: message } = await templates.use(row, variables, language)
    const used = { templateId: row.id, content: row.content, rendered }
    if (session === undefined) return { data: used }
    const idempotencyKey = headers['idempotency-key'] ?? body.clientId
    const sent = await requested.send(
      session,
      { to, message, sendAt: body.sendAt, idempotencyKey },
      { language, baseUrl, signal, upload: undefined },
    )
    return { ...sent, data: { ...sent.data, ...used } }
  })
}

function wireOf(row: TemplateRow): TemplateWire {
  return {
    id: row.id,
    organizationId: row.owner_id,
    name: row.name,
    category: row.category,
    ...writingOf(row),
    body: row.content,
    status: row.status,
    isApproved: row.status === 'approved',
    isActive: row.is_active === 1,
    rejectionReason: row.rejection_reason,
    decidedBy: row.decided_by,
    decidedAt: row.decided_at === null ? null : isoOf(row.decided_at),
    usageCount: row.uses,
    lastUsedAt: row.last_used_at === null ? null : isoOf(row.last_used_at),
    createdBy: row.created_by,
    createdAt: isoOf(row.created_at),
    updatedAt: isoOf(row.updated_at),
  }
}
