import type { LookupAddress } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'

import { LRUCache } from 'lru-cache'
import { buildConnector } from 'undici'

import { type Allowed, refusal } from './address-policy.ts'
import { OutboundError } from './outbound-error.ts'

/** `dns.lookup`, or a test's. */
export type Resolve = (
  hostname: string,
  options: { all: true; family?: 0 | 4 | 6 },
  callback: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void

/**
 * Opens connections for undici to addresses that may be called, and to no others. The name is resolved once and the very addresses that
 * were judged are connected to, so a name that answers otherwise a moment later (DNS rebinding) gains nothing.
 */
export function guardedConnector({
  allowed,
  resolve,
  connectTimeoutMs,
}: {
  /** Undefined = anywhere: for addresses that the operator configured. */
  allowed: Allowed | undefined
  resolve: Resolve
  connectTimeoutMs: number
}): buildConnector.connector {
  const judged = (address: string, port: number) =>
    allowed === undefined ? undefined : refusal(address, port, allowed)

  function lookupFor(port: number): LookupFunction {
    return (hostname, options, callback) => {
      const family = options.family === 4 || options.family === 6 ? options.family : 0
      resolve(hostname, { all: true, family }, (error, addresses) => {
        const [first] = addresses ?? []
        if (error !== null) {
          callback(error, [])
          return
        }
        if (first === undefined) {
          callback(new OutboundError('unreachable', `${hostname} has no address`), [])
          return
        }
        // One address that may not be called condemns the name: which one the connection takes is not ours to choose.
        const refused = addresses.map(({ address }) => judged(address, port)).find((why) => why !== undefined)
        if (refused !== undefined) callback(new OutboundError('forbidden', `${hostname}: ${refused}`), [])
        else if (options.all === true) callback(null, addresses)
        else callback(null, first.address, first.family)
      })
    }
  }

  // One per port, because the rules for ports depend on the address; kept, because each remembers TLS sessions.
  const connectors = new LRUCache<number, buildConnector.connector>({ max: 100 })
  function connectorFor(port: number): buildConnector.connector {
    let connector = connectors.get(port)
    if (connector === undefined) {
      connector = buildConnector({ timeout: connectTimeoutMs, lookup: lookupFor(port) })
      connectors.set(port, connector)
    }
    return connector
  }

  return (options, callback) => {
    const port = Number(options.port) || (options.protocol === 'https:' ? 443 : 80)
    // The lookup above is not asked for literals.
    const literal = isIP(options.hostname) === 0 ? undefined : judged(options.hostname, port)
    if (literal !== undefined) {
      callback(new OutboundError('forbidden', literal), null)
      return
    }
    connectorFor(port)(options, (...result) => {
      const [error, socket] = result
      if (error !== null) {
        callback(error, null)
        return
      }
      // Cannot differ from what was judged; if it ever does, nothing is sent.
      const reached = socket.remoteAddress
      const refused = reached === undefined ? 'it closed at once' : judged(reached, port)
      if (refused === undefined) {
        callback(null, socket)
        return
      }
      socket.destroy()
      callback(new OutboundError('forbidden', `connected to ${reached}: ${refused}`), null)
    })
  }
}
