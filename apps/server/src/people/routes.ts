import { type BusinessProfileWire, type DataOf, endpoints, HubError, isoOf } from '@inbox-hub/contract'
import { isPn, type Jid, pnOf } from '@inbox-hub/whatsapp'

import { type Chats, type ShownPerson, showPeople } from '../chats/index.ts'
import type { Media } from '../media/index.ts'
import type { Messages } from '../messages/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { Database } from '../platform/database/index.ts'
import type { Http } from '../platform/http/index.ts'
import type { BusinessProfile } from '../sessions/baileys/index.ts'
import type { Sessions, SessionView } from '../sessions/index.ts'
import type { People } from './index.ts'
import type { KnownPresence } from './presence.ts'

export interface PeopleRoutesDeps {
  database: Database
  sessions: Pick<Sessions, 'find' | 'linkWithin'>
  chats: Pick<Chats, 'addresses'>
  messages: Pick<Messages, 'numbers'>
  media: Pick<Media, 'links' | 'settings'>
  people: People
  clock: Clock
}

type NumberResult = DataOf<typeof endpoints.checkNumbers>['results'][number]

/** What WhatsApp tells of people when it is asked (contract §6, and beyond). */
export function peopleRoutes(
  http: Pick<Http, 'serve'>,
  { database, sessions, chats, messages, media, people, clock }: PeopleRoutesDeps,
): void {
  /** The session, and the address that everything about somebody stands under. */
  async function named(
    ownerId: number,
    params: { sessionId: string; contactId: Jid },
  ): Promise<{ session: SessionView; jid: Jid }> {
    const session = sessions.find(ownerId, params.sessionId, 'name_first')
    const address = { sessionId: session.id, jid: params.contactId }
    return { session, jid: (await chats.addresses.canonical(database, [address]))(session.id, address.jid) }
  }

  async function shown({ id }: SessionView, jids: readonly Jid[]): Promise<(jid: Jid) => ShownPerson> {
    const show = await showPeople(
      database,
      chats,
      id,
      jids.map((jid) => ({ jid, alt: undefined })),
    )
    return (jid) => show({ jid, alt: undefined })
  }

  async function who(session: SessionView, jid: Jid): Promise<{ contactId: string; lid: string | null }> {
    const { id, lid } = (await shown(session, [jid]))(jid)
    return { contactId: id, lid }
  }

  http.serve(endpoints.checkNumbers, async ({ params, body, ownerId }) => {
    const session = sessions.find(ownerId, params.sessionId, 'name_first')
    const digits = [...new Set(body.numbers.flatMap(({ digits }) => digits ?? []))]
    const known = new Map<string, Jid | null>()
    for (const number of digits) {
      const answer = await messages.numbers.known(session.id, number)
      if (answer !== undefined) known.set(number, answer)
    }
    const open = digits.filter((number) => !known.has(number))
    let retryAfterMs: number | undefined
    if (open.length > 0) {
      const link = await sessions.linkWithin(session.id, 5_000)
      if (link === undefined) throw new HubError('SESSION_NOT_CONNECTED')
      const asked = await messages.numbers.ask(session.id, open, link)
      retryAfterMs = asked.retryAfterMs
      for (const [number, answer] of asked.said) known.set(number, answer)
    }
    const show = await shown(
      session,
      [...known.values()].filter((jid) => jid !== null),
    )
    const nobody = { contactId: null, lid: null }
    return {
      data: {
        results: body.numbers.map(({ input, digits: number }): NumberResult => {
          if (number === undefined)
            return { input, number: null, exists: false, ...nobody, reason: 'NOT_A_NUMBER' }
          const answer = known.get(number)
          if (answer === undefined) {
            const reason = retryAfterMs === undefined ? 'NO_ANSWER' : 'ASKED_TOO_OFTEN'
            return { input, number, exists: null, ...nobody, reason }
          }
          if (answer === null) return { input, number, exists: false, ...nobody, reason: null }
          const { id, lid } = show(answer)
          return { input, number, exists: true, contactId: isPn(id) ? id : pnOf(number), lid, reason: null }
        }),
        retryAfter: retryAfterMs === undefined ? null : Math.ceil(retryAfterMs / 1000),
      },
    }
  })

  http.serve(endpoints.getPicture, async ({ params, query, ownerId, baseUrl }) => {
    const { session, jid } = await named(ownerId, params)
    const answer = await people.pictures.of(session, jid, { refresh: query.refresh ?? false })
    if (answer.is !== 'shown')
      throw new HubError('PICTURE_NOT_FOUND', { reason: answer.is === 'hidden' ? 'HIDDEN' : 'NONE' })
    const { id, media: file, readAt } = answer.picture
    const urlExpiresAt = clock.now() + media.settings.linkMs
    return {
      data: {
        contactId: (await shown(session, [jid]))(jid).id,
        pictureId: id,
        mediaId: file.id,
        url: media.links.linkTo(baseUrl, file.id, urlExpiresAt),
        urlExpiresAt: isoOf(urlExpiresAt),
        mimeType: file.mimetype,
        size: file.size,
        readAt: isoOf(readAt),
      },
    }
  })

  http.serve(endpoints.getAbout, async ({ params, query, ownerId }) => {
    const { session, jid } = await named(ownerId, params)
    const { text, isHidden, setAt, readAt } = await people.about(session, jid, {
      refresh: query.refresh ?? false,
    })
    return {
      data: {
        ...(await who(session, jid)),
        about: text,
        isHidden,
        setAt: setAt === undefined ? null : isoOf(setAt),
        readAt: isoOf(readAt),
      },
    }
  })

  http.serve(endpoints.getBusiness, async ({ params, query, ownerId }) => {
    const { session, jid } = await named(ownerId, params)
    const { profile, readAt } = await people.business(session, jid, { refresh: query.refresh ?? false })
    return {
      data: {
        ...(await who(session, jid)),
        isBusiness: profile !== undefined,
        business: profile === undefined ? null : businessWire(profile),
        readAt: isoOf(readAt),
      },
    }
  })

  http.serve(endpoints.listBlocked, async ({ params, ownerId }) => {
    const session = sessions.find(ownerId, params.sessionId, 'name_first')
    const jids = await people.blocking.list(session)
    const show = await shown(session, jids)
    const blocked = jids.map((jid) => {
      const { id, lid } = show(jid)
      return { contactId: id, lid }
    })
    return { data: { blocked, total: blocked.length } }
  })

  for (const [endpoint, isBlocked] of [
    [endpoints.blockContact, true],
    [endpoints.unblockContact, false],
  ] as const) {
    http.serve(endpoint, async ({ params, ownerId }) => {
      const { session, jid } = await named(ownerId, params)
      await people.blocking.set(session, jid, isBlocked)
      const { jid: canonical } = await named(ownerId, params)
      return {
        data: { ...(await who(session, canonical)), isBlocked },
        message: isBlocked ? 'contact_blocked' : 'contact_unblocked',
      }
    })
  }

  async function presenceWire(session: SessionView, jid: Jid, known: KnownPresence) {
    const at = (moment: number | undefined): string | null => (moment === undefined ? null : isoOf(moment))
    return {
      data: {
        ...(await who(session, jid)),
        state: known.state ?? null,
        stateAt: at(known.stateAt),
        lastSeen: at(known.lastSeenAt),
        watchedUntil: at(known.watchedUntil),
      },
    }
  }

  for (const [endpoint, act] of [
    [endpoints.watchPresence, 'watch'],
    [endpoints.getPresence, 'of'],
    [endpoints.unwatchPresence, 'unwatch'],
  ] as const) {
    http.serve(endpoint, async ({ params, ownerId }) => {
      const { session, jid } = await named(ownerId, params)
      const known = await people.presence[act](session, jid)
      // Asking may have told their LID.
      return presenceWire(session, (await named(ownerId, params)).jid, known)
    })
  }
}

/** A business profile as the API shows it. */
export function businessWire({ hours, websites, ...profile }: BusinessProfile): BusinessProfileWire {
  return {
    ...profile,
    websites: [...websites],
    hours:
      hours === undefined
        ? null
        : {
            timezone: hours.timezone,
            days: hours.days.map(({ day, mode, open, close }) => ({
              day,
              mode,
              open: open ?? null,
              close: close ?? null,
            })),
          },
  }
}
