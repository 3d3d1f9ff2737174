import './tables.ts'

import type { Jid, MessageContent } from '@inbox-hub/whatsapp'
import { statusJid } from '@inbox-hub/whatsapp'

import type { NewEvent } from '../events/index.ts'
import type { Tx } from '../platform/database/index.ts'
import { attachChange, keepChanges, type MessageChangeRow, type StoredDeed } from './change-rows.ts'
import type { StoredContent } from './content.ts'
import type { MessageRow } from './message-rows.ts'
import type { ReceiptEntry } from './receipts.ts'

/** A status that has just been stored as a message that no list shows. Times are Unix ms. */
export interface ReceivedStatus {
  sessionId: number
  messageId: number
  whatsappId: string
  /** Canonical; '' when it is ours, posted on another device of the account. */
  author: Jid | ''
  sentAt: number
  receivedAt: number
  pushName: string | undefined
  content: MessageContent
  stored: StoredContent
}

/** Something that was done to a status that is here. */
export interface StatusChange {
  row: MessageChangeRow
  deed: StoredDeed
  message: MessageRow
  shown: (sessionId: number, jid: Jid) => Jid
}

/** Keeps statuses. What it is told it is told in the transaction that stores it, and may be told again; it answers the events to append. */
export interface StatusKeeper {
  received(tx: Tx, statuses: readonly ReceivedStatus[]): Promise<readonly NewEvent[]>
  /** Receipts that say who saw statuses, of whoever's. */
  seen(tx: Tx, receipts: readonly ReceiptEntry[]): Promise<readonly NewEvent[]>
  changed(tx: Tx, change: StatusChange): Promise<readonly NewEvent[]>
  /** Whom a status of ours is for; undefined when it is not to go out any more. */
  audience(sessionId: number, whatsappId: string): Promise<readonly Jid[] | undefined>
}

export const nobodyKeepsStatuses: StatusKeeper = {
  received: async () => [],
  seen: async () => [],
  changed: async () => [],
  audience: async () => undefined,
}

/** Keeps that we reacted to a status, as `changeId` told its author; an empty emoji took that back. */
export async function keepOwnReaction(
  tx: Tx,
  status: Pick<MessageRow, 'id' | 'session_id' | 'whatsapp_id' | 'sender_jid'>,
  { changeId, emoji, at }: { changeId: string; emoji: string; at: number },
): Promise<void> {
  const value = JSON.stringify({ kind: 'reaction', emoji })
  const { session_id: sessionId, whatsapp_id: targetId } = status
  const kind = 'reaction'
  const row = {
    session_id: sessionId,
    target_id: targetId,
    chat_jid: statusJid,
    sender_jid: '',
    kind,
    author_jid: status.sender_jid,
    by_admin: 0,
    whatsapp_id: changeId,
    value,
    changed_at: at,
    message_id: status.id,
  } as const
  if ((await keepChanges.run(tx, [row])).length === 0) return
  const place = { sessionId, targetId, chat: statusJid, sender: '', kind } as const
  await attachChange.run(tx, { ...place, messageId: status.id, value })
}
