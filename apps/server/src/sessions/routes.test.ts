import { Registry } from 'prom-client'
import { expect, test } from 'vitest'

import { systemClock } from '../platform/clock.ts'
import { createHttp } from '../platform/http/index.ts'
import { silentLog } from '../platform/log.ts'
import { formatFor, sessionRoutes } from './routes.ts'
import { sessionsOn, type SessionsUnderTest, sqliteStore } from './testing/sessions-under-test.ts'

test('create answers 201 with the session flat and nested, and reads find it by both names (contract rules 1–3)', async () => {
  await using api = await serving()
  const created = await api.call('POST', '/api/sessions', { sessionId: 'support', sessionName: 'Support' })
  expect([created.status, created.json.message]).toEqual([201, 'Sesión creada correctamente'])
  expect(created.json.data).toMatchObject({
    id: 1,
    status: 'pending',
    state: 'never_started',
    qrCode: null,
  })
  expect(created.json.data.session).toMatchObject({ id: 1, sessionId: 'support', name: 'Support' })
  for (const ref of ['1', 'support']) {
    const { status, json } = await api.call('GET', `/api/sessions/${ref}`)
    expect([status, json.data.id, json.data.session.sessionId, json.data.profile.name]).toEqual([
      200,
      1,
      'support',
      null,
    ])
  }
})

test('a second create answers 409 with the session that is there', async () => {
  await using api = await serving()
  await api.call('POST', '/api/sessions', { sessionId: 'support' })
  const again = await api.call('POST', '/api/sessions', { sessionId: 'support' })
  expect([again.status, again.json.code, again.json.error]).toEqual([
    409,
    'SESSION_ALREADY_EXISTS',
    'Session already exists',
  ])
  expect(again.json.data.session.id).toBe(1)
})

test('connect answers 200 and where the session is, with any body, any number of times (contract rule 4)', async () => {
  await using api = await serving()
  await api.call('POST', '/api/sessions', { sessionId: 'support', autoConnect: false })
  for (const body of [undefined, {}, { force: true }, { force: 'true' }]) {
    const { status, json } = await api.call('POST', '/api/sessions/support/connect', body)
    expect([status, json.message]).toEqual([200, 'Sesión iniciada, generando QR o reconectando...'])
    expect(json.data).toMatchObject({
      id: 1,
      sessionId: 'support',
      status: 'connecting',
      isConnected: false,
    })
  }
  await api.hub.engine.dialOf(1)
  expect(api.hub.engine.dials).toHaveLength(1)
  expect((await api.call('POST', '/api/sessions/nobody/connect')).status).toBe(404)
})

test('the QR comes as data URL, bare base64 and text, is never cached, and scans', async () => {
  await using api = await serving()
  await api.call('POST', '/api/sessions', { sessionId: 'support' })
  ;(await api.hub.engine.dialOf(1)).showQr()
  const { status, headers, json } = await api.call('GET', '/api/sessions/support/qr')
  expect([status, headers.get('cache-control')]).toEqual([200, 'no-store'])
  const { data } = json
  expect(data).toMatchObject({ id: 1, sessionId: 'support', status: 'qr_code', index: 1, of: 6 })
  expect(data.qr).toContain('#secret-1-1')
  expect(data.qrCode).toBe(`data:image/png;base64,${data.qrCodeBase64}`)
  expect(Date.parse(data.expiresAt) - Date.parse(data.generatedAt)).toBe(60_000)
  expect(api.hub.engine.dials).toHaveLength(1)
})

test.each([
  ['?format=png', {}, 'image/png'],
  ['', { accept: 'image/png' }, 'image/png'],
  ['?format=svg', {}, 'image/svg+xml'],
  ['?format=raw', {}, 'text/plain'],
  ['?format=terminal', {}, 'text/plain'],
  ['?format=JSON', { accept: 'image/png' }, 'application/json'],
])('the QR asked for with %s %o comes as %s', async (query, headers, type) => {
  await using api = await serving()
  await api.call('POST', '/api/sessions', { sessionId: 'support' })
  ;(await api.hub.engine.dialOf(1)).showQr()
  const answer = await api.call('GET', `/api/sessions/support/qr${query}`, undefined, headers)
  expect([answer.status, answer.headers.get('content-type')?.split(';')[0]]).toEqual([200, type])
  expect(answer.headers.get('cache-control')).toBe('no-store')
})

test('asking for the QR starts a session that was never started, and waits for it', async () => {
  await using api = await serving()
  await api.call('POST', '/api/sessions', { sessionId: 'support', autoConnect: false })
  const asked = api.call('GET', '/api/sessions/support/qr?wait=25000')
  ;(await api.hub.engine.dialOf(1)).showQr()
  expect((await asked).status).toBe(200)
})

