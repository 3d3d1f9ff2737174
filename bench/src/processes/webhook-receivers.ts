// Webhook receivers of many owners in one process: one that answers at once, at `/<owner>`, and one that answers a byte now and then.
import { createServer } from 'node:http'
import { createServer as createTcp, type AddressInfo } from 'node:net'

import { answerParent, parentIsDone } from '../support/child.ts'
import { preciseNow } from '../support/precise-now.ts'

interface Owner {
  ids: Set<string>
  calls: number
  latenciesMs: number[]
}

let owners = new Map<string, Owner>()
let lastAt = preciseNow()
let firstAt: number | undefined
const text = /"(?:text|body)":"#\d+ ([\d.]+)"/

const server = createServer((request, response) => {
  const parts: Buffer[] = []
  request.on('data', (part: Buffer) => parts.push(part))
  request.on('end', () => {
    response.end('{}')
    lastAt = preciseNow()
    firstAt ??= lastAt
    const name = request.url ?? '/'
    let owner = owners.get(name)
    if (owner === undefined) {
      owner = { ids: new Set(), calls: 0, latenciesMs: [] }
      owners.set(name, owner)
    }
    owner.calls += 1
    owner.ids.add(String(request.headers['webhook-id'] ?? request.headers['x-webhook-id']))
    const at = text.exec(Buffer.concat(parts).toString())?.[1]
    if (at !== undefined) owner.latenciesMs.push(lastAt - Number(at))
  })
})
server.keepAliveTimeout = 60_000
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const { port } = server.address() as AddressInfo // it listens on TCP

const dripping = createTcp((socket) => {
  socket.on('error', () => {})
  socket.once('data', () => {
    socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n')
    const drip = setInterval(() => socket.write('.'), 1000)
    socket.once('close', () => clearInterval(drip))
  })
})
await new Promise<void>((resolve) => dripping.listen(0, '127.0.0.1', resolve))
const { port: drippingPort } = dripping.address() as AddressInfo // it listens on TCP

answerParent({
  urls: () => ({ base: `http://127.0.0.1:${port}`, dripping: `http://127.0.0.1:${drippingPort}/` }),
  /** Resolves when these owners have got `count` distinct deliveries together, or nothing came for `patienceMs`. */
  until: async ({
    names,
    count,
    patienceMs,
  }: {
    names: readonly string[]
    count: number
    patienceMs: number
  }) => {
    lastAt = preciseNow()
    const distinct = () => names.reduce((sum, name) => sum + (owners.get(name)?.ids.size ?? 0), 0)
    while (distinct() < count && preciseNow() - lastAt < patienceMs)
      await new Promise((resolve) => setTimeout(resolve, 10))
    return {
      distinct: distinct(),
      calls: names.reduce((sum, name) => sum + (owners.get(name)?.calls ?? 0), 0),
      latenciesMs: names.flatMap((name) => owners.get(name)?.latenciesMs ?? []),
      seconds: (lastAt - (firstAt ?? lastAt)) / 1000,
    }
  },
  reset: () => {
    owners = new Map()
    firstAt = undefined
  },
})

await parentIsDone()
server.closeAllConnections()
server.close()
dripping.close()
