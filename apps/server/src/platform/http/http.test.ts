import { connect } from 'node:net'
import { text as textOf } from 'node:stream/consumers'

import { type Bucket, type Endpoint, endpoints, HubError } from '@inbox-hub/contract'
import { Registry } from 'prom-client'
import { expect, test } from 'vitest'

import { systemClock } from '../clock.ts'
import { StoreFault } from '../database/index.ts'
import { silentLog } from '../log.ts'
import { createManualClock } from '../testing/manual-clock.ts'
import { createHttp, type Http, type HttpOptions, usualRateLimits } from './index.ts'

const key = 'test-key'

/** A server on a free port with the routes that `serve` adds, and a client for it. */
async function start(serve: (http: Http) => void = () => {}, options: Partial<HttpOptions> = {}) {
  const metrics = new Registry()
  const http = createHttp({
    log: silentLog,
    clock: systemClock,
    metrics,
    authenticate: (given) =>
      given === key
        ? { ownerId: 1, keyId: 'one' }
        : given === 'other-key'
          ? { ownerId: 1, keyId: 'other' }
          : undefined,
    ...options,
  })
  serve(http)
  const { url, port } = await http.listen({ host: '127.0.0.1', port: 0 })
  return {
    http,
    metrics,
    port,
    async call(
      method: string,
      path: string,
      { body, headers = {} }: { body?: unknown; headers?: Record<string, string> } = {},
    ) {
      const raw = typeof body === 'string' || body instanceof Uint8Array
      const answer = await fetch(`${url}${path}`, {
        method,
        headers: {
          'x-api-key': key,
          ...(body === undefined || raw ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: raw ? body : JSON.stringify(body) }),
      })
      const text = await answer.text()
      const isJson = answer.headers.get('content-type')?.startsWith('application/json') === true
      // Tests look into answers freely: what is not there is undefined and fails the expectation.
      const json = (isJson && text !== '' ? JSON.parse(text) : {}) as Record<string, any> // oxlint-disable-line typescript/no-explicit-any
      return { status: answer.status, headers: answer.headers, json, text }
    },
    async [Symbol.asyncDispose]() {
      await http[Symbol.asyncDispose]()
    },
  }
}

const connected = {
  id: 7,
  sessionId: 'support',
  status: 'connecting',
  state: 'connecting',
  isConnected: false,
  hasQR: false,
} as const

const serveConnect = (http: Http): void =>
  http.serve(endpoints.connectSession, () => ({ data: connected, message: 'session_connecting' }))

test('a success is the envelope of the contract, with the Spanish text and only fields of the contract', async () => {
  await using server = await start((http) =>
    http.serve(endpoints.connectSession, () => ({
      data: { ...connected, credentials: 'secret' } as typeof connected,
      message: 'session_connecting',
    })),
  )
  const { status, json } = await server.call('POST', '/api/sessions/support/connect', {
    body: { force: 'true' },
  })
  expect(status).toBe(200)
  expect(json).toEqual({
    success: true,
    message: 'Sesión iniciada, generando QR o reconectando...',
    data: connected,
    timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
  })
})

test('texts follow Accept-Language', async () => {
  await using server = await start(serveConnect)
  const call = (language: string) =>
    server.call('POST', '/api/sessions/x/connect', { headers: { 'accept-language': language } })
  expect((await call('en-GB,en;q=0.9')).json['message']).toBe(
    'Session started, making a QR code or reconnecting...',
  )
  expect((await call('pt-BR')).json['message']).toMatch(/^Sessão iniciada/)
  expect((await call('de, fr;q=0.5')).json['message']).toMatch(/^Sesión iniciada/)
})

test.each([
  ['nothing at all', undefined, {}],
  ['an empty JSON body', '', { 'content-type': 'application/json' }],
  ['blank JSON', ' \n', { 'content-type': 'application/json; charset=utf-8' }],
  ['an empty object', '{}', { 'content-type': 'application/json' }],
  ['JSON that curl calls a form', '{"force":true}', { 'content-type': 'application/x-www-form-urlencoded' }],
  ['a form', 'force=1', { 'content-type': 'application/x-www-form-urlencoded' }],
  ['nothing, called text', '', { 'content-type': 'text/plain' }],
])('a body may be %s', async (_name, body, headers) => {
  await using server = await start(serveConnect)
  const answer = await server.call('POST', '/api/sessions/x/connect', {
    ...(body === undefined ? {} : { body }),
    headers,
  })
  expect(answer.status).toBe(200)
})

