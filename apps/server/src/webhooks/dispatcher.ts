import { type Attempts, type AttemptsDeps, createAttempts, type Sender } from './attempts.ts'
import type { WebhookEndpoint } from './endpoint.ts'
import { type Gone, goneTexts, isStill } from './gone.ts'
import {
  emptyLane,
  type Lane,
  laneName,
  longestTimerMs,
  lookAgainMs,
  mostQueued,
  put,
  putBack,
  stopTimers,
} from './lane.ts'
import { createLooseDeliveries, type LooseDeliveries } from './loose.ts'
import type { Delivery, LaneKey, Outbox } from './outbox.ts'
import { createReceivers } from './receivers.ts'
import { createSettler } from './settler.ts'
import type { EndpointNumber } from './tables.ts'
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
/** Calls of one lane under way at once, where order is not promised. */
const mostUnordered = 8
/** What closing leaves to calls in flight, ms. */
const drainMs = 5000

export interface DispatcherDeps extends Pick<
  AttemptsDeps,
  'outbound' | 'sessionName' | 'bodyOf' | 'clock' | 'log' | 'random' | 'redact' | 'observe'
> {
  outbox: Outbox
  /** Where a delivery goes now. */
  endpointOf: (number: EndpointNumber, sessionId: number) => WebhookEndpoint | Gone
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
  /** An endpoint changed: what waits for it looks again. */
  changed(endpoint: EndpointNumber): void
  /** Rows of these lanes became owed again, loose and due at once: `count` in all. */
  again(lanes: readonly LaneKey[], count: number): void
}

export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const { outbox, endpointOf, clock, log } = deps
  const lanes = new Map<string, Lane>()
  const receivers = createReceivers({ clock, log })
  /** Aborted when nothing new is to be begun. */
  const closing = new AbortController()
  /** Aborted when calls under way are to end too. */
  const cutOff = new AbortController()
  const settler = createSettler({ outbox, clock, log, onWritten: (all) => loose.written(all) })
  let owed = 0
  const attempts: Attempts = createAttempts({
    ...deps,
    settler,
    cutOff: cutOff.signal,
    settled: () => (owed -= 1),
    loosened: (delivery) => laneOf(delivery).loose.taken.add(delivery.id),
  })
  const loose: LooseDeliveries = createLooseDeliveries({
    ...deps,
    receivers,
    attempts,
    laneOf: (delivery) => lanes.get(laneName(delivery)),
    closing: closing.signal,
  })
  /** Before `resume` nobody knows which lanes have rows of an earlier process. */
  let resumed = false

  function laneOf(key: LaneKey): Lane {
    const name = laneName(key)
    let found = lanes.get(name)
    if (found === undefined) {
      found = emptyLane(key, resumed)
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
      const endpoint = endpointOf(head.endpoint, head.sessionId)
      if (typeof endpoint === 'string') {
        lane.queue.shift()
        attempts.giveUp(head, null, goneTexts[endpoint])
        continue
      }
      const waitMs = Math.max(head.notBefore - clock.monotonic(), endpoint.heldUntil - clock.now())
      if (waitMs > 0) {
        wake(lane, waitMs)
        return
      }
      if (lane.inFlight < roomOf(lane, endpoint)) lineUp(lane, endpoint)
      else return
    }
  }

  /** How many calls of a lane may be under way. An ordered one waits for each answer, unless it streams. */
  function roomOf(lane: Lane, { url, ordered }: WebhookEndpoint): number {
    if (!ordered) return mostUnordered
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
    lane.timer = clock.after(Math.min(ms, longestTimerMs), () => {
      lane.timer = undefined
      advance(lane)
    })
  }

  function lineUp(lane: Lane, endpoint: WebhookEndpoint): void {
    const group = endpoint.ordered ? lane : undefined
    const sender: Sender = { lane: group, done: (again, verdict) => passed(lane, again, verdict) }
    lane.inLine = true
    const { url } = endpoint
    receivers.join({
      url,
      group,
      isMoved: () => !isStill(endpointOf(lane.key.endpoint, lane.key.sessionId), url, clock.now()),
      take() {
        lane.inLine = false
        const current = endpointOf(lane.key.endpoint, lane.key.sessionId)
        if (!isStill(current, url, clock.now())) {
          // It changed while we stood in line. Not from within the line, which is about to go on by itself.
          queueMicrotask(() => advance(lane))
          return undefined
        }
        const delivery = lane.queue.shift()
        if (delivery === undefined) return undefined
        lane.inFlight += 1
        advance(lane)
        return (visit) => attempts.send(visit, sender, current, delivery)
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
      for (const key of left) {
        const lane = laneOf(key)
        advance(lane)
        void loose.takeUp(lane)
      }
      resumed = true
    },
    backlog: () => owed,
    forget(sessionId) {
      for (const lane of lanes.values()) {
        if (lane.key.sessionId !== sessionId) continue
        stopTimers(lane)
        owed -= lane.queue.splice(0).length
        lane.more = false
        lanes.delete(lane.name)
      }
    },
    changed(endpoint) {
      receivers.reconsider()
      for (const lane of lanes.values()) {
        if (lane.key.endpoint !== endpoint) continue
        stopTimers(lane)
        advance(lane)
        void loose.takeUp(lane)
      }
    },
    again(keys, count) {
      owed += count
      for (const key of keys) {
        const lane = laneOf(key)
        lane.loose.askedAt = clock.now()
        void loose.takeUp(lane)
      }
    },
    async [Symbol.asyncDispose]() {
      closing.abort()
      for (const lane of lanes.values()) stopTimers(lane)
      using _patience = clock.after(drainMs, () => {
        cutOff.abort()
        for (const lane of lanes.values()) lane.stream?.control.abort()
      })
      await receivers.close()
      await settler[Symbol.asyncDispose]()
    },
  }
}
