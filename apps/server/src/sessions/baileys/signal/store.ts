import type { SignalDataSet, SignalDataTypeMap, SignalKeyStore } from '../baileys.ts'
import type { LRUCache } from 'lru-cache'

import type { Lease } from '../../../cluster/index.ts'
import type { Database } from '../../../platform/database/index.ts'
import { statement } from '../../../platform/database/index.ts'
import type { CommitQueue, JournalRow, Step } from '../commit-queue.ts'
import type { Acquaintance } from '../acquaintances.ts'
import { KeyedLocks } from '../../../platform/keyed-locks.ts'
import type { Sealer } from '../../../platform/secrets/index.ts'
import { blockOf, PreKeyBlock } from './pre-key-block.ts'
import { valueCodecs } from './value-codecs.ts'

/** What a step wants stored: plaintext bytes, or undefined to delete. */
export interface Change {
  type: string
  id: string
  bytes: Uint8Array | undefined
}

/** Plaintext of stored keys, bounded for the whole process; `false` remembers that there is none. */
export type KeyCache = LRUCache<string, Uint8Array | false>

const keysOf = statement((db, p: { sessionId: number; type: string; ids: readonly string[] }, { among }) =>
  db
    .selectFrom('signal_key')
    .select(['id', 'sealed'])
    .where('session_id', '=', p.sessionId)
    .where('type', '=', p.type)
    .where(among('id', p.ids)),
)

const idsOf = statement((db, p: { sessionId: number; type: string }) =>
  db.selectFrom('signal_key').select('id').where('session_id', '=', p.sessionId).where('type', '=', p.type),
)

/** Kept parsed by who writes them (`HotRecords`); their bytes are not needed twice. */
const keptParsed: ReadonlySet<string> = new Set(['session', 'sender-key', 'device-list'])

let instances = 0

/**
 * The Signal keys of one session under one lease: sealed at rest, fenced at every commit, written before they are
 * cached. A failed read is never taken for "absent", and a failed write ends the store: `onFault` is told first, before
 * anybody can acknowledge anything, then the caller gets the error.
 */
export class SignalStore {
  readonly lease: Lease
  /** Ratchet steps hold `user`, group steps `group…`, pre-key changes `pre-keys`; taken in that order. */
  readonly locks = new KeyedLocks()
  readonly #database: Database
  readonly #commits: CommitQueue
  readonly #sealer: Sealer
  readonly #cache: KeyCache
  readonly #prefix: string
  readonly #onFault: (error: unknown) => void
  #fault: Error | undefined

  constructor(deps: {
    lease: Lease
    database: Database
    commits: CommitQueue
    sealer: Sealer
    cache: KeyCache
    onFault: (error: unknown) => void
  }) {
    this.lease = deps.lease
    this.#database = deps.database
    this.#commits = deps.commits
    this.#sealer = deps.sealer
    this.#cache = deps.cache
    this.#onFault = deps.onFault
    instances += 1
    // Another lease, or the same one after a fault, starts from the store: old entries die unread.
    this.#prefix = `${instances}|`
  }