test('every wrong field is named at once, in the language of the reader', async () => {
  await using server = await start((http) =>
    http.serve(endpoints.createSession, () => {
      throw new Error('not reached')
    }),
  )
  const body = {
    sessionId: 'no',
    sessionName: 'x'.repeat(256),
    webhookUrl: 'ftp://x',
    webhookEvents: 4,
    autoConnect: 'perhaps',
  }
  const { status, json } = await server.call('POST', '/api/sessions', {
    body,
    headers: { 'accept-language': 'en' },
  })
  expect(status).toBe(400)
  expect(json).toMatchObject({
    success: false,
    code: 'VALIDATION_ERROR',
    error: 'Invalid input',
    message: 'Invalid input',
    details: {
      sessionId: 'It must have 3 to 100 plain letters, digits, hyphens or underscores',
      sessionName: 'It must have at most 255 characters',
      webhookUrl: 'It must be an http or https address, without user and password',
      webhookEvents: 'It must be a list',
      autoConnect: 'It must be true or false',
    },
  })
  const spanish = await server.call('POST', '/api/sessions', { body: {} })
  expect(spanish.json).toMatchObject({
    error: 'Datos de entrada inválidos',
    details: { sessionId: 'Es obligatorio' },
  })
})

test.each([
  ['not JSON', '{"force":', 400, 'VALIDATION_ERROR'],
  ['a list', '[]', 400, 'VALIDATION_ERROR'],
  ['null', 'null', 200, undefined],
  ['a prototype key', '{"__proto__":{"x":1}}', 400, 'VALIDATION_ERROR'],
  ['a hidden prototype key', '{"\\u005f_proto__":{"x":1}}', 400, 'VALIDATION_ERROR'],
  ['a constructor', '{"constructor":{"prototype":{"x":1}}}', 400, 'VALIDATION_ERROR'],
  ['a hundred levels', `${'{"a":'.repeat(100)}1${'}'.repeat(100)}`, 400, 'VALIDATION_ERROR'],
  ['text with a null', '{"a":["x\\u0000"]}', 400, 'VALIDATION_ERROR'],
  ['bytes that are not UTF-8', new Uint8Array([123, 255, 125]), 400, 'VALIDATION_ERROR'],
  ['too much', `{"a":"${'x'.repeat(300_000)}"}`, 413, 'PAYLOAD_TOO_LARGE'],
])('a body that is %s', async (_name, body, status, code) => {
  await using server = await start(serveConnect)
  const answer = await server.call('POST', '/api/sessions/x/connect', {
    body,
    headers: { 'content-type': 'application/json' },
  })
  expect(answer.status).toBe(status)
  expect(answer.json['code']).toBe(code)
})

test('a malformed body is not quoted back', async () => {
  await using server = await start(serveConnect)
  const answer = await server.call('POST', '/api/sessions/x/connect', {
    body: '{"webhookSecret":"hunter2" oops',
    headers: { 'content-type': 'application/json' },
  })
  expect(answer.text).not.toContain('hunter2')
  expect(answer.json['details'].body).toMatch(/^No es JSON válido/)
})

test('another media type is refused', async () => {
  await using server = await start(serveConnect)
  const answer = await server.call('POST', '/api/sessions/x/connect', {
    body: 'hi',
    headers: { 'content-type': 'text/plain' },
  })
  expect(answer.status).toBe(415)
  expect(answer.json['code']).toBe('UNSUPPORTED_MEDIA_TYPE')
})

test('the key is asked for and checked; Authorization is not looked at', async () => {
  await using server = await start(serveConnect)
  const missing = await server.call('POST', '/api/sessions/x/connect', { headers: { 'x-api-key': '' } })
  expect([missing.status, missing.json['code']]).toEqual([401, 'MISSING_API_KEY'])
  const wrong = await server.call('POST', '/api/sessions/x/connect', { headers: { 'x-api-key': 'nobody' } })
  expect([wrong.status, wrong.json['code']]).toEqual([401, 'INVALID_API_KEY'])
  const stale = await server.call('POST', '/api/sessions/x/connect', {
    headers: { authorization: 'Bearer stale' },
  })
  expect(stale.status).toBe(200)
})

