import {
  type ContactWire,
  endpoints,
  HubError,
  isoOf,
  offsetOf,
  paginationOf,
  say,
  texts,
} from '@inbox-hub/contract'
import { isLid, isPerson, type Jid, pnOf } from '@inbox-hub/whatsapp'

import type { Events, NewEvent } from '../events/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { Database } from '../platform/database/index.ts'
import type { Http } from '../platform/http/index.ts'
import { askWhatsApp, type Sessions, type SessionView } from '../sessions/index.ts'
import { createContactList } from './contact-list.ts'
import { contactInfoWire, contactWire, type ExtrasOf, strangerWire } from './contact-wire.ts'
import {
  type ContactRow,
  contactUpdatedEvent,
  findContact,
  insertContacts,
  nameOf,
  newContact,
  numberOf,
  writeContact,
} from './contacts.ts'
import type { Chats } from './index.ts'

export interface ChatRoutesDeps {
  database: Database
  sessions: Pick<Sessions, 'find' | 'list' | 'linkWithin' | 'onAcquaintances'>
  events: Pick<Events, 'append'>
  chats: Chats
  /** What lists show beside names. */
  extras: ExtrasOf
  clock: Clock
}

/** Contacts: lists and look-ups come from the store alone, no read touches a socket (contract §12, pain 11). */
export function contactRoutes(
  http: Pick<Http, 'serve'>,
  { database, sessions, events, chats, extras, clock }: ChatRoutesDeps,
): void {
  const list = createContactList(database)
  /** What WhatsApp tells of while somebody asked to synchronise a session. */
  const telling = new Map<number, { contact: Set<Jid>; chat: Set<Jid> }>()
  sessions.onAcquaintances(async (_tx, facts) => {
    if (telling.size === 0) return
    for (const fact of facts) {
      if (fact.type === 'contact' || fact.type === 'chat')
        telling.get(fact.sessionId)?.[fact.type].add(fact.jid)
    }
  })

  async function canonical(sessionId: number, jid: Jid): Promise<Jid> {
    return (await chats.addresses.canonical(database, [{ sessionId, jid }]))(sessionId, jid)
  }

  /** Rows of one session. */
  async function wires(
    sessionId: number,
    rows: readonly Omit<ContactRow, 'search'>[],
    baseUrl: string,
  ): Promise<ContactWire[]> {
    const known = await extras(
      sessionId,
      rows.map(({ jid }) => jid),
      baseUrl,
    )
    return rows.map((row) => contactWire(row, known))
  }

  http.serve(endpoints.listContacts, async ({ params, query, ownerId, baseUrl }) => {
    const session = sessions.find(ownerId, params.sessionId, 'name_first')
    const { page, limit, search } = query
    const { contacts, total, isExact } = await list.page(session, { search, limit, offset: offsetOf(query) })
    return {
      data: {
        contacts: await wires(session.id, contacts, baseUrl),
        pagination: paginationOf(total, page, limit),
        total,
        totalIsExact: isExact,
        ...(search === undefined ? {} : { search }),
      },
    }
  })

  http.serve(endpoints.searchContact, async ({ params, ownerId, language, baseUrl }) => {
    const { id } = sessions.find(ownerId, params.sessionId, 'name_first')
    const row = await list.find(id, await canonical(id, pnOf(params.phoneNumber)))
    const [contact] = row === undefined ? [] : await wires(id, [row], baseUrl)
    return {
      data:
        contact === undefined
          ? { contact: null, message: say(texts.contact_not_found, language) }
          : { contact },
    }
  })

  http.serve(endpoints.getContactInfo, async ({ params, ownerId, baseUrl }) => {
    const { id } = sessions.find(ownerId, params.sessionId, 'name_first')
    const jid = await canonical(id, params.contactId)
    const row = await list.find(id, jid)
    const known = await extras(id, [jid], baseUrl)
    const contact = contactInfoWire(
      row === undefined ? strangerWire(id, jid, known) : contactWire(row, known),
      known(jid),
    )
    return { data: { ...contact, contact } }
  })

  http.serve(endpoints.contactStats, async ({ params, ownerId }) => {
    const session = sessions.find(ownerId, params.sessionId, 'name_first')
    const { people, named, groups } = await list.stats(session)
    return {
      data: {
        stats: {
          total: people,
          users: people,
          groups,
          wAContacts: people,
          withNames: named,
          withProfilePics: 0,
        },
      },
    }
  })

  http.serve(endpoints.updateContact, async ({ params, body, ownerId, baseUrl }) => {
    const named =
      body.sessionId === undefined ? undefined : sessions.find(ownerId, body.sessionId, 'name_first')
    const among = named === undefined ? sessions.list(ownerId) : [named]
    const now = clock.now()
    const saved = await database.write(async (tx) => {
      const told: NewEvent[] = []
      const rows: Omit<ContactRow, 'search'>[] = []
      for (const { id: sessionId } of among) {
        await chats.hold(tx, [sessionId])
        const jid = (await chats.addresses.canonical(tx, [{ sessionId, jid: params.contactId }]))(
          sessionId,
          params.contactId,
        )
        const row = await findContact.first(tx, { sessionId, jid })
        // In a session that was named, somebody who could exist may be given a name before they write.
        if (row === undefined && (named === undefined || !isPerson(jid))) continue
        const before = row ?? newContact(sessionId, jid, numberOf(jid), {}, now)
        const after = {
          ...before,
          hub_name: body.name ?? before.hub_name,
          tags: body.tags === undefined ? before.tags : JSON.stringify([...new Set(body.tags)]),
          notes: body.notes === undefined ? before.notes : body.notes,
          assigned_to: body.assignedToUserId === undefined ? before.assigned_to : body.assignedToUserId,
          updated_at: now,
        }
        if (row === undefined) await insertContacts(tx, [after])
        else await writeContact(tx, jid, after)
        if (row !== undefined && nameOf(row) !== nameOf(after)) told.push(contactUpdatedEvent(after))
        rows.push(after)
      }
      if (told.length > 0) await events.append(tx, told)
      return rows
    })
    const [row] = saved
    if (row === undefined) throw new HubError('CONTACT_NOT_FOUND')
    const known = await extras(row.session_id, [row.jid], baseUrl)
    return { data: { contact: contactWire(row, known) }, message: 'contact_saved' }
  })

  /** Changes somebody in the address book of the phone; answers them as they are then. */
  async function inAddressBook(
    { id: sessionId }: SessionView,
    contactId: Jid,
    name: { full: string; first: string } | null,
    baseUrl: string,
  ) {
    const jid = await canonical(sessionId, contactId)
    const number = numberOf(jid) ?? (await list.find(sessionId, jid))?.number ?? null
    if (number === null) throw new HubError('CONTACT_WITHOUT_NUMBER')
    const lid = isLid(jid) ? jid : undefined
    await askWhatsApp(sessions, sessionId, ({ appState }) =>
      appState.change({ set: 'contact', pn: pnOf(number), lid, name }),
    )
    const row = await list.find(sessionId, await canonical(sessionId, contactId))
    const known = await extras(sessionId, [jid], baseUrl)
    return { contact: row === undefined ? strangerWire(sessionId, jid, known) : contactWire(row, known) }
  }

  http.serve(endpoints.saveContact, async ({ params, body, ownerId, baseUrl }) => {
    const session = sessions.find(ownerId, params.sessionId, 'name_first')
    const [word = body.name] = body.name.trim().split(/\s+/)
    const name = { full: body.name.trim(), first: body.firstName?.trim() ?? word }
    return { data: await inAddressBook(session, params.contactId, name, baseUrl), message: 'contact_saved' }
  })

  http.serve(endpoints.unsaveContact, async ({ params, ownerId, baseUrl }) => {
    const session = sessions.find(ownerId, params.sessionId, 'name_first')
    return { data: await inAddressBook(session, params.contactId, null, baseUrl), message: 'contact_saved' }
  })

  http.serve(endpoints.listSessionContacts, async ({ params, query, ownerId, baseUrl }) => {
    const session = sessions.find(ownerId, params.ref, 'number_first')
    const { contacts, total } = await list.page(session, {
      search: undefined,
      limit: query.limit,
      offset: offsetOf(query),
    })
    return {
      data: {
        contacts: await wires(session.id, contacts, baseUrl),
        pagination: paginationOf(total, query.page, query.limit),
        total,
        source: 'database' as const,
      },
    }
  })

  http.serve(endpoints.syncSession, async ({ params, ownerId }) => {
    const session = sessions.find(ownerId, params.ref, 'number_first')
    const told = { contact: new Set<Jid>(), chat: new Set<Jid>() }
    telling.set(session.id, told)
    try {
      await askWhatsApp(sessions, session.id, (link) => link.appState.sync({ afresh: true }))
    } finally {
      if (telling.get(session.id) === told) telling.delete(session.id)
    }
    const counts = await list.counts(session)
    return {
      data: {
        sessionId: session.sessionId,
        contactsSynced: counts.contacts,
        chatsSynced: counts.chats,
        contactsReceived: told.contact.size,
        chatsReceived: told.chat.size,
        timestamp: isoOf(clock.now()),
      },
      message: 'session_synchronised',
    }
  })
}
