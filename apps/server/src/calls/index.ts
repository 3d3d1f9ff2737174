import './tables.ts'

import {
  type CallRejecter,
  type CallStatus,
  type EventData,
  type EventType,
  HubError,
} from '@inbox-hub/contract'
import { type Jid, userOf } from '@inbox-hub/whatsapp'

import { type Chats, findContact, nameOf, showPeople } from '../chats/index.ts'
import type { Events, NewEvent } from '../events/index.ts'
import { eventId, type Messages } from '../messages/index.ts'
import type { Clock } from '../platform/clock.ts'
import { type Database, nextIntegers, type Tx } from '../platform/database/index.ts'
import type { Log } from '../platform/log.ts'
import type { CallSignal, PastCall } from '../sessions/baileys/index.ts'
import { askWhatsApp, type Sessions, type SessionView } from '../sessions/index.ts'
import {
  type CallRow,
  durationOf,
  findCall,
  insertCall,
  moveCallees,
  moveCalls,
  stateOf,
  stillRinging,
  withState,
  writeState,
} from './call-rows.ts'
import { afterMove, type CallMove } from './call-state.ts'
import {
  callSetting,
  type CallSettings,
  changeSettings,
  isRefused,
  readSettings,
  replyTo,
} from './settings.ts'

export { callRoutes } from './routes.ts'

/** Calls that are made to sessions, and those that their accounts make: kept as WhatsApp tells them, refused when asked or by rule. */
export interface Calls extends Disposable {
  /** Throws `CALL_NOT_FOUND`. */
  get(session: SessionView, callId: string): Promise<CallRow>
  /**
   * Refuses a call that rings, and writes `replyText` to whoever called. Throws `CALL_NOT_FOUND`, `CALL_NOT_RINGING`,
   * `SESSION_NOT_CONNECTED`, `WHATSAPP_ERROR`.
   */
  reject(session: SessionView, callId: string, replyText: string | undefined): Promise<CallRow>
  settings(session: SessionView): Promise<CallSettings>
  /** What is left out, or undefined, stays. */
  change(
    session: SessionView,
    changes: { readonly [Name in keyof CallSettings]?: CallSettings[Name] | undefined },
  ): Promise<CallSettings>
  /** Settles what an earlier process left ringing. Once, before sessions connect. */
  start(): Promise<void>
}

export interface CallsDeps {
  database: Database
  events: Pick<Events, 'append'>
  sessions: Pick<Sessions, 'linkWithin' | 'onAcquaintances' | 'view' | 'whilePurging'>
  chats: Pick<Chats, 'addresses' | 'hold' | 'whileRekeying'>
  messages: Pick<Messages, 'send'>
  clock: Clock
  log: Log
}

/** WhatsApp lets a call ring for less than a minute: after this the word that it ended was lost. */
const ringForMs = 120_000
/** An offer that took longer on its way is refused by nobody any more. */
const freshForMs = 60_000
const sweepBatch = 200

