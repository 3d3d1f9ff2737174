import './tables.ts'

import type { ContactAbout, ContactPicture } from '@inbox-hub/contract'
import { isGroup, type Jid } from '@inbox-hub/whatsapp'

import { type Chats, showPeople } from '../chats/index.ts'
import type { Events, NewEvent } from '../events/index.ts'
import { eventId, type Messages } from '../messages/index.ts'
import type { Media } from '../media/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { Database, Tx } from '../platform/database/index.ts'
import type { Log } from '../platform/log.ts'
import type { BusinessProfile, PersonNotice } from '../sessions/baileys/index.ts'
import { askWhatsApp, type Sessions, type SessionView } from '../sessions/index.ts'
import { type Blocking, createBlocking } from './blocking.ts'
import { changePerson, findPerson, learnPerson, movePerson, type PersonRow, shownOf } from './person-rows.ts'
import { createPictures, type Pictures } from './pictures.ts'
import { appearSetting, createPresence, type Presence } from './presence.ts'
import { createQuestions, type Questions } from './questions.ts'

export { extrasOf } from './extras.ts'
export { businessWire, peopleRoutes } from './routes.ts'
export { shopRoutes } from './shop-routes.ts'
export type { PictureAnswer } from './pictures.ts'
export type { Questions } from './questions.ts'

/** What somebody says about themselves. Times are Unix ms. */
export interface KnownAbout {
  text: string | null
  isHidden: boolean
  setAt: number | undefined
  readAt: number
}

export interface KnownBusiness {
  /** Undefined: no business. */
  profile: BusinessProfile | undefined
  readAt: number
}

/** What is known of somebody without asking. */
export interface PersonFacts {
  /** Id of the file, when there is one. */
  pictureMedia: string | undefined
  isBlocked: boolean
  /** Undefined: never asked. */
  isBusiness: boolean | undefined
  business: BusinessProfile | undefined
  about: string | null
  lastSeenAt: number | undefined
}

/**
 * What WhatsApp tells of people when it is asked: pictures, about, businesses, who is blocked, who is there. Answers are kept and good for a
 * day, less when WhatsApp tells of a change. Addresses are canonical.
 */
export interface People extends Disposable {
  readonly pictures: Pictures
  readonly blocking: Blocking
  readonly presence: Presence
  readonly questions: Questions
  about(session: SessionView, jid: Jid, options: { refresh: boolean }): Promise<KnownAbout>
  business(session: SessionView, jid: Jid, options: { refresh: boolean }): Promise<KnownBusiness>
  facts(sessionId: number, jids: readonly string[]): Promise<(jid: string) => PersonFacts>
  /** Keeps what was set or read elsewhere. */
  learn(
    session: SessionView,
    jid: Jid,
    change: Partial<
      Pick<
        PersonRow,
        'about' | 'about_text' | 'about_set_at' | 'about_read_at' | 'picture_read_at' | 'business_read_at'
      >
    >,
  ): Promise<void>
  /** Called with what WhatsApp tells of the account's own settings, in the transaction that stores it. */
  onSettings(listener: (tx: Tx, sessionId: number, notice: SettingsNotice) => Promise<void>): void
}

export type SettingsNotice = Extract<PersonNotice, { is: 'privacy' | 'disappearing' }>

export interface PeopleDeps {
  database: Database
  events: Pick<Events, 'append'>
  sessions: Pick<
    Sessions,
    'link' | 'linkWithin' | 'onAcquaintances' | 'onOnline' | 'onPassing' | 'whilePurging'
  >
  chats: Pick<Chats, 'addresses' | 'hold' | 'learn' | 'whileRekeying'>
  messages: Pick<Messages, 'numbers'>
  media: Pick<Media, 'receive' | 'keep' | 'find' | 'remove' | 'forgetFiles'>
  clock: Clock
  log: Log
}

const freshForMs = 86_400_000
/** Who asks for a fresh answer all the time gets the one of a minute ago. */
const refreshAfterMs = 60_000

