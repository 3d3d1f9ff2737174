/** Who may call the API: keys, of which only hashes are stored. */
import type { Scope } from '@inbox-hub/contract'

import type { Clock } from '../platform/clock.ts'
import type { Database, Tx } from '../platform/database/index.ts'
import type { Log } from '../platform/log.ts'
import { OperatorError } from '../platform/operator-error.ts'
import type { Grant } from '../platform/http/index.ts'
import type { Secrets } from '../platform/secrets/index.ts'
import { hashOf, idOf, isWeak, makeKey, matches } from './api-key.ts'
import {
  allKeys,
  type ApiKeyRow,
  expireRow,
  noteUse,
  revokeOfOwner,
  revokeRow,
  storeKey,
} from './api-key-rows.ts'

/** A key as its owner may see it. */
interface ApiKeyView {
  readonly id: string
  readonly ownerId: number
  readonly name: string
  /** Unix ms, as all times here. */
  readonly createdAt: number
  /** Exact to a minute. */
  readonly lastUsedAt: number | undefined
  readonly revokedAt: number | undefined
  readonly expiresAt: number | undefined
  readonly limits: KeyLimits
}

/** What a key may be limited to; parts left out are not. */
export interface KeyLimits {
  scopes?: readonly Scope[] | undefined
  /** Numbers. */
  sessions?: readonly number[] | undefined
  /** CIDR. */
  networks?: readonly string[] | undefined
}

export interface Access extends AsyncDisposable {
  /** What a key opens; undefined when nobody's, or no longer. Answered from memory but for a key this process has not seen yet. */
  readonly authenticate: (key: string) => Grant | undefined | Promise<Grant | undefined>
  /** Whose key it is, if it may do everything. */
  ownerOfFullKey(key: string): Promise<number | undefined>
  /** The only moment at which the key itself exists: show it once. */
  createKey(
    options: { ownerId: number; name: string; expiresAt?: number | undefined } & KeyLimits,
  ): Promise<{ id: string; key: string }>
  /** A new key with the limits of an old one, which works for `overlapMs` more; undefined when there is no such key in use. */
  rotateKey(
    id: string,
    overlapMs: number,
  ): Promise<{ id: string; key: string; name: string; oldKeyWorksUntil: number } | undefined>
  /** Every key, revoked ones too, oldest first. */
  listKeys(): Promise<readonly ApiKeyView[]>
  /** Works at once in this process, within `reloadEveryMs` in others. False when there is no such key in use. */
  revokeKey(id: string): Promise<boolean>
  /** Revokes every key of an owner, in the caller's transaction. */
  revokeKeysOf(tx: Tx, ownerId: number): Promise<void>
  /** The key this start made because there was none: for the terminal, once. */
  readonly firstKey: string | undefined
}

/** The owner of the first key and of the one in the environment. */
const firstOwner = 1
/** The name of the key in the environment; there is at most one in use. */
const givenName = 'INBOX_HUB_API_KEY'
const noteUsesEveryMs = 60_000
/** How long a key that another process revoked may go on working here. */
const reloadEveryMs = 15_000
/** A key we do not know may be new: look again, but not for every guess. */
const lookAgainMs = 1_000

interface Known {
  readonly row: ApiKeyRow
  readonly grant: Grant
  readonly hash: Buffer
}

