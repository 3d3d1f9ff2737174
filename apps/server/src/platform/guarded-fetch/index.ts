/**
 * The only way out to addresses that others chose: webhook URLs, media URLs. Never asks a host inside (docs/decisions/outbound-requests.md).
 *
 * `send` is the cheap path, for webhooks: one parsed target per URL, keep-alive connections, one callback (20 to 40 µs of CPU a request, measured).
 * `fetchBytes` follows redirects, each judged again, for media. `dispatcher` is for libraries that take an undici dispatcher.
 */
import { lookup } from 'node:dns'

import { LRUCache } from 'lru-cache'
import type { Dispatcher } from 'undici'

import type { Clock } from '../clock.ts'
import { type Allowed, refusal } from './address-policy.ts'
import type { Connections } from './connections.ts'
import type { Resolve } from './connector.ts'
import { exchange } from './exchange.ts'
import { OutboundError } from './outbound-error.ts'
import { parseTarget, type Target } from './target.ts'
import { getStream } from './get-stream.ts'

export { type Allowed, nothingAllowed, parseAllowed } from './address-policy.ts'
export { OutboundError } from './outbound-error.ts'

export interface OutboundRequest {
  readonly method: 'GET' | 'POST' | 'HEAD'
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Uint8Array | undefined
  /** From now to the last byte of the answer, connecting included. */
  readonly timeoutMs: number
  /** How much of the answer to read. */
  readonly maxBytes: number
  /** What lies beyond: cut off (the answer says `truncated`), or an error. */
  readonly beyond: 'cut' | 'fail'
  readonly signal?: AbortSignal | undefined
  /**
   * Requests of one such name to one origin travel over one connection of their own in the order they were given, several under way. One
   * that loses the connection under it is sent again, so the receiver must bear a repetition.
   */
  readonly inOrder?: string | undefined
  /** Who chose the address. The operator's (from the environment) may be anywhere. Default: a stranger. */
  readonly chosenBy?: 'stranger' | 'operator'
}

export interface OutboundAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Uint8Array
  readonly truncated: boolean
}

/** An answer that is still arriving. */
export interface OutboundDownload {
  /** Where it came from in the end. */
  readonly url: string
  /** Names in lower case. */
  readonly headers: OutboundAnswer['headers']
  readonly bytes: AsyncIterable<Uint8Array>
}

export interface GuardedFetch extends AsyncDisposable {
  /** Makes one request, follows nothing, and tells its end, once, never synchronously. */
  send(request: OutboundRequest, done: (outcome: OutboundAnswer | OutboundError) => void): void
  /** GET, following at most three redirects. Answers status 200–299 only; rejects with `OutboundError`. */
  fetchBytes(
    url: string,
    options: {
      maxBytes: number
      timeoutMs: number
      signal?: AbortSignal
      headers?: Readonly<Record<string, string>>
    },
  ): Promise<OutboundAnswer & { url: string }>
  /**
   * GET like `fetchBytes`, but its answer is handed to `take` as it arrives, so it may be of any size. The time limit is that of all of it,
   * `take` included. The connection is given up when `take` is done or throws, and its bytes break off at `maxBytes` with `OutboundError`.
   */
  download<T>(
    url: string,
    options: {
      maxBytes: number
      timeoutMs: number
      signal?: AbortSignal | undefined
      /** Who asks; told to every host on the way. */
      userAgent?: string
    },
    take: (answer: OutboundDownload) => Promise<T>,
  ): Promise<T>
  /** Guarded connections for libraries; what it is given to do is not limited in size or time. */
  dispatcher(): Promise<Dispatcher>
  /** Why this URL would not be called, as far as it shows without resolving its name; undefined when nothing speaks against it. */
  refusalOf(url: string): string | undefined
  /** The same, its name resolved; a name that does not resolve now is not refused. Calling it later is judged anew. */
  refusalNow(url: string): Promise<string | undefined>
}

export interface GuardedFetchOptions {
  readonly allowed: Allowed
  readonly clock: Clock
  readonly connectTimeoutMs?: number
  /** Connections per origin: one receiver's share. */
  readonly connections?: number
  /** For tests. */
  readonly resolve?: Resolve
}

/** What a URL says, and why a stranger's is not called; for a name that is judged when it is resolved. */
interface Judged {
  readonly target: Target
  readonly refused: string | undefined
}

const maxRedirects = 3

