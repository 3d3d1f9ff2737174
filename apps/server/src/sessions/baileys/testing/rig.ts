import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { Emulator } from '@inbox-hub/emulator'
import { startEmulator } from '@inbox-hub/emulator'
import { sql } from 'kysely'

import type { Lease } from '../../../cluster/index.ts'
import { type Cluster, createCluster } from '../../../cluster/index.ts'
import type { Clock } from '../../../platform/clock.ts'
import { systemClock } from '../../../platform/clock.ts'
import type { Database } from '../../../platform/database/index.ts'
import { openDatabase } from '../../../platform/database/index.ts'
import { silentLog } from '../../../platform/log.ts'
import { guardProcess } from '../../../platform/process.ts'
import type { Sealer } from '../../../platform/secrets/index.ts'
import { createSecrets } from '../../../platform/secrets/index.ts'
import type { Engine } from '../index.ts'
import type { HistoryBatch, HistoryPart } from '../history/taker.ts'
import type { JournalEntry } from '../journal/entry.ts'
import type { DialOptions, Link, LinkEvent } from '../link/dial.ts'
import { createBaileys } from '../index.ts'

/** A store that a test can make fail or slow. */
export interface FragileDatabase extends Database {
  /** Called before each write; what it throws or waits for happens to the write. */
  beforeWrite: (() => Promise<void> | void) | undefined
  /** Called when a write is durable, before its writer is told. */
  afterWrite: (() => Promise<void> | void) | undefined
}

export interface Rig extends AsyncDisposable {
  readonly emulator: Emulator
  readonly database: FragileDatabase
  readonly cluster: Cluster
  readonly engine: Engine
  /** What of history was taken, in order, and the parts that came to their end. */
  readonly history: {
    readonly batches: HistoryBatch[]
    readonly ended: (HistoryPart & { failure: string | undefined })[]
    /** Called before each batch; what it throws happens to the transaction. */
    beforeTake: ((batch: HistoryBatch) => void) | undefined
  }
  /** What the journal told, in order. */
  readonly entries: JournalEntry[]
  sealer(sessionId: number): Promise<Sealer>
  lease(sessionId: number): Promise<Lease>
  /** Dials and collects what the link tells. */
  dial(sessionId: number, options?: Partial<DialOptions>): Promise<Session>
  /** Links the session to the number by QR, and answers it online. */
  linked(sessionId: number, number: string, options?: Partial<DialOptions>): Promise<Session>
  until(condition: () => boolean, what?: string): Promise<void>
  /** A second process on the same store: the first one is abandoned as it is. */
  restarted(): Promise<void>
}

export interface Session {
  readonly link: Link
  readonly events: LinkEvent[]
  readonly steps: () => string[]
  /** The first event of a type from now or before. */
  event<Type extends LinkEvent['type']>(type: Type): Promise<Extract<LinkEvent, { type: Type }>>
}

