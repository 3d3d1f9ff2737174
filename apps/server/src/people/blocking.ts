import './tables.ts'

import { HubError, type ContactBlocked } from '@inbox-hub/contract'
import { isLid, isPn, type Jid } from '@inbox-hub/whatsapp'

import { type Chats, showPeople } from '../chats/index.ts'
import type { Events, NewEvent } from '../events/index.ts'
import { eventId, type Messages } from '../messages/index.ts'
import type { Clock } from '../platform/clock.ts'
import { type Database, insertRows, statement, type Tx } from '../platform/database/index.ts'
import type { GroupPerson, PersonNotice } from '../sessions/baileys/index.ts'
import { askWhatsApp, type Sessions, type SessionView } from '../sessions/index.ts'
import type { Questions } from './questions.ts'

/** Whom sessions block: read as a whole when first asked for, kept by what WhatsApp tells. */
export interface Blocking {
  /** Canonical addresses. Asks WhatsApp when it was never asked, or not for a day. Throws `SESSION_NOT_CONNECTED`, `WHATSAPP_ERROR`. */
  list(session: SessionView): Promise<readonly Jid[]>
  /** Throws `SESSION_NOT_CONNECTED`, `WHATSAPP_ERROR`, `NUMBER_UNKNOWN` where WhatsApp does not say which account a number is. */
  set(session: SessionView, jid: Jid, isBlocked: boolean): Promise<void>
  told(
    tx: Tx,
    sessionId: number,
    notice: Extract<PersonNotice, { is: 'blocked' }>,
  ): Promise<readonly NewEvent[]>
  /** Which of `jids` (canonical) are blocked, as far as the store knows. */
  among(sessionId: number, jids: readonly string[]): Promise<ReadonlySet<string>>
  /** Everything under `from` moves to `to`. */
  move(tx: Tx, moved: { sessionId: number; from: string; to: string }): Promise<void>
  purge(tx: Tx, sessionId: number): Promise<void>
}

export interface BlockingDeps {
  database: Database
  events: Pick<Events, 'append'>
  sessions: Pick<Sessions, 'link' | 'linkWithin'>
  chats: Pick<Chats, 'addresses' | 'hold' | 'learn'>
  messages: Pick<Messages, 'numbers'>
  questions: Questions
  clock: Clock
}

const freshForMs = 86_400_000

const all = statement((db, p: { sessionId: number }) =>
  db.selectFrom('blocked_person').select('jid').where('session_id', '=', p.sessionId).orderBy('jid'),
)
const some = statement((db, p: { sessionId: number; jids: readonly string[] }, { among }) =>
  db
    .selectFrom('blocked_person')
    .select('jid')
    .where('session_id', '=', p.sessionId)
    .where(among('jid', p.jids)),
)
const add = insertRows('blocked_person', ['session_id', 'jid'], (into) =>
  into.onConflict((conflict) => conflict.columns(['session_id', 'jid']).doNothing()).returning('jid'),
)
const remove = statement((db, p: { sessionId: number; jid: string }) =>
  db.deleteFrom('blocked_person').where('session_id', '=', p.sessionId).where('jid', '=', p.jid),
)
const readAt = statement((db, p: { sessionId: number }) =>
  db.selectFrom('block_list').select('read_at').where('session_id', '=', p.sessionId),
)
const putReadAt = statement((db, p: { sessionId: number; at: number }) =>
  db
    .insertInto('block_list')
    .values({ session_id: p.sessionId, read_at: p.at })
    .onConflict((conflict) =>
      conflict.column('session_id').doUpdateSet((eb) => ({ read_at: eb.ref('excluded.read_at') })),
    ),
)

