import './tables.ts'

import type { Jid } from '@inbox-hub/whatsapp'
import { type Selectable, sql } from 'kysely'

import { insertRows, statement, type Tx } from '../platform/database/index.ts'
import type { ChatTable } from './tables.ts'

export type ChatRow = Selectable<ChatTable>

/** What new messages do to their chat. `jid` is canonical. */
export interface ChatChange {
  sessionId: number
  jid: Jid
  /** How many more messages it has, and how many of them are unread. */
  messages: number
  unread: number
  /** The newest of them; undefined when only the chat itself is new. */
  last: { id: number; sentAt: number } | undefined
  /** When the chat was seen, Unix ms: where it stands in the list while it has no message. */
  seenAt: number
}

const add = insertRows(
  'chat',
  [
    'session_id',
    'jid',
    'unread_count',
    'message_count',
    'archived',
    'pinned',
    'last_message_id',
    'active_at',
  ],
  (insert) =>
    insert.onConflict((conflict) =>
      conflict.columns(['session_id', 'jid']).doUpdateSet((eb) => ({
        unread_count: eb('chat.unread_count', '+', eb.ref('excluded.unread_count')),
        message_count: eb('chat.message_count', '+', eb.ref('excluded.message_count')),
        // Only forward in time; at the same time, what arrived later is last. A chat without message takes any.
        last_message_id: sql<number | null>`case
          when excluded.last_message_id is null then chat.last_message_id
          when chat.last_message_id is null or excluded.active_at >= chat.active_at then excluded.last_message_id
          else chat.last_message_id end`,
        active_at: sql<number>`case
          when excluded.last_message_id is null then chat.active_at
          when chat.last_message_id is null or excluded.active_at >= chat.active_at then excluded.active_at
          else chat.active_at end`,
      })),
    ),
)

/** Applies changes, at most one per chat, making the chats that are missing. */
export async function changeChats(tx: Tx, changes: readonly ChatChange[]): Promise<void> {
  await add.run(
    tx,
    changes.map(({ sessionId, jid, messages, unread, last, seenAt }) => ({
      session_id: sessionId,
      jid,
      unread_count: unread,
      message_count: messages,
      archived: 0,
      pinned: 0,
      last_message_id: last?.id ?? null,
      active_at: last?.sentAt ?? seenAt,
    })),
  )
}

export const findChat = statement((db, p: { sessionId: number; jid: string }) =>
  db.selectFrom('chat').selectAll().where('session_id', '=', p.sessionId).where('jid', '=', p.jid),
)

/** Takes `by` unread messages off a chat. */
export const lessUnread = statement((db, p: { sessionId: number; jid: string; by: number }) =>
  db
    .updateTable('chat')
    .set({
      unread_count: sql<number>`case when unread_count > ${p.by} then unread_count - ${p.by} else 0 end`,
    })
    .where('session_id', '=', p.sessionId)
    .where('jid', '=', p.jid),
)

/** How many messages of a chat are unread. */
export const setUnread = statement((db, p: { sessionId: number; jid: string; unread: number }) =>
  db
    .updateTable('chat')
    .set({ unread_count: p.unread })
    .where('session_id', '=', p.sessionId)
    .where('jid', '=', p.jid),
)

/** What a chat loses when messages go. `last` is the newest of those that stay. */
export interface ChatLoss {
  sessionId: number
  jid: Jid
  messages: number
  unread: number
  last: { id: number; sentAt: number } | undefined
}

const lessMessages = statement(
  (
    db,
    p: {
      sessionId: number
      jid: string
      messages: number
      unread: number
      lastId: number | null
      lastAt: number | null
    },
  ) =>
    db
      .updateTable('chat')
      .set({
        message_count: sql<number>`case when message_count > ${p.messages} then message_count - ${p.messages} else 0 end`,
        unread_count: sql<number>`case when unread_count > ${p.unread} then unread_count - ${p.unread} else 0 end`,
        last_message_id: p.lastId,
        active_at: sql<number>`coalesce(${p.lastAt}, active_at)`,
      })
      .where('session_id', '=', p.sessionId)
      .where('jid', '=', p.jid),
)

export async function loseMessages(
  tx: Tx,
  { sessionId, jid, messages, unread, last }: ChatLoss,
): Promise<void> {
  await lessMessages.run(tx, {
    sessionId,
    jid,
    messages,
    unread,
    lastId: last?.id ?? null,
    lastAt: last?.sentAt ?? null,
  })
}

/** What the account set on a chat; what is left out stays. `jid` is canonical. */
export interface ChatSettings {
  sessionId: number
  jid: Jid
  archived?: boolean | undefined
  pinned?: boolean | undefined
  /** Unix ms; null when no longer. */
  mutedUntil?: number | null | undefined
}

const set = statement(
  (db, p: { sessionId: number; jid: string; archived: number; pinned: number; mutedUntil: number | null }) =>
    db
      .updateTable('chat')
      .set({ archived: p.archived, pinned: p.pinned, muted_until: p.mutedUntil })
      .where('session_id', '=', p.sessionId)
      .where('jid', '=', p.jid),
)

/**
 * Keeps settings of a chat that we have; one without messages is not made for them. Answers whether it is archived now, if that changed.
 */
export async function setChat(tx: Tx, settings: ChatSettings): Promise<boolean | undefined> {
  const { sessionId, jid } = settings
  const row = await findChat.first(tx, { sessionId, jid })
  if (row === undefined) return undefined
  const archived = settings.archived === undefined ? row.archived : Number(settings.archived)
  await set.run(tx, {
    sessionId,
    jid,
    archived,
    pinned: settings.pinned === undefined ? row.pinned : Number(settings.pinned),
    mutedUntil: settings.mutedUntil === undefined ? row.muted_until : settings.mutedUntil,
  })
  return archived === row.archived ? undefined : archived === 1
}
