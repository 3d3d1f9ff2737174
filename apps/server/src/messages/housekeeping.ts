import { statement, type Database } from '../platform/database/index.ts'
import { sweepUploads } from './outbound/upload-rows.ts'
import { forgetCancelled } from './scheduling/scheduled-rows.ts'

/** How long retry receipts and repeated calls are answered. Above the 7 days that idempotency keys are promised for. */
export const keepOutboundMs = 14 * 86_400_000

/** Rows per transaction: writers of messages must not wait for housekeeping. */
const batch = 500

const oldest = statement((db, p: { after: number; limit: number }) =>
  db
    .selectFrom('outbound')
    .select(['message_id', 'asked_at', 'settled_at'])
    .where('message_id', '>', p.after)
    .orderBy('message_id')
    .limit(p.limit),
)
const remove = statement((db, p: { ids: readonly number[] }, { among }) =>
  db.deleteFrom('outbound').where(among('message_id', p.ids)),
)

/** Forgets what was sent more than 14 days ago; the messages themselves stay. */
export async function sweepOutbound(database: Database, now: number, stop: AbortSignal): Promise<void> {
  // In the order of asking: the first young one ends the walk. What was asked for again later is young, and passed over.
  for (let from = 0; !stop.aborted;) {
    const rows = await oldest.all(database, { after: from, limit: batch })
    const last = rows.at(-1)
    if (last === undefined) return
    const old = rows.filter((row) => row.settled_at !== null && row.asked_at < now - keepOutboundMs)
    if (old.length === 0) return
    const ids = old.map((row) => row.message_id)
    await database.write(async (tx) => void (await remove.run(tx, { ids })))
    from = last.message_id
  }
}

/** Forgets scheduled messages that were cancelled as long ago. */
export async function sweepCancelled(database: Database, now: number): Promise<void> {
  await database.write(async (tx) => void (await forgetCancelled.run(tx, { before: now - keepOutboundMs })))
}

/** Forgets where files were uploaded to; nothing refers to one that old any more. */
export async function sweepOldUploads(database: Database, now: number): Promise<void> {
  await database.write(async (tx) => void (await sweepUploads.run(tx, { before: now - keepOutboundMs })))
}
