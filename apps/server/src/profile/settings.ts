import type { PrivacyWire } from '@inbox-hub/contract'

import { statement, type Tx } from '../platform/database/index.ts'
import type { PrivacyCategories } from '../sessions/baileys/index.ts'

/** Privacy settings and default timer of an account, as WhatsApp last told them. */
export interface AccountSettings {
  privacy: PrivacyCategories
  /** Seconds. */
  disappearing: number
  /** Unix ms; 0: no longer true. */
  readAt: number
}

declare module '../platform/database/index.ts' {
  interface Tables {
    /** Migration 0014. */
    account_setting: { session_id: number; privacy: string; disappearing: number; read_at: number }
  }
}

/** Our names of WhatsApp's categories. */
export const categories = {
  lastSeen: 'last',
  online: 'online',
  picture: 'profile',
  about: 'status',
  readReceipts: 'readreceipts',
  groupAdd: 'groupadd',
  callAdd: 'calladd',
  messages: 'messages',
} as const satisfies Partial<Record<keyof PrivacyWire, string>>

const find = statement((db, p: { sessionId: number }) =>
  db.selectFrom('account_setting').selectAll().where('session_id', '=', p.sessionId),
)
const put = statement((db, p: { sessionId: number; privacy: string; disappearing: number; readAt: number }) =>
  db
    .insertInto('account_setting')
    .values({
      session_id: p.sessionId,
      privacy: p.privacy,
      disappearing: p.disappearing,
      read_at: p.readAt,
    })
    .onConflict((conflict) =>
      conflict.column('session_id').doUpdateSet((eb) => ({
        privacy: eb.ref('excluded.privacy'),
        disappearing: eb.ref('excluded.disappearing'),
        read_at: eb.ref('excluded.read_at'),
      })),
    ),
)

export async function readSettings(
  on: Parameters<typeof find.first>[0],
  sessionId: number,
): Promise<AccountSettings | undefined> {
  const row = await find.first(on, { sessionId })
  if (row === undefined) return undefined
  // Only `writeSettings` writes the column.
  const privacy = JSON.parse(row.privacy) as PrivacyCategories
  return { privacy, disappearing: row.disappearing, readAt: row.read_at }
}

export async function writeSettings(
  tx: Tx,
  sessionId: number,
  { privacy, disappearing, readAt }: AccountSettings,
): Promise<void> {
  await put.run(tx, { sessionId, privacy: JSON.stringify(privacy), disappearing, readAt })
}

export async function purgeSettings(tx: Tx, sessionId: number): Promise<void> {
  await tx.db.deleteFrom('account_setting').where('session_id', '=', sessionId).execute()
}
