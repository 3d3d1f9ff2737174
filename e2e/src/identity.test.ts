import { endpoints } from '@inbox-hub/contract'
import { describe, expect, test } from 'vitest'

import { eventually, type Hub, postgresUrl, startHub } from './harness.ts'

const stores = (await postgresUrl()) === undefined ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)
const ours = '+447700900100'
const customer = '+12025550123'
const customerId = '12025550123@s.whatsapp.net'
const params = { sessionId: 'support' }

const chatsOf = async (hub: Hub) => (await hub.api.call(endpoints.listChats, { params })).chats

describe.each(stores)('one contact with many addresses on %s', (store) => {
  test('is one chat when its number becomes known late, and keeps it when the number changes', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const support = await hub.pairSession('support', { number: ours })
    const ana = hub.emulator.phone(customer)
    const { lid } = hub.emulator.addresses(customer)
    // Only the LID is known: history told of it without the number.
    const key = (id: string) => ({ remoteJid: lid, id, fromMe: false })
    support.phone.tellsHistory({
      syncType: 3,
      accounts: [{ lid, username: 'ana.r' }],
      conversations: [
        {
          id: lid,
          messages: [
            {
              message: { key: key('A'), message: { conversation: 'Hello' }, messageTimestamp: 1_700_000_000 },
            },
          ],
        },
      ],
    })
    await eventually(
      async () => (await chatsOf(hub)).find(({ chatId }) => chatId === lid),
      () => 'the chat was not made',
    )
    const found = await hub.api.call(endpoints.findLid, { params: { ...params, contactId: lid } })
    expect(found).toEqual({ lid, pn: null, number: null })

    ana.sends(support, 'It is me')
    const [merged] = await hub.webhook.received('contact.merged')
    expect(merged?.data).toMatchObject({ contactId: customerId, lid, phone: '12025550123', formerIds: [lid] })
    await hub.webhook.received('message.received')
    expect(await chatsOf(hub)).toMatchObject([{ chatId: customerId, messageCount: 2 }])
    const { contacts } = await hub.api.call(endpoints.listContacts, { params, query: { search: 'ana.r' } })
    expect(contacts).toMatchObject([{ id: customerId, lid, username: 'ana.r' }])
    const both = { lid, pn: customerId, number: '12025550123' }
    for (const contactId of [lid, customerId])
      expect(await hub.api.call(endpoints.findLid, { params: { ...params, contactId } })).toEqual(both)
    const { lids } = await hub.api.call(endpoints.findLids, {
      params,
      body: { ids: ['12025550123', lid, '12025550199'] },
    })
    expect(lids).toEqual([
      { id: customerId, ...both },
      { id: lid, ...both },
      {
        id: '12025550199@s.whatsapp.net',
        lid: null,
        pn: '12025550199@s.whatsapp.net',
        number: '12025550199',
      },
    ])
    expect((await hub.api.call(endpoints.listLids, { params, query: {} })).lids).toContainEqual(both)

    support.phone.learnsNumberChange(customer, '+12025550188')
    const [, changed] = await hub.webhook.received('contact.merged', 2)
    expect(changed?.data).toMatchObject({
      contactId: '12025550188@s.whatsapp.net',
      lid,
      formerIds: [customerId],
    })
    expect(await chatsOf(hub)).toMatchObject([{ chatId: '12025550188@s.whatsapp.net', messageCount: 2 }])
    // As a group tells it, with the name that they gave themselves meanwhile.
    const group = hub.emulator.group('Lunch', [ours, customer])
    support.phone.learnsNumberChangeIn(group.jid, customer, '+12025550177', { username: 'ana.new' })
    const again = await hub.webhook.received('contact.merged', 3)
    expect(again[2]?.data).toMatchObject({
      contactId: '12025550177@s.whatsapp.net',
      lid,
      formerIds: ['12025550188@s.whatsapp.net'],
    })
    await eventually(
      async () => {
        const query = { search: 'ana.new' }
        const { contacts: found } = await hub.api.call(endpoints.listContacts, { params, query })
        return (
          found.some(({ id, username }) => id.startsWith('12025550177') && username === 'ana.new') ||
          undefined
        )
      },
      () => 'the username did not change',
    )
    const { total } = await hub.api.call(endpoints.listContacts, { params, query: {} })
    expect(total).toBe(1)

    // Late, and by numbers alone: she has had another one since.
    support.phone.learnsNumberChangeIn(group.jid, customer, '+12025550166', { form: 'pn' })
    hub.emulator.phone('+12025550124').sends(support, 'The next')
    await hub.webhook.received('message.received', 2)
    const chats = await chatsOf(hub)
    expect(chats.map(({ chatId }) => chatId)).toContain('12025550177@s.whatsapp.net')
    expect(hub.webhook.calls.filter(({ type }) => type === 'contact.merged')).toHaveLength(3)
  })

  test('somebody whose LID is not known keeps their chat when a group tells their new number', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const support = await hub.pairSession('support', { number: ours })
    const [old, now] = [customerId, '12025550188@s.whatsapp.net']
    const { lid } = hub.emulator.phone('+12025550188')
    const group = hub.emulator.group('Lunch', [ours, customer], 'pn')
    support.phone.tellsHistory({
      syncType: 3,
      conversations: [
        {
          id: old,
          messages: [
            {
              message: {
                key: { id: 'OLD', remoteJid: old, fromMe: false },
                message: { conversation: 'From before' },
                messageTimestamp: 1_790_000_000,
              },
            },
          ],
        },
      ],
    })
    await eventually(
      async () => ((await chatsOf(hub)).some(({ chatId }) => chatId === old) ? true : undefined),
      () => 'the history was not read',
    )
    support.phone.learnsNumberChangeIn(group.jid, customer, '+12025550188', { form: 'pn' })
    await eventually(
      async () => ((await chatsOf(hub)).some(({ chatId }) => chatId === now) ? true : undefined),
      () => 'the chat kept the old number',
    )
    expect(await chatsOf(hub)).toMatchObject([{ chatId: now, messageCount: 1 }])
    const found = await hub.api.call(endpoints.findLid, { params: { ...params, contactId: now } })
    expect(found).toMatchObject({ lid, number: '12025550188' })
  })
})
