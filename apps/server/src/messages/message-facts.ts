import './tables.ts'

import type { Jid } from '@inbox-hub/whatsapp'

import type { Chats } from '../chats/index.ts'
import type { MessageFiles } from '../media/index.ts'
import { statement, type Tx } from '../platform/database/index.ts'
import type { Acquaintance } from '../sessions/baileys/index.ts'
import { type MessageRow, messagesByWhatsappId } from './message-rows.ts'
import { removeMessage } from './remove.ts'

type MessageFact = Extract<Acquaintance, { type: 'message_starred' | 'message_deleted_for_me' }>

const star = statement((db, p: { id: number; starred: number }) =>
  db.updateTable('message').set({ is_starred: p.starred }).where('id', '=', p.id),
)

/**
 * What the account did to messages for itself, on whichever of its devices, or here through app state: starred them, deleted them. A message
 * that is not here is left alone: one that comes with the history says so itself. Answers the messages that were removed.
 */
export async function applyMessageFacts(
  tx: Tx,
  facts: readonly Acquaintance[],
  {
    chats,
    files,
  }: { chats: Pick<Chats, 'addresses' | 'hold' | 'lose'>; files: Pick<MessageFiles, 'forget'> },
): Promise<readonly MessageRow[]> {
  const ours = facts.filter(
    (fact): fact is MessageFact => fact.type === 'message_starred' || fact.type === 'message_deleted_for_me',
  )
  if (ours.length === 0) return []
  await chats.hold(
    tx,
    ours.map(({ sessionId }) => sessionId),
  )
  const canonical = await chats.addresses.canonical(
    tx,
    ours.flatMap(({ sessionId, jid, message: { sender } }) =>
      [jid, sender].flatMap((address) => (address === undefined ? [] : [{ sessionId, jid: address }])),
    ),
  )
  const removed: MessageRow[] = []
  for (const fact of ours) {
    const row = await meant(tx, fact, (jid) => canonical(fact.sessionId, jid))
    if (row === undefined) continue
    if (fact.type === 'message_starred') await star.run(tx, { id: row.id, starred: fact.starred ? 1 : 0 })
    else if (await removeMessage(tx, row.id, { chats, files })) removed.push(row)
  }
  return removed
}

/** Ids are chosen by senders: it is the message of that author in that chat. */
async function meant(
  tx: Tx,
  { sessionId, jid, message }: MessageFact,
  canonical: (jid: Jid) => Jid,
): Promise<MessageRow | undefined> {
  const stored = await messagesByWhatsappId.all(tx, { sessionId, whatsappId: message.id })
  const chat = canonical(jid)
  const sender = message.sender === undefined ? undefined : canonical(message.sender)
  return stored.find(
    (row) =>
      row.chat_jid === chat &&
      row.shown === 1 &&
      row.from_me === (message.fromMe ? 1 : 0) &&
      (message.fromMe || sender === undefined || row.sender_jid === sender),
  )
}
