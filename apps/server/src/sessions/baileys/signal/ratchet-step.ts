import type { SenderKeyName } from '../baileys.ts'
import { SenderKeyRecord } from '../baileys.ts'
import type { LRUCache } from 'lru-cache'

import type { JournalRow } from '../commit-queue.ts'
import type { Acquaintance } from '../acquaintances.ts'
import type { SignalAddress } from './address.ts'
import type { Attempts } from './careful-cipher.ts'
import type { DeviceList } from './device-lists.ts'
import type { SessionEntry, SessionRecord, SignalKeyPair, SignalStorage } from './libsignal.ts'
import { packSenderKeyRecord, unpackSenderKeyRecord } from './sender-key-codec.ts'
import { packSessionRecord, unpackSessionRecord } from './session-codec.ts'
import type { Change, SignalStore } from './store.ts'

/** Our own keys, as libsignal wants them. The same Buffers each time, so that their key objects are made once. */
export interface OwnKeys {
  registrationId(): number
  identity(): SignalKeyPair
  signedPreKey(): SignalKeyPair
}

/** Records of devices and group members heard from lately, parsed; bounded for the whole process. */
export interface HotRecords {
  readonly sessions: LRUCache<string, SessionRecord>
  readonly senderKeys: LRUCache<string, SenderKeyRecord>
  /** Devices whose sessions were moved from their phone number to their LID already. */
  readonly migrated: LRUCache<string, true>
  readonly deviceLists: LRUCache<string, DeviceList>
}

/** What a step stores beside the ratchet it turned. */
export interface Beside {
  rows?: readonly JournalRow[]
  changes?: readonly Change[]
  facts?: readonly Acquaintance[]
}

/**
 * One turn of one device's ratchet, between taking its user's lock and the commit. The parsed record is the one in the
 * cache: it is changed in place, and thrown out of the cache by whatever goes wrong, so that it is never ahead of the store.
 */
export class RatchetStep implements Attempts {
  readonly touched = new Set<SessionEntry>()
  readonly spoilt = new Set<SessionEntry>()
  readonly storage: SignalStorage
  readonly #address: SignalAddress
  readonly #store: SignalStore
  readonly #hot: HotRecords
  readonly #usedPreKeys: number[] = []
  #stored: SessionRecord | undefined

  constructor(deps: { address: SignalAddress; store: SignalStore; hot: HotRecords; own: OwnKeys }) {
    this.#address = deps.address
    this.#store = deps.store
    this.#hot = deps.hot
    const { own } = deps
    this.storage = {
      loadSession: () => this.load(),
      storeSession: async (_address, record) => {
        this.#stored = record
      },
      // Trust on first use, like WhatsApp Web: a changed key is noticed in repository.ts.
      isTrustedIdentity: () => true,
      loadPreKey: async (id) => {
        const key = id === undefined ? undefined : await this.#store.preKey(id)
        return key && { privKey: Buffer.from(key.private), pubKey: Buffer.from(key.public) }
      },
      removePreKey: (id) => {
        this.#usedPreKeys.push(id)
      },
      loadSignedPreKey: () => own.signedPreKey(),
      getOurRegistrationId: () => own.registrationId(),
      getOurIdentity: () => own.identity(),
    }
  }

  async load(): Promise<SessionRecord | undefined> {
    const key = this.#cacheKey
    const hot = this.#hot.sessions.get(key)
    if (hot !== undefined) return hot
    const bytes = await this.#store.readOne('session', this.#address.id)
    if (bytes === undefined) return undefined
    const record = unpackSessionRecord(bytes)
    this.#hot.sessions.set(key, record)
    return record
  }

  /** The record that the step asked to store; undefined when it only read. */
  get stored(): SessionRecord | undefined {
    return this.#stored
  }

  /** Makes the step durable together with what goes beside it. After any failure the cache forgets the record. */
  async commit({ rows = [], changes = [], facts = [] }: Beside = {}): Promise<void> {
    try {
      const record = this.#stored
      if (record !== undefined && this.spoilt.size > 0) await this.#restoreSpoilt(record)
      await this.#store.removingPreKeys(this.#usedPreKeys, (preKeys) => {
        const session: Change[] =
          record === undefined
            ? []
            : [{ type: 'session', id: this.#address.id, bytes: packSessionRecord(record, this.touched) }]
        return this.#store.commit([...session, ...preKeys, ...changes], rows, facts)
      })
      if (record !== undefined) this.#hot.sessions.set(this.#cacheKey, record)
    } catch (error) {
      this.forget()
      throw error
    }
  }

  /** The next step reads what is stored. */
  forget(): void {
    this.#hot.sessions.delete(this.#cacheKey)
  }

  /** Puts sessions back as they are stored that a message turned out not to belong to. */
  async #restoreSpoilt(record: SessionRecord): Promise<void> {
    const bytes = await this.#store.readOne('session', this.#address.id)
    const stored = bytes === undefined ? undefined : unpackSessionRecord(bytes)
    for (const [key, entry] of Object.entries(record.sessions)) {
      if (!this.spoilt.has(entry)) continue
      const before = stored?.sessions[key]
      if (before === undefined) delete record.sessions[key]
      else record.sessions[key] = before
    }
  }

  get #cacheKey(): string {
    return this.#store.cacheKey('session', this.#address.id)
  }
}

/** One step of a group member's chain, between taking its lock and the commit. Same rules as RatchetStep. */
export class SenderKeyStep {
  readonly #id: string
  readonly #store: SignalStore
  readonly #hot: HotRecords
  #stored: SenderKeyRecord | undefined

  constructor(deps: { name: SenderKeyName; store: SignalStore; hot: HotRecords }) {
    this.#id = deps.name.toString()
    this.#store = deps.store
    this.#hot = deps.hot
  }

  /** What baileys' GroupCipher and GroupSessionBuilder read and write. */
  readonly storage = {
    loadSenderKey: async (): Promise<SenderKeyRecord> => (await this.load()) ?? new SenderKeyRecord(),
    storeSenderKey: async (_name: SenderKeyName, record: SenderKeyRecord): Promise<void> => {
      this.#stored = record
      // A later load inside this step must see it; a failure forgets it again.
      this.#hot.senderKeys.set(this.#cacheKey, record)
    },
  }

  async load(): Promise<SenderKeyRecord | undefined> {
    const hot = this.#hot.senderKeys.get(this.#cacheKey)
    if (hot !== undefined) return hot
    const bytes = await this.#store.readOne('sender-key', this.#id)
    if (bytes === undefined) return undefined
    const record = unpackSenderKeyRecord(bytes)
    this.#hot.senderKeys.set(this.#cacheKey, record)
    return record
  }

  async commit({ rows = [], changes = [], facts = [] }: Beside = {}): Promise<void> {
    const record = this.#stored
    const own: Change[] =
      record === undefined ? [] : [{ type: 'sender-key', id: this.#id, bytes: packSenderKeyRecord(record) }]
    try {
      await this.#store.commit([...own, ...changes], rows, facts)
    } catch (error) {
      this.forget()
      throw error
    }
  }

  forget(): void {
    this.#hot.senderKeys.delete(this.#cacheKey)
  }

  get #cacheKey(): string {
    return this.#store.cacheKey('sender-key', this.#id)
  }
}
