import { HubError } from '@inbox-hub/contract'
import { isGroup, type Jid } from '@inbox-hub/whatsapp'

import type { Chats } from '../chats/index.ts'
import type { Media, MediaRow } from '../media/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { Database, Tx } from '../platform/database/index.ts'
import type { Log } from '../platform/log.ts'
import type { Link } from '../sessions/baileys/index.ts'
import { askWhatsApp, QueryRefused, type Sessions, type SessionView } from '../sessions/index.ts'
import { changePerson, findPerson, learnPerson, type PersonRow } from './person-rows.ts'
import type { Questions } from './questions.ts'

/** A picture as it is in our own store. */
export interface ShownPicture {
  /** WhatsApp's: another picture has another. */
  id: string
  media: MediaRow
  /** When WhatsApp last said that it is this one, Unix ms. */
  readAt: number
}

export type PictureAnswer = { is: 'shown'; picture: ShownPicture } | { is: 'none' | 'hidden' }

/** Pictures of people and groups: fetched when first asked for, kept among the files, and again when WhatsApp tells of another. */
export interface Pictures {
  /**
   * From the store when WhatsApp was asked within a day, else asked; what is stored is answered when it cannot be asked. Throws
   * `SESSION_NOT_CONNECTED`, `WHATSAPP_ERROR`, `NOT_IN_GROUP`, `RATE_LIMIT_EXCEEDED`, and what keeping files throws.
   */
  of(session: SessionView, jid: Jid, options: { refresh: boolean }): Promise<PictureAnswer>
  /** WhatsApp told of another picture, or of none: what is stored is no longer true. */
  changed(tx: Tx, sessionId: number, jid: Jid, pictureId: string | null): Promise<void>
}

export interface PicturesDeps {
  database: Database
  sessions: Pick<Sessions, 'linkWithin'>
  chats: Pick<Chats, 'addresses' | 'hold'>
  media: Pick<Media, 'receive' | 'keep' | 'find' | 'remove'>
  questions: Questions
  clock: Clock
  log: Log
}

const freshForMs = 86_400_000
/** Who asks for a fresh one all the time gets the one of a minute ago. */
const refreshAfterMs = 60_000

export function createPictures({
  database,
  sessions,
  chats,
  media,
  questions,
  clock,
  log,
}: PicturesDeps): Pictures {
  /** The file of a picture, unless retention or somebody took it. */
  async function fileOf(session: SessionView, mediaId: string | null): Promise<MediaRow | undefined> {
    if (mediaId === null) return undefined
    try {
      return await media.find(session.ownerId, mediaId)
    } catch (error) {
      if (error instanceof HubError && error.code === 'MEDIA_NOT_FOUND') return undefined
      throw error
    }
  }

  async function stored(
    session: SessionView,
    row: PersonRow | undefined,
  ): Promise<PictureAnswer | undefined> {
    if (row === undefined || row.picture === 'unknown') return undefined
    if (row.picture !== 'shown') return { is: row.picture }
    const file = await fileOf(session, row.picture_media)
    if (file === undefined) return undefined
    return { is: 'shown', picture: { id: row.picture_id ?? '', media: file, readAt: row.picture_read_at } }
  }

  async function whereItLies(link: Link, jid: Jid): Promise<{ id: string; url: string } | 'none' | 'hidden'> {
    try {
      return (await link.people.picture(jid)) ?? 'none'
    } catch (error) {
      const isHidden = error instanceof QueryRefused && (error.status === 401 || error.status === 403)
      if (isHidden && !isGroup(jid)) return 'hidden'
      throw error
    }
  }

  async function read(session: SessionView, jid: Jid, known: PersonRow | undefined): Promise<PictureAnswer> {
    return askWhatsApp(
      sessions,
      session.id,
      async (link) => {
        const found = await whereItLies(link, jid)
        const readAt = clock.now()
        if (found === 'none' || found === 'hidden') {
          await keep(session, jid, {
            picture: found,
            picture_id: null,
            picture_media: null,
            picture_read_at: readAt,
          })
          return { is: found }
        }
        const same = known?.picture_id === found.id ? await fileOf(session, known.picture_media) : undefined
        const file = same ?? (await fetched(link, session, found))
        await keep(session, jid, {
          picture: 'shown',
          picture_id: found.id,
          picture_media: file.id,
          picture_read_at: readAt,
        })
        return { is: 'shown', picture: { id: found.id, media: file, readAt } }
      },
      (status) => (isGroup(jid) && (status === 401 || status === 403) ? 'NOT_IN_GROUP' : undefined),
    )
  }

  async function fetched(
    link: Link,
    { ownerId }: SessionView,
    found: { id: string; url: string },
  ): Promise<MediaRow> {
    const bytes = await link.people.pictureBytes(found)
    const draft = await media.receive(oneChunk(bytes), { announced: bytes.length })
    try {
      // Of no session: it is not among the files that people exchanged.
      return await media.keep(draft, {
        ownerId,
        source: 'whatsapp',
        declaredType: 'image/jpeg',
        kind: 'image',
      })
    } catch (error) {
      if (!(error instanceof HubError) || error.code !== 'FILE_TYPE_MISMATCH') throw error
      throw new HubError('WHATSAPP_ERROR', { reason: 'PICTURE_NOT_LOADED' }, { cause: error })
    }
  }

  async function keep(
    session: SessionView,
    jid: Jid,
    change: Pick<PersonRow, 'picture' | 'picture_id' | 'picture_media' | 'picture_read_at'>,
  ): Promise<void> {
    const former = await database.write(async (tx) => {
      const before = await findPerson(tx, session.id, jid)
      await learnPerson(tx, chats, { sessionId: session.id, jid }, change)
      return before?.picture_media ?? null
    })
    if (former === null || former === change.picture_media) return
    const file = await fileOf(session, former)
    if (file === undefined) return
    await media
      .remove(file)
      .catch((error: unknown) =>
        log.info({ error, sessionId: session.id }, 'a former picture was not removed; retention will'),
      )
  }

  return {
    async of(session, jid, { refresh }) {
      const row = await findPerson(database, session.id, jid)
      const known = await stored(session, row)
      const age = clock.now() - (row?.picture_read_at ?? 0)
      if (known !== undefined && age < (refresh ? refreshAfterMs : freshForMs)) return known
      try {
        return await questions.ask(session.id, `picture ${jid}`, () => read(session, jid, row))
      } catch (error) {
        if (known === undefined || !(error instanceof HubError)) throw error
        log.info({ error, sessionId: session.id }, 'a picture could not be looked at again')
        return known
      }
    },
    async changed(tx, sessionId, jid, pictureId) {
      // Of whom nothing was asked, nothing is kept.
      if ((await findPerson(tx, sessionId, jid)) === undefined) return
      await changePerson(
        tx,
        sessionId,
        jid,
        pictureId === null
          ? { picture: 'none', picture_id: null, picture_read_at: clock.now() }
          : { picture_read_at: 0 },
      )
    },
  }
}

async function* oneChunk(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}
