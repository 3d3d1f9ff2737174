import { readFile } from 'node:fs/promises'
import { request } from 'node:http'

import { beforeAll, describe, expect, expectTypeOf, test, vi } from 'vitest'
import type { z } from 'zod'

import { type Emulator, startEmulator } from '../emulator.ts'
import type { Action, Disconnect, Stage } from '../faults.ts'
import type { MediaFault } from '../media/index.ts'
import type { DeliveryFault, MessageFault, QueryFault } from '../server/account-faults.ts'
import { BaileysClient } from '../testing/baileys-client.ts'
import { linked, reconnected } from '../testing/linked.ts'
import { controlEndpoints, startControl } from './control.ts'
import type * as schemas from './fault-schemas.ts'

const support = '+12025550100'
const customer = '+12025550123'

// libsignal prints its session records, keys included.
beforeAll(() => void vi.spyOn(console, 'error').mockImplementation(() => {}))

interface Answer {
  status: number
  // What a test expects of it, it says itself.
  body: ReturnType<typeof JSON.parse>
}

/** Calls the API, as `POST /phones` with a body. */
async function setUp(): Promise<{
  emulator: Emulator
  url: string
  call: (route: string, body?: object, headers?: Record<string, string>) => Promise<Answer>
  [Symbol.asyncDispose](): Promise<void>
}> {
  const emulator = await startEmulator()
  const control = await startControl(emulator)
  return {
    emulator,
    url: control.url,
    call: async (route, body, headers = {}) => {
      const [method = '', path = ''] = route.split(' ')
      const response = await fetch(`${control.url}${path}`, {
        method,
        headers: { 'content-type': 'application/json', ...headers },
        ...(body !== undefined && { body: JSON.stringify(body) }),
      })
      return { status: response.status, body: await response.json() }
    },
    [Symbol.asyncDispose]: async () => {
      await control[Symbol.asyncDispose]()
      await emulator[Symbol.asyncDispose]()
    },
  }
}

test('a client is linked, written to, read and answered over HTTP alone', async () => {
  await using api = await setUp()
  const { call } = api
  const about = await call('GET /')
  const { url, rootKey, environment } = api.emulator
  expect(about.body).toMatchObject({ url, rootKey, environment })
  expect(about.body.endpoints).toContainEqual({
    method: 'POST',
    path: '/phones/:number/scan',
    about: 'Scans the text of a linking QR code.',
    takes: ['qr'],
  })

  expect((await call('POST /phones', { number: support, pushName: 'Support' })).body).toMatchObject({
    number: support,
    pushName: 'Support',
    online: true,
    companions: [],
  })
  await using client = new BaileysClient(api.emulator)
  client.connect()
  const scanned = await call(`POST /phones/${support}/scan`, { qr: await client.qr() })
  expect(scanned).toMatchObject({ status: 200, body: { device: 1, platform: 'Mac OS' } })
  await client.closed()
  await reconnected(client)

  const sent = await call(`POST /phones/${customer}/messages`, { to: support, text: 'hello', id: 'HELLO' })
  expect(sent.body).toEqual({ id: 'HELLO', chat: '12025550100@s.whatsapp.net' })
  const { message } = await client.until(() =>
    client.messages.find(({ message }) => message.key.id === 'HELLO'),
  )
  const waiting = call(`POST /phones/${customer}/receives`, { text: 'hi' })
  await client.socket.sendMessage(message.key.remoteJid ?? '', { text: 'hi' })
  expect((await waiting).body).toMatchObject({
    text: 'hi',
    from: '12025550100:1@s.whatsapp.net',
    fromMe: false,
  })
  expect(await call(`POST /phones/${customer}/read`, { chat: support })).toMatchObject({ status: 200 })
  const listed = await call(`GET /phones/${customer}/messages?chat=%2B12025550100`)
  expect(listed.body.map(({ text }: { text: string }) => text)).toEqual(['hello', 'hi'])
  expect(
    (await call(`POST /phones/${customer}/reactions`, { messageId: listed.body[1].id, emoji: '👍' })).status,
  ).toBe(200)
  const place = { locationMessage: { degreesLatitude: 1, degreesLongitude: 2, jpegThumbnail: 'AAEC' } }
  expect(
    (await call(`POST /phones/${customer}/content`, { to: support, message: place, id: 'PLACE' })).status,
  ).toBe(200)
  const located = await client.until(() => client.messages.find(({ message }) => message.key.id === 'PLACE'))
  expect(located.message.message?.locationMessage).toMatchObject({
    degreesLongitude: 2,
    jpegThumbnail: Uint8Array.of(0, 1, 2),
  })
  expect(
    (await call(`POST /phones/${customer}/content`, { to: support, message: { nonsense: 1 } })).status,
  ).toBe(400)
  await call(`PATCH /phones/${customer}/messages/HELLO`, { text: 'hallo' })
  await call(`DELETE /phones/${customer}/messages/HELLO`)
  await client.until(() =>
    client.messages.some(({ message }) => message.message?.protocolMessage?.key?.id === 'HELLO'),
  )

  expect((await call('GET /truth')).body).toMatchObject({ totals: { decryptFailures: 0 }, unanswered: {} })
  expect((await call('GET /truth/decrypted')).body).toContainEqual(expect.objectContaining({ text: 'hi' }))
  expect((await call('GET /phones')).body.map(({ number }: { number: string }) => number)).toEqual([
    support,
    customer,
  ])
  expect((await call(`GET /accounts/${support}`)).body).toMatchObject({ companions: [{ online: true }] })
})

