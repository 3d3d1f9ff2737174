import { type Bucket, HubError } from '@inbox-hub/contract'

import type { Clock } from '../clock.ts'
import {
  FixedWindows,
  rateLimitHeaders,
  type RateLimits,
  type Standing,
  SteadyBuckets,
  whatsappLimitHeaders,
} from './rate-limits.ts'

/** Where headers go: Fastify's reply is one. */
interface HeadersOut {
  headers: (headers: Record<string, string>) => unknown
}

/** Counts requests against the contract's limits, says where a caller stands, and refuses what comes too early. */
export class Pacing {
  readonly #clock: Clock
  readonly #limits: RateLimits
  readonly #general: FixedWindows
  readonly #reads: FixedWindows
  readonly #whatsapp: FixedWindows
  readonly #sending: SteadyBuckets
  readonly #auth: FixedWindows

  constructor(limits: RateLimits, clock: Clock) {
    this.#clock = clock
    this.#limits = limits
    this.#general = new FixedWindows(limits.general)
    this.#reads = new FixedWindows(limits.reads)
    this.#whatsapp = new FixedWindows(limits.whatsapp)
    this.#sending = new SteadyBuckets(limits.sending)
    this.#auth = new FixedWindows(limits.auth)
  }

  /** The headers for somebody whose key is not known yet. */
  greet(ip: string, out: HeadersOut): void {
    out.headers(rateLimitHeaders(this.#reads.peek(`ip ${ip}`, this.#clock.monotonic())))
  }

  /** Before the body is read. @throws {HubError} RATE_LIMIT_EXCEEDED */
  arrive(bucket: Bucket, caller: string, out: HeadersOut): void {
    const now = this.#clock.monotonic()
    const windows = this.#windowsOf(bucket)
    // Sends have a limit of their own; polling for a QR code must never meet one.
    const counted = bucket !== 'none' && bucket !== 'sending'
    const standing = counted ? windows.take(caller, now) : windows.peek(caller, now)
    out.headers(rateLimitHeaders(standing))
    if (standing.waitMs > 0) throw tooMany('RATE_LIMIT_EXCEEDED', standing)
  }

  /**
   * Before the work, once the request is known to be valid. A send that comes a little early waits for its turn.
   * @throws {HubError} RATE_LIMIT_EXCEEDED, MESSAGE_RATE_LIMIT_EXCEEDED
   */
  async proceed(bucket: Bucket, caller: string, signal: () => AbortSignal, out: HeadersOut): Promise<void> {
    const now = this.#clock.monotonic()
    if (bucket === 'whatsapp') {
      const standing = this.#whatsapp.take(caller, now)
      out.headers(whatsappLimitHeaders(standing, this.#clock.now()))
      if (standing.waitMs > 0) throw tooMany('RATE_LIMIT_EXCEEDED', standing)
    } else if (bucket === 'sending') {
      const holdMs = this.#limits.sendingHoldMs
      const standing = this.#sending.take(caller, now, holdMs)
      out.headers(rateLimitHeaders(standing))
      if (standing.waitMs > holdMs) throw tooMany('MESSAGE_RATE_LIMIT_EXCEEDED', standing)
      if (standing.waitMs > 0) await this.#wait(standing.waitMs, signal())
    }
  }

  #windowsOf(bucket: Bucket): FixedWindows {
    if (bucket === 'auth') return this.#auth
    return bucket === 'reads' || bucket === 'none' ? this.#reads : this.#general
  }

  async #wait(ms: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    using _timer = this.#clock.after(ms, resolve)
    signal.addEventListener('abort', () => resolve(), { once: true })
    await promise
    // Whoever gave up waiting must not find the message sent all the same.
    if (signal.aborted) throw new HubError('REQUEST_TIMEOUT')
  }
}

function tooMany(
  code: 'RATE_LIMIT_EXCEEDED' | 'MESSAGE_RATE_LIMIT_EXCEEDED',
  { waitMs }: Standing,
): HubError {
  return new HubError(code, {}, { retryAfterMs: waitMs, values: { seconds: Math.ceil(waitMs / 1000) } })
}
