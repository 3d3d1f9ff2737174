import type { FullJid, PossiblyExtendedCacheStore } from './baileys.ts'
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
  }
  readonly keys: KeyCache = new LRUCache({
    maxSize: 32 * 1024 * 1024,
    // What the cache itself needs for an entry counts too; at most 50,000 fit.
    sizeCalculation: (value) => 671 + (value === false ? 0 : value.byteLength),
  })
  /**
   * Device lists, for a day: WhatsApp tells changes (`devices` notifications, kept for us while we are away), and each
   * refetch makes a new Signal session with every one of them. baileys forgets them after 5 minutes.
   */
  readonly #userDevices = boundedCache<string, Anything>(50_000, { ttlMs: 24 * HOUR_MS })
  readonly #placeholders = boundedCache<string, Anything>(5_000, { ttlMs: HOUR_MS })
  readonly #calls = boundedCache<string, Anything>(5_000, { ttlMs: HOUR_MS / 12 })

  /** The caches as one socket sees them: the account is part of every key. */
  of(sessionId: number) {
    return {
      userDevicesCache: accountView(this.#userDevices, sessionId),
      placeholderResendCache: accountView(this.#placeholders, sessionId),
      callOfferCache: accountView(this.#calls, sessionId),
    }
  }

  /** The device lists of one account, for reading and correcting them. */
  devicesOf(sessionId: number) {
    const lists = this.#userDevices
    return {
      // What baileys keeps here are lists of devices (Socket/messages-send.js, getUSyncDevices).
      get: (user: string) => lists.get(`${sessionId}|${user}`) as readonly FullJid[] | undefined,
      set: (user: string, devices: readonly FullJid[]) => void lists.set(`${sessionId}|${user}`, devices),
    }
  }

  /** The next send to this user asks for its devices again. */
  forgetDevices(sessionId: number, user: string): void {
    this.#userDevices.delete(`${sessionId}|${user}`)
  }

  clear(): void {
    this.hot.sessions.clear()
    this.hot.senderKeys.clear()
    this.hot.migrated.clear()
    this.keys.clear()
    this.#userDevices.clear()
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
