import './tables.ts'

import { createHash } from 'node:crypto'

import type { ContactUpdated } from '@inbox-hub/contract'
import { isLid, isPn, type Jid, userOf } from '@inbox-hub/whatsapp'
import type { Selectable } from 'kysely'

import { boundedCache } from '../platform/bounded-cache.ts'
import type { NewEvent } from '../events/index.ts'
import { insertRows, statement, type Tx } from '../platform/database/index.ts'
import type { Addresses } from './addresses.ts'
import type { ContactTable } from './tables.ts'

export type ContactRow = Selectable<ContactTable>

/** What passed by about somebody. `jid` is canonical; names left out are not known, not gone. */
export interface ContactFact {
  sessionId: number
  jid: Jid
  pushName?: string | undefined
  /** In the phone's address book; null: not there (any more). */
  savedName?: string | null | undefined
  verifiedName?: string | undefined
  username?: string | undefined
}

/** People, kept from what passes by. */
export interface Contacts {
  /** Stores what is new in `facts`; answers the events to append. Costs nothing for facts that this process knows already. */
  keep(
    tx: Tx,
    facts: readonly ContactFact[],
    at: number,
    /** `missing`: they are old, and only what is not known yet is taken of them. */
    mode?: 'news' | 'missing',
  ): Promise<{
    told: readonly NewEvent<ContactUpdated>[]
    /** How many were not known before. */
    made: number
  }>
  /** Forgets what is remembered of somebody, after their row was changed elsewhere. */
  forget(sessionId: number, jid: Jid): void
}

/** Longer names are cut: nobody reads them, and a stranger chooses them. */
const maxNameLength = 256

/** People remembered, of all sessions together: about 300 bytes each. */
const remembered = 50_000

const find = statement((db, p: { sessionId: number; jid: string }) =>
  db.selectFrom('contact').selectAll().where('session_id', '=', p.sessionId).where('jid', '=', p.jid),
)
const insert = insertRows('contact', [
  'session_id',
  'jid',
  'number',
  'push_name',
  'saved_name',
  'verified_name',
  'username',
  'hub_name',
  'tags',
  'notes',
  'assigned_to',
  'search',
  'updated_at',
])
const update = statement(
  (
    db,
    p: {
      sessionId: number
      was: string
      jid: string
      number: string | null
      pushName: string | null
      savedName: string | null
      verifiedName: string | null
      username: string | null
      hubName: string | null
      tags: string
      notes: string | null
      assignedTo: number | null
      search: string
      at: number
    },
  ) =>
    db
      .updateTable('contact')
      .set({
        jid: p.jid,
        number: p.number,
        push_name: p.pushName,
        saved_name: p.savedName,
        verified_name: p.verifiedName,
        username: p.username,
        hub_name: p.hubName,
        tags: p.tags,
        notes: p.notes,
        assigned_to: p.assignedTo,
        search: p.search,
        updated_at: p.at,
      })
      .where('session_id', '=', p.sessionId)
      .where('jid', '=', p.was),
)

interface Names {
  pushName: string | null
  savedName: string | null
  verifiedName: string | null
  username: string | null
}

