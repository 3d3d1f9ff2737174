import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as breath } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import { endpoints, type SessionStateName, type SessionStatus } from '@inbox-hub/contract'
import { type Emulator, type Phone, startEmulator } from '@inbox-hub/emulator'
import {
  type ApiClient,
  type Clock,
  createApiClient,
  readConfig,
  type ReceivedCall,
  type Receiver,
  type ReceiverOptions,
  startApp,
  startReceiver,
} from 'inbox-hub'
import { variables } from 'inbox-hub/internal/config'
import { createLog } from 'inbox-hub/internal/platform/log'
import pg from 'pg'

import { Seeds } from './secrets/seeds.ts'

/** How long a condition may take to come true, ms: a machine under load is no failure. */
const patienceMs = 20_000

export interface HubOptions {
  /** Where it stores; PostgreSQL needs a server (`postgresUrl`). Default SQLite. */
  store?: 'sqlite' | 'postgres'
  /** More environment, or other. */
  env?: Readonly<Record<string, string>>
  /** How sessions made by `pairSession` are told of events. Default `legacy`. */
  preset?: 'legacy' | 'standard'
  /** What the webhook receiver answers; default what Frappe answers when all is well. */
  answer?: ReceiverOptions['answer']
  /** The hub's time, where the hub runs in this process: deadlines of minutes pass in moments. */
  clock?: Clock
  /** Told of every line of the log, where the hub runs in this process. The hub's own secrets are looked for in them anyway. */
  onLog?: (line: string) => void
}

/** A webhook the receiver got, checked: its signature was right. */
export interface Received {
  type: string
  /** The id header: the same at each attempt. */
  id: string
  data: Record<string, unknown>
  call: ReceivedCall
}

/** The webhook receiver beside the hub. */
export interface WebhookInbox {
  readonly url: string
  readonly secret: string
  readonly calls: readonly ReceivedCall[]
  /** The first `count` webhooks of one type, once they are there. Throws when a signature was wrong. */
  received(type: string, count?: number): Promise<readonly Received[]>
}

/** A session and the phone it is linked to. */
export interface PairedSession {
  readonly id: number
  readonly sessionId: string
  /** E.164 with the plus: the emulator's phones write to it. */
  readonly number: string
  readonly phone: Phone
  /** Where it stands now, as the API says. */
  status(): Promise<SessionNow>
  /** Waits for a state or a status. */
  reaches(state: SessionStateName | SessionStatus): Promise<SessionNow>
  /** Sends a text through the API. */
  sends(to: string | { number: string }, text: string): Promise<{ messageId: string; status: string }>
}

export interface SessionNow {
  status: SessionStatus
  state: SessionStateName
  isConnected: boolean
  hasQR: boolean
  phoneNumber: string | null
}

/** A hub under test: the real server on a throwaway store, the emulator for its WhatsApp, a webhook receiver for its CRM. */
export interface Hub extends AsyncDisposable {
  /** Changes with each start. */
  readonly url: string
  readonly key: string
  /** Calls the hub as it runs now. */
  readonly api: ApiClient
  readonly emulator: Emulator
  readonly webhook: WebhookInbox
  readonly dataDir: string
  /** What the hub is configured with. */
  readonly env: Readonly<Record<string, string>>
  /** Makes a session and links it by QR. `number`: default one of its own. */
  pairSession(
    sessionId: string,
    options?: { number?: string; history?: 'none' | 'recent' | 'full' },
  ): Promise<PairedSession>
  /** Ends the hub as an operator would, and starts it again on the same store. */
  restart(): Promise<void>
  stop(): Promise<void>
  start(): Promise<void>
}

/** Such a hub in a process of its own. */
export interface SpawnedHub extends Hub {
  readonly pid: number
  /** `kill -9`. Resolves when the process is gone; `start` brings a new one. */
  kill(): Promise<void>
  /** What the process wrote, both outputs. */
  readonly output: readonly string[]
}

/** The hub in this process: quick to start, and its exceptions are the test's. */
export async function startHub(options: HubOptions = {}): Promise<Hub> {
  return harness(options, (env, written) => {
    let app: AsyncDisposable | undefined
    let rejections: OfferedRejections | undefined
    return {
      async start() {
        rejections ??= offerRejections()
        const { onUnhandledRejection } = rejections
        const started = await startApp({
          config: readConfig(env),
          log: createLog({ level: 'debug', destination: { write: written } }),
          onUnhandledRejection,
          ...(options.clock === undefined ? {} : { clock: options.clock }),
        })
        app = started
        return started.url
      },
      async stop() {
        await app?.[Symbol.asyncDispose]()
        app = undefined
        rejections?.[Symbol.dispose]()
        rejections = undefined
      },
    }
  })
}

interface OfferedRejections extends Disposable {
  onUnhandledRejection(this: void, claim: (reason: unknown) => boolean): Disposable
}

