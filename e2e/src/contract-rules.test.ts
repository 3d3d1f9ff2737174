import { endpoints, legacyWebhookBody, type LegacyWebhookEvent, messageTypes } from '@inbox-hub/contract'
import type { Phone } from '@inbox-hub/emulator'
import { startReceiver } from 'inbox-hub'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { eventually, type Hub, type PairedSession, startHub } from './harness.ts'

/*
 * The rules that break the client which exists when they are ignored (contract §1), each seen as that client sees it:
 * plain HTTP, no schemas of ours. Rule 21 is about texts and is tested with their table in packages/contract.
 */

interface Answer {
  status: number
  headers: Headers
  /** The client looks into answers freely; so do these tests. */
  // oxlint-disable-next-line typescript/no-explicit-any
  json: any
}

const client =
  (hub: Hub) =>
  async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> => {
    const answer = await fetch(`${hub.url}${path}`, {
      method,
      headers: { 'X-API-Key': hub.key, 'Content-Type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: answer.status, headers: answer.headers, json: await answer.json() }
  }

const isoInstant = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
const customerJid = '12025550123@s.whatsapp.net'

describe('before a phone is linked', () => {
  let hub: Hub
  let call: ReturnType<typeof client>
  beforeAll(async () => {
    hub = await startHub()
    call = client(hub)
  })
  afterAll(() => hub[Symbol.asyncDispose]())

  test('1: a session is created with 201, flat in data and nested in data.session', async () => {
    const { status, json } = await call('POST', '/api/sessions', { sessionId: 'rule-1', autoReconnect: true })
    expect(status).toBe(201)
    expect(json).toMatchObject({
      success: true,
      message: 'Sesión creada correctamente',
      timestamp: expect.stringMatching(isoInstant),
    })
    const { session, ...flat } = json.data
    expect(session).toEqual(flat)
    expect(flat).toMatchObject({ sessionId: 'rule-1', status: 'pending', qrCode: null })
  })

  test('2: ids are whole numbers that a 32-bit column holds, never used again for another session', async () => {
    const first = (await call('POST', '/api/sessions', { sessionId: 'rule-2a' })).json.data.id
    expect(Number.isInteger(first) && first > 0 && first < 2 ** 31).toBe(true)
    await call('DELETE', '/api/sessions/rule-2a')
    const second = (await call('POST', '/api/sessions', { sessionId: 'rule-2b' })).json.data.id
    expect(second).toBeGreaterThan(first)
    const revived = (await call('POST', '/api/sessions', { sessionId: 'rule-2a' })).json.data.id
    expect(revived).toBe(first)
  })

  test('3: every session route takes the number and the name', async () => {
    const { id } = (await call('POST', '/api/sessions', { sessionId: 'rule-3' })).json.data
    const routes: [string, string, unknown?][] = [
      ['GET', ''],
      ['GET', '/status'],
      ['GET', '/qr/status'],
      ['GET', '/qr'],
      ['GET', '/contacts'],
      ['GET', '/timeline'],
      ['GET', '/diagnostics?probes=false'],
      ['GET', '/frappe/status'],
      ['POST', '/connect', {}],
      ['POST', '/restart', {}],
      ['POST', '/frappe/configure', { sendToFrappe: false }],
      ['PUT', '/webhook', { webhookEvents: ['message'] }],
      ['POST', '/disconnect'],
    ]
    for (const [method, path, body] of routes)
      for (const ref of [id, 'rule-3']) {
        const { status, json } = await call(method, `/api/sessions/${ref}${path}`, body)
        expect([method, path, status, json.data.sessionId ?? json.data.contacts]).toEqual([
          method,
          path,
          200,
          path === '/contacts' ? [] : 'rule-3',
        ])
      }
    for (const ref of [id, 'rule-3'])
      for (const path of ['', '/chats', '/stats', `/${customerJid}`]) {
        const { status } = await call('GET', `/api/messages/${ref}${path}`)
        expect([path, status]).toEqual([path, 200])
      }
    expect((await call('DELETE', `/api/sessions/${id}`)).json.data).toEqual({
      id,
      sessionId: 'rule-3',
      deleted: true,
    })
  })

  test('4: connect answers at once with 200 however WhatsApp behaves, and makes one connection of many calls', async () => {
    await call('POST', '/api/sessions', { sessionId: 'rule-4', autoConnect: false })
    using _silence = hub.emulator.nextConnection({ at: 'upgrade', do: 'silence' }, { times: 100 })
    const dials = hub.emulator.truth.dials.total
    const answers = await Promise.all(
      [undefined, {}, { force: true }, { force: 'false' }].map((body) =>
        call('POST', '/api/sessions/rule-4/connect', body),
      ),
    )
    for (const { status, json } of answers) {
      expect(status).toBe(200)
      expect(json).toMatchObject({
        message: 'Sesión iniciada, generando QR o reconectando...',
        data: { sessionId: 'rule-4', status: 'connecting' },
      })
    }
    // WhatsApp says nothing at all here: whatever waited for it would not have answered.
    await hub.emulator.truth.until((truth) => truth.dials.total > dials)
    expect(hub.emulator.truth.dials.total).toBe(dials + 1)
  })

  test('5: the QR is waited for, asked without a pause; "not yet" is 404 QR_NOT_READY', async () => {
    await call('POST', '/api/sessions', { sessionId: 'rule-5' })
    const { status, json } = await call('GET', '/api/sessions/rule-5/qr')
    expect(status).toBe(200)
    expect(json.data).toMatchObject({
      status: 'qr_code',
      qrCode: expect.stringMatching(/^data:image\/png;base64,/),
      qr: expect.any(String),
      expiresAt: expect.stringMatching(isoInstant),
    })
    expect(json.data.qrCode).toBe(`data:image/png;base64,${json.data.qrCodeBase64}`)

    await call('POST', '/api/sessions', { sessionId: 'rule-5-silent', autoConnect: false })
    using _silence = hub.emulator.nextConnection({ at: 'upgrade', do: 'silence' }, { times: 100 })
    const notYet = await call('GET', '/api/sessions/rule-5-silent/qr?wait=50')
    expect([notYet.status, notYet.json.code]).toEqual([404, 'QR_NOT_READY'])
    expect(Number(notYet.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(notYet.json.data).toMatchObject({
      hasQR: false,
      status: 'connecting',
      retryAfter: expect.any(Number),
    })
  })

  test('6: until the phone is linked the status is only pending, connecting or qr_code', async () => {
    const session = await hub.pairSession('rule-6')
    // Events follow the state they tell of within a moment.
    const statuses = await eventually(
      async () => {
        const { json } = await call(
          'GET',
          `/api/events?types=session.state&sessionId=${session.id}&limit=1000`,
        )
        const told: string[] = json.data.events.map(
          (event: { data: { status: string } }) => event.data.status,
        )
        return told.includes('connected') ? told : undefined
      },
      () => 'the event of being connected never came',
    )
    expect(statuses).toContain('qr_code')
    expect(statuses.indexOf('connected')).toBe(statuses.length - 1)
    expect(new Set(statuses.slice(0, -1))).toEqual(new Set(['connecting', 'qr_code']))
  })

  test('7, 8: booleans are booleans, connected means connected, and lastActivity is never null', async () => {
    const { json } = await call('GET', '/api/sessions')
    expect(json.data.sessions.length).toBeGreaterThan(3)
    for (const session of json.data.sessions) {
      expect(typeof session.isConnected).toBe('boolean')
      expect(typeof session.hasQR).toBe('boolean')
      expect(session.isConnected).toBe(session.status === 'connected')
      expect(session.lastActivity).toMatch(isoInstant)
    }
  })

  test('9: limits of 200 and 1000 are honoured, more is taken as 1000', async () => {
    for (const path of [
      '/api/sessions',
      '/api/messages/rule-6',
      '/api/messages/rule-6/chats',
      '/api/contacts/rule-6',
    ])
      for (const [asked, given] of [
        [200, 200],
        [1000, 1000],
        [5000, 1000],
      ]) {
        const { status, json } = await call('GET', `${path}?limit=${asked}&page=1`)
        expect([path, status, json.data.pagination]).toEqual([
          path,
          200,
          { total: json.data.total, page: 1, limit: given, pages: json.data.total === 0 ? 0 : 1 },
        ])
      }
  })

  test('22: a failure says the same in error and in message', async () => {
    for (const [method, path, body] of [
      ['GET', '/api/sessions/nobody'],
      ['POST', '/api/sessions', {}],
      ['GET', '/api/nowhere'],
      ['POST', '/api/messages/rule-1/send', { to: '12025550123', message: 'hi' }],
    ] as const) {
      const { status, json } = await call(method, path, body)
      expect(status).toBeGreaterThanOrEqual(400)
      expect(json).toMatchObject({
        success: false,
        error: json.message,
        code: expect.any(String),
        timestamp: expect.stringMatching(isoInstant),
      })
    }
  })

  test('sending while not connected is 400 SESSION_NOT_CONNECTED, with the text that clients match', async () => {
    const { status, json } = await call('POST', '/api/messages/rule-1/send', {
      to: '12025550123',
      message: 'hi',
    })
    expect([status, json.code, json.error]).toEqual([
      400,
      'SESSION_NOT_CONNECTED',
      'La sesión debe estar conectada',
    ])
  })
})

test('24: polling as several desks do never meets a limit, and other limits are told', async () => {
  await using hub = await startHub({ env: { RATE_LIMITS: 'general=20/900, reads=20/900, whatsapp=20/60' } })
  const call = client(hub)
  await call('POST', '/api/sessions', { sessionId: 'desk' })
  for (let poll = 0; poll < 50; poll++)
    for (const path of ['status', 'qr', 'qr/status'])
      expect((await call('GET', `/api/sessions/desk/${path}`)).status).toBe(200)
  const refused = await Promise.all(Array.from({ length: 30 }, () => call('GET', '/api/sessions/desk')))
  const last = refused.find(({ status }) => status === 429)
  expect(last?.json).toMatchObject({
    code: 'RATE_LIMIT_EXCEEDED',
    error: expect.stringContaining('Demasiadas solicitudes'),
  })
  expect(Number(last?.headers.get('retry-after'))).toBeGreaterThan(0)
})

describe('with a phone linked', () => {
  let hub: Hub
  let call: ReturnType<typeof client>
  let support: PairedSession
  let ana: Phone
  beforeAll(async () => {
    hub = await startHub()
    call = client(hub)
    support = await hub.pairSession('support')
    ana = hub.emulator.phone('+12025550123')
    ana.setsPushName('Ana')
    await ana.delivered(ana.sends(support.phone, 'Are you open today?'))
    await hub.webhook.received('message.received')
  })
  afterAll(() => hub[Symbol.asyncDispose]())

  test('11: a send answers data.message as an object, with data.messageId beside it', async () => {
    const { status, json } = await call('POST', '/api/messages/support/send', {
      to: customerJid,
      message: 'Yes',
      type: 'text',
    })
    expect(status).toBe(200)
    expect(json.message).toBe('Mensaje enviado correctamente')
    expect(json.data).toMatchObject({
      messageId: expect.any(String),
      status: 'sent',
      chatId: customerJid,
      text: 'Yes',
      message: { id: { fromMe: true }, body: 'Yes' },
    })
    expect(json.data.whatsappMessageId).toBe(json.data.messageId)
    await ana.receives('Yes')
  })

  test('to may be written in every usual way', async () => {
    for (const to of ['12025550123', '+1 202 555 0123', '12025550123@c.us', customerJid, 12025550123]) {
      const { status, json } = await call('POST', `/api/messages/${support.id}/send`, {
        to,
        message: { text: 'hello' },
      })
      expect([to, status, json.data?.chatId]).toEqual([to, 200, customerJid])
    }
  })

  test('12, 13, 16: message items have an object as id, one WhatsApp id everywhere, ISO times and no raw message', async () => {
    const { json } = await call('GET', '/api/messages/support?limit=1000')
    expect(json.data.messages.length).toBeGreaterThan(0)
    for (const message of json.data.messages) {
      const { id, messageId, whatsappMessageId, dbId } = message
      expect(id).toEqual({
        fromMe: message.fromMe,
        remote: expect.any(String),
        id: messageId,
        _serialized: messageId,
      })
      expect(whatsappMessageId).toBe(messageId)
      expect(messageId.length).toBeLessThanOrEqual(140)
      expect(Number.isInteger(dbId)).toBe(true)
      expect(message.timestamp).toMatch(isoInstant)
      expect([typeof message.from, typeof message.to, typeof message.body]).toEqual([
        'string',
        'string',
        'string',
      ])
      expect(message.content).toBe(message.body)
      expect(message).not.toHaveProperty('message')
      expect(messageTypes).toContain(message.type)
    }
    const ids = json.data.messages.map((message: { messageId: string }) => message.messageId)
    expect(new Set(ids).size).toBe(ids.length)
    const [received] = await hub.webhook.received('message.received')
    expect(received?.data['message']).toHaveProperty('whatsappMessageId', expect.toBeOneOf(ids))
  })

  test('14, 15: chat items have the @c.us form as id, the other form as chatId, and always a last message in seconds', async () => {
    const { json } = await call('GET', '/api/messages/support/chats?limit=1000')
    const [chat] = json.data.chats
    expect(chat).toMatchObject({
      id: { _serialized: '12025550123@c.us', user: '12025550123', server: 'c.us' },
      chatId: customerJid,
      jid: customerJid,
      name: 'Ana',
      isGroup: false,
    })
    for (const { lastMessage, lastMessageAt } of json.data.chats) {
      expect(lastMessage).toMatchObject({
        body: expect.any(String),
        content: expect.any(String),
        text: lastMessage.body,
      })
      expect(lastMessage.timestamp).toBe(Math.floor(Date.parse(lastMessageAt) / 1000))
    }
  })

  test('the messages of a chat come by path and by query alike', async () => {
    const byPath = await call('GET', '/api/messages/support/12025550123%40c.us')
    const byQuery = await call('GET', '/api/messages/support?chatId=12025550123@c.us')
    expect(byPath.json.data.messages).toEqual(byQuery.json.data.messages)
    expect(byPath.json.data.chatInfo).toEqual({ chatId: customerJid, name: 'Ana', isGroup: false })
  })

  test('10: reading, disconnecting and deleting answer 200 with JSON', async () => {
    const read = await call('PUT', `/api/messages/support/${customerJid}/read`, {})
    expect([read.status, read.json.message]).toEqual([200, 'Mensajes marcados como leídos'])
    const unknown = await call('PUT', '/api/messages/support/12025550199/read', {})
    expect([unknown.status, unknown.json.data.markedCount]).toEqual([200, 0])
  })

  test('23: the repeat of a send whose answer was lost answers the first result, and sends nothing', async () => {
    const sentBefore = hub.emulator.truth.sentIds(support.number).length
    const body = { to: customerJid, message: 'once', clientId: 'order-4711' }
    const [first, second] = await Promise.all([
      call('POST', '/api/messages/support/send', body),
      call('POST', '/api/messages/support/send', body),
    ])
    const third = await call('POST', '/api/messages/support/send', body)
    const answered = [first, second, third].filter(({ status }) => status === 200)
    expect(new Set(answered.map(({ json }) => json.data.messageId)).size).toBe(1)
    expect(third.status).toBe(200)
    expect([first, second].map(({ status, json }) => (status === 200 ? 200 : json.code))).toContain(200)
    expect(hub.emulator.truth.sentIds(support.number).length).toBe(sentBefore + 1)
    const other = await call('POST', '/api/messages/support/send', { ...body, message: 'twice' })
    expect([other.status, other.json.code]).toEqual([409, 'IDEMPOTENCY_CONFLICT'])
  })

  test('a number without WhatsApp is 400 WHATSAPP_ERROR, never 5xx', async () => {
    hub.emulator.account('+12025550199').setRegistered(false)
    const { status, json } = await call('POST', '/api/messages/support/send', {
      to: '12025550199',
      message: 'hi',
    })
    expect([status, json.code, json.details.reason]).toEqual([
      400,
      'WHATSAPP_ERROR',
      'NUMBER_NOT_ON_WHATSAPP',
    ])
  })

  test('17, 18, 19, 20, 26: webhooks are signed, carry what the client reads, and no event it does not know', async () => {
    const { json } = await call('POST', '/api/messages/support/send', { to: customerJid, message: 'read me' })
    const message = await ana.receives('read me')
    expect(message.id).toBe(json.data.messageId)
    ana.reads(message)
    await expect
      .poll(
        () =>
          hub.webhook.calls.some(
            ({ type, json }) => type === 'message.read' && JSON.stringify(json).includes(message.id),
          ),
        { timeout: 20_000 },
      )
      .toBe(true)

    const known: readonly string[] = [
      'message.received',
      'message.sent',
      'message.delivered',
      'message.read',
      'message.failed',
      'session.connected',
      'session.disconnected',
      'session.qr',
      'contact.updated',
      'chat.archived',
      'chat.unarchived',
    ]
    for (const { type, headers, json, verified } of hub.webhook.calls) {
      expect(known).toContain(type)
      expect(verified).toBe(true)
      expect(headers['x-webhook-signature']).toMatch(/^sha256=[\da-f]{64}$/)
      expect(headers['x-signature']).toBe(headers['x-webhook-signature'])
      expect(headers['x-webhook-session']).toBe('support')
      expect(Math.abs(Number(headers['x-webhook-timestamp']) - Date.now())).toBeLessThan(300_000)
      const schema = legacyWebhookBody(type as LegacyWebhookEvent)
      expect(schema.parse(json)).toEqual(json)
    }
    const told = hub.webhook.calls.map(({ type }) => type)
    expect(told).toEqual(
      expect.arrayContaining([
        'session.connected',
        'message.received',
        'message.sent',
        'message.delivered',
        'message.read',
      ]),
    )
  })

  test('27: a short loss of the connection is not told', async () => {
    hub.emulator.account(support.number).disconnect('connection_lost')
    await support.reaches('connecting')
    await support.reaches('connected')
    await ana.delivered(ana.sends(support.phone, 'Still there?'))
    await hub.webhook.received('message.received', 2)
    expect(hub.webhook.calls.some(({ type }) => type === 'session.disconnected')).toBe(false)
  })
})

test('19: webhooks are signed although no secret was set', async () => {
  await using hub = await startHub()
  await client(hub)('POST', '/api/sessions', { sessionId: 'unsecret', webhookUrl: hub.webhook.url })
  await expect.poll(() => hub.webhook.calls.length, { timeout: 20_000 }).toBeGreaterThan(0)
  expect(hub.webhook.calls[0]?.headers['x-webhook-signature']).toMatch(/^sha256=[\da-f]{64}$/)
})

test('25: a session that comes from Frappe is told to the Frappe of the server', async () => {
  await using frappe = await startReceiver({ secret: 'the secret that Frappe knows' })
  await using hub = await startHub({
    env: { FRAPPE_WEBHOOK_URL: frappe.url, FRAPPE_WEBHOOK_SECRET: frappe.secret },
  })
  const call = client(hub)
  const { json } = await call(
    'POST',
    '/api/sessions',
    { sessionId: 'desk', fromFrappe: true },
    { 'X-Frappe-Origin': 'true' },
  )
  expect(json.data).toMatchObject({ sendToFrappe: true, webhookUrl: null })
  expect((await call('GET', '/api/sessions/frappe/sessions')).json.data.sessions).toHaveLength(1)
  const { data } = (await call('GET', '/api/sessions/desk/qr')).json
  const phone = hub.emulator.phone('+12025550100')
  await phone.scan(data.qr)
  await expect
    .poll(() => frappe.calls.map(({ type }) => type), { timeout: 20_000 })
    .toContain('session.connected')
  expect(frappe.calls.every(({ verified }) => verified)).toBe(true)
  const off = await call('POST', '/api/sessions/desk/frappe/configure', { sendToFrappe: 'false' })
  expect(off.json).toMatchObject({
    message: expect.stringContaining('Frappe'),
    data: { sendToFrappe: false },
  })
})

test('every operation of the contract is served', async () => {
  await using hub = await startHub()
  const document = (await client(hub)('GET', '/openapi.json')).json
  const served = Object.values<Record<string, { operationId: string }>>(document.paths).flatMap((path) =>
    Object.values(path).map(({ operationId }) => operationId),
  )
  expect(served.toSorted()).toEqual(Object.keys(endpoints).toSorted())
  const { json: root } = await client(hub)('GET', '/')
  const areas = ['auth', 'sessions', 'messages', 'contacts', 'groups', 'status', 'media', 'webhooks']
  for (const area of [...areas, 'templates', 'organizations', 'audit'])
    expect(root.endpoints[area]).toBe(`/api/${area}`)
  for (const path of Object.values<string>(root.endpoints))
    expect(Object.keys(document.paths).filter((each) => each.startsWith(path))).not.toEqual([])
})
