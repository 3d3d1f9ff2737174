import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { SessionStateName } from '@inbox-hub/contract'
import { Registry } from 'prom-client'

import { createEvents } from '../../events/index.ts'
import { systemClock } from '../../platform/clock.ts'
import { type Database, openDatabase } from '../../platform/database/index.ts'
import { silentLog as log } from '../../platform/log.ts'
import { createSecrets } from '../../platform/secrets/index.ts'
import { createManualClock, type ManualClock } from '../../platform/testing/manual-clock.ts'
import type { ProbeResult } from '../../platform/probes.ts'
import { usualPacing } from '../dial-pacer.ts'
import { createSessions, type NewSession, type SessionLifecycle } from '../sessions.ts'
import { createFakeCluster, type FakeCluster } from './fake-cluster.ts'
import { createFakeEngine, type FakeDial, type FakeEngine, linkedAs } from './fake-engine.ts'

export const owner = 1

/** Sessions on a real store and a clock of the test's, with a WhatsApp that says what the test has it say. */
export interface SessionsUnderTest extends AsyncDisposable {
  readonly sessions: SessionLifecycle
  readonly engine: FakeEngine
  readonly cluster: FakeCluster
  readonly clock: ManualClock
  readonly database: Database
  readonly metrics: Registry
  create(sessionId: string, more?: Partial<NewSession>): Promise<number>
  /** Leads a session that connects through scan, restart and login. */
  link(id: number): Promise<FakeDial>
  /** A new process's login: no scan. Answers the dial it is on. */
  login(id: number, count: number): Promise<FakeDial>
  /** What was stored of a session's states, and told of it, in order. */
  told(id: number): Promise<{ type: string; data: Record<string, unknown> }[]>
  states(id: number): Promise<string[]>
  at(id: number): string
  /** Lets time pass, and the store work, until the session is in that state. */
  reaches(id: number, state: SessionStateName): Promise<void>
  /** The same for anything. */
  until(come: () => boolean | Promise<boolean>): Promise<void>
}

export async function sessionsOn(
  database: Database,
  {
    clock = createManualClock(),
    engine = createFakeEngine({ now: () => clock.now() }),
    fetchPage,
    probes = [],
    frappeUrl,
    dataDir,
  }: {
    clock?: ManualClock
    engine?: FakeEngine
    fetchPage?: Parameters<typeof createSessions>[0]['fetchPage']
    probes?: readonly ProbeResult[]
    frappeUrl?: string
    dataDir?: string
  } = {},
): Promise<SessionsUnderTest> {
  await using stack = new AsyncDisposableStack()
  const secrets = await createSecrets({
    database,
    dataDir: dataDir ?? '',
    masterKeys: [new Uint8Array(32).fill(7)],
    log,
  })
  const cluster = stack.use(createFakeCluster())
  const events = stack.use(createEvents({ database, clock, log }))
  const metrics = new Registry()
  const sessions = stack.use(
    await createSessions({
      database,
      events,
      cluster,
      secrets,
      clock,
      log,
      createEngine: () => engine,
      fetchPage,
      probe: () => Promise.resolve(probes),
      frappeUrl,
      random: () => 0.5,
      // The test's clock stands still while several connect: nobody's dial waits for their answers (dial-pacer.test.ts has the crowds).
      pacing: { ...usualPacing, holdMs: 0 },
      metrics,
    }),
  )
  const parts = stack.move()

  const under: SessionsUnderTest = {
    sessions,
    metrics,
    engine,
    cluster,
    clock,
    database,
    async create(sessionId, more = {}) {
      const { record } = await sessions.create(owner, { ...plain, sessionId, ...more })
      return record.id
    },
    async link(id) {
      const first = await engine.dialOf(id)
      first.showQr()
      first.say({ type: 'paired', me: linkedAs })
      first.hangUp({ origin: 'stream_error', reason: 'restart_required', code: 515, message: '' })
      return under.login(id, 2)
    },
    async login(id, count) {
      const dial = await engine.dialOf(id, count)
      dial.say({ type: 'logged_in' })
      dial.say({ type: 'online', me: { ...linkedAs, name: 'Support' } })
      return dial
    },
    async told(id) {
      await sessions.stored()
      const found = await events.after(0, { sessionIds: [id], limit: 1000 })
      // The log stores JSON objects.
      return found.map(({ type, data }) => ({ type, data: data as Record<string, unknown> }))
    },
    async states(id) {
      await sessions.stored()
      const { rows } = await sessions.timeline(id, { offset: 0, limit: 500 })
      return rows
        .filter(({ kind }) => kind === 'state')
        .map(({ detail }) => String(detail['state']))
        .reverse()
    },
    at: (id) => sessions.records(owner).find((record) => record.id === id)?.standing.state.at ?? 'gone',
    reaches: (id, state) => under.until(() => under.at(id) === state),
    async until(come) {
      // Small steps: what the store still does has no part in the test's time.
      while (!(await come())) await clock.advance(100)
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
  return under
}

/** A store of one's own that vanishes when disposed, for what does not depend on which store it is. */
export async function sqliteStore(): Promise<Database> {
  const dataDir = await mkdtemp(join(tmpdir(), 'inbox-hub-test-'))
  const database = await openDatabase({ url: undefined, dataDir, log, clock: systemClock })
  return {
    ...database,
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

const plain: NewSession = {
  sessionId: '',
  name: undefined,
  proxy: undefined,
  webhookUrl: undefined,
  webhookSecret: undefined,
  webhookEvents: undefined,
  webhookPreset: undefined,
  fromFrappe: false,
  autoConnect: true,
}
