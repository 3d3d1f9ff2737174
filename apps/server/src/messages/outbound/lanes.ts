import type { Jid } from '@inbox-hub/whatsapp'

import type { Chats } from '../../chats/index.ts'
import type { Media } from '../../media/index.ts'
import type { Clock } from '../../platform/clock.ts'
import { type Database, StoreFault } from '../../platform/database/index.ts'
import type { Log } from '../../platform/log.ts'
import type { Link, OutboundContent } from '../../sessions/baileys/index.ts'
import type { Sessions } from '../../sessions/index.ts'
import type { Pacer } from '../pacing/pacers.ts'
import { eventOf, isRateLimit } from './hand-over-failure.ts'
import { LaneQueue } from './lane-queue.ts'
import { markSending } from './outbound-rows.ts'
import { after, coolDownMs, isSettled, type OutboundEvent } from './outbound-state.ts'
import type { Outcomes } from './outcomes.ts'
import type { OpenMessages, Outgoing } from './outgoing.ts'
import type { Protos } from './protos.ts'
import { lookAtOf } from './time-to-live.ts'
import { createUploads } from './uploads.ts'

/** The lines in which messages go out, one per session. */
export interface Lanes extends AsyncDisposable {
  /** Takes a message into its lane; one that is settled already is only stored. */
  admit(message: Outgoing): void
  /** Something happened to a message. */
  apply(message: Outgoing, event: OutboundEvent): void
  /** The session's lane, when it has one already. */
  find(sessionId: number): Lane | undefined
  /** Whether the message waits for its file. */
  isUploading(message: Outgoing): boolean
  /** The message's file need not be brought any more. */
  dropUpload(message: Outgoing): void
  /** Forgets a session that has ended for good. */
  forget(sessionId: number): void
}

export interface LanesDeps {
  database: Database
  sessions: Pick<Sessions, 'link' | 'view' | 'onOnline'>
  chats: Pick<Chats, 'addresses'>
  media: Pick<Media, 'find' | 'open'>
  clock: Clock
  log: Log
  open: OpenMessages
  outcomes: Outcomes
  protos: Protos
  /** Unix ms. */
  now: () => number
  /** What to send, from the message's row; undefined when it was deleted. */
  contentOf: (message: Outgoing) => Promise<OutboundContent | undefined>
  /** How fast a session may send, if somebody limited it. */
  pacerOf: (sessionId: number) => Pacer | undefined
  /** Aborts when the process stops sending; before the lanes are disposed. */
  closing: AbortSignal
}

/** A hand-over to the socket that takes longer is stuck; the lane goes on without it. */
const relayWithinMs = 90_000
/** How often open messages are looked at: acks that do not come, messages that get too old, pauses that end. */
const tickMs = 1_000
/** Messages marked as on the wire in one transaction, when more wait. */
const markAhead = 64
/** How long closing waits for a message in the middle of being written. */
const closeWithinMs = 5_000

export interface Lane {
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
 * Per session one message at a time, first in, first out per chat; a new socket carries on where the old one stopped. What happens to a
 * message is decided by `after`.
 */
export function createLanes(deps: LanesDeps): Lanes {
  const {
    database,
    sessions,
    chats,
    media,
    clock,
    log,
    open,
    outcomes,
    protos,
    now,
    contentOf,
    pacerOf,
    closing,
  } = deps
  const lanes = new Map<number, Lane>()
  let ticker: Disposable | undefined

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
    // What may be on the wire already begins nothing.
    if (message.state.at === 'queued' && message.state.attempts === 0) {
      const newChats = pacerOf(message.sessionId)?.newChats
      if (newChats?.isUnknown(message.chat) === true) {
        void newChats.learn(message.chat).then(() => {
          // The store could not say; the next tick asks again.
          if (newChats.isUnknown(message.chat)) return
          const lane = laneOf(message.sessionId)
          lane.queue.wake(now())
          pump(lane)
        })
        return Infinity
      }
      const mayOpenAt = newChats?.mayOpenAt(message.chat, now())
      if (mayOpenAt !== undefined) return Math.max(mayOpenAt, message.state.dueAt)
    }
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
    const message = open.get(lane.sessionId, whatsappId)
    if (error === undefined) lane.quietTimes = 0
    if (message === undefined) {
      if (error === undefined) outcomes.noteLateAck(lane.sessionId, whatsappId)
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
    outcomes.note(message)
  }

  function pump(lane: Lane): void {
    if (lane.busy || closing.aborted) return
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
    if (link === undefined || link !== lane.link || closing.aborted || at < lane.quietUntil) return undefined
    const pacer = pacerOf(lane.sessionId)
    for (;;) {
      if (pacer !== undefined) {
        const first = lane.queue.peek(at)
        // The next tick looks again.
        if (first === undefined || pacer.mayGoAt(first.chat, at) > at) return undefined
      }
      const message = lane.queue.next(at)
      if (message === undefined) return undefined
      if (at < (lookAtOf(message.state, pacer !== undefined) ?? Infinity)) {
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
          protos.keep(message, proto)
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
    for (const message of open.all()) {
      const lookAt = lookAtOf(message.state, pacerOf(message.sessionId) !== undefined)
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
    if (ticker === undefined && open.size > 0 && !closing.aborted) ticker = clock.after(tickMs, tick)
  }

  function admit(message: Outgoing): void {
    open.add(message)
    if (isSettled(message.state)) {
      outcomes.note(message)
    } else {
      const lane = laneOf(message.sessionId)
      uploads.hold(message)
      lane.queue.add(message)
      pump(lane)
    }
    keepTicking()
  }

  return {
    admit,
    apply: (message, event) => apply(laneOf(message.sessionId), message, event),
    find: (sessionId) => lanes.get(sessionId),
    isUploading: (message) => uploads.holds(message),
    dropUpload: (message) => uploads.forget(message),
    forget(sessionId) {
      lanes.get(sessionId)?.acks?.[Symbol.dispose]()
      lanes.delete(sessionId)
    },
    async [Symbol.asyncDispose]() {
      online[Symbol.dispose]()
      ticker?.[Symbol.dispose]()
      await uploads[Symbol.asyncDispose]()
      const pumps = [...lanes.values()].map((lane) => lane.pumping)
      await Promise.race([
        Promise.allSettled(pumps),
        new Promise<void>((resolve) => void clock.after(closeWithinMs, resolve)),
      ])
      for (const lane of lanes.values()) lane.acks?.[Symbol.dispose]()
    },
  }
}
