import type { Clock } from '../platform/clock.ts'
import { type GuardedFetch, OutboundError } from '../platform/guarded-fetch/index.ts'
import type { Log } from '../platform/log.ts'
import { keysOf, type WebhookEndpoint } from './endpoint.ts'
import { emptyLane, type Lane, laneName, mostQueued, put, putBack, stopTimers } from './lane.ts'
import type { AttemptNote, Delivery, LaneKey, Outbox, Settlement } from './outbox.ts'
import { nextAttemptInMs } from './patience.ts'
import { presets } from './presets/index.ts'
import { createReceivers, type Visit } from './receivers.ts'
import { replyOf } from './reply.ts'
import { createSettler } from './settler.ts'
import type { EndpointNumber } from './tables.ts'
import { judge, type Reply, type Verdict } from './verdict.ts'

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
/** How long deliveries wait for a receiver that is away, ms. Its outage spends no attempts. */
const keepWhileAwayMs = 3 * 86_400_000
/** Loose deliveries of one lane taken up at a time. */
const looseBatch = 64
/** Between tries while the store cannot be read, and between looks for a receiver's return, ms. */
const lookAgainMs = 1000
/** No answer of a receiver is worth more; what comes after it is not read. */
const readLittle = { maxBytes: 64 * 1024, beyond: 'cut' } as const
/** What closing leaves to calls in flight, ms. */
const drainMs = 5000
/** How much of an answer the log keeps, characters. */
const answerKept = 1024
/** Longer than a timer can run. */
const longestTimerMs = 86_400_000

/** Why a delivery has nowhere to go any more. */
export type Gone = 'removed' | 'disabled'

const goneTexts = {
  removed: 'The webhook was removed before the event could be delivered',
  disabled:
    'The webhook was disabled before the event could be delivered; replay it once it is enabled again',
} as const satisfies Record<Gone, string>

/** What came of one call. */
export interface Called {
  delivery: Delivery
  verdict: Verdict
  reply: Reply
  tookMs: number
  /** It was the last one for this delivery. */
  isOver: boolean
}

