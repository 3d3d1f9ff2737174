import './tables.ts'

import { createHmac, type KeyObject } from 'node:crypto'

import type { Jid } from '@inbox-hub/whatsapp'

import { type Database, insertRows, statement, type Tx } from '../platform/database/index.ts'

/** People whose data was erased: what the phone tells of them from before stays out. What they write afterwards is kept as anybody's is. */
export interface ErasedPeople {
  /** Notes that what a session knew of these addresses was erased `at`, Unix ms. */
  note(tx: Tx, sessionId: number, jids: readonly Jid[], at: number): Promise<void>
  /** When what was known of an address was erased, Unix ms; undefined when it was not. */
  since(on: Tx | Pick<Database, 'sql'>, sessionId: number): Promise<(jid: Jid) => number | undefined>
  /** Reads what was noted again when it is next asked for. */
  forget(sessionId: number): void
}

const insert = insertRows('erased_contact', ['session_id', 'address', 'erased_at'], (query) =>
  query.onConflict((conflict) =>
    conflict
      .columns(['session_id', 'address'])
      .doUpdateSet((eb) => ({ erased_at: eb.ref('excluded.erased_at') })),
  ),
)
const ofSession = statement((db, p: { sessionId: number }) =>
  db.selectFrom('erased_contact').select(['address', 'erased_at']).where('session_id', '=', p.sessionId),
)

export function createErasedPeople(key: KeyObject): ErasedPeople {
  /** Few have any, and it is asked for with everything the phone tells. */
  const known = new Map<number, ReadonlyMap<string, number>>()
  /** Counts notes: what was read before one must not be remembered after it. */
  let notes = 0

  const nameOf = (sessionId: number, jid: Jid): string =>
    createHmac('sha256', key).update(`${sessionId} ${jid}`).digest('base64url')

  async function read(on: Tx | Pick<Database, 'sql'>, sessionId: number) {
    const asOf = notes
    const rows = await ofSession.all(on, { sessionId })
    const found = new Map(rows.map((row) => [row.address, row.erased_at]))
    if (asOf === notes) known.set(sessionId, found)
    return found
  }

  return {
    async note(tx, sessionId, jids, at) {
      const rows = jids.map((jid) => ({
        session_id: sessionId,
        address: nameOf(sessionId, jid),
        erased_at: at,
      }))
      await insert.run(tx, rows)
      tx.afterCommit(() => {
        notes += 1
        known.delete(sessionId)
      })
    },
    async since(on, sessionId) {
      const erasedAt = known.get(sessionId) ?? (await read(on, sessionId))
      return erasedAt.size === 0 ? () => undefined : (jid) => erasedAt.get(nameOf(sessionId, jid))
    },
    forget: (sessionId) => void known.delete(sessionId),
  }
}
