import { endpoints, type EventType } from '@inbox-hub/contract'
import { describe, expect, test } from 'vitest'

import { eventually, type Hub, type PairedSession, postgresUrl, startHub } from './harness.ts'

const stores = (await postgresUrl()) === undefined ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)
const ana = '+12025550123'
const ben = '+12025550124'
const eva = '+12025550125'
const jidOf = (number: string): string => `${number.slice(1)}@s.whatsapp.net`

/** The API of one session's statuses. */
function statusesOf(hub: Hub, { sessionId }: Pick<PairedSession, 'sessionId'>) {
  const params = { sessionId }
  type OnOne =
    | 'getStatus'
    | 'viewStatus'
    | 'archiveStatus'
    | 'unarchiveStatus'
    | 'deleteStatus'
    | 'removeStatusReaction'
  return {
    list: (query: Record<string, string | number | boolean> = {}) =>
      hub.api.call(endpoints.listStatuses, { params, query }),
    active: () => hub.api.call(endpoints.listActiveStatuses, { params }),
    stats: async () => (await hub.api.call(endpoints.statusStats, { params })).stats,
    search: (q: string) => hub.api.call(endpoints.searchStatuses, { params, query: { q } }),
    post: async (body: object, headers: Record<string, string> = {}) =>
      (await hub.api.call(endpoints.postStatus, { params, body, headers })).status,
    get: async (statusId: string) =>
      (await hub.api.call(endpoints.getStatus, { params: { ...params, statusId } })).status,
    call: (name: OnOne, statusId: string) =>
      hub.api.call(endpoints[name], { params: { ...params, statusId } }),
    react: (statusId: string, reaction: string) =>
      hub.api.call(endpoints.addStatusReaction, { params: { ...params, statusId }, body: { reaction } }),
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

/** Every event of a session but those about itself. */
async function allTold(hub: Hub, { sessionId }: Pick<PairedSession, 'sessionId'>) {
  const { events } = await hub.api.call(endpoints.listEvents, { query: { sessionId, limit: 1000 } })
  return events.map(({ type }) => type).filter((type) => !type.startsWith('session.'))
}

describe.each(stores)('statuses on %s', (store) => {
  test('a status that somebody posts is kept beside the chats, seen, reacted to, and gone when taken back', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const session = await hub.pairSession('shop')
    const of = statusesOf(hub, session)
    const author = hub.emulator.phone(ana)
    author.setsPushName('Ana')
    const styled = {
      extendedTextMessage: {
        text: 'De vacaciones en Córdoba',
        backgroundArgb: 0xff1f7a4d,
        textArgb: 0xffffffff,
        font: 2,
      },
    }
    const posted = author.postsStatus(styled, [session.number])
    const [received] = await told(hub, session, 'status.received')
    expect(received).toMatchObject({
      statusId: posted.id,
      from: jidOf(ana),
      fromLid: author.lid,
      pushName: 'Ana',
      type: 'text',
      text: 'De vacaciones en Córdoba',
      backgroundColor: '#1F7A4D',
      textColor: '#FFFFFF',
      font: 2,
    })
    const status = await of.get(posted.id)
    expect(status).toMatchObject({
      id: posted.id,
      from: jidOf(ana),
      fromLid: author.lid,
      fromMe: false,
      isActive: true,
      isViewed: false,
      viewCount: 0,
      viewers: [],
      content: 'De vacaciones en Córdoba',
      backgroundColor: '#1F7A4D',
    })
    expect(Date.parse(status.expiresAt) - Date.parse(status.postedAt)).toBe(86_400_000)
    expect(await of.search('cordoba')).toMatchObject({ total: 1, statuses: [{ id: posted.id }] })
    expect(await of.search('sevilla')).toMatchObject({ total: 0 })
    expect(await of.list({ author: ana })).toMatchObject({ total: 1 })
    expect(await of.list({ author: ben })).toMatchObject({ total: 0 })
    expect(await of.list({ fromMe: true })).toMatchObject({ total: 0 })

    expect(await of.call('viewStatus', posted.id)).toMatchObject({ status: { isViewed: true } })
    await author.wasRead(posted)
    await of.react(posted.id, '💚')
    const heart = await author.receives((message) => message.message.reactionMessage?.text === '💚')
    expect(heart.message.reactionMessage?.key).toMatchObject({ id: posted.id, remoteJid: 'status@broadcast' })
    expect((await of.get(posted.id)).reactions).toMatchObject([{ emoji: '💚', fromMe: true }])
    await of.call('removeStatusReaction', posted.id)
    await author.receives((message) => message.message.reactionMessage?.text === '')
    expect((await of.get(posted.id)).reactions).toEqual([])

    // No chat, no message, nothing told that a CRM would take for one.
    expect(await hub.api.call(endpoints.listChats, { params: { sessionId: 'shop' } })).toMatchObject({
      total: 0,
    })
    expect(await hub.api.call(endpoints.listMessages, { params: { sessionId: 'shop' } })).toMatchObject({
      total: 0,
    })

    const kept = author.postsStatus('Second', [session.number])
    await told(hub, session, 'status.received', 2)
    await of.call('archiveStatus', kept.id)
    author.deletes(posted)
    author.deletes(kept)
    const deleted = await told(hub, session, 'status.deleted', 2)
    expect(deleted.map(({ statusId }) => statusId)).toEqual([posted.id, kept.id])
    expect(await of.active()).toMatchObject({ total: 0 })
    expect(await of.list({ isArchived: true })).toMatchObject({
      statuses: [{ id: kept.id, isArchived: true, deletedAt: expect.any(String), content: 'Second' }],
    })
    expect(await of.call('deleteStatus', kept.id)).toEqual({ id: kept.id, deleted: true })
    await expect(of.get(kept.id)).rejects.toMatchObject({ status: 404, code: 'STATUS_NOT_FOUND' })
    expect((await allTold(hub, session)).filter((type) => /^(message|chat)/.test(type))).toEqual([])
  })

  test('a status of ours goes to the address book, tells who saw it and how they like it, and is taken back', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const session = await hub.pairSession('shop')
    const of = statusesOf(hub, session)
    await expect(of.post({ content: 'Nobody is there' })).rejects.toMatchObject({
      status: 400,
      code: 'STATUS_WITHOUT_AUDIENCE',
    })
    const [first, second, third] = [ana, ben, eva].map((number) => hub.emulator.phone(number))
    if (first === undefined || second === undefined || third === undefined) throw new Error('three phones')
    for (const phone of [first, second, third]) phone.sends(session.number, 'hello')
    await told(hub, session, 'message.received', 3)
    session.phone.settings.savesContact(ana, 'Ana')
    session.phone.settings.savesContact(ben, 'Ben')
    await eventually(
      async () => {
        const params = { sessionId: session.sessionId }
        const { contacts } = await hub.api.call(endpoints.listContacts, { params })
        return contacts.filter(({ isMyContact }) => isMyContact).length === 2 || undefined
      },
      () => 'the address book did not come',
    )
    // The third one wrote, but stands in no address book.
    const status = await of.post({
      type: 'text',
      content: 'Open until eight',
      backgroundColor: '#1f7a4d',
      font: '6',
      exclude: [ben],
    })
    expect(status).toMatchObject({
      content: 'Open until eight',
      backgroundColor: '#1F7A4D',
      textColor: null,
      font: 6,
      fromMe: true,
      from: jidOf(session.number),
      // Whether the receipt of its first reader was faster than the answer.
      status: expect.stringMatching(/^(sent|delivered)$/),
      viewCount: 0,
    })
    const seen = await first.receives('Open until eight')
    expect(seen.chat).toBe('status@broadcast')
    expect(seen.message.extendedTextMessage).toMatchObject({ backgroundArgb: 0xff1f7a4d, font: 6 })
    // The account's own phone shows it too.
    await session.phone.showsSent('Open until eight')
    expect(await told(hub, session, 'status.posted')).toMatchObject([
      { statusId: status.id, dbId: status.dbId },
    ])

    first.reads(seen)
    expect(await told(hub, session, 'status.viewed')).toMatchObject([
      { statusId: status.id, from: jidOf(ana), fromLid: first.lid },
    ])
    first.reacts(seen, '🔥')
    expect(await told(hub, session, 'status.reaction')).toMatchObject([
      { statusId: status.id, from: jidOf(ana), emoji: '🔥' },
    ])
    expect(await of.get(String(status.dbId))).toMatchObject({
      viewCount: 1,
      viewers: [{ id: jidOf(ana), lid: first.lid, viewedAt: expect.any(String) }],
      reactions: [{ emoji: '🔥', from: jidOf(ana), fromMe: false }],
    })
    expect(await of.stats()).toEqual({
      total: 1,
      active: 1,
      archived: 0,
      posted: 1,
      received: 0,
      views: 1,
    })

    // Named recipients only, in any writing; the same call with the same key is the same status.
    const named = { content: 'For Ben alone', recipients: `${ben}, ${eva}`, exclude: [eva] }
    const again = await of.post(named, { 'idempotency-key': 'offer-1' })
    expect(await of.post(named, { 'idempotency-key': 'offer-1' })).toMatchObject({ id: again.id })
    await expect(
      of.post({ ...named, content: 'Other' }, { 'idempotency-key': 'offer-1' }),
    ).rejects.toMatchObject({ status: 409, code: 'IDEMPOTENCY_CONFLICT' })
    await second.receives('For Ben alone')
    expect(second.inbox.map(({ text }) => text)).toEqual(['For Ben alone'])
    expect(third.inbox).toEqual([])

    await of.call('deleteStatus', status.id)
    await first.receives(({ message }) => message.protocolMessage?.key?.id === status.id)
    expect(await told(hub, session, 'status.deleted')).toMatchObject([
      { statusId: status.id, fromMe: true, from: jidOf(session.number) },
    ])
    expect(await of.list()).toMatchObject({ total: 1, statuses: [{ id: again.id }] })
    // What our own phone posts is ours too.
    const own = session.phone.postsStatus('From the phone', [ana])
    await eventually(
      async () => (await of.list({ fromMe: true })).statuses.find(({ id }) => id === own.id),
      () => 'the status of the phone is not there',
    )
    const types = new Set(await allTold(hub, session))
    for (const type of ['message.sent', 'message.delivered', 'message.read', 'message.reaction'])
      expect(types).not.toContain(type)
  })
})

