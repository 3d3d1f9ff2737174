import './tables.ts'

import type { Jid } from '@inbox-hub/whatsapp'
import { sql } from 'kysely'

import { folded } from '../chats/index.ts'
import type { MessageRow } from '../messages/index.ts'
import type { Database } from '../platform/database/index.ts'
import type { StatusRow } from './status-rows.ts'

/** Which statuses of a session. What is left out matches everything. */
export interface StatusFilter {
  sessionId: number
  fromMe?: boolean | undefined
  /** Canonical. */
  author?: Jid | undefined
  isArchived?: boolean | undefined
  /** Those that WhatsApp shows at this moment, Unix ms. */
  activeAt?: number | undefined
  search?: string | undefined
}

/** A status and the message that it is. */
export interface ListedStatus {
  status: StatusRow
  message: MessageRow
}

export interface StatusStats {
  total: number
  active: number
  archived: number
  posted: number
  received: number
  views: number
}

/** Reads statuses, newest first, from the store alone. */
export interface StatusList {
  page(
    filter: StatusFilter,
    limit: number,
    offset: number,
  ): Promise<{ statuses: readonly ListedStatus[]; total: number }>
  stats(sessionId: number, now: number): Promise<StatusStats>
  /** Who saw it, the latest first. */
  viewers(messageId: number, limit: number): Promise<readonly { viewer_jid: string; viewed_at: number }[]>
  messages(statuses: readonly StatusRow[]): Promise<readonly ListedStatus[]>
}

export function createStatusList({ read }: Pick<Database, 'read'>): StatusList {
  function matching({ sessionId, fromMe, author, isArchived, activeAt, search }: StatusFilter) {
    let found = read
      .selectFrom('status')
      .innerJoin('message', 'message.id', 'status.message_id')
      .where('status.session_id', '=', sessionId)
    if (fromMe !== undefined) found = found.where('message.from_me', '=', fromMe ? 1 : 0)
    if (author !== undefined) found = found.where('message.sender_jid', '=', author)
    if (isArchived !== undefined)
      found = found.where('status.archived_at', isArchived ? 'is not' : 'is', null)
    if (activeAt !== undefined) found = found.where('status.expires_at', '>', activeAt)
    if (search !== undefined) {
      const pattern = `%${folded(search).replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
      found = found.where(sql<boolean>`status.search like ${pattern} escape ${sql.lit('\\')}`)
    }
    return found
  }

  async function withMessages(statuses: readonly StatusRow[]): Promise<readonly ListedStatus[]> {
    if (statuses.length === 0) return []
    const rows = await read
      .selectFrom('message')
      .selectAll()
      .where(
        'id',
        'in',
        statuses.map(({ message_id }) => message_id),
      )
      .execute()
    const byId = new Map(rows.map((row) => [row.id, row]))
    return statuses.flatMap((status) => {
      const message = byId.get(status.message_id)
      return message === undefined ? [] : [{ status, message }]
    })
  }

  return {
    messages: withMessages,
    async page(filter, limit, offset) {
      const [statuses, counted] = await Promise.all([
        matching(filter)
          .selectAll('status')
          .orderBy('status.posted_at', 'desc')
          .orderBy('status.message_id', 'desc')
          .limit(limit)
          .offset(offset)
          .execute(),
        matching(filter)
          .select(({ fn }) => fn.countAll<number>().as('count'))
          .executeTakeFirst(),
      ])
      return { statuses: await withMessages(statuses), total: counted?.count ?? 0 }
    },
    async stats(sessionId, now) {
      const rows = await matching({ sessionId })
        .select(['message.from_me', 'status.expires_at', 'status.archived_at', 'status.views'])
        .execute()
      const posted = rows.filter(({ from_me: fromMe }) => fromMe === 1)
      return {
        total: rows.length,
        active: rows.filter(({ expires_at: expiresAt }) => expiresAt > now).length,
        archived: rows.filter(({ archived_at: archivedAt }) => archivedAt !== null).length,
        posted: posted.length,
        received: rows.length - posted.length,
        views: posted.reduce((sum, { views }) => sum + views, 0),
      }
    },
    viewers: (messageId, limit) =>
      read
        .selectFrom('status_view')
        .select(['viewer_jid', 'viewed_at'])
        .where('message_id', '=', messageId)
        .orderBy('viewed_at', 'desc')
        .orderBy('viewer_jid')
        .limit(limit)
        .execute(),
  }
}