export function createPeople(deps: PeopleDeps): People {
  const { database, events, sessions, chats, media, clock, log } = deps
  const questions = createQuestions(clock)
  const pictures = createPictures({ database, sessions, chats, media, questions, clock, log })
  const blocking = createBlocking({ ...deps, questions })
  const presence = createPresence(deps)
  const settings: ((tx: Tx, sessionId: number, notice: SettingsNotice) => Promise<void>)[] = []

  sessions.onAcquaintances(async (tx, facts) => {
    for (const fact of facts)
      if (fact.type === 'person') await events.append(tx, await keep(tx, fact.sessionId, fact.notice))
  })
  chats.whileRekeying(async (tx, moved) => {
    await blocking.move(tx, moved)
    const picture = await movePerson(tx, moved)
    if (picture !== null) await media.forgetFiles(tx, [picture])
    tx.afterCommit(() => presence.move(moved))
  })
  sessions.whilePurging(async (tx, sessionId) => {
    const rows = await tx.db
      .selectFrom('person')
      .select('picture_media')
      .where('session_id', '=', sessionId)
      .where('picture_media', 'is not', null)
      .execute()
    await media.forgetFiles(
      tx,
      rows.flatMap(({ picture_media: id }) => id ?? []),
    )
    await tx.db.deleteFrom('person').where('session_id', '=', sessionId).execute()
    await tx.db.deleteFrom('setting').where('name', '=', appearSetting(sessionId)).execute()
    await blocking.purge(tx, sessionId)
    tx.afterCommit(() => presence.forget(sessionId))
  })

  async function keep(tx: Tx, sessionId: number, notice: PersonNotice): Promise<readonly NewEvent[]> {
    if (notice.is === 'blocked') return blocking.told(tx, sessionId, notice)
    if (notice.is === 'privacy' || notice.is === 'disappearing') {
      for (const listener of settings) await listener(tx, sessionId, notice)
      return []
    }
    await chats.hold(tx, [sessionId])
    const address = { sessionId, jid: notice.jid }
    const jid = (await chats.addresses.canonical(tx, [address]))(sessionId, notice.jid)
    if (notice.is === 'business') {
      if ((await findPerson(tx, sessionId, jid)) !== undefined)
        await changePerson(tx, sessionId, jid, { business_read_at: 0 })
      return []
    }
    if (notice.is === 'picture') await pictures.changed(tx, sessionId, jid, notice.pictureId)
    else if ((await findPerson(tx, sessionId, jid)) !== undefined) {
      const { about } = notice
      await changePerson(tx, sessionId, jid, aboutRow(about, clock.now()))
    }
    if (isGroup(jid)) return notice.is === 'picture' ? [groupPicture(sessionId, jid, notice)] : []
    const person = { jid, alt: undefined }
    const shown = (await showPeople(tx, chats, sessionId, [person]))(person)
    const who = { contactId: shown.id, lid: shown.lid, timestamp: notice.at }
    if (notice.is === 'picture') {
      const data: ContactPicture = { ...who, pictureId: notice.pictureId }
      const id = eventId('contact.picture', sessionId, jid, notice.id)
      return [{ sessionId, type: 'contact.picture', at: notice.at, id, data }]
    }
    const about = notice.about.is === 'shown' ? notice.about.text : null
    const data: ContactAbout = { ...who, about }
    const id = eventId('contact.about', sessionId, jid, notice.at, about ?? '')
    return [{ sessionId, type: 'contact.about', at: notice.at, id, data }]
  }

  function groupPicture(
    sessionId: number,
    groupId: Jid,
    { id, at, pictureId }: Extract<PersonNotice, { is: 'picture' }>,
  ): NewEvent {
    return {
      sessionId,
      type: 'group.updated',
      at,
      id: eventId('group.updated', sessionId, groupId, 'picture', id),
      data: { groupId, timestamp: at, by: null, changes: { pictureId } },
    }
  }

  const isFresh = (readAt: number, refresh: boolean): boolean =>
    clock.now() - readAt < (refresh ? refreshAfterMs : freshForMs)

  const write = (session: SessionView, jid: Jid, change: Parameters<typeof changePerson>[3]): Promise<void> =>
    database.write(async (tx) => {
      await learnPerson(tx, chats, { sessionId: session.id, jid }, change)
    })

  return {
    pictures,
    blocking,
    presence,
    questions,
    async about(session, jid, { refresh }) {
      const row = await findPerson(database, session.id, jid)
      if (row !== undefined && row.about !== 'unknown') {
        if (isFresh(row.about_read_at, refresh) || sessions.link(session.id) === undefined)
          return aboutOf(row)
      }
      return questions.ask(session.id, `about ${jid}`, async () => {
        const about = await askWhatsApp(sessions, session.id, (link) => link.people.about(jid))
        const change = aboutRow(about, clock.now())
        await write(session, jid, change)
        return aboutOf(change)
      })
    },
    async business(session, jid, { refresh }) {
      const row = await findPerson(database, session.id, jid)
      const known = row === undefined || row.business_read_at === 0 ? undefined : businessOf(row)
      if (known !== undefined) {
        if (isFresh(known.readAt, refresh) || sessions.link(session.id) === undefined) return known
      }
      return questions.ask(session.id, `business ${jid}`, async () => {
        const profile = await askWhatsApp(sessions, session.id, (link) => link.business.profile(jid))
        const readAt = clock.now()
        const business = profile === undefined ? null : JSON.stringify(profile)
        await write(session, jid, { business, business_read_at: readAt })
        return { profile, readAt }
      })
    },
    async facts(sessionId, jids) {
      if (jids.length === 0) return () => nothing
      const [rows, blocked] = await Promise.all([
        shownOf.all(database, { sessionId, jids }),
        blocking.among(sessionId, jids),
      ])
      const byJid = new Map(rows.map((row) => [row.jid, row]))
      return (jid) => {
        const row = byJid.get(jid)
        const isBlocked = blocked.has(jid)
        if (row === undefined) return isBlocked ? { ...nothing, isBlocked } : nothing
        const business = row.business_read_at === 0 ? undefined : businessOf(row)
        return {
          pictureMedia:
            row.picture === 'shown' && row.media_seq !== null ? (row.picture_media ?? undefined) : undefined,
          isBlocked,
          isBusiness: business === undefined ? undefined : business.profile !== undefined,
          business: business?.profile,
          about: row.about_text,
          lastSeenAt: row.last_seen_at ?? undefined,
        }
      }
    },
    learn: write,
    onSettings: (listener) => void settings.push(listener),
    [Symbol.dispose]: () => presence[Symbol.dispose](),
  }
}

const nothing: PersonFacts = {
  pictureMedia: undefined,
  isBlocked: false,
  isBusiness: undefined,
  business: undefined,
  about: null,
  lastSeenAt: undefined,
}

type AboutRow = Pick<PersonRow, 'about' | 'about_text' | 'about_set_at' | 'about_read_at'>

function aboutRow(about: Extract<PersonNotice, { is: 'about' }>['about'], readAt: number): AboutRow {
  const isShown = about.is === 'shown'
  return {
    about: about.is,
    about_text: isShown ? about.text : null,
    about_set_at: isShown ? (about.setAt ?? null) : null,
    about_read_at: readAt,
  }
}

const aboutOf = (row: AboutRow): KnownAbout => ({
  text: row.about_text,
  isHidden: row.about === 'hidden',
  setAt: row.about_set_at ?? undefined,
  readAt: row.about_read_at,
})

const businessOf = (row: Pick<PersonRow, 'business' | 'business_read_at'>): KnownBusiness => ({
  // Only this file writes the column, always from a BusinessProfile.
  profile: row.business === null ? undefined : (JSON.parse(row.business) as BusinessProfile),
  readAt: row.business_read_at,
})
