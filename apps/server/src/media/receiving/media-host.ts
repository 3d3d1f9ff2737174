import { LRUCache } from 'lru-cache'
import { Agent, type Dispatcher, request } from 'undici'

import type { Clock } from '../../platform/clock.ts'
import { dispatcherFor } from '../../platform/proxy-agent.ts'

/** WhatsApp's host did not give the file: no answer, one that broke off, or a status that may pass. */
export class HostUnreachable extends Error {
  override readonly name = 'HostUnreachable'
}

/** The host does not have the file under this path: its link has expired, mostly. */
export class FileGone extends Error {
  override readonly name = 'FileGone'
}

export interface MediaHostDeps {
  /** `mmg.whatsapp.net`, or a private server's. */
  host: string
  /** PEM of who vouches for a private server; undefined = whom Node trusts. */
  ca: string | undefined
  /** The proxy of a session: its files never go around it. */
  proxyOf: (sessionId: number) => string | undefined
  clock: Clock
}

/** Where WhatsApp keeps files. The only host that is ever asked for one, whatever address a message carries. */
export interface MediaHost extends AsyncDisposable {
  /**
   * Hands the bytes of a file to `take` as they arrive, and answers what it answers.
   *
   * @throws {FileGone | HostUnreachable} and what `take` throws
   */
  fetch<T>(
    sessionId: number,
    directPath: string,
    take: (bytes: AsyncIterable<Uint8Array>) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T>
}

/** To the answer's first byte. */
const answerMs = 20_000
/** In each such stretch there must come as much as this, or the end: one who drips is given up. */
const stretchMs = 30_000
const leastBytes = 64 * 1024
/** More proxies than that at once lose their open connections, nothing else. */
const maxWays = 100
const goneStatuses: ReadonlySet<number> = new Set([403, 404, 410])

/** Of what a message may name: a path, from the root, in characters that cannot lead to another host. */
export function isDirectPath(path: string): boolean {
  return path.length <= 2048 && /^\/(?!\/)[\w\-./?=&%~+:]+$/.test(path)
}

export function createMediaHost({ host, ca, proxyOf, clock }: MediaHostDeps): MediaHost {
  const direct = new Agent({ connect: ca === undefined ? {} : { ca }, connections: 16, pipelining: 1 })
  const ways = new LRUCache<string, Promise<Dispatcher>>({
    max: maxWays,
    // What is under way on it ends first.
    dispose: (way) => void closed(way),
  })

  async function wayOf(sessionId: number): Promise<Dispatcher> {
    const proxy = proxyOf(sessionId)
    if (proxy === undefined) return direct
    let way = ways.get(proxy)
    if (way === undefined) {
      way = dispatcherFor(proxy, ca)
      ways.set(proxy, way)
      way.catch(() => ways.delete(proxy))
    }
    return way
  }

  async function fetch<T>(
    sessionId: number,
    directPath: string,
    take: (bytes: AsyncIterable<Uint8Array>) => Promise<T>,
    signal: AbortSignal,
  ): Promise<T> {
    if (!isDirectPath(directPath)) throw new FileGone('a path that WhatsApp would not give')
    const url = new URL(`https://${host}${directPath}`)
    if (url.host !== host.replace(/:443$/, '')) throw new FileGone('a path that leads to another host')
    const late = new AbortController()
    const given = AbortSignal.any([signal, late.signal])
    let answer: Dispatcher.ResponseData
    try {
      answer = await request(url, {
        dispatcher: await wayOf(sessionId),
        headers: { origin: 'https://web.whatsapp.com' },
        headersTimeout: answerMs,
        // Ours is the stricter one.
        bodyTimeout: 2 * stretchMs,
        signal: given,
      })
    } catch (cause) {
      signal.throwIfAborted()
      throw new HostUnreachable(messageOf(cause), { cause })
    }
    const { statusCode, body } = answer
    try {
      if (goneStatuses.has(statusCode)) throw new FileGone(`HTTP ${statusCode}`)
      // A redirect too: the host is the only one that files come from.
      if (statusCode !== 200) throw new HostUnreachable(`HTTP ${statusCode}`)
      return await take(arriving(body, late))
    } finally {
      // Whatever is left of it is not read: the connection goes.
      body.on('error', () => {}).destroy()
    }
  }

  /** The bytes as they come; gives up on one who lets us wait. */
  async function* arriving(
    body: AsyncIterable<Uint8Array>,
    late: AbortController,
  ): AsyncGenerator<Uint8Array> {
    let bytes = 0
    let before = 0
    let timer = clock.after(stretchMs, look)
    function look(): void {
      if (bytes - before < leastBytes) late.abort(new HostUnreachable('the host sends too slowly'))
      before = bytes
      timer = clock.after(stretchMs, look)
    }
    const source = body[Symbol.asyncIterator]()
    try {
      for (;;) {
        let next: IteratorResult<Uint8Array>
        try {
          next = await source.next()
        } catch (cause) {
          throw new HostUnreachable(messageOf(cause), { cause })
        }
        if (next.done === true) return
        bytes += next.value.length
        yield next.value
      }
    } finally {
      timer[Symbol.dispose]()
    }
  }

  return {
    fetch,
    async [Symbol.asyncDispose]() {
      const open = [...ways.values()]
      ways.clear()
      await Promise.all([direct.destroy(), ...open.map(destroyed)])
    },
  }
}

function messageOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause)
}

async function closed(way: Promise<Dispatcher>): Promise<void> {
  await way.then((dispatcher) => dispatcher.close()).catch(() => {})
}

async function destroyed(way: Promise<Dispatcher>): Promise<void> {
  await way.then((dispatcher) => dispatcher.destroy()).catch(() => {})
}
