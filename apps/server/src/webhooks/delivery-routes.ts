import { endpoints, HubError, isoOf, issueText } from '@inbox-hub/contract'

import type { Clock } from '../platform/clock.ts'
import type { Http } from '../platform/http/index.ts'
import type { Sessions } from '../sessions/index.ts'
import type { LoggedDelivery } from './delivery-log.ts'
import { keysOf } from './endpoint.ts'
import type { Webhooks } from './index.ts'
import { presets } from './presets/index.ts'
import type { ReplayScope } from './replay.ts'
import { shownHeaders, shownUrl } from './shown.ts'
import type { LaneName } from './tables.ts'
import { deliveryWire, type Found } from './webhook-wire.ts'

export interface DeliveryRoutesDeps {
  webhooks: Pick<Webhooks, 'deliveries' | 'replay'>
  sessions: Pick<Sessions, 'find' | 'list' | 'view'>
  /** Throws `WEBHOOK_NOT_FOUND`. */
  find: (ownerId: number, webhookId: string) => Found
  clock: Clock
}

const keptDays = 30

/** The log of what webhooks were told, and telling it again. */
export function deliveryRoutes(http: Pick<Http, 'serve'>, deps: DeliveryRoutesDeps): void {
  const { webhooks, sessions, find, clock } = deps
  const nameOf = (id: number) => sessions.view(id)?.sessionId ?? String(id)
  const wire = (row: LoggedDelivery, found: Found) => deliveryWire(row, found.id, nameOf(row.session_id))

  const scopeOf = (found: Found): ReplayScope => ({
    endpoint: found.endpoint,
    sessionId: found.kind === 'organization' ? undefined : found.session.id,
  })

  function checkActive(found: Found): void {
    if (found.kind === 'organization' && found.stored.state.at === 'disabled')
      throw new HubError('WEBHOOK_DISABLED')
  }

  async function deliveryOf(found: Found, deliveryId: string): Promise<LoggedDelivery> {
    const place = placeOf(deliveryId)
    const row = place && (await webhooks.deliveries.get(scopeOf(found), place.seq, place.lane))
    if (row === undefined) throw new HubError('DELIVERY_NOT_FOUND')
    return row
  }

  http.serve(endpoints.listDeliveries, async ({ ownerId, params, query }) => {
    const found = find(ownerId, params.webhookId)
    const { sessionId, status, event, startDate, endDate, q, limit, cursor } = query
    const rows = await webhooks.deliveries.list(scopeOf(found), {
      status,
      event,
      sessionId: sessionId === undefined ? undefined : sessions.find(ownerId, sessionId, 'name_first').id,
      from: startDate,
      to: endDate,
      text: q,
      before: cursor === undefined ? undefined : placeOf(cursor),
      limit: limit + 1,
    })
    const page = rows.slice(0, limit).map((row) => wire(row, found))
    return { data: { deliveries: page, nextCursor: rows.length > limit ? (page.at(-1)?.id ?? null) : null } }
  })

  http.serve(endpoints.getDelivery, async ({ ownerId, params }) => {
    const found = find(ownerId, params.webhookId)
    const row = await deliveryOf(found, params.deliveryId)
    const attempts = await webhooks.deliveries.attempts(scopeOf(found), row.event_seq, row.lane)
    const { endpoint } = found
    const now = clock.now()
    const own = presets[row.preset].headers({
      id: row.id,
      eventType: row.event_type,
      sessionName: nameOf(row.session_id),
      body: Buffer.from(row.body),
      keys: keysOf(endpoint, now),
      now,
    })
    return {
      data: {
        ...wire(row, found),
        request: {
          method: 'POST' as const,
          url: shownUrl(endpoint),
          headers: shownHeaders(endpoint, own),
          body: row.body,
        },
        log: attempts.map((attempt) => ({
          at: isoOf(attempt.at),
          durationMs: attempt.took_ms,
          statusCode: attempt.status,
          error: attempt.error,
          responseType: attempt.answer_type,
          responseBody: attempt.answer,
        })),
      },
    }
  })

  http.serve(endpoints.replayDelivery, async ({ ownerId, params }) => {
    const found = find(ownerId, params.webhookId)
    checkActive(found)
    const { event_seq: seq, lane } = await deliveryOf(found, params.deliveryId)
    await webhooks.replay.one(scopeOf(found), seq, lane)
    return { data: wire(await deliveryOf(found, params.deliveryId), found) }
  })

  http.serve(endpoints.replayWebhook, async ({ ownerId, params, body, language }) => {
    const found = find(ownerId, params.webhookId)
    checkActive(found)
    const { failed, startDate: from, endDate: to, after } = body
    if (failed !== true && from === undefined)
      throw new HubError('VALIDATION_ERROR', { startDate: issueText('replay_what', language) })
    const keptFrom = webhooks.replay.keptFrom()
    if (from !== undefined && from < keptFrom) {
      throw new HubError(
        'REPLAY_EXPIRED',
        { startDate: isoOf(keptFrom) },
        { data: { keptFrom: isoOf(keptFrom), keptDays } },
      )
    }
    const range = { from, to, after }
    const { count, next } =
      failed === true || from === undefined
        ? await webhooks.replay.failed(scopeOf(found), range)
        : await webhooks.replay.range(scopeOf(found), { ...range, from }, sessionsOf(ownerId, found))
    return { data: { replayed: count, next: next ?? null } }
  })

  function sessionsOf(ownerId: number, found: Found): readonly number[] {
    if (found.kind !== 'organization') return [found.session.id]
    const own = sessions.list(ownerId).map(({ id }) => id)
    const { sessions: only } = found.endpoint
    return only === undefined ? own : own.filter((id) => only.has(id))
  }
}

/** The event and lane that the id of a delivery names. */
function placeOf(deliveryId: string): { seq: number; lane: LaneName } | undefined {
  const [, seq, lane] = /^(\d{1,15})-(main|statuses|acks)$/.exec(deliveryId) ?? []
  return seq === undefined ? undefined : { seq: Number(seq), lane: lane as LaneName } // one of the three in the pattern
}
