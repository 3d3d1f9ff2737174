import { endpoints, type EventType } from '@inbox-hub/contract'
import { describe, expect, test } from 'vitest'

import { eventually, type Hub, type PairedSession, postgresUrl, startHub } from './harness.ts'

const stores = (await postgresUrl()) === undefined ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)
const ana = '+12025550123'
const ben = '+12025550124'
const jidOf = (number: string): string => `${number.slice(1)}@s.whatsapp.net`

/** A JPEG by its first bytes, which is all that anybody here looks at. */
const jpeg = (mark: string): Buffer => Buffer.concat([Buffer.from('ffd8ffe0', 'hex'), Buffer.from(mark)])

/** The API of one session's people. */
function peopleOf(hub: Hub, { sessionId }: Pick<PairedSession, 'sessionId'>) {
  const params = { sessionId }
  const of = (contactId: string) => ({ params: { ...params, contactId } })
  return {
    check: (numbers: unknown) => hub.api.call(endpoints.checkNumbers, { params, body: { numbers } }),
    picture: (who: string, query: Record<string, boolean> = {}) =>
      hub.api.call(endpoints.getPicture, { ...of(who), query }),
    about: (who: string, query: Record<string, boolean> = {}) =>
      hub.api.call(endpoints.getAbout, { ...of(who), query }),
    business: (who: string) => hub.api.call(endpoints.getBusiness, of(who)),
    info: (who: string) => hub.api.call(endpoints.getContactInfo, of(who)),
    blocked: () => hub.api.call(endpoints.listBlocked, { params }),
    block: (who: string) => hub.api.call(endpoints.blockContact, of(who)),
    unblock: (who: string) => hub.api.call(endpoints.unblockContact, of(who)),
    watch: (who: string) => hub.api.call(endpoints.watchPresence, of(who)),
    presence: (who: string) => hub.api.call(endpoints.getPresence, of(who)),
    unwatch: (who: string) => hub.api.call(endpoints.unwatchPresence, of(who)),
  }
}

/** The events of one type that a session told, once there are `count`. */
async function told(hub: Hub, { sessionId }: Pick<PairedSession, 'sessionId'>, type: EventType, count = 1) {
  return eventually(
    async () => {
      const { events } = await hub.api.call(endpoints.listEvents, {
        query: { sessionId, types: type, limit: 1000 },
      })
      return events.length >= count ? events.map(({ data }) => data) : undefined
    },
    () => `${sessionId} did not tell ${count} ${type}`,
  )
}

async function stopped(hub: Hub, session: PairedSession): Promise<void> {
  await hub.api.call(endpoints.disconnectSession, { params: { ref: session.sessionId } })
  await session.reaches('stopped')
}

