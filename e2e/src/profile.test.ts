import { endpoints, type EventType } from '@inbox-hub/contract'
import { describe, expect, test } from 'vitest'

import { eventually, type Hub, type PairedSession, postgresUrl, startHub } from './harness.ts'

const stores = (await postgresUrl()) === undefined ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)
const ana = '+12025550123'
const ben = '+12025550124'

/** The smallest JPEG whose header says that it is 64 pixels square. */
const squareJpeg = Buffer.from('ffd8ffc0000b0800400040010111000000ffd9', 'hex')

/** The API of one session's profile. */
function profileOf(hub: Hub, { sessionId }: Pick<PairedSession, 'sessionId'>) {
  const params = { ref: sessionId }
  return {
    get: async (query: Record<string, boolean> = {}) =>
      (await hub.api.call(endpoints.getOwnProfile, { params, query })).profile,
    update: async (body: object) =>
      (await hub.api.call(endpoints.updateOwnProfile, { params, body })).profile,
    picture: (body: object) => hub.api.call(endpoints.setProfilePicture, { params, body }),
    removePicture: () => hub.api.call(endpoints.removeProfilePicture, { params }),
    business: async (body: object) =>
      (await hub.api.call(endpoints.updateBusinessProfile, { params, body })).profile,
    privacy: async () => (await hub.api.call(endpoints.getPrivacy, { params })).privacy,
    setPrivacy: async (body: object) => (await hub.api.call(endpoints.setPrivacy, { params, body })).privacy,
    appear: (available: unknown) => hub.api.call(endpoints.setAppearance, { params, body: { available } }),
    session: () => hub.api.call(endpoints.getSession, { params }),
  }
}

async function stopped(hub: Hub, session: PairedSession): Promise<void> {
  await hub.api.call(endpoints.disconnectSession, { params: { ref: session.sessionId } })
  await session.reaches('stopped')
}

async function told(hub: Hub, { sessionId }: Pick<PairedSession, 'sessionId'>, type: EventType, count = 1) {
  return eventually(
    async () => {
      const { events } = await hub.api.call(endpoints.listEvents, { query: { sessionId, types: type } })
      return events.length >= count ? events.map(({ data }) => data) : undefined
    },
    () => `${sessionId} did not tell ${count} ${type}`,
  )
}

