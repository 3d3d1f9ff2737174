import { endpoints } from '@inbox-hub/contract'
import type { ReceivedCall } from 'inbox-hub'
import { describe, expect, test } from 'vitest'

import { postgresUrl, spawnHub, startHub } from './harness.ts'

const postgres = await postgresUrl()
const stores = postgres === undefined ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)

// So that whoever reads the report knows what was not looked at.
test.skipIf(postgres === undefined)(
  `on postgres${postgres === undefined ? ': skipped, no server; set TEST_DATABASE_URL' : ' too'}`,
  () => expect(stores).toContain('postgres'),
)

const idOf = (call: ReceivedCall) => call.headers['x-webhook-id']
const customer = '+12025550123'

describe.each(stores)('on %s', (store) => {
  test('a CRM links a number, receives a message, answers it and sees it read', async () => {
    await using hub = await startHub({ store })
    const { api } = hub

    const created = await api.call(endpoints.createSession, {
      body: { sessionId: 'support', webhookUrl: hub.webhook.url, webhookSecret: hub.webhook.secret },
    })
    expect(created).toMatchObject({ status: 'pending', qrCode: null, session: { id: created.id } })
    const params = { ref: 'support' }
    expect(await api.call(endpoints.connectSession, { params })).toMatchObject({ id: created.id })
    const { qr } = await api.call(endpoints.getQr, { params })
    expect(await api.call(endpoints.getQrStatus, { params })).toMatchObject({
      hasQR: true,
      status: 'qr_code',
    })
    expect((await hub.webhook.received('session.qr'))[0]?.data).toMatchObject({
      status: 'qr_code',
      qrCode: expect.stringMatching(/^data:image\/png;base64,/) as string,
    })

    const phone = hub.emulator.phone('+12025550100')
    await phone.scan(qr)
    const [connected] = await hub.webhook.received('session.connected')
    expect(connected?.data).toMatchObject({
      sessionId: 'support',
      session_db_id: created.id,
      status: 'connected',
      phoneNumber: '12025550100',
    })

    const ana = hub.emulator.phone(customer)
    ana.setsPushName('Ana')
    const question = ana.sends(phone, 'Are you open today?')
    const [received] = await hub.webhook.received('message.received')
    expect(received?.data['message']).toMatchObject({
      whatsappMessageId: question.id,
      chatId: '12025550123@s.whatsapp.net',
      from: '12025550123@s.whatsapp.net',
      to: '12025550100',
      body: 'Are you open today?',
      type: 'text',
      fromMe: false,
      pushName: 'Ana',
    })
    await ana.delivered(question)

    const sent = await api.call(endpoints.sendMessage, {
      params: { sessionId: created.id },
      body: { to: customer, message: 'Yes, until 18:00.', quotedMessageId: question.id },
    })
    expect(sent.message).toMatchObject({ body: 'Yes, until 18:00.', quotedMsgId: question.id })
    const answer = await ana.receives('Yes, until 18:00.')
    expect(answer.id).toBe(sent.messageId)
    ana.reads(answer)
    const [told] = await hub.webhook.received('message.read')
    expect(told?.data).toMatchObject({ messageId: sent.messageId, status: 'read' })
    expect(
      hub.webhook.calls.filter((call) => call.type.startsWith('message.')).map((call) => call.type),
    ).toEqual(['message.received', 'message.sent', 'message.delivered', 'message.read'])

    expect(
      await api.call(endpoints.markChatRead, { params: { sessionId: 'support', chatId: customer } }),
    ).toMatchObject({ markedCount: 1 })
    await ana.wasRead(question)
    const { messages } = await api.call(endpoints.listMessages, { params: { sessionId: 'support' } })
    expect(messages.map(({ body, status, ack }) => [body, status, ack])).toEqual([
      ['Yes, until 18:00.', 'read', 3],
      ['Are you open today?', 'received', 1],
    ])
    expect(hub.emulator.truth.decryptFailures.filter(() => true)).toEqual([])
  })

  test('a message that arrives while we are disconnected is delivered once, after reconnecting', async () => {
    await using hub = await startHub({ store })
    const support = await hub.pairSession('support')
    const ana = hub.emulator.phone(customer)

    const away = hub.emulator.account(support.number).refuseLogins(503)
    hub.emulator.account(support.number).disconnect('connection_lost')
    await support.reaches('connecting')
    ana.sends(support, 'Are you open today?')
    away[Symbol.dispose]()
    await support.reaches('online')

    const received = await hub.webhook.received('message.received')
    expect(received.map((event) => event.data['message'])).toMatchObject([{ body: 'Are you open today?' }])
    await hub.emulator.truth.until((truth) => truth.owed(support.number).length === 0)
    expect(hub.webhook.calls.filter((call) => call.type === 'message.received')).toHaveLength(1)
    expect(hub.webhook.calls.some((call) => call.type === 'session.disconnected')).toBe(false)
  })

  test('a restart keeps the link: no QR, and what came meanwhile is received', async () => {
    await using hub = await startHub({ store })
    const support = await hub.pairSession('support')
    const ana = hub.emulator.phone(customer)
    ana.sends(support, 'before')
    await hub.webhook.received('message.received')

    await hub.stop()
    ana.sends(support, 'meanwhile')
    await hub.start()
    const now = await support.reaches('online')
    expect(now).toMatchObject({ isConnected: true, phoneNumber: support.number.slice(1) })
    ana.sends(support, 'after')
    const received = await hub.webhook.received('message.received', 3)
    expect(received.map((event) => (event.data['message'] as { body: string }).body)).toEqual([
      'before',
      'meanwhile',
      'after',
    ])
    expect(hub.emulator.account(support.number).companions).toHaveLength(1)
  })

  test('a deleted session is gone, and comes back under its number without a new QR', async () => {
    await using hub = await startHub({ store })
    const support = await hub.pairSession('support')
    const params = { ref: 'support' }
    await hub.api.call(endpoints.deleteSession, { params })
    await expect(hub.api.call(endpoints.getSession, { params })).rejects.toMatchObject({
      code: 'SESSION_NOT_FOUND',
    })
    expect((await hub.api.call(endpoints.listSessions)).sessions).toEqual([])
    const [told] = await hub.webhook.received('session.disconnected')
    expect(told?.data).toMatchObject({ reason: 'deleted', status: 'disconnected' })

    await hub.restart()
    expect(await hub.api.call(endpoints.connectSession, { params })).toMatchObject({ id: support.id })
    await support.reaches('online')
    hub.emulator.phone(customer).sends(support, 'Are you still there?')
    expect(await hub.webhook.received('message.received')).toHaveLength(1)
    expect(hub.emulator.account(support.number).companions).toHaveLength(1)
  })
})

