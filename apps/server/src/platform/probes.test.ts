import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import {
  connect,
  createServer as createTcpServer,
  type AddressInfo,
  type Server as TcpServer,
  type Socket,
} from 'node:net'
import { getCACertificates, setDefaultCACertificates } from 'node:tls'

import { expect, test } from 'vitest'

import { systemClock as clock } from './clock.ts'
import { type ProbeResult, probeWebSocketServer } from './probes.ts'
import { createManualClock } from './testing/manual-clock.ts'
import { selfSigned } from './testing/self-signed.ts'

const trusted = selfSigned('localhost')
const untrusted = selfSigned('localhost')
const outdated = selfSigned('localhost', { to: -3_600_000 })
setDefaultCACertificates([...getCACertificates('default'), trusted.cert, outdated.cert])

/** Name and outcome of each probe, in order. */
const outcomes = (results: readonly ProbeResult[]) =>
  results.map(({ name, ok }) => `${name} ${ok ? 'ok' : 'failed'}`)
const last = (results: readonly ProbeResult[]) => results.at(-1)?.detail

test('a server that speaks WebSocket over TLS passes every probe', async () => {
  await using server = await webSocketServer({ tls: trusted })
  const results = await probeWebSocketServer({ url: `wss://localhost:${server.port}/ws/chat`, clock })
  expect(outcomes(results)).toEqual(['dns ok', 'tcp ok', 'tls ok', 'clock ok', 'upgrade ok'])
  expect(results.map(({ detail }) => detail)).toMatchObject([
    { host: 'localhost', addresses: expect.stringContaining('127.0.0.1') },
    { host: 'localhost', port: server.port },
    { protocol: 'TLSv1.3' },
    { offsetMs: expect.any(Number) },
    { status: 101 },
  ])
})

test('without TLS there is nothing to probe about certificates', async () => {
  await using server = await webSocketServer()
  const results = await probeWebSocketServer({ url: `ws://127.0.0.1:${server.port}/`, clock })
  expect(outcomes(results)).toEqual(['dns ok', 'tcp ok', 'clock ok', 'upgrade ok'])
})

test('a name without address', async () => {
  const results = await probeWebSocketServer({ url: 'wss://nowhere.invalid/', clock })
  expect(outcomes(results)).toEqual(['dns failed'])
  expect(last(results)).toMatchObject({ code: expect.stringMatching(/ENOTFOUND|EAI_AGAIN/) })
})

test('a port that nobody listens on', async () => {
  const server = await webSocketServer()
  await server[Symbol.asyncDispose]()
  const results = await probeWebSocketServer({ url: `ws://127.0.0.1:${server.port}/`, clock })
  expect(outcomes(results)).toEqual(['dns ok', 'tcp failed'])
  expect(last(results)).toMatchObject({ code: 'ECONNREFUSED' })
})

test.each([
  ['nobody vouches for', untrusted, 'DEPTH_ZERO_SELF_SIGNED_CERT'],
  ['is out of date', outdated, 'CERT_HAS_EXPIRED'],
  ['is for another host', selfSigned('other.example'), 'DEPTH_ZERO_SELF_SIGNED_CERT'],
])('a certificate that %s', async (_, tls, code) => {
  await using server = await webSocketServer({ tls })
  const results = await probeWebSocketServer({ url: `wss://localhost:${server.port}/`, clock })
  expect(outcomes(results)).toEqual(['dns ok', 'tcp ok', 'tls failed'])
  expect(last(results)).toMatchObject({ code })
})

test('a clock that is off, ours or theirs', async () => {
  await using server = await webSocketServer({ date: new Date(Date.now() - 6 * 60_000).toUTCString() })
  const results = await probeWebSocketServer({ url: `ws://127.0.0.1:${server.port}/`, clock })
  expect(outcomes(results)).toEqual(['dns ok', 'tcp ok', 'clock failed', 'upgrade ok'])
})

test('a server that answers the upgrade with something else', async () => {
  await using server = await webSocketServer({ status: 403 })
  const results = await probeWebSocketServer({ url: `ws://127.0.0.1:${server.port}/`, clock })
  expect(outcomes(results)).toEqual(['dns ok', 'tcp ok', 'clock ok', 'upgrade failed'])
  expect(last(results)).toEqual({ status: 403 })
})