describe.each(stores)('the own profile on %s', (store) => {
  test('name and about are changed here and shown there, and what the phone changes is shown here', async () => {
    await using hub = await startHub({ store })
    const session = await hub.pairSession('support')
    const profile = profileOf(hub, session)
    // The phone tells the name soon after it was linked.
    await eventually(
      async () => ((await profile.get()).name === session.phone.pushName ? true : undefined),
      () => 'the name was not told',
    )
    // Its first messages carry the name of then, and count until the last of them is taken.
    await eventually(
      () => (hub.emulator.account(session.number).owed === 0 ? true : undefined),
      () => 'what the phone sent at first was not taken',
    )
    expect(await profile.get()).toMatchObject({
      about: null,
      profilePictureUrl: null,
      isBusiness: false,
      appearsOnline: false,
    })
    const saved = await profile.update({ name: 'Support team', about: 'Mondays to Fridays' })
    expect(saved).toMatchObject({ name: 'Support team', about: 'Mondays to Fridays' })
    const customer = hub.emulator.phone(ana)
    await session.sends(customer, 'Hello')
    expect(await customer.receives('Hello')).toMatchObject({ pushName: 'Support team' })
    session.phone.profile.about('On holiday')
    await told(hub, session, 'contact.about')
    expect(await profile.get()).toMatchObject({ about: 'On holiday' })
    session.phone.setsPushName('Our shop')
    await eventually(
      async () => ((await profile.get()).name === 'Our shop' ? true : undefined),
      () => 'the new name was not shown',
    )
    expect((await profile.session()).profile).toMatchObject({ name: 'Our shop', about: 'On holiday' })
    expect(await profile.update({ about: '' })).toMatchObject({ about: null, name: 'Our shop' })
    hub.emulator
      .account(session.number)
      .onQueries({ query: 'status set', answer: { code: 429, text: 'slow down' } })
    await expect(profile.update({ name: 'Again', about: 'Too often' })).rejects.toMatchObject({
      status: 400,
      code: 'WHATSAPP_ERROR',
      details: { reason: 'TOO_MANY_REQUESTS', applied: 'name' },
    })
    expect(await profile.get()).toMatchObject({ name: 'Again', about: null })
    await stopped(hub, session)
    expect(await profile.get()).toMatchObject({ name: 'Again' })
    await expect(profile.update({ about: 'Away' })).rejects.toMatchObject({ code: 'SESSION_NOT_CONNECTED' })
  })

  test('a picture is set from a file, base64 or an address, cut to a square, and taken away', async () => {
    await using hub = await startHub({ store })
    const session = await hub.pairSession('support')
    const profile = profileOf(hub, session)
    const { pictureId } = await profile.picture({ base64: squareJpeg.toString('base64') })
    expect(pictureId).toEqual(expect.any(String))
    const shown = await profile.get()
    expect(shown).toMatchObject({ pictureId })
    const bytes = async (url: string | null): Promise<Buffer> =>
      Buffer.from(await (await fetch(url ?? '')).arrayBuffer())
    expect(await bytes(shown.profilePictureUrl)).toEqual(squareJpeg)
    const { profilePictureUrl } = await eventually(
      async () => {
        const { profile: seen } = await profile.session()
        return seen.profilePictureUrl === null ? undefined : seen
      },
      () => 'the session does not show the picture',
    )
    expect(await bytes(profilePictureUrl)).toEqual(squareJpeg)

    const { mediaId, url } = await hub.api.call(endpoints.importMedia, {
      body: { base64: squareJpeg.toString('base64') },
    })
    for (const source of [{ mediaId }, { url }]) {
      const next = await profile.picture(source)
      expect(next.pictureId).not.toBe(pictureId)
      expect(await profile.get()).toMatchObject({ pictureId: next.pictureId })
    }
    await profile.removePicture()
    expect(await profile.get()).toMatchObject({ pictureId: null, profilePictureUrl: null })

    const refused = (code: string, details: object = {}) =>
      expect.objectContaining({ code, details: expect.objectContaining(details) })
    const text = Buffer.from('no picture at all').toString('base64')
    await expect(profile.picture({ base64: text })).rejects.toEqual(
      refused('FILE_TYPE_MISMATCH', { type: 'image' }),
    )
    await expect(profile.picture({ base64: '*' })).rejects.toEqual(refused('VALIDATION_ERROR'))
    await expect(profile.picture({})).rejects.toEqual(
      refused('VALIDATION_ERROR', { url: expect.any(String) }),
    )
    await expect(profile.picture({ mediaId, url })).rejects.toEqual(refused('VALIDATION_ERROR'))
    await expect(profile.picture({ mediaId: 'nothing' })).rejects.toEqual(refused('MEDIA_NOT_FOUND'))
    await expect(profile.picture({ url: 'file:///etc/passwd' })).rejects.toEqual(refused('MEDIA_URL_REFUSED'))
    const broken = Buffer.concat([Buffer.from('ffd8ff', 'hex'), Buffer.from('and then nothing')])
    await expect(profile.picture({ base64: broken.toString('base64') })).rejects.toEqual(
      refused('MEDIA_BROKEN'),
    )
  })

  test('the picture of a group is set by its admins', async () => {
    await using hub = await startHub({ store })
    const session = await hub.pairSession('support')
    const set = (groupId: string, body: object) =>
      hub.api.call(endpoints.setGroupPicture, { params: { sessionId: 'support', groupId }, body })
    const picture = { base64: squareJpeg.toString('base64') }
    const { jid } = hub.emulator.group('Ours', [session.number, ana])
    const { pictureId } = await set(jid, picture)
    expect(
      await hub.api.call(endpoints.getPicture, { params: { sessionId: 'support', contactId: jid } }),
    ).toMatchObject({ pictureId })
    await hub.api.call(endpoints.removeGroupPicture, { params: { sessionId: 'support', groupId: jid } })
    await expect(
      hub.api.call(endpoints.getPicture, { params: { sessionId: 'support', contactId: jid } }),
    ).rejects.toMatchObject({ code: 'PICTURE_NOT_FOUND' })
    const theirs = hub.emulator.group('Theirs', [ana, ben])
    await expect(set(theirs.jid, picture)).rejects.toMatchObject({ status: 403, code: 'NOT_GROUP_ADMIN' })
    await expect(set('120363000000000999@g.us', picture)).rejects.toMatchObject({ code: 'GROUP_NOT_FOUND' })
  })

  test('privacy settings are one list here and on the phone', async () => {
    await using hub = await startHub({ store })
    const session = await hub.pairSession('support')
    const profile = profileOf(hub, session)
    expect(await profile.privacy()).toMatchObject({
      lastSeen: 'contacts',
      online: 'all',
      picture: 'contacts',
      about: 'contacts',
      readReceipts: 'all',
      groupAdd: 'all',
      callAdd: 'all',
      messages: 'all',
      defaultDisappearingSeconds: 0,
    })
    const wish = {
      lastSeen: 'none',
      readReceipts: 'none',
      callAdd: 'known',
      defaultDisappearingSeconds: '604800',
    }
    const changed = { ...wish, defaultDisappearingSeconds: 604_800 }
    expect(await profile.setPrivacy(wish)).toMatchObject({ ...changed, online: 'all' })
    session.phone.profile.privacy('online', 'match_last_seen')
    const seen = await eventually(
      async () => {
        const now = await profile.privacy()
        return now.online === 'match_last_seen' ? now : undefined
      },
      () => 'what the phone set was not seen',
    )
    expect(seen).toMatchObject(changed)
    await expect(
      profile.setPrivacy({ groupAdd: 'contacts', defaultDisappearingSeconds: 5 }),
    ).rejects.toMatchObject({
      status: 400,
      code: 'WHATSAPP_ERROR',
      details: { reason: 'BAD_REQUEST', applied: 'groupAdd' },
    })
    expect(await profile.privacy()).toMatchObject({ groupAdd: 'contacts' })
    await expect(profile.setPrivacy({ lastSeen: 'nobody', online: 'none' })).rejects.toMatchObject({
      code: 'VALIDATION_ERROR',
      details: { lastSeen: expect.any(String), online: expect.any(String) },
    })
    await stopped(hub, session)
    expect(await profile.privacy()).toMatchObject(changed)
    await expect(profile.setPrivacy({ lastSeen: 'all' })).rejects.toMatchObject({
      code: 'SESSION_NOT_CONNECTED',
    })
  })

  test('the account appears online when it is told to, also after a reconnect', async () => {
    await using hub = await startHub({ store })
    const session = await hub.pairSession('support')
    const other = await hub.pairSession('other')
    const profile = profileOf(hub, session)
    const watch = { params: { sessionId: 'other', contactId: session.number } }
    const state = async () => (await hub.api.call(endpoints.getPresence, watch)).state
    const becomes = (wanted: string) =>
      eventually(
        async () => ((await state()) === wanted ? true : undefined),
        () => `${session.sessionId} was never seen ${wanted}`,
      )
    await hub.api.call(endpoints.watchPresence, watch)
    await profile.appear('true')
    await becomes('available')
    expect(await profile.get()).toMatchObject({ appearsOnline: true })
    hub.emulator.account(session.number).disconnect()
    await told(hub, other, 'presence.update', 3)
    await becomes('available')
    await profile.appear(false)
    await becomes('unavailable')
    await expect(profile.appear('perhaps')).rejects.toMatchObject({ code: 'VALIDATION_ERROR' })
    await stopped(hub, session)
    await expect(profile.appear(true)).rejects.toMatchObject({ code: 'SESSION_NOT_CONNECTED' })
  })

  test('a business changes its profile, others have none', async () => {
    await using hub = await startHub({ store })
    const session = await hub.pairSession('support')
    const profile = profileOf(hub, session)
    await expect(profile.business({ description: 'Bread' })).rejects.toMatchObject({
      status: 409,
      code: 'NOT_A_BUSINESS',
    })
    session.phone.profile.business({
      profile: { description: 'Bread', email: 'old@example.com', websites: ['https://example.com/'] },
      products: [],
      collections: [],
      orders: [],
    })
    await eventually(
      async () => ((await profile.get()).isBusiness ? true : undefined),
      () => 'it did not become a business',
    )
    const hours = {
      timezone: 'Europe/Madrid',
      days: [{ day: 'mon', mode: 'specific_hours', open: '540', close: 1080 }],
    }
    const saved = await profile.business({ description: 'Bread and cakes', websites: [], hours })
    expect(saved.business).toMatchObject({
      description: 'Bread and cakes',
      email: 'old@example.com',
      websites: [],
      hours: {
        timezone: 'Europe/Madrid',
        days: [{ day: 'mon', mode: 'specific_hours', open: 540, close: 1080 }],
      },
    })
    expect((await profile.session()).profile).toMatchObject({ isBusiness: true })
    await expect(profile.business({ websites: ['ftp://example.com'] })).rejects.toMatchObject({
      code: 'VALIDATION_ERROR',
    })
  })
})
