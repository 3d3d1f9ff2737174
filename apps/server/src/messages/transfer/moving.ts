import '../tables.ts'

import { type Jid, parseJid } from '@inbox-hub/whatsapp'
import { sql } from 'kysely'

import type { Chats } from '../../chats/index.ts'
import type { MessageFiles } from '../../media/index.ts'
import { statement, type Tx } from '../../platform/database/index.ts'
import { changesOf, keepChanges, takeChange } from '../change-rows.ts'
import { replaceText } from '../erase.ts'
import type { MessageRow } from '../message-rows.ts'
import { putReceipts, takeReceipts } from '../receipt-rows.ts'
import { newest, unite } from '../rekey-messages.ts'
import { TallyChange } from '../tally.ts'
import { forgetMessages } from '../unlisted.ts'
import { erasedThere } from './erased.ts'

/** What stands in the chat of one session goes to the same chat of another. Addresses are canonical, each in its session. */
export interface Move {
  from: { sessionId: number; chat: Jid }
  to: { sessionId: number; chat: Jid }
}

/** What is oldest of it goes first. */
const first = statement((db, p: { sessionId: number; chat: string; through: number; limit: number }) =>
  db
    .selectFrom('message')
    .selectAll()
    .where('session_id', '=', p.sessionId)
    .where('chat_jid', '=', p.chat)
    .where('id', '<=', p.through)
    .orderBy('sent_at')
    .orderBy('id')
    .limit(p.limit),
)
const twin = statement(
  (db, p: { sessionId: number; whatsappId: string; chat: string; sender: string; fromMe: number }) =>
    db
      .selectFrom('message')
      .selectAll()
      .where('session_id', '=', p.sessionId)
      .where('whatsapp_id', '=', p.whatsappId)
      .where('chat_jid', '=', p.chat)
      .where('sender_jid', '=', p.sender)
      .where('from_me', '=', p.fromMe),
)
const put = statement((db, p: { id: number; sessionId: number; chat: string; sender: string }) =>
  db
    .updateTable('message')
    .set({
      session_id: p.sessionId,
      chat_jid: p.chat,
      sender_jid: p.sender,
      // The same as before: named so that the search indexes it again, under its new session.
      shown: sql<number>`shown`,
    })
    .where('id', '=', p.id),
)

/**
 * One piece of a move: how many messages there were, less than `limit` when they were the last, and how many of them are there now. Those of
 * people who were erased there since come no further, as what they did; what others wrote of them comes as erasing leaves it.
 */
export async function movePiece(
  tx: Tx,
  { from, to }: Move,
  { through, limit }: { through: number; limit: number },
  {
    chats,
    files,
  }: {
    chats: Pick<Chats, 'addresses' | 'change' | 'erased' | 'lose' | 'read'>
    files: Pick<MessageFiles, 'forget' | 'move'>
  },
): Promise<{ found: number; moved: number }> {
  const found = await first.all(tx, { ...from, through, limit })
  const sentAt = new Map(found.map((row) => [row.id, row.sent_at]))
  const foundChanges = await changesOf.all(tx, { ids: [...sentAt.keys()] })
  const foundReceipts = await takeReceipts.all(tx, { ids: [...sentAt.keys()] })
  const people = [...found, ...foundChanges]
    .map(({ sender_jid: jid }) => jid)
    .concat(from.chat, to.chat, ...foundReceipts.map(({ jid }) => jid))
    .filter((jid) => jid !== '')
    .map((jid) => parseJid(jid))
  const canonical = await chats.addresses.canonical(
    tx,
    people.map((jid) => ({ sessionId: to.sessionId, jid })),
  )
  const person = (jid: string): string => (jid === '' ? '' : canonical(to.sessionId, parseJid(jid)))
  const erased = await erasedThere(tx, chats, { from: from.sessionId, to: to.sessionId }, people)

  const tally = new TallyChange()
  const lost = { messages: 0, unread: 0 }
  const gained = { messages: 0, unread: 0 }
  const gone = new Set<number>()
  for (const row of found) {
    if (!erased.isGone(row)) continue
    gone.add(row.id)
    count(lost, row, 1)
    if (row.shown === 1) tally.add(row, -1)
  }
  await forgetMessages(tx, [...gone], files)
  const rows = found.filter(({ id }) => !gone.has(id)).map((row) => erased.redacted(row))
  const ids = rows.map(({ id }) => id)
  const changes = foundChanges.filter(({ message_id: id }) => !gone.has(id ?? 0))
  const receipts = foundReceipts.filter(
    ({ message_id: id, jid }) => !gone.has(id) && !erased.isGoneSince(jid, sentAt.get(id) ?? 0),
  )
  await replaceText.runMany(
    tx,
    rows.filter((row) => !found.includes(row)),
  )

  const keptAs = new Map<number, number>()
  for (const row of rows) {
    const target = { ...row, session_id: to.sessionId, chat_jid: to.chat, sender_jid: person(row.sender_jid) }
    const known = await twin.first(tx, {
      sessionId: to.sessionId,
      whatsappId: row.whatsapp_id,
      chat: to.chat,
      sender: target.sender_jid,
      fromMe: row.from_me,
    })
    count(lost, row, 1)
    if (known === undefined) {
      if (row.shown === 1) tally.add(row, -1)
      await put.run(tx, { id: row.id, sessionId: to.sessionId, chat: to.chat, sender: target.sender_jid })
      if (row.shown === 1) tally.add(target)
      count(gained, target, 1)
    } else {
      // The history of the other session has it too: one of both stays.
      count(gained, known, -1)
      const kept = await unite(tx, row, known, tally)
      keptAs.set(row.id, kept.id)
      if (kept.id === row.id) {
        if (kept.shown === 1) tally.add(kept, -1)
        await put.run(tx, { id: kept.id, sessionId: to.sessionId, chat: to.chat, sender: target.sender_jid })
        if (kept.shown === 1) tally.add({ ...kept, session_id: to.sessionId })
      }
      count(gained, kept, 1)
    }
  }
  for (const change of changes) {
    const row = await takeChange.first(tx, change)
    if (row === undefined || erased.isGoneSince(row.sender_jid, row.changed_at)) continue
    await keepChanges.run(tx, [
      {
        ...erased.redactedChange(row),
        session_id: to.sessionId,
        chat_jid: to.chat,
        sender_jid: person(row.sender_jid),
      },
    ])
  }
  await putReceipts.run(
    tx,
    receipts.map((receipt) => ({
      ...receipt,
      message_id: keptAs.get(receipt.message_id) ?? receipt.message_id,
      session_id: to.sessionId,
      jid: person(receipt.jid),
    })),
  )
  await files.move(tx, ids, { from: from.sessionId, to: to.sessionId })
  await tally.write(tx)
  await chats.lose(tx, {
    sessionId: from.sessionId,
    jid: from.chat,
    ...lost,
    last: await newest.first(tx, from),
  })
  await chats.change(tx, [
    {
      sessionId: to.sessionId,
      jid: to.chat,
      messages: Math.max(0, gained.messages),
      unread: Math.max(0, gained.unread),
      last: await newest.first(tx, to),
      seenAt: rows.at(-1)?.sent_at ?? 0,
    },
  ])
  // Read in one session is read.
  await chats.read(tx, to.sessionId, to.chat, Math.max(0, -gained.unread))
  return { found: found.length, moved: rows.length }
}

function count(sum: { messages: number; unread: number }, row: MessageRow, by: 1 | -1): void {
  if (row.shown === 0) return
  sum.messages += by
  if (row.from_me === 0 && row.is_read === 0) sum.unread += by
}
