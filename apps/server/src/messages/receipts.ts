import type { MessagePlayed, MessageProgress, NewsletterPosted, StatusPosted } from '@inbox-hub/contract'
import { isDeedKind, isLid, isNewsletter, isStatus, type Jid } from '@inbox-hub/whatsapp'

import type { Chats } from '../chats/index.ts'
import type { NewEvent } from '../events/index.ts'
import type { Tx } from '../platform/database/index.ts'
import type { JournalEntry } from '../sessions/baileys/index.ts'
import { isFrame } from './content.ts'
import { eventId } from './event-ids.ts'
import { markRead, type MessageRow, messagesByWhatsappId, moveStatus } from './message-rows.ts'
import { afterNews } from './message-status.ts'
import { isOwn, type Own } from './own.ts'
import { markPlayed, NewReceipts } from './receipt-rows.ts'
import type { TallyChange } from './tally.ts'

export type ReceiptEntry = Extract<JournalEntry, { kind: 'receipt' }>

/** Told what receipts prove about messages of the hub. */
export interface Receipts {
  /** WhatsApp has these messages, whether or not their acks reached us. In the transaction of the projection. */
  confirm(tx: Tx, messages: readonly Pick<MessageRow, 'id' | 'session_id' | 'whatsapp_id'>[]): Promise<void>
  /** WhatsApp took what we do to another message, by the number of the deed's row. */
  deedDone(tx: Tx, messageId: number): Promise<void>
}

export interface ReceiptDeps {
  canonical: (sessionId: number, jid: Jid) => Jid
  chats: Pick<Chats, 'addresses' | 'read'>
  own: (sessionId: number) => Own
  receipts: Receipts
  tally: TallyChange
}

/** Somebody changed the message while we read it; doing the batch again sees what they did. */
export class ChangedMeanwhile extends Error {
  override readonly name = 'ChangedMeanwhile'
}

/**
 * Moves the messages that receipts speak of forward; answers `message.sent`, `message.delivered`, `message.read` and `message.played` for
 * those the hub sent, each once, in order; keeps who has which. A receipt counts only in its own chat: ids are chosen by senders, and anybody can send a receipt.
 */
export async function applyReceipts(
  tx: Tx,
  entries: readonly ReceiptEntry[],
  { canonical, chats, own, receipts, tally }: ReceiptDeps,
): Promise<readonly (ProgressEvent | NewEvent<MessagePlayed>)[]> {
  const rows = await rowsOf(tx, entries)
  const now = new Map<number, MessageRow>()
  const proven: MessageRow[] = []
  const steps: { row: MessageRow; status: MessageProgress['status']; entry: ReceiptEntry }[] = []
  const readChats = new Map<string, { sessionId: number; chat: Jid; messages: number }>()
  const opened: MessageRow[] = []
  const done: MessageRow[] = []
  const kept = new NewReceipts()
  const played = new Map<number, { row: MessageRow; entry: ReceiptEntry; by: Jid }>()

  for (const entry of entries) {
    const { sessionId } = entry
    const chat = canonical(sessionId, entry.chat)
    const bySelf = entry.participant !== undefined && isOwn(own(sessionId), entry.participant)
    for (const whatsappId of entry.ids) {
      for (const stored of rows.get(`${sessionId} ${whatsappId}`) ?? []) {
        if (stored.chat_jid !== chat) continue
        const row = now.get(stored.id) ?? stored
        const by = canonical(sessionId, entry.participant ?? entry.chat)
        if (entry.status === 'played' && bySelf === (row.from_me === 0) && row.played === 0)
          played.set(row.id, { row, entry, by })
        if (bySelf) {
          // Read on the phone or another device of the account.
          if (row.from_me === 1 || row.is_read === 1 || entry.status === 'delivered') continue
          now.set(row.id, { ...row, is_read: 1 })
          opened.push(row)
          if (row.shown === 0) continue
          const key = `${sessionId} ${chat}`
          const count = readChats.get(key)
          if (count === undefined) readChats.set(key, { sessionId, chat, messages: 1 })
          else count.messages += 1
          continue
        }
        if (row.from_me === 0) continue
        // What is done to a message has none of its own; statuses have their viewers.
        if (row.shown === 1) kept.add(row, by, entry.status, entry.sentAt)
        const told = entry.status === 'delivered' ? 'delivered' : 'read'
        const status = afterNews(row.status, told)
        if (status === row.status) continue
        now.set(row.id, { ...row, status })
        // What is done to another message proves itself, and is told as what it did.
        const isTold = row.via_hub === 1 && !isDeedKind(row.type) && !isFrame(row.type)
        if (row.via_hub === 0) continue
        const isUnproven = row.status === 'pending' || row.status === 'failed'
        if (isUnproven) {
          proven.push(row)
          if (isTold) steps.push({ row, status: 'sent', entry })
          else done.push(row)
        }
        // Who saw a status is told by whoever keeps statuses, person by person.
        if (isTold && !isStatus(chat)) steps.push({ row, status: told, entry })
      }
    }
  }

  const moved = [...now.values()].filter((row) => row.from_me === 1)
  const before = new Map([...rows.values()].flat().map((row) => [row.id, row]))
  await Promise.all(
    moved.map(async (row) => {
      const old = before.get(row.id) ?? row
      const stored = await moveStatus.first(tx, { id: row.id, from: old.status, to: row.status })
      if (stored === undefined) throw new ChangedMeanwhile()
      tally.move(stored, old.status, row.status)
    }),
  )
  await markRead.runMany(tx, opened)
  for (const { sessionId, chat, messages } of readChats.values())
    await chats.read(tx, sessionId, chat, messages)
  await kept.write(tx)
  for (const { row } of played.values()) await markPlayed.run(tx, { id: row.id })
  if (proven.length > 0) await receipts.confirm(tx, proven)
  for (const row of done) await receipts.deedDone(tx, row.id)
  return [
    ...(await progressEvents(tx, chats, steps)),
    ...(await playedEvents(tx, chats, [...played.values()])),
  ]
}

