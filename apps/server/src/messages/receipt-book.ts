import { HubError } from '@inbox-hub/contract'
import type { Jid, MessageContent } from '@inbox-hub/whatsapp'

import type { Chats } from '../chats/index.ts'
import type { Database } from '../platform/database/index.ts'
import { askWhatsApp, type Sessions, type SessionView } from '../sessions/index.ts'
import { contentOf } from './content.ts'
import { markRead, type MessageRow } from './message-rows.ts'
import { markPlayed, receiptsOf } from './receipt-rows.ts'

/** How far somebody is with a message of ours. Unix ms; null: nobody told. */
export interface Receipt {
  /** Canonical. */
  jid: Jid
  deliveredAt: number | null
  readAt: number | null
  playedAt: number | null
}

/** Who has what, message by message. */
export interface ReceiptBook {
  /** Of a message of ours, by person, whoever was first first. */
  of(row: MessageRow): Promise<readonly Receipt[]>
  /** Tells the author of a message that it was listened to or looked at, once. Throws `MESSAGE_NOT_PLAYABLE`, `SESSION_NOT_CONNECTED`. */
  play(session: SessionView, row: MessageRow): Promise<void>
}

export function createReceiptBook({
  database,
  chats,
  sessions,
}: {
  database: Database
  chats: Pick<Chats, 'addresses' | 'hold' | 'read'>
  sessions: Pick<Sessions, 'linkWithin'>
}): ReceiptBook {
  return {
    async of({ id, session_id: sessionId }) {
      const rows = await receiptsOf.all(database, { messageId: id })
      // Somebody may have become known by another address between two of their receipts.
      const canonical = await chats.addresses.canonical(
        database,
        rows.map(({ jid }) => ({ sessionId, jid: jid as Jid })),
      )
      const people = new Map<Jid, Receipt>()
      for (const row of rows) {
        const jid = canonical(sessionId, row.jid as Jid)
        const before = people.get(jid)
        const playedAt = earlier(before?.playedAt ?? null, row.played_at)
        const readAt = earlier(before?.readAt ?? null, row.read_at) ?? playedAt
        // Each implies those before it.
        const deliveredAt = earlier(before?.deliveredAt ?? null, row.delivered_at) ?? readAt
        people.set(jid, { jid, deliveredAt, readAt, playedAt })
      }
      return [...people.values()].sort(
        (one, other) => (one.deliveredAt ?? 0) - (other.deliveredAt ?? 0) || (one.jid < other.jid ? -1 : 1),
      )
    },

    async play(session, row) {
      if (row.from_me === 1 || row.shown === 0 || !isPlayable(contentOf(row)))
        throw new HubError('MESSAGE_NOT_PLAYABLE')
      if (row.played === 1) return
      const { id, session_id: sessionId, whatsapp_id: whatsappId } = row
      // Columns that only canonical addresses are written to.
      const chat = row.chat_jid as Jid
      const key = { chat, sender: row.sender_jid as Jid, id: whatsappId }
      await askWhatsApp(sessions, session.id, (link) => link.markPlayed(key))
      await database.write(async (tx) => {
        await chats.hold(tx, [sessionId])
        await markPlayed.run(tx, { id })
        if ((await markRead.run(tx, { id })) === 1) await chats.read(tx, sessionId, chat, 1)
      })
    },
  }
}

function earlier(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other
  return Math.min(one, other)
}

/** What WhatsApp's apps tell the playing of. */
function isPlayable(content: MessageContent): boolean {
  if (content.kind === 'undecryptable') return false
  return content.viewOnce === true || ['voice', 'audio', 'video_note'].includes(content.kind)
}
