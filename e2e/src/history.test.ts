import { endpoints } from '@inbox-hub/contract'
import { describe, expect, test } from 'vitest'

import { eventually, type Hub, postgresUrl, startHub } from './harness.ts'

const stores = (await postgresUrl()) === undefined ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)
const ours = '+447700900100'
const customer = '+12025550123'
const customerId = '12025550123@s.whatsapp.net'
const params = { sessionId: 'support' }
const day = Date.UTC(2026, 9, 1)

const synced = (hub: Hub, state = 'done') =>
  eventually(
    async () => {
      const { sync } = await hub.api.call(endpoints.getSessionStatus, { params: { ref: 'support' } })
      return sync.state === state ? sync : undefined
    },
    () => `the history never was ${state}`,
  )

const messagesOf = (hub: Hub, chatId: string) =>
  hub.api.call(endpoints.listChatMessages, { params: { ...params, chatId }, query: { limit: 1000 } })

describe.each(stores)('the history of the phone on %s', (store) => {
  test('is in the lists after linking, as the phone has it, and nobody is told of its messages', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const phone = hub.emulator.phone(ours)
    hub.emulator.phone(customer).setsPushName('Ana')
    const group = hub.emulator.group('Lunch', [ours, customer, '+12025550124'])
    for (const [index, text] of ['One', 'Two', 'Three', 'Four'].entries())
      phone.remembers(customer, {
        id: `A${index}`,
        text,
        fromMe: index === 1,
        at: day + index * 1000,
        pushName: 'Ana of before',
      })
    // Two of one second keep their order.
    phone.remembers(customer, { id: 'A4', text: 'Five', at: day + 3000 })
    phone.remembers(customer, {
      id: 'P',
      text: { imageMessage: { caption: 'A picture', mimetype: 'image/jpeg', seconds: 0 } as never },
      at: day + 5000,
    })
    phone.remembers(group.jid, {
      id: 'G',
      text: 'In the group',
      from: '+12025550124',
      at: day,
      pushName: 'Ben',
    })
    phone.describes(customer, {
      archived: true,
      pinned: 1,
      unreadCount: 2,
      name: 'Ana of accounts',
      username: 'ana.r',
    })
    phone.describes('+12025550125', { unreadCount: 0, conversationTimestamp: day / 1000 })

    const support = await hub.pairSession('support', { number: ours })
    const sync = await synced(hub)
    expect(sync).toMatchObject({ percent: 100, messages: 7, chats: 3, error: null })

    const { messages } = await messagesOf(hub, customerId)
    expect(messages.map(({ body }) => body)).toEqual(['A picture', 'Five', 'Four', 'Three', 'Two', 'One'])
    expect(messages.map(({ isRead }) => isRead)).toEqual([false, false, true, true, true, true])
    expect(messages[0]).toMatchObject({ type: 'image', hasMedia: true, from: customerId, status: 'received' })
    expect(messages[4]).toMatchObject({
      fromMe: true,
      status: 'sent',
      timestamp: new Date(day + 1000).toISOString(),
    })
    const { chats } = await hub.api.call(endpoints.listChats, { params })
    expect(chats.find(({ chatId }) => chatId === customerId)).toMatchObject({
      name: 'Ana of accounts',
      unreadCount: 2,
      archived: true,
      pinned: true,
      messageCount: 6,
    })
    expect(chats.find(({ chatId }) => chatId === group.jid)).toMatchObject({
      name: 'Lunch',
      lastMessage: { body: 'In the group' },
    })
    const { contact } = await hub.api.call(endpoints.searchContact, {
      params: { ...params, phoneNumber: '12025550123' },
    })
    expect(contact).toMatchObject({ username: 'ana.r', isMyContact: true, pushname: 'Ana of before' })

    // A message that is in the history already, and one that is new.
    phone.tellsHistory({
      syncType: 3,
      progress: 100,
      conversations: [
        {
          id: customerId,
          messages: [
            {
              message: {
                key: { id: 'A0', remoteJid: customerId, fromMe: false },
                message: { conversation: 'One' },
                messageTimestamp: day / 1000,
              },
            },
            {
              message: {
                key: { id: 'A9', remoteJid: customerId, fromMe: true },
                message: { conversation: 'Nine' },
                messageTimestamp: day / 1000 - 60,
                status: 4,
              },
            },
          ],
        },
      ],
    })
    await eventually(
      async () => ((await messagesOf(hub, customerId)).total === 7 ? true : undefined),
      () => 'the second part was not stored',
    )
    expect((await messagesOf(hub, customerId)).messages.at(-1)).toMatchObject({
      body: 'Nine',
      status: 'read',
    })

    hub.emulator.phone(customer).sends(support, 'Live')
    const [first] = await hub.webhook.received('message.received')
    expect(first?.data).toMatchObject({ text: 'Live' })
    expect(hub.webhook.calls.filter(({ type }) => type === 'message.received')).toHaveLength(1)
    const told = await hub.webhook.received('session.sync', 2)
    expect(told.at(-1)?.data).toMatchObject({ scope: 'session' })
    await support.status()
  })
})