async function rowsOf(
  tx: Tx,
  entries: readonly ReceiptEntry[],
): Promise<ReadonlyMap<string, readonly MessageRow[]>> {
  const rows = new Map<string, readonly MessageRow[]>()
  await Promise.all(
    entries.flatMap(({ sessionId, ids }) =>
      ids.map(async (whatsappId) => {
        const key = `${sessionId} ${whatsappId}`
        if (rows.has(key)) return
        rows.set(key, [])
        rows.set(key, await messagesByWhatsappId.all(tx, { sessionId, whatsappId }))
      }),
    ),
  )
  return rows
}

async function progressEvents(
  tx: Tx,
  { addresses }: Pick<Chats, 'addresses'>,
  steps: readonly { row: MessageRow; status: MessageProgress['status']; entry: ReceiptEntry }[],
): Promise<readonly ProgressEvent[]> {
  if (steps.length === 0) return []
  const shown = await addresses.shown(
    tx,
    // A column that only canonical addresses are written to.
    steps.map(({ row }) => ({ sessionId: row.session_id, jid: row.chat_jid as Jid })),
  )
  return steps.map(({ row, status, entry }) =>
    progressEvent(row, status, shown(row.session_id, row.chat_jid as Jid), entry.sentAt, entry.receivedAt),
  )
}

/** `message.played`: of ours that the hub sent, the first time. */
async function playedEvents(
  tx: Tx,
  { addresses }: Pick<Chats, 'addresses'>,
  played: readonly { row: MessageRow; entry: ReceiptEntry; by: Jid }[],
): Promise<readonly NewEvent<MessagePlayed>[]> {
  const told = played.filter(({ row }) => row.via_hub === 1 && row.shown === 1)
  if (told.length === 0) return []
  const shown = await addresses.shown(
    tx,
    // A column that only canonical addresses are written to.
    told.flatMap(({ row, by }) =>
      [row.chat_jid as Jid, by].map((jid) => ({ sessionId: row.session_id, jid })),
    ),
  )
  return told.map(({ row, entry, by }) => {
    const { session_id: sessionId, id: dbId, whatsapp_id: messageId } = row
    return {
      sessionId,
      type: 'message.played',
      at: entry.receivedAt,
      id: eventId('message.played', sessionId, dbId, messageId),
      data: {
        messageId,
        dbId,
        chatId: shown(sessionId, row.chat_jid as Jid),
        timestamp: entry.sentAt,
        from: shown(sessionId, by),
        fromLid: isLid(by) ? by : null,
      },
    }
  })
}

type ProgressEvent = NewEvent<MessageProgress | NewsletterPosted | StatusPosted>

/** `message.sent`, `message.delivered` or `message.read`; of a status `status.posted`, of a newsletter `newsletter.posted`. `happenedAt` by WhatsApp's clock, `at` by ours. */
export function progressEvent(
  row: Pick<MessageRow, 'id' | 'session_id' | 'whatsapp_id'>,
  status: MessageProgress['status'],
  chatId: Jid,
  happenedAt: number,
  at: number,
): ProgressEvent {
  if (isStatus(chatId)) {
    return {
      sessionId: row.session_id,
      type: 'status.posted',
      at,
      id: eventId('status.posted', row.session_id, row.id, row.whatsapp_id),
      data: { statusId: row.whatsapp_id, dbId: row.id, timestamp: happenedAt },
    }
  }
  if (isNewsletter(chatId)) {
    return {
      sessionId: row.session_id,
      type: 'newsletter.posted',
      at,
      id: eventId('newsletter.posted', row.session_id, row.id, row.whatsapp_id),
      data: { newsletterId: chatId, messageId: row.whatsapp_id, timestamp: happenedAt },
    }
  }
  const type = `message.${status}` as const
  return {
    sessionId: row.session_id,
    type,
    at,
    id: eventId(type, row.session_id, row.id, row.whatsapp_id),
    data: { messageId: row.whatsapp_id, dbId: row.id, chatId, timestamp: happenedAt, status },
  }
}
