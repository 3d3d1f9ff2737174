import '../tables.ts'

import type { Jid } from '@inbox-hub/whatsapp'
import type { Selectable } from 'kysely'

import { insertRows, statement } from '../../platform/database/index.ts'
import { type MessageRow, outgoingRow } from '../message-rows.ts'
import type { ScheduledMessageTable } from '../tables.ts'

export type ScheduledRow = Selectable<ScheduledMessageTable>

export const insertScheduled = insertRows(
  'scheduled_message',
  [
    'message_id',
    'session_id',
    'whatsapp_id',
    'fingerprint',
    'chat_jid',
    'type',
    'body',
    'content',
    'quoted_id',
    'send_at',
    'asked_at',
    'cancelled_at',
  ],
  (insert) =>
    insert
      .onConflict((conflict) => conflict.columns(['session_id', 'whatsapp_id']).doNothing())
      .returning('message_id'),
)

export const findScheduled = statement((db, p: { sessionId: number; whatsappId: string }) =>
  db
    .selectFrom('scheduled_message')
    .selectAll()
    .where('session_id', '=', p.sessionId)
    .where('whatsapp_id', '=', p.whatsappId),
)

export const findScheduledByNumber = statement((db, p: { id: number }) =>
  db.selectFrom('scheduled_message').selectAll().where('message_id', '=', p.id),
)

/** What is due in a session, in the order in which it goes out. */
export const dueScheduled = statement((db, p: { sessionId: number; now: number; limit: number }) =>
  db
    .selectFrom('scheduled_message')
    .selectAll()
    .where('session_id', '=', p.sessionId)
    .where('send_at', '<=', p.now)
    .where('cancelled_at', 'is', null)
    .orderBy('send_at')
    .orderBy('message_id')
    .limit(p.limit),
)

export const soonestScheduled = statement((db, p: { sessionId: number }) =>
  db
    .selectFrom('scheduled_message')
    .select('send_at')
    .where('session_id', '=', p.sessionId)
    .where('cancelled_at', 'is', null)
    .orderBy('send_at')
    .limit(1),
)

/** Takes a message that becomes one on its way out of the waiting; answers 0 when it is not there any more. */
export const takeScheduled = statement((db, p: { messageId: number }) =>
  db.deleteFrom('scheduled_message').where('message_id', '=', p.messageId).where('cancelled_at', 'is', null),
)

export const cancelScheduled = statement((db, p: { messageId: number; now: number }) =>
  db
    .updateTable('scheduled_message')
    .set({ cancelled_at: p.now })
    .where('message_id', '=', p.messageId)
    .where('cancelled_at', 'is', null),
)

export const forgetCancelled = statement((db, p: { before: number }) =>
  db
    .deleteFrom('scheduled_message')
    .where('cancelled_at', 'is not', null)
    .where('cancelled_at', '<', p.before),
)

/** The message that it is, or will be, when it goes out at `now`, Unix ms. */
export function rowOfScheduled(scheduled: ScheduledRow, now: number): MessageRow {
  const { message_id: id, session_id: sessionId, whatsapp_id: whatsappId, type, body, content } = scheduled
  // A column that only canonical addresses are written to.
  const chat = scheduled.chat_jid as Jid
  return outgoingRow(
    { id, sessionId, chat, whatsappId, now },
    { type, body, content, quotedId: scheduled.quoted_id },
  )
}
