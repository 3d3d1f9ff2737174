import type { Dispatcher } from 'undici'

import type { Clock } from '../clock.ts'
import type { OutboundAnswer, OutboundRequest } from './index.ts'
import { OutboundError } from './outbound-error.ts'
import type { Target } from './target.ts'

/** One request and its answer over `dispatcher`. */
export function exchange(
  dispatcher: Dispatcher,
  clock: Clock,
  target: Target,
  request: OutboundRequest,
  done: (outcome: OutboundAnswer | OutboundError) => void,
): void {
  new Exchange(clock, request, done).dispatch(dispatcher, target)
}

/** What is under way by the signal that ends it. A signal goes through all its listeners for each that comes or goes: it has one of ours. */
const byEnd = new WeakMap<AbortSignal, Set<Exchange>>()

function endedBy(signal: AbortSignal): Set<Exchange> {
  const known = byEnd.get(signal)
  if (known !== undefined) return known
  const underWay = new Set<Exchange>()
  byEnd.set(signal, underWay)
  const abortAll = (): void => {
    for (const one of underWay) one.abort()
  }
  signal.addEventListener('abort', abortAll, { once: true })
  return underWay
}

/** undici's handler for one request: a plain object of callbacks costs half of what its promise API does. */
class Exchange implements Dispatcher.DispatchHandler {
  readonly #request: OutboundRequest
  readonly #done: (outcome: OutboundAnswer | OutboundError) => void
  readonly #deadline: Disposable
  #controller: Dispatcher.DispatchController | undefined
  #underWay: Set<Exchange> | undefined
  #settled = false
  #status = 0
  #headers: OutboundAnswer['headers'] = {}
  #chunks: Buffer[] = []
  #bytes = 0

  constructor(
    clock: Clock,
    request: OutboundRequest,
    done: (outcome: OutboundAnswer | OutboundError) => void,
  ) {
    this.#request = request
    this.#done = done
    this.#deadline = clock.after(request.timeoutMs, () =>
      this.#fail(new OutboundError('timeout', `no answer in ${Math.round(request.timeoutMs)} ms`)),
    )
  }

  dispatch(dispatcher: Dispatcher, { origin, path }: Target): void {
    const { signal, method, headers, body, inOrder } = this.#request
    if (signal?.aborted === true) {
      queueMicrotask(() => this.abort())
      return
    }
    this.#underWay = signal && endedBy(signal).add(this)
    // What is not idempotent, or may block, would wait for the answer before it.
    const pipelining = inOrder === undefined ? {} : { idempotent: true, blocking: false }
    dispatcher.dispatch({ origin, path, method, headers, body: body ?? null, ...pipelining }, this)
  }

  /** Its signal is aborted. */
  abort(): void {
    this.#fail(new OutboundError('aborted', 'given up', { cause: this.#request.signal?.reason }))
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller
    // It waited for a connection longer than its time.
    if (this.#settled) controller.abort(new Error('given up while waiting for a connection'))
  }

  onResponseStart(
    _: Dispatcher.DispatchController,
    status: number,
    headers: OutboundAnswer['headers'],
  ): void {
    if (status < 200) return
    this.#status = status
    this.#headers = headers
  }

  onResponseData(_: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#settled) return
    const room = this.#request.maxBytes - this.#bytes
    if (chunk.length <= room) {
      this.#chunks.push(chunk)
      this.#bytes += chunk.length
      return
    }
    if (this.#request.beyond === 'fail') {
      this.#fail(new OutboundError('too_large', `the answer is larger than ${this.#request.maxBytes} bytes`))
      return
    }
    this.#chunks.push(chunk.subarray(0, room))
    this.#settle(this.#answer(true))
    this.#controller?.abort(new Error('enough was read'))
  }

  onResponseEnd(): void {
    this.#settle(this.#answer(false))
  }

  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#settle(failureOf(error, this.#controller !== undefined))
  }

  #answer(truncated: boolean): OutboundAnswer {
    const [only] = this.#chunks
    const body = this.#chunks.length === 1 && only !== undefined ? only : Buffer.concat(this.#chunks)
    return { status: this.#status, headers: this.#headers, body, truncated }
  }

  #fail(error: OutboundError): void {
    this.#settle(error)
    this.#controller?.abort(error)
  }

  #settle(outcome: OutboundAnswer | OutboundError): void {
    if (this.#settled) return
    this.#settled = true
    this.#deadline[Symbol.dispose]()
    this.#underWay?.delete(this)
    this.#done(outcome)
  }
}

/** What happened, from undici's error. `started`: the request had a connection. */
export function failureOf(error: Error, started: boolean): OutboundError {
  if (error instanceof OutboundError) return error
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.name
  if (started) return new OutboundError('reset', `the connection broke (${code})`, { cause: error })
  return new OutboundError('unreachable', `no connection (${code})`, { cause: error })
}
