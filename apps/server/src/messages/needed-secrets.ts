import type { Jid } from '@inbox-hub/whatsapp'

import type { Address } from '../chats/index.ts'
import type { Database, Tx } from '../platform/database/index.ts'
import type { JournalEntry } from '../sessions/baileys/index.ts'

type Message = Extract<JournalEntry, { kind: 'message' | 'undecryptable' }>

/** Which of these groups are known to be no community's for announcements. */
export type OrdinaryGroups = (
  database: Database | Tx,
  groups: readonly Address[],
) => Promise<(sessionId: number, group: Jid) => boolean>

/**
 * The messages without secrets that would open nothing: what is done to a message is sealed in groups for announcements alone. Of a group that
 * was not read yet they are kept, for it may be one.
 */
export async function withNeededSecrets<Entry extends Message>(
  tx: Tx,
  entries: readonly Entry[],
  ordinaryGroups: OrdinaryGroups,
): Promise<readonly Entry[]> {
  const groups = entries.flatMap((entry) =>
    hasSecret(entry) ? [{ sessionId: entry.sessionId, jid: entry.chat }] : [],
  )
  if (groups.length === 0) return entries
  const isOrdinary = await ordinaryGroups(tx, groups)
  return entries.map((entry) => {
    if (!hasSecret(entry) || !isOrdinary(entry.sessionId, entry.chat)) return entry
    const { secret: _, ...content } = entry.content
    return { ...entry, content }
  })
}

function hasSecret<Entry extends Message>(entry: Entry): entry is Entry & { content: { secret: string } } {
  return (
    entry.kind === 'message' && entry.content.kind !== 'undecryptable' && entry.content.secret !== undefined
  )
}
