import {
  HubError,
  say,
  sendFailures,
  type MessageFailed,
  type NewsletterFailed,
  type StatusFailed,
  type SendFailureReason,
  type WaitReason,
} from '@inbox-hub/contract'
import { isDeedKind, isNewsletter, isStatus, type Jid } from '@inbox-hub/whatsapp'

import type { Chats } from '../../chats/index.ts'
import { Fenced } from '../../cluster/index.ts'
import type { Events, NewEvent } from '../../events/index.ts'
import type { Clock } from '../../platform/clock.ts'
import { type Database, StoreFault, type Tx } from '../../platform/database/index.ts'
import type { Log } from '../../platform/log.ts'
import type { Sealer } from '../../platform/secrets/index.ts'
import type { Link, OutboundContent } from '../../sessions/baileys/index.ts'
import type { Sessions } from '../../sessions/index.ts'
import { eventId } from '../event-ids.ts'
import { type MessageRow, moveStatus } from '../message-rows.ts'
import { progressEvent, type Receipts } from '../receipts.ts'
import { TallyChange } from '../tally.ts'
import type { Pacer } from '../pacing/pacers.ts'
import type { Media } from '../../media/index.ts'
import { LaneQueue } from './lane-queue.ts'
import {
  confirmSent,
  findProto,
  lastClosed,
  markSending,
  noteClosed,
  owedMessage,
  owedOutbound,
  type OwedRow,
  settledLately,
  stateLeftBehind,
  writeState,
} from './outbound-rows.ts'
import {
  after,
  backoffMs,
  coolDownMs,
  isSettled,
  nextTickAt,
  type OutboundEvent,
  type OutboundState,
} from './outbound-state.ts'
import { createUploads } from './uploads.ts'

/** One message on its way out. */
export interface Outgoing {
  readonly messageId: number
  /** Its place in its chat's line: its number, unless it came due long after it got that. */
  readonly place: number
  readonly sessionId: number
  readonly whatsappId: string
  /** Canonical. */
  chat: Jid
  state: OutboundState
  /** Whether the store knows that it may be on the wire. */
  marked: boolean
  /** Whether a receipt moved its status already, and told so. */
  proven?: boolean
  /** How often somebody asked for it again. */
  readonly retries: number
  /** What to send; read from the store when it comes from there. */
  content: OutboundContent | undefined
}

export type Settled = Extract<OutboundState, { at: 'acked' | 'failed' }>

export interface Outbox extends Receipts, AsyncDisposable {
  /** Unix ms that never jump, whatever becomes of the wall clock: what states of messages are told in. */
  now(): number
  /** Loads what an earlier process left on its way; answers the fingerprints of those asked for after `since`. */
  recover(since: number): Promise<readonly { sessionId: number; whatsappId: string; fingerprint: string }[]>
  /** Takes on a message that is owed by the store and that nobody here knows: its commit was not heard of. */
  adopt(sessionId: number, whatsappId: string): Promise<void>
  /** Whether a new message to the chat would be handed to the socket next: it may be stored as on the wire at once. */
  isOpen(sessionId: number, chat: Jid): boolean
  /** Takes on a message whose rows are committed; one that failed already is stored and told as such. */
  take(message: Outgoing): void
  /** Resolves when WhatsApp has the message or it failed, and that is stored; undefined when it is not by `maxMs`, or was before. */
  settled(sessionId: number, whatsappId: string, maxMs: number): Promise<Settled | undefined>
  /** Takes a message back if nothing of it was written yet. */
  cancel(sessionId: number, whatsappId: string): void
  /** The same for a caller who must know: false when it may be on the wire, or is settled. Resolves when that is stored. */
  takeBack(sessionId: number, whatsappId: string): Promise<boolean>
  /** What a message still waits for; undefined when it is on its way, or not here. */
  waiting(sessionId: number, whatsappId: string): Waiting | undefined
  /** An account's chat has another address from now on. */
  rename(sessionId: number, from: Jid, to: Jid): void
  /** The encoded message as it was sent, for retry receipts. */
  proto(sessionId: number, whatsappId: string): Promise<Uint8Array | undefined>
  /** Forgets a session that has ended for good. */
  forget(sessionId: number): void
  /** Messages not settled yet. */
  backlog(): number
}

