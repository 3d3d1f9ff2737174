/** undici, and all that needs it: loaded with the first request. */
import { LRUCache } from 'lru-cache'
import { Agent, Client, type Dispatcher } from 'undici'

import type { Allowed } from './address-policy.ts'
import { guardedConnector, type Resolve } from './connector.ts'
import type { OutboundRequest } from './index.ts'

type ChosenBy = NonNullable<OutboundRequest['chosenBy']>

/** The connections of a guarded fetch, kept alive. Disposing breaks off what is under way. */
export interface Connections extends AsyncDisposable {
  /** Guarded connections to any origin. */
  readonly toStrangers: Dispatcher
  dispatcherOf(request: OutboundRequest, chosenBy: ChosenBy, origin: string): Dispatcher
}

/** Requests under way on one connection that keeps their order. */
const pipelined = 16
/** Such connections kept at hand; the one that was longest without a request is closed. */
const maxOrdered = 1_000

export function openConnections({
  allowed,
  resolve,
  connectTimeoutMs,
  perOrigin,
}: {
  readonly allowed: Allowed
  readonly resolve: Resolve
  readonly connectTimeoutMs: number
  /** Connections per origin: one receiver's share. */
  readonly perOrigin: number
}): Connections {
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
    new Agent({ ...common, connections: perOrigin, pipelining: 1, connect })
  // Apart, so that a stranger's request never travels over a connection that only the operator may ask for.
  const agents = { stranger: agentFor(connectors.stranger), operator: agentFor(connectors.operator) }
  const ordered = new LRUCache<string, Client>({ max: maxOrdered, dispose: (client) => void client.close() })

  return {
    toStrangers: agents.stranger,

    dispatcherOf({ inOrder }, chosenBy, origin) {
      if (inOrder === undefined) return agents[chosenBy]
      const name = `${chosenBy} ${origin} ${inOrder}`
      let client = ordered.get(name)
      if (client === undefined) {
        client = new Client(origin, { ...common, pipelining: pipelined, connect: connectors[chosenBy] })
        ordered.set(name, client)
      }
      return client
    },

    async [Symbol.asyncDispose]() {
      const clients = [agents.stranger, agents.operator, ...ordered.values()]
      await Promise.all(clients.map((client) => client.destroy()))
    },
  }
}
