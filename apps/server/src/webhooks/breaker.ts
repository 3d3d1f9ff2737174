/**
 * Whether a receiver is worth calling now. One per URL; pure, time passed in (monotonic ms).
 * While it is open, deliveries wait without spending their attempts; one probe at a time asks whether it is back.
 */
export interface Breaker {
  readonly failures: number
  /** Open until then; 0 when closed. */
  readonly openUntil: number
}

export const closedBreaker: Breaker = { failures: 0, openUntil: 0 }

/** Straight failures that open it. */
const opensAfter = 10
/** Between probes, ms. */
const probeEveryMs = 30_000

/** The breaker after a call that the receiver answered as a working receiver does, whatever it said about the message. */
export function afterAnswer(): Breaker {
  return closedBreaker
}

/** The breaker after a call that found no working receiver. `askedMs` is its Retry-After. */
export function afterFailure(breaker: Breaker, now: number, askedMs = 0): Breaker {
  const failures = breaker.failures + 1
  return failures < opensAfter && askedMs === 0
    ? { failures, openUntil: 0 }
    : { failures, openUntil: now + Math.max(failures < opensAfter ? 0 : probeEveryMs, askedMs) }
}

/** How many calls may be in flight to this receiver at `now`: `most` when it works, one probe when its pause is over, none during it. */
export function allowance(breaker: Breaker, now: number, most: number): number {
  if (breaker.openUntil === 0) return most
  return now >= breaker.openUntil ? 1 : 0
}