/** Why a message has not gone out yet. */
export interface Waiting {
  for: WaitReason
  /** Its place among what the session still has to send, from 1. */
  position: number
  /** Unix ms; undefined when nobody can say. */
  expectedAt: number | undefined
}

export interface OutboxDeps {
  database: Database
  events: Pick<Events, 'append'>
  sessions: Pick<Sessions, 'link' | 'view' | 'onOnline'>
  chats: Pick<Chats, 'addresses'>
  media: Pick<Media, 'find' | 'open'>
  /** Seals what is kept of a session at rest. */
  sealerOf: (sessionId: number) => Promise<Sealer>
  clock: Clock
  log: Log
  /** What to send, from the message's row; undefined when it was deleted. */
  contentOf: (message: Outgoing) => Promise<OutboundContent | undefined>
  /** WhatsApp took what we do to another message, by the number of the deed's row. */
  deedDone: (tx: Tx, messageId: number) => Promise<void>
  /** How fast a session may send, if somebody limited it. */
  pacerOf: (sessionId: number) => Pacer | undefined
}

/** A hand-over to the socket that takes longer is stuck; the lane goes on without it. */
const relayWithinMs = 90_000
/** How often open messages are looked at: acks that do not come, messages that get too old, pauses that end. */
const tickMs = 1_000
/** Messages marked as on the wire in one transaction, when more wait. */
const markAhead = 64
const recoverPage = 500
/** From a message's settling to its caller's having the answer, when the process is busy. */
const answerWithinMs = 250
const closedSetting = 'outbound_closed_at'
/** How long closing waits for a message in the middle of being written. */
const closeWithinMs = 5_000
const storeRetryMs = 1_000
/** A paced session works off a long line slowly: its messages wait for their turn this long, and have `liveMs` from then on. */
const pacedLiveMs = 24 * 3_600_000

interface Lane {
  readonly sessionId: number
  readonly queue: LaneQueue<Jid, Outgoing>
  /** Handed to the socket and not answered yet, by WhatsApp id. */
  readonly inFlight: Map<string, Outgoing>
  link: Link | undefined
  acks: Disposable | undefined
  /** WhatsApp asked for quiet until then. */
  quietUntil: number
  quietTimes: number
  busy: boolean
  /** Ends the wait for the hand-over under way: a newer socket takes over. */
  abandon: (() => void) | undefined
  /** The last run of the lane, for closing. */
  pumping: Promise<void>
}

/**
 * Sends what is stored: per session one message at a time, first in, first out per chat. What happens to a message is decided by
 * `after`; this runner owns the lines, the acks, the clock and the rows. What it finds out is written in batches.
 */
