/**
 * Why a request has no answer:
 * - `forbidden`: the guard does not call that address; trying again changes nothing
 * - `unreachable`: no connection was made, so the receiver saw nothing
 * - `reset`: the connection broke after the request went out; the receiver may have acted on it
 * - `timeout`: taken, and not answered in time
 * - `too_large`: the answer is larger than asked for
 * - `aborted`: the caller's signal
 */
export type OutboundFailure = 'forbidden' | 'unreachable' | 'reset' | 'timeout' | 'too_large' | 'aborted'

/** A request that got no answer. The message is safe to show to whoever gave the URL. */
export class OutboundError extends Error {
  override readonly name = 'OutboundError'
  readonly because: OutboundFailure
  constructor(because: OutboundFailure, message: string, options?: ErrorOptions) {
    super(message, options)
    this.because = because
  }
}
