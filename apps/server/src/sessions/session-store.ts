import './tables.ts'

import { sessionReasons, statusOfState } from '@inbox-hub/contract'
import type { Jid } from '@inbox-hub/whatsapp'
import type { Selectable } from 'kysely'

import { type Database, nextIntegers, statement, type Tx } from '../platform/database/index.ts'
import type { Sealer, Secrets } from '../platform/secrets/index.ts'
import { type Cause, type Me, newStanding, type Standing, type Wish } from './session-state.ts'
import type { SessionTable } from './tables.ts'

export type WebhookPreset = 'legacy' | 'standard'

/** What the owner of a session sets. */
export interface SessionSettings {
  name: string
  /** http://, https:// or socks5:// URL. */
  proxy: string | undefined
  webhook: {
    url: string | undefined
    secret: string | undefined
    events: readonly string[]
    preset: WebhookPreset
  }
  sendToFrappe: boolean
  history: HistorySettings
}

/** Which of the messages that the phone already has are taken. */
export interface HistorySettings {
  /** `full` is asked of the phone when it links the session; later it changes nothing. */
  mode: 'none' | 'recent' | 'full'
  /** Older ones are left out; undefined: none are. */
  days: number | undefined
}

/** A cause with its moment, Unix ms. */
export interface LastError extends Cause {
  at: number
}

/** One session as it is stored. */
export interface SessionRecord {
  id: number
  ownerId: number
  sessionId: string
  standing: Standing
  lastError: LastError | undefined
  me: Me | undefined
  /** Seals what belongs to this session; opened when first needed. */
  sealer: () => Sealer
  settings: SessionSettings
  lastActivityAt: number
  createdAt: number
  updatedAt: number
  deletedAt: number | undefined
}

/** The session rows. */
export interface SessionStore {
  /** Every session, tombstones too, by id. */
  all(): Promise<SessionRecord[]>
  /** Undefined when the owner has a session of that name already. */
  insert(created: {
    ownerId: number
    sessionId: string
    settings: SessionSettings
    wish: Wish
    now: number
  }): Promise<SessionRecord | undefined>
  saveWish(id: number, wish: Wish): Promise<void>
  saveSettings(record: SessionRecord, now: number): Promise<void>
  /** Makes a tombstone: the wish becomes `stop`. */
  bury(id: number, now: number): Promise<void>
  /** Takes the tombstone away. */
  revive(record: SessionRecord, wish: Wish, now: number): Promise<void>
  saveActivity(activities: readonly { id: number; at: number }[]): Promise<void>
  /** Frees the name of a tombstone whose time is over, so that a new session may take it. */
  freeName(id: number): Promise<void>
  /** Deletes the session with all that hangs on it: credentials, keys, journal, lease, timeline. */
  purge(tx: Tx, id: number): Promise<void>
}

const updateWish = statement((db, p: { id: number; wish: Wish }) =>
  db.updateTable('session').set({ wish: p.wish }).where('id', '=', p.id),
)
const updateActivity = statement((db, p: { id: number; at: number }) =>
  db.updateTable('session').set({ last_activity_at: p.at }).where('id', '=', p.id),
)

export function createSessionStore(database: Database, secrets: Secrets): SessionStore {
  return {
    async all() {
      const rows = await database.read.selectFrom('session').selectAll().orderBy('id').execute()
      return rows.map((row) => recordOf(row, secrets))
    },

    async insert({ ownerId, sessionId, settings, wish, now }) {
      const standing = newStanding(now, wish)
      const made = await database.write(async (tx) => {
        // Here and not before, so that a rotation of the master key finds it, or has begun.
        const { wrapped, sealer } = secrets.createDataKey()
        const [next] = await nextIntegers(tx, 'session', 1)
        if (next === undefined) throw new Error('The counter of sessions did not answer.')
        const inserted = await tx.db
          .insertInto('session')
          .values({
            id: next,
            owner_id: ownerId,
            session_id: sessionId,
            wish,
            state: storedStanding(standing),
            data_key: wrapped,
            ...settingColumns(next, settings, sealer),
            timeline_seq: 0,
            last_activity_at: now,
            created_at: now,
            updated_at: now,
          })
          .onConflict((conflict) => conflict.columns(['owner_id', 'session_id']).doNothing())
          .returning('id')
          .executeTakeFirst()
        return inserted === undefined ? undefined : { id: inserted.id, sealer }
      })
      if (made === undefined) return undefined
      const { id, sealer } = made
      return {
        id,
        ownerId,
        sessionId,
        standing,
        lastError: undefined,
        me: undefined,
        sealer: () => sealer,
        settings,
        lastActivityAt: now,
        createdAt: now,
        updatedAt: now,
        deletedAt: undefined,
      }
    },

    async saveWish(id, wish) {
      await database.write((tx) => updateWish.run(tx, { id, wish }))
    },

    async saveSettings({ id, settings, sealer }, now) {
      const columns = settingColumns(id, settings, sealer())
      await database.write((tx) =>
        tx.db
          .updateTable('session')
          .set({ ...columns, updated_at: now })
          .where('id', '=', id)
          .execute(),
      )
    },

    async bury(id, now) {
      await database.write((tx) =>
        tx.db
          .updateTable('session')
          .set({ wish: 'stop', deleted_at: now, updated_at: now })
          .where('id', '=', id)
          .execute(),
      )
    },

    async revive({ id, settings, sealer }, wish, now) {
      const columns = settingColumns(id, settings, sealer())
      await database.write((tx) =>
        tx.db
          .updateTable('session')
          .set({ ...columns, wish, deleted_at: null, updated_at: now })
          .where('id', '=', id)
          .execute(),
      )
    },

    async saveActivity(activities) {
      await database.write((tx) => updateActivity.runMany(tx, activities))
    },

    async freeName(id) {
      await database.write((tx) =>
        tx.db
          .updateTable('session')
          // A colon is not allowed in names that clients choose.
          .set({ session_id: `purged:${id}` })
          .where('id', '=', id)
          .execute(),
      )
    },

    async purge(tx, id) {
      await tx.db.deleteFrom('session').where('id', '=', id).execute()
    },
  }
}

