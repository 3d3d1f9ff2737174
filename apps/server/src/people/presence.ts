import './tables.ts'

import { randomUUID } from 'node:crypto'

import type { PresenceState, PresenceUpdate } from '@inbox-hub/contract'
import type { Jid } from '@inbox-hub/whatsapp'

import { type Chats, showPeople } from '../chats/index.ts'
import type { Events, NewEvent } from '../events/index.ts'
import type { Clock } from '../platform/clock.ts'
import { type Database, statement } from '../platform/database/index.ts'
import type { Log } from '../platform/log.ts'
import type { Link, Passing } from '../sessions/baileys/index.ts'
import { askWhatsApp, type Sessions, type SessionView } from '../sessions/index.ts'
import { changePerson, findPerson, learnPerson } from './person-rows.ts'

/** What is known of somebody's being there. Times are Unix ms. */
export interface KnownPresence {
  /** Undefined: not told since this process runs, or not watched. */
  state: PresenceState | undefined
  stateAt: number | undefined
  lastSeenAt: number | undefined
  /** Undefined: nobody watches. */
  watchedUntil: number | undefined
}

/**
 * Who of the people that somebody wants to watch is there. WhatsApp tells it of those whom it was asked about, on that connection, and
 * mostly while the account itself appears online: who is watched is asked about again after each reconnect.
 */
export interface Presence extends Disposable {
  /** For a day, then again. The one watched longest makes room when there are 500. Throws `SESSION_NOT_CONNECTED`, `WHATSAPP_ERROR`. */
  watch(session: SessionView, jid: Jid): Promise<KnownPresence>
  unwatch(session: SessionView, jid: Jid): Promise<KnownPresence>
  of(session: SessionView, jid: Jid): Promise<KnownPresence>
  /** Shows the account as online, also after reconnects; or not. Throws `SESSION_NOT_CONNECTED`, `WHATSAPP_ERROR`. */
  appear(session: SessionView, isAvailable: boolean): Promise<void>
  /** Whether the account is to appear online. */
  appears(session: SessionView): Promise<boolean>
  /** Everything under `from` moves to `to`. */
  move(moved: { sessionId: number; from: Jid; to: Jid }): void
  forget(sessionId: number): void
}

export interface PresenceDeps {
  database: Database
  events: Pick<Events, 'append'>
  sessions: Pick<Sessions, 'linkWithin' | 'onOnline' | 'onPassing'>
  chats: Pick<Chats, 'addresses' | 'hold'>
  clock: Clock
  log: Log
}

const watchForMs = 86_400_000
const maxWatched = 500

const watched = statement((db, p: { sessionId: number; now: number }) =>
  db
    .selectFrom('person')
    .select(['jid', 'watched_until'])
    .where('session_id', '=', p.sessionId)
    .where('watched_until', '>', p.now)
    .orderBy('watched_until'),
)

export const appearSetting = (sessionId: number): string => `appear:${sessionId}`

interface Watched {
  until: number
  state: PresenceState | undefined
  stateAt: number | undefined
}