/** Loads the keys; imports `apiKey` (INBOX_HUB_API_KEY) and retires its predecessor; makes a first key when there is none in use. */
export async function createAccess({
  database,
  secrets,
  clock,
  log,
  apiKey,
}: {
  database: Database
  secrets: Secrets
  clock: Clock
  log: Log
  apiKey: string | undefined
}): Promise<Access> {
  const pepper = secrets.derive('api keys')
  let known = new Map<string, Known>()
  let loadedAt = -Infinity
  let loading: Promise<void> | undefined
  /** Counts the keys made and revoked here. */
  let changes = 0
  const used = new Map<string, number>()
  let timer: Disposable | undefined
  let closed = false

  async function load(): Promise<void> {
    const startedAt = clock.monotonic()
    const changesBefore = changes
    const rows = await allKeys.all(database, {})
    // Read before a change of ours was stored: it would bring a revoked key back.
    if (changes !== changesBefore) return load()
    const inUse = rows.filter((row) => row.revoked_at === null)
    known = new Map(inUse.map((row) => [row.id, knownOf(row)]))
    loadedAt = startedAt
  }

  /** Joins a load under way: it may have begun before the key was stored, and then the next request finds it. */
  async function reload(): Promise<void> {
    loading ??= load().finally(() => {
      loading = undefined
    })
    await loading
  }

  async function store(
    id: string,
    key: string,
    {
      ownerId,
      name,
      expiresAt,
      scopes,
      sessions,
      networks,
    }: { ownerId: number; name: string; expiresAt?: number | undefined } & KeyLimits,
  ): Promise<void> {
    const hash = hashOf(key, pepper)
    const row: ApiKeyRow = {
      id,
      owner_id: ownerId,
      name,
      hash: hash.toString('hex'),
      created_at: clock.now(),
      last_used_at: null,
      revoked_at: null,
      scopes: scopes === undefined ? null : JSON.stringify(scopes),
      sessions: sessions === undefined ? null : JSON.stringify(sessions),
      networks: networks === undefined ? null : JSON.stringify(networks),
      expires_at: expiresAt ?? null,
    }
    await database.write((tx) => storeKey.run(tx, [row]))
    changes++
    known.set(id, knownOf(row))
  }

  async function revoke(id: string): Promise<boolean> {
    known.delete(id)
    const changed = await database.write((tx) => revokeRow.run(tx, { id, at: clock.now() }))
    changes++
    known.delete(id)
    return changed > 0
  }

  function grantOf(id: string, hash: Buffer): Grant | undefined {
    const found = known.get(id)
    if (!matches(hash, found?.hash) || found === undefined) return undefined
    const { expires_at: expiresAt } = found.row
    if (expiresAt !== null && clock.now() >= expiresAt) return undefined
    used.set(id, clock.now())
    return found.grant
  }

  async function tick(): Promise<void> {
    try {
      await flushUses()
      // Keys in SQLite are changed by this process alone.
      if (database.dialect === 'postgres') await reload()
    } catch (error) {
      log.warn({ error }, 'API keys not refreshed')
    }
    if (!closed) schedule()
  }

  function schedule(): void {
    timer = clock.after(database.dialect === 'postgres' ? reloadEveryMs : noteUsesEveryMs, () => void tick())
  }

  let flushedAt = clock.monotonic()
  async function flushUses(force = false): Promise<void> {
    if (used.size === 0 || (!force && clock.monotonic() - flushedAt < noteUsesEveryMs)) return
    flushedAt = clock.monotonic()
    const uses = [...used].map(([id, at]) => ({ id, at }))
    used.clear()
    await database.write((tx) => noteUse.runMany(tx, uses))
  }

  await load()
  const firstKey = await prepareKeys()
  schedule()

  async function prepareKeys(): Promise<string | undefined> {
    const givenId = apiKey === undefined ? undefined : idOf(apiKey, pepper)
    for (const { row } of known.values()) {
      if (row.name === givenName && row.id !== givenId) {
        await revoke(row.id)
        log.info({ keyId: row.id }, 'the key that was in INBOX_HUB_API_KEY before is revoked')
      }
    }
    if (apiKey !== undefined) {
      // A key of our form with a wrong check is a typing mistake, which would lock its holder out.
      if (givenId === undefined) {
        throw new OperatorError(
          'INBOX_HUB_API_KEY begins like a key made here but was changed: copy it again.',
        )
      }
      if (!known.has(givenId)) await store(givenId, apiKey, { ownerId: firstOwner, name: givenName })
      if (isWeak(apiKey)) {
        log.warn(
          {
            keyId: givenId,
            remedy: 'set INBOX_HUB_API_KEY to 43 random characters (openssl rand -base64 32)',
          },
          'the key in INBOX_HUB_API_KEY is easy to guess',
        )
      }
    }
    if (known.size > 0) return undefined
    const { id, key } = makeKey()
    await store(id, key, { ownerId: firstOwner, name: 'first key' })
    return key
  }

  function authenticate(key: string): Grant | undefined | Promise<Grant | undefined> {
    const id = idOf(key, pepper)
    if (id === undefined) return undefined
    const hash = hashOf(key, pepper)
    const grant = grantOf(id, hash)
    if (grant !== undefined || known.has(id)) return grant
    if (database.dialect === 'sqlite' || clock.monotonic() - loadedAt < lookAgainMs) return undefined
    return reload().then(() => grantOf(id, hash))
  }

  return {
    firstKey,

    authenticate,

    async ownerOfFullKey(key) {
      const grant = await authenticate(key)
      const isFull =
        grant !== undefined &&
        (grant.scopes?.has('admin') ?? true) &&
        grant.sessions === undefined &&
        grant.networks === undefined
      return isFull ? grant.ownerId : undefined
    },

    async rotateKey(id, overlapMs) {
      const old = known.get(id)
      const now = clock.now()
      if (old === undefined || (old.row.expires_at ?? Infinity) <= now) return undefined
      const { name, owner_id: ownerId, expires_at: expiresAt } = old.row
      const made = makeKey()
      await store(made.id, made.key, {
        ownerId,
        name,
        expiresAt: expiresAt ?? undefined,
        ...limitsOf(old.row),
      })
      const until = Math.min(now + overlapMs, expiresAt ?? Infinity)
      await database.write((tx) => expireRow.run(tx, { id, at: until }))
      changes++
      known.set(id, { ...old, row: { ...old.row, expires_at: until } })
      log.info({ keyId: made.id, ownerId, name }, 'API key rotated')
      return { ...made, name, oldKeyWorksUntil: until }
    },

    async createKey(options) {
      const { id, key } = makeKey()
      await store(id, key, options)
      log.info({ keyId: id, ownerId: options.ownerId, name: options.name }, 'API key made')
      return { id, key }
    },

    async listKeys() {
      const rows = await allKeys.all(database, {})
      return rows.map((row) => ({
        id: row.id,
        ownerId: row.owner_id,
        name: row.name,
        createdAt: row.created_at,
        lastUsedAt: used.get(row.id) ?? row.last_used_at ?? undefined,
        revokedAt: row.revoked_at ?? undefined,
        expiresAt: row.expires_at ?? undefined,
        limits: limitsOf(row),
      }))
    },

    async revokeKeysOf(tx, ownerId) {
      await revokeOfOwner.run(tx, { ownerId, at: clock.now() })
      tx.afterCommit(() => {
        changes++
        for (const [id, { row }] of known) if (row.owner_id === ownerId) known.delete(id)
      })
    },

    async revokeKey(id) {
      const revoked = await revoke(id)
      if (revoked) log.info({ keyId: id }, 'API key revoked')
      return revoked
    },

    async [Symbol.asyncDispose]() {
      closed = true
      timer?.[Symbol.dispose]()
      await flushUses(true).catch((error: unknown) => log.warn({ error }, 'uses of API keys not noted'))
    },
  }
}

function limitsOf(row: Pick<ApiKeyRow, 'scopes' | 'sessions' | 'networks'>): KeyLimits {
  const parsed = (json: string | null): unknown => (json === null ? undefined : JSON.parse(json))
  // Only this module writes these columns, from these types.
  return {
    scopes: parsed(row.scopes) as Scope[] | undefined,
    sessions: parsed(row.sessions) as number[] | undefined,
    networks: parsed(row.networks) as string[] | undefined,
  }
}

function knownOf(row: ApiKeyRow): Known {
  const { scopes, sessions, networks } = limitsOf(row)
  const grant: Grant = {
    ownerId: row.owner_id,
    keyId: row.id,
    scopes: scopes && new Set(scopes),
    sessions: sessions && new Set(sessions),
    networks,
  }
  return { row, grant, hash: Buffer.from(row.hash, 'hex') }
}
