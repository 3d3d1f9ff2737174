import '../tables.ts'

import type { Jid } from '@inbox-hub/whatsapp'

import type { Database } from '../../platform/database/index.ts'
import type { ScheduledRow } from './scheduled-rows.ts'

export interface ScheduledList {
  /** Messages of a session that wait for their time, soonest first; `chat` is canonical. */
  page(
    filter: { sessionId: number; chat: Jid | undefined },
    limit: number,
    offset: number,
  ): Promise<{ rows: readonly ScheduledRow[]; total: number }>
}

export function createScheduledList(database: Database): ScheduledList {
  return {
    async page({ sessionId, chat }, limit, offset) {
      let matching = database.read
        .selectFrom('scheduled_message')
        .where('session_id', '=', sessionId)
        .where('cancelled_at', 'is', null)
        // The frame of an album, which goes with its pictures.
        .where('type', '<>', 'album')
      if (chat !== undefined) matching = matching.where('chat_jid', '=', chat)
      const [rows, counted] = await Promise.all([
        matching.selectAll().orderBy('send_at').orderBy('message_id').limit(limit).offset(offset).execute(),
        matching.select(({ fn }) => fn.countAll<number>().as('count')).executeTakeFirst(),
      ])
      return { rows, total: counted?.count ?? 0 }
    },
  }
}