export function createPresence({ database, events, sessions, chats, clock, log }: PresenceDeps): Presence {
  /** By session, then by canonical address: what presences are looked up in. Most sessions watch nobody. */
  const watching = new Map<number, Map<Jid, Watched>>()
  /** Told in the order in which WhatsApp did. */
  let telling: Promise<void> = Promise.resolve()

  const passing = sessions.onPassing((told) => {
    if (!watching.has(told.sessionId)) return
    telling = telling
      .then(() => hear(told))
      .catch((error: unknown) => log.warn({ error, sessionId: told.sessionId }, 'a presence was not stored'))
  })
  const online = sessions.onOnline((sessionId, link) => {
    resume(sessionId, link).catch((error: unknown) =>
      log.info({ error, sessionId }, 'presences could not be asked for again'),
    )
  })

  async function hear({ sessionId, chat, from, state, lastSeen }: Passing): Promise<void> {
    const addresses = [chat, from].map((jid) => ({ sessionId, jid }))
    const canonical = await chats.addresses.canonical(database, addresses)
    const jid = canonical(sessionId, from)
    const known = watching.get(sessionId)?.get(jid)
    const now = clock.now()
    if (known === undefined || known.until <= now) return
    const isNews = known.state !== state || lastSeen !== undefined
    known.state = state
    known.stateAt = now
    if (!isNews) return
    await database.write(async (tx) => {
      await chats.hold(tx, [sessionId])
      if (lastSeen !== undefined) await changePerson(tx, sessionId, jid, { last_seen_at: lastSeen })
      const person = { jid, alt: undefined }
      const { id: contactId, lid } = (await showPeople(tx, chats, sessionId, [person]))(person)
      const chatId = (await chats.addresses.shown(tx, addresses))(sessionId, chat)
      const data: PresenceUpdate = {
        contactId,
        lid,
        chatId,
        state,
        lastSeen: lastSeen ?? null,
        timestamp: now,
      }
      const event: NewEvent = {
        sessionId,
        type: 'presence.update',
        at: now,
        // Nothing names one presence: WhatsApp tells each once, and forgets it.
        id: `presence_update_${randomUUID()}`,
        data,
      }
      await events.append(tx, [event])
    })
  }

  /** After a connect: WhatsApp has forgotten whom we watch, and that we are there. */
  async function resume(sessionId: number, link: Link): Promise<void> {
    const rows = await watched.all(database, { sessionId, now: clock.now() })
    for (const { jid, watched_until: until } of rows) remember(sessionId, jid as Jid, until ?? 0)
    if (await isToAppear(sessionId))
      await link.account
        .appear(true)
        .catch((error: unknown) => log.info({ error, sessionId }, 'the account does not appear online again'))
    // A column that only canonical addresses are written to.
    for (const { jid } of rows) await link.people.watchPresence(jid as Jid)
  }

  function remember(sessionId: number, jid: Jid, until: number): Watched {
    const people = watching.get(sessionId) ?? new Map<Jid, Watched>()
    watching.set(sessionId, people)
    const known = people.get(jid)
    const next = { state: known?.state, stateAt: known?.stateAt, until }
    people.delete(jid)
    people.set(jid, next)
    return next
  }

  function moveWatched(sessionId: number, from: Jid, to: Jid): void {
    const people = watching.get(sessionId)
    const known = people?.get(from)
    if (people === undefined || known === undefined) return
    people.delete(from)
    people.set(to, known)
  }

  async function isToAppear(sessionId: number): Promise<boolean> {
    const row = await database.read
      .selectFrom('setting')
      .select('name')
      .where('name', '=', appearSetting(sessionId))
      .executeTakeFirst()
    return row !== undefined
  }

  async function of({ id: sessionId }: SessionView, jid: Jid): Promise<KnownPresence> {
    const row = await findPerson(database, sessionId, jid)
    const until = row?.watched_until ?? undefined
    const isWatched = until !== undefined && until > clock.now()
    const known = isWatched ? watching.get(sessionId)?.get(jid) : undefined
    return {
      state: known?.state,
      stateAt: known?.stateAt,
      lastSeenAt: row?.last_seen_at ?? undefined,
      watchedUntil: isWatched ? until : undefined,
    }
  }

  return {
    of,
    async watch(session, jid) {
      const { id: sessionId } = session
      const now = clock.now()
      const until = now + watchForMs
      // Before WhatsApp is asked: its first answer comes at once.
      remember(sessionId, jid, until)
      try {
        await askWhatsApp(sessions, sessionId, (link) => link.people.watchPresence(jid))
      } catch (error) {
        if ((await of(session, jid)).watchedUntil === undefined) watching.get(sessionId)?.delete(jid)
        throw error
      }
      let known = jid
      await database.write(async (tx) => {
        known = await learnPerson(tx, chats, { sessionId, jid }, { watched_until: until })
        const rows = await watched.all(tx, { sessionId, now })
        for (const { jid: oldest } of rows.slice(0, Math.max(0, rows.length - maxWatched))) {
          await changePerson(tx, sessionId, oldest, { watched_until: null })
          tx.afterCommit(() => void watching.get(sessionId)?.delete(oldest as Jid))
        }
      })
      // Its LID may have been learnt meanwhile.
      if (known !== jid) moveWatched(sessionId, jid, known)
      return of(session, known)
    },
    async unwatch(session, jid) {
      const { id: sessionId } = session
      await database.write(async (tx) => {
        if ((await findPerson(tx, sessionId, jid)) !== undefined)
          await changePerson(tx, sessionId, jid, { watched_until: null })
      })
      const people = watching.get(sessionId)
      people?.delete(jid)
      if (people?.size === 0) watching.delete(sessionId)
      return of(session, jid)
    },
    async appear({ id: sessionId }, isAvailable) {
      await askWhatsApp(sessions, sessionId, (link) => link.account.appear(isAvailable))
      const name = appearSetting(sessionId)
      await database.write(async (tx) => {
        await tx.db.deleteFrom('setting').where('name', '=', name).execute()
        if (isAvailable) await tx.db.insertInto('setting').values({ name, value: 'available' }).execute()
      })
    },
    appears: ({ id }) => isToAppear(id),
    move: ({ sessionId, from, to }) => moveWatched(sessionId, from, to),
    forget: (sessionId) => void watching.delete(sessionId),
    [Symbol.dispose]() {
      passing[Symbol.dispose]()
      online[Symbol.dispose]()
    },
  }
}
