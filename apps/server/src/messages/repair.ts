import type { Jid } from '@inbox-hub/whatsapp'
import { sql } from 'kysely'

import type { Chats } from '../chats/index.ts'
import { type Database, statement } from '../platform/database/index.ts'
import { unreadIn } from './history.ts'
import { newest } from './rekey-messages.ts'

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

const shownIn = statement((db, p: { sessionId: number; chat: string }) =>
  db
    .selectFrom('message')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('session_id', '=', p.sessionId)
    .where('chat_jid', '=', p.chat)
    .where('shown', '=', sql.lit(1)),
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
      const last = await newest.first(tx, { sessionId, chat })
      if (last === undefined) return 0
      // Counted by the store: a chat may have a hundred thousand.
      const [shown, unread] = await Promise.all([
        shownIn.first(tx, { sessionId, chat }),
        unreadIn.first(tx, { sessionId, chat }),
      ])
      const messages = shown?.count ?? 0
      await chats.change(tx, [
        {
          sessionId,
          jid: chat,
          messages,
          unread: unread?.count ?? 0,
          last,
          seenAt: last.sentAt,
        },
      ])
      return messages
    })
    if (messages > 0) made.push({ chat, messages })
  }
}
