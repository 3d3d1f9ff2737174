import './tables.ts'

import type { Jid } from '@inbox-hub/whatsapp'
import { type ExpressionBuilder, sql } from 'kysely'

import type { Database, Tables } from '../platform/database/index.ts'
import type { SessionView } from '../sessions/index.ts'
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
  ): Promise<{
    contacts: readonly ContactRow[]
    total: number
  }>
  /** By canonical address. */
  find(sessionId: number, jid: Jid): Promise<ContactRow | undefined>
  stats(of: ContactsOf): Promise<{ people: number; named: number; groups: number }>
  /** People and chats that the store has. */
  counts(of: ContactsOf): Promise<{ contacts: number; chats: number }>
}

export function createContactList(database: Database): ContactList {
  const { read } = database

  function listed({ id, phoneNumber }: ContactsOf) {
    const people = read.selectFrom('contact').where('session_id', '=', id).where('number', 'is not', null)
    return phoneNumber === undefined ? people : people.where('number', '<>', phoneNumber)
  }
  async function count(of: ContactsOf): Promise<number> {
    return (await listed(of).select(countAll).executeTakeFirst())?.count ?? 0
  }

  return {
    async page(of, { search, limit, offset }) {
      const found = search === undefined ? listed(of) : listed(of).where(matches(search))
      const [contacts, counted] = await Promise.all([
        found
          .selectAll()
          .orderBy('updated_at', 'desc')
          .orderBy('jid', 'desc')
          .limit(limit)
          .offset(offset)
          .execute(),
        found.select(countAll).executeTakeFirst(),
      ])
      return { contacts, total: counted?.count ?? 0 }
    },
    find: (sessionId, jid) =>
      read
        .selectFrom('contact')
        .selectAll()
        .where('session_id', '=', sessionId)
        .where('jid', '=', jid)
        .executeTakeFirst(),
    async stats(of) {
      const isNamed = sql<boolean>`coalesce(hub_name, saved_name, verified_name, push_name) is not null`
      const [people, named, groups] = await Promise.all([
        count(of),
        listed(of).where(isNamed).select(countAll).executeTakeFirst(),
        read
          .selectFrom('chat')
          .where('session_id', '=', of.id)
          .where('active_at', '>', sql.lit(0))
          .where('jid', 'like', '%@g.us')
          .select(countAll)
          .executeTakeFirst(),
      ])
      return { people, named: named?.count ?? 0, groups: groups?.count ?? 0 }
    },
    async counts(of) {
      const [contacts, chats] = await Promise.all([
        count(of),
        read
          .selectFrom('chat')
          .where('session_id', '=', of.id)
          .where('active_at', '>', sql.lit(0))
          .select(countAll)
          .executeTakeFirst(),
      ])
      return { contacts, chats: chats?.count ?? 0 }
    },
  }
}

const countAll = ({ fn }: ExpressionBuilder<Tables, keyof Tables>) => fn.countAll<number>().as('count')

function matches(search: string) {
  const pattern = `%${folded(search).replaceAll(/[\\%_]/g, String.raw`\$&`)}%`
  return sql<boolean>`search like ${pattern} escape ${sql.lit('\\')}`
}
