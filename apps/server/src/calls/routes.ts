import { type CallWire, endpoints, isoOf, offsetOf, paginationOf } from '@inbox-hub/contract'
import { type Jid, withoutDevice } from '@inbox-hub/whatsapp'

import { type Chats, showPeople } from '../chats/index.ts'
import { ownAddress } from '../messages/index.ts'
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

  async function wires(session: SessionView, rows: readonly CallRow[]): Promise<CallWire[]> {
    const { id: sessionId, mePn, meLid } = session
    // Columns that only canonical addresses are written to. Who is called is ourselves when we did not call.
    const personOf = (jid: string) => ({ jid: jid as Jid, alt: undefined })
    const otherOf = (row: CallRow): string | null => (row.outgoing === 1 ? row.callee : row.creator)
    const others = rows.map(otherOf).filter((jid) => jid !== null)
    const show = await showPeople(database, chats, sessionId, others.map(personOf))
    const own = ownAddress({ pn: mePn, lid: meLid })
    const us = { id: own ?? null, lid: meLid === undefined ? null : withoutDevice(meLid) }
    return rows.map((row): CallWire => {
      const jid = otherOf(row)
      const other = jid === null ? { id: null, lid: null } : show(personOf(jid))
      const [from, to] = row.outgoing === 1 ? [us, other] : [other, us]
      return {
        callId: row.call_id,
        direction: row.outgoing === 1 ? 'outgoing' : 'incoming',
        from: from.id ?? row.creator,
        fromLid: from.lid,
        to: to.id,
        toLid: to.lid,
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
    const [call] = await wires(session, [row])
    if (call === undefined) throw new Error('one row makes one call')
    return { call }
  }

  http.serve(endpoints.listCalls, async ({ params, query, ownerId }) => {
    const session = find(ownerId, params.sessionId)
    const { id: sessionId } = session
    const { page, limit, status, direction, isVideo, isGroup, from, to, startDate, endDate } = query
    const asked = [from, to].flatMap((jid) => (jid === undefined ? [] : [{ sessionId, jid }]))
    const canonical = await chats.addresses.canonical(database, asked)
    const creator = from && canonical(sessionId, from)
    const callee = to && canonical(sessionId, to)
    const outgoing = direction && direction === 'outgoing'
    const { calls: rows, total } = await pageOfCalls(
      database,
      sessionId,
      { status, outgoing, isVideo, isGroup, creator, callee, startDate, endDate },
      { limit, offset: offsetOf(query) },
    )
    return {
      data: { calls: await wires(session, rows), pagination: paginationOf(total, page, limit), total },
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
