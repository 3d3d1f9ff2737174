import './tables.ts'

import type { Database } from '../platform/database/index.ts'
import type { Secrets } from '../platform/secrets/index.ts'

/**
 * Wraps every session's data key under the current master key; answers how many were under an older one. What a data key seals stays as it
 * is, so that a change of the master key costs one small write per session.
 */
export async function rewrapDataKeys(database: Database, secrets: Pick<Secrets, 'rewrap'>): Promise<number> {
  const sessions = await database.read.selectFrom('session').select(['id', 'data_key']).execute()
  const changed = sessions.flatMap(({ id, data_key }) => {
    const rewrapped = secrets.rewrap(data_key)
    return rewrapped === undefined ? [] : [{ id, data_key: rewrapped }]
  })
  if (changed.length > 0) {
    await database.write(async (tx) => {
      for (const { id, data_key } of changed) {
        await tx.db.updateTable('session').set({ data_key }).where('id', '=', id).execute()
      }
    })
  }
  return changed.length
}
