import { type Database, statement } from '../platform/database/index.ts'
import type { Turn } from '../platform/housekeeping.ts'
import { sweepMenus } from './menus/menus.ts'
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
const oldChecks = statement((db, p: { before: number; limit: number }) =>
  db
    .selectFrom('number_check')
    .select(['session_id', 'digits'])
    .where('checked_at', '<', p.before)
    .limit(p.limit),
)
const removeCheck = statement((db, p: { session_id: number; digits: string }) =>
  db.deleteFrom('number_check').where('session_id', '=', p.session_id).where('digits', '=', p.digits),
)
const remove = statement((db, p: { ids: readonly number[] }, { among }) =>
  db.deleteFrom('outbound').where(among('message_id', p.ids)),
)

/** One turn: what was sent and scheduled long ago, where files were uploaded to, menus and answers about numbers that are old. */
export async function sweepMessages(database: Database, { now, stop }: Turn): Promise<void> {
  await sweepOutbound(database, now, stop)
  const before = now - keepOutboundMs
  await database.write(async (tx) => {
    await forgetCancelled.run(tx, { before })
    await sweepUploads.run(tx, { before })
    await sweepMenus(tx, now)
  })
  await sweepNumbers(database, now, stop)
}

/** Answers about numbers that nobody asked about again: WhatsApp is asked anew long before. */
async function sweepNumbers(database: Database, now: number, stop: AbortSignal): Promise<void> {
  while (!stop.aborted) {
    const old = await oldChecks.all(database, { before: now - keepOutboundMs, limit: batch })
    if (old.length > 0) await database.write((tx) => removeCheck.runMany(tx, old))
    if (old.length < batch) return
  }
}

/** Forgets what was sent more than 14 days ago; the messages themselves stay. */
async function sweepOutbound(database: Database, now: number, stop: AbortSignal): Promise<void> {
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
