import type { Blobs } from '../platform/blobs/index.ts'
import { type Database, statement, type Tx } from '../platform/database/index.ts'
import { checkBlobAt, deleteMedia, giveRoom } from './media-rows.ts'

/** Rows per step: writers of messages must not wait for housekeeping. */
const batch = 200
/** A removal that began so long ago was not finished by whoever began it. */
const strandedMs = 10 * 60_000

const unused = statement((db, p: { before: number; limit: number }) =>
  db
    .selectFrom('media')
    .select(['seq', 'owner_id', 'size', 'hash'])
    .where('keep', '=', 0)
    .where('used_at', '<', p.before)
    .orderBy('used_at')
    .limit(p.limit),
)
const toCheck = statement((db, p: { now: number; limit: number }) =>
  db
    .selectFrom('media_blob')
    .select(['hash', 'deleting_at'])
    .where('check_at', '<=', p.now)
    .orderBy('check_at')
    .limit(p.limit),
)
const isUsed = statement((db, p: { hash: string }) =>
  db.selectFrom('media').select('seq').where('hash', '=', p.hash).limit(1),
)
const settle = statement((db, p: { hash: string; now: number }) =>
  db
    .updateTable('media_blob')
    .set({ check_at: null })
    .where('hash', '=', p.hash)
    .where('check_at', '<=', p.now)
    .where('deleting_at', 'is', null),
)
/** The row's lock is waited for on PostgreSQL, and its `check_at` looked at again then: an upload that reserved it in between keeps it. */
const beginRemoval = statement((db, p: { hash: string; now: number; again: number }) =>
  db
    .updateTable('media_blob')
    .set({ deleting_at: p.now, check_at: p.again })
    .where('hash', '=', p.hash)
    .where('check_at', '<=', p.now)
    .where((eb) =>
      eb.not(
        eb.exists(eb.selectFrom('media').select('media.seq').whereRef('media.hash', '=', 'media_blob.hash')),
      ),
    ),
)
const endRemoval = statement((db, p: { hash: string }) =>
  db.deleteFrom('media_blob').where('hash', '=', p.hash).where('deleting_at', 'is not', null),
)

/** Takes a file off its owner. What it was made of goes with the next sweep, unless another file is made of the same. */
export async function forgetMedia(
  tx: Tx,
  {
    seq,
    owner_id: ownerId,
    size: bytes,
    hash,
  }: { seq: number; owner_id: number; size: number; hash: string },
  now: number,
): Promise<boolean> {
  if ((await deleteMedia.run(tx, { seq })) === 0) return false
  await giveRoom.run(tx, { ownerId, bytes })
  await checkBlobAt.run(tx, { hash, at: now })
  return true
}

/** Removes files that nobody used since `unusedSince`, then what no file is made of any more. In small steps. */
export async function sweepMedia(
  { database, blobs }: { database: Database; blobs: Blobs },
  { now, unusedSince, stop }: { now: number; unusedSince: number; stop: AbortSignal },
): Promise<void> {
  while (!stop.aborted) {
    const rows = await unused.all(database, { before: unusedSince, limit: batch })
    if (rows.length === 0) break
    await database.write(async (tx) => {
      for (const row of rows) await forgetMedia(tx, row, now)
    })
  }
  while (!stop.aborted) {
    const rows = await toCheck.all(database, { now, limit: batch })
    if (rows.length === 0) return
    for (const { hash } of rows) {
      if (stop.aborted) return
      await checkBlob(hash)
    }
    if (rows.length < batch) return
  }

  async function checkBlob(hash: string): Promise<void> {
    // In one transaction with the answer: a file that is made of it meanwhile reserved it first, which moved `check_at`.
    const removing = await database.write(async (tx) => {
      if ((await isUsed.first(tx, { hash })) === undefined)
        return (await beginRemoval.run(tx, { hash, now, again: now + strandedMs })) > 0
      await settle.run(tx, { hash, now })
      return false
    })
    if (!removing) return
    await blobs.remove(hash)
    await database.write((tx) => endRemoval.run(tx, { hash }))
  }
}
