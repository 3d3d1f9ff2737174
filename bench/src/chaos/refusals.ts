import { createServer, type Server } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'

import { type EventData, endpoints, type SessionReason, type SessionStateName } from '@inbox-hub/contract'
import type { Disconnect, Fault } from '@inbox-hub/emulator'

import { measured } from '../support/table.ts'
import { Unheard } from './api.ts'
import { sessionNumber } from './numbers.ts'
import { type ChaosOptions, Findings, type Report } from './scenario.ts'
import { eventually, pause, startWorld, type World } from './world.ts'

/** The figure: so long after the fault a session says where it stands, why, and what to do, ms. */
const saysWithinMs = 45_000
/** So long after the fault is over it is back, when somebody presses connect as its remedy says, ms. */
const backWithinMs = 60_000
/** How often a desk asks, ms. */
const pollEveryMs = 400

/** What engine knowledge §1.2 wants a session to say: a state, and one of these reasons. */
interface Outcome {
  state: SessionStateName
  reasons: readonly SessionReason[]
  /** It stays so until a time that WhatsApp named, whatever somebody presses. */
  rests?: boolean
}

const waits = (...reasons: SessionReason[]): Outcome => ({ state: 'waiting', reasons })
const failed = (reason: SessionReason): Outcome => ({ state: 'failed', reasons: [reason] })
const restricted: Outcome = { state: 'restricted', reasons: ['restricted'], rests: true }
const lost = waits('connection_lost', 'connection_closed')

interface Case {
  name: string
  outcome: Outcome
  /** The next dial of a session that nobody has linked goes wrong like this. */
  dial?: Fault
  proxy?: (proxies: Proxies) => string
  /** A linked session's logins are refused like this, */
  refused?: { reason: number | string; attrs?: Record<string, string> }
  /** or its connection ends like this, */
  ends?: Disconnect
  /** or its next login goes wrong like this. */
  login?: Fault
}

const http = (status: number): Fault => ({ at: 'upgrade', do: 'http', status })
const failure = (reason: number | string): Fault => ({ at: 'payload', do: 'failure', reason })