test('connections are dropped, logins refused and faults planned over HTTP', async () => {
  await using api = await setUp()
  await using client = await linked(api.emulator, support)
  await api.call(`POST /accounts/${support}/disconnect`, { how: 'unavailable' })
  expect(await client.closed()).toMatchObject({ code: 503 })
  await api.call(`PUT /accounts/${support}/refusal`, { reason: 402, attrs: { code: '101', expire: '60' } })
  client.forget()
  client.connect()
  expect(await client.closed()).toMatchObject({ code: 402, data: { code: '101', expire: '60' } })
  await api.call(`DELETE /accounts/${support}/refusal`)
  await api.call('POST /faults', { faults: [{ at: 'payload', do: 'failure', reason: 405 }] })
  client.forget()
  client.connect()
  expect(await client.closed()).toMatchObject({ code: 405 })
  await reconnected(client)
  await api.call(`POST /accounts/${support}/message-faults`, { fault: { kind: 'nack', error: 463 } })
  const to = api.emulator.phone(customer).lid
  const refused = await client.socket.sendMessage(to, { text: 'refused' })
  await client.until(() =>
    client.stanzas.some(({ attrs }) => attrs['id'] === refused?.key.id && attrs['error'] === '463'),
  )
  expect((await api.call('GET /truth/dials?limit=2')).body).toHaveLength(2)
})

describe('a request that cannot be fulfilled says why', () => {
  test.each([
    ['GET /nowhere', undefined, 404, { code: 'NOT_FOUND' }],
    ['DELETE /phones', undefined, 405, { code: 'METHOD_NOT_ALLOWED', message: '/phones takes GET, POST.' }],
    [
      'POST /phones',
      { number: 'x' },
      400,
      { fields: [{ path: 'number', message: 'a number like +12025550123' }] },
    ],
    ['POST /phones', { number: support, colour: 1 }, 400, { code: 'INVALID_REQUEST' }],
    [`POST /phones/${support}/scan`, { qr: 'what?' }, 400, { code: 'NOT_A_LINKING_QR' }],
    [`POST /phones/${support}/messages`, { to: 'nobody', text: 'x' }, 404, { code: 'NO_SUCH_THING' }],
    [`POST /phones/${support}/receives`, { text: 'x', waitMs: 1 }, 408, { code: 'NOT_IN_TIME' }],
    [`POST /phones/${support}/reactions`, { messageId: 'x', emoji: 'x' }, 404, { code: 'NO_SUCH_THING' }],
    ['POST /faults', { faults: [{ at: 'payload', do: 'explode' }] }, 400, { code: 'INVALID_REQUEST' }],
    ['POST /faults', { faults: [{ at: 'payload', do: 'reset', ms: 1 }] }, 400, { code: 'INVALID_REQUEST' }],
    ['GET /truth/lies', undefined, 400, { code: 'INVALID_REQUEST' }],
  ])('%s %j', async (route, body, status, error) => {
    await using api = await setUp()
    expect(await api.call(route, body)).toMatchObject({ status, body: { error } })
  })
})

test('only programs on this machine are answered', async () => {
  await using api = await setUp()
  expect(await api.call('GET /', undefined, { origin: 'http://127.0.0.1' })).toMatchObject({ status: 403 })
  const asOther = Promise.withResolvers<number | undefined>()
  request(api.url, { headers: { host: 'example.com' } }, ({ statusCode }) =>
    asOther.resolve(statusCode),
  ).end()
  expect(await asOther.promise).toBe(403)
})

test('every fault there is has a schema', () => {
  expectTypeOf<Action>().toExtend<z.input<typeof schemas.action>>()
  expectTypeOf<Stage>().toEqualTypeOf<z.input<typeof schemas.when>['at']>()
  expectTypeOf<Disconnect>().toEqualTypeOf<z.input<typeof schemas.disconnect>>()
  expectTypeOf<MessageFault>().toExtend<z.input<typeof schemas.messageFault>>()
  expectTypeOf<DeliveryFault>().toExtend<z.input<typeof schemas.deliveryFault>>()
  expectTypeOf<MediaFault>().toExtend<z.input<typeof schemas.mediaFault>>()
  expectTypeOf<QueryFault>().toExtend<z.input<typeof schemas.queryFault>>()
})

test('every endpoint and field is in the documentation, and nothing else is', async () => {
  await using emulator = await startEmulator()
  const page = await readFile(new URL('../../../../docs/protocol/emulator.md', import.meta.url), 'utf8')
  const documented = new Map(
    [...page.matchAll(/^\| `([A-Z]+ \/\S*)`\s+\| (.*) \|$/gm)].map(([, route, about]) => [
      route,
      about ?? '',
    ]),
  )
  const endpoints = controlEndpoints(emulator)
  expect(new Set(documented.keys())).toEqual(
    new Set(endpoints.map(({ method, path }) => `${method} ${path}`)),
  )
  for (const { method, path, takes } of endpoints) {
    const about = documented.get(`${method} ${path}`) ?? ''
    // "The same, and": what the line above it in the table takes.
    const inherited = about.startsWith('The same') ? (documented.get('POST /phones') ?? '') : ''
    for (const field of takes) expect(`${about} ${inherited}`).toContain(`\`${field}\``)
  }
})