test('a QR that is not there yet is a 404 with when to ask again, never a 5xx (contract rule 5)', async () => {
  await using api = await serving()
  await api.call('POST', '/api/sessions', { sessionId: 'support' })
  await api.hub.engine.dialOf(1)
  const { status, headers, json } = await api.call('GET', '/api/sessions/support/qr?wait=0')
  expect([status, json.code, headers.get('retry-after')]).toEqual([404, 'QR_NOT_READY', '1'])
  expect(json.data).toEqual({
    status: 'connecting',
    state: 'connecting',
    hasQR: false,
    retryAfter: 1,
    reason: null,
  })
  expect(json.error).toBe(json.message)
})

test('when no QR is going to come the answer is immediate, and names cause and remedy', async () => {
  await using api = await serving()
  await api.call('POST', '/api/sessions', { sessionId: 'support' })
  ;(await api.hub.engine.dialOf(1)).say({ type: 'passkey_required' })
  const { status, json } = await api.call('GET', '/api/sessions/support/qr?wait=25000', undefined, {
    'accept-language': 'en',
  })
  expect([status, json.code, json.details.reason]).toEqual([404, 'QR_NOT_READY', 'passkey_required'])
  expect(json.data.reason.remedy).toMatch(/Passkeys/)
  expect(json.data.status).toBe('error')
})

test('a live session has no QR: 409', async () => {
  await using api = await serving()
  await api.call('POST', '/api/sessions', { sessionId: 'support' })
  await api.hub.link(1)
  const { status, json } = await api.call('GET', '/api/sessions/support/qr')
  expect([status, json.code, json.data]).toEqual([
    409,
    'SESSION_ALREADY_CONNECTED',
    { status: 'connected', phoneNumber: '12025550123' },
  ])
  const code = await api.call('POST', '/api/sessions/support/pairing-code', { phoneNumber: '12025550123' })
  expect([code.status, code.json.code]).toEqual([409, 'SESSION_ALREADY_CONNECTED'])
})

test('whether a QR is there can be asked without waiting', async () => {
  await using api = await serving()
  await api.call('POST', '/api/sessions', { sessionId: 'support' })
  const dial = await api.hub.engine.dialOf(1)
  expect((await api.call('GET', '/api/sessions/1/qr/status')).json.data).toMatchObject({
    hasQR: false,
    status: 'connecting',
    expiresAt: null,
  })
  dial.showQr()
  expect((await api.call('GET', '/api/sessions/1/qr/status')).json.data).toMatchObject({
    hasQR: true,
    status: 'qr_code',
    isConnected: false,
    expiresAt: expect.stringMatching(/Z$/),
  })
})

test('a pairing code is answered readable', async () => {
  await using api = await serving()
  await api.call('POST', '/api/sessions', { sessionId: 'support' })
  ;(await api.hub.engine.dialOf(1)).showQr()
  const { status, json } = await api.call('POST', '/api/sessions/support/pairing-code', {
    phoneNumber: '+1 (202) 555-0123',
  })
  expect(status).toBe(200)
  expect(json.data).toMatchObject({
    status: 'qr_code',
    code: 'ABCD1234',
    formattedCode: 'ABCD-1234',
    phoneNumber: '12025550123',
  })
})

test('isConnected, status and phone number agree, before and after the link (contract rule 7)', async () => {
  await using api = await serving()
  await api.call('POST', '/api/sessions', { sessionId: 'support' })
  expect((await api.call('GET', '/api/sessions/1/status')).json.data).toMatchObject({
    isConnected: false,
    hasQR: false,
    phoneNumber: null,
  })
  const dial = await api.hub.link(1)
  expect((await api.call('GET', '/api/sessions/1/status')).json.data).toMatchObject({
    status: 'connected',
    isConnected: true,
    hasQR: false,
    phoneNumber: '12025550123',
    phoneNumberId: '12025550123:4@s.whatsapp.net',
    reason: null,
  })
  expect((await api.call('GET', '/api/sessions/1')).json.data.profile.name).toBe('Support')
  dial.hangUp({ origin: 'closed', reason: 'connection_lost', code: 408, message: '' })
  expect((await api.call('GET', '/api/sessions/1/status')).json.data).toMatchObject({
    status: 'connecting',
    state: 'waiting',
    isConnected: false,
    reason: { code: 'connection_lost', retryAt: expect.any(String) },
    lastError: { code: 'connection_lost' },
  })
})

