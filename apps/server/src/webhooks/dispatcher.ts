import type { KeyObject } from 'node:crypto'

import type { Clock } from '../platform/clock.ts'
import { type GuardedFetch, OutboundError } from '../platform/guarded-fetch/index.ts'
import type { Log } from '../platform/log.ts'
import type { Delivery, LaneKey, Outbox, Settlement } from './outbox.ts'
import { nextAttemptInMs } from './patience.ts'
import { presets } from './presets/index.ts'
import { createReceivers, type Visit } from './receivers.ts'
import { replyOf } from './reply.ts'
import { createSettler } from './settler.ts'
import type { Target } from './tables.ts'
import type { Verdict } from './verdict.ts'

/**
 * Calls of one ordered lane under way at once, once it streams: on one connection, so that they arrive in order. A lane that waits for each
 * answer is as slow as a turn of the event loop under load is long (50 ms on a busy machine: 20 deliveries a second).
 */
const mostStreamed = 16
/** As many are streamed as the receiver takes in this time, ms: the last of them must not run out of its own. */
const streamedMs = 1000
/** Deliveries in a row that a receiver must have taken before a lane streams to it. */
const streamsAfter = 16
/** Deliveries of one lane kept in memory; the others wait in their rows. */
const mostQueued = 64
/** How long deliveries wait for a receiver that is away, ms. Its outage spends no attempts. */
const keepWhileAwayMs = 3 * 86_400_000
/** Failed deliveries of `standard` taken up again at a time. */
const retryBatch = 100
/** Between tries while the store cannot be read, and between looks for due retries while some are on their way, ms. */
const lookAgainMs = 1000
/** No answer of a receiver is worth more; what comes after it is not read. */
const readLittle = { maxBytes: 64 * 1024, beyond: 'cut' } as const
/** What closing leaves to calls in flight, ms. */
const drainMs = 5000

/** Where deliveries go and with which key, now. */
export interface Addressee {
  url: string
  key: KeyObject
  /** The operator's own receiver may be anywhere; a stranger's only on the public internet, or where the operator allows. */
  chosenBy: 'stranger' | 'operator'
}

export interface DispatcherDeps {
  outbox: Outbox
  outbound: Pick<GuardedFetch, 'send'>
  /** Undefined when the receiver was taken away since the delivery was written. */
  addresseeOf: (sessionId: number, target: Target) => Addressee | undefined
  sessionName: (sessionId: number) => string
  /** What to send for a delivery now; undefined when it makes no sense any more. */
  bodyOf: (delivery: Delivery) => Uint8Array | undefined
  clock: Clock
  log: Log
  /** In [0, 1). */
  random: () => number
  /** Told of each attempt. */
  observe: (verdict: Verdict['at'], durationMs: number) => void
}

/** Sends what the outbox owes: in order per lane, many lanes at once, no receiver at the cost of another. */
export interface Dispatcher extends AsyncDisposable {
  /** Takes over deliveries whose rows are committed, in the order of their events. */
  accept(deliveries: readonly Delivery[]): void
  /** Takes up what earlier processes left. */
  resume(): Promise<void>
  /** Deliveries still owed. */
  backlog(): number
  /** Drops what is kept in memory of a session whose rows were deleted. */
  forget(sessionId: number): void
}

/** The queue that one receiver gets of one session. */
interface Lane {
  readonly name: string
  readonly key: LaneKey
  readonly queue: Delivery[]
  /** The newest event that was ever in `queue`: what comes after it is only in rows. */
  lastSeq: number
  /** Every row up to this event was read, whoever committed it. */
  readThrough: number
  /** There may be rows after `lastSeq`. */
  more: boolean
  /** While rows are being read; `missed` when one was committed meanwhile, perhaps too late for our answer. */
  loading: { missed: boolean } | undefined
  inFlight: number
  /** Deliveries in a row that were taken. */
  streak: number
  /** What one delivery takes, on average of the last few, ms. */
  paceMs: number
  /** When the last call ended, monotonic ms. */
  endedAt: number
  /** While it streams: to where, and what ends the calls that are under way behind one that failed. */
  stream: { readonly url: string; readonly control: AbortController } | undefined
  /** Its head stands in line at its receiver. */
  inLine: boolean
  timer: Disposable | undefined
}