export function createOutbox(deps: OutboxDeps): Outbox {
  const { database, events, sessions, chats, media, sealerOf, clock, log, contentOf, deedDone, pacerOf } =
    deps
  const clockOffset = clock.now() - clock.monotonic()
  const now = (): number => Math.round(clockOffset + clock.monotonic())
  const lanes = new Map<number, Lane>()
  /** Everything not settled in the store, by session and WhatsApp id. */
  const open = new Map<string, Outgoing>()
  const protos = new WeakMap<Outgoing, Uint8Array>()
  const waiters = new Map<Outgoing, Set<(state: Settled | undefined) => void>>()
  const unwritten = new Set<Outgoing>()
  /** Acks of messages that we had given up. */
  const lateAcks = new Set<string>()
  let writing: Promise<void> | undefined
  let ticker: Disposable | undefined
  let closing = false

  const keyOf = (sessionId: number, whatsappId: string): string => `${sessionId} ${whatsappId}`

  function laneOf(sessionId: number): Lane {
    const known = lanes.get(sessionId)
    if (known !== undefined) return known
    const lane: Lane = {
      sessionId,
      queue: new LaneQueue(dueAtOf),
      inFlight: new Map(),
      link: undefined,
      acks: undefined,
      quietUntil: 0,
      quietTimes: 0,
      busy: false,
      abandon: undefined,
      pumping: Promise.resolve(),
    }
    lanes.set(sessionId, lane)
    return lane
  }

  /** A message whose file is on its way to WhatsApp holds its chat, and no other. */
  const uploads = createUploads<Outgoing>({
    database,
    media,
    sessions,
    clock,
    log,
    onReady(message) {
      const lane = laneOf(message.sessionId)
      lane.queue.wake(now())
      pump(lane)
    },
    onFailed: (message, reason) =>
      apply(laneOf(message.sessionId), message, { type: 'cannot_be_sent', reason }),
  })

  function dueAtOf(message: Outgoing): number {
    if (uploads.holds(message)) return Infinity
    return 'dueAt' in message.state ? message.state.dueAt : 0
  }

  const online = sessions.onOnline(follow)

  /** A new socket carries at once what the old one left unanswered, in its order. */
  function follow(sessionId: number, link: Link): void {
    const lane = laneOf(sessionId)
    lane.acks?.[Symbol.dispose]()
    lane.link = link
    lane.acks = link.onAck(({ id, error }) => acked(lane, id, error))
    lane.abandon?.()
    const unanswered = Array.from(lane.inFlight.values())
    for (const message of unanswered) apply(lane, message, { type: 'link_lost' })
    uploads.resume(sessionId)
    lane.queue.wake(now())
    pump(lane)
  }

  function acked(lane: Lane, whatsappId: string, error: number | undefined): void {
    const message = open.get(keyOf(lane.sessionId, whatsappId))
    if (error === undefined) lane.quietTimes = 0
    if (message === undefined) {
      if (error === undefined) {
        lateAcks.add(keyOf(lane.sessionId, whatsappId))
        write()
      }
      return
    }
    if (error === 429) keepQuiet(lane)
    apply(lane, message, error === undefined ? { type: 'acked' } : { type: 'refused', error })
  }

  function keepQuiet(lane: Lane): void {
    lane.quietTimes += 1
    const pauseMs = coolDownMs(lane.quietTimes)
    lane.quietUntil = now() + pauseMs
    log.warn(
      { sessionId: lane.sessionId, retryAfterMs: pauseMs },
      'WhatsApp asks to send less; the session pauses',
    )
  }

  /** The one place where a message's state changes. */
  function apply(lane: Lane, message: Outgoing, event: OutboundEvent): void {
    const before = message.state
    message.state = after(before, event, now())
    if (message.state === before) return
    lane.inFlight.delete(message.whatsappId)
    lane.queue.remove(message)
    if (message.state.at === 'failed') {
      const { reason, ackError } = message.state.failure
      log.info(
        {
          sessionId: message.sessionId,
          dbId: message.messageId,
          reason,
          ...(ackError === undefined ? {} : { code: ackError }),
        },
        'a message was not sent',
      )
    } else if (!isSettled(message.state)) {
      message.marked = false
      lane.queue.add(message)
      pump(lane)
    }
    unwritten.add(message)
    write()
  }

  function pump(lane: Lane): void {
    if (lane.busy || closing) return
    lane.busy = true
    lane.pumping = relayAll(lane)
  }

  async function relayAll(lane: Lane): Promise<void> {
    try {
      for (let next = takeNext(lane); next !== undefined; next = takeNext(lane)) {
        await relay(lane, next.link, next.message)
      }
    } catch (error) {
      // The store did not take the mark: nothing was written to the wire. The next tick tries again.
      if (!(error instanceof StoreFault)) log.error({ error, sessionId: lane.sessionId }, 'a lane stopped')
    } finally {
      // In the same turn as the last look at the queue: who comes later finds the lane free.
      lane.busy = false
    }
  }

  function takeNext(lane: Lane): { link: Link; message: Outgoing } | undefined {
    const at = now()
    const link = sessions.link(lane.sessionId)
    if (link === undefined || link !== lane.link || closing || at < lane.quietUntil) return undefined
    const pacer = pacerOf(lane.sessionId)
    for (;;) {
      if (pacer !== undefined) {
        const first = lane.queue.peek(at)
        // The next tick looks again.
        if (first === undefined || pacer.mayGoAt(first.chat, at) > at) return undefined
      }
      const message = lane.queue.next(at)
      if (message === undefined) return undefined
      if (at < (lookAtOf(message) ?? Infinity)) {
        if (pacer !== undefined) {
          pacer.sent(message.chat, at)
          // Its time to live was not spent by waiting for the others.
          if (message.state.at === 'queued') message.state = { ...message.state, asked: at }
        }
        return { link, message }
      }
      // Too old by now: the tick that was to say so has not come yet.
      apply(lane, message, { type: 'tick' })
    }
  }

  /** When to look at the message again, if ever: one that waits in a paced session may wait longer. */
  function lookAtOf({ sessionId, state }: Outgoing): number | undefined {
    return state.at === 'queued' && pacerOf(sessionId) !== undefined
      ? state.asked + pacedLiveMs
      : nextTickAt(state)
  }

  async function relay(lane: Lane, link: Link, message: Outgoing): Promise<void> {
    if (!message.marked) {
      try {
        await markOnWire(message, lane)
      } catch (error) {
        if (!isSettled(message.state)) lane.queue.add(message)
        throw error
      }
    }
    // Taken back, or confirmed by a receipt, while the mark was being written.
    if (isSettled(message.state)) return
    message.state = after(message.state, { type: 'relay' }, now())
    lane.inFlight.set(message.whatsappId, message)
    let isEncoded = false
    try {
      message.content ??= await contentOf(message)
      if (message.content === undefined) {
        apply(lane, message, { type: 'cannot_be_sent', reason: 'CANCELLED' })
        return
      }
      // Found out only now of one that comes from the store.
      if (uploads.hold(message)) {
        apply(lane, message, { type: 'not_written', pauseMs: 0, counts: false })
        return
      }
      const { sessionId, whatsappId: id, content } = message
      const canonical = await chats.addresses.canonical(database, [{ sessionId, jid: message.chat }])
      const refreshDevices = message.state.at === 'sending' && message.state.refreshDevices
      const written = link.send(
        { id, to: canonical(sessionId, message.chat), content, refreshDevices },
        async (proto) => {
          protos.set(message, proto)
          isEncoded = true
        },
      )
      await handedOver(lane, written)
    } catch (error) {
      if (sessions.link(lane.sessionId) !== link) {
        // The connection went away: bytes may have left.
        apply(lane, message, { type: 'link_lost' })
        return
      }
      const attempts = message.state.at === 'sending' ? message.state.attempts : 1
      const event = eventOf(error, isEncoded, attempts)
      if (isRateLimit(error)) keepQuiet(lane)
      log.warn(
        { error, sessionId: message.sessionId, dbId: message.messageId },
        'a message could not be handed to WhatsApp',
      )
      apply(lane, message, event)
    }
  }

  /** Durable before the first byte. Cheaper for many: what stands next in line is marked with it. */
  async function markOnWire(message: Outgoing, lane: Lane): Promise<void> {
    // What a pacer holds back is not marked: until its turn it can be taken back.
    const ahead = pacerOf(lane.sessionId) === undefined ? [...lane.queue.ahead(markAhead)] : []
    const many = [message, ...ahead.filter(({ marked }) => !marked)]
    await database.write(async (tx) => {
      await markSending.runMany(
        tx,
        many.map(({ messageId, state }) => ({
          messageId,
          attempts: 'attempts' in state ? state.attempts + 1 : 0,
        })),
      )
    })
    for (const each of many) each.marked = true
  }

  /** Resolves or rejects as `written` does; rejects when that takes too long, resolves when a newer socket takes over. */
  function handedOver(lane: Lane, written: Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = clock.after(relayWithinMs, () =>
        reject(new Error(`The socket took no message within ${relayWithinMs} ms.`)),
      )
      lane.abandon = resolve
      written.then(resolve, reject).finally(() => {
        timer[Symbol.dispose]()
        if (lane.abandon === resolve) lane.abandon = undefined
      })
    })
  }

  function tick(): void {
    ticker = undefined
    const at = now()
    const all = Array.from(open.values())
    for (const message of all) {
      const lookAt = lookAtOf(message)
      if (lookAt !== undefined && at >= lookAt) apply(laneOf(message.sessionId), message, { type: 'tick' })
    }
    for (const lane of lanes.values()) {
      if (lane.queue.size === 0) continue
      uploads.resume(lane.sessionId)
      lane.queue.wake(at)
      pump(lane)
    }
    keepTicking()
  }

  function keepTicking(): void {
    if (ticker === undefined && open.size > 0 && !closing) ticker = clock.after(tickMs, tick)
  }

  function write(): void {
    if (writing !== undefined) return
    writing = writeAll().finally(() => {
      writing = undefined
      if (unwritten.size > 0 || lateAcks.size > 0) write()
    })
  }

  async function writeAll(): Promise<void> {
    while (unwritten.size > 0 || lateAcks.size > 0) {
      const changed = [...unwritten]
      const late = [...lateAcks]
      unwritten.clear()
      lateAcks.clear()
      try {
        await store(changed)
        for (const key of late) await believeLateAck(key)
      } catch (error) {
        if (error instanceof StoreFault) {
          // When closing, the next process finds them on the wire, and sends them again under the same ids.
          if (closing) return
          log.warn({ error, count: changed.length }, 'what became of sent messages cannot be stored yet')
          for (const message of changed) unwritten.add(message)
          for (const key of late) lateAcks.add(key)
          await new Promise<void>((resolve) => void clock.after(storeRetryMs, resolve))
        } else await storeEach(changed, error)
      }
    }
  }

  /** Something about one of them cannot be stored: the others must not wait for it. */
  async function storeEach(changed: readonly Outgoing[], cause: unknown): Promise<void> {
    for (const message of changed) {
      const { sessionId, messageId: dbId } = message
      try {
        if (changed.length === 1) throw cause
        await store([message])
      } catch (error) {
        if (error instanceof StoreFault) unwritten.add(message)
        else {
          log.error({ error, sessionId, dbId }, 'what became of a sent message cannot be stored')
          release(message, message.state)
        }
      }
    }
  }

  async function store(changed: readonly Outgoing[]): Promise<void> {
    const written = await Promise.all(
      changed.map(async (message) => {
        const proto = protos.get(message)
        const sealed = proto === undefined ? null : await seal(message, proto)
        return { message, state: message.state, proto: sealed }
      }),
    )
    const at = clock.now()
    await database.write(async (tx) => {
      const tally = new TallyChange()
      await writeState.runMany(
        tx,
        written.map(({ message, state, proto }) => ({
          messageId: message.messageId,
          state: state.at,
          attempts: 'attempts' in state ? state.attempts : 0,
          failure: state.at === 'failed' ? JSON.stringify(state.failure) : null,
          proto,
          settledAt: isSettled(state) ? at : null,
        })),
      )
      const told = await progress(tx, written, tally, at)
      await tally.write(tx)
      if (told.length > 0) await events.append(tx, told)
    })
    // A change of it since then is written by the next round.
    for (const { message, state } of written) if (message.state === state) release(message, state)
  }

  async function seal({ sessionId, whatsappId }: Outgoing, proto: Uint8Array): Promise<Uint8Array> {
    return (await sealerOf(sessionId)).seal(proto, sealContext(sessionId, whatsappId))
  }

  /** Nothing more happens to it here. */
  function release(message: Outgoing, state: OutboundState): void {
    if (!isSettled(state)) return
    uploads.forget(message)
    const key = keyOf(message.sessionId, message.whatsappId)
    if (open.get(key) === message) open.delete(key)
    for (const resolve of waiters.get(message) ?? []) resolve(state)
    waiters.delete(message)
  }

  /** Moves the statuses of messages that were settled; answers `message.sent` and `message.failed`, each once. */
  async function progress(
    tx: Tx,
    written: readonly { message: Outgoing; state: OutboundState }[],
    tally: TallyChange,
    at: number,
  ): Promise<readonly NewEvent[]> {
    const settled = written.filter(({ message, state }) => isSettled(state) && message.proven !== true)
    if (settled.length === 0) return []
    const shown = await chats.addresses.shown(
      tx,
      settled.map(({ message }) => ({ sessionId: message.sessionId, jid: message.chat })),
    )
    const told: (NewEvent | undefined)[] = await Promise.all(
      settled.map(async ({ message, state }) => {
        const { messageId: id, sessionId, whatsappId } = message
        const chatId = shown(sessionId, message.chat)
        if (state.at === 'failed') {
          const stored = await moveStatus.first(tx, { id, from: 'pending', to: 'failed' })
          if (stored === undefined) return undefined
          tally.move(stored, 'pending', 'failed')
          return failedEvent(message, chatId, state.failure.reason, at)
        }
        for (const from of ['pending', 'failed'] as const) {
          const stored = await moveStatus.first(tx, { id, from, to: 'sent' })
          if (stored === undefined) continue
          if (isDeedKind(stored.type)) {
            await deedDone(tx, id)
            return undefined
          }
          tally.move(stored, from, 'sent')
          return progressEvent({ id, session_id: sessionId, whatsapp_id: whatsappId }, 'sent', chatId, at, at)
        }
        return undefined // a receipt was faster
      }),
    )
    return told.filter((event) => event !== undefined)
  }

  /** WhatsApp took a message that we had given up. */
  async function believeLateAck(key: string): Promise<void> {
    const at = clock.now()
    const [session = '', whatsappId = ''] = key.split(' ')
    const sessionId = Number(session)
    await database.write(async (tx) => {
      const row = await tx.db
        .selectFrom('outbound')
        .innerJoin('message', 'message.id', 'outbound.message_id')
        .selectAll('message')
        .where('outbound.session_id', '=', sessionId)
        .where('outbound.whatsapp_id', '=', whatsappId)
        .where('outbound.state', '=', 'failed')
        .executeTakeFirst()
      if (row === undefined) return
      await confirmSent.run(tx, { messageId: row.id, now: at })
      const stored = await moveStatus.first(tx, { id: row.id, from: 'failed', to: 'sent' })
      if (stored === undefined) return
      if (isDeedKind(stored.type)) return deedDone(tx, row.id)
      const tally = new TallyChange()
      tally.move(stored, 'failed', 'sent')
      await tally.write(tx)
      // A column that only canonical addresses are written to.
      const chat = row.chat_jid as Jid
      const shown = await chats.addresses.shown(tx, [{ sessionId, jid: chat }])
      await events.append(tx, [progressEvent(row, 'sent', shown(sessionId, chat), at, at)])
    })
  }

  /** Takes on a message that stands in the store, whoever left it there. */
  function takeOver(row: OwedRow): void {
    const key = keyOf(row.session_id, row.whatsapp_id)
    if (open.has(key)) return
    const message: Outgoing = {
      messageId: row.message_id,
      place: row.place ?? row.message_id,
      sessionId: row.session_id,
      whatsappId: row.whatsapp_id,
      // A column that only canonical addresses are written to.
      chat: row.chat_jid as Jid,
      state: stateLeftBehind({ ...row, asked_at: turnOf(row) }, now()),
      marked: false,
      retries: row.retries,
      content: undefined,
    }
    admit(message)
  }

  /** When the time to live of a message began that an earlier process left: in a paced session with its turn, which may be now. */
  function turnOf({ session_id: sessionId, asked_at: asked }: OwedRow): number {
    const at = now()
    return pacerOf(sessionId) !== undefined && at < asked + pacedLiveMs ? Math.max(asked, at) : asked
  }

  function admit(message: Outgoing): void {
    open.set(keyOf(message.sessionId, message.whatsappId), message)
    if (isSettled(message.state)) {
      unwritten.add(message)
      write()
    } else {
      const lane = laneOf(message.sessionId)
      uploads.hold(message)
      lane.queue.add(message)
      pump(lane)
    }
    keepTicking()
  }

  function waiting(sessionId: number, whatsappId: string): Waiting | undefined {
    const message = open.get(keyOf(sessionId, whatsappId))
    const lane = lanes.get(sessionId)
    if (message?.state.at !== 'queued' || lane === undefined) return undefined
    const at = now()
    const position = lane.queue.positionOf(message)
    const { dueAt } = message.state
    const told = (reason: WaitReason, expectedAt: number | undefined): Waiting => ({
      for: reason,
      position,
      expectedAt,
    })
    const link = sessions.link(sessionId)
    if (link === undefined || link !== lane.link) return told('connection', undefined)
    if (uploads.holds(message)) return told('upload', undefined)
    if (at < lane.quietUntil) return told('quiet', Math.max(lane.quietUntil, dueAt))
    const pacer = pacerOf(sessionId)
    const first = pacer === undefined ? undefined : lane.queue.peek(at)
    if (pacer !== undefined && first !== undefined) {
      const firstAt = pacer.mayGoAt(first.chat, at)
      const expected = pacer.expectedAt(position, firstAt, at)
      if (expected === undefined || expected > at) return told('pacing', expected)
    }
    return told('queue', dueAt > at ? dueAt : undefined)
  }

  return {
    now,
    async recover(since) {
      const fingerprints: { sessionId: number; whatsappId: string; fingerprint: string }[] = []
      for (let from = 0; ;) {
        const rows = await owedOutbound.all(database, { after: from, limit: recoverPage })
        for (const row of rows) {
          takeOver(row)
          if (row.asked_at >= since) {
            fingerprints.push({
              sessionId: row.session_id,
              whatsappId: row.whatsapp_id,
              fingerprint: row.fingerprint,
            })
          }
        }
        const last = rows.at(-1)
        if (last === undefined || rows.length < recoverPage) break
        from = last.message_id
      }
      if (open.size > 0) log.info({ count: open.size }, 'messages on their way were taken over')
      // Settled in the last moments of a process that died: whether the answer still left, nobody can say.
      const settled = await settledLately.all(database, { since, among: recoverPage })
      const lastSign = Math.max(0, ...settled.map(({ settled_at }) => settled_at ?? 0))
      const closed = await lastClosed.first(database, { name: closedSetting })
      const diedAfter = closed !== undefined && Number(closed.value) >= lastSign ? Infinity : lastSign
      for (const row of settled) {
        if ((row.settled_at ?? 0) < diedAfter - answerWithinMs) continue
        fingerprints.push({
          sessionId: row.session_id,
          whatsappId: row.whatsapp_id,
          fingerprint: row.fingerprint,
        })
      }
      return fingerprints
    },
    async adopt(sessionId, whatsappId) {
      if (open.has(keyOf(sessionId, whatsappId))) return
      const row = await owedMessage.first(database, { sessionId, whatsappId })
      if (row !== undefined) takeOver(row)
    },
    isOpen(sessionId, chat) {
      const lane = lanes.get(sessionId)
      return (
        lane !== undefined &&
        lane.link !== undefined &&
        lane.link === sessions.link(sessionId) &&
        pacerOf(sessionId) === undefined &&
        now() >= lane.quietUntil &&
        !lane.queue.has(chat)
      )
    },
    take(message) {
      // A repeat of its call, faster than the call itself, may have adopted it.
      if (!open.has(keyOf(message.sessionId, message.whatsappId))) admit(message)
    },
    settled(sessionId, whatsappId, maxMs) {
      const message = open.get(keyOf(sessionId, whatsappId))
      if (message === undefined || maxMs <= 0) return Promise.resolve(undefined)
      if (pacerOf(sessionId) !== undefined) {
        // Nobody need be kept waiting for what is known not to come.
        const wait = waiting(sessionId, whatsappId)
        if (wait?.for === 'pacing' && (wait.expectedAt ?? Infinity) > now() + maxMs) {
          return Promise.resolve(undefined)
        }
      }
      return new Promise((resolve) => {
        const waiting = waiters.get(message) ?? new Set()
        waiters.set(message, waiting)
        const timer = clock.after(maxMs, () => done(undefined))
        function done(state: Settled | undefined): void {
          timer[Symbol.dispose]()
          waiting.delete(done)
          resolve(state)
        }
        waiting.add(done)
      })
    },
    cancel(sessionId, whatsappId) {
      const message = open.get(keyOf(sessionId, whatsappId))
      if (message !== undefined) apply(laneOf(sessionId), message, { type: 'cancel' })
    },
    async takeBack(sessionId, whatsappId) {
      const message = open.get(keyOf(sessionId, whatsappId))
      if (message === undefined || isSettled(message.state)) return false
      apply(laneOf(sessionId), message, { type: 'cancel' })
      if (!isSettled(message.state)) return false
      const stored = await new Promise<Settled | undefined>((resolve) => {
        const waiting = waiters.get(message) ?? new Set()
        waiters.set(message, waiting.add(resolve))
      })
      // Proof that it went out, or the end of its session, may have come before the failure was stored.
      return stored?.at === 'failed'
    },
    waiting,
    deedDone,
    rename(sessionId, from, to) {
      const lane = lanes.get(sessionId)
      if (lane === undefined) return
      lane.queue.rename(from, to)
      for (const message of lane.inFlight.values()) if (message.chat === from) message.chat = to
    },
    async confirm(tx: Tx, messages: readonly Pick<MessageRow, 'id' | 'session_id' | 'whatsapp_id'>[]) {
      await confirmSent.runMany(
        tx,
        messages.map(({ id }) => ({ messageId: id, now: clock.now() })),
      )
      tx.afterCommit(() => {
        for (const { session_id: sessionId, whatsapp_id: whatsappId } of messages) {
          const message = open.get(keyOf(sessionId, whatsappId))
          if (message === undefined) continue
          message.proven = true
          apply(laneOf(sessionId), message, { type: 'acked' })
        }
      })
    },
    async proto(sessionId, whatsappId) {
      const message = open.get(keyOf(sessionId, whatsappId))
      const known = message === undefined ? undefined : protos.get(message)
      if (known !== undefined) return known
      const row = await findProto.first(database, { sessionId, whatsappId })
      if (row?.proto === undefined || row.proto === null) return undefined
      return (await sealerOf(sessionId)).open(row.proto, sealContext(sessionId, whatsappId))
    },
    forget(sessionId) {
      for (const [key, message] of open) {
        if (message.sessionId !== sessionId) continue
        open.delete(key)
        unwritten.delete(message)
        uploads.forget(message)
        for (const resolve of waiters.get(message) ?? []) resolve(undefined)
      }
      lanes.get(sessionId)?.acks?.[Symbol.dispose]()
      lanes.delete(sessionId)
    },
    backlog: () => open.size,
    async [Symbol.asyncDispose]() {
      closing = true
      online[Symbol.dispose]()
      ticker?.[Symbol.dispose]()
      await uploads[Symbol.asyncDispose]()
      const pumps = [...lanes.values()].map((lane) => lane.pumping)
      await Promise.race([
        Promise.allSettled(pumps),
        new Promise<void>((resolve) => void clock.after(closeWithinMs, resolve)),
      ])
      for (const lane of lanes.values()) lane.acks?.[Symbol.dispose]()
      await writing
      try {
        await database.write((tx) => noteClosed.run(tx, { name: closedSetting, value: String(now()) }))
      } catch (error) {
        log.warn({ error }, 'the store does not know that sending ended in good order')
      }
    },
  }
}

