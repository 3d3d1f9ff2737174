/**
 * The only way out to addresses that others chose: webhook URLs, media URLs. Never asks a host inside (docs/decisions/outbound-requests.md).
 *
 * `send` is the cheap path, for webhooks: one parsed target per URL, keep-alive connections, one callback (20 to 40 µs of CPU a request, measured).
 * `fetchBytes` follows redirects, each judged again, for media. `dispatcher` is for libraries that take an undici dispatcher.
 */
import { lookup } from 'node:dns'

import { LRUCache } from 'lru-cache'
import { Agent, Client, type Dispatcher } from 'undici'

import type { Clock } from '../clock.ts'
import { type Allowed, refusal } from './address-policy.ts'
import { guardedConnector, type Resolve } from './connector.ts'
import { exchange } from './exchange.ts'
import { OutboundError } from './outbound-error.ts'
import { parseTarget, type Target } from './target.ts'

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
  /** Guarded connections for libraries; what it is given to do is not limited in size or time. */
  readonly dispatcher: Dispatcher
  /** Why this URL would not be called, as far as it shows without resolving its name; undefined when nothing speaks against it. */
  refusalOf(url: string): string | undefined
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

const maxRedirects = 3
/** Requests under way on one connection that keeps their order. */
const pipelined = 16
/** Such connections kept at hand; the one that was longest without a request is closed. */
const maxOrdered = 1_000

export function createGuardedFetch({
  allowed,
  clock,
  connectTimeoutMs = 5_000,
  connections = 32,
  resolve = lookup,
}: GuardedFetchOptions): GuardedFetch {
  const common = {
    // One deadline of our own per request instead.
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: 16_384,
  }
  const connectors = {
    stranger: guardedConnector({ allowed, resolve, connectTimeoutMs }),
    operator: guardedConnector({ allowed: undefined, resolve, connectTimeoutMs }),
  }
  // Node's environment proxies are the global dispatcher's; an Agent of our own never asks them.
  const agentFor = (connect: typeof connectors.stranger) =>
    new Agent({ ...common, connections, pipelining: 1, connect })
  // Apart, so that a stranger's request never travels over a connection that only the operator may ask for.
  const agents = { stranger: agentFor(connectors.stranger), operator: agentFor(connectors.operator) }
  const ordered = new LRUCache<string, Client>({ max: maxOrdered, dispose: (client) => void client.close() })

  function dispatcherOf(
    { inOrder }: OutboundRequest,
    chosenBy: keyof typeof agents,
    { origin }: Target,
  ): Dispatcher {
    if (inOrder === undefined) return agents[chosenBy]
    const name = `${chosenBy} ${origin} ${inOrder}`
    let client = ordered.get(name)
    if (client === undefined) {
      client = new Client(origin, { ...common, pipelining: pipelined, connect: connectors[chosenBy] })
      ordered.set(name, client)
    }
    return client
  }

  const targets = new LRUCache<string, Target>({ max: 1_000 })
  function targetOf(url: string, chosenBy: 'stranger' | 'operator'): Target | OutboundError {
    let target = targets.get(url)
    if (target === undefined) {
      const parsed = parseTarget(url)
      if (parsed instanceof OutboundError) return parsed
      target = parsed
      targets.set(url, target)
    }
    if (chosenBy === 'stranger' && target.literal !== undefined) {
      const refused = refusal(target.literal, target.port, allowed)
      if (refused !== undefined) return new OutboundError('forbidden', refused)
    }
    return target
  }

  const guarded: GuardedFetch = {
    dispatcher: agents.stranger,

    refusalOf(url) {
      const target = targetOf(url, 'stranger')
      return target instanceof OutboundError ? target.message : undefined
    },

    send(request, done) {
      const chosenBy = request.chosenBy ?? 'stranger'
      const target = targetOf(request.url, chosenBy)
      if (target instanceof OutboundError) queueMicrotask(() => done(target))
      else exchange(dispatcherOf(request, chosenBy, target), clock, target, request, done)
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
        const { location } = answer.headers
        if (![301, 302, 303, 307, 308].includes(answer.status) || typeof location !== 'string') {
          throw new OutboundError('reset', `the host answered ${answer.status}`)
        }
        if (hop === maxRedirects) throw new OutboundError('forbidden', `more than ${maxRedirects} redirects`)
        if (!URL.canParse(location, at)) throw new OutboundError('forbidden', 'a redirect to no address')
        at = new URL(location, at).href
      }
    },

    async [Symbol.asyncDispose]() {
      const clients = [agents.stranger, agents.operator, ...ordered.values()]
      await Promise.all(clients.map((client) => client.destroy()))
    },
  }
  return guarded
}
