import './tables.ts'

import type { Clock } from '../platform/clock.ts'
import { type Database, statement, type StatementTarget } from '../platform/database/index.ts'
import type { Log } from '../platform/log.ts'
import { keyIdIn, type Secrets, storedRootKeyId } from '../platform/secrets/index.ts'

/** Data keys per transaction: some milliseconds, so that messages do not wait. */
const batch = 200
/** How often the key file is looked at. */
const looksEveryMs = 2_000

const keysAfter = statement((db, p: { id: number; limit: number }) =>
  db.selectFrom('session').select(['id', 'data_key']).where('id', '>', p.id).orderBy('id').limit(p.limit),
)
const storeKey = statement((db, p: { id: number; data_key: Uint8Array }) =>
  db.updateTable('session').set({ data_key: p.data_key }).where('id', '=', p.id),
)

/**
 * Wraps everything that is under an older master key under the current one: the data key of each session, in small transactions, and the
 * root key last. What these seal stays as it is, so that a rotation costs one small write per session. Ends early, to be taken up again
 * from wherever it was, when `stop` is aborted. The root key under the current master key means that no other is needed any more. Answers
 * how many data keys it wrapped.
 */
export async function moveToCurrentKey(
  database: Database,
  secrets: Pick<Secrets, 'rewrap' | 'rewrapRoot'>,
  { stop, limit = batch }: { stop: AbortSignal; limit?: number },
): Promise<number> {
  let moved = 0
  let last = 0
  while (!stop.aborted) {
    const { end, count } = await database.write(async (tx) => {
      const sessions = await keysAfter.all(tx, { id: last, limit })
      const wrapped = sessions.flatMap(({ id, data_key }) => {
        const rewrapped = secrets.rewrap(data_key)
        return rewrapped === undefined ? [] : [{ id, data_key: rewrapped }]
      })
      await storeKey.runMany(tx, wrapped)
      if (sessions.length === 0) await secrets.rewrapRoot(tx)
      return { end: sessions.at(-1)?.id, count: wrapped.length }
    })
    moved += count
    if (end === undefined) return moved
    last = end
  }
  return moved
}

/** How far a store is on its way to the master key named `keyId`. Done: no other key is needed for it any more. */
export async function rotationOf(
  store: StatementTarget,
  keyId: string,
): Promise<{ done: boolean; moved: number; of: number }> {
  const dataKeys = await keysAfter.all(store, { id: 0, limit: 1_000_000_000 })
  const moved = dataKeys.filter(({ data_key }) => keyIdIn(data_key) === keyId).length
  const isRootMoved = (await storedRootKeyId(store)) === keyId
  return { done: isRootMoved && moved === dataKeys.length, moved, of: dataKeys.length }
}

/**
 * Moves the store to a new master key while it is served from: one that the environment named first at the start, or one that
 * `inbox-hub rotate-master-key` puts into the key file meanwhile. Takes up what a process that was killed left.
 */
export function followMasterKey({
  database,
  secrets,
  clock,
  log,
}: {
  database: Database
  secrets: Secrets
  clock: Clock
  log: Log
}): AsyncDisposable {
  const stopping = new AbortController()
  let timer: Disposable | undefined
  let running = look()

  async function look(): Promise<void> {
    try {
      secrets.reload()
      if (secrets.rootKeyId !== secrets.keyId) {
        const count = await moveToCurrentKey(database, secrets, { stop: stopping.signal })
        log.info({ count, keyId: secrets.keyId }, 'data keys moved to the new master key')
      }
    } catch (error) {
      log.warn({ error }, 'the store was not moved to the new master key yet; trying again')
    }
    if (stopping.signal.aborted) return
    timer = clock.after(looksEveryMs, () => {
      running = look()
    })
  }

  return {
    async [Symbol.asyncDispose]() {
      stopping.abort()
      timer?.[Symbol.dispose]()
      await running
    },
  }
}
