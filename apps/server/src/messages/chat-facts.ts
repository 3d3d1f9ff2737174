import './tables.ts'

import { randomUUID } from 'node:crypto'

import type { Jid } from '@inbox-hub/whatsapp'
import { sql } from 'kysely'

import type { Chats } from '../chats/index.ts'
import type { NewEvent } from '../events/index.ts'
import { statement, type Tx } from '../platform/database/index.ts'
import type { Acquaintance } from '../sessions/baileys/index.ts'
import { newest } from './rekey-messages.ts'
import { TallyChange } from './tally.ts'

type ChatFact = Extract<Acquaintance, { type: 'chat_read' | 'chat_emptied' }>
type Within = { sessionId: number; chat: string; through: number }

const readThrough = statement((db, p: Within) =>
  db
    .updateTable('message')
    .set({ is_read: 1 })
    .where('session_id', '=', p.sessionId)
    .where('chat_jid', '=', p.chat)
    .where('from_me', '=', sql.lit(0))
    .where('is_read', '=', sql.lit(0))
    .where('shown', '=', sql.lit(1))
    .where('sent_at', '<=', p.through)
    .returning('id'),
)

/** What is still on its way out stays: it goes out, and its sender waits for what becomes of it. */
const wipeThrough = statement((db, p: Within) =>
  db
    .updateTable('message')
    .set({ shown: 0, body: '', content: null, quoted_id: null, push_name: null })
    .where('session_id', '=', p.sessionId)
    .where('chat_jid', '=', p.chat)
    .where('shown', '=', sql.lit(1))
    .where('sent_at', '<=', p.through)
    .where('status', '<>', sql.lit('pending'))
    .returning(['session_id', 'from_me', 'type', 'status', 'sent_at', 'is_read']),
)

/** What was done to the messages of chats on another device of the account, or here through app state; answers the events to append. */
export async function applyChatFacts(
  tx: Tx,
  facts: readonly Acquaintance[],
  chats: Pick<Chats, 'addresses' | 'hold' | 'lose' | 'read' | 'remove'>,
  at: number,
): Promise<readonly NewEvent[]> {
  const ours = facts.filter((fact) => fact.type === 'chat_read' || fact.type === 'chat_emptied')
  if (ours.length === 0) return []
  await chats.hold(
    tx,
    ours.map(({ sessionId }) => sessionId),
  )
  const canonical = await chats.addresses.canonical(tx, ours)
  const told: NewEvent[] = []
  for (const fact of ours) {
    const { sessionId, through } = fact
    const chat = canonical(sessionId, fact.jid)
    if (fact.type === 'chat_read') {
      const read = await readThrough.all(tx, { sessionId, chat, through })
      await chats.read(tx, sessionId, chat, read.length)
    } else told.push(await empty(tx, fact, chat, chats, at))
  }
  return told
}

async function empty(
  tx: Tx,
  { sessionId, through, removed }: Extract<ChatFact, { type: 'chat_emptied' }>,
  chat: Jid,
  chats: Pick<Chats, 'addresses' | 'lose' | 'remove'>,
  at: number,
): Promise<NewEvent> {
  const gone = await wipeThrough.all(tx, { sessionId, chat, through })
  const tally = new TallyChange()
  for (const row of gone) tally.add(row, -1)
  await tally.write(tx)
  await chats.lose(tx, {
    sessionId,
    jid: chat,
    messages: gone.length,
    unread: gone.filter((row) => row.from_me === 0 && row.is_read === 0).length,
    last: await newest.first(tx, { sessionId, chat }),
  })
  if (removed) await chats.remove(tx, sessionId, chat)
  const type = removed ? 'chat.deleted' : 'chat.cleared'
  const shown = await chats.addresses.shown(tx, [{ sessionId, jid: chat }])
  return {
    sessionId,
    type,
    at,
    // Nothing names it: told once, in the transaction that does it.
    id: `${type.replace('.', '_')}_${randomUUID()}`,
    data: { chatId: shown(sessionId, chat), messages: gone.length, timestamp: at },
  }
}