test('a HubError is answered with its status, both texts, its remedy, details, data and Retry-After', async () => {
  await using server = await start((http) =>
    http.serve(endpoints.getQr, () => {
      throw new HubError(
        'QR_NOT_READY',
        { reason: 'dns_failed' },
        {
          retryAfterMs: 2500,
          data: {
            status: 'connecting',
            state: 'waiting',
            hasQR: false,
            retryAfter: 3,
            reason: null,
            leaked: 1,
          },
          cause: new Error('for the log'),
        },
      )
    }),
  )
  const { status, json, headers, text } = await server.call('GET', '/api/sessions/x/qr')
  expect(status).toBe(404)
  expect(headers.get('retry-after')).toBe('3')
  expect(json).toMatchObject({
    success: false,
    error: 'El código QR todavía no está disponible',
    message: 'El código QR todavía no está disponible',
    code: 'QR_NOT_READY',
    remedy: expect.any(String),
    details: { reason: 'dns_failed' },
    data: { status: 'connecting', state: 'waiting', hasQR: false, retryAfter: 3, reason: null },
  })
  expect(text).not.toMatch(/leaked|for the log/)
})

test('what nobody foresaw is a 500 that tells the request id and keeps the cause to the log', async () => {
  const logged: unknown[] = []
  const log = { ...silentLog, error: (fields: object) => logged.push(fields) }
  await using server = await start(
    (http) =>
      http.serve(endpoints.connectSession, () => {
        throw new TypeError('SELECT secret FROM session')
      }),
    { log },
  )
  const answer = await server.call('POST', '/api/sessions/x/connect', {
    headers: { 'x-request-id': 'abc-1' },
  })
  expect(answer.status).toBe(500)
  expect(answer.json).toMatchObject({
    code: 'INTERNAL_ERROR',
    details: { requestId: 'abc-1' },
    requestId: 'abc-1',
  })
  expect(answer.text).not.toContain('SELECT')
  expect(logged).toEqual([expect.objectContaining({ requestId: 'abc-1', error: expect.any(TypeError) })])
})

test('an answer that does not match the contract does not leave', async () => {
  await using server = await start((http) =>
    http.serve(endpoints.connectSession, () => ({
      data: { ...connected, status: 'CONNECTED' as 'connected' },
    })),
  )
  expect((await server.call('POST', '/api/sessions/x/connect')).status).toBe(500)
})

test('a store that cannot commit is 503 STORE_UNAVAILABLE with Retry-After', async () => {
  await using server = await start((http) =>
    http.serve(endpoints.connectSession, () => {
      throw new StoreFault('disk full')
    }),
  )
  const answer = await server.call('POST', '/api/sessions/x/connect')
  expect([answer.status, answer.json['code'], answer.headers.get('retry-after')]).toEqual([
    503,
    'STORE_UNAVAILABLE',
    '5',
  ])
})

test('a request id is honoured when it is one, and echoed always', async () => {
  await using server = await start(serveConnect)
  const given = await server.call('POST', '/api/sessions/x/connect', {
    headers: { 'x-request-id': 'crm-42' },
  })
  expect(given.headers.get('x-request-id')).toBe('crm-42')
  const bad = await server.call('GET', '/nowhere', { headers: { 'x-request-id': 'a b\tc' } })
  expect(bad.headers.get('x-request-id')).toMatch(/^[\da-f-]{36}$/)
})

