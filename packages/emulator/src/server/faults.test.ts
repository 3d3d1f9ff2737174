import { expect, test } from 'vitest'
import { startEmulator } from '../emulator.ts'
import type { Disconnect, Fault } from '../faults.ts'
import { BaileysClient } from '../testing/baileys-client.ts'
import { collectRejections } from '../testing/rejections.ts'
import { linked, reconnected } from '../testing/linked.ts'

const mine = '+12025550100'
const theirs = '+12025550123'

test.each([301, 403, 405, 407, 429, 503])('an upgrade answered with %i', async (status) => {
  await using emulator = await startEmulator()
  await using client = new BaileysClient(emulator)
  emulator.nextConnection({ at: 'upgrade', do: 'http', status, location: 'http://127.0.0.1:9/' })
  const socket = client.connect()
  // Baileys says nothing of it: the hub's own listener must see it.
  const refused = Promise.withResolvers<number | undefined>()
  socket.ws.on('unexpected-response', (_: unknown, response: { statusCode?: number }) =>
    refused.resolve(response.statusCode),
  )
  expect(await refused.promise).toBe(status)
  expect(await emulator.truth.until((truth) => truth.dials.at(0)?.reason)).toBe(`http ${status}`)
})

test.each([
  [401, {}],
  [402, { code: '101', expire: '3600' }],
  [403, { logout_message_header: 'Locked' }],
  [405, {}],
  [406, {}],
  [409, {}],
  [411, {}],
  [500, {}],
  [503, {}],
])('a registration answered with failure %i', async (reason, attrs) => {
  await using emulator = await startEmulator()
  await using client = new BaileysClient(emulator)
  emulator.nextConnection({ at: 'payload', do: 'failure', reason, attrs })
  client.connect()
  expect(await client.closed()).toMatchObject({
    code: reason,
    message: 'Connection Failure',
    data: { reason: String(reason), ...attrs },
  })
})

test('an account’s logins are refused until that is lifted', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  {
    using _ = emulator.account(mine).refuseLogins(402, { code: '101', expire: '60' })
    emulator.account(mine).disconnect()
    await client.closed()
    client.forget()
    client.connect()
    expect(await client.closed()).toMatchObject({ code: 402, data: { expire: '60' } })
  }
  await reconnected(client)
})

test.each<[Disconnect, number, string]>([
  ['connection_lost', 428, 'Connection Terminated'],
  ['closed', 428, 'Connection Terminated'],
  ['stream_ended', 428, 'Connection Terminated by Server'],
  ['replaced', 440, 'Stream Errored (conflict)'],
  ['device_removed', 401, 'Stream Errored (conflict)'],
  ['restart_required', 515, 'Stream Errored (restart required)'],
  ['unavailable', 503, 'Stream Errored (unknown)'],
  ['internal_error', 500, 'Stream Errored (unknown)'],
  ['downgraded', 411, 'Multi-device beta not joined'],
])('an open connection ends with %s', async (how, code, message) => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  emulator.account(mine).disconnect(how)
  expect(await client.closed()).toMatchObject({ code, message })
})

test.each<Fault['at']>(['noise', 'payload', 'login'])('a connection that breaks at %s', async (at) => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  await client.end()
  emulator.nextConnection({ at, do: 'reset' })
  client.connect()
  expect((await client.closed()).code).toBeGreaterThanOrEqual(400)
  await reconnected(client)
})

test.each<Fault['at']>(['tcp', 'upgrade', 'noise', 'payload'])(
  'a server that falls silent at %s',
  async (at) => {
    await using emulator = await startEmulator()
    await using client = new BaileysClient(emulator, { connectTimeoutMs: 100, keepAliveIntervalMs: 100 })
    emulator.nextConnection({ at, do: 'silence' })
    client.connect()
    const reached = await emulator.truth.until(
      (truth) => truth.dials.at(0)?.stage === (at === 'payload' ? 'registering' : at),
    )
    expect(reached).toBe(true)
    expect(client.updates.some(({ qr }) => qr !== undefined)).toBe(false)
  },
)

test('a server that falls silent answers no ping', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  emulator.account(mine).disconnect('silence')
  const ping = { tag: 'iq', attrs: { to: 's.whatsapp.net', type: 'get', xmlns: 'w:p' } }
  await expect(client.socket.query(ping, 100)).rejects.toThrow('Timed Out')
  expect(client.socket.ws.isOpen).toBe(true)
})

test.each(['wrong_issuer', 'missing_leaf'] as const)(
  'a chain with %s is refused by the client',
  async (flaw) => {
    await using emulator = await startEmulator()
    await using client = new BaileysClient(emulator)
    emulator.nextConnection({ at: 'noise', do: 'certificate', flaw })
    client.connect()
    expect(await client.closed()).toMatchObject({ code: 400 })
  },
)

// Its `Curve.verify` asks whether libsignal throws, but that only returns false: no signature is ever refused.
// TLS is what authenticates the server, and must not be switched off.
test.each(['unknown_root', 'forged_leaf', 'other_key'] as const)(
  'a chain with %s is accepted by Baileys, which should refuse it',
  async (flaw) => {
    await using emulator = await startEmulator()
    await using client = new BaileysClient(emulator)
    emulator.nextConnection({ at: 'noise', do: 'certificate', flaw })
    client.connect()
    expect(await client.qr()).toMatch(/^https:/)
  },
)

test.each(['garbage', 'malformed'] as const)(
  'a %s frame is rejected outside of every handler',
  async (kind) => {
    await using emulator = await startEmulator()
    await using _client = await linked(emulator, mine)
    using rejections = collectRejections()
    emulator.account(mine).disconnect(kind)
    expect(await rejections.next()).toBeInstanceOf(Error)
  },
)