/** What `inbox-hub serve` does with rejections that baileys leaves behind. One that nobody claims stays the test's failure. */
function offerRejections(): OfferedRejections {
  const claims = new Set<(reason: unknown) => boolean>()
  const others = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  function offer(reason: unknown, promise: Promise<unknown>): void {
    for (const claim of claims) if (claim(reason)) return
    for (const other of others) other(reason, promise)
  }
  process.on('unhandledRejection', offer)
  return {
    onUnhandledRejection(claim) {
      claims.add(claim)
      return { [Symbol.dispose]: () => void claims.delete(claim) }
    },
    [Symbol.dispose]() {
      process.off('unhandledRejection', offer)
      for (const other of others) process.on('unhandledRejection', other)
    },
  }
}

/** The hub in a process of its own, to be killed. */
export async function spawnHub(options: HubOptions = {}): Promise<SpawnedHub> {
  const output: string[] = []
  let running: ReturnType<typeof spawnServe> | undefined
  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const process = running
    running = undefined
    if (process === undefined || process.exitCode !== null || process.signalCode !== null) return
    const ended = once(process, 'exit')
    process.kill(signal)
    await ended
  }
  const hub = await harness(options, (env, written) => ({
    async start() {
      running = spawnServe(env, output, written)
      return servedUrl(running, output)
    },
    stop: () => end('SIGTERM'),
  }))
  const ofProcess = {
    output,
    kill: () => end('SIGKILL'),
    get pid(): number {
      if (running?.pid === undefined) throw new Error('The hub is not running.')
      return running.pid
    },
  }
  // With its getters alive: a spread would freeze the URL of the first start.
  return Object.defineProperties(ofProcess, Object.getOwnPropertyDescriptors(hub)) as typeof ofProcess & Hub
}

/** Runs a command of the hub in a process of its own, in the hub's environment; answers what it printed. Throws when it fails. */
export async function runCommand({ env }: Pick<Hub, 'env'>, ...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [launcher, ...args], { env: childEnv(env) })
  return stdout
}

/** Somewhere that PostgreSQL answers; undefined when nowhere. With CI=true that is an error. */
export async function postgresUrl(): Promise<string | undefined> {
  const url = process.env['TEST_DATABASE_URL'] ?? 'postgres://postgres@127.0.0.1:5432/test'
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2000 })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.end()
    return url
  } catch (error) {
    if (process.env['TEST_DATABASE_URL'] !== undefined || process.env['CI'] === 'true') throw error
    return undefined
  }
}

interface Runner {
  /** Answers where it listens. */
  start(): Promise<string>
  stop(): Promise<void>
}

