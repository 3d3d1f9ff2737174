/** What an attempt to get a message's file came to. */
export type Outcome =
  | { is: 'here' }
  /** WhatsApp does not have it any more, and the phone said that it cannot give it either. */
  | { is: 'expired' }
  /** WhatsApp does not have it any more; the phone could not be asked, or did not answer. */
  | { is: 'phone_silent' }
  /** WhatsApp's host could not be reached, or what came broke off. */
  | { is: 'unreachable'; detail: string }
  /** What came is not what the message says. */
  | { is: 'corrupt'; detail: string }
  /** Larger than what is fetched by itself, but not than what is taken at all. */
  | { is: 'not_by_itself' }
  | { is: 'too_large' }
  /** The owner's files fill their quota. */
  | { is: 'no_room' }
  /** Our own store does not take files: no fault of this one. */
  | { is: 'store_down' }

/** Why a file is not there, for good as far as we can tell. */
export type FileFailure = 'expired' | 'unreachable' | 'corrupt' | 'too_large' | 'no_room'

/** Where the file of a message stands after an attempt. Times are Unix ms. */
export type Standing =
  | { state: 'here' }
  | { state: 'known' }
  | { state: 'wanted'; attempts: number; dueAt: number }
  | { state: 'failed'; failure: FileFailure }

/** WhatsApp's host is back in seconds mostly. Five hours in all: long enough for an outage of its or ours. */
const hostDelaysMs = [5_000, 30_000, 120_000, 600_000, 3_600_000, 4 * 3_600_000]
/** What arrives wrong twice is wrong: only a fault on the way mends itself. */
const corruptDelaysMs = [10_000]
/** A phone that is off may be off until tomorrow. */
const phoneDelaysMs = [60_000, 900_000, 3_600_000, 6 * 3_600_000, 24 * 3_600_000]
const storeDelayMs = 60_000

/**
 * What follows from an attempt. `attempts` failed before it. Delays are spread by up to a quarter, so that what failed together
 * does not come back together; `chance` is 0 to 1.
 */
export function standingAfter(
  outcome: Outcome,
  { attempts, now, chance }: { attempts: number; now: number; chance: number },
): Standing {
  const again = (delaysMs: readonly number[], otherwise: FileFailure): Standing => {
    const delayMs = delaysMs[attempts]
    if (delayMs === undefined) return { state: 'failed', failure: otherwise }
    return { state: 'wanted', attempts: attempts + 1, dueAt: now + Math.round(delayMs * (1 + chance / 4)) }
  }
  switch (outcome.is) {
    case 'here':
      return { state: 'here' }
    case 'not_by_itself':
      return { state: 'known' }
    case 'expired':
    case 'too_large':
    case 'no_room':
      return { state: 'failed', failure: outcome.is }
    case 'phone_silent':
      return again(phoneDelaysMs, 'expired')
    case 'unreachable':
      return again(hostDelaysMs, 'unreachable')
    case 'corrupt':
      return again(corruptDelaysMs, 'corrupt')
    case 'store_down':
      break
  }
  return { state: 'wanted', attempts, dueAt: now + storeDelayMs }
}
