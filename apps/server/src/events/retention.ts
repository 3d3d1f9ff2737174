import { sql } from 'kysely'

import { type Database, statement } from '../platform/database/index.ts'

/** How long events can be read back, ms. */
export const keepEventsMs = 30 * 86_400_000

const sweptSetting = 'events_swept_up_to'
const findSwept = statement((db, p: { name: string }) =>
  db.selectFrom('setting').select('value').where('name', '=', p.name),
)
const noteSwept = statement((db, p: { name: string; value: string }) =>
  db
    .insertInto('setting')
    .values({ name: p.name, value: p.value })
    .onConflict((conflict) =>
      conflict.column('name').doUpdateSet((eb) => ({ value: eb.ref('excluded.value') })),
    ),
)

/** The last `seq` that was swept; 0 when none was. */
export async function sweptUpTo(database: Database): Promise<number> {
  return Number((await findSwept.first(database, { name: sweptSetting }))?.value ?? 0)
}

/** Rows per transaction: writers of messages must not wait for housekeeping. */
const batch = 500

/**
 * Deletes events older than 30 days, a few at a time. A session's newest event always stays: the next one takes its number from it.
 */
export async function sweepEvents(database: Database, now: number, stop: AbortSignal): Promise<void> {
  let from = 0
  while (!stop.aborted) {
    // In the order of `seq`, which is that of `at` but for moments: the first young one ends the walk.
    const oldest = await database.read
      .selectFrom('event')
      .select(['seq', 'at'])
      .where('seq', '>', from)
      .orderBy('seq')
      .limit(batch)
      .execute()
    const young = oldest.findIndex((row) => row.at >= now - keepEventsMs)
    const old = young === -1 ? oldest : oldest.slice(0, young)
    const last = old.at(-1)
    if (last === undefined) return
    await database.write(async (tx) => {
      await tx.db
        .deleteFrom('event')
        .where('seq', '>', from)
        .where('seq', '<=', last.seq)
        .where((eb) =>
          eb.exists(
            eb
              .selectFrom('event as newer')
              .select(sql.lit(1).as('one'))
              .whereRef('newer.session_id', '=', 'event.session_id')
              .whereRef('newer.session_seq', '>', 'event.session_seq'),
          ),
        )
        .execute()
      await noteSwept.run(tx, { name: sweptSetting, value: String(last.seq) })
    })
    from = last.seq
  }
}
