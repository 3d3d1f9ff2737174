import { endpoints, isoOf, type OwnProfileWire, type PrivacyWire } from '@inbox-hub/contract'

import type { Media } from '../media/index.ts'
import { businessWire, type People } from '../people/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { Http } from '../platform/http/index.ts'
import type { BusinessProfile } from '../sessions/baileys/index.ts'
import type { SessionLifecycle, SessionView } from '../sessions/index.ts'
import type { Profiles } from './index.ts'
import { type AccountSettings, categories } from './settings.ts'

export interface ProfileRoutesDeps {
  sessions: Pick<SessionLifecycle, 'find' | 'record'>
  people: Pick<People, 'presence'>
  profiles: Profiles
  media: Pick<Media, 'links' | 'settings'>
  clock: Clock
}

/** What an account shows of itself, and to whom. */
export function profileRoutes(
  http: Pick<Http, 'serve'>,
  { sessions, people, profiles, media, clock }: ProfileRoutesDeps,
): void {
  const find = (ownerId: number, ref: string): SessionView => sessions.find(ownerId, ref, 'number_first')

  async function wire(
    session: SessionView,
    { refresh, baseUrl }: { refresh: boolean; baseUrl: string },
  ): Promise<{ profile: OwnProfileWire }> {
    const { about, picture, business, appearsOnline } = await profiles.read(session, { refresh })
    const record = sessions.record(session.ownerId, session.sessionId, 'name_first')
    const link = (mediaId: string): string =>
      media.links.linkTo(baseUrl, mediaId, clock.now() + media.settings.linkMs)
    return {
      profile: {
        name: record.me?.name ?? null,
        about: about.text,
        aboutSetAt: about.setAt === undefined ? null : isoOf(about.setAt),
        profilePictureUrl: picture === undefined ? null : link(picture.mediaId),
        pictureId: picture?.id ?? null,
        isBusiness: business.profile !== undefined,
        business: business.profile === undefined ? null : businessWire(business.profile),
        appearsOnline,
        readAt: isoOf(Math.min(about.readAt, business.readAt)),
      },
    }
  }

  http.serve(endpoints.getOwnProfile, async ({ params, query, ownerId, baseUrl }) => ({
    data: await wire(find(ownerId, params.ref), { refresh: query.refresh ?? false, baseUrl }),
  }))

  http.serve(endpoints.updateOwnProfile, async ({ params, body, ownerId, baseUrl }) => {
    const session = find(ownerId, params.ref)
    await profiles.update(session, { name: body.name, about: body.about })
    return { data: await wire(session, { refresh: false, baseUrl }), message: 'profile_saved' }
  })

  http.serve(endpoints.setProfilePicture, async ({ params, body, ownerId, language, signal }) => {
    const id = await profiles.setPicture(find(ownerId, params.ref), undefined, body, { language, signal })
    return { data: { pictureId: id ?? null }, message: 'picture_saved' }
  })

  http.serve(endpoints.removeProfilePicture, async ({ params, ownerId, language, signal }) => {
    await profiles.setPicture(find(ownerId, params.ref), undefined, undefined, { language, signal })
    return { data: { pictureId: null }, message: 'picture_removed' }
  })

  http.serve(endpoints.setGroupPicture, async ({ params, body, ownerId, language, signal }) => {
    const session = sessions.find(ownerId, params.sessionId, 'name_first')
    const id = await profiles.setPicture(session, params.groupId, body, { language, signal })
    return { data: { pictureId: id ?? null }, message: 'picture_saved' }
  })

  http.serve(endpoints.removeGroupPicture, async ({ params, ownerId, language, signal }) => {
    const session = sessions.find(ownerId, params.sessionId, 'name_first')
    await profiles.setPicture(session, params.groupId, undefined, { language, signal })
    return { data: { pictureId: null }, message: 'picture_removed' }
  })

  http.serve(endpoints.updateBusinessProfile, async ({ params, body, ownerId, baseUrl }) => {
    const session = find(ownerId, params.ref)
    const { hours, ...texts } = body
    const given = Object.entries(texts).filter(([, value]) => value !== undefined)
    // Fields that were left out are gone, as the type says.
    const changes = Object.fromEntries(given) as Partial<BusinessProfile>
    const days = hours?.days.map(({ day, mode, open, close }) => ({ day, mode, open, close }))
    await profiles.updateBusiness(session, {
      ...changes,
      ...(hours !== undefined && days !== undefined && { hours: { timezone: hours.timezone, days } }),
    })
    return { data: await wire(session, { refresh: false, baseUrl }), message: 'profile_saved' }
  })

  http.serve(endpoints.setAppearance, async ({ params, body, ownerId }) => {
    await people.presence.appear(find(ownerId, params.ref), body.available)
    return { data: { available: body.available }, message: 'profile_saved' }
  })

  http.serve(endpoints.getPrivacy, async ({ params, ownerId }) => ({
    data: { privacy: privacyWire(await profiles.settings(find(ownerId, params.ref))) },
  }))

  http.serve(endpoints.setPrivacy, async ({ params, body, ownerId }) => {
    const { defaultDisappearingSeconds: disappearing, ...wanted } = body
    const given = Object.entries(wanted).filter(([, value]) => value !== undefined)
    // Fields that were left out are gone; the others are the table's.
    const chosen = Object.fromEntries(given) as Partial<Record<keyof typeof categories, string>>
    const settings = await profiles.setSettings(find(ownerId, params.ref), {
      categories: chosen,
      disappearing,
    })
    return { data: { privacy: privacyWire(settings) }, message: 'profile_saved' }
  })
}

function privacyWire({ privacy, disappearing, readAt }: AccountSettings): PrivacyWire {
  const value = (name: keyof typeof categories): string | null => privacy[categories[name]] ?? null
  return {
    lastSeen: value('lastSeen'),
    online: value('online'),
    picture: value('picture'),
    about: value('about'),
    readReceipts: value('readReceipts'),
    groupAdd: value('groupAdd'),
    callAdd: value('callAdd'),
    messages: value('messages'),
    defaultDisappearingSeconds: disappearing,
    readAt: isoOf(readAt),
  }
}
