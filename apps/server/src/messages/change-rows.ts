import './tables.ts'

import type { MessageDeed } from '@inbox-hub/whatsapp'
import type { Selectable } from 'kysely'

import { insertRows, statement } from '../platform/database/index.ts'
import type { MessageChangeTable } from './tables.ts'

export type MessageChangeRow = Selectable<MessageChangeTable>

/** What is kept of a deed. What is sealed is kept so until the message that it is about is here, then as what it says. */
export type StoredDeed = MessageDeed

export const deedOf = (row: Pick<MessageChangeRow, 'value'>): StoredDeed =>
  // Only `keepChanges` and `attachChange` write this column.
  JSON.parse(row.value) as StoredDeed

/** Of one person and kind the latest counts; at the same instant the greater id, so that any order of arrival ends the same. */
export const keepChanges = insertRows(
  'message_change',
  [
    'session_id',
    'target_id',
    'chat_jid',
    'sender_jid',
    'kind',
    'author_jid',
    'by_admin',
    'whatsapp_id',
    'value',
    'changed_at',
    'message_id',
  ],
  (insert) =>
    insert
      .onConflict((conflict) =>
        conflict
          .columns(['session_id', 'target_id', 'chat_jid', 'sender_jid', 'kind'])
          .doUpdateSet((eb) => ({
            author_jid: eb.ref('excluded.author_jid'),
            by_admin: eb.ref('excluded.by_admin'),
            whatsapp_id: eb.ref('excluded.whatsapp_id'),
            value: eb.ref('excluded.value'),
            changed_at: eb.ref('excluded.changed_at'),
            message_id: eb.ref('excluded.message_id'),
          }))
          .where((eb) =>
            eb.or([
              eb('message_change.changed_at', '<', eb.ref('excluded.changed_at')),
              eb.and([
                eb('message_change.changed_at', '=', eb.ref('excluded.changed_at')),
                eb('message_change.whatsapp_id', '<', eb.ref('excluded.whatsapp_id')),
              ]),
            ]),
          ),
      )
      .returning(['target_id']),
)

/** Changes whose message had not arrived, of these messages. */
export const waitingChanges = statement(
  (db, p: { sessionId: number; targets: readonly string[] }, { among }) =>
    db
      .selectFrom('message_change')
      .selectAll()
      .where('session_id', '=', p.sessionId)
      .where(among('target_id', p.targets))
      .where('message_id', 'is', null),
)

/** Its message is here. */
export const attachChange = statement(
  (
    db,
    p: {
      sessionId: number
      targetId: string
      chat: string
      sender: string
      kind: MessageChangeRow['kind']
      messageId: number
      value: string
    },
  ) =>
    db
      .updateTable('message_change')
      .set({ message_id: p.messageId, value: p.value })
      .where('session_id', '=', p.sessionId)
      .where('target_id', '=', p.targetId)
      .where('chat_jid', '=', p.chat)
      .where('sender_jid', '=', p.sender)
      .where('kind', '=', p.kind),
)

/** All that was done to these messages. */
export const changesOf = statement((db, p: { ids: readonly number[] }, { among }) =>
  db
    .selectFrom('message_change')
    .selectAll()
    .where(among('message_id', p.ids))
    .where('message_id', 'is not', null),
)

/** Everything about a message goes to the row that it was united with. */
export const passChangesOn = statement((db, p: { from: number; to: number }) =>
  db.updateTable('message_change').set({ message_id: p.to }).where('message_id', '=', p.from),
)

const place = ['session_id', 'target_id', 'chat_jid', 'sender_jid', 'kind'] as const

// Only what their indexes have: for all of a row SQLite would rather walk all of the session.
export const changesInChat = statement((db, p: { sessionId: number; jid: string }) =>
  db
    .selectFrom('message_change')
    .select(place)
    .where('session_id', '=', p.sessionId)
    .where('chat_jid', '=', p.jid),
)
export const changesBy = statement((db, p: { sessionId: number; jid: string }) =>
  db
    .selectFrom('message_change')
    .select(place)
    .where('session_id', '=', p.sessionId)
    .where('sender_jid', '=', p.jid),
)

export const takeChange = statement((db, p: Pick<MessageChangeRow, (typeof place)[number]>) =>
  db
    .deleteFrom('message_change')
    .where('session_id', '=', p.session_id)
    .where('target_id', '=', p.target_id)
    .where('chat_jid', '=', p.chat_jid)
    .where('sender_jid', '=', p.sender_jid)
    .where('kind', '=', p.kind)
    .returningAll(),
)
