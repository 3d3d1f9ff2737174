import './tables.ts'

import { insertRows, statement } from '../platform/database/index.ts'
import type { UserRow } from './tables.ts'

export const insertUser = insertRows('app_user', [
  'id',
  'username',
  'username_key',
  'email',
  'email_key',
  'first_name',
  'last_name',
  'phone',
  'password_hash',
  'totp_secret',
  'totp_since',
  'totp_last',
  'recovery_codes',
  'is_active',
  'created_at',
  'updated_at',
])

export const userById = statement((db, p: { id: number }) =>
  db.selectFrom('app_user').selectAll().where('id', '=', p.id),
)

/** By name or by address; a name has no `@`, so they cannot be confused. */
export const userByIdentifier = statement((db, p: { key: string }) =>
  db
    .selectFrom('app_user')
    .selectAll()
    .where((eb) => eb.or([eb('username_key', '=', p.key), eb('email_key', '=', p.key)])),
)

export const keyOf = (nameOrAddress: string): string => nameOrAddress.trim().toLowerCase()

export type User = UserRow
