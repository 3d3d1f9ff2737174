import { forgetLogins } from '../accounts/index.ts'
import { recordCommand } from '../audit/index.ts'
import type { Database } from '../platform/database/index.ts'
import type { Secrets } from '../platform/secrets/index.ts'
import { afterRestore } from '../sessions/after-restore.ts'

/** A session of a store that was put back. */
export interface RestoredSession {
  readonly id: number
  readonly sessionId: string
  /** Whether it was linked when the backup was made. */
  readonly isLinked: boolean
}

/**
 * Makes a store that was put back from a backup safe to serve from: ratchets, counters and leases as `afterRestore` says, and nobody stays
 * logged in, because refresh tokens that were replaced since would be good again. Answers its sessions.
 */
export async function makeSafe(
  database: Database,
  { secrets, now }: { secrets: Pick<Secrets, 'derive'>; now: number },
): Promise<RestoredSession[]> {
  await database.write(async (tx) => {
    await afterRestore(tx)
    await forgetLogins(tx)
    await recordCommand(tx, secrets, { action: 'restore', at: now })
  })
  const sessions = await database.read
    .selectFrom('session')
    .select(['id', 'session_id', 'me_pn'])
    .where('deleted_at', 'is', null)
    .orderBy('id')
    .execute()
  return sessions.map(({ id, session_id, me_pn }) => ({
    id,
    sessionId: session_id,
    isLinked: me_pn !== null,
  }))
}
