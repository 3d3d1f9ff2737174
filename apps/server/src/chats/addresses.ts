import './tables.ts'

import { isLid, type Jid, withoutDevice } from '@inbox-hub/whatsapp'
import { sql } from 'kysely'

import { boundedCache } from '../platform/bounded-cache.ts'
import { type Database, insertRows, statement, type Tx } from '../platform/database/index.ts'

/** The account that `lid` names has the number `pn`. */
export interface LidMapping {
  sessionId: number
  lid: Jid
  pn: Jid
}

/** One address as one session sees it. */
export interface Address {
  sessionId: number
  jid: Jid
}

/** Where look-ups run: a transaction, or the database for committed data. */
type On = Tx | Pick<Database, 'sql'>

/**
 * Which LID and which number belong together, per session. Learnt from stanzas, from answers to number checks and
 * from the linked phone; never guessed. A number has at most one LID and a LID at most one number at a time.
 */
export interface Addresses {
  /** The address that everything about `jid` is kept under: its LID when known, without device. */
  canonical(on: On, addresses: readonly Address[]): Promise<(sessionId: number, jid: Jid) => Jid>
  /** The address to show to the world: the phone number when known, without device. */
  shown(on: On, addresses: readonly Address[]): Promise<(sessionId: number, jid: Jid) => Jid>
  /** Of `mappings`, the ones that are news to this process; cheap enough to ask for every message. */
  news(mappings: readonly LidMapping[]): readonly LidMapping[]
  /**
   * Stores mappings; answers those that changed something, for whom rows under the number must move to the LID. The caller holds
   * the sessions with `hold(…, 'change')`.
   */
  store(tx: Tx, mappings: readonly LidMapping[]): Promise<readonly StoredMapping[]>
  /** Forgets what is remembered of a session, when another process may have learnt more. */
  forget(sessionId: number): void
}

export interface StoredMapping extends LidMapping {
  /** The LID that had the number until now: another account, which keeps what is its own. */
  formerLid: Jid | undefined
  /** The number that the account had until now. */
  formerPn: Jid | undefined
}

const byLid = statement((db, p: { sessionId: number; lid: string }) =>
  db
    .selectFrom('lid_mapping')
    .select(['lid', 'pn'])
    .where('session_id', '=', p.sessionId)
    .where('lid', '=', p.lid),
)
const byPn = statement((db, p: { sessionId: number; pn: string }) =>
  db
    .selectFrom('lid_mapping')
    .select(['lid', 'pn'])
    .where('session_id', '=', p.sessionId)
    .where('pn', '=', p.pn),
)
const remove = statement((db, p: { sessionId: number; lid: string }) =>
  db.deleteFrom('lid_mapping').where('session_id', '=', p.sessionId).where('lid', '=', p.lid),
)
const insert = insertRows('lid_mapping', ['session_id', 'lid', 'pn'])

/** Any number that no other advisory lock of ours uses. */
const lockClass = 0x1dbd

const lockShared = statement((db, p: { sessionIds: readonly number[] }) => ({
  compile: () =>
    sql`select pg_advisory_xact_lock_shared(${sql.lit(lockClass)}, s) from unnest(${p.sessionIds}::int[]) as s`.compile(
      db,
    ),
}))
const lockAlone = statement((db, p: { sessionIds: readonly number[] }) => ({
  compile: () =>
    sql`select pg_advisory_xact_lock(${sql.lit(lockClass)}, s) from unnest(${p.sessionIds}::int[]) as s`.compile(
      db,
    ),
}))

/**
 * Keeps the addresses of sessions as they are (`use`) or for ourselves (`change`) until `tx` ends. Without it, on PostgreSQL, a row
 * written under a number while its LID is being learnt would stay behind. SQLite has one writer at a time anyway.
 */
export async function hold(tx: Tx, sessionIds: readonly number[], mode: 'use' | 'change'): Promise<void> {
  if (tx.sql.dialect === 'sqlite' || sessionIds.length === 0) return
  const sorted = [...new Set(sessionIds)].sort((left, right) => left - right)
  await (mode === 'use' ? lockShared : lockAlone).all(tx, { sessionIds: sorted })
}

/** Mappings remembered, of all sessions together: about 200 bytes each. */
const remembered = 100_000

