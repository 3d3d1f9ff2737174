import type { LRUCache } from 'lru-cache'

import type { Clock } from '../../platform/clock.ts'
import { boundedCache } from '../../platform/bounded-cache.ts'
import { type Database, insertRows, statement } from '../../platform/database/index.ts'
import type { Log } from '../../platform/log.ts'
import type { CacheStore } from './baileys.ts'
import './tables.ts'

/** After an hour a message is not asked for any more. */
const LIFE_MS = 60 * 60_000

const save = insertRows('retry_counter', ['session_id', 'name', 'count', 'counted_at'], (insert) =>
  insert.onConflict((conflict) =>
    conflict
      .columns(['session_id', 'name'])
      .doUpdateSet((eb) => ({ count: eb.ref('excluded.count'), counted_at: eb.ref('excluded.counted_at') })),
  ),
)
const remove = statement((db, p: { sessionId: number; name: string }) =>
  db.deleteFrom('retry_counter').where('session_id', '=', p.sessionId).where('name', '=', p.name),
)
const ofSession = statement((db, p: { sessionId: number; since: number }) =>
  db
    .selectFrom('retry_counter')
    .select(['name', 'count'])
    .where('session_id', '=', p.sessionId)
    .where('counted_at', '>', p.since),
)
const old = statement((db, p: { before: number }) =>
  db.deleteFrom('retry_counter').where('counted_at', '<=', p.before),
)

/**
 * How often each message that could not be opened was asked for again, for all sessions: in memory while the process lives, and stored
 * for the next one, or a message that nobody can open would be asked for five times after each restart. Written only when that happens.
 */
export class RetryCounters {
  readonly #database: Database
  readonly #clock: Clock
  readonly #log: Log
  readonly #counts: LRUCache<string, number> = boundedCache(20_000, { ttlMs: LIFE_MS })
  #writes: Promise<unknown> = Promise.resolve()

  constructor(deps: { database: Database; clock: Clock; log: Log }) {
    this.#database = deps.database
    this.#clock = deps.clock
    this.#log = deps.log
  }

  /** Before a dial: what an earlier process counted. */
  async load(sessionId: number): Promise<void> {
    const since = this.#clock.now() - LIFE_MS
    for (const { name, count } of await ofSession.all(this.#database, { sessionId, since })) {
      const key = `${sessionId}|${name}`
      if ((this.#counts.get(key) ?? 0) < count) this.#counts.set(key, count)
    }
  }

  /** The counters of one account, as baileys takes them. */
  of(sessionId: number): CacheStore {
    return {
      // Only counts are put here (Socket/messages-recv.js).
      get: (name) => this.#counts.get(`${sessionId}|${name}`) as never,
      set: (name, value) => {
        if (typeof value !== 'number') return
        this.#counts.set(`${sessionId}|${name}`, value)
        const row = { session_id: sessionId, name, count: value, counted_at: this.#clock.now() }
        this.#write((database) => database.write((tx) => save.run(tx, [row])))
      },
      del: (name) => {
        if (!this.#counts.delete(`${sessionId}|${name}`)) return
        this.#write((database) => database.write((tx) => remove.run(tx, { sessionId, name })))
      },
      flushAll: () => {
        for (const key of this.#counts.keys()) if (key.startsWith(`${sessionId}|`)) this.#counts.delete(key)
      },
    }
  }

  async sweep(): Promise<void> {
    await this.#database.write((tx) => old.run(tx, { before: this.#clock.now() - LIFE_MS }))
  }

  /** Resolves when what was counted is stored. */
  async settled(): Promise<void> {
    await this.#writes
  }

  /** In order, and waited for by nobody: a count that is lost costs one more request. */
  #write(work: (database: Database) => Promise<unknown>): void {
    this.#writes = this.#writes
      .then(() => work(this.#database))
      .catch((error: unknown) => this.#log.warn({ error }, 'a retry counter was not stored'))
  }
}
