/**
 * Looks at the way to a WebSocket server step by step, without Baileys: for the diagnosis of a session and for `doctor`.
 * Each probe tells one thing that can be wrong; those that follow a failure it explains are left out.
 */
import { lookup } from 'node:dns/promises'
import { type Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { connect } from 'node:net'
import { TLSSocket } from 'node:tls'

import type { Clock } from './clock.ts'
import { proxyAgentFor } from './proxy-agent.ts'

export interface ProbeResult {
  /**
   * `dns`: the name has addresses · `tcp`: the port answers · `proxy`: the proxy opens a way · `tls`: the certificate is trusted ·
   * `clock`: ours agrees with the server's · `upgrade`: the server speaks WebSocket. With a proxy, `dns` and `tcp` are about the proxy.
   */
  readonly name: 'dns' | 'tcp' | 'proxy' | 'tls' | 'clock' | 'upgrade'
  readonly ok: boolean
  readonly ms: number
  /** Safe to show: host, port, addresses, status, certificate, `code` of what failed. */
  readonly detail: Record<string, string | number | boolean | null>
}

export interface ProbeOptions {
  /** A ws:// or wss:// URL. */
  readonly url: string
  /** http://, https:// or socks5:// URL, with credentials if it wants them. */
  readonly proxy?: string | undefined
  readonly clock: Clock
  readonly signal?: AbortSignal | undefined
  /** For each step. */
  readonly timeoutMs?: number
}

/** A clock further off than this makes certificates look out of date. */
const maxClockOffsetMs = 5 * 60_000

/** Runs the probes in order. Never rejects: what fails is in the results. */
export async function probeWebSocketServer({
  url,
  proxy,
  clock,
  signal,
  timeoutMs = 10_000,
}: ProbeOptions): Promise<readonly ProbeResult[]> {
  const target = new URL(url)
  const isSecure = target.protocol === 'wss:'
  const first = proxy === undefined ? target : new URL(proxy)
  const host = bare(first.hostname)
  const port = portOf(first)
  const results: ProbeResult[] = []

  /** Runs one probe in its time and keeps its result; answers whether it went well. */
  async function probe(
    name: ProbeResult['name'],
    run: (signal: AbortSignal) => Promise<{ ok?: boolean; detail: ProbeResult['detail'] }>,
  ): Promise<boolean> {
    const startedAt = clock.monotonic()
    const ended = new AbortController()
    using _timer = clock.after(timeoutMs, () =>
      ended.abort(new ProbeFailure('ETIMEDOUT', `no answer in ${timeoutMs} ms`)),
    )
    const until = signal === undefined ? ended.signal : AbortSignal.any([signal, ended.signal])
    try {
      const { ok = true, detail } = await unlessAborted(run(until), until)
      results.push({ name, ok, ms: elapsed(startedAt), detail })
      return ok
    } catch (error) {
      results.push({ name, ok: false, ms: elapsed(startedAt), detail: detailOf(error) })
      return false
    }
  }
  const elapsed = (since: number) => Math.round(clock.monotonic() - since)

  const resolved = await probe('dns', async () => {
    const addresses = await lookup(host, { all: true })
    return { detail: { host, addresses: addresses.map(({ address }) => address).join(', ') } }
  })
  if (!resolved) return results
  const reached = await probe('tcp', async (until) => ({
    detail: { host, port, address: await reach(host, port, until) },
  }))
  if (!reached) return results

  const agent = proxy === undefined ? undefined : await proxyAgentFor(proxy)
  const hello = talk(new URL('/', url.replace(/^ws/, 'http')), { agent, method: 'HEAD', headers: {}, signal })
  try {
    if (proxy !== undefined) {
      const opened = await probe('proxy', async () => {
        await hello.opened
        return { detail: { host: bare(target.hostname), port: portOf(target) } }
      })
      if (!opened) return results
    }
    if (isSecure && !(await probe('tls', async () => ({ detail: certificateOf(await hello.secured) }))))
      return results
    await probe('clock', async () => clockOffset(await hello.answered, clock.now()))
  } finally {
    hello.end()
  }

  const upgrade = talk(new URL(url.replace(/^ws/, 'http')), {
    agent,
    method: 'GET',
    headers: upgradeHeaders(target),
    signal,
  })
  try {
    await probe('upgrade', async () => {
      const { status } = await upgrade.answered
      return { ok: status === 101, detail: { status } }
    })
  } finally {
    upgrade.end()
  }
  return results
}

/** What failed, with a code to tell it by. */
class ProbeFailure extends Error {
  override readonly name = 'ProbeFailure'
  readonly code: string
  constructor(code: string, message: string) {
    super(message)
    this.code = code
  }
}

function detailOf(error: unknown): ProbeResult['detail'] {
  if (!(error instanceof Error)) return { code: 'UNKNOWN' }
  // Happy eyeballs: one error for each address, the first says enough.
  const [first]: unknown[] = error instanceof AggregateError ? error.errors : [error]
  const cause = first instanceof Error ? first : error
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name
  return { code, message: cause.message }
}

async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) throw signal.reason
  const aborted = Promise.withResolvers<never>()
  const onAbort = () => aborted.reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, aborted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

