import type { Database, Tx } from '../../platform/database/index.ts'
import type { DownloadPolicy } from './policy.ts'

const prefix = 'media-download:'
const nameOf = (sessionId: number): string => `${prefix}${sessionId}`

/** What each session fetches by itself, where it is not what the operator set for all. Kept in memory: it is asked for every file that arrives. */
export interface Policies {
  of(sessionId: number): DownloadPolicy
  /** Whether it has a policy of its own. */
  hasOwn(sessionId: number): boolean
  /** Undefined = as for all. Stored when it resolves. */
  set(sessionId: number, policy: DownloadPolicy | undefined): Promise<void>
  /** In the transaction that ends a session for good. */
  forget(tx: Tx, sessionId: number): Promise<void>
  load(): Promise<void>
}

export function createPolicies(database: Database, usual: DownloadPolicy): Policies {
  const own = new Map<number, DownloadPolicy>()
  return {
    of: (sessionId) => own.get(sessionId) ?? usual,
    hasOwn: (sessionId) => own.has(sessionId),
    async set(sessionId, policy) {
      const name = nameOf(sessionId)
      await database.write(async (tx) => {
        if (policy === undefined) await tx.db.deleteFrom('setting').where('name', '=', name).execute()
        else {
          const value = JSON.stringify(policy)
          await tx.db
            .insertInto('setting')
            .values({ name, value })
            .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
            .execute()
        }
      })
      if (policy === undefined) own.delete(sessionId)
      else own.set(sessionId, policy)
    },
    async forget(tx, sessionId) {
      await tx.db.deleteFrom('setting').where('name', '=', nameOf(sessionId)).execute()
      tx.afterCommit(() => own.delete(sessionId))
    },
    async load() {
      const rows = await database.read
        .selectFrom('setting')
        .select(['name', 'value'])
        .where('name', 'like', `${prefix}%`)
        .execute()
      // Only `set` writes it.
      for (const { name, value } of rows)
        own.set(Number(name.slice(prefix.length)), JSON.parse(value) as DownloadPolicy)
    },
  }
}
