/** The rows of session_lease and the statements on them (docs/decisions/session-leases.md). Times are the database's on PostgreSQL, which many nodes share. */
import { type RawBuilder, sql } from 'kysely'

import { statement, type StatementTarget, type Tx } from '../platform/database/index.ts'

declare module '../platform/database/index.ts' {
  interface Tables {
    session_lease: {
      session_id: number
      owner: string | null
      epoch: number
      expires_at: number
      address: string | null
      draining: number
    }
  }
}

/** How long others leave an owner alone that has gone silent. */
const leaseMs = 15_000

/** Unix ms by the clock that every node of this store shares. */
function sharedNow(dialect: 'sqlite' | 'postgres', now: number): RawBuilder<number> {
  return dialect === 'postgres'
    ? sql<number>`(extract(epoch from clock_timestamp()) * 1000)::bigint`
    : sql<number>`${now}`
}

const ensureRow = statement((db, p: { sessionId: number }) =>
  db
    .insertInto('session_lease')
    .values({ session_id: p.sessionId, owner: null, epoch: 0, expires_at: 0, address: null, draining: 0 })
    .onConflict((conflict) => conflict.column('session_id').doNothing()),
)

const lockRow = statement((db, p: { sessionId: number; now: number }, { dialect }) => {
  const row = db
    .selectFrom('session_lease')
    .select(['owner', 'epoch', 'expires_at', sharedNow(dialect, p.now).as('now')])
    .where('session_id', '=', p.sessionId)
  // Excludes the KEY SHARE of a fence: a stale write has committed before we read on, or finds the new epoch and aborts.
  return dialect === 'postgres' ? row.forUpdate() : row
})

const takeRow = statement((db, p: { sessionId: number; owner: string; now: number }, { dialect }) =>
  db
    .updateTable('session_lease')
    .set((eb) => ({
      owner: p.owner,
      epoch: eb('epoch', '+', 1),
      expires_at: sql<number>`${sharedNow(dialect, p.now)} + ${sql.lit(leaseMs)}`,
      draining: 0,
    }))
    .where('session_id', '=', p.sessionId)
    .returning('epoch'),
)

/**
 * Makes `owner` the owner and answers the new epoch; undefined while another one's lease runs. `mayEvict` says that other owners
 * are certainly dead, however long their lease still runs.
 */
export async function takeLease(
  tx: Tx,
  { sessionId, owner, now, mayEvict }: { sessionId: number; owner: string; now: number; mayEvict: boolean },
): Promise<number | undefined> {
  await ensureRow.run(tx, { sessionId })
  const row = await lockRow.first(tx, { sessionId, now })
  if (row === undefined) return undefined
  const isFree = row.owner === null || row.owner === owner || row.expires_at < row.now || mayEvict
  return isFree ? (await takeRow.first(tx, { sessionId, owner, now }))?.epoch : undefined
}

const renewRows = statement(
  (db, p: { owner: string; sessionIds: readonly number[]; now: number }, { dialect, among }) =>
    db
      .updateTable('session_lease')
      .set({ expires_at: sql<number>`${sharedNow(dialect, p.now)} + ${sql.lit(leaseMs)}` })
      .where('owner', '=', p.owner)
      .where(among('session_id', p.sessionIds))
      .returning(['session_id', 'epoch']),
)

/** Prolongs the leases of one node in one statement; answers those it still has, as epoch by session. */
export async function renewLeases(
  tx: Tx,
  owner: string,
  sessionIds: readonly number[],
  now: number,
): Promise<ReadonlyMap<number, number>> {
  const rows = await renewRows.all(tx, { owner, sessionIds, now })
  return new Map(rows.map(({ session_id, epoch }) => [session_id, epoch]))
}

/** Frees leases, keeping their epochs. A row whose epoch moved on is someone else's and stays. */
export const freeLease = statement((db, p: { owner: string; sessionId: number; epoch: number }) =>
  db
    .updateTable('session_lease')
    .set({ owner: null, expires_at: 0 })
    .where('session_id', '=', p.sessionId)
    .where('owner', '=', p.owner)
    .where('epoch', '=', p.epoch),
)

const holdRow = statement((db, p: { sessionId: number; owner: string; epoch: number }, { dialect }) => {
  const row = db
    .selectFrom('session_lease')
    .select('epoch')
    .where('session_id', '=', p.sessionId)
    .where('owner', '=', p.owner)
    .where('epoch', '=', p.epoch)
  // Renewals do not wait for it, take-overs do. SQLite has one writer at a time.
  return dialect === 'postgres' ? row.forKeyShare() : row
})

/** Whether the lease is current; if so it stays so until the transaction ends. */
export async function holdLease(
  on: StatementTarget,
  lease: { sessionId: number; owner: string; epoch: number },
): Promise<boolean> {
  return (await holdRow.first(on, lease)) !== undefined
}

/** How many nodes of a PostgreSQL store hold leases now. */
export const liveOwners = statement((db, _: object, { dialect }) =>
  db
    .selectFrom('session_lease')
    .select('owner')
    .distinct()
    .where('owner', 'is not', null)
    .where('expires_at', '>', sharedNow(dialect, 0)),
)