  /** The stored bytes, fresh copies, by id. Throws what the store threw, after `onFault`. */
  async read(type: string, ids: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
    const found = new Map<string, Uint8Array>()
    const missing: string[] = []
    for (const id of ids) {
      const cached = this.#cache.get(this.cacheKey(type, id))
      if (cached === undefined) missing.push(id)
      else if (cached !== false) found.set(id, Buffer.from(cached))
    }
    if (missing.length === 0) return found
    const rows = await this.guard(() =>
      keysOf.all(this.#database, { sessionId: this.lease.sessionId, type, ids: missing }),
    )
    const absent = new Set(missing)
    for (const { id, sealed } of rows) {
      const bytes = await this.guard(async () => this.#sealer.open(sealed, this.#context(type, id)))
      absent.delete(id)
      this.#cache.set(this.cacheKey(type, id), own(bytes))
      found.set(id, bytes)
    }
    for (const id of absent) this.#cache.set(this.cacheKey(type, id), false)
    return found
  }

  /** Whether a read or write failed: nothing works any more on this store. */
  get isFaulty(): boolean {
    return this.#fault !== undefined
  }

  /** Ends the store without a fault: what its socket still wants to save is refused. */
  retire(): void {
    this.#fault ??= new Error('the keys of this identity were erased')
  }

  /** Every stored id of a type. */
  async ids(type: string): Promise<string[]> {
    const rows = await this.guard(() => idsOf.all(this.#database, { sessionId: this.lease.sessionId, type }))
    return rows.map(({ id }) => id)
  }

  async readOne(type: string, id: string): Promise<Uint8Array | undefined> {
    const cached = this.#cache.get(this.cacheKey(type, id))
    if (cached !== undefined) return cached === false ? undefined : Buffer.from(cached)
    return (await this.read(type, [id])).get(id)
  }

  /** Stores all of it or nothing. Throws what `CommitQueue.commit` throws; everything but a repeated ciphertext ends the store. */
  async commit(
    changes: readonly Change[],
    rows: readonly JournalRow[] = [],
    facts: readonly Acquaintance[] = [],
    also?: Step['also'],
  ): Promise<void> {
    if (changes.length === 0 && rows.length === 0 && facts.length === 0 && also === undefined) return
    const puts: { type: string; id: string; sealed: Uint8Array }[] = []
    const deletes: { type: string; id: string }[] = []
    for (const { type, id, bytes } of changes) {
      if (bytes === undefined) deletes.push({ type, id })
      else puts.push({ type, id, sealed: this.#sealer.seal(bytes, this.#context(type, id)) })
    }
    await this.guard(() =>
      this.#commits.commit({ lease: this.lease, puts, deletes, rows, facts, ...(also && { also }) }),
    )
    for (const { type, id, bytes } of changes)
      if (keptParsed.has(type)) this.#cache.delete(this.cacheKey(type, id))
      else this.#cache.set(this.cacheKey(type, id), bytes === undefined ? false : own(bytes))
  }

  /** Names a stored value in the caches of the process; another lease has other names. */
  cacheKey(type: string, id: string): string {
    return `${this.#prefix}${type}|${id}`
  }

  /** The store as baileys asks for it. `changingSessions` commits changes that include Signal sessions, while no ratchet step uses them. */
  forBaileys(changingSessions: (changes: readonly Change[]) => Promise<void>): SignalKeyStore {
    return {
      get: async (type, ids) => {
        if (type === 'pre-key') return this.#preKeys(ids) as never
        const codec = codecOf(type)
        const values: Record<string, unknown> = {}
        for (const [id, bytes] of await this.read(type, ids)) values[id] = codec.decode(bytes)
        return values as { [id: string]: SignalDataTypeMap[typeof type] }
      },
      set: async (data) => {
        // Which devices somebody has comes through the cache of them (device-lists.ts).
        const { 'pre-key': preKeys, 'device-list': _lists, ...others } = data
        const changes = encodeAll(others).filter((change) => this.#isNews(change))
        if (preKeys !== undefined) await this.#setPreKeys(preKeys, changes)
        else if (data.session !== undefined) await changingSessions(changes)
        else await this.commit(changes)
      },
    }
  }

  /** baileys writes some values with every message although nothing in them changed. What is in the cache is in the store. */
  #isNews({ type, id, bytes }: Change): boolean {
    const stored = this.#cache.get(this.cacheKey(type, id))
    if (stored === undefined) return true
    return bytes === undefined || stored === false
      ? (bytes === undefined) !== (stored === false)
      : Buffer.compare(stored, bytes) !== 0
  }

  async preKey(id: number): Promise<SignalDataTypeMap['pre-key'] | undefined> {
    const bytes = await this.readOne('pre-key', String(blockOf(id)))
    return bytes === undefined ? undefined : new PreKeyBlock(bytes).get(id)
  }

  /** Runs `commit` with the changes that remove these pre-keys, while nobody else changes pre-keys. */
  async removingPreKeys(
    ids: readonly number[],
    commit: (changes: readonly Change[]) => Promise<void>,
  ): Promise<void> {
    if (ids.length === 0) return commit([])
    await this.locks.run('pre-keys', async () =>
      commit(await this.#blocksWith(ids.map((id) => [id, undefined]))),
    )
  }

  async #preKeys(ids: readonly string[]): Promise<Record<string, SignalDataTypeMap['pre-key']>> {
    const blocks = await this.read('pre-key', [...new Set(ids.map((id) => String(blockOf(Number(id)))))])
    const parsed = new Map([...blocks].map(([id, bytes]) => [id, new PreKeyBlock(bytes)]))
    const keys: Record<string, SignalDataTypeMap['pre-key']> = {}
    for (const id of ids) {
      const key = parsed.get(String(blockOf(Number(id))))?.get(Number(id))
      if (key !== undefined) keys[id] = key
    }
    return keys
  }

  async #setPreKeys(
    preKeys: NonNullable<SignalDataSet['pre-key']>,
    others: readonly Change[],
  ): Promise<void> {
    await this.locks.run('pre-keys', async () => {
      const blocks = await this.#blocksWith(
        Object.entries(preKeys).map(([id, key]) => [Number(id), key ?? undefined]),
      )
      await this.commit([...blocks, ...others])
    })
  }

  async #blocksWith(
    changes: readonly (readonly [id: number, key: SignalDataTypeMap['pre-key'] | undefined])[],
  ): Promise<readonly Change[]> {
    const ids = [...new Set(changes.map(([id]) => String(blockOf(id))))]
    const stored = await this.read('pre-key', ids)
    const blocks = new Map(ids.map((id) => [id, new PreKeyBlock(stored.get(id))]))
    for (const [id, key] of changes) blocks.get(String(blockOf(id)))?.set(id, key)
    return [...blocks].map(([id, block]) => ({
      type: 'pre-key',
      id,
      bytes: block.isEmpty ? undefined : block.pack(),
    }))
  }

  /** Runs work on the store; what goes wrong in it ends the store. For reads that must not be mistaken for "there is none". */
  async guard<T>(work: () => Promise<T>): Promise<T> {
    if (this.#fault !== undefined) throw this.#fault
    try {
      return await work()
    } catch (error) {
      if (error instanceof Error && error.name === 'AlreadyJournalled') throw error
      this.#fault = error instanceof Error ? error : new Error(String(error))
      // First: whoever gets the error may answer WhatsApp with it.
      this.#onFault(this.#fault)
      throw this.#fault
    }
  }

  #context(type: string, id: string): string {
    return `${this.lease.sessionId}|signal_key/${type}|${id}`
  }
}

/** The codec of a type other than `pre-key`. Its values are of that type: baileys says which, we hand them through. */
function codecOf(type: string): { encode(value: unknown): Uint8Array; decode(bytes: Uint8Array): unknown } {
  const codecs: Record<string, unknown> = valueCodecs
  const codec = codecs[type]
  if (codec === undefined) throw new Error(`baileys stores a type of keys that we do not know: ${type}`)
  return codec as ReturnType<typeof codecOf>
}

function encodeAll(data: SignalDataSet): Change[] {
  const changes: Change[] = []
  for (const [type, values] of Object.entries(data)) {
    const codec = codecOf(type)
    for (const [id, value] of Object.entries(values ?? {}))
      changes.push({ type, id, bytes: value === null ? undefined : codec.encode(value) })
  }
  return changes
}

/** A copy in memory of its own: a small Buffer would pin a slab of Node's pool for as long as it is cached. */
function own(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes)
}