/** The real engine on a throwaway SQLite store, against the emulator. */
export async function startRig(
  options: {
    clock?: Clock
    url?: string
    rootKey?: string
    mediaHost?: string
    /** Instead of the throwaway SQLite store; its owner closes it. */
    database?: Database
  } = {},
): Promise<Rig> {
  const { clock = systemClock } = options
  const stack = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'engine-'))
  stack.defer(() => rm(dataDir, { recursive: true, force: true }))
  const database = fragile(
    options.database ??
      stack.use(await openDatabase({ url: undefined, dataDir, log: silentLog, clock: systemClock })),
  )
  const secrets = await createSecrets({ database, dataDir, masterKeys: undefined, log: silentLog })
  const cluster = stack.use(createCluster({ database, clock: systemClock, log: silentLog }))
  const guard = stack.use(guardProcess({ log: silentLog, clock: systemClock }))
  const emulator = stack.use(await startEmulator())
  const sealers = new Map<number, Sealer>()
  const leases = new Map<number, Lease>()
  const entries: JournalEntry[] = []
  const history: Rig['history'] = { batches: [], ended: [], beforeTake: undefined }
  const takenOf = new Map<string, number>()
  const waiting = new Set<() => void>()
  const changed = (): void => {
    for (const look of waiting) look()
  }

  const open = (): Engine => {
    const made = createBaileys({
      database,
      cluster,
      clock,
      log: silentLog,
      sealerOf: (sessionId) => rig.sealer(sessionId),
      whatsapp: {
        url: options.url ?? emulator.url,
        rootKey: options.rootKey ?? emulator.rootKey,
        version: undefined,
        mediaHost: options.mediaHost ?? emulator.media.host,
        mediaCa: emulator.media.authority,
      },
      onUnhandledRejection: (claim) => guard.onUnhandledRejection(claim),
    })
    made.takeHistoryWith({
      wants: () => ({ messages: true, since: undefined }),
      begin: async (_tx, { hash }) => takenOf.get(hash) ?? 0,
      async take(tx, { hash }, batch, { items }) {
        history.beforeTake?.(batch)
        tx.afterCommit(() => {
          takenOf.set(hash, items)
          history.batches.push(batch)
          changed()
        })
      },
      async end(tx, part, failure) {
        tx.afterCommit(() => {
          history.ended.push({ ...part, failure })
          changed()
        })
      },
      failed: async () => {},
    })
    made.journal.onEntries((told) => {
      entries.push(...told)
      changed()
    })
    return made
  }
  let engine = undefined as Engine | undefined
  let generation = 0

  const rig: Rig = {
    emulator,
    database,
    cluster,
    get engine() {
      if (engine === undefined) throw new Error('the rig is not started')
      return engine
    },
    entries,
    history,
    async sealer(sessionId) {
      const known = sealers.get(sessionId)
      if (known !== undefined) return known
      const { wrapped, sealer } = secrets.createDataKey()
      await database.write(async (tx) => {
        await sql`INSERT INTO session (id, owner_id, session_id, name, wish, state, data_key, webhook_events, webhook_preset,
             send_to_frappe, last_activity_at, created_at, updated_at)
             VALUES (${sessionId}, 1, ${`s${sessionId}`}, 'test', 'run', '{}', ${wrapped}, '[]', 'standard', 0, 0, 0, 0)`.execute(
          tx.db,
        )
      })
      sealers.set(sessionId, sealer)
      return sealer
    },
    async lease(sessionId) {
      await rig.sealer(sessionId)
      const known = leases.get(sessionId)
      if (known !== undefined && !known.lost.aborted) return known
      const lease = await cluster.claim(sessionId)
      if (lease === undefined) throw new Error('the lease is taken')
      leases.set(sessionId, lease)
      return lease
    },
    async dial(sessionId, dialOptions = {}) {
      const events: LinkEvent[] = []
      generation += 1
      const link = await rig.engine.dial({
        sessionId,
        generation,
        lease: await rig.lease(sessionId),
        pairing: { method: 'qr' },
        version: undefined,
        proxy: undefined,
        onEvent: (event) => {
          events.push(event)
          changed()
        },
        ...dialOptions,
      })
      return {
        link,
        events,
        steps: () => events.flatMap((event) => (event.type === 'step' ? [event.step.step] : [])),
        async event(type) {
          const found = () => events.find((event) => event.type === type)
          await rig.until(() => found() !== undefined, `event ${type} of session ${sessionId}`)
          // `found` compares the type.
          return found() as never
        },
      }
    },
    async linked(sessionId, number, dialOptions = {}) {
      const first = await rig.dial(sessionId, dialOptions)
      const { text } = await first.event('qr')
      await emulator.phone(number).scan(text)
      await first.event('closed')
      const second = await rig.dial(sessionId, dialOptions)
      await second.event('online')
      return second
    },
    until(condition, what = 'a condition') {
      if (condition()) return Promise.resolve()
      return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(look)
          reject(new Error(`not within 15 s: ${what}`))
        }, 15_000)
        const look = (): void => {
          if (!condition()) return
          clearTimeout(timer)
          waiting.delete(look)
          resolve()
        }
        waiting.add(look)
      })
    },
    async restarted() {
      engine = open()
    },
    async [Symbol.asyncDispose]() {
      await engine?.[Symbol.asyncDispose]()
      await stack[Symbol.asyncDispose]()
    },
  }
  engine = open()
  return rig
}

/** A store as slow as a busy database across a network: each write takes up to `belowMs`, the same ones in every run. */
export function slowly(belowMs: number): () => Promise<void> {
  let state = 7
  return () => {
    state = (state * 48_271) % 2_147_483_647
    const { promise, resolve } = Promise.withResolvers<void>()
    systemClock.after(state % belowMs, resolve)
    return promise
  }
}

function fragile(database: Database): FragileDatabase {
  const wrapped: FragileDatabase = {
    dialect: database.dialect,
    read: database.read,
    sql: database.sql,
    beforeWrite: undefined,
    afterWrite: undefined,
    write: async (work) => {
      await wrapped.beforeWrite?.()
      const value = await database.write(work)
      await wrapped.afterWrite?.()
      return value
    },
    probe: () => database.probe(),
    [Symbol.asyncDispose]: async () => {},
  }
  return wrapped
}
