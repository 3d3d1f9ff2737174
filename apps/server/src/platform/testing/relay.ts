import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A loopback port that leads to another one, until it is cut. */
export interface Relay extends AsyncDisposable {
  readonly port: number
  /** Breaks every connection and takes no new one. */
  cut(): void
  mend(): void
}

export async function startRelay(target: { host: string; port: number }): Promise<Relay> {
  const sockets = new Set<Socket>()
  let isCut = false
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    return socket
  }
  const server = createServer((client) => {
    if (isCut) {
      client.resetAndDestroy()
      return
    }
    const there = keep(connect(target))
    keep(client).pipe(there).pipe(client)
    client.once('close', () => there.destroy())
    there.once('close', () => client.destroy())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = () => {
    isCut = true
    for (const socket of sockets) socket.resetAndDestroy()
  }
  return {
    // A TCP server's address is this object.
    port: (server.address() as AddressInfo).port,
    cut,
    mend() {
      isCut = false
    },
    async [Symbol.asyncDispose]() {
      cut()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