test('bad input about statuses is answered with its own code', async () => {
  await using hub = await startHub()
  const session = await hub.pairSession('shop')
  const of = statusesOf(hub, session)
  for (const name of [
    'getStatus',
    'viewStatus',
    'archiveStatus',
    'unarchiveStatus',
    'deleteStatus',
    'removeStatusReaction',
  ] as const)
    await expect(of.call(name, '3EB0UNKNOWN')).rejects.toMatchObject({
      status: 404,
      code: 'STATUS_NOT_FOUND',
    })
  await expect(of.react('3EB0UNKNOWN', '💚')).rejects.toMatchObject({ code: 'STATUS_NOT_FOUND' })
  for (const [body, field] of [
    [{}, 'content'],
    [{ content: '' }, 'content'],
    [{ type: 'image', mediaUrl: '' }, 'mediaUrl'],
    [{ type: 'song', content: 'x' }, 'type'],
    [{ content: 'x'.repeat(701) }, 'content'],
    [{ content: 'x', backgroundColor: 'green' }, 'backgroundColor'],
    [{ content: 'x', font: 4 }, 'font'],
    [{ content: 'x', recipients: ['120363000000000001@g.us'] }, 'recipients.0'],
  ] as const) {
    await expect(of.post(body)).rejects.toMatchObject({
      status: 400,
      code: 'VALIDATION_ERROR',
      details: { [field]: expect.any(String) },
    })
  }
  hub.emulator.account(session.number).onMessages({ kind: 'nack', error: 463 })
  await expect(of.post({ content: 'x', recipients: [ana] })).rejects.toMatchObject({
    status: 400,
    code: 'WHATSAPP_ERROR',
  })
  const [failed] = await told(hub, session, 'status.failed')
  expect(failed).toMatchObject({ statusId: expect.any(String), reason: expect.any(String) })
  session.phone.unlink()
  await session.reaches('disconnected')
  await expect(of.post({ content: 'x', recipients: [ana] })).rejects.toMatchObject({
    status: 400,
    code: 'SESSION_NOT_CONNECTED',
  })
})
