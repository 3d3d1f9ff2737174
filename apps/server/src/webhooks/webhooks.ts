import { hash, type KeyObject } from 'node:crypto'

import { Gauge, Histogram, type Registry } from 'prom-client'

import type { Events, StoredEvent } from '../events/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { Database } from '../platform/database/index.ts'
import type { GuardedFetch } from '../platform/guarded-fetch/index.ts'
import { keepHouse } from '../platform/housekeeping.ts'
import type { Log } from '../platform/log.ts'
import type { Sealer } from '../platform/secrets/index.ts'
import type { SessionView } from '../sessions/index.ts'
import { createDeliveryLog } from './delivery-log.ts'
import { createDirectory, type Frappe } from './directory.ts'
import { createDisabling } from './disabling.ts'
import { createDispatcher } from './dispatcher.ts'
import { createEndpointStore } from './endpoint-store.ts'
import { isWithin, redact, type WebhookEndpoint } from './endpoint.ts'
import type { Webhooks } from './index.ts'
import { createOutbox, type Delivery } from './outbox.ts'
import { createPinger } from './ping.ts'
import { presets, type WaitingQr } from './presets/index.ts'
import { createReplay } from './replay.ts'
import { createTallies } from './tally.ts'

const sweepEveryMs = 3_600_000
/** How long another process may go on with an endpoint as it was before it was changed here. */
const reloadEveryMs = 15_000

export interface WebhooksDeps {
  database: Database
  events: Events
  sessions: {
    view(id: number): SessionView | undefined
    list(ownerId: number): readonly SessionView[]
  }
  /** The server's own receiver, for sessions that send to Frappe and have no webhook. */
  frappe: Frappe | undefined
  secrets: { derive(purpose: string): KeyObject; sealer(purpose: string): Sealer }
  outbound: Pick<GuardedFetch, 'send'>
  /** The code that waits for a scan now, drawn; undefined when none does. */
  waitingQr: (sessionId: number) => WaitingQr | undefined
  clock: Clock
  log: Log
  metrics: Registry
  /** In [0, 1): spreads retries. */
  random?: () => number
}

