import { endpoints } from '@inbox-hub/contract'
import { describe, expect, test } from 'vitest'

import { eventually, postgresUrl, spawnHub, startHub } from './harness.ts'

const stores = (await postgresUrl()) === undefined ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)
const customer = '+12025550123'
const customerId = '12025550123@s.whatsapp.net'
const params = { sessionId: 'support' }

describe.each(stores)('messages on %s', (store) => {
  test('a customer is one chat under their number, whichever way WhatsApp addresses them', async () => {
    await using hub = await startHub({ store })
    const support = await hub.pairSession('support')
    const ana = hub.emulator.phone(customer)
    for (const [text, addressing] of [
      ['by number', 'pn'],
      ['by LID', 'lid'],
      ['by number again', 'pn'],
    ] as const) {
      await ana.delivered(ana.sends(support, text, { addressing }))
    }
    const received = await hub.webhook.received('message.received', 3)
    expect(received.map(({ data }) => data['message'])).toMatchObject(
      ['by number', 'by LID', 'by number again'].map((body) => ({
        body,
        chatId: customerId,
        from: customerId,
      })),
    )
    const { chats } = await hub.api.call(endpoints.listChats, { params })
    expect(chats).toMatchObject([
      { chatId: customerId, id: { _serialized: '12025550123@c.us' }, messageCount: 3, unreadCount: 3 },
    ])
    const { contacts } = await hub.api.call(endpoints.listContacts, { params })
    expect(contacts).toMatchObject([{ id: customerId, phone: '12025550123', lid: ana.lid }])
  })

  test('a message lost on its way is sent again when the connection is back, and shown once', async () => {
    await using hub = await startHub({ store })
    const support = await hub.pairSession('support')
    const ana = hub.emulator.phone(customer)
    await support.sends(ana, 'first')
    const account = hub.emulator.account(support.number)
    account.onMessages({ kind: 'lost' })
    account.onMessages({ kind: 'unacknowledged' })
    const sending = [support.sends(ana, 'lost'), support.sends(ana, 'not acknowledged')]
    await hub.emulator.truth.until((truth) => truth.sentIds(support.number).length === 2)
    account.disconnect('connection_lost')
    const answers = await Promise.all(sending)
    expect(answers.map(({ status }) => status)).toEqual(['sent', 'sent'])
    await ana.receives('lost')
    await ana.receives('not acknowledged')
    expect(
      ana.inbox
        .filter(({ device }) => device === 0)
        .map(({ id }) => id)
        .toSorted(),
    ).toEqual(hub.emulator.truth.sentIds(support.number).toSorted())
    expect(hub.emulator.truth.decryptFailures.filter(() => true)).toEqual([])
  })

  test('a message scheduled before a restart goes out after it, once, and a cancelled one does not', async () => {
    await using hub = await startHub({ store })
    const support = await hub.pairSession('support')
    const ana = hub.emulator.phone(customer)
    const schedule = (message: string, inMs: number) =>
      hub.api.call(endpoints.sendMessage, {
        params,
        body: { to: customer, message, sendAt: new Date(Date.now() + inMs).toISOString() },
      })
    const never = await schedule('never', 1_000)
    const later = await schedule('later', 1_500)
    expect(later).toMatchObject({ status: 'scheduled', waitingFor: 'schedule', chatId: customerId })
    await hub.api.call(endpoints.cancelMessage, { params: { messageId: never.messageId } })
    await hub.restart()
    await support.reaches('online')
    await ana.receives('later')
    const [sent] = await hub.webhook.received('message.sent')
    expect(sent?.data).toMatchObject({ messageId: later.messageId })
    expect(await hub.api.call(endpoints.listScheduled, { params })).toMatchObject({ total: 0 })
    expect(ana.inbox.filter(({ device }) => device === 0)).toMatchObject([{ id: later.messageId }])
  })

  test('a refusal of WhatsApp is an answer with its reason, never a fault of the server', async () => {
    await using hub = await startHub({ store })
    const support = await hub.pairSession('support')
    const ana = hub.emulator.phone(customer)
    const account = hub.emulator.account(support.number)
    account.onMessages({ kind: 'nack', error: 463 })
    await expect(support.sends(ana, 'too eager')).rejects.toMatchObject({
      code: 'WHATSAPP_ERROR',
      status: 400,
      details: { reason: 'NEW_CHATS_RESTRICTED', ackError: 463 },
    })
    const [failed] = await hub.webhook.received('message.failed')
    expect(failed?.data).toMatchObject({ status: 'failed' })

    account.onMessages({ kind: 'nack', error: 479 })
    expect(await support.sends(ana, 'devices changed')).toMatchObject({ status: 'sent' })
    await ana.receives('devices changed')

    hub.emulator.account('+12025550199').setRegistered(false)
    await expect(support.sends('+12025550199', 'hello?')).rejects.toMatchObject({
      code: 'WHATSAPP_ERROR',
      details: { reason: 'NUMBER_NOT_ON_WHATSAPP' },
    })
    expect(hub.emulator.truth.sent.filter(({ to }) => to.startsWith('12025550199'))).toEqual([])
  })

  test('a message that could not be opened is announced, and told when its author sent it again', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const support = await hub.pairSession('support')
    const ana = hub.emulator.phone(customer)
    hub.emulator.account(support.number).onDeliveries({ kind: 'corrupt' })
    const sent = ana.sends(support, 'can you read this?')
    const [received] = await hub.webhook.received('message.received')
    expect(received?.data).toMatchObject({ messageId: sent.id, text: 'can you read this?' })
    const [unread] = await hub.webhook.received('message.undecryptable')
    expect(unread?.data).toMatchObject({ messageId: sent.id, chatId: customerId })
    const { messages, total } = await hub.api.call(endpoints.listMessages, { params })
    expect(messages).toMatchObject([{ messageId: sent.id, body: 'can you read this?' }])
    expect(total).toBe(1)
  })

  test('what is written, read, named and archived on the phone shows in the hub', async () => {
    await using hub = await startHub({ store })
    const support = await hub.pairSession('support')
    const ana = hub.emulator.phone(customer)
    await ana.delivered(ana.sends(support, 'are you there?'))
    await hub.webhook.received('message.received')
    support.phone.reads(ana)
    support.phone.sends(ana, 'yes, on my phone')
    await eventually(
      async () => {
        const { messages } = await hub.api.call(endpoints.listMessages, { params })
        const { chats } = await hub.api.call(endpoints.listChats, { params })
        const [newest] = messages
        return newest?.fromMe === true && chats[0]?.unreadCount === 0 ? newest : undefined
      },
      () => 'the phone’s own message or reading never showed',
    )
    support.phone.settings.savesContact(ana, 'Ana (work)')
    support.phone.settings.archives(ana)
    const [archived] = await hub.webhook.received('chat.archived')
    expect(archived?.data).toMatchObject({ chatId: customerId, isArchived: true })
    await eventually(
      async () => {
        const { chats } = await hub.api.call(endpoints.listChats, { params })
        return chats[0]?.name === 'Ana (work)' && chats[0].archived ? true : undefined
      },
      () => 'the name never came',
    )
    // The CRM did not send it, so it is not told of it.
    expect(hub.webhook.calls.filter(({ type }) => /message\.(sent|delivered|read)/.test(type))).toEqual([])
  })

  test('a group, a reply, a mention, typing', async () => {
    await using hub = await startHub({ store })
    const support = await hub.pairSession('support')
    const ana = hub.emulator.phone(customer)
    const group = hub.emulator.group('Order 17', [support.number, customer])
    const question = ana.sends(group.jid, 'who brings the cake?')
    const [received] = await hub.webhook.received('message.received')
    expect(received?.data['message']).toMatchObject({
      chatId: group.jid,
      isGroup: true,
      participant: customerId,
      body: 'who brings the cake?',
    })
    const sent = await hub.api.call(endpoints.sendMessage, {
      params,
      body: {
        to: group.jid,
        message: '@12025550123 you do',
        quotedMessageId: question.id,
        mentions: [customer],
      },
    })
    expect(sent.chatId).toBe(group.jid)
    await ana.receives('@12025550123 you do')
    await hub.api.call(endpoints.sendTyping, {
      params: { ...params, chatId: customer },
      body: { state: 'composing' },
    })
    await ana.sees('composing', support)
  })

  test('a key makes a repeat the same message, also after a restart', async () => {
    await using hub = await startHub({ store })
    await hub.pairSession('support')
    const body = { to: customer, message: 'once', clientId: 'order-17' }
    const first = await hub.api.call(endpoints.sendMessage, { params, body })
    await hub.restart()
    const again = await hub.api.call(endpoints.sendMessage, { params, body })
    expect(again.messageId).toBe(first.messageId)
    await expect(
      hub.api.call(endpoints.sendMessage, { params, body: { ...body, message: 'twice' } }),
    ).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' })
    expect(hub.emulator.truth.sent.filter(() => true)).toHaveLength(1)
  })
})