export function createGuardedFetch({
  allowed,
  clock,
  connectTimeoutMs = 5_000,
  connections: perOrigin = 32,
  resolve = lookup,
}: GuardedFetchOptions): GuardedFetch {
  // undici is loaded with the first request: a tenth of all modules of the hub, which starting it does not need.
  let connections: Connections | undefined
  let opening: Promise<Connections> | undefined
  async function open(): Promise<Connections> {
    const { openConnections } = await import('./connections.ts')
    connections = openConnections({ allowed, resolve, connectTimeoutMs, perOrigin })
    return connections
  }
  const opened = (): Promise<Connections> => (opening ??= open())
  /** Those that wait go on in the order they came, before any that finds the connections open. */
  async function onceOpen(
    go: (open: Connections) => void,
    fail: (error: OutboundError) => void,
  ): Promise<void> {
    let open
    try {
      open = await opened()
    } catch (cause) {
      fail(new OutboundError('unreachable', 'undici cannot be loaded', { cause }))
      return
    }
    go(open)
  }

  const targets = new LRUCache<string, Judged>({ max: 1_000 })
  function targetOf(url: string, chosenBy: 'stranger' | 'operator'): Target | OutboundError {
    let judged = targets.get(url)
    if (judged === undefined) {
      const target = parseTarget(url)
      if (target instanceof OutboundError) return target
      const { literal, port } = target
      judged = { target, refused: literal === undefined ? undefined : refusal(literal, port, allowed) }
      targets.set(url, judged)
    }
    const { target, refused } = judged
    return chosenBy === 'stranger' && refused !== undefined ? new OutboundError('forbidden', refused) : target
  }

  const guarded: GuardedFetch = {
    dispatcher: async () => (await opened()).toStrangers,

    refusalOf(url) {
      const target = targetOf(url, 'stranger')
      return target instanceof OutboundError ? target.message : undefined
    },

    async refusalNow(url) {
      const target = targetOf(url, 'stranger')
      if (target instanceof OutboundError) return target.message
      if (target.literal !== undefined) return undefined
      const { hostname } = new URL(url)
      const addresses = await new Promise<readonly string[]>((resolved) => {
        resolve(hostname, { all: true }, (error, found) =>
          resolved(error === null ? found.map(({ address }) => address) : []),
        )
      })
      const refused = addresses
        .map((address) => refusal(address, target.port, allowed))
        .find((why) => why !== undefined)
      return refused === undefined ? undefined : `${hostname}: ${refused}`
    },

    send(request, done) {
      const chosenBy = request.chosenBy ?? 'stranger'
      const target = targetOf(request.url, chosenBy)
      if (target instanceof OutboundError) {
        queueMicrotask(() => done(target))
        return
      }
      const over = (open: Connections) =>
        exchange(open.dispatcherOf(request, chosenBy, target.origin), clock, target, request, done)
      if (connections !== undefined) over(connections)
      else void onceOpen(over, done)
    },

    async download(url, { maxBytes, timeoutMs, signal, userAgent }, take) {
      const over = new AbortController()
      using _deadline = clock.after(timeoutMs, () =>
        over.abort(new OutboundError('timeout', `not complete in ${Math.round(timeoutMs)} ms`)),
      )
      const giveUp = () => over.abort(new OutboundError('aborted', 'given up', { cause: signal?.reason }))
      if (signal?.aborted === true) giveUp()
      signal?.addEventListener('abort', giveUp, { once: true })
      try {
        let at = url
        for (let hop = 0; ; hop++) {
          const target = targetOf(at, 'stranger')
          if (target instanceof OutboundError) throw target
          const answer = await getStream({
            target,
            dispatcher: await guarded.dispatcher(),
            signal: over.signal,
            userAgent,
          })
          await using _answer = answer
          if (answer.status >= 200 && answer.status < 300) {
            return await take({ url: at, headers: answer.headers, bytes: answer.bytes(maxBytes) })
          }
          at = redirectOf(answer, at, hop)
        }
      } finally {
        signal?.removeEventListener('abort', giveUp)
      }
    },

    async fetchBytes(url, { maxBytes, timeoutMs, signal, headers = {} }) {
      const deadline = clock.monotonic() + timeoutMs
      let at = url
      for (let hop = 0; ; hop++) {
        const request: OutboundRequest = {
          method: 'GET',
          url: at,
          // Headers are for the host that was asked for, not for where it points.
          headers: hop === 0 ? headers : {},
          timeoutMs: Math.max(1, deadline - clock.monotonic()),
          maxBytes,
          beyond: 'fail',
          signal,
        }
        const answer = await new Promise<OutboundAnswer>((answered, failed) => {
          guarded.send(request, (outcome) =>
            outcome instanceof OutboundError ? failed(outcome) : answered(outcome),
          )
        })
        if (answer.status >= 200 && answer.status < 300) return { ...answer, url: at }
        at = redirectOf(answer, at, hop)
      }
    },

    async [Symbol.asyncDispose]() {
      await (await opening)?.[Symbol.asyncDispose]()
    },
  }
  return guarded
}

/** Where an answer other than 200–299 leads on to. Throws `OutboundError` when it does not, or too often. */
function redirectOf(
  { status, headers: { location } }: Pick<OutboundAnswer, 'status' | 'headers'>,
  at: string,
  hop: number,
): string {
  if (![301, 302, 303, 307, 308].includes(status) || typeof location !== 'string') {
    throw new OutboundError('reset', `the host answered ${status}`)
  }
  if (hop === maxRedirects) throw new OutboundError('forbidden', `more than ${maxRedirects} redirects`)
  if (!URL.canParse(location, at)) throw new OutboundError('forbidden', 'a redirect to no address')
  return new URL(location, at).href
}