test.each([
  ['GET', '/nowhere', 404, 'NOT_FOUND'],
  ['GET', '/api/sessions/x/connect', 405, 'METHOD_NOT_ALLOWED'],
  ['POST', '/api/sessions/%E0%A4%A/connect', 400, 'VALIDATION_ERROR'],
  ['POST', `/api/sessions/${'x'.repeat(400)}/connect`, 414, 'URI_TOO_LONG'],
  ['POST', `/api/sessions/${'x'.repeat(200)}/connect`, 400, 'VALIDATION_ERROR'],
  ['POST', '/api/sessions/x%00y/connect', 400, 'VALIDATION_ERROR'],
  ['GET', '/api/../../etc/passwd', 404, 'NOT_FOUND'],
  ['GET', '/api/sessions/..%2f..%2fetc/nothing', 404, 'NOT_FOUND'],
  ['POST', '/api/sessions/x/connect/', 200, undefined],
])('%s %s', async (method, path, status, code) => {
  await using server = await start(serveConnect)
  const answer = await server.call(method, path)
  expect([answer.status, answer.json['code']]).toEqual([status, code])
  expect(answer.headers.get('ratelimit-policy')).toMatch(/^\d+;w=900$/)
  if (status === 405) expect(answer.headers.get('allow')).toBe('POST')
})

test('requests that are not HTTP, and headers without end, get an answer in the same shape', async () => {
  await using server = await start()
  const say = async (bytes: string): Promise<string> => {
    const socket = connect(server.port, '127.0.0.1')
    socket.write(bytes)
    return textOf(socket)
  }
  expect(await say('NONSENSE\r\n\r\n')).toMatch(
    /^HTTP\/1\.1 400 Bad Request\r\n[^]*"code":"VALIDATION_ERROR"/,
  )
  expect(await say(`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`)).toMatch(
    /^HTTP\/1\.1 431 [^]*"code":"HEADERS_TOO_LARGE"/,
  )
})

test('pages of other origins may call with credentials, and read the limits', async () => {
  await using server = await start(serveConnect)
  const origin = 'https://crm.example.com'
  const preflight = await server.call('OPTIONS', '/api/sessions/x/connect', {
    headers: {
      origin,
      'access-control-request-method': 'POST',
      'access-control-request-headers': 'x-api-key',
    },
  })
  expect(preflight.status).toBe(204)
  expect(preflight.headers.get('x-request-id')).not.toBeNull()
  expect(preflight.headers.get('access-control-allow-headers')).toBe('x-api-key')
  const { headers } = await server.call('POST', '/api/sessions/x/connect', { headers: { origin } })
  expect(headers.get('access-control-allow-origin')).toBe(origin)
  expect(headers.get('access-control-allow-credentials')).toBe('true')
  expect(headers.get('access-control-expose-headers')).toContain('RateLimit-Remaining')
  expect(headers.get('x-content-type-options')).toBe('nosniff')
  expect(headers.get('content-security-policy')).toContain("default-src 'none'")
  expect(headers.get('cache-control')).toBe('no-store')
})

test('the general limit counts per key and session, and says so on every answer', async () => {
  const clock = createManualClock()
  await using server = await start(
    (http) => http.serve(endpoints.configureFrappe, () => ({ data: { sessionId: 'x', sendToFrappe: true } })),
    { clock, rateLimits: { ...usualRateLimits, general: { max: 2, windowMs: 900_000 } } },
  )
  const call = (session: string, apiKey = key) =>
    server.call('POST', `/api/sessions/${session}/frappe/configure`, {
      body: { sendToFrappe: 1 },
      headers: { 'x-api-key': apiKey },
    })
  const first = await call('a')
  expect(first.headers.get('ratelimit-policy')).toBe('2;w=900')
  expect(first.headers.get('ratelimit-limit')).toBe('2')
  expect(first.headers.get('ratelimit-remaining')).toBe('1')
  expect(first.headers.get('ratelimit-reset')).toBe('900')
  await call('a')
  await clock.advance(300_000)
  const refused = await call('a')
  expect(refused.status).toBe(429)
  expect(refused.json['code']).toBe('RATE_LIMIT_EXCEEDED')
  expect(refused.json['error']).toContain('Demasiadas solicitudes')
  expect(refused.headers.get('retry-after')).toBe('600')
  expect((await call('b')).status).toBe(200)
  expect((await call('a', 'other-key')).status).toBe(200)
  await clock.advance(600_000)
  expect((await call('a')).status).toBe(200)
})

