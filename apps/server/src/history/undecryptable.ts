import type { Jid } from '@inbox-hub/whatsapp'
import { type ExpressionBuilder, sql } from 'kysely'

import type { MessageRow } from '../messages/index.ts'
import type { Database, Tables } from '../platform/database/index.ts'

/** Messages of which only the envelope could be read. */
export interface UndecryptableList {
  page(
    of: { sessionId: number; chat: Jid | undefined },
    limit: number,
    offset: number,
  ): Promise<{ rows: readonly MessageRow[]; total: number }>
  /** Those with these ids. */
  among(sessionId: number, whatsappIds: readonly string[]): Promise<readonly MessageRow[]>
}

export function createUndecryptableList({ read }: Pick<Database, 'read'>): UndecryptableList {
  const of = (sessionId: number) =>
    read
      .selectFrom('message')
      .where('session_id', '=', sessionId)
      // As a literal: the index is one of these alone.
      .where('type', '=', sql.lit('undecryptable'))
  return {
    async page({ sessionId, chat }, limit, offset) {
      const found = chat === undefined ? of(sessionId) : of(sessionId).where('chat_jid', '=', chat)
      const [rows, counted] = await Promise.all([
        found
          .selectAll()
          .orderBy('sent_at', 'desc')
          .orderBy('id', 'desc')
          .limit(limit)
          .offset(offset)
          .execute(),
        found.select(countAll).executeTakeFirst(),
      ])
      return { rows, total: counted?.count ?? 0 }
    },
    among: (sessionId, whatsappIds) =>
      whatsappIds.length === 0
        ? Promise.resolve([])
        : of(sessionId).selectAll().where('whatsapp_id', 'in', whatsappIds).execute(),
  }
}

const countAll = ({ fn }: ExpressionBuilder<Tables, 'message'>) => fn.countAll<number>().as('count')
