import { endpoints } from '@inbox-hub/contract'
import { describe, expect, test } from 'vitest'

import { eventually, type Hub, postgresUrl, startHub } from './harness.ts'

const stores = (await postgresUrl()) === undefined ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)
const ana = '+12025550123'
const ben = '+12025550124'
const params = { sessionId: 'shop' }
const jidOf = (number: string): string => `${number.slice(1)}@s.whatsapp.net`

const receiptsOf = (hub: Hub, messageId: string) =>
  hub.api.call(endpoints.messageReceipts, { params: { ...params, messageId } })

const moment = expect.stringMatching(/^\d{4}-/)

describe.each(stores)('receipts on %s', (store) => {
  test('of a message in a group are told person by person, its status is that of the farthest', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const session = await hub.pairSession('shop')
    const group = hub.emulator.group('Lunch', [session.number, ana, ben])
    const [first, second] = [hub.emulator.phone(ana), hub.emulator.phone(ben)]
    // Their numbers are known from what they write.
    for (const phone of [first, second]) phone.sends(session.number, 'Hello')
    await hub.webhook.received('message.received', 2)
    second.receipts = 'off'
    const { messageId } = await session.sends(group.jid, 'Where do we eat?')
    const seen = await first.receives('Where do we eat?')
    await second.receives('Where do we eat?')
    first.reads(seen)
    const read = await eventually(
      async () => {
        const found = await receiptsOf(hub, messageId)
        return found.read === 1 ? found : undefined
      },
      () => 'nobody read it',
    )
    expect(read).toMatchObject({
      messageId,
      chatId: group.jid,
      status: 'read',
      receipts: [{ id: jidOf(ana), lid: first.lid, deliveredAt: moment, readAt: moment, playedAt: null }],
      delivered: 1,
      played: 0,
    })
    second.reads(await second.receives('Where do we eat?'))
    const both = await eventually(
      async () => {
        const found = await receiptsOf(hub, messageId)
        return found.read === 2 ? found : undefined
      },
      () => 'the second one did not read it',
    )
    // Who read it has it, whether or not that was told.
    expect(both.receipts.map(({ id }) => id).sort()).toEqual([jidOf(ana), jidOf(ben)])
    expect(both.delivered).toBe(2)
    const { data } = (await hub.webhook.received('message.read'))[0] ?? {}
    expect(data).toMatchObject({ messageId })
    expect(hub.webhook.calls.filter(({ type }) => type === 'message.read')).toHaveLength(1)
  })

  test('of voice notes tell that they were played, by them and by us', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const session = await hub.pairSession('shop')
    const author = hub.emulator.phone(ana)
    const { messageId } = await session.sends(ana, 'A word')
    const word = await author.receives('A word')
    author.plays(word)
    const [played] = await hub.webhook.received('message.played')
    expect(played?.data).toMatchObject({ messageId, from: jidOf(ana), fromLid: author.lid })
    author.plays(word)
    expect(await receiptsOf(hub, messageId)).toMatchObject({
      status: 'read',
      receipts: [{ id: jidOf(ana), deliveredAt: moment, readAt: moment, playedAt: moment }],
      played: 1,
    })
    const listed = async (id: string) => {
      const { messages } = await hub.api.call(endpoints.listMessages, { params })
      return messages.find((message) => message.messageId === id)
    }
    expect(await listed(messageId)).toMatchObject({ isPlayed: true, ack: 4, status: 'read' })

    const bytes = Buffer.from('OggS and so on')
    const [one, two] = ['1', '2'].map((id) =>
      author.sendsMedia(session.number, { media: 'voice', bytes }, { id: `VOICE${id}` }),
    )
    if (one === undefined || two === undefined) throw new Error('two notes')
    await hub.webhook.received('message.received', 2)
    expect(await listed(one.id)).toMatchObject({ kind: 'voice', isPlayed: false, isRead: false })
    const play = (id: string) => hub.api.call(endpoints.playMessage, { params: { messageId: id } })
    expect(await play(one.id)).toEqual({ messageId: one.id, played: true })
    await author.wasPlayed(one)
    expect(await listed(one.id)).toMatchObject({ isPlayed: true, isRead: true })
    // On the account's own phone.
    session.phone.plays(await session.phone.receives(({ id }) => id === two.id))
    await eventually(
      async () => ((await listed(two.id))?.isPlayed === true ? true : undefined),
      () => 'what the phone played is not known',
    )
    const { chats } = await hub.api.call(endpoints.listChats, { params })
    expect(chats).toMatchObject([{ unreadCount: 0 }])

    const text = author.sends(session.number, 'Just text')
    await hub.webhook.received('message.received', 3)
    for (const id of [text.id, messageId])
      await expect(play(id)).rejects.toMatchObject({ status: 400, code: 'MESSAGE_NOT_PLAYABLE' })
    expect(await receiptsOf(hub, text.id)).toMatchObject({ receipts: [], delivered: 0 })
    expect(hub.webhook.calls.filter(({ type }) => type === 'message.played')).toHaveLength(1)
  })
})
