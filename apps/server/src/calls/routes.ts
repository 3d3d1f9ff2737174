import { type CallWire, endpoints, isoOf, offsetOf, paginationOf } from '@inbox-hub/contract'
import type { Jid } from '@inbox-hub/whatsapp'

import { type Chats, showPeople } from '../chats/index.ts'
import type { Database } from '../platform/database/index.ts'
import type { Http } from '../platform/http/index.ts'
import type { Sessions, SessionView } from '../sessions/index.ts'
import { type CallRow, durationOf, pageOfCalls } from './call-rows.ts'
import type { Calls } from './index.ts'

export interface CallRoutesDeps {
  database: Database
  sessions: Pick<Sessions, 'find'>
  chats: Pick<Chats, 'addresses'>
  calls: Calls
}

/** Calls: the list and the settings from the store, refusing through WhatsApp. */
export function callRoutes(
  http: Pick<Http, 'serve'>,
  { database, sessions, chats, calls }: CallRoutesDeps,
): void {
  const find = (ownerId: number, ref: string): SessionView => sessions.find(ownerId, ref, 'name_first')

  async function wires(sessionId: number, rows: readonly CallRow[]): Promise<CallWire[]> {
    // A column that only canonical addresses are written to.
    const creatorOf = (row: CallRow) => ({ jid: row.creator as Jid, alt: undefined })
    const show = await showPeople(database, chats, sessionId, rows.map(creatorOf))
    return rows.map((row): CallWire => {
      const { id: from, lid: fromLid } = show(creatorOf(row))
      return {
        callId: row.call_id,
        direction: 'incoming',
        from,
        fromLid,
        isVideo: row.is_video === 1,
        isGroup: row.is_group === 1,
        groupId: row.group_jid,
        status: row.status,
        rejectedBy: row.rejected_by,
        whileAway: row.while_away === 1,
        startedAt: isoOf(row.started_at),
        answeredAt: row.answered_at === null ? null : isoOf(row.answered_at),
        endedAt: row.ended_at === null ? null : isoOf(row.ended_at),
        durationSeconds: durationOf(row),
      }
    })
  }

  async function wire(session: SessionView, row: CallRow): Promise<{ call: CallWire }> {
    const [call] = await wires(session.id, [row])
    if (call === undefined) throw new Error('one row makes one call')
    return { call }
  }

  http.serve(endpoints.listCalls, async ({ params, query, ownerId }) => {
    const { id: sessionId } = find(ownerId, params.sessionId)
    const { page, limit, status, isVideo, isGroup, from, startDate, endDate } = query
    const creator =
      from === undefined
        ? undefined
        : (await chats.addresses.canonical(database, [{ sessionId, jid: from }]))(sessionId, from)
    const { calls: rows, total } = await pageOfCalls(
      database,
      sessionId,
      { status, isVideo, isGroup, creator, startDate, endDate },
      { limit, offset: offsetOf(query) },
    )
    return {
      data: { calls: await wires(sessionId, rows), pagination: paginationOf(total, page, limit), total },
    }
  })

  http.serve(endpoints.getCall, async ({ params, ownerId }) => {
    const session = find(ownerId, params.sessionId)
    return { data: await wire(session, await calls.get(session, params.callId)) }
  })

  http.serve(endpoints.rejectCall, async ({ params, body, ownerId }) => {
    const session = find(ownerId, params.sessionId)
    const row = await calls.reject(session, params.callId, body.replyText)
    return { data: await wire(session, row), message: 'call_rejected' }
  })

  http.serve(endpoints.getCallSettings, async ({ params, ownerId }) => ({
    data: { settings: await calls.settings(find(ownerId, params.sessionId)) },
  }))

  http.serve(endpoints.setCallSettings, async ({ params, body, ownerId }) => ({
    data: { settings: await calls.change(find(ownerId, params.sessionId), body) },
    message: 'call_settings_saved',
  }))
}