async function harness(
  { store = 'sqlite', env, preset = 'legacy', answer, onLog }: HubOptions,
  makeRunner: (env: Record<string, string>, written: (line: string) => void) => Runner,
): Promise<Hub> {
  await using opened = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'inbox-hub-e2e-'))
  opened.defer(() => rm(dataDir, { recursive: true, force: true }))
  const emulator = opened.use(await startEmulator())
  const secret = randomBytes(24).toString('base64url')
  const receiver = opened.use(await startReceiver(answer === undefined ? { secret } : { secret, answer }))
  const key = randomBytes(32).toString('base64url')
  const hubEnv = {
    HOST: '127.0.0.1',
    PORT: '0',
    INBOX_HUB_DATA_DIR: dataDir,
    INBOX_HUB_API_KEY: key,
    ...emulator.environment,
    OUTBOUND_ALLOW_CIDRS: '127.0.0.0/8',
    RATE_LIMITS: 'off',
    LOG_LEVEL: 'warn',
    ...(store === 'postgres' ? { DATABASE_URL: await ownSchema(opened) } : {}),
    ...env,
  }
  const secrets = secretsOf(hubEnv)
  secrets.add('the secret of the webhook', secret)
  const leaks = new Set<string>()
  opened.defer(() => {
    if (leaks.size > 0) throw new Error(`Secrets in the log: ${[...leaks].join('; ')}`)
  })
  const runner = makeRunner(hubEnv, (line) => {
    onLog?.(line)
    for (const name of secrets.in(line)) leaks.add(`${name} in ${line.slice(0, 300)}`)
  })
  let api: ApiClient | undefined
  const running = (): ApiClient => {
    if (api === undefined) throw new Error('The hub is not running.')
    return api
  }
  async function start(): Promise<void> {
    api = createApiClient({ url: await runner.start(), key })
  }
  async function stop(): Promise<void> {
    api = undefined
    await runner.stop()
  }
  opened.defer(stop)
  await start()

  let paired = 0
  const all = opened.move()
  return {
    key,
    dataDir,
    env: hubEnv,
    emulator,
    webhook: inboxOf(receiver),
    get url() {
      return running().url
    },
    get api() {
      return running()
    },
    start,
    stop,
    async restart() {
      await stop()
      await start()
    },
    async pairSession(sessionId, { number = ownNumber((paired += 1)), history = 'recent' } = {}) {
      const phone = emulator.phone(number)
      const { id } = await running().call(endpoints.createSession, {
        body: { sessionId, webhookUrl: receiver.url, webhookSecret: secret, webhookPreset: preset, history },
      })
      const { qr } = await running().call(endpoints.getQr, {
        params: { ref: sessionId },
        query: { wait: 25_000 },
      })
      await phone.scan(qr)
      const session = pairedSession({ id, sessionId, number, phone }, running)
      await session.reaches('online')
      return session
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

function pairedSession(
  { id, sessionId, number, phone }: Pick<PairedSession, 'id' | 'sessionId' | 'number' | 'phone'>,
  api: () => ApiClient,
): PairedSession {
  const status = (): Promise<SessionNow> =>
    api().call(endpoints.getSessionStatus, { params: { ref: sessionId } })
  return {
    id,
    sessionId,
    number,
    phone,
    status,
    reaches: (wanted) =>
      eventually(
        async () => {
          const now = await status()
          return now.state === wanted || now.status === wanted ? now : undefined
        },
        () => `${sessionId} never reached ${wanted}`,
      ),
    sends: (to, text) =>
      api().call(endpoints.sendMessage, {
        params: { sessionId },
        body: { to: typeof to === 'string' ? to : to.number, message: text },
      }),
  }
}

function inboxOf(receiver: Receiver): WebhookInbox {
  return {
    url: receiver.url,
    secret: receiver.secret,
    calls: receiver.calls,
    async received(type, count = 1) {
      const ofType = () => receiver.calls.filter((call) => call.type === type)
      const calls = await eventually(
        () => {
          const found = ofType()
          return found.length >= count ? found : undefined
        },
        () =>
          `${ofType().length} of ${count} ${type} arrived; of others: ${receiver.calls.map((call) => call.type).join(', ')}`,
      )
      return calls.slice(0, count).map((call) => {
        if (!call.verified) throw new Error(`A ${type} webhook was not signed with the receiver's secret.`)
        const id = call.headers['x-webhook-id'] ?? call.headers['webhook-id']
        const { data } = call.json as { data: Record<string, unknown> } // every preset has an object there
        return { type, id: String(id), data, call }
      })
    },
  }
}

/** What `ask` answers once it is not undefined; asked again every few ms. Throws with `otherwise` after 20 s. */
export async function eventually<T>(
  ask: () => Promise<T | undefined> | T | undefined,
  otherwise: () => string,
): Promise<T> {
  const until = performance.now() + patienceMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (performance.now() > until) throw new Error(otherwise())
    await breath(5)
  }
}

/** What the environment of a hub keeps secret. */
function secretsOf(env: Readonly<Record<string, string>>): Seeds {
  const seeds = new Seeds()
  for (const { name, secret } of variables) {
    const value = env[name]
    if (!secret || value === undefined) continue
    const parts = URL.canParse(value) ? [decodeURIComponent(new URL(value).password)] : value.split(',')
    for (const part of parts) if (part !== '') seeds.add(name, part)
  }
  return seeds
}

/** Documentation numbers, one per session of a test. */
function ownNumber(n: number): string {
  return `+4477009${String(n).padStart(5, '0')}`
}

/** A schema that goes when the hub does. Answers the URL that leads there. */
async function ownSchema(opened: AsyncDisposableStack): Promise<string> {
  const server = await postgresUrl()
  if (server === undefined) throw new Error('No PostgreSQL answers: set TEST_DATABASE_URL.')
  const schema = `e2e_${process.pid}_${randomBytes(6).toString('hex')}`
  const administer = async (sql: string): Promise<void> => {
    const client = new pg.Client({ connectionString: server })
    await client.connect()
    try {
      await client.query(sql)
    } finally {
      await client.end()
    }
  }
  await administer(`CREATE SCHEMA ${schema}`)
  opened.defer(() => administer(`DROP SCHEMA ${schema} CASCADE`))
  const url = new URL(server)
  url.searchParams.set('options', `-c search_path=${schema}`)
  return url.href
}

/** Nothing of this process's environment but what Node needs: the hub's own comes from the test. */
function childEnv(env: Readonly<Record<string, string>>): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', ...env }
}

const launcher = fileURLToPath(new URL('../../apps/server/bin/inbox-hub.js', import.meta.url))

function spawnServe(env: Record<string, string>, output: string[], written: (line: string) => void) {
  const child = spawn(process.execPath, [launcher, 'serve'], {
    env: childEnv(env),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const from of [child.stdout, child.stderr]) createInterface(from).on('line', written)
  createInterface(child.stderr).on('line', (line) => output.push(line))
  return child
}

/** Where the process says that it serves. */
async function servedUrl(child: ReturnType<typeof spawnServe>, output: string[]): Promise<string> {
  const lines = createInterface(child.stdout)
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  lines.on('line', (line) => {
    output.push(line)
    const url = /serves at (http:\S+)/.exec(line)?.[1]
    if (url !== undefined) resolve(url)
  })
  child.once('exit', (code, signal) =>
    reject(new Error(`The hub ended (${code ?? signal}) before it served:\n${output.slice(-20).join('\n')}`)),
  )
  return promise
}
