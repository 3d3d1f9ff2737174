import './tables.ts'

import { randomBytes } from 'node:crypto'

import type { ChatKind } from '@inbox-hub/contract'

import type { Clock } from '../platform/clock.ts'
import { type Database, nextIntegers } from '../platform/database/index.ts'
import type { Sealer } from '../platform/secrets/index.ts'
import { spellingsOf, type WebhookEndpoint } from './endpoint.ts'
import { signingKey } from './signing.ts'
import type { EndpointNumber, PresetName, WebhookEndpointTable } from './tables.ts'
import type { ResponseCheck } from './verdict.ts'

/** What the owner of an endpoint chose. */
export interface EndpointSettings {
  readonly name: string
  readonly url: string
  readonly events: readonly string[]
  /** Numbers of sessions; undefined: all. */
  readonly sessions: readonly number[] | undefined
  readonly chats: readonly ChatKind[] | undefined
  readonly headers: Readonly<Record<string, string>>
  readonly preset: PresetName
  readonly ordered: boolean
  readonly timeoutMs: number
  readonly check: ResponseCheck
  /** In the place of the usual schedule: so many tries, the first pause, and each twice as long as the one before. */
  readonly retry: { readonly attempts: number; readonly delayMs: number } | undefined
}

/** An endpoint of an organisation. Times are Unix ms. */
export interface StoredEndpoint {
  readonly number: EndpointNumber
  readonly ownerId: number
  readonly settings: EndpointSettings
  readonly secret: string
  readonly oldSecret: { readonly secret: string; readonly until: number } | undefined
  readonly state:
    | { readonly at: 'active'; readonly pausedUntil: number | undefined }
    | { readonly at: 'disabled'; readonly because: 'asked' | 'gone' | 'failing'; readonly since: number }
  readonly createdAt: number
  readonly updatedAt: number
  /** The same for the dispatcher. */
  readonly endpoint: WebhookEndpoint
}

type Facts = Omit<StoredEndpoint, 'endpoint'>

/** The endpoints of all organisations: rows, and all of them in memory, so that an event costs no statement to find whom to tell. */
export interface EndpointStore {
  get(number: EndpointNumber): StoredEndpoint | undefined
  /** Oldest first. */
  ofOwner(ownerId: number): readonly StoredEndpoint[]
  create(ownerId: number, settings: EndpointSettings, secret: string): Promise<StoredEndpoint>
  /** Stores what `change` makes of the newest state; undefined when there is no such endpoint, or nothing to change. */
  change(
    number: EndpointNumber,
    change: (before: StoredEndpoint) => Partial<Facts> | undefined,
  ): Promise<StoredEndpoint | undefined>
  remove(number: EndpointNumber): Promise<void>
  /** Reads them again, as other processes may have changed them; answers the numbers of those that differ. */
  reload(): Promise<readonly EndpointNumber[]>
}

const none: readonly StoredEndpoint[] = []

export async function createEndpointStore(
  database: Database,
  sealer: Sealer,
  clock: Clock,
): Promise<EndpointStore> {
  let byNumber = new Map<EndpointNumber, StoredEndpoint>()
  let byOwner = new Map<number, readonly StoredEndpoint[]>()
  /** Counts changes made here. */
  let changes = 0
  /** Changes of one process follow one another: each begins with what the one before stored. */
  let last: Promise<unknown> = Promise.resolve()

  function remember(stored: Iterable<StoredEndpoint>): void {
    byNumber = new Map([...stored].map((each) => [each.number, each]))
    byOwner = Map.groupBy(byNumber.values(), ({ ownerId }) => ownerId)
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = last.then(work)
    last = turn.catch(() => {})
    return turn
  }

  async function load(): Promise<readonly StoredEndpoint[]> {
    const rows = await database.read.selectFrom('webhook_endpoint').selectAll().orderBy('id').execute()
    return rows.map((row) => fromRow(row, sealer))
  }
  remember(await load())

  return {
    get: (number) => byNumber.get(number),
    ofOwner: (ownerId) => byOwner.get(ownerId) ?? none,

    create: (ownerId, settings, secret) =>
      inTurn(async () => {
        const now = clock.now()
        const facts = await database.write(async (tx) => {
          const [number = Number.NaN] = await nextIntegers(tx, 'webhook_endpoint', 1)
          const fresh: Facts = {
            number,
            ownerId,
            settings,
            secret,
            oldSecret: undefined,
            state: { at: 'active', pausedUntil: undefined },
            createdAt: now,
            updatedAt: now,
          }
          await tx.db.insertInto('webhook_endpoint').values(toRow(fresh, sealer)).execute()
          return fresh
        })
        const made = complete(facts)
        changes += 1
        remember([...byNumber.values(), made])
        return made
      }),

    change: (number, change) =>
      inTurn(async () => {
        const before = byNumber.get(number)
        if (before === undefined) return undefined
        const wanted = change(before)
        if (wanted === undefined) return undefined
        const after = complete({ ...before, ...wanted, updatedAt: clock.now() })
        const { id, ...columns } = toRow(after, sealer)
        const changed = await database.write(async (tx) => {
          const { numUpdatedRows } = await tx.db
            .updateTable('webhook_endpoint')
            .set(columns)
            .where('id', '=', id)
            .executeTakeFirst()
          return numUpdatedRows > 0n
        })
        changes += 1
        const others = [...byNumber.values()].map((each) => (each.number === number ? after : each))
        remember(changed ? others : others.filter((each) => each !== after))
        return changed ? after : undefined
      }),

    remove: (number) =>
      inTurn(async () => {
        await database.write(async (tx) => {
          await tx.db.deleteFrom('webhook_endpoint').where('id', '=', number).execute()
          await tx.db.deleteFrom('webhook_tally').where('endpoint', '=', number).execute()
        })
        changes += 1
        remember([...byNumber.values()].filter((each) => each.number !== number))
      }),

    reload: () =>
      inTurn(async () => {
        const changesBefore = changes
        const read = await load()
        if (changes !== changesBefore) return []
        const before = byNumber
        remember(read)
        const touched = (each: StoredEndpoint) => before.get(each.number)?.updatedAt !== each.updatedAt
        const gone = [...before.keys()].filter((number) => !byNumber.has(number))
        return [...read.filter(touched).map(({ number }) => number), ...gone]
      }),
  }
}

