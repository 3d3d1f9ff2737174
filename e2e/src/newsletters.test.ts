import { endpoints, type EventType } from '@inbox-hub/contract'
import { describe, expect, test } from 'vitest'

import { eventually, type Hub, type PairedSession, postgresUrl, startHub } from './harness.ts'

const stores = (await postgresUrl()) === undefined ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)
const ana = '+12025550123'
const ben = '+12025550124'
const jpeg = Buffer.from('ffd8ffe000104a4649460001', 'hex').toString('base64')

/** The API of one session's newsletters. */
function newslettersOf(hub: Hub, { sessionId }: Pick<PairedSession, 'sessionId'>) {
  const params = { sessionId }
  type OnOne =
    | 'getNewsletter'
    | 'followNewsletter'
    | 'unfollowNewsletter'
    | 'muteNewsletter'
    | 'unmuteNewsletter'
  const of = (newsletterId: string) => ({ params: { ...params, newsletterId } })
  return {
    list: (query: Record<string, string> = {}) => hub.api.call(endpoints.listNewsletters, { params, query }),
    create: async (body: object) =>
      (await hub.api.call(endpoints.createNewsletter, { params, body })).newsletter,
    invited: async (inviteCode: string) =>
      (await hub.api.call(endpoints.getInvitedNewsletter, { params: { ...params, inviteCode } })).newsletter,
    on: async (name: OnOne, id: string) => (await hub.api.call(endpoints[name], of(id))).newsletter,
    update: async (id: string, body: object) =>
      (await hub.api.call(endpoints.updateNewsletter, { ...of(id), body })).newsletter,
    remove: (id: string) => hub.api.call(endpoints.deleteNewsletter, of(id)),
    messages: (id: string) => hub.api.call(endpoints.listNewsletterMessages, of(id)),
    fetch: async (id: string, body: object = {}) =>
      (await hub.api.call(endpoints.fetchNewsletterMessages, { ...of(id), body })).messages,
    post: async (id: string, message: string, headers: Record<string, string> = {}) =>
      (await hub.api.call(endpoints.postNewsletterMessage, { ...of(id), body: { message }, headers }))
        .message,
    take: (id: string, serverId: string) =>
      hub.api.call(endpoints.deleteNewsletterMessage, { params: { ...params, newsletterId: id, serverId } }),
    react: (id: string, serverId: string, reaction: string) =>
      hub.api.call(endpoints.addNewsletterReaction, {
        params: { ...params, newsletterId: id, serverId },
        body: { reaction },
      }),
    unreact: (id: string, serverId: string) =>
      hub.api.call(endpoints.removeNewsletterReaction, { params: { ...params, newsletterId: id, serverId } }),
    live: (id: string) => hub.api.call(endpoints.followNewsletterLive, of(id)),
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

describe.each(stores)('newsletters on %s', (store) => {
  test('one that is followed tells its messages, once, and what becomes of them', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const session = await hub.pairSession('shop')
    const api = newslettersOf(hub, session)
    const news = hub.emulator.newsletter('Noticias del Barrio', ana)
    const before = news.posts('From before')
    expect(await api.list()).toMatchObject({ newsletters: [], total: 0 })
    const found = await api.invited(`https://whatsapp.com/channel/${news.invite}`)
    expect(found).toMatchObject({
      id: news.jid,
      name: 'Noticias del Barrio',
      role: 'guest',
      isFollowed: false,
      subscriberCount: 1,
      inviteUrl: `https://whatsapp.com/channel/${news.invite}`,
    })
    expect(await api.on('followNewsletter', news.jid)).toMatchObject({ role: 'subscriber', isFollowed: true })
    expect(news.followers).toContain(session.number)
    expect(await api.on('muteNewsletter', news.jid)).toMatchObject({ isMuted: true })
    expect(await api.on('unmuteNewsletter', news.jid)).toMatchObject({ isMuted: false })
    expect(await api.list({ search: 'noticias' })).toMatchObject({
      total: 1,
      newsletters: [{ id: news.jid }],
    })

    const serverId = news.posts('New opening hours')
    expect(await told(hub, session, 'newsletter.message')).toMatchObject([
      { newsletterId: news.jid, serverId: String(serverId), text: 'New opening hours', type: 'text' },
    ])
    // What was there before is fetched, and told to nobody.
    const fetched = await api.fetch(news.jid, { count: 10 })
    expect(fetched.map(({ content }) => content)).toEqual(['New opening hours', 'From before'])
    expect(
      (await api.fetch(news.jid, { count: '10', before: serverId })).map((each) => each.serverId),
    ).toEqual([String(before)])
    expect(await api.messages(news.jid)).toMatchObject({ total: 2 })

    expect((await api.live(news.jid)).seconds).toBe(300)
    news.seen(serverId, 12)
    news.reacts(ben, serverId, '💚')
    expect(await told(hub, session, 'newsletter.counts', 2)).toMatchObject([
      { serverId: String(serverId), views: 12, reactions: [] },
      { serverId: String(serverId), views: 12, reactions: [{ emoji: '💚', count: 1 }] },
    ])
    await api.react(news.jid, String(serverId), '🔥')
    expect(news.texts.at(-1)?.reactions).toEqual(['💚', '🔥'])
    expect((await api.messages(news.jid)).messages[0]).toMatchObject({ myReaction: '🔥' })
    await api.unreact(news.jid, String(serverId))
    expect(news.texts.at(-1)?.reactions).toEqual(['💚'])

    news.renames('Noticias')
    // What we are in it, and whoever changes it.
    expect((await told(hub, session, 'newsletter.updated', 4)).map(({ changes }) => changes)).toEqual([
      { role: 'subscriber' },
      { isMuted: true },
      { isMuted: false },
      { name: 'Noticias' },
    ])
    news.deletes(serverId)
    await eventually(
      async () => (await api.messages(news.jid)).messages[0]?.deletedAt ?? undefined,
      () => 'the message was not taken back',
    )
    // While the hub is away they wait for it, and no message is told twice.
    await hub.stop()
    news.posts('While you were out')
    await hub.start()
    expect((await told(hub, session, 'newsletter.message', 2)).map(({ text }) => text)).toEqual([
      'New opening hours',
      'While you were out',
    ])
    await session.reaches('online')
    expect(await api.on('unfollowNewsletter', news.jid)).toMatchObject({ isFollowed: false })
    expect(await api.list()).toMatchObject({ total: 0 })
    // Nothing of it is a chat or a message.
    const params = { sessionId: session.sessionId }
    expect(await hub.api.call(endpoints.listChats, { params })).toMatchObject({ total: 0 })
    expect(await hub.api.call(endpoints.listMessages, { params })).toMatchObject({ total: 0 })
  })

  test('one of our own is made, changed, written in once per key, and deleted', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const session = await hub.pairSession('shop')
    const api = newslettersOf(hub, session)
    const made = await api.create({ name: 'Shop', description: 'What is new', picture: jpeg })
    expect(made).toMatchObject({ name: 'Shop', description: 'What is new', role: 'owner', isFollowed: true })
    expect(made.pictureUrl).toMatch(/^https:\/\/pps\.whatsapp\.net\//)
    const news = hub.emulator.newsletterAt(made.id)
    news.follows(ben)
    expect(await api.update(made.id, { name: 'The shop', description: '', picture: '' })).toMatchObject({
      name: 'The shop',
      description: null,
      pictureUrl: null,
      subscriberCount: 2,
    })
    expect([news.name, news.description, news.hasPicture]).toEqual(['The shop', '', false])

    const posted = await api.post(made.id, 'Open until eight', { 'idempotency-key': 'post-1' })
    expect(posted).toMatchObject({ content: 'Open until eight', fromMe: true, status: 'sent', views: 0 })
    expect(posted.serverId).toMatch(/^\d+$/)
    expect(await api.post(made.id, 'Open until eight', { 'idempotency-key': 'post-1' })).toMatchObject({
      messageId: posted.messageId,
    })
    await expect(api.post(made.id, 'Other', { 'idempotency-key': 'post-1' })).rejects.toMatchObject({
      status: 409,
      code: 'IDEMPOTENCY_CONFLICT',
    })
    expect(news.texts.map(({ text }) => text)).toEqual(['Open until eight'])
    expect(await told(hub, session, 'newsletter.posted')).toMatchObject([{ messageId: posted.messageId }])
    await api.take(made.id, String(posted.serverId))
    expect(news.texts).toEqual([])
    expect((await api.messages(made.id)).messages).toMatchObject([
      { content: '', deletedAt: expect.any(String) },
    ])
    expect(await api.remove(made.id)).toEqual({ id: made.id, deleted: true })
    await expect(api.on('getNewsletter', made.id)).rejects.toMatchObject({ code: 'NEWSLETTER_NOT_FOUND' })
    expect(await api.list()).toMatchObject({ total: 0 })
  })
})

test('bad input about newsletters is answered with its own code', async () => {
  await using hub = await startHub()
  const session = await hub.pairSession('shop')
  const api = newslettersOf(hub, session)
  const nobody = '120363199999999999@newsletter'
  for (const name of ['getNewsletter', 'followNewsletter', 'muteNewsletter'] as const)
    await expect(api.on(name, nobody)).rejects.toMatchObject({ status: 404, code: 'NEWSLETTER_NOT_FOUND' })
  await expect(api.invited('NobodyHasThisCode')).rejects.toMatchObject({ code: 'NEWSLETTER_NOT_FOUND' })
  await expect(api.fetch(nobody)).rejects.toMatchObject({ code: 'NEWSLETTER_NOT_FOUND' })
  await expect(api.react(nobody, '1', '💚')).rejects.toMatchObject({ status: 404, code: 'MESSAGE_NOT_FOUND' })
  const theirs = hub.emulator.newsletter('Theirs', ana)
  const serverId = String(theirs.posts('Hello'))
  await api.on('followNewsletter', theirs.jid)
  await api.fetch(theirs.jid)
  for (const refused of [
    () => api.update(theirs.jid, { name: 'Mine' }),
    () => api.remove(theirs.jid),
    () => api.take(theirs.jid, serverId),
    () => api.post(theirs.jid, 'Mine'),
  ])
    await expect(refused()).rejects.toMatchObject({ status: 403, code: 'NOT_NEWSLETTER_ADMIN' })
  await expect(api.take(theirs.jid, '999')).rejects.toMatchObject({ code: 'MESSAGE_NOT_FOUND' })
  for (const bad of [
    () => api.on('getNewsletter', '12025550123@s.whatsapp.net'),
    () => api.create({}),
    () => api.create({ name: 'x', picture: 'not base64!' }),
    () => api.post(theirs.jid, ''),
    () => api.fetch(theirs.jid, { count: 0 }),
    () => api.react(theirs.jid, 'abc', '💚'),
  ])
    await expect(bad()).rejects.toMatchObject({ status: 400, code: 'VALIDATION_ERROR' })
  hub.emulator.account(session.number).onQueries({ query: 'w:mex', answer: { code: 429, text: 'slow down' } })
  await expect(api.on('getNewsletter', theirs.jid)).rejects.toMatchObject({
    code: 'WHATSAPP_ERROR',
    details: { reason: 'TOO_MANY_REQUESTS' },
  })
  session.phone.unlink()
  await session.reaches('disconnected')
  expect(await api.on('getNewsletter', theirs.jid)).toMatchObject({ name: 'Theirs' })
  await expect(api.on('followNewsletter', theirs.jid)).rejects.toMatchObject({
    code: 'SESSION_NOT_CONNECTED',
  })
})