const sealContext = (sessionId: number, whatsappId: string): string => `${sessionId}|outbound|${whatsappId}`

/**
 * What it means that the hand-over failed while the connection stands: everything before the bytes are written can fail (asking for devices
 * and keys, encrypting), the writing itself only with the connection.
 */
function eventOf(error: unknown, isEncoded: boolean, attempts: number): OutboundEvent {
  if (error instanceof StoreFault || error instanceof Fenced || error instanceof HubError) {
    // The store or the session went away: not this message's fault.
    return { type: 'not_written', pauseMs: 1_000, counts: false }
  }
  if (isRateLimit(error)) return { type: 'not_written', pauseMs: 0, counts: false }
  if (!isEncoded) return { type: 'cannot_be_sent', reason: 'NOT_SENDABLE' }
  return { type: 'not_written', pauseMs: backoffMs(attempts), counts: true }
}

/** WhatsApp's answer 429 to a query on the way; baileys puts the number of an error reply into `data` (WABinary/generic-utils.js). */
const isRateLimit = (error: unknown): boolean =>
  error instanceof Error && 'data' in error && error.data === 429

function failedEvent(
  { messageId, sessionId, whatsappId, retries }: Outgoing,
  chatId: Jid,
  reason: SendFailureReason,
  now: number,
): NewEvent<MessageFailed | NewsletterFailed | StatusFailed> {
  const error = say(sendFailures[reason].message, 'es')
  if (isStatus(chatId)) {
    return {
      sessionId,
      type: 'status.failed',
      at: now,
      id: eventId('status.failed', sessionId, messageId, whatsappId, retries),
      data: { statusId: whatsappId, dbId: messageId, timestamp: now, reason, error },
    }
  }
  if (isNewsletter(chatId)) {
    return {
      sessionId,
      type: 'newsletter.failed',
      at: now,
      id: eventId('newsletter.failed', sessionId, messageId, whatsappId, retries),
      data: { newsletterId: chatId, messageId: whatsappId, timestamp: now, reason, error },
    }
  }
  return {
    sessionId,
    type: 'message.failed',
    at: now,
    // It can fail again after somebody asked for it again.
    id: eventId('message.failed', sessionId, messageId, whatsappId, retries),
    data: {
      messageId: whatsappId,
      dbId: messageId,
      chatId,
      timestamp: now,
      status: 'failed',
      reason,
      error,
    },
  }
}
