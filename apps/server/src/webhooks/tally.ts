import './tables.ts'

import type { Clock } from '../platform/clock.ts'
import { type Database, statement } from '../platform/database/index.ts'
import type { Log } from '../platform/log.ts'
import type { Called } from './attempts.ts'
import type { EndpointNumber, WebhookTallyTable } from './tables.ts'

/** What became of the deliveries of one endpoint so far. Times are Unix ms. */
export interface Tally {
  attempts: number
  delivered: number
  givenUp: number
  /** Of all attempts together. */
  tookMs: number
  lastAt: number
  lastStatus: number | undefined
  /** Of the last attempt that failed. */
  lastError: string | undefined
  lastErrorAt: number | undefined
  /** Since when nothing was taken; undefined after a success. */
  failingSince: number | undefined
  /** Attempts since then. */
  failures: number
}

/** Counts in memory and writes every few seconds: what a crash forgets is statistics. */
export interface Tallies extends AsyncDisposable {
  /** Counts a call in, and answers the tally. */
  count(called: Called, error: string | undefined): Tally
  of(endpoint: EndpointNumber, sessionId: number): Tally | undefined
  /** The endpoint begins anew: it was enabled again, or points elsewhere. */
  forgive(endpoint: EndpointNumber): void
  forget(sessionId: number): void
}

const flushEveryMs = 5000

const save = statement((db, p: WebhookTallyTable) =>
  db
    .insertInto('webhook_tally')
    .values({
      endpoint: p.endpoint,
      session_id: p.session_id,
      attempts: p.attempts,
      delivered: p.delivered,
      given_up: p.given_up,
      took_ms: p.took_ms,
      last_at: p.last_at,
      last_status: p.last_status,
      last_error: p.last_error,
      last_error_at: p.last_error_at,
      failing_since: p.failing_since,
      failures: p.failures,
    })
    .onConflict((conflict) =>
      conflict.columns(['endpoint', 'session_id']).doUpdateSet((eb) => ({
        attempts: eb.ref('excluded.attempts'),
        delivered: eb.ref('excluded.delivered'),
        given_up: eb.ref('excluded.given_up'),
        took_ms: eb.ref('excluded.took_ms'),
        last_at: eb.ref('excluded.last_at'),
        last_status: eb.ref('excluded.last_status'),
        last_error: eb.ref('excluded.last_error'),
        last_error_at: eb.ref('excluded.last_error_at'),
        failing_since: eb.ref('excluded.failing_since'),
        failures: eb.ref('excluded.failures'),
      })),
    ),
)

export async function createTallies(database: Database, clock: Clock, log: Log): Promise<Tallies> {
  const tallies = new Map<string, { endpoint: EndpointNumber; sessionId: number; tally: Tally }>()
  for (const row of await database.read.selectFrom('webhook_tally').selectAll().execute()) {
    tallies.set(keyOf(row.endpoint, row.session_id), {
      endpoint: row.endpoint,
      sessionId: row.session_id,
      tally: fromRow(row),
    })
  }
  let dirty = new Set<string>()
  let timer: Disposable | undefined
  let writing: Promise<void> | undefined

  async function flush(): Promise<void> {
    timer?.[Symbol.dispose]()
    timer = undefined
    const keys = dirty
    dirty = new Set()
    const rows = [...keys].flatMap((key) => {
      const found = tallies.get(key)
      return found === undefined ? [] : [toRow(found.endpoint, found.sessionId, found.tally)]
    })
    if (rows.length === 0) return
    try {
      await database.write((tx) => save.runMany(tx, rows))
    } catch (error) {
      log.warn({ error }, 'the tally of webhooks could not be written')
      for (const key of keys) dirty.add(key)
    }
  }

  function touch(key: string): void {
    dirty.add(key)
    timer ??= clock.after(flushEveryMs, () => {
      writing = flush()
    })
  }

  return {
    count({ delivery, verdict, reply, tookMs, isOver }, error) {
      const { endpoint } = delivery
      const sessionId = endpoint > 0 ? 0 : delivery.sessionId
      const key = keyOf(endpoint, sessionId)
      let found = tallies.get(key)
      if (found === undefined) {
        found = { endpoint, sessionId, tally: empty() }
        tallies.set(key, found)
      }
      const { tally } = found
      const now = clock.now()
      tally.attempts += 1
      tally.tookMs += Math.round(tookMs)
      tally.lastAt = now
      tally.lastStatus = reply.status
      if (verdict.at === 'delivered') {
        tally.delivered += 1
        tally.failingSince = undefined
        tally.failures = 0
      } else {
        if (isOver) tally.givenUp += 1
        tally.lastError = error
        tally.lastErrorAt = now
        tally.failingSince ??= now
        tally.failures += 1
      }
      touch(key)
      return tally
    },
    of: (endpoint, sessionId) => tallies.get(keyOf(endpoint, endpoint > 0 ? 0 : sessionId))?.tally,
    forgive(endpoint) {
      const key = keyOf(endpoint, 0)
      const tally = tallies.get(key)?.tally
      if (tally === undefined) return
      tally.failingSince = undefined
      tally.failures = 0
      touch(key)
    },
    forget(sessionId) {
      for (const [key, { sessionId: of }] of tallies)
        if (of === sessionId && sessionId !== 0) tallies.delete(key)
    },
    async [Symbol.asyncDispose]() {
      await writing
      await flush()
    },
  }
}

function keyOf(endpoint: EndpointNumber, sessionId: number): string {
  return `${endpoint}/${sessionId}`
}

function empty(): Tally {
  return {
    attempts: 0,
    delivered: 0,
    givenUp: 0,
    tookMs: 0,
    lastAt: 0,
    lastStatus: undefined,
    lastError: undefined,
    lastErrorAt: undefined,
    failingSince: undefined,
    failures: 0,
  }
}

function fromRow(row: WebhookTallyTable): Tally {
  return {
    attempts: row.attempts,
    delivered: row.delivered,
    givenUp: row.given_up,
    tookMs: row.took_ms,
    lastAt: row.last_at,
    lastStatus: row.last_status ?? undefined,
    lastError: row.last_error ?? undefined,
    lastErrorAt: row.last_error_at ?? undefined,
    failingSince: row.failing_since ?? undefined,
    failures: row.failures,
  }
}

function toRow(endpoint: EndpointNumber, sessionId: number, tally: Tally): WebhookTallyTable {
  return {
    endpoint,
    session_id: sessionId,
    attempts: tally.attempts,
    delivered: tally.delivered,
    given_up: tally.givenUp,
    took_ms: tally.tookMs,
    last_at: tally.lastAt,
    last_status: tally.lastStatus ?? null,
    last_error: tally.lastError ?? null,
    last_error_at: tally.lastErrorAt ?? null,
    failing_since: tally.failingSince ?? null,
    failures: tally.failures,
  }
}
