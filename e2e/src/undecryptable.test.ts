import { endpoints } from '@inbox-hub/contract'
import { describe, expect, test } from 'vitest'

import { eventually, type Hub, postgresUrl, startHub } from './harness.ts'

const stores = (await postgresUrl()) === undefined ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)
const ours = '+447700900100'
const customer = '+12025550123'
const customerId = '12025550123@s.whatsapp.net'
const params = { sessionId: 'support' }
const day = Date.UTC(2026, 9, 1)

const listed = async (hub: Hub) =>
  (await hub.api.call(endpoints.listUndecryptable, { params, query: {} })).messages

describe.each(stores)('a message that cannot be decrypted on %s', (store) => {
  test('is listed with its envelope, and takes its place when its sender answers', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const support = await hub.pairSession('support', { number: ours })
    const ana = hub.emulator.phone(customer)
    const list = () => listed(hub)
    hub.emulator.account(ours).onDeliveries({ kind: 'corrupt' })
    const sent = ana.sends(support, 'Read me')
    // Asked for it again, neither can answer for now.
    ana.goOffline()
    support.phone.goOffline()
    const [told] = await hub.webhook.received('message.undecryptable')
    expect(told?.data).toMatchObject({ messageId: sent.id, from: customerId })
    expect(await list()).toMatchObject([
      { messageId: sent.id, chatId: customerId, from: customerId, fromMe: false, isGroup: false },
    ])
    ana.goOnline()
    const [received] = await hub.webhook.received('message.received')
    expect(received?.data).toMatchObject({ messageId: sent.id, dbId: told?.data['dbId'], text: 'Read me' })
    expect(await list()).toEqual([])
    support.phone.goOnline()
    const next = ana.sends(support, 'And then')
    const [, second] = await hub.webhook.received('message.received', 2)
    expect(second?.data).toMatchObject({ messageId: next.id })
  })

  test('is asked of the phone, which has it', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const phone = hub.emulator.phone(ours)
    phone.remembers(customer, { id: 'X', text: 'Read me', at: day })
    await hub.pairSession('support', { number: ours, history: 'none' })
    // What the phone sends by itself is not taken, and over.
    await eventually(
      async () => {
        const { sync } = await hub.api.call(endpoints.getSessionStatus, { params: { ref: 'support' } })
        return sync.state === 'done' ? sync : undefined
      },
      () => 'the history never ended',
    )
    await hub.api.call(endpoints.setHistory, { params: { ref: 'support' }, body: { history: 'recent' } })
    const { lid } = hub.emulator.addresses(customer)
    const key = { remoteJid: lid, id: 'X', fromMe: false }
    phone.tellsHistory({
      syncType: 3,
      conversations: [
        { id: lid, messages: [{ message: { key, messageTimestamp: day / 1000, messageStubType: 2 } }] },
      ],
    })
    const list = () => listed(hub)
    const [stub] = await eventually(
      async () => {
        const found = await list()
        return found.length > 0 ? found : undefined
      },
      () => 'it was not listed',
    )
    expect(stub).toMatchObject({ messageId: 'X', chatId: customerId, reason: 'the phone could not open it' })
    const recover = (messageIds?: string[]) =>
      hub.api.call(endpoints.recoverMessages, {
        params,
        body: messageIds === undefined ? {} : { messageIds },
      })
    await expect(recover(['nobody'])).rejects.toMatchObject({ code: 'MESSAGE_NOT_FOUND' })
    expect(await recover(['X'])).toEqual({ requested: 1, messageIds: ['X'] })
    const [received] = await hub.webhook.received('message.received')
    expect(received?.data).toMatchObject({ messageId: 'X', dbId: stub?.dbId, text: 'Read me' })
    expect(await list()).toEqual([])
    expect(await recover()).toEqual({ requested: 0, messageIds: [] })
  })
})