const cases: readonly Case[] = [
  ...[301, 403, 405, 429, 503].map((status): Case => ({
    name: `upgrade answered ${status}`,
    dial: http(status),
    outcome: waits('upgrade_refused'),
  })),
  { name: 'upgrade answered 407', dial: http(407), outcome: waits('proxy_refused') },
  {
    name: 'upgrade answered 200 and left open',
    dial: { at: 'upgrade', do: 'http', status: 200, keepOpen: true },
    outcome: waits('upgrade_refused'),
  },
  { name: 'reset at once', dial: { at: 'tcp', do: 'reset' }, outcome: lost },
  { name: 'closed in the handshake', dial: { at: 'noise', do: 'close' }, outcome: lost },
  { name: 'reset after the payload', dial: { at: 'payload', do: 'reset' }, outcome: lost },
  { name: 'closed under the QR', dial: { at: 'qr', do: 'close', afterMs: 50 }, outcome: lost },
  {
    name: 'silence at once',
    dial: { at: 'tcp', do: 'silence' },
    outcome: waits('unreachable', 'handshake_timeout'),
  },
  {
    name: 'silence instead of an upgrade',
    dial: { at: 'upgrade', do: 'silence' },
    outcome: waits('unreachable', 'handshake_timeout'),
  },
  {
    name: 'silence in the handshake',
    dial: { at: 'noise', do: 'silence' },
    outcome: waits('handshake_timeout'),
  },
  { name: 'silence after the payload', dial: { at: 'payload', do: 'silence' }, outcome: waits('no_answer') },
  ...(['unknown_root', 'forged_leaf', 'wrong_issuer', 'other_key', 'missing_leaf'] as const).map(
    (flaw): Case => ({
      name: `certificate: ${flaw}`,
      dial: { at: 'noise', do: 'certificate', flaw },
      outcome: waits('noise_mismatch'),
    }),
  ),
  {
    name: 'a frame that does not decrypt',
    dial: { at: 'payload', do: 'garbage' },
    outcome: waits('bad_frame'),
  },
  { name: 'a frame that is no node', dial: { at: 'payload', do: 'malformed' }, outcome: waits('bad_frame') },
  {
    name: 'failure 402 before a phone',
    dial: { at: 'payload', do: 'failure', reason: 402, attrs: { code: '101', expire: '600' } },
    outcome: restricted,
  },
  { name: 'failure 409 before a phone', dial: failure(409), outcome: failed('bad_user_agent') },
  { name: 'failure 411 before a phone', dial: failure(411), outcome: failed('phone_outdated') },
  ...[413, 414, 415, 418].map((code): Case => ({
    name: `failure ${code} before a phone`,
    dial: failure(code),
    outcome: failed('unexpected_failure'),
  })),
  { name: 'failure 500 before a phone', dial: failure(500), outcome: waits('unknown') },
  { name: 'failure 503 before a phone', dial: failure(503), outcome: waits('service_unavailable') },
  { name: 'failure "oops" before a phone', dial: failure('oops'), outcome: waits('unknown') },
  {
    name: 'stream error 503 under the QR',
    dial: { at: 'qr', do: 'stream_error', code: 503, afterMs: 50 },
    outcome: waits('service_unavailable'),
  },
  {
    name: 'a passkey asked for',
    dial: { at: 'qr', do: 'passkey_prologue', afterMs: 50 },
    outcome: { state: 'passkey_required', reasons: ['passkey_required'] },
  },
  {
    name: 'a proxy that nobody listens on',
    proxy: () => 'http://127.0.0.1:1',
    outcome: waits('unreachable', 'proxy_refused'),
  },
  {
    name: 'a SOCKS proxy that nobody listens on',
    proxy: () => 'socks5://127.0.0.1:1',
    outcome: waits('unreachable', 'proxy_refused'),
  },
  {
    name: 'a proxy whose name nobody knows',
    proxy: () => 'http://nowhere.invalid:3128',
    outcome: waits('dns_failed', 'proxy_refused'),
  },
  {
    name: 'a proxy that wants a password',
    proxy: ({ asking }) => `http://127.0.0.1:${portOf(asking)}`,
    outcome: waits('proxy_refused'),
  },
  {
    name: 'a proxy that says nothing',
    proxy: ({ silent }) => `http://127.0.0.1:${portOf(silent)}`,
    outcome: waits('unreachable', 'proxy_refused', 'handshake_timeout'),
  },
  {
    name: 'login refused with 401',
    refused: { reason: 401 },
    outcome: { state: 'logged_out', reasons: ['logged_out'] },
  },
  {
    name: 'login refused with 402',
    refused: { reason: 402, attrs: { code: '104', expire: '600' } },
    outcome: restricted,
  },
  {
    name: 'login refused with 403',
    refused: { reason: 403 },
    outcome: { state: 'logged_out', reasons: ['locked'] },
  },
  {
    name: 'login refused with 405',
    refused: { reason: 405 },
    outcome: { state: 'client_outdated', reasons: ['client_outdated'] },
  },
  {
    name: 'login refused with 406',
    refused: { reason: 406 },
    outcome: { state: 'logged_out', reasons: ['banned'] },
  },
  { name: 'login refused with 409', refused: { reason: 409 }, outcome: failed('bad_user_agent') },
  { name: 'login refused with 411', refused: { reason: 411 }, outcome: failed('phone_outdated') },
  ...[413, 414, 415, 418].map((reason): Case => ({
    name: `login refused with ${reason}`,
    refused: { reason },
    outcome: failed('unexpected_failure'),
  })),
  ...[428, 440, 500, 501, 'oops'].map((reason): Case => ({
    name: `login refused with ${reason}`,
    refused: { reason },
    outcome: waits('unknown'),
  })),
  {
    name: 'login refused with 503',
    refused: { reason: 503 },
    outcome: waits('service_unavailable'),
  },
  { name: 'cut while online', ends: 'connection_lost', outcome: lost },
  { name: 'closed while online', ends: 'closed', outcome: lost },
  { name: 'stream ended while online', ends: 'stream_ended', outcome: lost },
  { name: 'evicted while online', ends: 'replaced', outcome: waits('connection_replaced') },
  {
    name: 'unlinked while online',
    ends: 'device_removed',
    outcome: { state: 'logged_out', reasons: ['logged_out'] },
  },
  { name: 'stream error 503 while online', ends: 'unavailable', outcome: waits('service_unavailable') },
  { name: 'stream error 500 while online', ends: 'internal_error', outcome: waits('unknown') },
  { name: 'an old phone', ends: 'downgraded', outcome: failed('phone_outdated') },
  { name: 'garbage while online', ends: 'garbage', outcome: waits('bad_frame') },
  { name: 'a malformed frame while online', ends: 'malformed', outcome: waits('bad_frame') },
  { name: 'silence while online', ends: 'silence', outcome: waits('connection_lost') },
  {
    name: 'silence after the login',
    login: { at: 'login', do: 'silence' },
    outcome: waits('connection_lost', 'no_answer'),
  },
  { name: 'cut after the login', login: { at: 'login', do: 'reset' }, outcome: lost },
]

