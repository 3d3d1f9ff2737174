/**
 * How long a failed delivery is tried again. Pure: the dispatcher keeps the time.
 * Delays in ms before the 2nd, 3rd, … attempt; after the last one the delivery is given up.
 */
export type Patience = keyof typeof delaysMs

const second = 1000
const minute = 60 * second
const hour = 60 * minute

const delaysMs = {
  /** About ten minutes in all: what the CRM's contract allows before a delivery goes to the dead letters. */
  contract: [1, 2, 4, 8, 15, 30, 60, 120, 180, 180].map((s) => s * second),
  /** The CRM stores a sent message right after the send answer; when it still does not know it after half a minute, it never will. */
  briefly: [1, 2, 4, 8, 15].map((s) => s * second),
  /** The receiver read it and said no without a reason we know: worth a few tries, not worth holding the queue. */
  few: [1, 2, 4].map((s) => s * second),
  /** Standard Webhooks: about 75 hours in all. */
  standard: [
    5 * second,
    30 * second,
    5 * minute,
    30 * minute,
    2 * hour,
    5 * hour,
    10 * hour,
    14 * hour,
    20 * hour,
    24 * hour,
  ],
} as const satisfies Record<string, readonly number[]>

/** No receiver may ask us to wait longer than this (Retry-After), in ms. */
export const maxAskedMs = 24 * hour

/**
 * Milliseconds until the next attempt after `attempts` failed ones (1 or more); undefined when patience has run out. `patience` may be the
 * delays that an endpoint was given.
 * `random` in [0, 1) spreads the delay by ±20 %, so that many sessions do not come back to one receiver together.
 * `askedMs` is the receiver's Retry-After: never sooner than that.
 */
export function nextAttemptInMs(
  patience: Patience | readonly number[],
  attempts: number,
  random: number,
  askedMs = 0,
): number | undefined {
  const delay = (typeof patience === 'string' ? delaysMs[patience] : patience)[attempts - 1]
  if (delay === undefined) return undefined
  const spread = Math.round(delay * (0.8 + 0.4 * random))
  return Math.max(spread, Math.min(askedMs, maxAskedMs))
}
