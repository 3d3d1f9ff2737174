import { boundedCache } from '../bounded-cache.ts'

/** At most `max` requests in `windowMs`. */
export interface RateLimit {
  max: number
  windowMs: number
}

/** The contract's buckets (§2). `general` and `reads` are counted per key (or person) and session, `whatsapp` and `sending` per session. */
export interface RateLimits {
  general: RateLimit
  reads: RateLimit
  /** Create, connect, restart, disconnect, delete: what makes WhatsApp notice. Counted beside `general`. */
  whatsapp: RateLimit
  /** Sends. One that comes too early waits up to `sendingHoldMs` for its turn. */
  sending: RateLimit
  sendingHoldMs: number
  /** Logging in and what else guesses could be made with; per address. */
  auth: RateLimit
}

export const usualRateLimits: RateLimits = {
  general: { max: 1000, windowMs: 900_000 },
  reads: { max: 6000, windowMs: 900_000 },
  whatsapp: { max: 30, windowMs: 60_000 },
  sending: { max: 20, windowMs: 60_000 },
  sendingHoldMs: 5000,
  auth: { max: 5, windowMs: 900_000 },
}

/** So many that nobody gets there, and headers still hold a number. */
const noLimit: RateLimit = { max: 1_000_000_000, windowMs: 60_000 }

const bucketNames = ['general', 'reads', 'whatsapp', 'sending', 'auth'] as const

/**
 * Limits as an operator writes them: `off`, or buckets to change with requests per seconds, `sending=60/60, reads=20000/900`.
 * What is not named stays as it is. Undefined when it is neither.
 */
export function parseRateLimits(text: string): RateLimits | undefined {
  if (text.trim().toLowerCase() === 'off')
    return {
      general: noLimit,
      reads: noLimit,
      whatsapp: noLimit,
      sending: noLimit,
      sendingHoldMs: 0,
      auth: noLimit,
    }
  const limits = { ...usualRateLimits }
  for (const part of text.split(',')) {
    const [, name, max, seconds] =
      /^\s*([a-z]+)\s*=\s*([1-9]\d{0,8})\s*\/\s*([1-9]\d{0,5})\s*$/.exec(part) ?? []
    const bucket = bucketNames.find((known) => known === name)
    if (bucket === undefined) return undefined
    limits[bucket] = { max: Number(max), windowMs: Number(seconds) * 1000 }
  }
  return limits
}

/** Where a request stands with a limit. */
export interface Standing {
  limit: RateLimit
  remaining: number
  /** Until the limit is whole again, ms. */
  resetMs: number
  /** Until this request may pass, ms; 0 when it passes now. */
  waitMs: number
}

/** How many callers are remembered; the longest silent one is forgotten first. */
const maxCallers = 50_000

/** Counts requests in windows that start with the first one: what `RateLimit-Reset` of the contract tells. */
export class FixedWindows {
  readonly #windows = boundedCache<string, { count: number; endsAt: number }>(maxCallers)
  readonly #limit: RateLimit

  constructor(limit: RateLimit) {
    this.#limit = limit
  }

  /** Counts a request of `caller` at `now` (monotonic ms). */
  take(caller: string, now: number): Standing {
    let window = this.#windows.get(caller)
    if (window === undefined || now >= window.endsAt) {
      window = { count: 0, endsAt: now + this.#limit.windowMs }
      this.#windows.set(caller, window)
    }
    if (window.count >= this.#limit.max) return this.#standing(window, now, window.endsAt - now)
    window.count++
    return this.#standing(window, now, 0)
  }

  /** Where `caller` stands, counting nothing. */
  peek(caller: string, now: number): Standing {
    const window = this.#windows.peek(caller)
    return window === undefined || now >= window.endsAt
      ? { limit: this.#limit, remaining: this.#limit.max, resetMs: 0, waitMs: 0 }
      : this.#standing(window, now, 0)
  }

  #standing(window: { count: number; endsAt: number }, now: number, waitMs: number): Standing {
    return {
      limit: this.#limit,
      remaining: Math.max(0, this.#limit.max - window.count),
      resetMs: window.endsAt - now,
      waitMs,
    }
  }
}

/**
 * A bucket that refills steadily (GCRA), so that a burst is followed by an even pace instead of a wall: one number
 * per caller, the time at which the bucket would be full again.
 */
export class SteadyBuckets {
  readonly #fullAt = boundedCache<string, number>(maxCallers)
  readonly #limit: RateLimit
  readonly #everyMs: number

  constructor(limit: RateLimit) {
    this.#limit = limit
    this.#everyMs = limit.windowMs / limit.max
  }

  /** Takes a place for `caller` at `now`, if its turn comes within `holdMs`; `waitMs` beyond that took none. */
  take(caller: string, now: number, holdMs: number): Standing {
    const fullAt = Math.max(this.#fullAt.get(caller) ?? 0, now)
    const waitMs = Math.max(0, fullAt + this.#everyMs - this.#limit.windowMs - now)
    const next = waitMs > holdMs ? fullAt : fullAt + this.#everyMs
    if (next !== fullAt) this.#fullAt.set(caller, next)
    return {
      limit: this.#limit,
      remaining: Math.max(0, Math.floor((this.#limit.windowMs - (next - now)) / this.#everyMs)),
      resetMs: Math.max(0, next - now),
      waitMs,
    }
  }
}

const seconds = (ms: number): string => String(Math.max(0, Math.ceil(ms / 1000)))

/** The headers that clients of the contract read. */
export function rateLimitHeaders({ limit, remaining, resetMs }: Standing): Record<string, string> {
  return {
    'ratelimit-policy': `${limit.max};w=${Math.round(limit.windowMs / 1000)}`,
    'ratelimit-limit': String(limit.max),
    'ratelimit-remaining': String(remaining),
    'ratelimit-reset': seconds(resetMs),
  }
}

/** The same for the WhatsApp bucket; its reset is a Unix time in seconds. */
export function whatsappLimitHeaders(
  { limit, remaining, resetMs }: Standing,
  now: number,
): Record<string, string> {
  return {
    'x-ratelimit-limit': String(limit.max),
    'x-ratelimit-remaining': String(remaining),
    'x-ratelimit-reset': seconds(now + resetMs),
  }
}