interface Proxies {
  /** Answers 407. */
  asking: Server
  /** Takes connections, and says nothing. */
  silent: Server
}

/** What came of one case. */
interface Trial {
  name: string
  /** From the fault to the right words, ms; undefined when they never came. */
  saidMs: number | undefined
  wrong: string | undefined
  stuck: string | undefined
}

/** T5: every refusal and failure, all at once, in real time, while a desk for each session asks what it shows people. */
export async function refusals(options: ChaosOptions): Promise<Report> {
  const findings = new Findings()
  await using world = await startWorld(options)
  await using parts = new AsyncDisposableStack()
  const proxies: Proxies = {
    asking: createServer().on('connect', (_request, socket) => {
      socket.on('error', () => {})
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
    }),
    silent: createServer().on('connect', (_request, socket) => void socket.on('error', () => {})),
  }
  for (const server of [proxies.asking, proxies.silent]) {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    parts.defer(() => {
      server.closeAllConnections()
      server.close()
    })
  }
  // A share of the cases at a smaller scale, spread over all kinds.
  const every = Math.max(1, Math.round(1 / Math.min(1, options.scale)))
  const chosen = cases.filter((_, index) => index % every === 0)
  let done = 0
  const tell = setInterval(() => options.progress(`T5: ${done}/${chosen.length} cases`), 1_000)
  parts.defer(() => clearInterval(tell))
  const dialling = new Dialling(chosen.filter(({ dial }) => dial !== undefined).length)
  // Silences last: the others are over before the first of them is.
  const inOrder = chosen.toSorted((left, right) => Number(isSilence(left)) - Number(isSilence(right)))
  const trials = await Promise.all(
    inOrder.map(async (one, index) => {
      const trial = await tried(world, one, index, proxies, dialling)
      done += 1
      return trial
    }),
  )

  findings.equal('cases', trials.length, chosen.length)
  findings.none(
    'wrong state or cause, or no remedy',
    trials.flatMap(({ name, wrong }) => (wrong === undefined ? [] : [`${name}: ${wrong}`])),
  )
  findings.none(
    'stuck afterwards',
    trials.flatMap(({ name, stuck }) => (stuck === undefined ? [] : [`${name}: ${stuck}`])),
  )
  findings.none(
    'answers of 500',
    world.api.breakages.map(({ call, status, code }) => `${call} ${status} ${code}`),
  )
  findings.none(
    'failures that nobody handled',
    world.hub.log
      .filter(({ level, msg }) => level === 'fatal' || msg.includes('nobody handled'))
      .map(({ msg }) => msg),
  )
  findings.equal('the hub ended', world.hub.running ? 0 : 1, 0)
  findings.none(
    `said later than ${saysWithinMs / 1000} s after the fault`,
    trials
      .filter(({ saidMs = 0 }) => saidMs > saysWithinMs)
      .map(({ name, saidMs }) => `${name}: ${saidMs} ms`),
  )
  const slowest = trials.toSorted((left, right) => (right.saidMs ?? 0) - (left.saidMs ?? 0))[0]
  findings.speed(measured(`longest: ${slowest?.name}`, slowest?.saidMs ?? Number.NaN, 'ms'))
  findings.speed(measured('calls of desks meanwhile', world.api.calls))
  return findings.report('T5 refusals and failures')
}

const isSilence = ({ dial }: Case): boolean => dial?.do === 'silence'

async function tried(
  world: World,
  one: Case,
  index: number,
  proxies: Proxies,
  dialling: Dialling,
): Promise<Trial> {
  const { api, emulator } = world
  const ref = `case-${index}`
  const params = { ref }
  const trial: Trial = { name: one.name, saidMs: undefined, wrong: undefined, stuck: undefined }
  const left = new AbortController()
  let desk: Promise<void> | undefined
  const says = async (since: number): Promise<void> => {
    // Not before there is something to look at: asking for the QR of a session that was never connected connects it.
    desk ??= poll(world, ref, left.signal)
    const said = await eventually(() => saying(world, ref, one.outcome, since), 2 * saysWithinMs, 100)
    if (said === undefined) trial.wrong = await standing(world, ref)
    else trial.saidMs = said - since
  }
  try {
    const { dial } = one
    if (dial !== undefined) {
      await api.get(endpoints.createSession, { body: { sessionId: ref, autoConnect: false } })
      const since = await dialling.alone(async () => {
        using _plan = emulator.nextConnection(dial)
        const before = emulator.truth.dials.total
        const since = Date.now()
        await api.get(endpoints.connectSession, { params })
        await emulator.truth.until(({ dials }) => dials.total > before)
        if (isSilence(one)) return since
        await says(since)
        await api.ask(endpoints.disconnectSession, { params })
        return undefined
      })
      if (since !== undefined) await says(since)
      await dialling.over
    } else {
      await dialling.over
      await provoked(world, one, { ref, number: sessionNumber(300 + index), proxies, says })
    }
    if (one.outcome.rests !== true && !(await isBack(world, ref))) trial.stuck = await standing(world, ref)
  } catch (error) {
    trial.wrong = String(error)
  } finally {
    left.abort()
    await desk
  }
  await api.ask(endpoints.disconnectSession, { params })
  return trial
}