/** Starts delivering: from now on every event appended is owed to its receivers, and what earlier processes left is taken up. */
export async function createWebhooks(deps: WebhooksDeps): Promise<Webhooks> {
  const { database, events, sessions, frappe, secrets, outbound, waitingQr, clock, log, metrics } = deps
  const outbox = createOutbox(database, clock)
  const store = await createEndpointStore(database, secrets.sealer('webhook endpoints'), clock)
  const tallies = await createTallies(database, clock, log)
  const directory = createDirectory({
    sessions,
    frappe,
    store,
    installationKey: secrets.derive('webhook signature'),
  })
  const disabling = createDisabling({ database, events, store, clock, log })

  const durations = new Histogram({
    name: 'inbox_hub_webhook_attempt_duration_seconds',
    help: 'From the start of a call to a webhook receiver to the end of its answer, by what came of it',
    labelNames: ['outcome'],
    buckets: [0.01, 0.05, 0.2, 1, 3, 7, 15],
    registers: [metrics],
  })
  const durationOf = {
    delivered: durations.labels('delivered'),
    failed: durations.labels('failed'),
    refused: durations.labels('refused'),
  }

  const sessionName = (id: number) => sessions.view(id)?.sessionId ?? String(id)
  const dispatcher = createDispatcher({
    outbox,
    outbound,
    endpointOf: (number, sessionId) => directory.find(number, sessionId),
    sessionName,
    bodyOf,
    redact,
    clock,
    log,
    random: deps.random ?? Math.random,
    observe(called, error) {
      durationOf[called.verdict.at].observe(called.tookMs / 1000)
      const tally = tallies.count(called, error)
      if (called.verdict.at === 'delivered') return
      const disabled = disabling.afterFailure(called, tally)
      if (disabled !== undefined) void disabled.then((number) => number && dispatcher.changed(number))
    },
  })
  metrics.registerMetric(
    new Gauge({
      name: 'inbox_hub_webhook_backlog',
      help: 'Deliveries owed to webhook receivers',
      registers: [],
      collect() {
        this.set(dispatcher.backlog())
      },
    }),
  )

  function bodyOf({ eventType, sessionId, preset, body }: Delivery): Uint8Array | undefined {
    if (eventType !== 'session.qr') return Buffer.from(body)
    const qr = waitingQr(sessionId)
    return qr && Buffer.from(presets[preset].withQr(body, qr))
  }

  function deliveriesOf(event: StoredEvent): readonly Delivery[] {
    const session = sessions.view(event.sessionId)
    if (session === undefined) return []
    const endpoints = directory.endpointsOf(session)
    if (endpoints.length <= 1) {
      const [only] = endpoints
      return only === undefined ? [] : deliveriesTo(only, event, session, clock.now())
    }
    // Who is named twice is told once (contract §7).
    const told = new Set<string>()
    return endpoints.flatMap((endpoint) => {
      if (told.has(endpoint.url)) return []
      const deliveries = deliveriesTo(endpoint, event, session, clock.now())
      if (deliveries.length > 0) told.add(endpoint.url)
      return deliveries
    })
  }

  function deliveriesTo(
    endpoint: WebhookEndpoint,
    event: StoredEvent,
    session: SessionView,
    now: number,
  ): readonly Delivery[] {
    if (!isWithin(endpoint, event)) return []
    const { number, preset } = endpoint
    return presets[preset].tell(event, session, endpoint.events).map((telling) => ({
      id: `msg_${hash('sha256', `${event.id}|${nameInIds(number)}|${telling.type}`, 'base64url').slice(0, 26)}`,
      eventSeq: event.seq,
      sessionId: event.sessionId,
      endpoint: number,
      lane: telling.lane,
      preset,
      eventType: telling.type,
      body: telling.body,
      attempts: 0,
      loose: false,
      createdAt: now,
      dueAt: now + telling.holdMs,
      notBefore: clock.monotonic() + telling.holdMs,
    }))
  }

  events.whileAppending(async (tx, appended) => {
    const deliveries = appended.flatMap(deliveriesOf)
    if (deliveries.length === 0) return undefined
    await outbox.store(tx, deliveries)
    // From memory to the wire: the rows are read again only after a restart, or when a receiver lags behind.
    return () => dispatcher.accept(deliveries)
  })
  await dispatcher.resume()

  const stopping = new AbortController()
  const house = keepHouse({
    what: 'settled deliveries',
    everyMs: sweepEveryMs,
    work: ({ now, stop }) => outbox.sweep(now, stop),
    clock,
    log,
  })

  // Endpoints in SQLite are changed by this process alone.
  let reloading: Promise<void> | undefined
  let reloadTimer = database.dialect === 'postgres' ? clock.after(reloadEveryMs, reload) : undefined
  function reload(): void {
    reloading = store
      .reload()
      .then((changed) => changed.forEach((number) => dispatcher.changed(number)))
      .catch((error: unknown) => log.warn({ error }, 'webhook endpoints could not be read again'))
      .finally(() => {
        if (!stopping.signal.aborted) reloadTimer = clock.after(reloadEveryMs, reload)
      })
  }

  return {
    backlog: () => dispatcher.backlog(),
    endpoints: {
      get: (number) => store.get(number),
      ofOwner: (ownerId) => store.ofOwner(ownerId),
      create: (ownerId, settings, secret) => store.create(ownerId, settings, secret),
      async change(number, change) {
        const before = store.get(number)
        const after = await store.change(number, change)
        if (before !== undefined && after !== undefined) {
          const isNew = before.settings.url !== after.settings.url || before.state.at !== after.state.at
          if (isNew) tallies.forgive(number)
          dispatcher.changed(number)
        }
        return after
      },
      async remove(number) {
        await store.remove(number)
        dispatcher.changed(number)
      },
    },
    ownOf: (session) => directory.ownOf(session),
    tallyOf: (endpoint, sessionId) => tallies.of(endpoint, sessionId),
    deliveries: createDeliveryLog(database),
    ping: createPinger({ outbound, clock }),
    replay: createReplay({
      database,
      events,
      clock,
      view: (id) => sessions.view(id),
      deliveriesTo,
      again: (lanes, count) => dispatcher.again(lanes, count),
    }),
    async forget(tx, sessionId) {
      await outbox.forget(tx, sessionId)
      tx.afterCommit(() => {
        dispatcher.forget(sessionId)
        tallies.forget(sessionId)
      })
    },
    async [Symbol.asyncDispose]() {
      stopping.abort()
      reloadTimer?.[Symbol.dispose]()
      await house[Symbol.asyncDispose]()
      await reloading
      await dispatcher[Symbol.asyncDispose]()
      await disabling[Symbol.asyncDispose]()
      await tallies[Symbol.asyncDispose]()
    },
  }
}

/** As they were before there were numbers: a delivery told again after an upgrade has the same id. */
function nameInIds(number: number): string {
  return number > 0 ? String(number) : number === 0 ? 'frappe' : 'session'
}
