import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { endpoints } from '@inbox-hub/contract'
import { type Emulator, startEmulator } from '@inbox-hub/emulator'

import { type Api, apiOf } from './api.ts'
import { type Hub, hubWith } from './hub.ts'
import { alsoWhenInterrupted } from './interruption.ts'
import { throwawayDatabase } from './postgres.ts'
import { type Receiver, startReceiver } from './receiver.ts'
import type { ChaosOptions } from './scenario.ts'

/** A hub in a process of its own, between a WhatsApp and a CRM that live in ours. */
export interface World extends AsyncDisposable {
  readonly emulator: Emulator
  readonly receiver: Receiver
  readonly hub: Hub
  readonly api: Api
  readonly dialect: 'sqlite' | 'postgres'
  /** What a query answers, a row a line. Of a SQLite file: once the hub is stopped. */
  rows: (sql: string) => Promise<string[]>
  /** Creates a session and links a phone to it, as a person would; resolves when it is online. */
  link(sessionId: string, number: string): Promise<void>
  /** Resolves when all these numbers are online at WhatsApp, with what waited for them delivered to the socket. */
  online(numbers: readonly string[], timeoutMs: number): Promise<boolean>
}

/**
 * Starts emulator, receiver and hub. Disposing ends all three and removes the data, but for what is kept.
 *
 * @param givenDir - where the hub keeps its data, instead of a directory of its own
 * @param env - what else the hub's environment says
 */
export async function startWorld(
  { postgresUrl, onKept }: ChaosOptions,
  givenDir?: string,
  env: Readonly<Record<string, string>> = {},
): Promise<World> {
  const parts = alsoWhenInterrupted(new AsyncDisposableStack())
  try {
    return await madeOf(parts, { postgresUrl, onKept, givenDir, env })
  } catch (error) {
    await parts[Symbol.asyncDispose]()
    throw error
  }
}

async function madeOf(
  parts: AsyncDisposableStack,
  {
    postgresUrl,
    onKept,
    givenDir,
    env,
  }: Pick<ChaosOptions, 'postgresUrl' | 'onKept'> & {
    givenDir: string | undefined
    env: Readonly<Record<string, string>>
  },
): Promise<World> {
  const dataDir = givenDir ?? (await mkdtemp(join(tmpdir(), 'inbox-hub-chaos-')))
  const isKept = onKept !== undefined && givenDir === undefined
  parts.defer(async () => {
    if (givenDir === undefined && !isKept) await rm(dataDir, { recursive: true, force: true })
  })
  const database = postgresUrl === undefined ? undefined : parts.use(await throwawayDatabase(postgresUrl))
  const emulator = parts.use(
    await startEmulator({
      truth: { keep: 1_000_000 },
      phones: { receipts: 'delivery', keepMessages: 100_000 },
    }),
  )
  const receiver = parts.use(await startReceiver())
  const key = randomBytes(32).toString('base64url')
  const hub = hubWith({
    INBOX_HUB_DATA_DIR: dataDir,
    INBOX_HUB_API_KEY: key,
    ...emulator.environment,
    OUTBOUND_ALLOW_CIDRS: '127.0.0.0/8',
    RATE_LIMITS: 'off',
    LOG_LEVEL: 'info',
    ...env,
    ...(database === undefined ? {} : { DATABASE_URL: database.url }),
  })
  parts.defer(async () => {
    if (!isKept) return
    const lines = [...hub.log.map((line) => JSON.stringify(line)), ...hub.output]
    await writeFile(join(dataDir, 'chaos.log'), lines.join('\n'))
    onKept(dataDir)
  })
  parts.use(hub)
  const api = parts.use(apiOf(hub, key))
  await hub.start()

  const online = async (numbers: readonly string[], timeoutMs: number): Promise<boolean> => {
    const users = numbers.map((number) => `${number.slice(1)}:`)
    const isOpen = (user: string): boolean =>
      emulator
        .connections()
        .some(({ dial }) => dial.stage === 'open' && dial.device?.startsWith(user) === true)
    return emulator.truth.until(() => users.every(isOpen), { timeoutMs }).catch(() => false)
  }
  return {
    emulator,
    receiver,
    hub,
    api,
    dialect: database === undefined ? 'sqlite' : 'postgres',
    rows: database?.rows ?? (async (sql) => rowsIn(join(dataDir, 'inbox-hub.db'), sql)),
    online,
    async link(sessionId, number) {
      await api.get(endpoints.createSession, { body: { sessionId, webhookUrl: receiver.url } })
      const { qr } = await api.get(endpoints.getQr, { params: { ref: sessionId }, query: { wait: 25_000 } })
      await emulator.phone(number).scan(qr)
      if (!(await online([number], 30_000))) throw new Error(`${sessionId} did not come online.`)
      // What the phone has to say first (keys, history) is no part of what is measured.
      await emulator.truth.until(() => emulator.account(number).owed === 0, {
        what: `${sessionId} to take its first messages`,
      })
    },
    [Symbol.asyncDispose]: () => parts[Symbol.asyncDispose](),
  }
}

function rowsIn(path: string, sql: string): string[] {
  using file = new DatabaseSync(path, { readOnly: true })
  return file
    .prepare(sql)
    .all()
    .map((row) => Object.values(row).join(' '))
}

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms)
  })

/** Asks again and again until something comes of it; undefined after `timeoutMs`. */
export async function eventually<Found>(
  ask: () => Promise<Found | undefined | false>,
  timeoutMs: number,
  everyMs = 50,
): Promise<Found | undefined> {
  const until = performance.now() + timeoutMs
  for (;;) {
    const found = await ask()
    if (found !== undefined && found !== false) return found
    if (performance.now() >= until) return undefined
    await pause(everyMs)
  }
}