/** Connects and hangs up; answers the address that answered. */
function reach(host: string, port: number, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port })
    const hangUp = () => socket.destroy()
    signal.addEventListener('abort', hangUp, { once: true })
    socket.once('close', () => signal.removeEventListener('abort', hangUp))
    socket.once('error', reject)
    socket.once('connect', () => {
      resolve(socket.remoteAddress ?? '')
      socket.destroy()
    })
  })
}

interface Answered {
  readonly status: number
  readonly date: string | undefined
}

/** One HTTP exchange, told in the order it happens. A step that is not reached rejects like the one that failed. */
interface Talk {
  /** There is a connection to the server, through the proxy if there is one. */
  readonly opened: Promise<void>
  readonly secured: Promise<TLSSocket>
  readonly answered: Promise<Answered>
  end(): void
}

function talk(
  url: URL,
  options: {
    agent: Agent | undefined
    method: string
    headers: Record<string, string>
    signal: AbortSignal | undefined
  },
): Talk {
  const opened = Promise.withResolvers<void>()
  const secured = Promise.withResolvers<TLSSocket>()
  const answered = Promise.withResolvers<Answered>()
  const steps = [opened, secured, answered]
  // Nobody may be waiting for a step any more when it fails.
  for (const { promise } of steps) promise.catch(() => {})
  const fail = (error: Error) => {
    for (const { reject } of steps) reject(error)
  }
  const isSecure = url.protocol === 'https:'
  const { method, headers, signal, agent } = options
  const send = isSecure ? httpsRequest : httpRequest
  // `agent: false` is a connection of its own, which no environment proxy takes over.
  const request = send(url, {
    method,
    headers,
    agent: agent ?? false,
    ...(signal === undefined ? {} : { signal }),
  })
  request.once('socket', (socket) => {
    if (!isSecure) opened.resolve()
    if (!(socket instanceof TLSSocket)) return
    opened.resolve()
    socket.once('secureConnect', () => secured.resolve(socket))
  })
  const onAnswer = (answer: IncomingMessage) => {
    answer.resume()
    // A proxy that refuses the way answers in the server's place, before there is TLS.
    if (isSecure && !(answer.socket instanceof TLSSocket)) {
      fail(new ProbeFailure(`HTTP_${answer.statusCode}`, `the proxy answered ${answer.statusCode}`))
    } else answered.resolve({ status: answer.statusCode ?? 0, date: answer.headers.date })
  }
  request.once('response', onAnswer)
  request.once('upgrade', (answer, socket) => {
    socket.destroy()
    onAnswer(answer)
  })
  request.once('error', fail)
  request.end()
  return {
    opened: opened.promise,
    secured: secured.promise,
    answered: answered.promise,
    end: () => request.destroy(),
  }
}

function certificateOf(socket: TLSSocket): ProbeResult['detail'] {
  const { subject, issuer, valid_to: validTo } = socket.getPeerCertificate()
  return {
    subject: String(subject?.CN ?? ''),
    // Not the usual authority: a middlebox that reads along.
    issuer: String(issuer?.O ?? issuer?.CN ?? ''),
    validTo: validTo ?? '',
    protocol: socket.getProtocol() ?? '',
  }
}

function clockOffset(
  { date, status }: Answered,
  now: number,
): { ok: boolean; detail: ProbeResult['detail'] } {
  const theirs = Date.parse(date ?? '')
  // A server that does not say the time says nothing against ours.
  if (Number.isNaN(theirs)) return { ok: true, detail: { status, offsetMs: null } }
  const offsetMs = now - theirs
  return { ok: Math.abs(offsetMs) <= maxClockOffsetMs, detail: { status, offsetMs } }
}

function upgradeHeaders({ origin, host }: URL): Record<string, string> {
  return {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    'Sec-WebSocket-Key': Buffer.alloc(16, host).toString('base64'),
    Origin: origin === 'null' ? `https://${host}` : origin,
  }
}

function bare(hostname: string): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}

function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port)
  if (url.protocol.startsWith('socks')) return 1080
  return url.protocol === 'wss:' || url.protocol === 'https:' ? 443 : 80
}