export function createAddresses(): Addresses {
  // Both directions, committed mappings only. Absence is never remembered: it costs one indexed look-up.
  const other = boundedCache<string, Jid>(2 * remembered)
  const keyOf = (sessionId: number, jid: string): string => `${sessionId} ${jid}`
  /** Grows when a mapping changes, so that a look-up that began before cannot bring the old one back. */
  let version = 0

  function remember({ sessionId, lid, pn }: LidMapping): void {
    other.set(keyOf(sessionId, lid), pn)
    other.set(keyOf(sessionId, pn), lid)
  }

  async function resolve(
    on: On,
    addresses: readonly Address[],
    mapped: (jid: Jid) => boolean,
  ): Promise<(sessionId: number, jid: Jid) => Jid> {
    const found = new Map<string, Jid>()
    const missing = new Map<string, Address>()
    for (const { sessionId, jid } of addresses) {
      if (!mapped(jid)) continue
      const account = withoutDevice(jid)
      const key = keyOf(sessionId, account)
      if (found.has(key) || missing.has(key)) continue
      const known = other.get(key)
      if (known === undefined) missing.set(key, { sessionId, jid: account })
      else found.set(key, known)
    }
    if (missing.size > 0) {
      const began = version
      const rememberUnlessChanged = (mapping: LidMapping): void => {
        if (began === version) remember(mapping)
      }
      await Promise.all(
        [...missing].map(async ([key, { sessionId, jid }]) => {
          const row = isLid(jid)
            ? await byLid.first(on, { sessionId, lid: jid })
            : await byPn.first(on, { sessionId, pn: jid })
          if (row === undefined) return
          // Written by `store` from values of this type.
          const mapping = { sessionId, lid: row.lid as Jid, pn: row.pn as Jid }
          found.set(key, isLid(jid) ? mapping.pn : mapping.lid)
          // What a transaction reads, it may have written itself: true for others once it is committed.
          if ('afterCommit' in on) on.afterCommit(() => rememberUnlessChanged(mapping))
          else rememberUnlessChanged(mapping)
        }),
      )
    }
    return (sessionId, jid) => {
      const account = withoutDevice(jid)
      return mapped(account) ? (found.get(keyOf(sessionId, account)) ?? account) : account
    }
  }

  return {
    canonical: (on, addresses) => resolve(on, addresses, isMappedPn),
    shown: (on, addresses) => resolve(on, addresses, isMappedLid),
    news: (mappings) =>
      mappings.filter(
        ({ sessionId, lid, pn }) => other.get(keyOf(sessionId, withoutDevice(lid))) !== withoutDevice(pn),
      ),
    async store(tx, mappings) {
      const changed: StoredMapping[] = []
      for (const mapping of mappings) {
        const { sessionId } = mapping
        const lid = withoutDevice(mapping.lid)
        const pn = withoutDevice(mapping.pn)
        if (!isMappedLid(lid) || !isMappedPn(pn)) continue
        const [ofLid, ofPn] = await Promise.all([
          byLid.first(tx, { sessionId, lid }),
          byPn.first(tx, { sessionId, pn }),
        ])
        tx.afterCommit(() => remember({ sessionId, lid, pn }))
        if (ofLid?.pn === pn) continue
        version += 1
        // What others know by heart is wrong from here on, also if we come to nothing: then they read it again.
        if (ofLid !== undefined) {
          other.delete(keyOf(sessionId, ofLid.pn))
          await remove.run(tx, { sessionId, lid })
        }
        if (ofPn !== undefined) {
          other.delete(keyOf(sessionId, ofPn.lid))
          await remove.run(tx, { sessionId, lid: ofPn.lid })
        }
        other.delete(keyOf(sessionId, lid))
        other.delete(keyOf(sessionId, pn))
        await insert.run(tx, [{ session_id: sessionId, lid, pn }])
        changed.push({
          sessionId,
          lid,
          pn,
          // Rows of this table, see above.
          formerLid: ofPn?.lid as Jid | undefined,
          formerPn: ofLid?.pn as Jid | undefined,
        })
      }
      return changed
    },
    forget(sessionId) {
      version += 1
      const prefix = `${sessionId} `
      for (const key of other.keys()) if (key.startsWith(prefix)) other.delete(key)
    },
  }
}

/** Hosted accounts (`@hosted`, `@hosted.lid`) have addresses of their own that are not mapped onto the usual ones. */
const isMappedPn = (jid: Jid): boolean => jid.endsWith('@s.whatsapp.net')
const isMappedLid = (jid: Jid): boolean => jid.endsWith('@lid')
