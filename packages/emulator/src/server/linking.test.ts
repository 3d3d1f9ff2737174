import { expect, test } from 'vitest'
import { startEmulator } from '../emulator.ts'
import { PairingError } from '../line.ts'
import { BaileysClient } from '../testing/baileys-client.ts'
import { linked, reconnected } from '../testing/linked.ts'

const mine = '+12025550100'

test('a client shows a QR code, is scanned, restarts and is open', async () => {
  await using emulator = await startEmulator()
  await using client = new BaileysClient(emulator)
  client.connect()
  const companion = await emulator.phone(mine).scan(await client.qr())
  expect(await client.closed()).toMatchObject({ code: 515 })
  await reconnected(client)

  expect(client.creds.me).toMatchObject({ id: '12025550100:1@s.whatsapp.net', lid: companion.lid })
  expect(client.creds.account).toBeDefined()
  expect(companion).toMatchObject({ device: 1, pn: '12025550100:1@s.whatsapp.net', platform: 'Mac OS' })
  expect(emulator.truth.dialsOf(mine).map(({ stage, reason }) => [stage, reason])).toEqual([
    ['registering', 'stream error 515'],
    ['open', undefined],
  ])
  expect([...emulator.truth.unanswered.keys()]).toEqual([])
  expect([...emulator.truth.protocolErrors]).toEqual([])
})

test('the first login brings the phone’s keys and history, so that the client does not wait for them', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  await client.until(() => client.creds.myAppStateKeyId)
  await client.until(() => client.creds.me?.name)
  await client.until(() => (client.creds.accountSyncCounter ?? 0) > 0)
  expect(client.creds.me?.name).toBe(emulator.phone(mine).pushName)
})

test('the client goes through the refs, and any of them can be scanned while it is connected', async () => {
  await using emulator = await startEmulator()
  await using client = new BaileysClient(emulator, { qrTimeout: 30 })
  client.connect()
  const second = await client.qr(1)
  await expect(client.qr(0)).resolves.not.toBe(second)
  await emulator.phone(mine).scan(second)
  expect(await client.closed()).toMatchObject({ code: 515 })
})

test('after six refs that nobody scanned the client gives up, and the last is good for nothing', async () => {
  await using emulator = await startEmulator()
  await using client = new BaileysClient(emulator, { qrTimeout: 15 })
  client.connect()
  const last = await client.qr(5)
  expect(await client.closed()).toMatchObject({ code: 408, message: 'QR refs attempts ended' })
  await emulator.truth.until((truth) => truth.dials.at(0)?.endedAt)
  await expect(emulator.phone(mine).scan(last)).rejects.toThrow(PairingError)
})

test('a ref links one device only', async () => {
  await using emulator = await startEmulator()
  await using client = new BaileysClient(emulator)
  client.connect()
  const qr = await client.qr()
  await emulator.phone(mine).scan(qr)
  await expect(emulator.phone('+12025550101').scan(qr)).rejects.toMatchObject({ refusal: 'unknown_ref' })
})

test('a fifth companion is refused', async () => {
  await using emulator = await startEmulator({ maxCompanions: 1 })
  await using first = await linked(emulator, mine)
  await using second = new BaileysClient(emulator)
  second.connect()
  await expect(emulator.phone(mine).scan(await second.qr())).rejects.toMatchObject({
    refusal: 'too_many_devices',
  })
  expect(first.socket.ws.isOpen).toBe(true)
})

test('a client is linked by the code typed on the phone', async () => {
  await using emulator = await startEmulator()
  await using client = new BaileysClient(emulator)
  const socket = client.connect()
  await client.qr()
  const code = await socket.requestPairingCode('12025550100')
  const companion = await emulator.phone(mine).enterCode(code)
  expect(companion.pn).toBe('12025550100:1@s.whatsapp.net')
  expect(await client.closed()).toMatchObject({ code: 515 })
  await reconnected(client)
  expect(client.creds.registered).toBe(true)
})

test('a wrong code links nothing', async () => {
  await using emulator = await startEmulator()
  await using client = new BaileysClient(emulator)
  const socket = client.connect()
  await client.qr()
  await socket.requestPairingCode('12025550100', 'ABCD2345')
  await expect(emulator.phone(mine).enterCode('WXYZ6789')).rejects.toThrow('code')
  expect(emulator.account(mine).companions).toEqual([])
})

test('a client that asked for a code but was never linked is refused at its next login', async () => {
  await using emulator = await startEmulator()
  await using client = new BaileysClient(emulator)
  const socket = client.connect()
  await client.qr()
  await socket.requestPairingCode('12025550100')
  await client.end()
  client.connect()
  expect(await client.closed()).toMatchObject({ code: 401, message: 'Connection Failure' })
})

test('an unlinked client is told so, and its keys are worth nothing from then on', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  emulator.phone(mine).unlink()
  expect(await client.closed()).toMatchObject({ code: 401, message: 'Stream Errored (conflict)' })
  client.forget()
  client.connect()
  expect(await client.closed()).toMatchObject({ code: 401, message: 'Connection Failure' })
})

test('a client that logs out is unlinked', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  await client.socket.logout()
  await emulator.truth.until(() => emulator.account(mine).companions.length === 0)
  expect((await client.closed()).code).toBe(401)
})

test('keys of another pairing do not log in', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  await client.end()
  client.creds = { ...client.creds, noiseKey: new BaileysClient(emulator).creds.noiseKey }
  client.connect()
  expect(await client.closed()).toMatchObject({ code: 401 })
})

test('a second login of the same device ends the first', async () => {
  await using emulator = await startEmulator()
  await using client = await linked(emulator, mine)
  await using copy = new BaileysClient(emulator)
  copy.creds = client.creds
  copy.connect()
  expect(await client.closed()).toMatchObject({ code: 440, message: 'Stream Errored (conflict)' })
  await copy.until(() => copy.updates.some(({ connection }) => connection === 'open'))
})

test('a client that was given routing info sends it ahead of its next handshake', async () => {
  const routingInfo = Buffer.from('0a0b0c', 'hex')
  await using emulator = await startEmulator({ routingInfo })
  await using client = await linked(emulator, mine)
  await client.until(() => client.creds.routingInfo)
  expect(client.creds.routingInfo).toEqual(routingInfo)
  await client.end()
  await reconnected(client)
})

test('thirty clients show their codes at once, with one dial each', async () => {
  await using emulator = await startEmulator()
  await using clients = new AsyncDisposableStack()
  const codes = Array.from({ length: 30 }, async () => {
    const client = clients.use(new BaileysClient(emulator))
    client.connect()
    return client.qr()
  })
  expect(new Set(await Promise.all(codes)).size).toBe(30)
  expect(emulator.truth.dials.total).toBe(30)
})