test('a number that may not start new chats is connected, and says until when', async () => {
  await using api = await serving()
  await api.call('POST', '/api/sessions', { sessionId: 'support' })
  const dial = await api.hub.link(1)
  const until = api.hub.clock.now() + 3_600_000
  dial.say({ type: 'restricted', until, scope: 'new_chats' })
  expect((await api.call('GET', '/api/sessions/1/status')).json.data).toMatchObject({
    status: 'connected',
    isConnected: true,
    reason: { code: 'new_chats_restricted', retryAt: new Date(until).toISOString() },
  })
})

test('lists answer newest first, filter by any spelling, count, and never give a null lastActivity (rules 8, 9)', async () => {
  await using api = await serving()
  for (const sessionId of ['one', 'two', 'three'])
    await api.call('POST', '/api/sessions', {
      sessionId,
      autoConnect: sessionId !== 'three',
      fromFrappe: sessionId === 'two',
    })
  ;(await api.hub.engine.dialOf(1)).showQr()
  const all = (await api.call('GET', '/api/sessions?limit=5000')).json.data
  expect(all.sessions.map((session: { sessionId: string }) => session.sessionId)).toEqual([
    'three',
    'two',
    'one',
  ])
  expect(
    all.sessions.every((session: { lastActivity: string }) => Date.parse(session.lastActivity) > 0),
  ).toBe(true)
  expect([all.total, all.pagination]).toEqual([3, { total: 3, page: 1, limit: 1000, pages: 1 }])
  expect(all.sessions[2].qrCode).toMatch(/^data:image\/png;base64,/)
  const second = (await api.call('GET', '/api/sessions?limit=2&page=2')).json.data
  expect([second.sessions.length, second.pagination.pages]).toEqual([1, 2])
  const filtered = (await api.call('GET', '/api/sessions?status=QR_Code_Required')).json.data
  expect([filtered.total, filtered.sessions[0].sessionId]).toEqual([1, 'one'])
  expect((await api.call('GET', '/api/sessions?status=nonsense')).status).toBe(400)
  expect((await api.call('GET', '/api/sessions/frappe/sessions')).json.data.sessions).toHaveLength(1)
  expect((await api.call('GET', '/api/sessions/stats')).json.data.stats).toMatchObject({
    total: 3,
    qr_code: 1,
    pending: 1,
  })
})

test('disconnect and delete answer 200 with what clients read; what is deleted is 404', async () => {
  await using api = await serving()
  await api.call('POST', '/api/sessions', { sessionId: 'support' })
  await api.hub.link(1)
  const stopped = await api.call('POST', '/api/sessions/support/disconnect')
  expect([stopped.status, stopped.json.message, stopped.json.data.status]).toEqual([
    200,
    'Sesión desconectada correctamente',
    'disconnected',
  ])
  const restarted = await api.call('POST', '/api/sessions/support/restart', {})
  expect([restarted.status, restarted.json.data.status]).toEqual([200, 'connecting'])
  const deleted = await api.call('DELETE', '/api/sessions/support')
  expect([deleted.status, deleted.json.data]).toEqual([200, { id: 1, sessionId: 'support', deleted: true }])
  for (const path of ['', '/status', '/qr', '/qr/status', '/diagnostics', '/timeline', '/frappe/status']) {
    const { status, json } = await api.call('GET', `/api/sessions/1${path}`)
    expect([path, status, json.code]).toEqual([path, 404, 'SESSION_NOT_FOUND'])
  }
  expect((await api.call('DELETE', '/api/sessions/support')).status).toBe(404)
  const back = await api.call('POST', '/api/sessions/support/connect')
  expect([back.status, back.json.data.id, back.json.data.status]).toEqual([200, 1, 'connecting'])
})

test('webhook, proxy and Frappe settings can be changed; passwords are not told again', async () => {
  await using api = await serving()
  await api.call('POST', '/api/sessions', { sessionId: 'support', autoConnect: false })
  const hook = await api.call('PUT', '/api/sessions/1/webhook', {
    webhookUrl: 'https://crm.example.com/hook',
    webhookSecret: 'a-secret-of-sixteen',
    webhookEvents: ['message', 'session_status'],
  })
  expect([hook.status, hook.json.data.webhookUrl, hook.json.data.webhookEvents]).toEqual([
    200,
    'https://crm.example.com/hook',
    ['message', 'session_status'],
  ])
  expect(
    (await api.call('PUT', '/api/sessions/1/webhook', { webhookUrl: '' })).json.data.webhookUrl,
  ).toBeNull()
  const proxy = await api.call('PUT', '/api/sessions/1/proxy', {
    proxy: 'http://user:hunter2@127.0.0.1:3128',
  })
  expect([proxy.status, proxy.json.data.proxy]).toEqual([200, 'http://127.0.0.1:3128'])
  expect((await api.call('GET', '/api/sessions/1')).text).not.toContain('hunter2')
  const frappe = await api.call('POST', '/api/sessions/1/frappe/configure', { sendToFrappe: '1' })
  expect(frappe.json).toMatchObject({
    message: 'Integración con Frappe activada para la sesión',
    data: { sendToFrappe: true },
  })
  expect((await api.call('GET', '/api/sessions/1/frappe/status')).json.data).toMatchObject({
    sendToFrappe: true,
    sessionName: 'support',
  })
})