export function createBlocking({
  database,
  events,
  sessions,
  chats,
  messages,
  questions,
  clock,
}: BlockingDeps): Blocking {
  /** What each session was told so far: what was asked before may be older. */
  const heard = new Map<number, number>()

  async function learn(tx: Tx, sessionId: number, people: readonly GroupPerson[]): Promise<void> {
    const pairs = people.flatMap(({ jid, alt }) => {
      if (alt === undefined || isLid(jid) === isLid(alt)) return []
      return [isLid(jid) ? { sessionId, lid: jid, pn: alt } : { sessionId, lid: alt, pn: jid }]
    })
    await events.append(tx, await chats.learn(tx, pairs))
    await chats.hold(tx, [sessionId])
  }

  async function canonicalOf(tx: Tx, sessionId: number, people: readonly GroupPerson[]): Promise<Jid[]> {
    await learn(tx, sessionId, people)
    const addresses = people.map(({ jid }) => ({ sessionId, jid }))
    const canonical = await chats.addresses.canonical(tx, addresses)
    return addresses.map(({ jid }) => canonical(sessionId, jid))
  }

  async function eventOf(
    tx: Tx,
    sessionId: number,
    jid: Jid,
    isBlocked: boolean,
    cause: { id: string; at: number },
  ): Promise<NewEvent> {
    const person = { jid, alt: undefined }
    const { id: contactId, lid } = (await showPeople(tx, chats, sessionId, [person]))(person)
    const data: ContactBlocked = { contactId, lid, isBlocked, timestamp: cause.at }
    const type = isBlocked ? 'contact.blocked' : 'contact.unblocked'
    return { sessionId, type, at: cause.at, id: eventId(type, sessionId, jid, cause.id), data }
  }

  /** Changes the store; answers an event for whom that is news. */
  async function apply(
    tx: Tx,
    sessionId: number,
    changes: readonly { jid: Jid; isBlocked: boolean }[],
    cause: { id: string; at: number },
  ): Promise<readonly NewEvent[]> {
    const told: NewEvent[] = []
    for (const { jid, isBlocked } of changes) {
      const isNews = isBlocked
        ? (await add.run(tx, [{ session_id: sessionId, jid }])).length > 0
        : (await remove.run(tx, { sessionId, jid })) > 0
      if (isNews) told.push(await eventOf(tx, sessionId, jid, isBlocked, cause))
    }
    return told
  }

  async function read(session: SessionView): Promise<void> {
    const { id: sessionId } = session
    const before = heard.get(sessionId) ?? 0
    const people = await askWhatsApp(sessions, sessionId, (link) => link.people.blocked())
    const now = clock.now()
    await database.write(async (tx) => {
      const wanted = new Set(await canonicalOf(tx, sessionId, people))
      const stored = new Set((await all.all(tx, { sessionId })).map(({ jid }) => jid))
      const isFirst = (await readAt.first(tx, { sessionId })) === undefined
      const changes = [
        ...[...wanted].filter((jid) => !stored.has(jid)).map((jid) => ({ jid, isBlocked: true })),
        // A column that only canonical addresses are written to.
        ...[...stored]
          .filter((jid) => !wanted.has(jid as Jid))
          .map((jid) => ({ jid: jid as Jid, isBlocked: false })),
      ]
      const told = await apply(tx, sessionId, changes, { id: `read ${now}`, at: now })
      // What was so before we first looked is no news.
      if (!isFirst) await events.append(tx, told)
      // Told meanwhile: the answer may be older, and is looked at again next time.
      await putReadAt.run(tx, { sessionId, at: (heard.get(sessionId) ?? 0) === before ? now : 0 })
    })
  }

  /** Both addresses of somebody: WhatsApp is asked for the one that is not known. */
  async function bothOf(session: SessionView, jid: Jid): Promise<{ lid: Jid; pn: Jid }> {
    const { id: sessionId } = session
    const look = async (): Promise<{ lid: Jid; pn: Jid } | undefined> => {
      const address = [{ sessionId, jid }]
      const lid = (await chats.addresses.canonical(database, address))(sessionId, jid)
      const pn = (await chats.addresses.shown(database, address))(sessionId, jid)
      return isLid(lid) && isPn(pn) ? { lid, pn } : undefined
    }
    const known = await look()
    if (known !== undefined) return known
    if (isPn(jid)) {
      const link = await sessions.linkWithin(sessionId, 5_000)
      if (link === undefined) throw new HubError('SESSION_NOT_CONNECTED')
      const { retryAfterMs } = await messages.numbers.ask(sessionId, [jid.slice(0, jid.indexOf('@'))], link)
      if (retryAfterMs !== undefined) {
        const seconds = Math.ceil(retryAfterMs / 1000)
        throw new HubError('RATE_LIMIT_EXCEEDED', {}, { retryAfterMs, values: { seconds } })
      }
      const asked = await look()
      if (asked !== undefined) return asked
    }
    throw new HubError('WHATSAPP_ERROR', { reason: 'NUMBER_NOT_ON_WHATSAPP' })
  }

  return {
    async list(session) {
      const { id: sessionId } = session
      const row = await readAt.first(database, { sessionId })
      const isFresh = row !== undefined && clock.now() - row.read_at < freshForMs
      if (!isFresh && (row === undefined || sessions.link(sessionId) !== undefined))
        await questions.ask(sessionId, 'blocked', () => read(session))
      // A column that only canonical addresses are written to.
      return (await all.all(database, { sessionId })).map(({ jid }) => jid as Jid)
    },
    async set(session, jid, isBlocked) {
      const { id: sessionId } = session
      const person = await bothOf(session, jid)
      await askWhatsApp(sessions, sessionId, (link) => link.people.block(person, isBlocked))
      const at = clock.now()
      await database.write(async (tx) => {
        const [canonical] = await canonicalOf(tx, sessionId, [{ jid: person.lid, alt: person.pn }])
        if (canonical === undefined) return
        heard.set(sessionId, (heard.get(sessionId) ?? 0) + 1)
        const cause = { id: `set ${at}`, at }
        await events.append(tx, await apply(tx, sessionId, [{ jid: canonical, isBlocked }], cause))
      })
    },
    async told(tx, sessionId, { changes, id, at }) {
      heard.set(sessionId, (heard.get(sessionId) ?? 0) + 1)
      if (changes === undefined) {
        if ((await readAt.first(tx, { sessionId })) !== undefined)
          await putReadAt.run(tx, { sessionId, at: 0 })
        return []
      }
      const people = await canonicalOf(
        tx,
        sessionId,
        changes.map(({ person }) => person),
      )
      const known = changes.flatMap(({ isBlocked }, index) => {
        const jid = people[index]
        return jid === undefined ? [] : [{ jid, isBlocked }]
      })
      return apply(tx, sessionId, known, { id, at })
    },
    async among(sessionId, jids) {
      if (jids.length === 0) return new Set()
      return new Set((await some.all(database, { sessionId, jids })).map(({ jid }) => jid))
    },
    async move(tx, { sessionId, from, to }) {
      if ((await remove.run(tx, { sessionId, jid: from })) > 0)
        await add.run(tx, [{ session_id: sessionId, jid: to }])
    },
    async purge(tx, sessionId) {
      for (const table of ['blocked_person', 'block_list'] as const)
        await tx.db.deleteFrom(table).where('session_id', '=', sessionId).execute()
      tx.afterCommit(() => heard.delete(sessionId))
    },
  }
}
