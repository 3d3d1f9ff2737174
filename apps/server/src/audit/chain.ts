import './tables.ts'

import { createHmac, type KeyObject } from 'node:crypto'

import { type Database, insertRows, statement, type Tx } from '../platform/database/index.ts'
import type { AuditHeadRow, AuditRow } from './tables.ts'

/** What is written down of a request. */
export type AuditEntry = Omit<AuditRow, 'seq' | 'previous_hash' | 'hash'>

/** What the walk over the chain found. */
export type Verdict =
  | { intact: true; count: number; hash: string }
  | {
      intact: false
      /** The first entry that is not as it was written, or that is missing. */
      seq: number
      problem: 'missing' | 'changed' | 'end_removed' | 'end_changed'
    }

const insert = insertRows('audit_log', [
  'seq',
  'at',
  'owner_id',
  'user_id',
  'key_id',
  'session_id',
  'session',
  'action',
  'status',
  'code',
  'ip',
  'request_id',
  'previous_hash',
  'hash',
])
const headRow = statement((db) => db.selectFrom('audit_head').selectAll())
/** Whoever has it is the only one to add, on all nodes. */
const lockHead = statement((db, _: object, { dialect }) => {
  const row = db.selectFrom('audit_head').selectAll()
  return dialect === 'postgres' ? row.forUpdate() : row
})
const moveHead = statement((db, p: { seq: number; hash: string; mac: string }) =>
  db.updateTable('audit_head').set({ seq: p.seq, hash: p.hash, mac: p.mac }),
)
const after = statement((db, p: { seq: number; limit: number }) =>
  db.selectFrom('audit_log').selectAll().where('seq', '>', p.seq).orderBy('seq').limit(p.limit),
)

const page = 500

/** Adds entries to the end of the chain. */
export async function append(tx: Tx, key: KeyObject, entries: readonly AuditEntry[]): Promise<void> {
  const head = await lockHead.first(tx, {})
  if (head === undefined) throw new Error('The end of the audit log is not known: its row is gone.')
  let { seq, hash } = head
  const rows = entries.map((entry): AuditRow => {
    seq += 1
    const linked = { ...entry, seq, previous_hash: hash }
    hash = hashOf(key, linked)
    return { ...linked, hash }
  })
  await insert.run(tx, rows)
  await moveHead.run(tx, { seq, hash, mac: macOf(key, seq, hash) })
}

/** Walks the chain from its first entry to its end, also while entries are added. */
export async function verify(database: Database, key: KeyObject): Promise<Verdict> {
  let last = { seq: 0, hash: '' }
  for (;;) {
    const rows = await after.all(database, { seq: last.seq, limit: page })
    for (const row of rows) {
      if (row.seq !== last.seq + 1) return { intact: false, seq: last.seq + 1, problem: 'missing' }
      const isIntact = row.previous_hash === last.hash && row.hash === hashOf(key, row)
      if (!isIntact) return { intact: false, seq: row.seq, problem: 'changed' }
      last = row
    }
    if (rows.length > 0) continue
    const head = await headRow.first(database, {})
    // Added since the page was read: walk on, as long as there is something to walk on.
    if (head !== undefined && head.seq > last.seq && (await after.first(database, { ...last, limit: 1 })))
      continue
    return endOf(head, last, key)
  }
}

function endOf(head: AuditHeadRow | undefined, last: { seq: number; hash: string }, key: KeyObject): Verdict {
  if (head !== undefined && head.seq > last.seq)
    return { intact: false, seq: last.seq + 1, problem: 'end_removed' }
  const mac = last.seq === 0 ? '' : macOf(key, last.seq, last.hash)
  if (head?.seq !== last.seq || head.hash !== last.hash || head.mac !== mac)
    return { intact: false, seq: last.seq, problem: 'end_changed' }
  return { intact: true, count: last.seq, hash: last.hash }
}

/** Over JSON of the columns in the order of the table: no two rows have the same text. */
function hashOf(key: KeyObject, row: Omit<AuditRow, 'hash'>): string {
  const form = JSON.stringify([
    row.seq,
    row.at,
    row.owner_id,
    row.user_id,
    row.key_id,
    row.session_id,
    row.session,
    row.action,
    row.status,
    row.code,
    row.ip,
    row.request_id,
    row.previous_hash,
  ])
  return createHmac('sha256', key).update(form).digest('hex')
}

/** That the chain ends here: its last hash alone would let an earlier row be made the end. */
function macOf(key: KeyObject, seq: number, hash: string): string {
  return createHmac('sha256', key)
    .update(JSON.stringify(['end', seq, hash]))
    .digest('hex')
}
