import './tables.ts'

import type { Jid } from '@inbox-hub/whatsapp'
import { type ExpressionBuilder, sql } from 'kysely'

import type { Database, Tables } from '../platform/database/index.ts'
import type { SessionView } from '../sessions/index.ts'
import { type ContactPage, createContactSearch } from './contact-search.ts'
import { type ContactRow, folded } from './contacts.ts'

/** Whose contacts: those of one session, without the number it has itself. */
export type ContactsOf = Pick<SessionView, 'id' | 'phoneNumber'>

/**
 * Reads contacts. Lists have people whose number is known: a CRM that is shown a LID takes it for a phone number. By their own id,
 * everybody is found.
 */
export interface ContactList {
  page(
    of: ContactsOf,
    page: { search: string | undefined; limit: number; offset: number },
  ): Promise<ContactPage>
  /** By canonical address. */
  find(sessionId: number, jid: Jid): Promise<ContactRow | undefined>
  stats(of: ContactsOf): Promise<{ people: number; named: number; groups: number }>
  /** People and chats that the store has. */
  counts(of: ContactsOf): Promise<{ contacts: number; chats: number }>
}

export function createContactList(database: Database): ContactList {
  const { read } = database
  const search = createContactSearch(database)

  /** As counted while they change (migration 0021), without the session itself. */
  async function counted({ id, phoneNumber }: ContactsOf): Promise<{ people: number; named: number }> {
    const [all, own] = await Promise.all([
      read
        .selectFrom('contact_tally')
        .select(['people', 'named'])
        .where('session_id', '=', id)
        .executeTakeFirst(),
      phoneNumber === undefined
        ? []
        : read
            .selectFrom('contact')
            .select(named.as('named'))
            .where('session_id', '=', id)
            .where('number', '=', phoneNumber)
            .execute(),
    ])
    return {
      people: (all?.people ?? 0) - own.length,
      named: (all?.named ?? 0) - own.filter((row) => row.named !== null).length,
    }
  }

  return {
    async page(of, { search: text, limit, offset }) {
      const query = { sessionId: of.id, exceptNumber: of.phoneNumber }
      if (text !== undefined) return search.page({ ...query, parts: [folded(text)] }, { limit, offset })
      const [contacts, { people }] = await Promise.all([
        search.newest({ ...query, parts: [] }, { limit, offset }),
        counted(of),
      ])
      return { contacts, total: people, isExact: true }
    },
    find: (sessionId, jid) =>
      read
        .selectFrom('contact')
        .selectAll()
        .where('session_id', '=', sessionId)
        .where('jid', '=', jid)
        .executeTakeFirst(),
    async stats(of) {
      const [contacts, groups] = await Promise.all([
        counted(of),
        read
          .selectFrom('chat')
          .where('session_id', '=', of.id)
          .where('active_at', '>', sql.lit(0))
          .where('jid', 'like', '%@g.us')
          .select(countAll)
          .executeTakeFirst(),
      ])
      return { ...contacts, groups: groups?.count ?? 0 }
    },
    async counts(of) {
      const [{ people }, chats] = await Promise.all([
        counted(of),
        read
          .selectFrom('chat')
          .where('session_id', '=', of.id)
          .where('active_at', '>', sql.lit(0))
          .select(countAll)
          .executeTakeFirst(),
      ])
      return { contacts: people, chats: chats?.count ?? 0 }
    },
  }
}

const countAll = ({ fn }: ExpressionBuilder<Tables, keyof Tables>) => fn.countAll<number>().as('count')

const named = sql<string | null>`coalesce(hub_name, saved_name, verified_name, push_name)`