/** What sends a delivery, and what becomes of it afterwards: a lane, or a retry of its own. */
interface Sender {
  readonly lane: Lane | undefined
  /** The call has ended. `again`: the delivery as it is to be sent next, if it is. */
  done(again: Delivery | undefined, verdict: Verdict['at'] | 'cut'): void
}

export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const { outbox, outbound, addresseeOf, sessionName, bodyOf, clock, log, random, observe } = deps
  const lanes = new Map<string, Lane>()
  const receivers = createReceivers({ clock, log })
  /** Ids of failed `standard` deliveries that are on their way again or not written down yet: their rows still look due. */
  const retrying = new Set<string>()
  /** Aborted when nothing new is to be begun. */
  const closing = new AbortController()
  /** Aborted when calls under way are to end too. */
  const cutOff = new AbortController()
  const settler = createSettler({ outbox, clock, log, onWritten: written })
  let owed = 0
  /** Before `resume` nobody knows which lanes have rows of an earlier process. */
  let resumed = false
  let retryTimer: { at: number; timer: Disposable } | undefined

  function laneOf({ sessionId, target, lane }: LaneKey): Lane {
    const name = `${sessionId}/${target}/${lane}`
    let found = lanes.get(name)
    if (found === undefined) {
      found = {
        name,
        key: { sessionId, target, lane },
        queue: [],
        lastSeq: 0,
        readThrough: 0,
        more: !resumed,
        loading: undefined,
        inFlight: 0,
        streak: 0,
        paceMs: 0,
        endedAt: 0,
        stream: undefined,
        inLine: false,
        timer: undefined,
      }
      lanes.set(name, found)
    }
    return found
  }

  /** Puts a lane's head in line, or sees to what it waits for. */
  function advance(lane: Lane): void {
    while (
      !closing.signal.aborted &&
      !lane.inLine &&
      lane.loading === undefined &&
      lane.timer === undefined
    ) {
      const head = lane.queue[0]
      if (head === undefined) {
        if (lane.more) void load(lane)
        return
      }
      const waitMs = head.notBefore - clock.monotonic()
      if (waitMs > 0) {
        wake(lane, waitMs)
        return
      }
      const addressee = addresseeOf(head.sessionId, head.target)
      if (addressee === undefined) {
        lane.queue.shift()
        giveUp(head, null, 'The webhook was removed before the event could be delivered')
      } else if (lane.inFlight < roomOf(lane, head, addressee)) lineUp(lane, head, addressee)
      else return
    }
  }

  /** How many calls of a lane may be under way. An ordered one waits for each answer, unless it streams. */
  function roomOf(lane: Lane, head: Delivery, { url }: Addressee): number {
    const preset = presets[head.preset]
    if (!preset.ordered) return preset.inFlightPerLane
    // How a lane goes on is decided only between calls: one on another connection would race with those under way.
    if (lane.inFlight === 0) {
      const streams = lane.streak >= streamsAfter && lane.queue.length > 1
      lane.stream = streams ? { url, control: new AbortController() } : undefined
    }
    if (lane.stream === undefined) return 1
    if (lane.stream.control.signal.aborted || lane.stream.url !== url) return 0
    return Math.min(mostStreamed, Math.max(1, Math.floor(streamedMs / lane.paceMs)))
  }

  function wake(lane: Lane, ms: number): void {
    lane.timer = clock.after(ms, () => {
      lane.timer = undefined
      advance(lane)
    })
  }

  function lineUp(lane: Lane, head: Delivery, addressee: Addressee): void {
    const group = presets[head.preset].ordered ? lane : undefined
    const sender: Sender = { lane: group, done: (again, verdict) => passed(lane, again, verdict) }
    lane.inLine = true
    receivers.join({
      url: addressee.url,
      group,
      take() {
        lane.inLine = false
        const delivery = lane.queue.shift()
        if (delivery === undefined) return undefined
        lane.inFlight += 1
        advance(lane)
        return (visit) => send(visit, sender, addressee, delivery)
      },
    })
  }

  /** A call of a lane has ended. */
  function passed(lane: Lane, again: Delivery | undefined, verdict: Verdict['at'] | 'cut'): void {
    lane.inFlight -= 1
    if (again !== undefined) putBack(lane, again)
    if (verdict === 'delivered') lane.streak += 1
    else {
      lane.streak = 0
      // What is under way behind it is called back, to come after it again.
      if (again !== undefined) lane.stream?.control.abort()
    }
    advance(lane)
  }

  /** Gives a delivery its place in the queue again. */
  function putBack(lane: Lane, delivery: Delivery): void {
    const behind = lane.queue.findIndex((other) => other.eventSeq > delivery.eventSeq)
    lane.queue.splice(behind === -1 ? lane.queue.length : behind, 0, delivery)
  }

  async function load(lane: Lane): Promise<void> {
    const reading = { missed: false }
    lane.loading = reading
    try {
      const rows = await outbox.ofLane(lane.key, lane.lastSeq, mostQueued)
      lane.queue.push(...rows)
      lane.lastSeq = rows.at(-1)?.eventSeq ?? lane.lastSeq
      lane.readThrough = lane.lastSeq
      lane.more = rows.length === mostQueued || reading.missed
    } catch (error) {
      log.warn({ error, sessionId: lane.key.sessionId }, 'owed webhook deliveries could not be read')
      wake(lane, lookAgainMs)
    }
    lane.loading = undefined
    advance(lane)
  }

  function send(visit: Visit, sender: Sender, addressee: Addressee, delivery: Delivery): void {
    const body = bodyOf(delivery)
    if (body !== undefined) call(visit, sender, addressee, delivery, body)
    else {
      giveUp(delivery, null, 'It was out of date before it could be delivered')
      // Not from within the line, which is about to go on by itself.
      queueMicrotask(() => leave(visit, sender, undefined, 'refused'))
    }
  }

  function call(
    visit: Visit,
    sender: Sender,
    { url, key, chosenBy }: Addressee,
    delivery: Delivery,
    body: Uint8Array,
  ): void {
    const preset = presets[delivery.preset]
    const started = clock.monotonic()
    const headers = preset.headers({
      id: delivery.id,
      eventType: delivery.eventType,
      sessionName: sessionName(delivery.sessionId),
      body,
      key,
      now: clock.now(),
    })
    const { timeoutMs } = preset
    const { lane } = sender
    const stream = lane?.stream
    const how =
      stream === undefined
        ? { signal: cutOff.signal }
        : { signal: stream.control.signal, inOrder: lane?.name }
    outbound.send(
      { method: 'POST', url, headers, body, timeoutMs, chosenBy, ...readLittle, ...how },
      (outcome) => {
        if (outcome instanceof OutboundError && outcome.because === 'aborted') {
          // By our own closing, or because one before it failed: it stays owed, as it was.
          leave(visit, sender, delivery, 'cut')
          return
        }
        const reply = replyOf(outcome, clock.now())
        const verdict = preset.judge(reply)
        observe(verdict.at, clock.monotonic() - started)
        if (lane !== undefined) pace(lane, started)
        visit.learn(verdict)
        leave(visit, sender, settle(visit, delivery, verdict, reply.status ?? null), verdict.at)
      },
    )
  }

  /** Learns how long a lane's receiver takes for one delivery. */
  function pace(lane: Lane, started: number): void {
    const now = clock.monotonic()
    const tookMs = now - Math.max(started, lane.endedAt)
    lane.paceMs = lane.streak === 0 ? tookMs : lane.paceMs * 0.8 + tookMs * 0.2
    lane.endedAt = now
  }

  function leave(
    visit: Visit,
    sender: Sender,
    again: Delivery | undefined,
    verdict: Verdict['at'] | 'cut',
  ): void {
    visit.end()
    sender.done(again, verdict)
    visit.next()
  }

  /** Has the end of an attempt written down; answers the delivery if it is to be sent again in its place. */
  function settle(
    visit: Visit,
    delivery: Delivery,
    verdict: Verdict,
    status: number | null,
  ): Delivery | undefined {
    const { id, dueAt } = delivery
    const attempts = delivery.attempts + 1
    if (verdict.at === 'delivered') {
      owed -= 1
      settler.add({ delivery, outcome: 'delivered', attempts, dueAt, status, error: null })
      return undefined
    }
    if (verdict.at === 'refused') {
      giveUp(delivery, status, verdict.error)
      return undefined
    }
    const now = clock.now()
    const isOutage = verdict.receiver === 'away' && visit.isOutage
    if (isOutage && now - delivery.createdAt < keepWhileAwayMs) return delivery
    const delayMs = isOutage
      ? undefined
      : nextAttemptInMs(verdict.patience, attempts, random(), verdict.askedMs)
    if (delayMs === undefined) {
      giveUp(delivery, status, verdict.error)
      return undefined
    }
    const again = { ...delivery, attempts, dueAt: now + delayMs, notBefore: clock.monotonic() + delayMs }
    if (!presets[delivery.preset].ordered) retrying.add(id)
    settler.add({ delivery, outcome: null, attempts, dueAt: again.dueAt, status, error: verdict.error })
    return presets[delivery.preset].ordered ? again : undefined
  }

  function giveUp(delivery: Delivery, status: number | null, error: string): void {
    owed -= 1
    const { id, sessionId, target, eventType, dueAt } = delivery
    settler.add({ delivery, outcome: 'given_up', attempts: delivery.attempts + 1, dueAt, status, error })
    log.warn({ deliveryId: id, sessionId, target, eventType, reason: error }, 'webhook delivery given up')
  }

  function written(settlements: readonly Settlement[]): void {
    for (const { delivery, outcome, dueAt } of settlements) {
      if (retrying.delete(delivery.id) && outcome === null) lookForRetries(dueAt)
    }
  }

  /** Has due retries of `standard` looked for at `at`, Unix ms, unless that happens sooner anyway. */
  function lookForRetries(at: number): void {
    if (closing.signal.aborted || (retryTimer !== undefined && retryTimer.at <= at)) return
    retryTimer?.timer[Symbol.dispose]()
    const timer = clock.after(Math.max(0, at - clock.now()), () => {
      retryTimer = undefined
      void takeUpRetries()
    })
    retryTimer = { at, timer }
  }

  async function takeUpRetries(): Promise<void> {
    try {
      for (const delivery of await outbox.dueRetries(clock.now(), retryBatch)) {
        const addressee = addresseeOf(delivery.sessionId, delivery.target)
        if (retrying.has(delivery.id)) continue
        retrying.add(delivery.id)
        if (addressee === undefined) {
          giveUp(delivery, null, 'The webhook was removed before the event could be delivered')
          continue
        }
        const sender: Sender = {
          lane: undefined,
          // An outage leaves the row as it is; every other end is written down first.
          done: (again) => void (again !== undefined && retrying.delete(again.id)),
        }
        receivers.join({
          url: addressee.url,
          group: undefined,
          take: () => (visit) => send(visit, sender, addressee, delivery),
        })
      }
      const next = await outbox.nextRetryAt()
      if (next !== undefined) lookForRetries(Math.max(next, clock.now() + lookAgainMs))
    } catch (error) {
      log.warn({ error }, 'due webhook retries could not be read')
      lookForRetries(clock.now() + lookAgainMs)
    }
  }

  /** Takes a committed delivery into its lane's queue, or leaves it to be read from its row. */
  function put(lane: Lane, delivery: Delivery): void {
    const { eventSeq } = delivery
    // It was read from its row before we were told that it is there.
    if (eventSeq <= lane.readThrough) return
    if (lane.loading !== undefined) lane.loading.missed = true
    else if (!lane.more && lane.queue.length < mostQueued) {
      lane.queue.push(delivery)
      lane.lastSeq = eventSeq
    } else lane.more = true
  }

  return {
    accept(deliveries) {
      for (const delivery of deliveries) {
        owed += 1
        const lane = laneOf(delivery)
        put(lane, delivery)
        advance(lane)
      }
    },
    async resume() {
      const { lanes: left, count } = await outbox.owed()
      owed += count
      for (const key of left) advance(laneOf(key))
      resumed = true
      await takeUpRetries()
    },
    backlog: () => owed,
    forget(sessionId) {
      for (const lane of lanes.values()) {
        if (lane.key.sessionId !== sessionId) continue
        lane.timer?.[Symbol.dispose]()
        owed -= lane.queue.splice(0).length
        lane.more = false
        lanes.delete(lane.name)
      }
    },
    async [Symbol.asyncDispose]() {
      closing.abort()
      retryTimer?.timer[Symbol.dispose]()
      for (const lane of lanes.values()) lane.timer?.[Symbol.dispose]()
      using _patience = clock.after(drainMs, () => {
        cutOff.abort()
        for (const lane of lanes.values()) lane.stream?.control.abort()
      })
      await receivers.close()
      await settler[Symbol.asyncDispose]()
    },
  }
}
