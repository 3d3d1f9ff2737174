import './tables.ts'

import { type Database, statement } from '../platform/database/index.ts'
import type { Turn } from '../platform/housekeeping.ts'

/** How long an invitation that nobody took, or that was taken, can still be looked at after its end, ms. */
const keepInvitationsMs = 30 * 86_400_000
/** Rows per transaction. */
const batch = 500

const endedLogins = statement((db, p: { before: number; limit: number }) =>
  db.selectFrom('login').select('id').where('expires_at', '<', p.before).limit(p.limit),
)
const removeLogin = statement((db, p: { id: string }) => db.deleteFrom('login').where('id', '=', p.id))
const removeResets = statement((db, p: { before: number }) =>
  db.deleteFrom('password_reset').where('expires_at', '<', p.before),
)
const removeInvitations = statement((db, p: { before: number }) =>
  db.deleteFrom('invitation').where('expires_at', '<', p.before),
)

/** Removes logins and links to set passwords with that have ended, and invitations that ended 30 days ago. */
export async function sweepEnded(database: Database, { now, stop }: Turn): Promise<void> {
  await database.write(async (tx) => {
    await removeResets.run(tx, { before: now })
    await removeInvitations.run(tx, { before: now - keepInvitationsMs })
  })
  while (!stop.aborted) {
    const ended = await endedLogins.all(database, { before: now, limit: batch })
    if (ended.length > 0) await database.write((tx) => removeLogin.runMany(tx, ended))
    if (ended.length < batch) return
  }
}