export function createContacts(addresses: Addresses): Contacts {
  const known = boundedCache<string, Names>(remembered)

  return {
    async keep(tx, facts, at, mode = 'news') {
      const news = new Map<string, ContactFact>()
      for (const fact of facts) {
        const key = keyOf(fact.sessionId, fact.jid)
        const earlier = news.get(key)
        if (earlier !== undefined) news.set(key, { ...earlier, ...withoutUndefined(fact) })
        else if (isNews(known.get(key), fact)) news.set(key, fact)
      }
      if (news.size === 0) return { told: [], made: 0 }
      const people = [...news.values()]
      const shown = await addresses.shown(tx, people)
      const events: NewEvent<ContactUpdated>[] = []
      const made: Omit<ContactRow, 'search'>[] = []
      await Promise.all(
        [...news].map(async ([key, fact]) => {
          const { sessionId, jid } = fact
          const row = await find.first(tx, { sessionId, jid })
          const stored = row === undefined ? nameless : namesOf(row)
          const [first, second] = mode === 'news' ? [namesIn(fact), stored] : [stored, namesIn(fact)]
          const names: Names = {
            pushName: first.pushName ?? second.pushName,
            savedName:
              mode === 'news' && fact.savedName === null ? null : (first.savedName ?? second.savedName),
            verifiedName: first.verifiedName ?? second.verifiedName,
            username: first.username ?? second.username,
          }
          tx.afterCommit(() => known.set(key, names))
          if (row === undefined) {
            // Taken out of the address book before we ever heard of them.
            if (fact.savedName === null && names.pushName === null && names.verifiedName === null) return
            made.push(newContact(sessionId, jid, numberOf(shown(sessionId, jid)), names, at))
            return
          }
          if (nameFields.every((field) => names[field] === stored[field])) return
          const after = {
            ...row,
            push_name: names.pushName,
            saved_name: names.savedName,
            verified_name: names.verifiedName,
            username: names.username,
            updated_at: at,
          }
          await writeContact(tx, jid, after)
          if (nameOf(after) !== nameOf(row)) events.push(contactUpdatedEvent(after))
        }),
      )
      await insertContacts(tx, made)
      return { told: events, made: made.length }
    },
    forget: (sessionId, jid) => void known.delete(keyOf(sessionId, jid)),
  }
}

const keyOf = (sessionId: number, jid: Jid): string => `${sessionId} ${jid}`

function isNews(known: Names | undefined, fact: ContactFact): boolean {
  if (known === undefined) return true
  return (
    differs(fact.pushName, known.pushName) ||
    differs(fact.savedName, known.savedName) ||
    differs(fact.verifiedName, known.verifiedName) ||
    differs(fact.username, known.username)
  )
}

const differs = (told: string | null | undefined, stored: string | null): boolean =>
  told === null ? stored !== null : told !== undefined && cut(told) !== undefined && cut(told) !== stored

function cut(name: string | undefined): string | undefined {
  const text = name?.trim().slice(0, maxNameLength)
  return text === '' ? undefined : text
}

const nameFields = ['pushName', 'savedName', 'verifiedName', 'username'] as const
const nameless: Names = { pushName: null, savedName: null, verifiedName: null, username: null }

const namesIn = (fact: ContactFact): Names => ({
  pushName: cut(fact.pushName) ?? null,
  savedName: cut(fact.savedName ?? undefined) ?? null,
  verifiedName: cut(fact.verifiedName) ?? null,
  username: cut(fact.username) ?? null,
})

function withoutUndefined(fact: ContactFact): ContactFact {
  // Dropping undefined members of a ContactFact leaves a ContactFact.
  return Object.fromEntries(
    Object.entries(fact).filter(([, value]) => value !== undefined),
  ) as unknown as ContactFact
}

const namesOf = (row: ContactRow): Names => ({
  pushName: row.push_name,
  savedName: row.saved_name,
  verifiedName: row.verified_name,
  username: row.username,
})

/** A row for somebody who is not known yet. */
export function newContact(
  sessionId: number,
  jid: Jid,
  number: string | null,
  names: Partial<Names>,
  at: number,
): Omit<ContactRow, 'search'> {
  return {
    session_id: sessionId,
    jid,
    number,
    push_name: names.pushName ?? null,
    saved_name: names.savedName ?? null,
    verified_name: names.verifiedName ?? null,
    username: names.username ?? null,
    hub_name: null,
    tags: '[]',
    notes: null,
    assigned_to: null,
    updated_at: at,
  }
}

export const findContact = find

export async function insertContacts(tx: Tx, rows: readonly Omit<ContactRow, 'search'>[]): Promise<void> {
  await insert.run(
    tx,
    rows.map((row) => ({ ...row, search: searchText(row) })),
  )
}

/** Writes all of a contact's row, which stood under `was`. */
export async function writeContact(tx: Tx, was: string, row: Omit<ContactRow, 'search'>): Promise<void> {
  await update.run(tx, {
    sessionId: row.session_id,
    was,
    jid: row.jid,
    number: row.number,
    pushName: row.push_name,
    savedName: row.saved_name,
    verifiedName: row.verified_name,
    username: row.username,
    hubName: row.hub_name,
    tags: row.tags,
    notes: row.notes,
    assignedTo: row.assigned_to,
    search: searchText(row),
    at: row.updated_at,
  })
}

