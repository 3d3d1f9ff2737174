import { endpoints, HubError, isoOf, offsetOf, paginationOf, type TemplateWire } from '@inbox-hub/contract'

import type { RequestedSends } from '../messages/index.ts'
import { holds, type Http } from '../platform/http/index.ts'
import type { Sessions } from '../sessions/index.ts'
import type { Templates } from './index.ts'
import { type TemplateRow, type WantedTemplates, writingOf } from './template-rows.ts'

export interface TemplateRoutesDeps {
  templates: Templates
  sessions: Pick<Sessions, 'find'>
  requested: Pick<RequestedSends, 'send'>
}

/** Messages written beforehand: contract §10. */
export function templateRoutes(
  http: Pick<Http, 'serve'>,
  { templates, sessions, requested }: TemplateRoutesDeps,
): void {
  /** Those of other organizations do not exist. */
  async function of(ownerId: number, templateId: number): Promise<TemplateRow> {
    const row = await templates.find(templateId)
    if (row?.owner_id !== ownerId) throw new HubError('TEMPLATE_NOT_FOUND')
    return row
  }

  async function pageOf(wanted: WantedTemplates, { page, limit }: { page: number; limit: number }) {
    const { rows, total } = await templates.list.page(wanted, { limit, offset: offsetOf({ page, limit }) })
    return {
      data: { templates: rows.map(wireOf), pagination: paginationOf(total, page, limit), total },
    }
  }

  http.serve(endpoints.listTemplates, async ({ ownerId, query }) => {
    return pageOf({ ...query, ownerId }, query)
  })

  http.serve(endpoints.listActiveTemplates, async ({ ownerId, query }) => {
    return pageOf({ ...query, ownerId, status: 'approved', isActive: true }, query)
  })

  http.serve(endpoints.listPendingTemplates, async ({ ownerId, query }) => {
    return pageOf({ ...query, ownerId, status: 'pending' }, query)
  })

  http.serve(endpoints.templateStats, async ({ ownerId }) => {
    const { mostUsed, ...stats } = await templates.list.stats(ownerId)
    const used = mostUsed.map(({ id, name, uses }) => ({ id, name, usageCount: uses }))
    return { data: { stats: { ...stats, mostUsed: used } } }
  })

  http.serve(endpoints.createTemplate, async ({ ownerId, grant: { userId }, body, language }) => {
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
  })

  http.serve(endpoints.getTemplate, async ({ ownerId, params }) => {
    const row = await of(ownerId, params.templateId)
    return { data: { template: wireOf(row) } }
  })

  http.serve(endpoints.updateTemplate, async ({ ownerId, grant, params, body, language }) => {
    const row = await of(ownerId, params.templateId)
    const mayApprove = holds(grant, 'templates:approve')
    const changed = await templates.update(row, body, { userId: grant.userId, language, mayApprove })
    return {
      data: { template: wireOf(changed) },
      message: 'template_saved',
    }
  })

  http.serve(endpoints.deleteTemplate, async ({ ownerId, params }) => {
    const row = await of(ownerId, params.templateId)
    await templates.remove(row)
    return {
      data: { id: row.id, deleted: true as const },
      message: 'template_deleted',
    }
  })

  http.serve(endpoints.approveTemplate, async ({ ownerId, grant, params, language }) => {
    const row = await of(ownerId, params.templateId)
    const decided = await templates.decide(row, { status: 'approved' }, { userId: grant.userId, language })
    return {
      data: { template: wireOf(decided) },
      message: 'template_approved',
    }
  })

  http.serve(endpoints.rejectTemplate, async ({ ownerId, grant, params, body, language }) => {
    const row = await of(ownerId, params.templateId)
    const reason = body.rejectionReason ?? body.reason
    const decided = await templates.decide(
      row,
      { status: 'rejected', reason },
      { userId: grant.userId, language },
    )
    return {
      data: { template: wireOf(decided) },
      message: 'template_rejected',
    }
  })

  http.serve(endpoints.useTemplate, async ({ ownerId, params, body, headers, language, baseUrl, signal }) => {
    const row = await of(ownerId, params.templateId)
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
