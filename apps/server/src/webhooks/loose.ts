import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Attempts, Sender } from './attempts.ts'
import type { WebhookEndpoint } from './endpoint.ts'
import { type Gone, goneTexts, isStill } from './gone.ts'
import { type Lane, longestTimerMs, lookAgainMs } from './lane.ts'
import type { Delivery, Outbox, Settlement } from './outbox.ts'
import type { Receivers } from './receivers.ts'
import type { EndpointNumber } from './tables.ts'

/** Loose deliveries of one lane taken up at a time. */
const looseBatch = 64

/** Deliveries that left the order of their lane to be tried again in their own time. Their rows say when; memory holds those on their way. */
export interface LooseDeliveries {
  /** Has those of a lane that are due taken up. */
  takeUp(lane: Lane): Promise<void>
  /** Settlements were written: what they freed may be looked for. */
  written(settlements: readonly Settlement[]): void
}

export function createLooseDeliveries({
  outbox,
  receivers,
  attempts,
  endpointOf,
  laneOf,
  closing,
  clock,
  log,
}: {
  outbox: Pick<Outbox, 'dueOfLane' | 'hurry' | 'nextDueOfLane'>
  receivers: Pick<Receivers, 'join'>
  attempts: Attempts
  endpointOf: (number: EndpointNumber, sessionId: number) => WebhookEndpoint | Gone
  /** The lane of a delivery, if it is in memory. */
  laneOf: (delivery: Delivery) => Lane | undefined
  /** Aborted when nothing new is to be begun. */
  closing: AbortSignal
  clock: Clock
  log: Log
}): LooseDeliveries {
  function written(settlements: readonly Settlement[]): void {
    for (const settlement of settlements) {
      const { delivery, outcome, dueAt } = settlement
      // What was neither loose nor becomes so was not taken up as such.
      if (outcome === 'untouched' || (outcome === 'delivered' && !delivery.loose)) continue
      const lane = laneOf(delivery)
      if (lane === undefined || !lane.loose.taken.delete(delivery.id)) continue
      lane.loose.reading?.settled.add(delivery.id)
      if (outcome === null && wasAskedFor(lane, settlement)) void hurry(lane, delivery)
      else if (outcome === null) lookForLoose(lane, dueAt)
      else if (lane.loose.more && lane.loose.taken.size <= looseBatch / 2) void takeUp(lane)
    }
  }

  /** An attempt that was under way when a replay was asked for does not say when the next one is. */
  function wasAskedFor(lane: Lane, { attempt }: Settlement): boolean {
    return attempt !== undefined && attempt.at - attempt.tookMs <= lane.loose.askedAt
  }

  async function hurry(lane: Lane, delivery: Delivery): Promise<void> {
    try {
      await outbox.hurry(delivery, clock.now())
    } catch (error) {
      log.warn(
        { error, sessionId: lane.key.sessionId },
        'a webhook delivery goes by its schedule, not at once',
      )
    }
    lookForLoose(lane, clock.now())
  }

  /** Has due loose deliveries of a lane looked for at `at`, Unix ms, unless that happens sooner anyway. */
  function lookForLoose(lane: Lane, at: number): void {
    const { loose } = lane
    if (closing.aborted || (loose.timer !== undefined && loose.timer.at <= at)) return
    loose.timer?.timer[Symbol.dispose]()
    const waitMs = Math.min(Math.max(0, at - clock.now()), longestTimerMs)
    const timer = clock.after(waitMs, () => {
      loose.timer = undefined
      void takeUp(lane)
    })
    loose.timer = { at, timer }
  }

  async function takeUp(lane: Lane): Promise<void> {
    const { loose, key } = lane
    if (closing.aborted) return
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
      attempts.giveUp(delivery, null, goneTexts[endpoint])
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
      isMoved: () => !isStill(endpointOf(delivery.endpoint, delivery.sessionId), url, clock.now()),
      take() {
        const current = endpointOf(delivery.endpoint, delivery.sessionId)
        if (isStill(current, url, clock.now()))
          return (visit) => attempts.send(visit, sender, current, delivery)
        loose.taken.delete(delivery.id)
        lookForLoose(lane, clock.now())
        return undefined
      },
    })
  }

  return { takeUp, written }
}