export interface DispatcherDeps {
  outbox: Outbox
  outbound: Pick<GuardedFetch, 'send'>
  /** Where a delivery goes now. */
  endpointOf: (number: EndpointNumber, sessionId: number) => WebhookEndpoint | Gone
  sessionName: (sessionId: number) => string
  /** What to send for a delivery now; undefined when it makes no sense any more. */
  bodyOf: (delivery: Delivery) => Uint8Array | undefined
  clock: Clock
  log: Log
  /** In [0, 1). */
  random: () => number
  /** What must not stand in the log: secrets that a receiver may have repeated. */
  redact: (text: string, endpoint: WebhookEndpoint) => string
  /** Told of each attempt, and what was wrong with it. */
  observe: (called: Called, error: string | undefined) => void
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

/** What sends a delivery, and what becomes of it afterwards: a lane, or a retry of its own. */
interface Sender {
  readonly lane: Lane | undefined
  /** The call has ended. `again`: the delivery as it is to be sent next, if it is. */
  done(again: Delivery | undefined, verdict: Verdict['at'] | 'cut'): void
}

export function createDispatcher(deps: DispatcherDeps): Dispatcher {
  const { outbox, outbound, endpointOf, redact, sessionName, bodyOf, clock, log, random, observe } = deps
  const lanes = new Map<string, Lane>()
  const receivers = createReceivers({ clock, log })
  /** Aborted when nothing new is to be begun. */
  const closing = new AbortController()
  /** Aborted when calls under way are to end too. */
  const cutOff = new AbortController()
  const settler = createSettler({ outbox, clock, log, onWritten: written })
  let owed = 0
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
        giveUp(head, null, goneTexts[endpoint])
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
      isMoved: () => !isStill(endpointOf(lane.key.endpoint, lane.key.sessionId), url),
      take() {
        lane.inLine = false
        const current = endpointOf(lane.key.endpoint, lane.key.sessionId)
        if (!isStill(current, url)) {
          // It changed while we stood in line. Not from within the line, which is about to go on by itself.
          queueMicrotask(() => advance(lane))
          return undefined
        }
        const delivery = lane.queue.shift()
        if (delivery === undefined) return undefined
        lane.inFlight += 1
        advance(lane)
        return (visit) => send(visit, sender, current, delivery)
      },
    })
  }

  /** Whether what stands in line for this endpoint may go, and there. */
  function isStill(endpoint: WebhookEndpoint | Gone, url: string): endpoint is WebhookEndpoint {
    return typeof endpoint !== 'string' && endpoint.url === url && endpoint.heldUntil <= clock.now()
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

  function send(visit: Visit, sender: Sender, endpoint: WebhookEndpoint, delivery: Delivery): void {
    const body = bodyOf(delivery)
    if (body !== undefined) call(visit, sender, endpoint, delivery, body)
    else {
      giveUp(delivery, null, 'It was out of date before it could be delivered')
      // Not from within the line, which is about to go on by itself.
      queueMicrotask(() => leave(visit, sender, undefined, 'refused'))
    }
  }

  function call(
    visit: Visit,
    sender: Sender,
    endpoint: WebhookEndpoint,
    delivery: Delivery,
    body: Uint8Array,
  ): void {
    const { url, chosenBy, timeoutMs, check, ordered } = endpoint
    const started = clock.monotonic()
    const now = clock.now()
    const own = presets[delivery.preset].headers({
      id: delivery.id,
      eventType: delivery.eventType,
      sessionName: sessionName(delivery.sessionId),
      body,
      keys: keysOf(endpoint, now),
      now,
    })
    const headers = endpoint.headers === undefined ? own : { ...endpoint.headers, ...own }
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
        const verdict = judge(reply, check, ordered)
        const tookMs = clock.monotonic() - started
        if (lane !== undefined) pace(lane, started)
        visit.learn(verdict)
        const note = noteOf(endpoint, verdict, reply, tookMs)
        const again = settle(visit, endpoint, delivery, verdict, note)
        observe({ delivery, verdict, reply, tookMs, isOver: again === 'over' }, note.error ?? undefined)
        leave(visit, sender, again === 'over' || again === 'later' ? undefined : again, verdict.at)
      },
    )
  }

  function noteOf(endpoint: WebhookEndpoint, verdict: Verdict, reply: Reply, tookMs: number): AttemptNote {
    const said = reply.status === undefined ? '' : reply.body
    return {
      at: clock.now(),
      tookMs: Math.round(tookMs),
      status: reply.status ?? null,
      error: verdict.at === 'delivered' ? null : redact(verdict.error, endpoint),
      answerType: (reply.status === undefined ? undefined : reply.type?.slice(0, 100)) ?? null,
      answer: said === '' ? null : redact(said, endpoint).slice(0, answerKept),
    }
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

  /**
   * Has the end of an attempt written down. Answers the delivery if it is to be sent again in its place, or that it comes back by itself
   * (`later`), or not at all (`over`).
   */
  function settle(
    visit: Visit,
    endpoint: WebhookEndpoint,
    delivery: Delivery,
    verdict: Verdict,
    attempt: AttemptNote,
  ): Delivery | 'later' | 'over' {
    const { dueAt, loose } = delivery
    const { status, error } = attempt
    const attempts = delivery.attempts + 1
    if (verdict.at === 'delivered') {
      owed -= 1
      settler.add({ delivery, outcome: 'delivered', attempts, dueAt, loose, status, error: null, attempt })
      return 'over'
    }
    if (verdict.at === 'refused') {
      giveUp(delivery, attempt, error ?? verdict.error)
      return 'over'
    }
    const now = clock.now()
    const isOutage = verdict.receiver === 'away' && visit.isOutage
    if (isOutage && now - delivery.createdAt < keepWhileAwayMs) {
      const { attempts: before } = delivery
      settler.add({ delivery, outcome: 'untouched', attempts: before, dueAt, loose, status, error, attempt })
      return delivery
    }
    const delayMs = isOutage
      ? undefined
      : nextAttemptInMs(endpoint.delaysMs ?? verdict.patience, attempts, random(), verdict.askedMs)
    if (delayMs === undefined) {
      giveUp(delivery, attempt, error ?? verdict.error)
      return 'over'
    }
    const holds = endpoint.ordered && !loose
    const again: Delivery = {
      ...delivery,
      attempts,
      loose: !holds,
      dueAt: now + delayMs,
      notBefore: clock.monotonic() + delayMs,
    }
    if (!holds) laneOf(delivery).loose.taken.add(delivery.id)
    const { dueAt: nextAt } = again
    settler.add({ delivery, outcome: null, attempts, dueAt: nextAt, loose: !holds, status, error, attempt })
    return holds ? again : 'later'
  }

  function giveUp(delivery: Delivery, attempt: AttemptNote | null, error: string): void {
    owed -= 1
    const { id, sessionId, endpoint, eventType, dueAt, loose } = delivery
    settler.add({
      delivery,
      outcome: 'given_up',
      attempts: delivery.attempts + 1,
      dueAt,
      loose,
      status: attempt?.status ?? null,
      error,
      attempt: attempt ?? undefined,
    })
    log.warn(
      { deliveryId: id, sessionId, target: endpoint, eventType, reason: error },
      'webhook delivery given up',
    )
  }

  function written(settlements: readonly Settlement[]): void {
    for (const { delivery, outcome, dueAt } of settlements) {
      // What was neither loose nor becomes so was not taken up as such.
      if (outcome === 'untouched' || (outcome === 'delivered' && !delivery.loose)) continue
      const lane = lanes.get(laneName(delivery))
      if (lane === undefined || !lane.loose.taken.delete(delivery.id)) continue
      lane.loose.reading?.settled.add(delivery.id)
      if (outcome === null) lookForLoose(lane, dueAt)
      else if (lane.loose.more && lane.loose.taken.size <= looseBatch / 2) void takeUpLoose(lane)
    }
  }

  /** Has due loose deliveries of a lane looked for at `at`, Unix ms, unless that happens sooner anyway. */
  function lookForLoose(lane: Lane, at: number): void {
    const { loose } = lane
    if (closing.signal.aborted || (loose.timer !== undefined && loose.timer.at <= at)) return
    loose.timer?.timer[Symbol.dispose]()
    const waitMs = Math.min(Math.max(0, at - clock.now()), longestTimerMs)
    const timer = clock.after(waitMs, () => {
      loose.timer = undefined
      void takeUpLoose(lane)
    })
    loose.timer = { at, timer }
  }

  async function takeUpLoose(lane: Lane): Promise<void> {
    const { loose, key } = lane
    if (closing.signal.aborted) return
    if (loose.reading !== undefined) {
      loose.reading.missed = true
      return
    }
    const reading = { settled: new Set<string>(), missed: false }
    loose.reading = reading
    try {
      const limit = loose.taken.size + looseBatch
      const rows = await outbox.dueOfLane(key, clock.now(), limit)
      loose.more = rows.length === limit
      for (const delivery of rows) {
        const { id } = delivery
        if (!loose.taken.has(id) && !reading.settled.has(id)) goLoose(lane, delivery)
      }
      const next = await outbox.nextDueOfLane(key, clock.now())
      if (next !== undefined) lookForLoose(lane, next)
    } catch (error) {
      log.warn({ error, sessionId: key.sessionId }, 'due webhook deliveries could not be read')
      lookForLoose(lane, clock.now() + lookAgainMs)
    } finally {
      loose.reading = undefined
      if (reading.missed) lookForLoose(lane, clock.now())
    }
  }

  function goLoose(lane: Lane, delivery: Delivery): void {
    const { loose } = lane
    const endpoint = endpointOf(delivery.endpoint, delivery.sessionId)
    if (typeof endpoint === 'string') {
      loose.taken.add(delivery.id)
      giveUp(delivery, null, goneTexts[endpoint])
      return
    }
    if (endpoint.heldUntil > clock.now()) {
      lookForLoose(lane, endpoint.heldUntil)
      return
    }
    loose.taken.add(delivery.id)
    const sender: Sender = {
      lane: undefined,
      // An outage leaves the row as it is; every other end is written down first.
      done: (again) => {
        if (again === undefined) return
        loose.taken.delete(again.id)
        lookForLoose(lane, clock.now() + lookAgainMs)
      },
    }
    const { url } = endpoint
    receivers.join({
      url,
      group: undefined,
      isMoved: () => !isStill(endpointOf(delivery.endpoint, delivery.sessionId), url),
      take() {
        const current = endpointOf(delivery.endpoint, delivery.sessionId)
        if (isStill(current, url)) return (visit) => send(visit, sender, current, delivery)
        loose.taken.delete(delivery.id)
        lookForLoose(lane, clock.now())
        return undefined
      },
    })
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
        void takeUpLoose(lane)
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
        void takeUpLoose(lane)
      }
    },
    again(keys, count) {
      owed += count
      for (const key of keys) void takeUpLoose(laneOf(key))
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
