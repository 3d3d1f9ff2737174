import './tables.ts'

import { isDeedKind, isGroup, type Jid } from '@inbox-hub/whatsapp'
import { type Selectable, sql } from 'kysely'

import { insertRows, statement } from '../platform/database/index.ts'
import { isFrame } from './content.ts'
import type { MessageStatus, MessageTable } from './tables.ts'

export type MessageRow = Selectable<MessageTable>

/** What a message is stored with from the start. */
export const messageColumns = [
  'id',
  'session_id',
  'chat_jid',
  'sender_jid',
  'from_me',
  'in_group',
  'whatsapp_id',
  'type',
  'body',
  'content',
  'quoted_id',
  'push_name',
  'status',
  'via_hub',
  'is_read',
  'shown',
  'sent_at',
  'stored_at',
] as const

/** Inserts messages that are not stored yet; answers the ids of those it did insert. */
export const insertMessages = insertRows('message', messageColumns, (insert) =>
  insert
    .onConflict((conflict) =>
      conflict.columns(['session_id', 'whatsapp_id', 'chat_jid', 'sender_jid', 'from_me']).doNothing(),
    )
    .returning('id'),
)

/** A message that we send at `now`, Unix ms, as it is stored. */
export function outgoingRow(
  {
    id,
    sessionId,
    chat,
    whatsappId,
    now,
  }: {
    id: number
    sessionId: number
    /** Canonical. */
    chat: Jid
    whatsappId: string
    now: number
  },
  {
    type,
    body,
    content,
    quotedId,
  }: { type: string; body: string; content: string | null; quotedId: string | null },
): MessageRow {
  return {
    id,
    session_id: sessionId,
    chat_jid: chat,
    sender_jid: '',
    from_me: 1,
    in_group: isGroup(chat) ? 1 : 0,
    whatsapp_id: whatsappId,
    type,
    body,
    content,
    quoted_id: quotedId,
    push_name: null,
    status: 'pending',
    via_hub: 1,
    is_read: 1,
    // What is done to another message shows on that one.
    shown: isDeedKind(type) || isFrame(type) ? 0 : 1,
    is_starred: 0,
    played: 0,
    sent_at: now,
    stored_at: now,
  }
}

/** Everything stored under a WhatsApp id: ids are chosen by senders, so there may be several. */
export const messagesByWhatsappId = statement((db, p: { sessionId: number; whatsappId: string }) =>
  db
    .selectFrom('message')
    .selectAll()
    .where('session_id', '=', p.sessionId)
    .where('whatsapp_id', '=', p.whatsappId),
)

/** Content that came after its envelope was stored as undecryptable. */
export const fillMessage = statement(
  (
    db,
    p: {
      id: number
      type: string
      body: string
      content: string | null
      quotedId: string | null
      pushName: string | null
      status: MessageStatus
      shown: number
    },
  ) =>
    db
      .updateTable('message')
      .set({
        type: p.type,
        body: p.body,
        content: p.content,
        quoted_id: p.quotedId,
        push_name: p.pushName,
        status: p.status,
        shown: p.shown,
      })
      .where('id', '=', p.id)
      .where('type', '=', 'undecryptable'),
)

/** The envelope of what turned out to be no message of its own: it stands for nothing any more. */
export const settleStub = statement(
  (db, p: { sessionId: number; whatsappId: string; chat: string; sender: string; type: string }) =>
    db
      .updateTable('message')
      .set({ type: p.type, content: null })
      .where('session_id', '=', p.sessionId)
      .where('whatsapp_id', '=', p.whatsappId)
      .where('chat_jid', '=', p.chat)
      .where('sender_jid', '=', p.sender)
      .where('type', '=', 'undecryptable'),
)

/** More is known of a message than when its row was made, in the same transaction. */
export const setContent = statement((db, p: { id: number; content: string | null }) =>
  db.updateTable('message').set({ content: p.content }).where('id', '=', p.id),
)

/** Its author changed what it says. */
export const rewriteMessage = statement((db, p: { id: number; body: string; content: string }) =>
  db.updateTable('message').set({ body: p.body, content: p.content }).where('id', '=', p.id),
)

/** Moves a message's status on, unless somebody else did meanwhile: answers nothing then. */
export const moveStatus = statement((db, p: { id: number; from: MessageStatus; to: MessageStatus }) =>
  db
    .updateTable('message')
    .set({ status: p.to })
    .where('id', '=', p.id)
    .where('status', '=', p.from)
    .returning(['session_id', 'from_me', 'type', 'sent_at', 'shown']),
)

export const markRead = statement((db, p: { id: number }) =>
  db.updateTable('message').set({ is_read: 1 }).where('id', '=', p.id).where('is_read', '=', 0),
)

/** Everything unread in a chat becomes read; answers what the authors are told about. */
export const markChatRead = statement((db, p: { sessionId: number; chat: string }) =>
  db
    .updateTable('message')
    .set({ is_read: 1 })
    .where('session_id', '=', p.sessionId)
    .where('chat_jid', '=', p.chat)
    .where('from_me', '=', sql.lit(0))
    .where('is_read', '=', sql.lit(0))
    .where('shown', '=', sql.lit(1))
    .returning(['whatsapp_id', 'sender_jid']),
)

/** Removed from the hub: the row stays, without what it said, so that the message is known when it comes again. */
export const wipeMessage = statement((db, p: { id: number }) =>
  db
    .updateTable('message')
    .set({ shown: 0, body: '', content: null, quoted_id: null, push_name: null })
    .where('id', '=', p.id)
    .where('shown', '=', sql.lit(1)),
)