describe.each(stores)('people on %s', (store) => {
  test('numbers are checked in one question, in the spelling that exists, and remembered', async () => {
    await using hub = await startHub({ store })
    const session = await hub.pairSession('support')
    const people = peopleOf(hub, session)
    hub.emulator.account(ben).setRegistered(false)
    const { results, retryAfter } = await people.check([ana, `${ben.slice(1)}@c.us`, 'nobody', Number(ana)])
    const found = { exists: true, contactId: jidOf(ana), lid: hub.emulator.addresses(ana).lid, reason: null }
    expect(results).toEqual([
      { input: ana, number: ana.slice(1), ...found },
      {
        input: `${ben.slice(1)}@c.us`,
        number: ben.slice(1),
        exists: false,
        contactId: null,
        lid: null,
        reason: null,
      },
      { input: 'nobody', number: null, exists: false, contactId: null, lid: null, reason: 'NOT_A_NUMBER' },
      { input: ana.slice(1), number: ana.slice(1), ...found },
    ])
    expect(retryAfter).toBeNull()
    const named = { status: 400, code: 'VALIDATION_ERROR', details: { numbers: expect.any(String) } }
    await expect(people.check([])).rejects.toMatchObject(named)
    await expect(people.check(Array.from({ length: 51 }, () => ana))).rejects.toMatchObject(named)
    for (let asked = 1; asked < 10; asked++) await people.check(`1202555010${asked}`)
    const late = await people.check(['12025550111', ana])
    expect(late.results).toMatchObject([{ exists: null, reason: 'ASKED_TOO_OFTEN' }, { exists: true }])
    expect(late.retryAfter).toBeGreaterThan(0)
    await stopped(hub, session)
    expect((await people.check(ana)).results).toMatchObject([{ exists: true }])
    await expect(people.check('12025550112')).rejects.toMatchObject({ code: 'SESSION_NOT_CONNECTED' })
  })

  test('a picture is fetched once, given out without a key, and fetched again when it is another', async () => {
    await using hub = await startHub({ store })
    const session = await hub.pairSession('support')
    const people = peopleOf(hub, session)
    const phone = hub.emulator.phone(ana)
    await phone.delivered(phone.sends(session, 'Hi'))
    await hub.webhook.received('message.received')

    await expect(people.picture(ana)).rejects.toMatchObject({
      status: 404,
      code: 'PICTURE_NOT_FOUND',
      details: { reason: 'NONE' },
    })
    phone.profile.picture(jpeg('first'))
    const [first] = await told(hub, session, 'contact.picture')
    expect(first).toMatchObject({ contactId: jidOf(ana), lid: phone.lid, pictureId: expect.any(String) })
    const shown = await people.picture(ana)
    expect(shown).toMatchObject({
      contactId: jidOf(ana),
      pictureId: first?.['pictureId'],
      mimeType: 'image/jpeg',
    })
    const bytes = async (url: string): Promise<Buffer> => Buffer.from(await (await fetch(url)).arrayBuffer())
    expect(await bytes(shown.url)).toEqual(jpeg('first'))
    expect(await people.picture(ana)).toMatchObject({ mediaId: shown.mediaId })
    const { imgUrl, profilePicUrl } = await people.info(ana)
    expect(await bytes(imgUrl ?? '')).toEqual(jpeg('first'))
    expect(profilePicUrl).not.toBeNull()
    const { contacts } = await hub.api.call(endpoints.listContacts, { params: { sessionId: 'support' } })
    expect(contacts.map(({ imgUrl: url }) => url !== null)).toEqual([true])
    const { chats } = await hub.api.call(endpoints.listChats, { params: { sessionId: 'support' } })
    expect(chats.map(({ profilePicture }) => profilePicture !== null)).toEqual([true])

    phone.profile.picture(jpeg('second'))
    await told(hub, session, 'contact.picture', 2)
    const next = await people.picture(ana)
    expect(await bytes(next.url)).toEqual(jpeg('second'))
    await expect(fetch(shown.url)).resolves.toMatchObject({ status: 404 })
    phone.profile.picture(undefined)
    await told(hub, session, 'contact.picture', 3)
    await expect(people.picture(ana)).rejects.toMatchObject({ details: { reason: 'NONE' } })
    expect(await people.info(ana)).toMatchObject({ imgUrl: null })

    const other = hub.emulator.phone(ben)
    other.profile.picture(jpeg('ben'))
    other.profile.privacy('profile', 'none')
    await expect(people.picture(ben)).rejects.toMatchObject({ details: { reason: 'HIDDEN' } })

    const { jid } = hub.emulator.group('Team', [ana, session.number])
    phone.profile.groupPicture(jid, jpeg('team'))
    const updates = await told(hub, session, 'group.updated')
    expect(updates).toMatchObject([{ groupId: jid, changes: { pictureId: expect.any(String) } }])
    expect(await bytes((await people.picture(jid)).url)).toEqual(jpeg('team'))
    await expect(people.picture('120363000000000999@g.us')).rejects.toMatchObject({
      code: 'PICTURE_NOT_FOUND',
    })
    await stopped(hub, session)
    expect(await people.picture(jid)).toMatchObject({ mimeType: 'image/jpeg' })
    await expect(people.picture('12025550177')).rejects.toMatchObject({ code: 'SESSION_NOT_CONNECTED' })
  })

  test('what WhatsApp refuses, does not answer or gives out broken is an error of the caller, and what is known stays', async () => {
    await using hub = await startHub({ store })
    const session = await hub.pairSession('support')
    const people = peopleOf(hub, session)
    const phone = hub.emulator.phone(ana)
    const account = hub.emulator.account(session.number)
    phone.profile.picture(Buffer.from('no picture at all'))
    await expect(people.picture(ana)).rejects.toMatchObject({
      status: 400,
      code: 'WHATSAPP_ERROR',
      details: { reason: 'PICTURE_NOT_LOADED' },
    })
    hub.emulator.media.onDownloads({ kind: 'status', status: 503 })
    await expect(people.picture(ana)).rejects.toMatchObject({ details: { reason: 'PICTURE_NOT_LOADED' } })
    account.onQueries({ query: 'w:profile:picture get', answer: { code: 429, text: 'slow down' } })
    await expect(people.picture(ana)).rejects.toMatchObject({
      details: { reason: 'TOO_MANY_REQUESTS', status: 429 },
    })
    phone.profile.picture(jpeg('good'))
    await told(hub, session, 'contact.picture')
    expect(await people.picture(ana)).toMatchObject({ size: jpeg('good').length })
    phone.profile.picture(jpeg('newer'))
    await told(hub, session, 'contact.picture', 2)
    account.onQueries({ query: 'w:profile:picture get', answer: { code: 500, text: 'fault' } })
    expect(await people.picture(ana)).toMatchObject({ size: jpeg('good').length })
    expect(await people.picture(ana)).toMatchObject({ size: jpeg('newer').length })
  })

  test('about and business profiles are read once, hidden ones said so, and changes told', async () => {
    await using hub = await startHub({ store })
    const session = await hub.pairSession('support')
    const people = peopleOf(hub, session)
    const phone = hub.emulator.phone(ana)
    // Which makes their LID known, under which WhatsApp tells of them.
    await people.check([ana, ben])
    expect(await people.about(ana)).toMatchObject({ about: null, isHidden: false, setAt: null })
    phone.profile.about('At work')
    expect(await told(hub, session, 'contact.about')).toMatchObject([
      { contactId: jidOf(ana), about: 'At work' },
    ])
    expect(await people.about(ana)).toMatchObject({ about: 'At work', isHidden: false })
    hub.emulator.phone(ben).profile.about('Nothing for you')
    hub.emulator.phone(ben).profile.privacy('status', 'none')
    expect(await people.about(ben)).toMatchObject({ about: null, isHidden: true })

    expect(await people.business(ana)).toMatchObject({ isBusiness: false, business: null })
    const profile = {
      description: 'Bread and cakes',
      address: '1 Main Street',
      email: 'hello@example.com',
      websites: ['https://example.com', 'https://shop.example.com'],
      category: 'Bakery',
      hours: {
        timezone: 'Europe/Madrid',
        days: [
          { day: 'mon', mode: 'specific_hours' as const, open: 540, close: 1080 },
          { day: 'sun', mode: 'open_24h' as const },
        ],
      },
    }
    phone.profile.business({ profile, products: [], collections: [], orders: [] })
    const business = await eventually(
      async () => {
        const answer = await people.business(ana)
        return answer.isBusiness ? answer.business : undefined
      },
      () => 'the business was not seen',
    )
    expect(business).toEqual({
      ...profile,
      hours: {
        timezone: 'Europe/Madrid',
        days: [
          { day: 'mon', mode: 'specific_hours', open: 540, close: 1080 },
          { day: 'sun', mode: 'open_24h', open: null, close: null },
        ],
      },
    })
    expect(await people.info(ana)).toMatchObject({
      about: 'At work',
      status: 'At work',
      isBusiness: true,
      businessProfile: {
        description: 'Bread and cakes',
        website: 'https://example.com',
        email: 'hello@example.com',
      },
    })
    await stopped(hub, session)
    expect(await people.about(ana)).toMatchObject({ about: 'At work' })
    await expect(people.about('12025550177')).rejects.toMatchObject({ code: 'SESSION_NOT_CONNECTED' })
    await expect(people.about('120363000000000001@g.us')).rejects.toMatchObject({
      code: 'VALIDATION_ERROR',
      details: { contactId: expect.any(String) },
    })
  })

  test('who is blocked is one list here and on the phone, and each change is told once', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const session = await hub.pairSession('support')
    const people = peopleOf(hub, session)
    const { lid } = hub.emulator.addresses(ana)
    session.phone.profile.block(ben, true)
    await told(hub, session, 'contact.blocked')
    expect(await people.blocked()).toMatchObject({ total: 1 })
    expect(await people.block(ana)).toEqual({ contactId: jidOf(ana), lid, isBlocked: true })
    expect(await people.blocked()).toMatchObject({ total: 2 })
    expect(await people.info(ana)).toMatchObject({ isBlocked: true })
    const phone = hub.emulator.phone(ana)
    phone.sends(session, 'Can you hear me?')
    expect(await people.unblock(ana)).toMatchObject({ isBlocked: false })
    phone.sends(session, 'And now?')
    const [received] = await hub.webhook.received('message.received')
    expect(received?.data).toMatchObject({ text: 'And now?' })
    session.phone.profile.block(ben, false)
    await told(hub, session, 'contact.unblocked', 2)
    session.phone.profile.block(ben, true)
    const blocked = await told(hub, session, 'contact.blocked', 3)
    expect(blocked[1]).toMatchObject({ contactId: jidOf(ana), lid, isBlocked: true })
    expect(await people.blocked()).toMatchObject({ total: 1 })
    hub.emulator.account(session.number).onQueries({
      query: 'blocklist set',
      answer: { code: 406, text: 'not-acceptable' },
    })
    await expect(people.block(ana)).rejects.toMatchObject({
      status: 400,
      code: 'WHATSAPP_ERROR',
      details: { reason: 'NOT_ACCEPTABLE', status: 406 },
    })
    hub.emulator.account('+12025550166').setRegistered(false)
    await expect(people.block('+12025550166')).rejects.toMatchObject({
      details: { reason: 'NUMBER_NOT_ON_WHATSAPP' },
    })
    await stopped(hub, session)
    expect(await people.blocked()).toMatchObject({ total: 1 })
    await expect(people.block(ana)).rejects.toMatchObject({ code: 'SESSION_NOT_CONNECTED' })
  })

  test('the presence of a watched contact is told, with when they were last seen, also after a reconnect', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const session = await hub.pairSession('support')
    const people = peopleOf(hub, session)
    const phone = hub.emulator.phone(ana)
    expect(await people.presence(ana)).toMatchObject({ state: null, lastSeen: null, watchedUntil: null })
    expect(await people.watch(ana)).toMatchObject({ contactId: jidOf(ana), watchedUntil: expect.any(String) })
    phone.appears('available')
    await told(hub, session, 'presence.update')
    phone.types(session)
    await told(hub, session, 'presence.update', 2)
    phone.appears('unavailable')
    const updates = await told(hub, session, 'presence.update', 3)
    expect(updates.map(({ state }) => state)).toEqual(['available', 'composing', 'unavailable'])
    expect(updates[2]).toMatchObject({
      contactId: jidOf(ana),
      chatId: jidOf(ana),
      lastSeen: expect.any(Number),
    })
    expect(await people.presence(ana)).toMatchObject({ state: 'unavailable', lastSeen: expect.any(String) })
    expect((await people.info(ana)).lastSeen).not.toBeNull()
    await hub.webhook.received('presence.update', 3)

    await hub.restart()
    await session.reaches('online')
    phone.appears('available')
    const again = await eventually(
      async () => {
        phone.appears('available')
        const known = await people.presence(ana)
        return known.state === 'available' ? known : undefined
      },
      () => 'the presence was not told after the restart',
    )
    expect(again.watchedUntil).not.toBeNull()
    expect(await people.unwatch(ana)).toMatchObject({ state: null, watchedUntil: null })
    await stopped(hub, session)
    expect((await people.presence(ana)).lastSeen).not.toBeNull()
    await expect(people.watch(ana)).rejects.toMatchObject({ code: 'SESSION_NOT_CONNECTED' })
  })
})