test('a server that accepts and says nothing costs the time of its step', async () => {
  const accepted = Promise.withResolvers<void>()
  let connections = 0
  await using server = await listening(
    createTcpServer(() => {
      // The first was the probe of the port.
      if (++connections === 2) accepted.resolve()
    }),
  )
  const manual = createManualClock()
  const probed = probeWebSocketServer({
    url: `wss://127.0.0.1:${server.port}/`,
    clock: manual,
    timeoutMs: 3_000,
  })
  await accepted.promise
  await manual.advance(3_000)
  const results = await probed
  expect(outcomes(results)).toEqual(['dns ok', 'tcp ok', 'tls failed'])
  expect(last(results)).toMatchObject({ code: 'ETIMEDOUT' })
})

test('the caller can give up', async () => {
  const accepted = Promise.withResolvers<void>()
  await using server = await listening(createTcpServer(() => accepted.resolve()))
  const controller = new AbortController()
  const probed = probeWebSocketServer({
    url: `ws://127.0.0.1:${server.port}/`,
    clock,
    signal: controller.signal,
  })
  await accepted.promise
  controller.abort()
  expect((await probed).at(-1)?.ok).toBe(false)
})

test.each(['http', 'socks5'] as const)('through a %s proxy, the way it opens is probed', async (kind) => {
  await using server = await webSocketServer({ tls: trusted })
  await using proxy = kind === 'http' ? await httpProxy() : await socksProxy()
  const results = await probeWebSocketServer({
    url: `wss://localhost:${server.port}/ws/chat`,
    proxy: `${kind}://127.0.0.1:${proxy.port}`,
    clock,
  })
  expect(outcomes(results)).toEqual(['dns ok', 'tcp ok', 'proxy ok', 'tls ok', 'clock ok', 'upgrade ok'])
  expect(results[1]?.detail).toMatchObject({ port: proxy.port })
})

test('a proxy that wants credentials', async () => {
  await using proxy = await httpProxy(407)
  const results = await probeWebSocketServer({
    url: 'wss://localhost:1/',
    proxy: `http://127.0.0.1:${proxy.port}`,
    clock,
  })
  expect(outcomes(results)).toEqual(['dns ok', 'tcp ok', 'proxy failed'])
  expect(last(results)).toMatchObject({ code: 'HTTP_407' })
})

interface Running extends AsyncDisposable {
  readonly port: number
}

async function listening(server: TcpServer | Server): Promise<Running> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    socket.on('error', () => {})
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    // A TCP server's address is this object.
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function webSocketServer({
  tls,
  status = 101,
  date = new Date().toUTCString(),
}: { tls?: { key: string; cert: string }; status?: number; date?: string } = {}): Promise<Running> {
  const server = tls === undefined ? createServer() : createTlsServer(tls)
  server.on('request', (_, answer) => {
    answer.setHeader('date', date)
    answer.end()
  })
  server.on('upgrade', (_, socket) => {
    const reason =
      status === 101
        ? 'Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade'
        : 'No\r\nContent-Length: 0'
    socket.on('error', () => {})
    socket.write(`HTTP/1.1 ${status} ${reason}\r\n\r\n`)
  })
  return listening(server)
}

function httpProxy(refuseWith?: number): Promise<Running> {
  const server = createServer()
  server.on('connect', (request, client: Socket) => {
    if (refuseWith !== undefined) {
      client.end(`HTTP/1.1 ${refuseWith} No\r\nContent-Length: 0\r\n\r\n`)
      return
    }
    const [host, port] = (request.url ?? '').split(':')
    join(client, host ?? '', Number(port), () => client.write('HTTP/1.1 200 OK\r\n\r\n'))
  })
  return listening(server)
}

/** SOCKS 5 without authentication (RFC 1928). */
function socksProxy(): Promise<Running> {
  return listening(
    createTcpServer((client) => {
      client.once('data', () => {
        client.write(Buffer.from([5, 0]))
        client.once('data', (asked) => {
          const byName = asked[3] === 3
          const nameLength = asked[4] ?? 0
          const host = byName
            ? asked.toString('latin1', 5, 5 + nameLength)
            : [...asked.subarray(4, 8)].join('.')
          const port = asked.readUInt16BE(byName ? 5 + nameLength : 8)
          join(client, host, port, () => client.write(Buffer.from([5, 0, 0, 1, 0, 0, 0, 0, 0, 0])))
        })
      })
    }),
  )
}

function join(client: Socket, host: string, port: number, opened: () => void): void {
  const server = connect({ host, port }, () => {
    opened()
    server.pipe(client)
    client.pipe(server)
  })
  server.on('error', () => client.destroy())
  client.on('error', () => server.destroy())
  client.on('close', () => server.destroy())
}
