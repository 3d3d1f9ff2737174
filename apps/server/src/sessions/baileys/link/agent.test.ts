import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import net from 'node:net'

import { startEmulator } from '@inbox-hub/emulator'
import { request } from 'undici'
import { expect, test } from 'vitest'

import { dispatcherFor, uploadAgentFor } from '../../../platform/proxy-agent.ts'
import { startRig } from '../testing/rig.ts'
import { agentFor } from './agent.ts'

async function listening(server: net.Server): Promise<{ port: number } & AsyncDisposable> {
  const sockets = new Set<net.Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  // A TCP server's address is an object.
  const { port } = server.address() as AddressInfo
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

function joined(left: net.Socket, right: net.Socket): void {
  left.pipe(right).pipe(left)
  left.on('error', () => right.destroy())
  right.on('error', () => left.destroy())
}

/** A proxy that opens tunnels (`CONNECT`), and counts them. */
async function httpProxy() {
  const tunnels: string[] = []
  const server = http.createServer()
  server.on('connect', ({ url = '' }, client: net.Socket) => {
    tunnels.push(url)
    const [host, port] = url.split(':')
    const target = net.connect(Number(port), host, () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n')
      joined(client, target)
    })
  })
  return { tunnels, ...(await disposableOf(server)) }
}

/** A SOCKS5 proxy without authentication, for IPv4 addresses (RFC 1928). */
async function socksProxy() {
  const tunnels: string[] = []
  const server = net.createServer((client) => {
    client.once('data', () => {
      client.write(Buffer.from([5, 0]))
      client.once('data', (request: Buffer) => {
        const host = [...request.subarray(4, 8)].join('.')
        const port = request.readUInt16BE(8)
        tunnels.push(`${host}:${port}`)
        const target = net.connect(port, host, () => {
          client.write(Buffer.concat([Buffer.from([5, 0, 0, 1]), request.subarray(4, 10)]))
          joined(client, target)
        })
      })
    })
  })
  return { tunnels, ...(await disposableOf(server)) }
}

async function disposableOf(server: net.Server) {
  const place = await listening(server)
  return { port: place.port, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() }
}

test.each([
  ['http', httpProxy],
  ['socks5', socksProxy],
] as const)('a session goes through its %s proxy, and says so', async (scheme, start) => {
  await using rig = await startRig()
  await using proxy = await start()
  const session = await rig.dial(1, { proxy: `${scheme}://127.0.0.1:${proxy.port}` })
  await session.event('qr')
  expect(proxy.tunnels).toEqual([new URL(rig.emulator.url).host])
  expect(session.steps()).toEqual(['tcp', 'upgrade', 'first_frame', 'payload', 'pair_device'])
})

test('a proxy that refuses is named', async () => {
  await using rig = await startRig()
  const server = http.createServer()
  server.on('connect', (_request, client: net.Socket) => client.end('HTTP/1.1 407 Who are you\r\n\r\n'))
  await using proxy = await disposableOf(server)
  const session = await rig.dial(1, { proxy: `http://127.0.0.1:${proxy.port}` })
  const { cause } = await session.event('closed')
  expect(cause.reason).toBe('proxy_refused')
})

test('names, TCP and TLS are told as they are reached', async () => {
  // A shared key instead of a certificate: nothing to make, and nothing that looks like a secret.
  const psk = Buffer.alloc(32, 1)
  const shared = { ciphers: 'PSK', maxVersion: 'TLSv1.2' as const }
  const server = https.createServer({ ...shared, pskCallback: () => psk }, (_request, response) => {
    response.end()
  })
  await using place = await disposableOf(server)
  const seen: string[] = []
  const agent = await agentFor(new URL('wss://localhost/ws/chat'), undefined, {
    dns: () => seen.push('dns'),
    tcp: ({ viaProxy }) => seen.push(`tcp ${viaProxy}`),
    tls: ({ protocol }) => seen.push(protocol),
  })
  // https passes them on to tls, whose options they are.
  const tlsOptions = { pskCallback: () => ({ psk, identity: 'test' }), checkServerIdentity: () => undefined }
  const target = { host: 'localhost', port: place.port, family: 4, agent }
  const request = https.get({ ...shared, ...tlsOptions, ...target })
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  response.resume()
  await once(response, 'end')
  expect(seen).toEqual(['dns', 'tcp false', 'TLSv1.2'])
})

test.each([
  ['no', undefined],
  ['an http', httpProxy],
  ['a socks5', socksProxy],
] as const)('files go through %s proxy, both ways, to whom the operator trusts', async (_, start) => {
  await using emulator = await startEmulator()
  await using proxy = await start?.()
  const scheme = start === socksProxy ? 'socks5' : 'http'
  const url = proxy && `${scheme}://127.0.0.1:${proxy.port}`
  const { host, authority } = emulator.media
  const path = emulator.media.store.putBytes(Buffer.from('sealed'), 'image')
  const dispatcher = await dispatcherFor(url, authority)
  const answer = await request(`https://${host}${path}`, dispatcher === undefined ? {} : { dispatcher })
  expect(await answer.body.text()).toBe('sealed')
  await dispatcher?.close()

  const agent = await uploadAgentFor(url, authority)
  const { promise: status, resolve, reject } = Promise.withResolvers<number | undefined>()
  const upload = https.request(`https://${host}/mms/image/x`, {
    method: 'POST',
    ...(agent === undefined ? {} : { agent }),
  })
  upload.on('response', (response) => {
    response.resume()
    resolve(response.statusCode)
  })
  upload.on('error', reject).end()
  expect(await status).toBe(401)
  agent?.destroy()
  if (proxy !== undefined) expect(proxy.tunnels).toEqual([host, host])

  const distrusting = await dispatcherFor(url)
  const refused = request(
    `https://${host}${path}`,
    distrusting === undefined ? {} : { dispatcher: distrusting },
  )
  await expect(refused).rejects.toThrow(/certificate/)
  await distrusting?.destroy()
})
