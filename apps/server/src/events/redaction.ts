import './tables.ts'

import { setImmediate as turn } from 'node:timers/promises'

import { type Database, statement, type Tx } from '../platform/database/index.ts'

/** Events per look and per transaction. */
const batch = 500

const after = statement((db, p: { sessionId: number; sessionSeq: number; limit: number }) =>
  db
    .selectFrom('event')
    .select(['seq', 'session_seq', 'data'])
    .where('session_id', '=', p.sessionId)
    .where('session_seq', '>', p.sessionSeq)
    .orderBy('session_seq')
    .limit(p.limit),
)
const empty = statement((db, p: { seqs: readonly number[] }, { among }) =>
  db.updateTable('event').set({ data: '{"erased":true}' }).where(among('seq', p.seqs)),
)

/** The events of a session whose data is `about` somebody, oldest first, in pages. */
export async function* eventsAbout(
  database: Pick<Database, 'sql'>,
  sessionId: number,
  about: (data: string) => boolean,
): AsyncGenerator<readonly { seq: number; data: string }[]> {
  let last = 0
  for (;;) {
    const rows = await after.all(database, { sessionId, sessionSeq: last, limit: batch })
    const found = rows.filter(({ data }) => about(data))
    if (found.length > 0) yield found
    const end = rows.at(-1)
    if (end === undefined || rows.length < batch) return
    last = end.session_seq
    // A store in this process answers without one: everybody else has it here.
    await turn()
  }
}

/** Empties events: their places and types stay, so that the log has no holes. */
export async function emptyEvents(tx: Tx, seqs: readonly number[]): Promise<void> {
  await empty.run(tx, { seqs })
}
