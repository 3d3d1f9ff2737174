import { createServer, type IncomingMessage, STATUS_CODES } from 'node:http'
import { createServer as createTcpServer, type Socket } from 'node:net'
import { once } from 'node:events'
import { WebSocketServer } from 'ws'
import type { Clock } from '../clock.ts'
import type { Fault, FaultPlans } from '../faults.ts'
import type { Dial, Truth } from '../truth.ts'
import { Connection, type ConnectionContext } from './connection.ts'

/** Where clients ask for the upgrade, as at WhatsApp's. */
export const path = '/ws/chat'

interface Arrival {
  dial: Dial
  faults: readonly Fault[]
}

export interface Listener extends AsyncDisposable {
  port: number
  connections: ReadonlySet<Connection>
}

/**
 * Listens on loopback: TCP, then the upgrade to WebSocket, then a {@link Connection}. What goes wrong before
 * there is a WebSocket goes wrong here.
 */
export async function listen(
  port: number,
  context: ConnectionContext,
  plans: FaultPlans,
  truth: Truth,
  clock: Clock,
): Promise<Listener> {
  const sockets = new Set<Socket>()
  const connections = new Set<Connection>()
  const arrivals = new WeakMap<Socket, Arrival>()
  const wss = new WebSocketServer({ noServer: true, perMessageDeflate: false, clientTracking: false })
  const http = createServer((_, response) => response.writeHead(426, { upgrade: 'websocket' }).end())

  const ended = (dial: Dial, by: Dial['endedBy'], reason?: string): void => {
    if (dial.endedAt !== undefined) return
    dial.endedAt = clock.now()
    dial.endedBy = by
    dial.reason = reason
    truth.touched()
  }

  http.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const arrival = arrivals.get(socket)
    if (arrival === undefined) {
      socket.destroy()
      return
    }
    if (request.url?.split('?')[0] !== path) {
      socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
      return
    }
    arrival.dial.stage = 'upgrade'
    truth.touched()
    const proceed = (): void => {
      wss.handleUpgrade(request, socket, head, (ws) => {
        const connection = new Connection(context, ws, socket, arrival.dial, arrival.faults)
        connections.add(connection)
        socket.once('close', () => connections.delete(connection))
      })
    }
    beforeWebSocket('upgrade', arrival, socket, proceed)
  })

  const tcp = createTcpServer({ noDelay: true }, (socket) => {
    const arrival: Arrival = {
      dial: truth.dials.add({
        number: truth.dials.total + 1,
        at: clock.now(),
        stage: 'tcp',
        device: undefined,
        version: undefined,
        endedAt: undefined,
        endedBy: undefined,
        reason: undefined,
      }),
      faults: plans.take(),
    }
    arrivals.set(socket, arrival)
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('close', () => {
      sockets.delete(socket)
      ended(arrival.dial, 'network')
    })
    beforeWebSocket('tcp', arrival, socket, () => http.emit('connection', socket))
  })

  /** Does what goes wrong at this stage, else goes on. */
  function beforeWebSocket(
    stage: 'tcp' | 'upgrade',
    { dial, faults }: Arrival,
    socket: Socket,
    proceed: () => void,
  ): void {
    const fault = faults.find(({ at }) => at === stage)
    if (fault === undefined) return proceed()
    switch (fault.do) {
      case 'delay':
        clock.after(fault.ms, () => {
          if (!socket.destroyed) proceed()
        })
        return
      case 'silence':
        return
      case 'reset':
        ended(dial, 'server', 'reset')
        socket.resetAndDestroy()
        return
      case 'http': {
        const close = fault.keepOpen !== true
        ended(dial, 'server', `http ${fault.status}`)
        const head = [
          `HTTP/1.1 ${fault.status} ${STATUS_CODES[fault.status] ?? 'Refused'}`,
          'Content-Length: 0',
          ...(fault.location === undefined ? [] : [`Location: ${fault.location}`]),
          ...(close ? ['Connection: close'] : []),
        ]
        socket.write(`${head.join('\r\n')}\r\n\r\n`)
        if (close) socket.end()
        return
      }
      case 'garbage':
      case 'malformed':
        ended(dial, 'server', fault.do)
        socket.end('\u0000\u0001 this is no HTTP\r\n\r\n')
        return
      case 'close':
      case 'end_stream':
      case 'failure':
      case 'stream_error':
        ended(dial, 'server', fault.do)
        socket.end()
        return
      case 'certificate':
      case 'stanza':
      case 'companion_reg_refresh':
      case 'passkey_prologue':
        return proceed() // There is nothing yet to do them on.
    }
  }

  tcp.listen(port, '127.0.0.1')
  await once(tcp, 'listening')
  const address = tcp.address()
  if (address === null || typeof address === 'string') throw new Error('The listener has no port.')

  return {
    port: address.port,
    connections,
    async [Symbol.asyncDispose]() {
      const closed = once(tcp, 'close')
      tcp.close()
      for (const connection of connections) connection.terminate('emulator stopped')
      for (const socket of sockets) socket.destroy()
      wss.close()
      http.close()
      await closed
    },
  }
}
