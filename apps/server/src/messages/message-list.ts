import './tables.ts'

import type { Jid } from '@inbox-hub/whatsapp'
import { type ExpressionBuilder, sql } from 'kysely'

import type { Database, Tables } from '../platform/database/index.ts'
import { changesOf, type MessageChangeRow } from './change-rows.ts'
import type { MessageRow } from './message-rows.ts'
import { type SendFailure } from './outbound/outbound-state.ts'
import { failureOf } from './outbound/outbound-rows.ts'
import { dayMs, dayOf } from './tally.ts'
import type { MessageStatus } from './tables.ts'

/** Which messages of a session. What is left out matches everything; times are Unix ms, both included. */
export interface MessageFilter {
  sessionId: number
  /** Canonical. */
  chat?: Jid | undefined
  type?: string | undefined
  fromMe?: boolean | undefined
  from?: number | undefined
  until?: number | undefined
}

/** Which chats of a session. What is left out matches everything. */
export interface ChatFilter {
  sessionId: number
  archived?: boolean | undefined
  pinned?: boolean | undefined
  /** At `now`, Unix ms. */
  muted?: { is: boolean; now: number } | undefined
  /** With unread messages, or marked as unread. */
  unread?: boolean | undefined
  isGroup?: boolean | undefined
  /** With this label on the chat itself. */
  label?: string | undefined
}

/** The filter that a request asks for, at `now`, Unix ms. */
export function chatFilterOf(
  sessionId: number,
  {
    archived,
    pinned,
    muted,
    unread,
    isGroup,
    label,
  }: Omit<ChatFilter, 'sessionId' | 'muted'> & { muted?: boolean | undefined },
  now: number,
): ChatFilter {
  const isMuted = muted === undefined ? undefined : { is: muted, now }
  return { sessionId, archived, pinned, muted: isMuted, unread, isGroup, label }
}

export interface Tallied {
  from_me: number
  type: string
  status: MessageStatus
  messages: number
}

export interface ChatListItem {
  jid: string
  name: string | null
  unread_count: number
  message_count: number
  archived: number
  pinned: number
  muted_until: number | null
  marked_unread: number
  disappearing_seconds: number
  active_at: number
  session_id: number
  number: string | null
  hub_name: string | null
  saved_name: string | null
  verified_name: string | null
  push_name: string | null
  last_id: string | null
  last_body: string | null
  last_type: string | null
  last_status: MessageStatus | null
  last_from_me: number | null
  last_sent_at: number | null
}

/** Reads lists of messages and chats: newest first, from indexes, totals from counters kept with every change. */
export interface MessageList {
  page(filter: MessageFilter, limit: number, offset: number): Promise<readonly MessageRow[]>
  total(filter: MessageFilter): Promise<number>
  /** Shown messages by direction, type and status. */
  tallied(sessionId: number, from: number | undefined, until: number | undefined): Promise<readonly Tallied[]>
  chats(
    filter: ChatFilter,
    limit: number,
    offset: number,
  ): Promise<{ chats: readonly ChatListItem[]; total: number }>
  chat(sessionId: number, jid: Jid): Promise<ChatListItem | undefined>
  /** Those of the chats that exist, the most recent first. */
  chatsAmong(sessionId: number, jids: readonly string[]): Promise<readonly ChatListItem[]>
  /** Chats with unread messages, the most recent first, at most a thousand; and how many messages are unread in all. */
  unread(sessionIds: readonly number[]): Promise<{ chats: readonly ChatListItem[]; total: number }>
  /** The labels on chats, by session and address. */
  labels(
    chats: readonly Pick<ChatListItem, 'session_id' | 'jid'>[],
  ): Promise<ReadonlyMap<string, readonly string[]>>
  /** What was done to messages, by their number, oldest first. */
  changes(rows: readonly MessageRow[]): Promise<ReadonlyMap<number, readonly MessageChangeRow[]>>
  /** Why messages failed, by their number. */
  failures(rows: readonly MessageRow[]): Promise<ReadonlyMap<number, SendFailure>>
}

const maxUnreadChats = 1_000

