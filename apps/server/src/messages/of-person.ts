import './tables.ts'

import { setImmediate as turn } from 'node:timers/promises'

import type { Jid } from '@inbox-hub/whatsapp'
import type { ExpressionBuilder } from 'kysely'

import { type Database, statement, type Tables } from '../platform/database/index.ts'
import type { MessageRow } from './message-rows.ts'
import { type ReceiptRow, receiptsAmong } from './receipt-rows.ts'

/** Somebody, by all their addresses. */
export interface Addresses {
  sessionId: number
  jids: readonly Jid[]
}

/** Where a page of messages begins: after this one. */
export interface Place {
  sentAt: number
  id: number
}

/** Messages per page with all that they hold, and by their numbers alone. */
const batch = 200
const numbersBatch = 1000

/** As `message_by_participant` says it: with values that come later, SQLite does not know that the index has them all. */
export const inSomeGroup = (eb: ExpressionBuilder<Tables, 'message'>) =>
  eb.and([eb('in_group', '=', eb.lit(1)), eb('from_me', '=', eb.lit(0))])

/** `message_page` leads from one page to the next. */
const inChat = statement((db, p: Place & { sessionId: number; jid: string; limit: number }) =>
  db
    .selectFrom('message')
    .selectAll()
    .where('session_id', '=', p.sessionId)
    .where('chat_jid', '=', p.jid)
    .where((eb) => eb(eb.refTuple('sent_at', 'id'), '>', eb.tuple(p.sentAt, p.id)))
    .orderBy('sent_at')
    .orderBy('id')
    .limit(p.limit),
)
const inGroups = statement((db, p: { sessionId: number; jid: string; id: number; limit: number }) =>
  db
    .selectFrom('message')
    .selectAll()
    .where('session_id', '=', p.sessionId)
    .where('sender_jid', '=', p.jid)
    .where(inSomeGroup)
    .where('id', '>', p.id)
    .orderBy('id')
    .limit(p.limit),
)
/** `message_recent` has all that is asked. */
const ours = statement((db, p: Place & { sessionId: number; limit: number }) =>
  db
    .selectFrom('message')
    .select(['id', 'sent_at'])
    .where('session_id', '=', p.sessionId)
    .where('from_me', '=', 1)
    .where((eb) => eb(eb.refTuple('sent_at', 'id'), '>', eb.tuple(p.sentAt, p.id)))
    .orderBy('sent_at')
    .orderBy('id')
    .limit(p.limit),
)

/** Page after page until one is not full. Between two everybody else has a turn: a store in this process answers without one. */
export async function* pagesFrom<Row extends { id: number; sent_at: number }>(
  page: (from: Place) => Promise<readonly Row[]>,
  size: number,
): AsyncGenerator<readonly Row[]> {
  let from: Place = { sentAt: -1, id: 0 }
  for (;;) {
    const rows = await page(from)
    if (rows.length > 0) yield rows
    const end = rows.at(-1)
    if (end === undefined || rows.length < size) return
    from = { sentAt: end.sent_at, id: end.id }
    await turn()
  }
}

/** Everything somebody wrote and that was written to them, in pages; where they stand under two addresses, one after the other. */
export async function* messagesOf(
  database: Database,
  { sessionId, jids }: Addresses,
): AsyncGenerator<readonly MessageRow[]> {
  for (const jid of jids) {
    const who = { sessionId, jid, limit: batch }
    yield* pagesFrom((from) => inChat.all(database, { ...who, ...from }), batch)
    yield* pagesFrom(({ id }) => inGroups.all(database, { ...who, id }), batch)
  }
}

/**
 * Their receipts for messages of ours, in pages. Found message by message: an index by person would be written with every receipt there is,
 * for what is asked once in a long while and takes some seconds for a million messages.
 */
export async function* receiptsBy(
  database: Database,
  { sessionId, jids }: Addresses,
): AsyncGenerator<readonly ReceiptRow[]> {
  const page = (from: Place) => ours.all(database, { sessionId, ...from, limit: numbersBatch })
  for await (const messages of pagesFrom(page, numbersBatch)) {
    const ids = messages.map(({ id }) => id)
    const rows = await receiptsAmong.all(database, { ids, jids })
    if (rows.length > 0) yield rows
  }
}
