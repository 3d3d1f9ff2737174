import type { MediaKind } from '@inbox-hub/contract'

import { insertRows, statement } from '../platform/database/index.ts'
import { extensionOf } from './sniff.ts'

declare module '../platform/database/index.ts' {
  interface Tables {
    media: MediaRow
    media_blob: { hash: string; size: number; check_at: number | null; deleting_at: number | null }
    media_usage: { owner_id: number; files: number; bytes: number }
  }
}

/** Where a file came from. */
export type MediaSource = 'upload' | 'url' | 'base64' | 'whatsapp'

export interface MediaRow {
  seq: number
  id: string
  owner_id: number
  session_id: number | null
  hash: string
  size: number
  kind: MediaKind
  mimetype: string
  declared_type: string | null
  file_name: string
  search: string
  source: MediaSource
  created_at: number
  used_at: number
  keep: number
}

/** A name to save it under, made up when it has none. */
export function shownName({ file_name: name, kind, mimetype, seq }: MediaRow): string {
  return name === '' ? `${kind}-${seq}.${extensionOf(mimetype)}` : name
}

export const insertMedia = insertRows('media', [
  'seq',
  'id',
  'owner_id',
  'session_id',
  'hash',
  'size',
  'kind',
  'mimetype',
  'declared_type',
  'file_name',
  'search',
  'source',
  'created_at',
  'used_at',
  'keep',
])

export const mediaById = statement((db, p: { id: string }) =>
  db.selectFrom('media').selectAll().where('id', '=', p.id),
)

export const noteUse = statement((db, p: { id: string; at: number }) =>
  db.updateTable('media').set({ used_at: p.at }).where('id', '=', p.id),
)

/** Takes it for unused since 1970: the next sweep has it. */
export const forgetUse = statement((db, p: { id: string }) =>
  db.updateTable('media').set({ used_at: 0, keep: 0 }).where('id', '=', p.id),
)

export const deleteMedia = statement((db, p: { seq: number }) =>
  db.deleteFrom('media').where('seq', '=', p.seq),
)

/** Has a blob be kept until `until`, whoever uses it. Changes no row when it is being removed. */
export const reserveBlob = statement((db, p: { hash: string; size: number; until: number }) =>
  db
    .insertInto('media_blob')
    .values({ hash: p.hash, size: p.size, check_at: p.until, deleting_at: null })
    .onConflict((conflict) =>
      conflict
        .column('hash')
        .doUpdateSet((eb) => ({ check_at: eb.ref('excluded.check_at') }))
        .where('media_blob.deleting_at', 'is', null),
    ),
)

export const checkBlobAt = statement((db, p: { hash: string; at: number }) =>
  db
    .updateTable('media_blob')
    .set({ check_at: p.at })
    .where('hash', '=', p.hash)
    .where('deleting_at', 'is', null),
)

export const openUsage = statement((db, p: { ownerId: number }) =>
  db
    .insertInto('media_usage')
    .values({ owner_id: p.ownerId, files: 0, bytes: 0 })
    .onConflict((conflict) => conflict.column('owner_id').doNothing()),
)

/** Changes no row when the owner would have more than `most` bytes then. */
export const takeRoom = statement((db, p: { ownerId: number; bytes: number; most: number }) =>
  db
    .updateTable('media_usage')
    .set((eb) => ({ files: eb('files', '+', 1), bytes: eb('bytes', '+', p.bytes) }))
    .where('owner_id', '=', p.ownerId)
    .where('bytes', '<=', p.most),
)

export const giveRoom = statement((db, p: { ownerId: number; bytes: number }) =>
  db
    .updateTable('media_usage')
    .set((eb) => ({ files: eb('files', '-', 1), bytes: eb('bytes', '-', p.bytes) }))
    .where('owner_id', '=', p.ownerId),
)

export const usageOf = statement((db, p: { ownerId: number }) =>
  db.selectFrom('media_usage').select(['files', 'bytes']).where('owner_id', '=', p.ownerId),
)