export function createMessageList(database: Database): MessageList {
  const { read } = database

  function matching({ sessionId, chat, type, fromMe, from, until }: MessageFilter) {
    let query = read.selectFrom('message').where('session_id', '=', sessionId).where('shown', '=', sql.lit(1))
    if (chat !== undefined) query = query.where('chat_jid', '=', chat)
    if (type !== undefined) query = query.where('type', '=', type)
    if (fromMe !== undefined) query = query.where('from_me', '=', fromMe ? 1 : 0)
    if (from !== undefined) query = query.where('sent_at', '>=', from)
    if (until !== undefined) query = query.where('sent_at', '<=', until)
    return query
  }

  async function counted(filter: MessageFilter): Promise<number> {
    const row = await matching(filter)
      .select(({ fn }) => fn.countAll<number>().as('count'))
      .executeTakeFirst()
    return row?.count ?? 0
  }

  /** Messages of whole days are counted already; only the days that are cut by the period are counted here. */
  async function tallied(sessionId: number, from = -Infinity, until = Infinity): Promise<readonly Tallied[]> {
    const firstDay = from === -Infinity ? -Infinity : Math.ceil(from / dayMs)
    const lastDay = until === Infinity ? Infinity : dayOf(until + 1) - 1
    if (firstDay > lastDay) return grouped(sessionId, from, until)
    let days = read.selectFrom('message_tally').where('session_id', '=', sessionId)
    if (firstDay !== -Infinity) days = days.where('day', '>=', firstDay)
    if (lastDay !== Infinity) days = days.where('day', '<=', lastDay)
    const parts = await Promise.all([
      days
        .select(['from_me', 'type', 'status', ({ fn }) => fn.sum<number | string>('messages').as('messages')])
        .groupBy(['from_me', 'type', 'status'])
        .execute(),
      firstDay === -Infinity ? [] : grouped(sessionId, from, firstDay * dayMs - 1),
      lastDay === Infinity ? [] : grouped(sessionId, (lastDay + 1) * dayMs, until),
    ])
    // PostgreSQL answers sums of BIGINT as text.
    return parts.flat().map((part) => ({ ...part, messages: Number(part.messages) }))
  }

  async function grouped(sessionId: number, from: number, until: number): Promise<readonly Tallied[]> {
    if (from > until) return []
    return matching({ sessionId, from, until })
      .select(['from_me', 'type', 'status', ({ fn }) => fn.countAll<number>().as('messages')])
      .groupBy(['from_me', 'type', 'status'])
      .execute()
  }

  function chatRows() {
    return read
      .selectFrom('chat')
      .leftJoin('contact', (join) =>
        join.onRef('contact.session_id', '=', 'chat.session_id').onRef('contact.jid', '=', 'chat.jid'),
      )
      .leftJoin('message', 'message.id', 'chat.last_message_id')
      .select([
        'chat.session_id',
        'chat.jid',
        'chat.name',
        'chat.unread_count',
        'chat.message_count',
        'chat.archived',
        'chat.pinned',
        'chat.muted_until',
        'chat.marked_unread',
        'chat.disappearing_seconds',
        'chat.active_at',
        'contact.number',
        'contact.hub_name',
        'contact.saved_name',
        'contact.verified_name',
        'contact.push_name',
        'message.whatsapp_id as last_id',
        'message.body as last_body',
        'message.type as last_type',
        'message.status as last_status',
        'message.from_me as last_from_me',
        'message.sent_at as last_sent_at',
      ])
  }

  return {
    page: (filter, limit, offset) =>
      read
        // The index alone finds the page, however far down; rows are read only for what is on it.
        .selectFrom(
          matching(filter)
            .select('id')
            .orderBy('sent_at', 'desc')
            .orderBy('id', 'desc')
            .limit(limit)
            .offset(offset)
            .as('page'),
        )
        .innerJoin('message', 'message.id', 'page.id')
        .selectAll('message')
        .orderBy('message.sent_at', 'desc')
        .orderBy('message.id', 'desc')
        .execute(),

    async total(filter) {
      const { sessionId, chat, type, fromMe, from, until } = filter
      if (chat === undefined) {
        const parts = await tallied(sessionId, from, until)
        return parts
          .filter((part) => type === undefined || part.type === type)
          .filter((part) => fromMe === undefined || part.from_me === (fromMe ? 1 : 0))
          .reduce((sum, { messages }) => sum + messages, 0)
      }
      if (type !== undefined || fromMe !== undefined || from !== undefined || until !== undefined) {
        return counted(filter)
      }
      const row = await read
        .selectFrom('chat')
        .select('message_count')
        .where('session_id', '=', sessionId)
        .where('jid', '=', chat)
        .executeTakeFirst()
      return row?.message_count ?? 0
    },

    tallied,

    async chats(filter, limit, offset) {
      const matches = matchesChat(filter)
      const [chats, counted] = await Promise.all([
        chatRows()
          .where(matches)
          .orderBy('chat.active_at', 'desc')
          .orderBy('chat.jid', 'desc')
          .limit(limit)
          .offset(offset)
          .execute(),
        read.selectFrom('chat').where(matches).select(countAll).executeTakeFirst(),
      ])
      return { chats, total: counted?.count ?? 0 }
    },

    chat: (sessionId, jid) =>
      chatRows().where('chat.session_id', '=', sessionId).where('chat.jid', '=', jid).executeTakeFirst(),

    async chatsAmong(sessionId, jids) {
      if (jids.length === 0) return []
      return chatRows()
        .where('chat.session_id', '=', sessionId)
        .where('chat.jid', 'in', jids)
        .orderBy('chat.active_at', 'desc')
        .orderBy('chat.jid', 'desc')
        .execute()
    },

    async unread(sessionIds) {
      if (sessionIds.length === 0) return { chats: [], total: 0 }
      const [chats, summed] = await Promise.all([
        chatRows()
          .where('chat.session_id', 'in', sessionIds)
          .where('chat.unread_count', '>', sql.lit(0))
          .orderBy('chat.active_at', 'desc')
          .limit(maxUnreadChats)
          .execute(),
        read
          .selectFrom('chat')
          .where('session_id', 'in', sessionIds)
          .where('unread_count', '>', sql.lit(0))
          .select(({ fn }) => fn.sum<number | string>('unread_count').as('count'))
          .executeTakeFirst(),
      ])
      return { chats, total: Number(summed?.count ?? 0) }
    },

    async labels(chats) {
      const bySession = Map.groupBy(chats, ({ session_id: id }) => id)
      const uses = await Promise.all(
        [...bySession].map(([sessionId, items]) =>
          read
            .selectFrom('label_use')
            .select(['session_id', 'chat_jid', 'label_id'])
            .where('session_id', '=', sessionId)
            .where(
              'chat_jid',
              'in',
              items.map(({ jid }) => jid),
            )
            .where('whatsapp_id', '=', sql.lit(''))
            .orderBy('label_id')
            .execute(),
        ),
      )
      const found = new Map<string, string[]>()
      for (const { session_id: id, chat_jid: jid, label_id: label } of uses.flat()) {
        const key = `${id} ${jid}`
        const labels = found.get(key)
        if (labels === undefined) found.set(key, [label])
        else labels.push(label)
      }
      return found
    },

    async changes(rows) {
      if (rows.length === 0) return new Map()
      const found = await changesOf.all(database, { ids: rows.map(({ id }) => id) })
      const sorted = [...found].sort((left, right) => left.changed_at - right.changed_at)
      return Map.groupBy(sorted, ({ message_id: id }) => id ?? Number.NaN)
    },

    async failures(rows) {
      const ids = rows.filter(({ status }) => status === 'failed').map(({ id }) => id)
      if (ids.length === 0) return new Map()
      const found = await read
        .selectFrom('outbound')
        .select(['message_id', 'failure'])
        .where('message_id', 'in', ids)
        .execute()
      return new Map(
        found.flatMap(({ message_id: id, failure }) => {
          const known = failureOf(failure)
          return known === undefined ? [] : [[id, known] as const]
        }),
      )
    },
  }
}

