import { hash, type KeyObject } from 'node:crypto'

import { Gauge, Histogram, type Registry } from 'prom-client'

import type { Events, StoredEvent } from '../events/index.ts'
import { boundedCache } from '../platform/bounded-cache.ts'
import type { Clock } from '../platform/clock.ts'
import type { Database } from '../platform/database/index.ts'
import type { GuardedFetch } from '../platform/guarded-fetch/index.ts'
import type { Log } from '../platform/log.ts'
import type { Secrets } from '../platform/secrets/index.ts'
import type { SessionView } from '../sessions/index.ts'
import { type Addressee, createDispatcher } from './dispatcher.ts'
import type { Webhooks } from './index.ts'
import { createOutbox, type Delivery } from './outbox.ts'
import { presets, type WaitingQr } from './presets/index.ts'
import { signingKey } from './signing.ts'
import type { PresetName, Target } from './tables.ts'

const sweepEveryMs = 3_600_000
/** Keys of so many receivers are kept ready; making one costs microseconds. */
const keysKept = 2000

export interface WebhooksDeps {
  database: Database
  events: Events
  sessions: { view(id: number): SessionView | undefined }
  /** The server's own receiver, for sessions that send to Frappe and have no webhook. */
  frappe: { url: string; secret: string | undefined } | undefined
  secrets: Pick<Secrets, 'derive'>
  outbound: Pick<GuardedFetch, 'send'>
  /** The code that waits for a scan now, drawn; undefined when none does. */
  waitingQr: (sessionId: number) => WaitingQr | undefined
  clock: Clock
  log: Log
  metrics: Registry
}

/** Starts delivering: from now on every event appended is owed to its receivers, and what earlier processes left is taken up. */
export async function createWebhooks(deps: WebhooksDeps): Promise<Webhooks> {
  const { database, events, sessions, frappe, secrets, outbound, waitingQr, clock, log, metrics } = deps
  const outbox = createOutbox(database, clock)
  const keys = boundedCache<string, KeyObject>(keysKept)
  // Receivers that set no secret are signed for all the same: the CRM refuses unsigned calls before it looks at its own secret.
  const installationKey = secrets.derive('webhook signature')

  const durations = new Histogram({
    name: 'inbox_hub_webhook_attempt_duration_seconds',
    help: 'From the start of a call to a webhook receiver to the end of its answer, by what came of it',
    labelNames: ['outcome'],
    buckets: [0.01, 0.05, 0.2, 1, 3, 7, 15],
    registers: [metrics],
  })

  const dispatcher = createDispatcher({
    outbox,
    outbound,
    addresseeOf,
    sessionName: (id) => sessions.view(id)?.sessionId ?? String(id),
    bodyOf,
    clock,
    log,
    random: Math.random,
    observe: (verdict, durationMs) => durations.observe({ outcome: verdict }, durationMs / 1000),
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

  function keyOf(secret: string | undefined): KeyObject {
    if (secret === undefined) return installationKey
    let key = keys.get(secret)
    if (key === undefined) {
      key = signingKey(secret)
      keys.set(secret, key)
    }
    return key
  }

  function addresseeOf(sessionId: number, target: Target): Addressee | undefined {
    if (target === 'frappe')
      return frappe && { url: frappe.url, key: keyOf(frappe.secret), chosenBy: 'operator' }
    const webhook = sessions.view(sessionId)?.webhook
    if (webhook?.url === undefined) return undefined
    return { url: webhook.url, key: keyOf(webhook.secret), chosenBy: 'stranger' }
  }

  function bodyOf({ eventType, sessionId, preset, body }: Delivery): Uint8Array | undefined {
    if (eventType !== 'session.qr') return Buffer.from(body)
    const qr = waitingQr(sessionId)
    return qr && Buffer.from(presets[preset].withQr(body, qr))
  }

  /** Who is told of a session's events: its own webhook, else, where the session sends there, the server's Frappe. One per URL. */
  function receiversOf(session: SessionView): readonly { target: Target; preset: PresetName }[] {
    if (session.webhook.url !== undefined) return [{ target: 'session', preset: session.webhook.preset }]
    return session.sendToFrappe && frappe !== undefined ? [{ target: 'frappe', preset: 'legacy' }] : []
  }

  function deliveriesOf(event: StoredEvent): readonly Delivery[] {
    const session = sessions.view(event.sessionId)
    if (session === undefined) return []
    const now = clock.now()
    return receiversOf(session).flatMap(({ target, preset }) =>
      presets[preset].tell(event, session).map((telling) => ({
        id: `msg_${hash('sha256', `${event.id}|${target}|${telling.type}`, 'base64url').slice(0, 26)}`,
        eventSeq: event.seq,
        sessionId: event.sessionId,
        target,
        lane: telling.lane,
        preset,
        eventType: telling.type,
        body: telling.body,
        attempts: 0,
        createdAt: now,
        dueAt: now + telling.holdMs,
        notBefore: clock.monotonic() + telling.holdMs,
      })),
    )
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
  let sweep: Promise<void> | undefined
  let timer = clock.after(sweepEveryMs, runSweep)
  function runSweep(): void {
    sweep = outbox
      .sweep(clock.now(), stopping.signal)
      .catch((error: unknown) =>
        log.warn({ error }, 'settled deliveries could not be swept; trying again in an hour'),
      )
      .finally(() => {
        if (!stopping.signal.aborted) timer = clock.after(sweepEveryMs, runSweep)
      })
  }

  return {
    backlog: () => dispatcher.backlog(),
    async forget(tx, sessionId) {
      await outbox.forget(tx, sessionId)
      tx.afterCommit(() => dispatcher.forget(sessionId))
    },
    async [Symbol.asyncDispose]() {
      stopping.abort()
      timer[Symbol.dispose]()
      await sweep
      await dispatcher[Symbol.asyncDispose]()
    },
  }
}
