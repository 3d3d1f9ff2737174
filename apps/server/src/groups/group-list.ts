import './tables.ts'

import { sql } from 'kysely'

import { folded } from '../chats/index.ts'
import type { Database } from '../platform/database/index.ts'
import type { GroupRow } from './group-rows.ts'

/** Reads groups, newest first, from the store alone. */
export interface GroupList {
  page(
    sessionId: number,
    page: {
      search: string | undefined
      isActive: boolean | undefined
      /** Only those, or only others. */
      isCommunity?: boolean
      limit: number
      offset: number
    },
  ): Promise<{ groups: readonly GroupRow[]; total: number }>
  /** `participants` counts members of active groups, once per group. */
  stats(sessionId: number): Promise<{ total: number; active: number; admin: number; participants: number }>
  /** When all groups were last read from WhatsApp, Unix ms; undefined: never. */
  readAt(sessionId: number): Promise<number | undefined>
}

export function createGroupList({ read }: Pick<Database, 'read'>): GroupList {
  return {
    async page(sessionId, { search, isActive, isCommunity, limit, offset }) {
      let found = read.selectFrom('wa_group').where('session_id', '=', sessionId)
      if (isActive !== undefined) found = found.where('role', isActive ? 'is not' : 'is', null)
      if (isCommunity !== undefined) found = found.where('is_community', '=', isCommunity ? 1 : 0)
      if (search !== undefined) {
        const pattern = `%${folded(search).replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
        found = found.where(sql<boolean>`search like ${pattern} escape ${sql.lit('\\')}`)
      }
      const [groups, counted] = await Promise.all([
        found
          .selectAll()
          .orderBy((eb) => eb.fn.coalesce('created_at', sql<number>`0`), 'desc')
          .orderBy('jid', 'desc')
          .limit(limit)
          .offset(offset)
          .execute(),
        found.select(({ fn }) => fn.countAll<number>().as('count')).executeTakeFirst(),
      ])
      return { groups, total: counted?.count ?? 0 }
    },
    async stats(sessionId) {
      const rows = await read
        .selectFrom('wa_group')
        .select(['role', 'size'])
        .where('session_id', '=', sessionId)
        .execute()
      const active = rows.filter(({ role }) => role !== null)
      return {
        total: rows.length,
        active: active.length,
        admin: active.filter(({ role }) => role !== 'member').length,
        participants: active.reduce((sum, { size }) => sum + size, 0),
      }
    },
    async readAt(sessionId) {
      const row = await read
        .selectFrom('group_list')
        .select('read_at')
        .where('session_id', '=', sessionId)
        .executeTakeFirst()
      return row?.read_at
    },
  }
}
