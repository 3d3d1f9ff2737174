import type { ServerResponse } from 'node:http'

import type { Clock } from '../clock.ts'

/** How long handlers that wait (long polls) get to answer after their signal was aborted, ms. */
const lastWordsMs = 250

/** The requests under way, and how they end when the server stops. */
export class UnderWay {
  readonly #clock: Clock
  /** Ends what handlers of requests under way still do. */
  readonly #ends = new Set<AbortController>()
  #count = 0
  #isDraining = false
  #isStopped = false
  #onIdle: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Whether new requests are to be refused. */
  get isDraining(): boolean {
    return this.#isDraining
  }

  /** Counts a request until its answer is written, or its client has gone away, of which Fastify's `onResponse` never hears. */
  begins(answer: ServerResponse): void {
    this.#count++
    answer.once('close', () => {
      this.#count--
      if (this.#count === 0) this.#onIdle?.()
    })
  }

  /**
   * Aborted when the client goes away before its answer is written, and when the server stops. Fastify's own `request.signal` follows the
   * request stream instead, which closes as soon as the body has been read. One signal, and not `AbortSignal.any` of two: that costs a
   * request some 50 µs more.
   */
  endOf(answer: ServerResponse): AbortSignal {
    const end = new AbortController()
    if (this.#isStopped || answer.destroyed) {
      end.abort()
      return end.signal
    }
    this.#ends.add(end)
    answer.once('close', () => {
      this.#ends.delete(end)
      if (!answer.writableEnded) end.abort()
    })
    return end.signal
  }

  /** Refuses new requests, and resolves when those under way are answered; those that take longer than `maxMs` are told to end. */
  async drain(maxMs: number): Promise<void> {
    this.#isDraining = true
    if (await this.#idleWithin(maxMs)) return
    this.stop()
    await this.#idleWithin(lastWordsMs)
  }

  /** Tells all of them to end, and those that come. */
  stop(): void {
    this.#isDraining = true
    this.#isStopped = true
    for (const end of this.#ends) end.abort()
  }

  /** Whether no request is under way, now or within `ms`. */
  async #idleWithin(ms: number): Promise<boolean> {
    if (this.#count === 0) return true
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#onIdle = resolve
    using _timer = this.#clock.after(ms, resolve)
    await promise
    this.#onIdle = undefined
    return this.#count === 0
  }
}
