import { insertRows, statement } from '../platform/database/index.ts'

declare module '../platform/database/index.ts' {
  interface Tables {
    api_key: ApiKeyRow
  }
}

export interface ApiKeyRow {
  id: string
  owner_id: number
  name: string
  /** Hex. */
  hash: string
  created_at: number
  last_used_at: number | null
  revoked_at: number | null
  /** JSON, as the three below; null = not limited. */
  scopes: string | null
  sessions: string | null
  networks: string | null
  expires_at: number | null
}

export const allKeys = statement((db, _: object) =>
  db.selectFrom('api_key').selectAll().orderBy('created_at').orderBy('id'),
)

/** A key that is given to us again after it was revoked works again. */
export const storeKey = insertRows(
  'api_key',
  [
    'id',
    'owner_id',
    'name',
    'hash',
    'created_at',
    'last_used_at',
    'revoked_at',
    'scopes',
    'sessions',
    'networks',
    'expires_at',
  ],
  (insert) => insert.onConflict((conflict) => conflict.column('id').doUpdateSet({ revoked_at: null })),
)

export const revokeRow = statement((db, p: { id: string; at: number }) =>
  db.updateTable('api_key').set({ revoked_at: p.at }).where('id', '=', p.id).where('revoked_at', 'is', null),
)

export const expireRow = statement((db, p: { id: string; at: number }) =>
  db.updateTable('api_key').set({ expires_at: p.at }).where('id', '=', p.id),
)

export const revokeOfOwner = statement((db, p: { ownerId: number; at: number }) =>
  db
    .updateTable('api_key')
    .set({ revoked_at: p.at })
    .where('owner_id', '=', p.ownerId)
    .where('revoked_at', 'is', null),
)

export const noteUse = statement((db, p: { id: string; at: number }) =>
  db.updateTable('api_key').set({ last_used_at: p.at }).where('id', '=', p.id),
)
