import { Readable } from 'node:stream'

import {
  endpoints,
  HubError,
  isoOf,
  mayAs,
  offsetOf,
  paginationOf,
  type Role,
  type WireAuditLog,
} from '@inbox-hub/contract'

import type { Http } from '../platform/http/index.ts'
import type { Entries, Entry, Wanted } from './entries.ts'
import type { Audit } from './index.ts'

export interface AuditRoutesDeps {
  audit: Audit
  organizations: {
    mine(userId: number): Promise<readonly { organization: { id: number }; role: Role }[]>
  }
}

const exportPage = 500

/** The audit log, for people: contract §10. */
export function auditRoutes(http: Pick<Http, 'serve'>, { audit, organizations }: AuditRoutesDeps): void {
  const { entries } = audit

  /** Who asks what they just did is shown it. */
  async function of(ownerId: number): Promise<{ ownerId: number }> {
    await audit.recorder.flushed()
    return { ownerId }
  }

  http.serve(endpoints.myAuditLogs, async ({ user: { userId }, query: { page, limit, ...period } }) => {
    await audit.recorder.flushed()
    return { data: await pageOf(entries, { userId, isOnce: true, ...period }, { page, limit }) }
  })

  http.serve(endpoints.listAuditLogs, async ({ ownerId, query: { page, limit, ...wanted } }) => {
    const own = await of(ownerId)
    return { data: await pageOf(entries, { ...wanted, ...own }, { page, limit }) }
  })

  http.serve(endpoints.searchAuditLogs, async ({ ownerId, query: { page, limit, q, ...period } }) => {
    const own = await of(ownerId)
    return { data: await pageOf(entries, { search: q, ...period, ...own }, { page, limit }) }
  })

  http.serve(endpoints.criticalAuditLogs, async ({ ownerId, query: { page, limit, ...period } }) => {
    const own = await of(ownerId)
    return { data: await pageOf(entries, { isCritical: true, ...period, ...own }, { page, limit }) }
  })

  http.serve(endpoints.recentAuditLogs, async ({ ownerId, query: { limit } }) => {
    const own = await of(ownerId)
    const { logs, total } = await pageOf(entries, own, { page: 1, limit })
    return { data: { logs, total } }
  })

  http.serve(endpoints.auditStats, async ({ ownerId, query }) => {
    const own = await of(ownerId)
    const { first, last, ...counts } = await entries.stats({ ...query, ...own })
    return {
      data: {
        stats: {
          ...counts,
          succeeded: counts.total - counts.failed,
          firstAt: first === null ? null : isoOf(first),
          lastAt: last === null ? null : isoOf(last),
        },
      },
    }
  })

  http.serve(endpoints.topAuditActions, async ({ ownerId, query: { limit, ...period } }) => {
    const own = await of(ownerId)
    const top = await entries.top({ ...period, ...own }, limit)
    const actions = top.map(({ last, ...counts }) => ({ ...counts, lastAt: isoOf(last) }))
    return { data: { actions, total: actions.length } }
  })

  http.serve(endpoints.exportAuditLogs, async ({ ownerId, query, signal }) => {
    const wanted = { ...query, ...(await of(ownerId)) }
    const until = await entries.latest()
    async function* lines(): AsyncGenerator<string> {
      for (let last = 0; !signal.aborted;) {
        const found = await entries.after(last, wanted, exportPage)
        const asked = found.filter(({ seq }) => seq <= until)
        if (asked.length > 0) yield asked.map((entry) => `${JSON.stringify(wire(entry))}\n`).join('')
        if (asked.length < exportPage) return
        last = asked.at(-1)?.seq ?? until
      }
    }
    return {
      raw: Readable.from(lines(), { objectMode: false }),
      type: 'application/x-ndjson; charset=utf-8',
      headers: { 'content-disposition': 'attachment; filename="audit.ndjson"' },
    }
  })

  http.serve(endpoints.getAuditLog, async ({ user: { userId }, params: { logId } }) => {
    const entry = await entries.one(logId)
    if (entry === undefined) throw new HubError('AUDIT_LOG_NOT_FOUND')
    const isOwn = entry.user_id === userId
    const mine = isOwn ? [] : await organizations.mine(userId)
    const administers = mine.some(
      ({ organization, role }) => organization.id === entry.owner_id && mayAs(role, 'admin'),
    )
    if (!isOwn && !administers) throw new HubError('AUDIT_LOG_NOT_FOUND')
    return { data: { log: wire(entry) } }
  })
}

async function pageOf(entries: Entries, wanted: Wanted, { page, limit }: { page: number; limit: number }) {
  const found = await entries.page(wanted, { offset: offsetOf({ page, limit }), limit })
  return {
    logs: found.entries.map(wire),
    pagination: paginationOf(found.total, page, limit),
    total: found.total,
  }
}

function wire(entry: Entry): WireAuditLog {
  return {
    id: entry.seq,
    timestamp: isoOf(entry.at),
    action: entry.action,
    outcome: entry.status < 400 ? 'success' : 'failure',
    status: entry.status,
    code: entry.code,
    userId: entry.user_id,
    username: entry.username,
    keyId: entry.key_id,
    organizationId: entry.owner_id === 0 ? null : entry.owner_id,
    sessionNumber: entry.session_id,
    session: entry.session,
    ip: entry.ip,
    requestId: entry.request_id,
    previousHash: entry.previous_hash,
    hash: entry.hash,
  }
}