/** Listed chats alone: one that is known by its settings has never been active. */
function matchesChat({ sessionId, archived, pinned, muted, unread, isGroup, label }: ChatFilter) {
  const parts = [sql<boolean>`chat.session_id = ${sessionId}`, sql<boolean>`chat.active_at > 0`]
  if (archived !== undefined) parts.push(sql<boolean>`chat.archived = ${Number(archived)}`)
  if (pinned !== undefined) parts.push(sql<boolean>`chat.pinned = ${Number(pinned)}`)
  if (muted !== undefined) {
    const isMuted = sql<boolean>`coalesce(chat.muted_until, 0) > ${muted.now}`
    parts.push(muted.is ? isMuted : sql<boolean>`not (${isMuted})`)
  }
  if (unread !== undefined) {
    const isUnread = sql<boolean>`(chat.unread_count > 0 or chat.marked_unread = 1)`
    parts.push(unread ? isUnread : sql<boolean>`not ${isUnread}`)
  }
  if (isGroup !== undefined)
    parts.push(isGroup ? sql<boolean>`chat.jid like '%@g.us'` : sql<boolean>`chat.jid not like '%@g.us'`)
  if (label !== undefined)
    parts.push(
      sql<boolean>`chat.jid in (select chat_jid from label_use where session_id = ${sessionId}
        and label_id = ${label} and whatsapp_id = '')`,
    )
  return sql<boolean>`${sql.join(parts, sql` and `)}`
}

const countAll = ({ fn }: ExpressionBuilder<Tables, 'chat'>) => fn.countAll<number>().as('count')
