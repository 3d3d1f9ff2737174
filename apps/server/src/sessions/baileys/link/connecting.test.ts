import { initAuthCreds } from '../baileys.ts'
import { describe, expect, test } from 'vitest'

import type { DisconnectReason } from '@inbox-hub/whatsapp'

import { createManualClock } from '../../../platform/testing/manual-clock.ts'
import { encodeCredentials } from '../credentials.ts'
import type { LinkEvent } from './dial.ts'
import { startRig } from '../testing/rig.ts'
import { StockClient } from '../testing/stock.ts'

const ours = '+12025550100'

function causeOf(event: Extract<LinkEvent, { type: 'closed' }>): DisconnectReason {
  return event.cause.reason
}

test('each step of a dial is told, from TCP to the pairing codes', async () => {
  await using rig = await startRig()
  const session = await rig.dial(1)
  const qr = await session.event('qr')
  expect(session.steps()).toEqual(['tcp', 'upgrade', 'first_frame', 'payload', 'pair_device'])
  expect(qr).toMatchObject({ index: 1, of: 6 })
  expect(qr.text).toMatch(/^https:\/\/wa\.me\/settings\/linked_devices#/)
})

describe('an upgrade that is refused ends the dial with its HTTP status', () => {
  test.each([301, 403, 405, 429, 503])('%i', async (status) => {
    await using rig = await startRig()
    rig.emulator.nextConnection({ at: 'upgrade', do: 'http', status })
    const session = await rig.dial(1)
    const closed = await session.event('closed')
    expect(closed.cause).toMatchObject({ origin: 'upgrade', reason: 'upgrade_refused', code: status })
    expect(session.steps()).toContain('unexpected_response')
  })

  test('stock baileys does not even listen for it', async () => {
    await using rig = await startRig()
    await using stock = new StockClient(rig.emulator)
    const sock = stock.connect()
    expect(sock.ws.listenerCount('unexpected-response')).toBe(0)
  })
})

test('a server that accepts and then says nothing is given up after 20 s', async () => {
  const clock = createManualClock()
  await using rig = await startRig({ clock })
  rig.emulator.nextConnection({ at: 'noise', do: 'silence' })
  const session = await rig.dial(1)
  await rig.until(() => session.steps().includes('upgrade'))
  await clock.advance(20_000)
  await clock.advance(3_000)
  const closed = await session.event('closed')
  expect(causeOf(closed)).toBe('handshake_timeout')
})

test('a refused TCP connection says so', async () => {
  await using rig = await startRig({ url: 'ws://127.0.0.1:1/ws/chat' })
  const session = await rig.dial(1)
  const closed = await session.event('closed')
  expect(closed.cause).toMatchObject({ reason: 'unreachable', details: { systemCode: 'ECONNREFUSED' } })
})

describe('a failure is told with its reason', () => {
  const cases: [number | string, Record<string, string>, DisconnectReason][] = [
    [401, {}, 'logged_out'],
    [402, { code: '101', expire: '3600' }, 'restricted'],
    [403, {}, 'locked'],
    [405, {}, 'client_outdated'],
    [503, {}, 'service_unavailable'],
    ['oops', {}, 'unknown'],
  ]
  test.each(cases)('%s', async (reason, attrs, expected) => {
    await using rig = await startRig()
    rig.emulator.nextConnection({ at: 'payload', do: 'failure', reason, attrs })
    const session = await rig.dial(1)
    const closed = await session.event('closed')
    expect(causeOf(closed)).toBe(expected)
    expect(session.steps()).toContain('failure')
  })
})

describe('a Noise certificate that is not right ends the handshake', () => {
  test.each(['unknown_root', 'forged_leaf', 'wrong_issuer', 'other_key', 'missing_leaf'] as const)(
    '%s',
    async (flaw) => {
      await using rig = await startRig()
      rig.emulator.nextConnection({ at: 'noise', do: 'certificate', flaw })
      const session = await rig.dial(1)
      const closed = await session.event('closed')
      expect(causeOf(closed)).toBe('noise_mismatch')
      expect(session.steps()).not.toContain('payload')
    },
  )
})

test('credentials of a pairing that never completed start over instead of logging in', async () => {
  await using rig = await startRig()
  const halfDone = { ...initAuthCreds(), me: { id: '12025550100@s.whatsapp.net', name: '~' } }
  const sealer = await rig.sealer(1)
  const sealed = sealer.seal(encodeCredentials(halfDone), '1|session_credentials|creds')
  await rig.database.write(async (tx) => {
    await tx.sql.execute(`INSERT INTO session_credentials VALUES (1, ?, 0)`, [sealed])
  })
  expect(await rig.engine.credentialsKind(1)).toBe('unpaired')
  const session = await rig.dial(1)
  await session.event('qr')
  expect(session.events).toContainEqual(
    expect.objectContaining({
      step: expect.objectContaining({ step: 'payload', detail: { kind: 'register' } }),
    }),
  )

  await using stock = new StockClient(rig.emulator, halfDone)
  stock.connect()
  await stock.until(() => stock.updates.some(({ connection }) => connection === 'close'))
  expect(stock.updates.some(({ qr }) => qr !== undefined)).toBe(false)
})

test('credentials that cannot be read are never taken for none', async () => {
  await using rig = await startRig()
  await rig.sealer(1)
  await rig.database.write(async (tx) => {
    await tx.sql.execute(`INSERT INTO session_credentials VALUES (1, ?, 0)`, [Buffer.alloc(80, 7)])
  })
  await expect(rig.dial(1)).rejects.toThrow('')
})

test('a new QR secret is acknowledged, shown at once, and can be scanned', async () => {
  await using rig = await startRig()
  const session = await rig.dial(1)
  await session.event('qr')
  rig.emulator.connections()[0]?.act({ do: 'companion_reg_refresh' })
  const qrs = () => session.events.filter((event) => event.type === 'qr')
  await rig.until(() => qrs().length === 2)
  const [before, after] = qrs()
  expect(after).toMatchObject({ index: before?.index })
  expect(after?.text).not.toBe(before?.text)
  await rig.emulator.phone(ours).scan(after?.text ?? '')
  await session.event('paired')

  await using stock = new StockClient(rig.emulator)
  expect(stock.connect().ws.listenerCount('CB:notification,type:companion_reg_refresh')).toBe(0)
})

test('an account that asks for a passkey is named', async () => {
  await using rig = await startRig()
  rig.emulator.nextConnection({ at: 'qr', do: 'passkey_prologue' })
  const session = await rig.dial(1)
  await session.event('passkey_required')
  expect(session.steps()).toContain('passkey_prologue')
})

test('a pairing code is told once WhatsApp accepted it, and links', async () => {
  await using rig = await startRig()
  const session = await rig.dial(1, { pairing: { method: 'code', phone: '12025550100' } })
  const { code, expiresAt } = await session.event('pairing_code')
  expect(code).toHaveLength(8)
  expect(expiresAt).toBeGreaterThan(Date.now())
  await rig.emulator.phone(ours).enterCode(code)
  await session.event('paired')
  await session.event('closed')
  expect(await rig.engine.credentialsKind(1)).toBe('linked')
  const second = await rig.dial(1)
  await second.event('online')
})

test('credentials are durable before the phone hears that the pairing is signed', async () => {
  await using rig = await startRig()
  const session = await rig.dial(1)
  const { text } = await session.event('qr')
  const written = Promise.withResolvers<void>()
  const asked = Promise.withResolvers<void>()
  rig.database.beforeWrite = () => {
    asked.resolve()
    return written.promise
  }
  const scanned = rig.emulator.phone(ours).scan(text)
  await asked.promise
  // The write is held: nothing but the QR's iq answer has been said, and the phone is not linked yet.
  expect(rig.emulator.phone(ours).companions()).toEqual([])
  rig.database.beforeWrite = undefined
  written.resolve()
  await scanned
  await session.event('paired')
  expect(await rig.engine.credentialsKind(1)).toBe('linked')
})
