import type { Clock } from '../platform/clock.ts'
import { type GuardedFetch, OutboundError } from '../platform/guarded-fetch/index.ts'
import type { Log } from '../platform/log.ts'
import { keysOf, type WebhookEndpoint } from './endpoint.ts'
import type { Lane } from './lane.ts'
import type { AttemptNote, Delivery } from './outbox.ts'
import { nextAttemptInMs } from './patience.ts'
import { presets } from './presets/index.ts'
import type { Visit } from './receivers.ts'
import { replyOf } from './reply.ts'
import type { Settler } from './settler.ts'
import { judge, type Reply, type Verdict } from './verdict.ts'

/** How long deliveries wait for a receiver that is away, ms. Its outage spends no attempts. */
const keepWhileAwayMs = 3 * 86_400_000
/** No answer of a receiver is worth more; what comes after it is not read. */
const readLittle = { maxBytes: 64 * 1024, beyond: 'cut' } as const
/** How much of an answer the log keeps, characters. */
const answerKept = 1024

/** What came of one call. */
export interface Called {
  delivery: Delivery
  verdict: Verdict
  reply: Reply
  tookMs: number
  /** It was the last one for this delivery. */
  isOver: boolean
}

/** What sends a delivery, and what becomes of it afterwards: a lane, or a retry of its own. */
export interface Sender {
  readonly lane: Lane | undefined
  /** The call has ended. `again`: the delivery as it is to be sent next, if it is. */
  done(again: Delivery | undefined, verdict: Verdict['at'] | 'cut'): void
}

export interface AttemptsDeps {
  outbound: Pick<GuardedFetch, 'send'>
  sessionName: (sessionId: number) => string
  /** What to send for a delivery now; undefined when it makes no sense any more. */
  bodyOf: (delivery: Delivery) => Uint8Array | undefined
  settler: Pick<Settler, 'add'>
  clock: Clock
  log: Log
  /** In [0, 1). */
  random: () => number
  /** What must not stand in the log: secrets that a receiver may have repeated. */
  redact: (text: string, endpoint: WebhookEndpoint) => string
  /** Told of each attempt, and what was wrong with it. */
  observe: (called: Called, error: string | undefined) => void
  /** Ends calls under way. */
  cutOff: AbortSignal
  /** Told when nothing is owed for a delivery any more. */
  settled: () => void
  /** Told of a delivery that leaves its lane, to come back by itself. */
  loosened: (delivery: Delivery) => void
}

/** One call to a receiver, and what becomes of the delivery by what was answered. */
export interface Attempts {
  send(visit: Visit, sender: Sender, endpoint: WebhookEndpoint, delivery: Delivery): void
  /** Nothing more is tried. `attempt`: the last one, when there was any. */
  giveUp(delivery: Delivery, attempt: AttemptNote | null, error: string): void
}

export function createAttempts(deps: AttemptsDeps): Attempts {
  const { outbound, sessionName, bodyOf, settler, clock, log, random, redact, observe } = deps
  const { cutOff, settled, loosened } = deps

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
      stream === undefined ? { signal: cutOff } : { signal: stream.control.signal, inOrder: lane?.name }
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
      settled()
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
    if (!holds) loosened(delivery)
    const { dueAt: nextAt } = again
    settler.add({ delivery, outcome: null, attempts, dueAt: nextAt, loose: !holds, status, error, attempt })
    return holds ? again : 'later'
  }

  function giveUp(delivery: Delivery, attempt: AttemptNote | null, error: string): void {
    settled()
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

  return { send, giveUp }
}
