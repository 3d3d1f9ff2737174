import type { FullJid, PossiblyExtendedCacheStore } from '../baileys.ts'
import { jidDecode, jidEncode } from '../baileys.ts'
import type { LRUCache } from 'lru-cache'

import type { Change, SignalStore } from './store.ts'

/** The devices of one user, as WhatsApp answered and as its notifications changed them since. */
export interface DeviceList {
  /** When WhatsApp was asked, Unix ms. */
  readonly askedAt: number
  readonly devices: readonly FullJid[]
}

/**
 * How long a list is used without asking again. Changes are told (`devices` notifications, kept for us while we are away), and asking costs:
 * Baileys makes a new Signal session with everybody it asked for by number (Socket/messages-send.js, getUSyncDevices).
 */
const LIST_TTL_MS = 24 * 60 * 60_000

const TYPE = 'device-list'

/**
 * Which devices the people have whom a session writes to: Baileys' `userDevicesCache`, over the session's store. A list that WhatsApp
 * answered, or changed by a notification, is durable before Baileys goes on, so before it acknowledges: it outlives the process, and a
 * change that was acknowledged is never lost. What Baileys stores under `device-list` itself says less and is not kept.
 */
export class DeviceLists {
  readonly #store: SignalStore
  readonly #hot: LRUCache<string, DeviceList>
  readonly #now: () => number

  constructor(deps: { store: SignalStore; hot: LRUCache<string, DeviceList>; now: () => number }) {
    this.#store = deps.store
    this.#hot = deps.hot
    this.#now = deps.now
  }

  /** Undefined where WhatsApp has to be asked. The arrays are shared: not to be changed. Throws what the store threw. */
  async get(user: string): Promise<readonly FullJid[] | undefined> {
    return (await this.#of([user])).get(user)?.devices
  }

  /** A list that was changed; it is as old as the one that it takes the place of. Durable when it resolves. */
  change(user: string, devices: readonly FullJid[]): Promise<void> {
    return this.#alone(async () => {
      const askedAt = (await this.#read([user])).get(user)?.askedAt ?? this.#now()
      await this.#keep([[user, { askedAt, devices }]])
    })
  }

  /** The next send to this user asks for its devices again. */
  forget(user: string): Promise<void> {
    return this.#alone(() => this.#keep([[user, undefined]]))
  }

  /** As Baileys asks for it: it reads a user or many, stores many that it asked for, and changes one that it was told about. */
  asCache(): PossiblyExtendedCacheStore {
    // What Baileys stores and reads here are lists of devices (Socket/messages-send.js, messages-recv.js).
    const listOf = (value: unknown): readonly FullJid[] => value as readonly FullJid[]
    return {
      get: (user) => this.get(user) as never,
      set: (user, devices) => this.change(user, listOf(devices)),
      del: (user) => this.forget(user),
      mget: async (users) => {
        const lists = await this.#of(users)
        return Object.fromEntries([...lists].map(([user, { devices }]) => [user, devices as never]))
      },
      mset: (entries) => {
        const askedAt = this.#now()
        const lists = entries.map(({ key, value }) => [key, { askedAt, devices: listOf(value) }] as const)
        return this.#alone(() => this.#keep(lists))
      },
      flushAll: () => {
        throw new Error('device lists go with the identity they were asked for')
      },
    }
  }

  /** Those that are not too old. */
  async #of(users: readonly string[]): Promise<ReadonlyMap<string, DeviceList>> {
    const found = new Map<string, DeviceList>()
    const unread: string[] = []
    for (const user of users) {
      const hot = this.#hot.get(this.#store.cacheKey(TYPE, user))
      if (hot === undefined) unread.push(user)
      else found.set(user, hot)
    }
    if (unread.length > 0)
      for (const [user, list] of await this.#alone(() => this.#read(unread))) found.set(user, list)
    const since = this.#now() - LIST_TTL_MS
    for (const [user, { askedAt }] of found) if (!(askedAt >= since)) found.delete(user)
    return found
  }

  /** What is read and what is written is kept in the order of the store: an answer of it may not overtake a change. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#store.locks.run('device-lists', work)
  }

  async #read(users: readonly string[]): Promise<ReadonlyMap<string, DeviceList>> {
    const lists = new Map<string, DeviceList>()
    for (const [user, bytes] of await this.#store.read(TYPE, users)) {
      const list = unpack(bytes)
      lists.set(user, list)
      this.#hot.set(this.#store.cacheKey(TYPE, user), list)
    }
    return lists
  }

  async #keep(lists: readonly (readonly [user: string, list: DeviceList | undefined])[]): Promise<void> {
    await this.#store.commit(
      lists.map(([user, list]): Change => ({ type: TYPE, id: user, bytes: list && pack(list) })),
    )
    for (const [user, list] of lists) {
      const key = this.#store.cacheKey(TYPE, user)
      if (list === undefined) this.#hot.delete(key)
      else this.#hot.set(key, list)
    }
  }
}

function pack({ askedAt, devices }: DeviceList): Uint8Array {
  const jids = devices.map(({ user, server, device }) => jidEncode(user, server, device))
  return Buffer.from(JSON.stringify({ askedAt, jids }), 'utf8')
}

function unpack(bytes: Uint8Array): DeviceList {
  // Only `pack` writes this type.
  const { askedAt, jids } = JSON.parse(Buffer.from(bytes).toString('utf8')) as {
    askedAt: number
    jids: readonly string[]
  }
  return {
    askedAt,
    devices: jids.flatMap((jid) => {
      const decoded = jidDecode(jid)
      return decoded === undefined ? [] : [{ ...decoded, device: decoded.device ?? 0 }]
    }),
  }
}