test('a session created from Frappe sends there, by field or by header (contract rule 25)', async () => {
  await using api = await serving()
  const byHeader = await api.call(
    'POST',
    '/api/sessions',
    { sessionId: 'one', autoConnect: false },
    { 'x-frappe-origin': 'true' },
  )
  const byField = await api.call('POST', '/api/sessions', {
    sessionId: 'two',
    autoConnect: false,
    fromFrappe: 'true',
  })
  expect([byHeader, byField].map(({ json }) => json.data.sendToFrappe)).toEqual([true, true])
})

test('diagnostics and timeline tell what happened, page by page', async () => {
  await using api = await serving()
  await api.call('POST', '/api/sessions', { sessionId: 'support' })
  const dial = await api.hub.engine.dialOf(1)
  dial.say({ type: 'step', step: { at: api.hub.clock.now(), step: 'tcp', detail: { port: 443 } } })
  dial.hangUp({
    origin: 'transport',
    reason: 'dns_failed',
    code: 408,
    message: '',
    details: { systemCode: 'ENOTFOUND' },
  })
  await api.hub.sessions.stored()
  const { json } = await api.call('GET', '/api/sessions/1/diagnostics', undefined, {
    'accept-language': 'en',
  })
  expect(json.data).toMatchObject({ status: 'connecting', state: 'waiting', wish: 'run', generation: 1 })
  expect(json.data.findings.map((finding: { code: string }) => finding.code)).toEqual([
    'dns_failed',
    'upgrade_refused',
  ])
  expect(json.data.dials[0]).toMatchObject({ generation: 1, outcome: 'dns_failed' })
  expect(json.data.probes[0]).toMatchObject({ name: 'upgrade', ok: false, remedy: expect.any(String) })
  expect(json.data.versions).toMatchObject({ hub: '1.2.3', whatsappWeb: null })
  const page = (await api.call('GET', '/api/sessions/1/timeline?limit=3&page=2')).json.data
  expect([page.timeline.length, page.pagination.page]).toEqual([3, 2])
  const seqs = page.timeline.map((row: { seq: number }) => row.seq)
  expect(seqs).toEqual([...seqs].sort((a: number, b: number) => b - a))
})

async function serving() {
  await using stack = new AsyncDisposableStack()
  const database = stack.use(await sqliteStore())
  const hub: SessionsUnderTest = stack.use(
    await sessionsOn(database, {
      probes: [{ name: 'upgrade', ok: false, ms: 4, detail: { status: 403 } }],
    }),
  )
  const http = stack.use(
    createHttp({
      log: silentLog,
      clock: systemClock,
      metrics: new Registry(),
      authenticate: (key) => (key === 'test-key' ? { ownerId: 1 } : undefined),
    }),
  )
  sessionRoutes(http, {
    sessions: hub.sessions,
    clock: hub.clock,
    profile: async () => ({ about: null, profilePictureUrl: null, isBusiness: false }),
    version: '1.2.3',
    whatsappVersion: undefined,
  })
  const { url } = await http.listen({ host: '127.0.0.1', port: 0 })
  const parts = stack.move()
  return {
    hub,
    async call(method: string, path: string, body?: object, headers: Record<string, string> = {}) {
      const answer = await fetch(`${url}${path}`, {
        method,
        headers: {
          'x-api-key': 'test-key',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await answer.text()
      const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true
      // Tests look into answers freely: what is not there is undefined and fails the expectation.
      const json: any = isJson ? JSON.parse(text) : {} // oxlint-disable-line typescript/no-explicit-any
      return { status: answer.status, headers: answer.headers, text, json }
    },
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  }
}

test.each([
  [undefined, 'json'],
  ['', 'json'],
  ['*/*', 'json'],
  ['application/json', 'json'],
  ['image/png', 'png'],
  ['image/*', 'png'],
  ['image/svg+xml', 'svg'],
  ['text/plain', 'raw'],
  ['text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8', 'json'],
  ['image/avif,image/webp,image/png,image/svg+xml,image/*;q=0.8,*/*;q=0.5', 'png'],
  ['application/json;q=0.1, image/png', 'png'],
  ['nonsense', 'json'],
])('Accept %s asks for %s', (accept, format) => {
  expect(formatFor(accept)).toBe(format)
})
