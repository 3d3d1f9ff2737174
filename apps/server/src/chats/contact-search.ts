import './tables.ts'

import { sql } from 'kysely'

import type { Database } from '../platform/database/index.ts'
import type { ContactRow } from './contacts.ts'
import { candidates } from './contact-trigrams.ts'

/** What is looked for: people whose number is known and that have all `parts`, which are folded, somewhere in names or number. */
interface ContactQuery {
  sessionId: number
  parts: readonly string[]
  /** A number that is left out: the session's own. */
  exceptNumber?: string | undefined
}

/**
 * Finds contacts by parts of their names and numbers, the last changed first. What few contacts have is looked up by its trigrams; what
 * many have, or what is shorter than three characters, is looked for along the list.
 */
export interface ContactSearch {
  newest(query: ContactQuery, page: { limit: number; offset: number }): Promise<readonly ContactRow[]>
  /** The same, with how many there are altogether, as far as they are counted. */
  page(query: ContactQuery, page: { limit: number; offset: number }): Promise<ContactPage>
}

export interface ContactPage {
  contacts: readonly ContactRow[]
  /** At least one more than stand on this page and before it, when there are. */
  total: number
  /** Whether there are no more than `total`. */
  isExact: boolean
}

/** A text that very many have is not counted to its end: nobody reads on that far, and the list would be looked through for it each time. */
const mostCounted = 1_000

export function createContactSearch(database: Pick<Database, 'read' | 'sql' | 'dialect'>): ContactSearch {
  const { read } = database

  function matching({ sessionId, parts, exceptNumber }: ContactQuery) {
    let people = read
      .selectFrom('contact')
      .where('session_id', '=', sessionId)
      .where('number', 'is not', null)
    if (exceptNumber !== undefined) people = people.where('number', '<>', exceptNumber)
    for (const part of parts) {
      const pattern = `%${part.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
      people = people.where(sql<boolean>`search like ${pattern} escape ${sql.lit('\\')}`)
    }
    return people
  }
  /** All of them, when the index says that they are few. */
  async function few(query: ContactQuery): Promise<readonly ContactRow[] | undefined> {
    const jids = await candidates(database, query.sessionId, query.parts)
    if (jids === undefined) return undefined
    if (jids.length === 0) return []
    const rows = await matching(query).where('jid', 'in', jids).selectAll().execute()
    return rows.sort((one, other) => other.updated_at - one.updated_at || (one.jid < other.jid ? 1 : -1))
  }
  async function along(query: ContactQuery, { limit, offset }: { limit: number; offset: number }) {
    // Their addresses first: on SQLite the index has all that decides, and only the rows of the page are read.
    const found = await matching(query)
      .select('jid')
      .orderBy('updated_at', 'desc')
      .orderBy('jid', 'desc')
      .limit(limit)
      .offset(offset)
      .execute()
    if (found.length === 0) return []
    const jids = found.map(({ jid }) => jid)
    const rows = await read
      .selectFrom('contact')
      .selectAll()
      .where('session_id', '=', query.sessionId)
      .where('jid', 'in', jids)
      .execute()
    const places = new Map(jids.map((jid, place) => [jid, place]))
    return rows.sort((one, other) => (places.get(one.jid) ?? 0) - (places.get(other.jid) ?? 0))
  }

  return {
    async newest(query, page) {
      const found = await few(query)
      return found?.slice(page.offset, page.offset + page.limit) ?? along(query, page)
    },
    async page(query, page) {
      const found = await few(query)
      if (found !== undefined)
        return {
          contacts: found.slice(page.offset, page.offset + page.limit),
          total: found.length,
          isExact: true,
        }
      const contacts = await along(query, page)
      const seen = page.offset + contacts.length
      // The last page: what is rare is not looked for a second time.
      if (contacts.length < page.limit && (contacts.length > 0 || page.offset === 0))
        return { contacts, total: seen, isExact: true }
      const most = Math.max(mostCounted, seen + 1)
      const counted = await read
        .selectFrom(
          matching(query)
            .select('jid')
            .limit(most + 1)
            .as('found'),
        )
        .select(({ fn }) => fn.countAll<number>().as('count'))
        .executeTakeFirst()
      const count = counted?.count ?? 0
      return { contacts, total: Math.min(count, most), isExact: count <= most }
    },
  }
}