test('the limits are those of the contract (§2), each for what it is meant for', () => {
  const perQuarter = (max: number) => ({ max, windowMs: 900_000 })
  expect(usualRateLimits).toEqual({
    general: perQuarter(1000),
    reads: perQuarter(6000),
    whatsapp: { max: 30, windowMs: 60_000 },
    sending: { max: 20, windowMs: 60_000 },
    sendingHoldMs: 5000,
    auth: perQuarter(5),
  })
  const ids = (bucket: Bucket) =>
    Object.values<Endpoint>(endpoints)
      .filter((endpoint) => endpoint.bucket === bucket)
      .map(({ id }) => id)
  expect(ids('whatsapp')).toEqual(
    expect.arrayContaining([
      'createSession',
      'connectSession',
      'restartSession',
      'disconnectSession',
      'deleteSession',
    ]),
  )
  expect(ids('none')).toEqual(expect.arrayContaining(['getSessionStatus', 'getQr', 'getQrStatus']))
  expect(ids('sending')).toEqual(expect.arrayContaining(['sendMessage', 'retryMessage', 'useTemplate']))
  expect(ids('reads')).toEqual(expect.arrayContaining(['getContactInfo', 'listContacts', 'listMessages']))
  expect(ids('auth')).toEqual(
    expect.arrayContaining([
      'register',
      'login',
      'refreshToken',
      'requestPasswordReset',
      'resetPassword',
      'testSignature',
    ]),
  )
})

test('reads have a limit beside that of changes, and every answer has the headers of one', async () => {
  await using server = await start(
    (http) => {
      http.serve(endpoints.listSessions, () => ({
        data: { sessions: [], total: 0, pagination: { total: 0, page: 1, limit: 100, pages: 0 } },
      }))
      serveConnect(http)
    },
    { rateLimits: { ...usualRateLimits, general: { max: 1, windowMs: 900_000 } } },
  )
  const statuses = []
  for (const [method, path] of [
    ['POST', '/api/sessions/a/connect'],
    ['POST', '/api/sessions/a/connect'],
    ['GET', '/api/sessions'],
    ['GET', '/nowhere'],
    ['PUT', '/api/sessions'],
  ] as const) {
    const { status, headers } = await server.call(method, path)
    statuses.push(status)
    for (const name of ['policy', 'limit', 'remaining', 'reset'])
      expect([path, headers.get(`ratelimit-${name}`)]).toEqual([path, expect.stringMatching(/^\d+/)])
    expect(headers.has('retry-after')).toBe(status === 429)
  }
  expect(statuses).toEqual([200, 429, 200, 404, 405])
})

test('WhatsApp operations have a limit per session under either of its names, with headers of their own', async () => {
  const clock = createManualClock()
  await using server = await start(serveConnect, {
    clock,
    sessionNumber: (_owner, ref) => (ref === '7' || ref === 'support' ? 7 : undefined),
    rateLimits: { ...usualRateLimits, whatsapp: { max: 2, windowMs: 60_000 } },
  })
  const first = await server.call('POST', '/api/sessions/support/connect')
  expect(first.headers.get('x-ratelimit-limit')).toBe('2')
  expect(first.headers.get('x-ratelimit-remaining')).toBe('1')
  expect(first.headers.get('x-ratelimit-reset')).toBe(String((clock.now() + 60_000) / 1000))
  await server.call('POST', '/api/sessions/7/connect')
  expect((await server.call('POST', '/api/sessions/support/connect')).status).toBe(429)
})

test('polling for a QR code never meets a limit', async () => {
  await using server = await start(
    (http) =>
      http.serve(endpoints.getQrStatus, () => ({
        data: {
          id: 1,
          sessionId: 'x',
          hasQR: false,
          status: 'connecting' as const,
          state: 'connecting' as const,
          isConnected: false,
          expiresAt: null,
          reason: null,
          lastError: null,
        },
      })),
    {
      rateLimits: {
        ...usualRateLimits,
        reads: { max: 1, windowMs: 900_000 },
        general: { max: 1, windowMs: 900_000 },
      },
    },
  )
  for (let i = 0; i < 5; i++) expect((await server.call('GET', '/api/sessions/x/qr/status')).status).toBe(200)
})