/** What goes wrong for one session and no other. */
async function provoked(
  world: World,
  one: Case,
  {
    ref,
    number,
    proxies,
    says,
  }: { ref: string; number: string; proxies: Proxies; says: (since: number) => Promise<void> },
): Promise<void> {
  const { api, emulator } = world
  const params = { ref }
  if (one.proxy !== undefined) {
    const proxy = one.proxy(proxies)
    await api.get(endpoints.createSession, { body: { sessionId: ref, autoConnect: false, proxy } })
    const since = Date.now()
    await api.get(endpoints.connectSession, { params })
    await says(since)
    await api.get(endpoints.setProxy, { params, body: { proxy: null } })
    return
  }
  await world.link(ref, number)
  const account = emulator.account(number)
  using _refusal = one.refused && account.refuseLogins(one.refused.reason, one.refused.attrs)
  using _plan = one.login && emulator.nextConnection(one.login, { number })
  const since = Date.now()
  account.disconnect(one.ends ?? 'connection_lost')
  await says(since)
}

/**
 * Until a client has said who it is, a dial is nobody's: a fault is that of the next one, whoever makes it. So those that are told apart
 * by nothing else dial one after another, and nobody else dials meanwhile.
 */
class Dialling {
  /** When all of them have. */
  readonly over: Promise<void>
  #left: number
  #tail: Promise<unknown> = Promise.resolve()
  readonly #over = Promise.withResolvers<void>()

  constructor(count: number) {
    this.#left = count
    this.over = this.#over.promise
    if (count === 0) this.#over.resolve()
  }

  alone<Value>(work: () => Promise<Value>): Promise<Value> {
    const next = this.#tail.then(work).finally(() => {
      this.#left -= 1
      if (this.#left === 0) this.#over.resolve()
    })
    this.#tail = next.catch(() => {})
    return next
  }
}

/** When the session said state, cause and remedy as it should, Unix ms. */
async function saying(
  { api }: World,
  ref: string,
  { state, reasons }: Outcome,
  since: number,
): Promise<number | undefined> {
  const { events } = await api.get(endpoints.listEvents, {
    query: { sessionId: ref, types: 'session.state', limit: 1000 },
  })
  return events
    .map(({ data }) => data as EventData<'session.state'>) // its type says so
    .find(
      (said) =>
        said.timestamp >= since &&
        said.state === state &&
        said.reason !== null &&
        reasons.some((reason) => reason === said.reason?.code) &&
        said.reason.remedy.length > 10,
    )?.timestamp
}

async function standing({ api }: World, ref: string): Promise<string> {
  const { data } = await api.ask(endpoints.getSessionStatus, { params: { ref } })
  return `${data?.state} ${data?.reason?.code}, last error ${data?.lastError?.code}`
}

/** Whether the session comes to a QR or online, by itself or when somebody presses connect. */
async function isBack({ api }: World, ref: string): Promise<boolean> {
  const params = { ref }
  const back = await eventually(
    async () => {
      await api.ask(endpoints.connectSession, { params })
      const { data } = await api.ask(endpoints.getSessionStatus, { params })
      return data?.state === 'pairing' || data?.state === 'online'
    },
    backWithinMs,
    500,
  )
  return back === true
}

/** What a desk asks of a session while people look at it. */
async function poll({ api }: World, ref: string, signal: AbortSignal): Promise<void> {
  const params = { ref }
  const asks = [
    () => api.ask(endpoints.getSessionStatus, { params }),
    () => api.ask(endpoints.getQrStatus, { params }),
    () => api.ask(endpoints.getQr, { params, query: { wait: 0 } }),
    () => api.ask(endpoints.getDiagnostics, { params, query: { probes: false } }),
    () => api.ask(endpoints.getTimeline, { params }),
  ]
  for (let turn = 0; !signal.aborted; turn += 1) {
    await asks[turn % asks.length]?.().catch((error: unknown) => {
      if (!(error instanceof Unheard)) throw error
    })
    await pause(pollEveryMs)
  }
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port // it listens on TCP