/** A new secret, 32 random bytes as Standard Webhooks writes them. */
export function makeSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`
}

function complete(facts: Facts): StoredEndpoint {
  const { number, settings, secret, oldSecret, state } = facts
  const { url, preset, events, sessions, chats, headers, ordered, timeoutMs, check, retry } = settings
  return {
    ...facts,
    endpoint: {
      number,
      url,
      preset,
      events,
      sessions: sessions && new Set(sessions),
      chats: chats && new Set(chats),
      headers: Object.keys(headers).length === 0 ? undefined : headers,
      key: signingKey(secret),
      oldKey: oldSecret && { key: signingKey(oldSecret.secret), until: oldSecret.until },
      secrets: [
        secret,
        ...(oldSecret === undefined ? [] : [oldSecret.secret]),
        ...Object.values(headers),
      ].flatMap(spellingsOf),
      chosenBy: 'stranger',
      ordered,
      timeoutMs,
      check,
      delaysMs:
        retry && Array.from({ length: retry.attempts - 1 }, (_, n) => Math.min(retry.delayMs * 2 ** n, day)),
      heldUntil: state.at === 'active' ? (state.pausedUntil ?? 0) : 0,
    },
  }
}

const day = 86_400_000

const contexts = { headers: 'headers', secret: 'secret', old_secret: 'old secret' } as const

function contextOf(number: EndpointNumber, column: keyof typeof contexts): string {
  return `webhook endpoint ${number}|${contexts[column]}`
}

function toRow(facts: Facts, sealer: Sealer): WebhookEndpointTable {
  const { number, ownerId, settings, secret, oldSecret, state, createdAt, updatedAt } = facts
  const { name, url, headers, ...rest } = settings
  const sealed = (text: string, column: keyof typeof contexts) =>
    sealer.seal(Buffer.from(text), contextOf(number, column))
  return {
    id: number,
    owner_id: ownerId,
    name,
    url,
    settings: JSON.stringify(rest),
    headers: sealed(JSON.stringify(headers), 'headers'),
    secret: sealed(secret, 'secret'),
    old_secret: oldSecret === undefined ? null : sealed(oldSecret.secret, 'old_secret'),
    old_secret_until: oldSecret?.until ?? null,
    active: state.at === 'active' ? 1 : 0,
    disabled_because: state.at === 'disabled' ? state.because : null,
    disabled_at: state.at === 'disabled' ? state.since : null,
    paused_until: state.at === 'active' ? (state.pausedUntil ?? null) : null,
    created_at: createdAt,
    updated_at: updatedAt,
  }
}

function fromRow(row: WebhookEndpointTable, sealer: Sealer): StoredEndpoint {
  const opened = (sealed: Uint8Array, column: keyof typeof contexts) =>
    Buffer.from(sealer.open(sealed, contextOf(row.id, column))).toString()
  const rest = JSON.parse(row.settings) as Omit<EndpointSettings, 'name' | 'url' | 'headers'> // only toRow() writes it
  return complete({
    number: row.id,
    ownerId: row.owner_id,
    settings: {
      ...rest,
      name: row.name,
      url: row.url,
      headers: JSON.parse(opened(row.headers, 'headers')) as Record<string, string>, // only toRow() writes it
    },
    secret: opened(row.secret, 'secret'),
    oldSecret:
      row.old_secret === null || row.old_secret_until === null
        ? undefined
        : { secret: opened(row.old_secret, 'old_secret'), until: row.old_secret_until },
    state:
      row.active === 1
        ? { at: 'active', pausedUntil: row.paused_until ?? undefined }
        : {
            at: 'disabled',
            because: row.disabled_because ?? 'asked',
            since: row.disabled_at ?? row.updated_at,
          },
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  })
}