test('a killed process has lost nothing that WhatsApp was told to forget', async () => {
  await using hub = await spawnHub()
  const support = await hub.pairSession('support')
  const ana = hub.emulator.phone(customer)
  const texts = Array.from({ length: 40 }, (_, n) => `message ${n}`)
  for (const text of texts.slice(0, 20)) ana.sends(support, text)
  await hub.emulator.truth.until((truth) => truth.owed(support.number).length < 15)
  await hub.kill()
  for (const text of texts.slice(20)) ana.sends(support, text)
  await hub.start()
  await support.reaches('online')
  await hub.emulator.truth.until((truth) => truth.owed(support.number).length === 0)
  const bodies = async () => {
    const { messages } = await hub.api.call(endpoints.listMessages, {
      params: { sessionId: 'support' },
      query: { limit: 100 },
    })
    return messages.map((message) => message.body).toSorted()
  }
  await expect.poll(bodies, { timeout: 20_000 }).toEqual(texts.toSorted())
  // At least once: what was told and not yet written down is told again, under the same id.
  const told = () => new Set(hub.webhook.calls.filter((call) => call.type === 'message.received').map(idOf))
  await expect.poll(() => told().size, { timeout: 20_000 }).toBe(40)
})

test('the process starts, says where it serves, and ends well when asked', async () => {
  await using hub = await spawnHub()
  const health = await hub.api.call(endpoints.health)
  expect(health.version).toBe('1.0.0')
  expect((await hub.api.call(endpoints.ready)).checks.every((check) => check.ok)).toBe(true)
  await hub.stop()
  expect(hub.output.filter((line) => /"level":"(error|fatal)"/.test(line))).toEqual([])
})