/** The part of a standing that outlives a process, without the QR: its text is a secret, and dead with its socket. */
export function storedStanding(standing: Standing): string {
  const { state } = standing
  return JSON.stringify({
    state: state.at === 'pairing' ? { at: 'connecting' } : state,
    since: standing.since,
    generation: standing.generation,
    linked: standing.linked,
    watchedAt: standing.watchedAt,
    dialledAt: standing.dialledAt,
    streak: standing.streak,
    evictedAt: standing.evictedAt,
    version: standing.version,
    newChatsFrom: standing.newChatsFrom,
    announced: standing.announced,
  })
}

/** What a process starts from: no socket, no lease, no timer. */
function standingOf(stored: string, wish: Wish, now: number): Standing {
  const fresh = newStanding(now, wish)
  // Only storedStanding() writes this column; a row written by hand may hold less.
  const { state, version, ...rest } = JSON.parse(stored) as Partial<Standing>
  if (state === undefined || !Object.hasOwn(statusOfState, state.at)) return fresh
  return {
    ...fresh,
    ...rest,
    state,
    version: version === undefined ? fresh.version : { ...version, lookUp: 'not_yet' },
    wish,
  }
}

function recordOf(row: Selectable<SessionTable>, secrets: Secrets): SessionRecord {
  let opened: Sealer | undefined
  const sealer = (): Sealer => (opened ??= secrets.openDataKey(row.data_key))
  const unseal = (sealed: Uint8Array | null, column: string): string | undefined =>
    sealed === null ? undefined : Buffer.from(sealer().open(sealed, contextOf(row.id, column))).toString()
  return {
    id: row.id,
    ownerId: row.owner_id,
    sessionId: row.session_id,
    standing: standingOf(row.state, row.wish, row.created_at),
    lastError: lastErrorOf(row.last_error),
    me:
      row.me_pn === null
        ? undefined
        : // Only know() writes these columns, and it is given JIDs.
          {
            pn: row.me_pn as Jid,
            lid: (row.me_lid ?? undefined) as Jid | undefined,
            name: row.push_name ?? undefined,
          },
    sealer,
    settings: {
      name: row.name,
      proxy: unseal(row.proxy, 'proxy'),
      webhook: {
        url: row.webhook_url ?? undefined,
        secret: unseal(row.webhook_secret, 'webhook_secret'),
        events: JSON.parse(row.webhook_events) as string[], // only settingColumns() writes it
        preset: row.webhook_preset,
      },
      sendToFrappe: row.send_to_frappe === 1,
      history: { mode: row.history, days: row.history_days ?? undefined },
    },
    lastActivityAt: row.last_activity_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    deletedAt: row.deleted_at ?? undefined,
  }
}

function lastErrorOf(stored: string | null): LastError | undefined {
  if (stored === null) return undefined
  const error = JSON.parse(stored) as LastError // only the timeline writes this column
  return Object.hasOwn(sessionReasons, error.code) ? error : undefined
}

function settingColumns(
  id: number,
  { name, proxy, webhook, sendToFrappe, history }: SessionSettings,
  sealer: Sealer,
) {
  const seal = (plain: string | undefined, column: string): Uint8Array | null =>
    plain === undefined ? null : sealer.seal(Buffer.from(plain), contextOf(id, column))
  return {
    name,
    proxy: seal(proxy, 'proxy'),
    webhook_url: webhook.url ?? null,
    webhook_secret: seal(webhook.secret, 'webhook_secret'),
    webhook_events: JSON.stringify(webhook.events),
    webhook_preset: webhook.preset,
    send_to_frappe: sendToFrappe ? 1 : 0,
    history: history.mode,
    history_days: history.days ?? null,
  }
}

const contextOf = (id: number, column: string): string => `${id}|session|${column}`
