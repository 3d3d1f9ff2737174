import type { Jid } from '@inbox-hub/whatsapp'
import { sql } from 'kysely'

import type { Chats, RekeyedMessages, Rekeying } from '../chats/index.ts'
import { statement, type Tx } from '../platform/database/index.ts'
import { passChangesOn } from './change-rows.ts'
import { markRead, type MessageRow, moveStatus } from './message-rows.ts'
import { afterNews } from './message-status.ts'
import { putReceipts, takeReceipts } from './receipt-rows.ts'
import { moveChanges } from './rekey-changes.ts'
import { TallyChange } from './tally.ts'

type Move = { sessionId: number; from: string; to: string }

const anyIn = statement((db, p: { sessionId: number; chat: string }) =>
  db
    .selectFrom('message')
    .select('id')
    .where('session_id', '=', p.sessionId)
    .where('chat_jid', '=', p.chat)
    .limit(1),
)
/** Messages of the chat `from` that stand in the chat `to` as well: first all of one, then all of the other. */
const twiceInChat = statement((db, p: Move) =>
  db
    .selectFrom('message as one')
    .innerJoin('message as other', (join) =>
      join
        .onRef('other.session_id', '=', 'one.session_id')
        .onRef('other.whatsapp_id', '=', 'one.whatsapp_id')
        .onRef('other.from_me', '=', 'one.from_me')
        .on('other.chat_jid', '=', p.to),
    )
    .select(['one.id as oneId', 'other.id as otherId'])
    .where('one.session_id', '=', p.sessionId)
    .where('one.chat_jid', '=', p.from)
    // Always true. Without statistics SQLite would rather walk all of the session in an index that has every column asked for.
    .where('one.sent_at', '>=', sql.lit(0)),
)
const twiceInGroups = statement((db, p: Move) =>
  db
    .selectFrom('message as one')
    .innerJoin('message as other', (join) =>
      join
        .onRef('other.session_id', '=', 'one.session_id')
        .onRef('other.whatsapp_id', '=', 'one.whatsapp_id')
        .onRef('other.chat_jid', '=', 'one.chat_jid')
        .onRef('other.from_me', '=', 'one.from_me')
        .on('other.sender_jid', '=', p.to),
    )
    .select(['one.id as oneId', 'other.id as otherId'])
    .where('one.session_id', '=', p.sessionId)
    .where('one.sender_jid', '=', p.from)
    .where('one.in_group', '=', sql.lit(1))
    .where('one.from_me', '=', sql.lit(0)),
)
const byId = statement((db, p: { id: number }) => db.selectFrom('message').selectAll().where('id', '=', p.id))
const remove = statement((db, p: { id: number }) => db.deleteFrom('message').where('id', '=', p.id))
const moveChat = statement((db, p: Move) =>
  db
    .updateTable('message')
    .set({
      chat_jid: p.to,
      sender_jid: sql<string>`case when sender_jid = ${p.from} then ${p.to} else sender_jid end`,
    })
    .where('session_id', '=', p.sessionId)
    .where('chat_jid', '=', p.from),
)
const moveInGroups = statement((db, p: Move) =>
  db
    .updateTable('message')
    .set({ sender_jid: p.to })
    .where('session_id', '=', p.sessionId)
    .where('sender_jid', '=', p.from)
    .where('in_group', '=', sql.lit(1))
    .where('from_me', '=', sql.lit(0)),
)
/** The newest shown message of a chat. */
export const newest = statement((db, p: { sessionId: number; chat: string }) =>
  db
    .selectFrom('message')
    .select(['id', 'sent_at as sentAt'])
    .where('session_id', '=', p.sessionId)
    .where('chat_jid', '=', p.chat)
    .where('shown', '=', sql.lit(1))
    .orderBy('sent_at', 'desc')
    .orderBy('id', 'desc')
    .limit(1),
)

/**
 * Moves the messages of an account to its other address. One that was stored under both becomes one: the row with content wins over the
 * envelope, the hub's own over the copy from the phone, then the older one.
 */
export async function moveMessages(
  tx: Tx,
  { sessionId, from, to }: Rekeying,
  chats: Pick<Chats, 'lose'>,
): Promise<RekeyedMessages> {
  const move = { sessionId, from, to }
  const bothExist =
    (await anyIn.first(tx, { sessionId, chat: from })) !== undefined &&
    (await anyIn.first(tx, { sessionId, chat: to })) !== undefined
  const pairs = [
    ...(bothExist ? await twiceInChat.all(tx, move) : []),
    ...(await twiceInGroups.all(tx, move)),
  ]
  const tally = new TallyChange()
  const lost = { shown: 0, unread: 0 }
  const lostInGroups = new Map<Jid, { shown: number; unread: number }>()
  for (const { oneId, otherId } of pairs) {
    const [one, other] = await Promise.all([byId.first(tx, { id: oneId }), byId.first(tx, { id: otherId })])
    if (one === undefined || other === undefined) continue
    // A column that only canonical addresses are written to.
    const chat = one.chat_jid as Jid
    const loss = chat === from ? lost : (lostInGroups.get(chat) ?? { shown: 0, unread: 0 })
    if (chat !== from) lostInGroups.set(chat, loss)
    const after = await unite(tx, one, other, tally)
    loss.shown += one.shown + other.shown - after.shown
    loss.unread += unreadOf(one) + unreadOf(other) - unreadOf(after)
  }
  await moveChanges(tx, move)
  await moveChat.run(tx, move)
  await moveInGroups.run(tx, move)
  await tally.write(tx)
  for (const [chat, { shown, unread }] of lostInGroups) {
    await chats.lose(tx, {
      sessionId,
      jid: chat,
      messages: shown,
      unread,
      last: await newest.first(tx, { sessionId, chat }),
    })
  }
  return {
    shownLost: lost.shown,
    unreadLost: lost.unread,
    last: await newest.first(tx, { sessionId, chat: to }),
  }
}

/** Leaves one row of two about the same message, at its place; answers it as it now is. */
export async function unite(
  tx: Tx,
  one: MessageRow,
  other: MessageRow,
  tally: TallyChange,
): Promise<MessageRow> {
  const [kept, gone] = [one, other].sort(
    (left, right) =>
      Number(left.type === 'undecryptable') - Number(right.type === 'undecryptable') ||
      right.via_hub - left.via_hub ||
      left.id - right.id,
  ) as [MessageRow, MessageRow] // sorting two rows leaves two rows
  await passChangesOn.run(tx, { from: gone.id, to: kept.id })
  const receipts = await takeReceipts.all(tx, { ids: [gone.id] })
  await putReceipts.run(
    tx,
    receipts.map((receipt) => ({ ...receipt, message_id: kept.id })),
  )
  await remove.run(tx, { id: gone.id })
  if (gone.shown === 1) tally.add(gone, -1)
  let result = kept
  const status = gone.status === 'received' ? kept.status : afterNews(kept.status, gone.status)
  if (status !== kept.status) {
    await moveStatus.first(tx, { id: kept.id, from: kept.status, to: status })
    tally.move(kept, kept.status, status)
    result = { ...result, status }
  }
  if (gone.is_read === 1 && kept.is_read === 0) {
    await markRead.run(tx, { id: kept.id })
    result = { ...result, is_read: 1 }
  }
  return result
}

const unreadOf = (row: MessageRow): number =>
  row.from_me === 0 && row.is_read === 0 && row.shown === 1 ? 1 : 0
