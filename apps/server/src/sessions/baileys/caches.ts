import type { PossiblyExtendedCacheStore } from './baileys.ts'
import { LRUCache } from 'lru-cache'

import { boundedCache } from '../../platform/bounded-cache.ts'
import type { HotRecords } from './signal/ratchet-step.ts'
import type { KeyCache } from './signal/store.ts'

/** baileys' caches hold whatever it puts in. */
type Anything = object | string | number | boolean

const HOUR_MS = 60 * 60_000

/**
 * Everything that is kept in memory for speed, once for the whole process: bounded, without a timer per entry, and gone
 * with the least recently used. baileys' own are one set per socket, each with a timer, and lost at every reconnect.
 */
export class SharedCaches {
  /** Parsed Signal records of whoever was heard from lately. */
  readonly hot: HotRecords = {
    sessions: boundedCache(4_000),
    senderKeys: boundedCache(1_000),
    migrated: boundedCache(20_000),
    deviceLists: boundedCache(50_000),
  }
  readonly keys: KeyCache = new LRUCache({
    maxSize: 32 * 1024 * 1024,
    // What the cache itself needs for an entry counts too; at most 50,000 fit.
    sizeCalculation: (value) => 671 + (value === false ? 0 : value.byteLength),
  })
  readonly #placeholders = boundedCache<string, Anything>(5_000, { ttlMs: HOUR_MS })
  readonly #calls = boundedCache<string, Anything>(5_000, { ttlMs: HOUR_MS / 12 })

  /** The caches as one socket sees them: the account is part of every key. */
  of(sessionId: number) {
    return {
      placeholderResendCache: accountView(this.#placeholders, sessionId),
      callOfferCache: accountView(this.#calls, sessionId),
    }
  }

  clear(): void {
    this.hot.sessions.clear()
    this.hot.senderKeys.clear()
    this.hot.migrated.clear()
    this.hot.deviceLists.clear()
    this.keys.clear()
    this.#placeholders.clear()
    this.#calls.clear()
  }
}

function accountView(cache: LRUCache<string, Anything>, sessionId: number): PossiblyExtendedCacheStore {
  const keyOf = (key: string): string => `${sessionId}|${key}`
  return {
    // What baileys put under a key is what it reads from it.
    get: (key) => cache.get(keyOf(key)) as never,
    set: (key, value) => {
      cache.set(keyOf(key), value as Anything)
    },
    del: (key) => {
      cache.delete(keyOf(key))
    },
    mget: async (keys) => Object.fromEntries(keys.map((key) => [key, cache.get(keyOf(key)) as never])),
    mset: (entries) => {
      for (const { key, value } of entries) cache.set(keyOf(key), value as Anything)
    },
    mdel: (keys) => {
      for (const key of keys) cache.delete(keyOf(key))
    },
    flushAll: () => {
      for (const key of cache.keys()) if (key.startsWith(`${sessionId}|`)) cache.delete(key)
    },
  }
}
