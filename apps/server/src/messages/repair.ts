import type { Jid } from '@inbox-hub/whatsapp'

import type { Chats } from '../chats/index.ts'
import { type Database, statement } from '../platform/database/index.ts'

const nextChat = statement((db, p: { sessionId: number; after: string }) =>
  db
    .selectFrom('message')
    .select('chat_jid')
    .where('session_id', '=', p.sessionId)
    .where('chat_jid', '>', p.after)
    .orderBy('chat_jid')
    .limit(1),
)
const known = statement((db, p: { sessionId: number; jid: string }) =>
  db.selectFrom('chat').select('jid').where('session_id', '=', p.sessionId).where('jid', '=', p.jid),
)

/**
 * Makes the chats that messages exist for and that are missing: none, as long as only this hub writes the store; some after rows were
 * brought in by other means. Walks from chat to chat in the index, not over their messages.
 */
export async function makeMissingChats(
  database: Database,
  chats: Pick<Chats, 'hold' | 'change'>,
  sessionId: number,
): Promise<readonly { chat: Jid; messages: number }[]> {
  const made: { chat: Jid; messages: number }[] = []
  for (let after = ''; ;) {
    const next = await nextChat.first(database, { sessionId, after })
    if (next === undefined) return made
    after = next.chat_jid
    if ((await known.first(database, { sessionId, jid: after })) !== undefined) continue
    // A column that only canonical addresses are written to.
    const chat = after as Jid
    const messages = await database.write(async (tx) => {
      await chats.hold(tx, [sessionId])
      if ((await known.first(tx, { sessionId, jid: chat })) !== undefined) return 0
      const shown = await tx.db
        .selectFrom('message')
        .select(['id', 'sent_at', 'from_me', 'is_read'])
        .where('session_id', '=', sessionId)
        .where('chat_jid', '=', chat)
        .where('shown', '=', 1)
        .orderBy('sent_at')
        .orderBy('id')
        .execute()
      const last = shown.at(-1)
      if (last === undefined) return 0
      await chats.change(tx, [
        {
          sessionId,
          jid: chat,
          messages: shown.length,
          unread: shown.filter((row) => row.from_me === 0 && row.is_read === 0).length,
          last: { id: last.id, sentAt: last.sent_at },
          seenAt: last.sent_at,
        },
      ])
      return shown.length
    })
    if (messages > 0) made.push({ chat, messages })
  }
}