test('a send that comes a little early waits for its turn; one that comes much too early is refused', async () => {
  const clock = createManualClock()
  let sent = 0
  await using server = await start(
    (http) =>
      http.serve(endpoints.sendMessage, () => {
        sent++
        throw new HubError('SESSION_NOT_CONNECTED')
      }),
    { clock, rateLimits: { ...usualRateLimits, sending: { max: 2, windowMs: 8000 }, sendingHoldMs: 5000 } },
  )
  const send = () =>
    server.call('POST', '/api/messages/x/send', { body: { to: '12025550123', message: 'hi' } })
  await send()
  await send()
  const held = send()
  await expect.poll(() => clock.pending).toBe(1)
  const refused = await send()
  expect([refused.status, refused.json['code']]).toEqual([429, 'MESSAGE_RATE_LIMIT_EXCEEDED'])
  expect(refused.headers.get('retry-after')).toBe('8')
  expect(sent).toBe(2)
  await clock.advance(4000)
  expect((await held).status).toBe(400)
  expect(sent).toBe(3)
})

test('an invalid request costs no place in the limit on sends', async () => {
  await using server = await start(
    (http) =>
      http.serve(endpoints.sendMessage, () => {
        throw new HubError('SESSION_NOT_CONNECTED')
      }),
    { clock: createManualClock(), rateLimits: { ...usualRateLimits, sending: { max: 1, windowMs: 60_000 } } },
  )
  for (let i = 0; i < 3; i++)
    expect((await server.call('POST', '/api/messages/x/send', { body: { to: 'nobody' } })).status).toBe(400)
  const valid = await server.call('POST', '/api/messages/x/send', {
    body: { to: '12025550123', message: 'hi' },
  })
  expect(valid.json['code']).toBe('SESSION_NOT_CONNECTED')
})

test('while it drains, requests under way are answered, new ones get 503, and those that wait are told to stop', async () => {
  const clock = createManualClock()
  const { promise: release, resolve } = Promise.withResolvers<void>()
  let arrived = 0
  let told = false
  await using server = await start(
    (http) => {
      http.serve(endpoints.connectSession, async () => {
        arrived++
        await release
        return { data: connected }
      })
      http.serve(endpoints.restartSession, async ({ signal }) => {
        arrived++
        await new Promise((done) => signal.addEventListener('abort', done))
        told = true
        return { data: connected }
      })
      http.serve(endpoints.metrics, () => ({ raw: 'ok', type: 'text/plain' }))
    },
    { clock },
  )
  const slow = server.call('POST', '/api/sessions/x/connect')
  const waiting = server.call('POST', '/api/sessions/x/restart')
  await expect.poll(() => arrived).toBe(2)
  const drained = server.http.drain(5000)
  const refused = await server.call('POST', '/api/sessions/x/connect')
  expect([refused.status, refused.json['code'], refused.headers.get('retry-after')]).toEqual([
    503,
    'SERVICE_UNAVAILABLE',
    '2',
  ])
  expect((await server.call('GET', '/metrics')).status).toBe(200)
  resolve()
  expect((await slow).status).toBe(200)
  expect(told).toBe(false)
  await clock.advance(5000)
  expect(told).toBe(true)
  expect((await waiting).status).toBe(200)
  await drained
})

test('the signal of a request is aborted when its client goes away', async () => {
  const { promise: aborted, resolve: onAbort } = Promise.withResolvers<void>()
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<AbortSignal>()
  await using server = await start(
    (http) =>
      http.serve(endpoints.connectSession, async ({ signal }) => {
        const gone = new Promise<void>((done) => signal.addEventListener('abort', () => done()))
        arrive(signal)
        await gone
        onAbort()
        return { data: connected }
      }),
    { clock: createManualClock() },
  )
  const socket = connect(server.port, '127.0.0.1')
  socket.write(
    `POST /api/sessions/x/connect HTTP/1.1\r\nhost: x\r\nx-api-key: ${key}\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}`,
  )
  const signal = await arrived
  // Another request is answered in between: the body of the first was read long ago, and that aborts nothing.
  await server.call('GET', '/nowhere')
  expect(signal.aborted).toBe(false)
  socket.destroy()
  await aborted
  // Nor does a drain wait for it: time stands still here.
  await server.http.drain(5000)
})

