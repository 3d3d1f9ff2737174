import http from 'node:http'
import https from 'node:https'
import type net from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'

import { proxyAgentFor } from '../../../platform/proxy-agent.ts'
import { isMissing } from '../missing.ts'

/** Told as the connection is made, in order. */
export interface ConnectionObserver {
  dns(detail: { address: string; family: number }): void
  tcp(detail: { address: string; port: number; viaProxy: boolean }): void
  tls(detail: { protocol: string; authorized: boolean }): void
}

/**
 * The agent for one dial: direct or through the session's proxy, watched either way. Rejects on a proxy URL we cannot use.
 */
export async function agentFor(
  url: URL,
  proxy: string | undefined,
  observer: ConnectionObserver,
): Promise<http.Agent | https.Agent> {
  const isSecure = url.protocol === 'wss:'
  if (proxy === undefined) return isSecure ? new WatchedHttpsAgent(observer) : new WatchedHttpAgent(observer)
  const agent = await proxyAgentFor(proxy)
  const { hostname: address, port } = new URL(proxy)
  const createSocket = agent.createSocket.bind(agent)
  agent.createSocket = (request, options, callback) => {
    createSocket(request, options, (error, socket) => {
      if (error === null) observer.tcp({ address, port: Number(port), viaProxy: true })
      callback(error, socket)
    })
  }
  return agent
}

class WatchedHttpsAgent extends https.Agent {
  readonly #observer: ConnectionObserver
  constructor(observer: ConnectionObserver) {
    super({ keepAlive: false })
    this.#observer = observer
  }

  override createConnection(
    options: https.RequestOptions,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    const socket = super.createConnection(options, callback)
    watch(socket, this.#observer)
    socket?.once('secureConnect', () => {
      // An https.Agent makes TLS sockets.
      const tlsSocket = socket as TLSSocket
      this.#observer.tls({
        protocol: tlsSocket.getProtocol() ?? 'unknown',
        authorized: tlsSocket.authorized,
      })
    })
    return socket
  }
}

class WatchedHttpAgent extends http.Agent {
  readonly #observer: ConnectionObserver
  constructor(observer: ConnectionObserver) {
    super({ keepAlive: false })
    this.#observer = observer
  }

  override createConnection(
    options: http.ClientRequestArgs,
    callback?: (error: Error | null, stream: Duplex) => void,
  ): Duplex | null | undefined {
    const socket = super.createConnection(options, callback)
    watch(socket, this.#observer)
    return socket
  }
}

function watch(socket: Duplex | null | undefined, observer: ConnectionObserver): void {
  if (isMissing(socket)) return
  socket.once('lookup', (error: Error | null, address: string, family: number | string) => {
    if (error === null) observer.dns({ address, family: Number(family) })
  })
  socket.once('connect', () => {
    // Agents of http and https make net.Sockets.
    const { remoteAddress, remotePort } = socket as net.Socket
    observer.tcp({ address: remoteAddress ?? '', port: remotePort ?? 0, viaProxy: false })
  })
}