export function createCalls({ database, events, sessions, chats, messages, clock, log }: CallsDeps): Calls {
  let sweeping: Disposable | undefined

  sessions.onAcquaintances(async (tx, facts) => {
    const told: NewEvent[] = []
    for (const fact of facts) {
      if (fact.type === 'call') told.push(...(await keep(tx, fact.sessionId, fact.signal)))
      if (fact.type === 'past_call') told.push(...(await keepPast(tx, fact.sessionId, fact.call)))
    }
    await events.append(tx, told)
  })
  sessions.whilePurging(async (tx, sessionId) => {
    await tx.db.deleteFrom('call').where('session_id', '=', sessionId).execute()
    await tx.db.deleteFrom('setting').where('name', '=', callSetting(sessionId)).execute()
  })
  chats.whileRekeying(async (tx, { sessionId, from, to }) => {
    await moveCalls.run(tx, { sessionId, from, to })
    await moveCallees.run(tx, { sessionId, from, to })
  })

  // -- what WhatsApp tells

  async function keep(tx: Tx, sessionId: number, signal: CallSignal): Promise<readonly NewEvent[]> {
    const { callId } = signal
    await chats.hold(tx, [sessionId])
    const row = await findCall.first(tx, { sessionId, callId })
    if (row !== undefined) return move(tx, row, signal)
    const state = afterMove(undefined, signal)
    if (state === undefined) return []
    const address = { sessionId, jid: signal.creator.jid }
    const [seq = Number.NaN] = await nextIntegers(tx, 'call', 1)
    const made: CallRow = withState(
      {
        seq,
        session_id: sessionId,
        call_id: callId,
        creator: (await chats.addresses.canonical(tx, [address]))(sessionId, address.jid),
        creator_wire: signal.creator.jid,
        group_jid: signal.group ?? null,
        is_video: Number(signal.isVideo),
        is_group: Number(signal.isGroup),
        while_away: Number(signal.offline || signal.is !== 'offer'),
        status: state.status,
        rejected_by: null,
        started_at: signal.at,
        answered_at: null,
        ended_at: null,
        heard_at: clock.now(),
        outgoing: 0,
        callee: null,
      },
      state,
    )
    await insertCall.run(tx, [made])
    if (state.status !== 'ringing') return [await eventOf(tx, made, signal.at)]
    tx.afterCommit(() => {
      sweepIn(ringForMs)
      const isFresh = !signal.offline && clock.now() - signal.at < freshForMs
      if (isFresh) void refuseByRule(made)
    })
    return [await eventOf(tx, made, signal.at)]
  }

  /**
   * A call of the phone's list: one that the account made, or one from before the session was linked or while it was away. Nobody is told of
   * them; but that a call is over which was taken on the phone is heard here alone.
   */
  async function keepPast(tx: Tx, sessionId: number, call: PastCall): Promise<readonly NewEvent[]> {
    const { callId, creator, callee, outgoing, outcome, startedAt } = call
    await chats.hold(tx, [sessionId])
    const known = await findCall.first(tx, { sessionId, callId })
    if (known !== undefined) {
      if (known.status !== 'accepted' || outcome !== 'ended') return []
      const at = (known.answered_at ?? startedAt) + call.seconds * 1000
      return move(tx, known, { is: 'terminate', reason: undefined, at })
    }
    const [seq = Number.NaN] = await nextIntegers(tx, 'call', 1)
    const addresses = [creator, ...(callee === undefined ? [] : [callee])].map((jid) => ({ sessionId, jid }))
    const canonical = await chats.addresses.canonical(tx, addresses)
    await insertCall.run(tx, [
      {
        seq,
        session_id: sessionId,
        call_id: callId,
        creator: canonical(sessionId, creator),
        creator_wire: creator,
        group_jid: call.group ?? null,
        is_video: Number(call.isVideo),
        is_group: Number(call.group !== undefined),
        while_away: Number(!outgoing),
        status: outcome,
        rejected_by: outcome === 'rejected' && !outgoing ? 'phone' : null,
        started_at: startedAt,
        answered_at: outcome === 'ended' ? startedAt : null,
        ended_at: startedAt + call.seconds * 1000,
        heard_at: clock.now(),
        outgoing: Number(outgoing),
        callee: callee === undefined ? null : canonical(sessionId, callee),
      },
    ])
    return []
  }

  /** Moves a call on; answers what to tell, which is nothing when it did not move. */
  async function move(tx: Tx, row: CallRow, by: CallMove): Promise<readonly NewEvent[]> {
    const before = stateOf(row)
    const state = afterMove(before, by)
    if (state === undefined || state.status === before.status) return []
    if (!(await writeState(tx, row, state))) return []
    return [await eventOf(tx, withState(row, state), by.at)]
  }

  async function eventOf(tx: Tx, row: CallRow, at: number): Promise<NewEvent> {
    const { session_id: sessionId, call_id: callId } = row
    // A column that only canonical addresses are written to.
    const creator = { jid: row.creator as Jid, alt: undefined }
    const { id: from, lid: fromLid } = (await showPeople(tx, chats, sessionId, [creator]))(creator)
    const about = <Type extends EventType>(
      type: Type,
      data: Omit<
        EventData<Type>,
        'callId' | 'from' | 'fromLid' | 'isVideo' | 'isGroup' | 'groupId' | 'timestamp'
      >,
    ): NewEvent => ({
      sessionId,
      type,
      at,
      id: eventId(type, sessionId, callId),
      data: {
        callId,
        from,
        fromLid,
        isVideo: row.is_video === 1,
        isGroup: row.is_group === 1,
        groupId: row.group_jid,
        timestamp: at,
        ...data,
      },
    })
    switch (row.status) {
      case 'ringing':
        return about('call.received', { whileAway: row.while_away === 1 })
      case 'accepted':
        return about('call.accepted', {})
      case 'rejected':
        return about('call.rejected', { by: row.rejected_by ?? 'phone' })
      case 'missed':
        return about('call.missed', {})
      case 'ended':
        break
    }
    return about('call.ended', { durationSeconds: durationOf(row) ?? 0 })
  }

  // -- what never ends

  function sweepIn(ms: number): void {
    sweeping ??= clock.after(ms, () => {
      sweeping = undefined
      sweep().catch((error: unknown) => {
        log.warn({ error }, 'calls that ring for too long could not be settled; trying again')
        sweepIn(ringForMs)
      })
    })
  }

  async function sweep(): Promise<void> {
    const now = clock.now()
    const rows = await stillRinging.all(database, { heardBefore: now - ringForMs, limit: sweepBatch })
    if (rows.length > 0) {
      await database.write(async (tx) => {
        for (const row of rows) await events.append(tx, await move(tx, row, { is: 'silence', at: now }))
      })
    }
    const [next] = await stillRinging.all(database, { heardBefore: now, limit: 1 })
    if (next !== undefined) sweepIn(Math.max(1000, next.heard_at + ringForMs - now))
  }

  // -- refusing

  async function refuse(row: CallRow, by: Exclude<CallRejecter, 'phone'>): Promise<CallRow> {
    const { session_id: sessionId, call_id: id } = row
    // A column that only addresses are written to.
    const creator = row.creator_wire as Jid
    await askWhatsApp(
      sessions,
      sessionId,
      (link) => link.rejectCall({ id, creator }),
      (status) => (status === 404 ? 'CALL_NOT_RINGING' : undefined),
    )
    return database.write(async (tx) => {
      await chats.hold(tx, [sessionId])
      const current = (await findCall.first(tx, { sessionId, callId: id })) ?? row
      await events.append(tx, await move(tx, current, { is: 'refused', by, at: clock.now() }))
      return (await findCall.first(tx, { sessionId, callId: id })) ?? current
    })
  }

  async function refuseByRule(row: CallRow): Promise<void> {
    const session = sessions.view(row.session_id)
    if (session === undefined) return
    try {
      const settings = await readSettings(database, row.session_id)
      if (!isRefused(settings, { isGroup: row.is_group === 1 })) return
      await refuse(row, 'rule')
      if (settings.reply && row.is_group === 0) await reply(session, row, settings)
    } catch (error) {
      log.warn(
        { error, sessionId: row.session_id },
        'a call could not be refused, or its caller not written to',
      )
    }
  }

  /** Through the outbox, under an id that the call makes: a repeat of the call is not written to again. */
  async function reply(
    session: SessionView,
    row: CallRow,
    text: { replyText: string | null; language: CallSettings['language'] },
  ): Promise<void> {
    const { session_id: sessionId, call_id: callId } = row
    // A column that only canonical addresses are written to.
    const to = row.creator as Jid
    const contact = await findContact.first(database, { sessionId, jid: to })
    const shown = (await chats.addresses.shown(database, [{ sessionId, jid: to }]))(sessionId, to)
    const number = contact?.number ?? (shown.endsWith('@s.whatsapp.net') ? userOf(shown) : '')
    const name = contact === undefined ? number : nameOf(contact)
    const request = {
      to,
      content: { kind: 'text' as const, text: replyTo(text, { name, number }) },
      mentions: [],
      quotedId: undefined,
      idempotencyKey: `call:${callId}`,
    }
    const outcomes = await messages.send(session, [request], { language: text.language, signal: undefined })
    for (const outcome of outcomes) if ('error' in outcome) throw outcome.error
  }

  async function get({ id: sessionId }: SessionView, callId: string): Promise<CallRow> {
    const row = await findCall.first(database, { sessionId, callId })
    if (row === undefined) throw new HubError('CALL_NOT_FOUND')
    return row
  }

  return {
    get,
    async reject(session, callId, replyText) {
      const row = await get(session, callId)
      const notRinging = (status: CallStatus) => new HubError('CALL_NOT_RINGING', { status })
      if (row.status !== 'ringing') throw notRinging(row.status)
      const refused = await refuse(row, 'api')
      if (refused.rejected_by !== 'api') throw notRinging(refused.status)
      if (replyText !== undefined) {
        // The call is refused: an error would have the caller try again.
        await reply(session, row, { replyText, language: 'es' }).catch((error: unknown) =>
          log.warn({ error, sessionId: session.id }, 'whoever called was not written to'),
        )
      }
      return refused
    },
    settings: ({ id }) => readSettings(database, id),
    change: ({ id }, changes) => changeSettings(database, id, changes),
    start: sweep,
    [Symbol.dispose]: () => sweeping?.[Symbol.dispose](),
  }
}