test('answers that are not JSON leave as they are', async () => {
  const picture = new Uint8Array([137, 80, 78, 71])
  await using server = await start((http) =>
    http.serve(endpoints.getQr, () => ({
      raw: picture,
      type: 'image/png',
      headers: { 'x-expires-at': 'soon' },
    })),
  )
  const answer = await server.call('GET', '/api/sessions/x/qr?format=PNG')
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-type')).toBe('image/png')
  expect(answer.headers.get('x-expires-at')).toBe('soon')
})

test('the OpenAPI document describes what is served, with its errors', async () => {
  await using server = await start(serveConnect)
  const { json } = await server.call('GET', '/openapi.json', { headers: { 'x-api-key': '' } })
  expect(json['openapi']).toBe('3.1.0')
  const operation = json['paths']['/api/sessions/{ref}/connect'].post
  expect(operation.operationId).toBe('connectSession')
  expect(Object.keys(operation.responses)).toEqual(
    expect.arrayContaining(['200', '400', '401', '404', '413', '415', '429', '500', '503']),
  )
})

test('the reference page loads nothing from elsewhere', async () => {
  await using server = await start()
  const page = await server.call('GET', '/api/docs')
  expect(page.status).toBe(200)
  expect(page.headers.get('content-security-policy')).toMatch(/default-src 'none'.*script-src 'self'/)
  expect(page.text).not.toMatch(/https?:\/\//)
  for (const [, path] of page.text.matchAll(/<script src="([^"]+)"/g)) {
    const script = await server.call('GET', path ?? '')
    expect([script.status, script.headers.get('content-type')]).toEqual([
      200,
      'text/javascript; charset=utf-8',
    ])
  }
})

test('an operation is served once', async () => {
  await using server = await start(serveConnect)
  expect(() => serveConnect(server.http)).toThrow('served twice')
})

test('durations are measured by route, not by path', async () => {
  await using server = await start(serveConnect)
  await server.call('POST', '/api/sessions/x/connect')
  await server.call('POST', '/api/sessions/y/connect')
  await expect
    .poll(() => server.metrics.metrics())
    .toContain(
      'inbox_hub_http_request_duration_seconds_count{method="POST",route="/api/sessions/:ref/connect",status="200"} 2',
    )
})

test('a body that does not arrive in time is answered 408, though uploads have longer', async () => {
  const clock = createManualClock()
  await using server = await start(serveConnect, { clock })
  const socket = connect(server.port, '127.0.0.1')
  const answered = textOf(socket)
  socket.write(
    `POST /api/sessions/x/connect HTTP/1.1\r\nHost: x\r\nX-API-Key: ${key}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{`,
  )
  while (clock.pending === 0) await new Promise((resolve) => setImmediate(resolve))
  await clock.advance(29_999)
  expect(clock.pending).toBe(1)
  await clock.advance(1)
  expect(await answered).toMatch(/^HTTP\/1\.1 408 .*"code":"REQUEST_TIMEOUT"/s)
})

test('a file that is refused before it was read to its end leaves a connection that can be used', async () => {
  const sizes: number[] = []
  await using server = await start((http) =>
    http.serve(endpoints.uploadMedia, async ({ bytes }) => {
      let size = 0
      for await (const chunk of bytes) {
        size += chunk.length
        if (size > 100_000) throw new HubError('FILE_TOO_LARGE', { maxBytes: 100_000 })
      }
      sizes.push(size)
      throw new HubError('FILE_EMPTY')
    }),
  )
  const post = (body: Uint8Array, type = 'application/octet-stream') =>
    server.call('POST', '/api/media', { body, headers: { 'content-type': type } })
  for (let times = 0; times < 3; times++) {
    expect((await post(Buffer.alloc(5_000_000))).json).toMatchObject({
      code: 'FILE_TOO_LARGE',
      details: { maxBytes: 100_000 },
    })
  }
  expect((await post(Buffer.alloc(100_000))).json).toMatchObject({ code: 'FILE_EMPTY' })
  // Neither JSON nor forms are parsed there, and no limit of JSON bodies counts.
  await post(Buffer.from('{"not": parsed'), 'application/json')
  expect(sizes).toEqual([100_000, 14])
})
