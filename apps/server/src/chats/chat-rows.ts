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
    insert
      .onConflict((conflict) =>
        conflict.columns(['session_id', 'jid']).doUpdateSet((eb) => ({
          unread_count: eb('chat.unread_count', '+', eb.ref('excluded.unread_count')),
          message_count: eb('chat.message_count', '+', eb.ref('excluded.message_count')),
          // Only forward in time; at the same time, what arrived later is last. A chat without message takes any.
          last_message_id: sql<number | null>`case
          when excluded.last_message_id is null then chat.last_message_id
          when chat.last_message_id is null or excluded.active_at >= chat.active_at then excluded.last_message_id
          else chat.last_message_id end`,
          active_at: sql<number>`case
          when excluded.last_message_id is null and chat.active_at > 0 then chat.active_at
          when chat.last_message_id is null or excluded.active_at >= chat.active_at then excluded.active_at
          else chat.active_at end`,
        })),
      )
      .returning(['session_id', 'jid', 'disappearing_seconds']),
)

/** A chat that was changed, and after how many seconds its messages disappear; 0: they stay. */
export interface ChangedChat {
  sessionId: number
  jid: string
  disappearingSeconds: number
}

const setTimer = statement((db, p: { sessionId: number; jid: string; seconds: number }) =>
  db
    .updateTable('chat')
    .set({ disappearing_seconds: p.seconds })
    .where('session_id', '=', p.sessionId)
    .where('jid', '=', p.jid),
)

/** After how many seconds the messages of a chat disappear from now on; 0: they stay. */
export async function disappearAfter(
  tx: Tx,
  chat: { sessionId: number; jid: string; seconds: number },
): Promise<void> {
  await setTimer.run(tx, chat)
}

/** Applies changes, at most one per chat, making the chats that are missing; answers those chats. */
export async function changeChats(tx: Tx, changes: readonly ChatChange[]): Promise<readonly ChangedChat[]> {
  const rows = await add.run(
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
  return rows.map(({ session_id: sessionId, jid, disappearing_seconds: disappearingSeconds }) => ({
    sessionId,
    jid,
    disappearingSeconds,
  }))
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

/** What is set on a chat. */
export interface ChatSettings {
  archived: boolean
  pinned: boolean
  /** Unix ms; null when no longer. */
  mutedUntil: number | null
  markedUnread: boolean
  /** 0: messages stay. */
  disappearingSeconds: number
}

/** What the account set on a chat; what is left out stays. `jid` is canonical. */
export type ChatSetting = { sessionId: number; jid: Jid } & {
  [Name in keyof ChatSettings]?: ChatSettings[Name] | undefined
}

const set = statement((db, p: { sessionId: number; jid: string } & StoredSettings) =>
  db
    .updateTable('chat')
    .set({
      archived: p.archived,
      pinned: p.pinned,
      muted_until: p.mutedUntil,
      marked_unread: p.markedUnread,
      disappearing_seconds: p.disappearingSeconds,
    })
    .where('session_id', '=', p.sessionId)
    .where('jid', '=', p.jid),
)

type StoredSettings = {
  archived: number
  pinned: number
  mutedUntil: number | null
  markedUnread: number
  disappearingSeconds: number
}

const unset: ChatSettings = {
  archived: false,
  pinned: false,
  mutedUntil: null,
  markedUnread: false,
  disappearingSeconds: 0,
}

export function settingsOf(row: ChatRow): ChatSettings {
  return {
    archived: row.archived === 1,
    pinned: row.pinned === 1,
    mutedUntil: row.muted_until,
    markedUnread: row.marked_unread === 1,
    disappearingSeconds: row.disappearing_seconds,
  }
}

/**
 * Keeps settings of a chat, also of one that has no message yet: it is not listed until then. Answers those that changed.
 */
export async function setChat(tx: Tx, setting: ChatSetting): Promise<Partial<ChatSettings>> {
  const { sessionId, jid, ...wished } = setting
  const row = await findChat.first(tx, { sessionId, jid })
  const before = row === undefined ? unset : settingsOf(row)
  // The members of a ChatSetting beside its names are settings.
  const told = Object.fromEntries(
    Object.entries(wished).filter(([name, value]) => value !== undefined && name in unset),
  ) as Partial<ChatSettings>
  const after = { ...before, ...told }
  const changed = Object.fromEntries(
    Object.entries(told).filter(([name, value]) => before[name as keyof ChatSettings] !== value),
  ) as Partial<ChatSettings>
  if (Object.keys(changed).length === 0) return changed
  if (row === undefined)
    await changeChats(tx, [{ sessionId, jid, messages: 0, unread: 0, last: undefined, seenAt: 0 }])
  await set.run(tx, {
    sessionId,
    jid,
    archived: Number(after.archived),
    pinned: Number(after.pinned),
    mutedUntil: after.mutedUntil,
    markedUnread: Number(after.markedUnread),
    disappearingSeconds: after.disappearingSeconds,
  })
  return changed
}

const nameNameless = statement((db, p: { sessionId: number; jid: string; name: string }) =>
  db
    .updateTable('chat')
    .set({ name: p.name })
    .where('session_id', '=', p.sessionId)
    .where('jid', '=', p.jid)
    .where('name', 'is', null),
)

/** Takes over the name of a group from the same chat of another session, where none is known. */
export async function adoptName(
  tx: Tx,
  from: { sessionId: number; jid: Jid },
  to: { sessionId: number; jid: Jid },
): Promise<void> {
  const name = (await findChat.first(tx, from))?.name ?? undefined
  if (name !== undefined) await nameNameless.run(tx, { ...to, name })
}

const remove = statement((db, p: { sessionId: number; jid: string }) =>
  db
    .deleteFrom('chat')
    .where('session_id', '=', p.sessionId)
    .where('jid', '=', p.jid)
    .where('message_count', '=', sql.lit(0)),
)

/** Takes a chat away, if it has no message. */
export async function removeChat(tx: Tx, sessionId: number, jid: Jid): Promise<void> {
  await remove.run(tx, { sessionId, jid })
}