/** What a search looks through. */
function searchText(row: Omit<ContactRow, 'search'>): string {
  const parts = [
    row.hub_name,
    row.saved_name,
    row.verified_name,
    row.push_name,
    row.username,
    row.number,
    row.jid,
  ]
  return folded(parts.filter((part) => part !== null).join('\n'))
}

/** Without accents and capitals: `José` is found by `jose`, on every store alike. */
export function folded(text: string): string {
  return text.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase()
}

/** The name to show: ours, the address book's, the business's, their own, their username, at last the number. Never empty. */
export function nameOf(
  contact: Pick<ContactRow, 'jid' | 'number' | 'hub_name' | 'saved_name' | 'verified_name' | 'push_name'> &
    Partial<Pick<ContactRow, 'username'>>,
): string {
  return (
    contact.hub_name ??
    contact.saved_name ??
    contact.verified_name ??
    contact.push_name ??
    contact.username ??
    contact.number ??
    contact.jid.slice(0, contact.jid.indexOf('@'))
  )
}

/** The digits of a phone-number address; null for others. */
export function numberOf(jid: Jid): string | null {
  return isPn(jid) ? userOf(jid) : null
}

/** One contact made of two rows about the same account: what stands under its LID wins. */
export function merged(underNumber: ContactRow, underLid: ContactRow): Omit<ContactRow, 'search'> {
  const tags = new Set([...tagsOf(underLid), ...tagsOf(underNumber)])
  return {
    session_id: underLid.session_id,
    jid: underLid.jid,
    number: underLid.number ?? underNumber.number,
    push_name: underLid.push_name ?? underNumber.push_name,
    saved_name: underLid.saved_name ?? underNumber.saved_name,
    verified_name: underLid.verified_name ?? underNumber.verified_name,
    username: underLid.username ?? underNumber.username,
    hub_name: underLid.hub_name ?? underNumber.hub_name,
    tags: JSON.stringify([...tags]),
    notes: underLid.notes ?? underNumber.notes,
    assigned_to: underLid.assigned_to ?? underNumber.assigned_to,
    updated_at: Math.max(underLid.updated_at, underNumber.updated_at),
  }
}

export function tagsOf(row: Pick<ContactRow, 'tags'>): readonly string[] {
  // Only this folder writes the column, always from string[].
  return JSON.parse(row.tags) as string[]
}

/**
 * What is known of somebody in one session is known in another of the same owner; what is known there already stays. Answers their row
 * when it is new or has changed. Addresses are canonical, each in its session.
 */
export async function adopt(
  tx: Tx,
  from: { sessionId: number; jid: Jid },
  to: { sessionId: number; jid: Jid },
  at: number,
): Promise<Omit<ContactRow, 'search'> | undefined> {
  const [source, known] = await Promise.all([find.first(tx, from), find.first(tx, to)])
  if (source === undefined) return undefined
  const { search: _, ...copy } = source
  if (known === undefined) {
    // The address book is the other account's.
    const row = { ...copy, session_id: to.sessionId, jid: to.jid, saved_name: null, updated_at: at }
    await insertContacts(tx, [row])
    return row
  }
  const whole = { ...merged(source, known), saved_name: known.saved_name, updated_at: at }
  const { search: _search, updated_at: _at, ...before } = known
  if (Object.entries(before).every(([name, value]) => whole[name as keyof typeof before] === value))
    return undefined
  await writeContact(tx, to.jid, whole)
  return whole
}

/** `contact.updated` of the row as it now is. */
export function contactUpdatedEvent(row: Omit<ContactRow, 'search'>): NewEvent<ContactUpdated> {
  // A column that only canonical addresses are written to.
  const jid = row.jid as Jid
  const name = nameOf(row)
  const cause = [row.session_id, jid, row.number ?? '', name, row.updated_at].join('\n')
  return {
    sessionId: row.session_id,
    type: 'contact.updated',
    at: row.updated_at,
    id: `contact_updated_${createHash('sha256').update(cause).digest('base64url').slice(0, 27)}`,
    data: {
      contactId: row.number === null ? jid : `${row.number}@s.whatsapp.net`,
      lid: isLid(jid) ? jid : null,
      phone: row.number,
      name,
      pushName: row.push_name,
      verifiedName: row.verified_name,
    },
  }
}
