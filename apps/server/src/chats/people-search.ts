import './tables.ts'

import { sql } from 'kysely'

import type { Database } from '../platform/database/index.ts'
import { createContactSearch } from './contact-search.ts'
import { type ContactRow, folded } from './contacts.ts'

/** Finds people and groups by parts of their names, and people by digits of their numbers; accents and capitals do not matter. */
export interface PeopleSearch {
  /** People whose number is known, the last changed first. */
  contacts(sessionId: number, text: string, limit: number): Promise<readonly ContactRow[]>
  /** Groups, those written in last first: their addresses. */
  groups(sessionId: number, text: string, limit: number): Promise<readonly string[]>
}

/** Names are folded here, not in the store: a session has some hundreds of groups. */
const groupsRead = 500

export function createPeopleSearch(database: Pick<Database, 'read' | 'sql' | 'dialect'>): PeopleSearch {
  const { read } = database
  const search = createContactSearch(database)

  return {
    async contacts(sessionId, text, limit) {
      const parts = partsOf(text)
      if (parts.length === 0) return []
      return search.newest({ sessionId, parts }, { limit, offset: 0 })
    },
    async groups(sessionId, text, limit) {
      const parts = partsOf(text)
      const found: string[] = []
      if (parts.length === 0) return found
      for (let offset = 0; found.length < limit; offset += groupsRead) {
        const rows = await read
          .selectFrom('chat')
          .select(['jid', 'name'])
          .where('session_id', '=', sessionId)
          .where('name', 'is not', null)
          .where('active_at', '>', sql.lit(0))
          .orderBy('active_at', 'desc')
          .orderBy('jid', 'desc')
          .limit(groupsRead)
          .offset(offset)
          .execute()
        for (const { jid, name } of rows) {
          const searched = folded(name ?? '')
          if (parts.every((part) => searched.includes(part))) found.push(jid)
        }
        if (rows.length < groupsRead) break
      }
      return found.slice(0, limit)
    },
  }
}

/** What must all be there: the words, or of something written like a number its digits, without the 00 or + before them. */
function partsOf(text: string): readonly string[] {
  if (/^[+\d\s().\-/]+$/.test(text)) {
    const digits = text.replaceAll(/\D/g, '').replace(/^00/, '')
    return digits === '' ? [] : [digits]
  }
  return [
    ...new Set(
      folded(text)
        .split(/\s+/)
        .filter((part) => part !== ''),
    ),
  ].slice(0, maxParts)
}

const maxParts = 12
