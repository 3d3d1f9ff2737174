import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A webhook receiver that answers at once and remembers how long each message took from the customer's phone. */
export interface Receiver extends AsyncDisposable {
  readonly url: string
  /** Messages received since the last `reset`, each id once for each session that got it. */
  readonly distinct: number
  readonly total: number
  /** Milliseconds from writing on the phone to this receiver, of texts of the form `#<index> <Unix ms>`. */
  readonly latenciesMs: readonly number[]
  /** Resolves when a session of the hub is told to be connected, now or before. */
  connected(session: number): Promise<void>
  reset(): void
  /** Resolves when `count` distinct messages are here; rejects when none came for `patienceMs`. */
  until(count: number, patienceMs?: number): Promise<void>
}

/** Of the hub's sessions. */
export const sessionName = (index: number): string => `bench-${index}`

const message = /"messageId":"([^"]+)"/
const session = /"sessionId":"([^"]+)"/
const written = /"(?:content|text)":"#\d+ (\d+)"/

export async function startReceiver(): Promise<Receiver> {
  let ids = new Set<string>()
  let total = 0
  let latenciesMs: number[] = []
  let lastAt = Date.now()
  const connected = new Map<string, PromiseWithResolvers<void>>()
  let waiting: { count: number; resolve: () => void } | undefined

  function connectedOf(name: string): PromiseWithResolvers<void> {
    const known = connected.get(name) ?? Promise.withResolvers<void>()
    connected.set(name, known)
    return known
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      response.end('{"message":{"success":true}}')
      const body = Buffer.concat(chunks).toString()
      const event = request.headers['x-webhook-event'] ?? 'message.received'
      if (event === 'session.connected') connectedOf(session.exec(body)?.[1] ?? '').resolve()
      if (event !== 'message.received') return
      lastAt = Date.now()
      total += 1
      ids.add(`${session.exec(body)?.[1] ?? ''} ${message.exec(body)?.[1] ?? `unknown ${total}`}`)
      const at = written.exec(body)?.[1]
      if (at !== undefined) latenciesMs.push(lastAt - Number(at))
      if (waiting !== undefined && ids.size >= waiting.count) waiting.resolve()
    })
  })
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // it listens on TCP

  return {
    url: `http://127.0.0.1:${port}`,
    get distinct() {
      return ids.size
    },
    get total() {
      return total
    },
    get latenciesMs() {
      return latenciesMs
    },
    connected: (index) => connectedOf(sessionName(index)).promise,
    reset() {
      ids = new Set()
      total = 0
      latenciesMs = []
    },
    async until(count, patienceMs = 15_000) {
      if (ids.size >= count) return
      lastAt = Date.now()
      await new Promise<void>((resolve, reject) => {
        const watch = setInterval(() => {
          if (Date.now() - lastAt < patienceMs) return
          clearInterval(watch)
          reject(
            new Error(`${ids.size} of ${count} messages reached the webhook, then none for ${patienceMs} ms`),
          )
        }, 500)
        waiting = {
          count,
          resolve: () => {
            clearInterval(watch)
            resolve()
          },
        }
      })
      waiting = undefined
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