test('killed while it sends, the hub sends the rest, and a client that repeats its lost calls doubles nothing', async () => {
  await using hub = await spawnHub()
  const support = await hub.pairSession('support')
  const ana = hub.emulator.phone(customer)
  await support.sends(ana, 'hello')
  const texts = Array.from({ length: 30 }, (_, n) => `message ${n}`)
  // As the CRM does: a call that broke is made again, word for word, without a key.
  const stubborn = async (text: string): Promise<string> => {
    for (;;) {
      try {
        return (await support.sends(ana, text)).messageId
      } catch {
        await support.reaches('online').catch(() => {})
      }
    }
  }
  const sending = texts.map(stubborn)
  await hub.emulator.truth.until((truth) => truth.sentIds(support.number).length > 8)
  await hub.kill()
  await hub.start()
  const ids = await Promise.all(sending)
  for (const text of texts) await ana.receives(text)
  const shown = ana.inbox.filter(({ device, text }) => device === 0 && text !== 'hello')
  expect(new Set(shown.map(({ text }) => text))).toEqual(new Set(texts))
  expect(shown).toHaveLength(texts.length)
  expect(shown.map(({ id }) => id).toSorted()).toEqual(ids.toSorted())
  expect(hub.emulator.truth.decryptFailures.filter(() => true)).toEqual([])
})