test('a slow answer at each stage only takes its time', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  await client.end()
  emulator.nextConnection([
    { at: 'tcp', do: 'delay', ms: 20 },
    { at: 'upgrade', do: 'delay', ms: 20 },
    { at: 'noise', do: 'delay', ms: 20 },
    { at: 'payload', do: 'delay', ms: 20 },
    { at: 'login', do: 'delay', ms: 20 },
    { at: 'open', do: 'delay', ms: 20 },
  ])
  await reconnected(client)
  expect(client.socket.ws.isOpen).toBe(true)
})

test('a query that is refused, and one that is answered late', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  emulator.account(mine).onQueries({ query: 'usync', answer: { code: 429, text: 'rate-overlimit' } })
  await expect(client.socket.onWhatsApp('12025550123')).rejects.toMatchObject({ data: 429 })
  emulator.account(mine).onQueries({ query: 'usync', answer: { delayMs: 20 } })
  expect(await client.socket.onWhatsApp('12025550123')).toMatchObject([{ exists: true }])
})

test.each(['463', '479', '500'])('a message refused with %s is delivered to nobody', async (error) => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  emulator.account(mine).onMessages({ kind: 'nack', error: Number(error) })
  const sent = await client.socket.sendMessage('12025550123@s.whatsapp.net', { text: 'no' })
  const ack = await client.until(() => client.stanzas.find(({ attrs }) => attrs['class'] === 'message'))
  expect(ack.attrs).toMatchObject({ id: sent?.key.id, error })
  expect(emulator.truth.decrypted.filter(({ text }) => text === 'no')).toEqual([])
  expect(emulator.truth.sent.at(-1)).toMatchObject({ refused: error })
})

test('messages are lost, delivered without an ack, or acknowledged late', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  const customer = emulator.phone(theirs)
  const acks = (): number => client.stanzas.filter(({ attrs }) => attrs['class'] === 'message').length
  const send = (text: string) => client.socket.sendMessage('12025550123@s.whatsapp.net', { text })

  emulator.account(mine).onMessages({ kind: 'lost' })
  await send('lost')
  emulator.account(mine).onMessages({ kind: 'unacknowledged' })
  await send('unacknowledged')
  await customer.receives('unacknowledged')
  expect(acks()).toBe(0)
  emulator.account(mine).onMessages({ kind: 'slow', delayMs: 20 })
  await send('slow')
  await client.until(() => acks() === 1)
  expect(customer.inbox.map(({ text }) => text)).toEqual(['unacknowledged', 'slow'])
})

test('a compressed message is overtaken by the next', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  const customer = emulator.phone(theirs)
  emulator.account(mine).onDeliveries({ kind: 'compressed' })
  const first = customer.sends(mine, 'x'.repeat(60_000))
  const second = customer.sends(mine, 'short')
  const ids = await client.until(() => {
    const seen = client.stanzas.flatMap(({ tag, attrs }) => (tag === 'message' ? (attrs['id'] ?? []) : []))
    return seen.includes(first.id) && seen.includes(second.id) && seen
  })
  expect(ids.indexOf(second.id)).toBeLessThan(ids.indexOf(first.id))
})

test('a message that is withheld comes after the next login', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  emulator.account(mine).onDeliveries({ kind: 'withheld' })
  const sent = emulator.phone(theirs).sends(mine, 'later')
  expect(emulator.truth.owed(mine)).toMatchObject([{ id: sent.id, attempts: 0 }])
  await client.end()
  await reconnected(client)
  await emulator.truth.until((truth) => truth.owed(mine).length === 0)
  expect(emulator.truth.deliveries.at(-1)).toMatchObject({ id: sent.id, attempts: 1, settled: 'receipt' })
})

test('the server asks for a new QR secret, or for a passkey', async () => {
  await using emulator = await startEmulator()
  await using client = new BaileysClient(emulator)
  emulator.nextConnection([
    { at: 'qr', do: 'companion_reg_refresh' },
    { at: 'qr', do: 'passkey_prologue' },
  ])
  client.connect()
  const asked = await client.until(() => {
    const types = client.stanzas.filter(({ tag }) => tag === 'notification').map(({ attrs }) => attrs['type'])
    return types.length === 2 && types
  })
  expect(asked).toEqual(['companion_reg_refresh', 'passkey_prologue_request'])
})

test('a client of an old version is told to update', async () => {
  await using emulator = await startEmulator()
  await using client = new BaileysClient(emulator, { version: [2, 3000, 1] })
  using _ = emulator.refuseVersions((version) => version === '2.3000.1')
  client.connect()
  expect(await client.closed()).toMatchObject({ code: 405 })
  expect(emulator.truth.dials.at(0)).toMatchObject({ version: '2.3000.1', reason: 'failure 405' })
  client.forget()
  client.connect({ version: [2, 3000, 2] })
  expect(await client.qr()).toMatch(/^https:/)
})

test('faults can be done to a connection by hand, and plans taken back', async () => {
  await using emulator = await startEmulator()
  await using client = new BaileysClient(emulator)
  emulator.nextConnection({ at: 'tcp', do: 'reset' }, { times: 3 })[Symbol.dispose]()
  client.connect()
  await client.qr()
  emulator.connections()[0]?.act({ do: 'stream_error', code: 503 })
  expect(await client.closed()).toMatchObject({ code: 503 })
})

test('what begins as something else ends that connection and nothing more', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  const stranger = new WebSocket(emulator.url)
  const closed = Promise.withResolvers<void>()
  stranger.addEventListener('open', () => stranger.send(Buffer.from('hello?')))
  stranger.addEventListener('close', () => closed.resolve())
  await closed.promise
  expect(emulator.truth.protocolErrors.total).toBe(1)
  expect(client.socket.ws.isOpen).toBe(true)
})
