import { type CallSettingsWire, fillPlaceholders, type Language, texts } from '@inbox-hub/contract'

import type { Database } from '../platform/database/index.ts'

/** What a session does about calls. */
export type CallSettings = CallSettingsWire

const usual: CallSettings = {
  rejectCalls: false,
  rejectGroupCalls: false,
  reply: false,
  replyText: null,
  language: 'es',
}

export const callSetting = (sessionId: number): string => `calls:${sessionId}`

export async function readSettings(
  { read }: Pick<Database, 'read'>,
  sessionId: number,
): Promise<CallSettings> {
  const row = await read
    .selectFrom('setting')
    .select('value')
    .where('name', '=', callSetting(sessionId))
    .executeTakeFirst()
  // Only `changeSettings` writes it.
  return row === undefined ? usual : { ...usual, ...(JSON.parse(row.value) as Partial<CallSettings>) }
}

export async function changeSettings(
  database: Database,
  sessionId: number,
  changes: { readonly [Name in keyof CallSettings]?: CallSettings[Name] | undefined },
): Promise<CallSettings> {
  const before = await readSettings(database, sessionId)
  const given = Object.entries(changes).filter(([, value]) => value !== undefined)
  const after: CallSettings = { ...before, ...Object.fromEntries(given) }
  const name = callSetting(sessionId)
  const value = JSON.stringify(after)
  await database.write(async (tx) => {
    await tx.db
      .insertInto('setting')
      .values({ name, value })
      .onConflict((conflict) => conflict.column('name').doUpdateSet({ value }))
      .execute()
  })
  return after
}

/** Whether a call is refused without being asked. Pure. */
export function isRefused(
  { rejectCalls, rejectGroupCalls }: CallSettings,
  { isGroup }: { isGroup: boolean },
): boolean {
  return isGroup ? rejectGroupCalls : rejectCalls
}

/** What is written to whoever was refused. Pure. */
export function replyTo(
  { replyText, language }: { replyText: string | null; language: Language },
  caller: { name: string; number: string },
): string {
  if (replyText === null) return texts.call_rejected_reply[language]
  return fillPlaceholders(replyText, (name) =>
    name === 'name' || name === 'number' ? caller[name] : undefined,
  )
}
