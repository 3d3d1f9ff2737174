import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect as connectTo, type Socket } from 'node:net'

import { endpoints, sessionStatuses } from '@inbox-hub/contract'
import { createManualClock } from 'inbox-hub'
import { expect, test } from 'vitest'

import { eventually, type Hub, startHub } from './harness.ts'

test('forty sessions asked to connect five times each at once: one dial each, every one shows its QR', async () => {
  await using hub = await startHub()
  const refs = Array.from({ length: 40 }, (_, i) => `desk-${i}`)
  for (const sessionId of refs)
    await hub.api.call(endpoints.createSession, { body: { sessionId, autoConnect: false } })
  const asked = await Promise.all(
    refs.flatMap((ref) =>
      Array.from({ length: 5 }, () => hub.api.call(endpoints.connectSession, { params: { ref } })),
    ),
  )
  expect(asked.every(({ status }) => status === 'connecting' || status === 'qr_code')).toBe(true)
  const codes = await Promise.all(
    refs.map((ref) => hub.api.call(endpoints.getQr, { params: { ref }, query: { wait: 25_000 } })),
  )
  expect(new Set(codes.map(({ qr }) => qr)).size).toBe(refs.length)
  for (const ref of refs) {
    const { generation, dials } = await hub.api.call(endpoints.getDiagnostics, {
      params: { ref },
      query: { probes: false },
    })
    expect([ref, generation, dials.length]).toEqual([ref, 1, 1])
  }
  expect(hub.emulator.connections()).toHaveLength(refs.length)
})

test('a session links with a code typed on the phone', async () => {
  await using hub = await startHub()
  const phone = hub.emulator.phone('+12025550100')
  await hub.api.call(endpoints.createSession, { body: { sessionId: 'support', autoConnect: false } })
  const params = { ref: 'support' }
  const made = await hub.api.call(endpoints.requestPairingCode, {
    params,
    body: { phoneNumber: '+1 202 555 0100' },
  })
  expect(made).toMatchObject({ status: 'qr_code', phoneNumber: '12025550100' })
  await phone.enterCode(made.formattedCode)
  expect(await connected(hub, 'support')).toBe('12025550100')
})

test('a code that was asked for and never typed does not stand in the way of the next QR', async () => {
  await using hub = await startHub()
  await hub.api.call(endpoints.createSession, { body: { sessionId: 'support' } })
  const params = { ref: 'support' }
  await hub.api.call(endpoints.requestPairingCode, { params, body: { phoneNumber: '12025550100' } })
  await hub.api.call(endpoints.restartSession, { params })
  const { qr } = await hub.api.call(endpoints.getQr, { params, query: { wait: 25_000 } })
  await hub.emulator.phone('+12025550100').scan(qr)
  expect(await connected(hub, 'support')).toBe('12025550100')
})

test('a renewed QR is the one that links', async () => {
  await using hub = await startHub()
  await hub.api.call(endpoints.createSession, { body: { sessionId: 'support' } })
  const params = { ref: 'support' }
  const first = await hub.api.call(endpoints.getQr, { params })
  hub.emulator.connections()[0]?.act({ do: 'companion_reg_refresh' })
  const renewed = await eventually(
    async () => {
      const shown = await hub.api.call(endpoints.getQr, { params })
      return shown.qr === first.qr ? undefined : shown
    },
    () => 'the QR was never renewed',
  )
  await hub.emulator.phone('+12025550100').scan(renewed.qr)
  expect(await connected(hub, 'support')).toBe('12025550100')
})

test('all its life a session says one of seven words, and reads by either name agree from the first moment', async () => {
  await using hub = await startHub()
  const words = new Set<string>()
  const { id } = await hub.api.call(endpoints.createSession, { body: { sessionId: 'support' } })
  const look = async (): Promise<string> => {
    const [byNumber, byName] = await Promise.all(
      [String(id), 'support'].map((ref) => hub.api.call(endpoints.getSessionStatus, { params: { ref } })),
    )
    expect(byNumber?.id).toBe(byName?.id)
    for (const status of [byNumber?.status, byName?.status]) words.add(status ?? '')
    return byName?.status ?? ''
  }
  await look()
  const params = { ref: 'support' }
  const { qr } = await hub.api.call(endpoints.getQr, { params })
  await look()
  // A dialog that stops for good at `disconnected` or `error` has seen neither (contract rule 6).
  expect([...words].filter((word) => !['pending', 'connecting', 'qr_code'].includes(word))).toEqual([])
  const scanned = hub.emulator.phone('+12025550100').scan(qr)
  await eventually(
    async () => ((await look()) === 'connected' ? true : undefined),
    () => 'never connected',
  )
  await scanned
  await hub.api.call(endpoints.restartSession, { params })
  await look()
  await hub.api.call(endpoints.disconnectSession, { params })
  await look()
  expect([...words].filter((word) => !sessionStatuses.some((status) => status === word))).toEqual([])
})

test('reading never touches the socket, however much is read (contract §12, pains 11 and 12)', async () => {
  await using hub = await startHub()
  const support = await hub.pairSession('support')
  const params = { ref: 'support' }
  const before = hub.emulator.connections().length
  await Promise.all(
    Array.from({ length: 60 }, (_, i) =>
      i % 3 === 0
        ? hub.api.call(endpoints.getSession, { params })
        : i % 3 === 1
          ? hub.api.call(endpoints.listSessionContacts, { params })
          : hub.api.call(endpoints.listChats, { params: { sessionId: 'support' } }),
    ),
  )
  expect(hub.emulator.connections()).toHaveLength(before)
  expect((await support.status()).isConnected).toBe(true)
})

test('after a restart a session that cannot get in is connecting, never a stale connected (pain 10)', async () => {
  await using hub = await startHub()
  const support = await hub.pairSession('support')
  const away = hub.emulator.account(support.number).refuseLogins(503)
  await hub.restart()
  expect(await support.status()).toMatchObject({ status: 'connecting', isConnected: false })
  away[Symbol.dispose]()
})

test('without WhatsApp everything still answers, and says what is wrong (pains 1 to 4)', async () => {
  const clock = createManualClock(Date.now())
  await using hub = await startHub({ clock, env: { WHATSAPP_URL: 'ws://127.0.0.1:1/ws/chat' } })
  const created = await hub.api.call(endpoints.createSession, { body: { sessionId: 'support' } })
  expect(created.status).toBe('pending')
  const params = { ref: 'support' }
  expect(await hub.api.call(endpoints.connectSession, { params })).toMatchObject({ id: created.id })
  const status = await eventually(
    async () => {
      const found = await hub.api.call(endpoints.getQrStatus, { params })
      return found.reason === null ? undefined : found
    },
    () => 'no reason was told',
  )
  expect(status).toMatchObject({ hasQR: false, status: 'connecting', reason: { code: 'unreachable' } })
  await expect(hub.api.call(endpoints.getQr, { params, query: { wait: 0 } })).rejects.toMatchObject({
    status: 404,
    code: 'QR_NOT_READY',
    data: { hasQR: false, status: 'connecting' },
  })
  const { findings, probes } = await hub.api.call(endpoints.getDiagnostics, { params })
  expect(findings[0]?.code).toBe('unreachable')
  expect(probes.find(({ name }) => name === 'tcp')).toMatchObject({
    ok: false,
    remedy: expect.any(String) as string,
  })
})

test('a session dials through its own proxy, and through none once it has none', async () => {
  await using hub = await startHub()
  await using proxy = await tunnel('user:secret')
  await hub.api.call(endpoints.createSession, {
    body: { sessionId: 'support', proxy: `http://user:secret@127.0.0.1:${proxy.port}` },
  })
  const params = { ref: 'support' }
  await hub.api.call(endpoints.getQr, { params, query: { wait: 25_000 } })
  expect(proxy.tunnels()).toBe(1)
  expect((await hub.api.call(endpoints.getSession, { params })).proxy).toBe(`http://127.0.0.1:${proxy.port}`)
  await hub.api.call(endpoints.setProxy, { params, body: { proxy: null } })
  await hub.api.call(endpoints.getQr, { params, query: { wait: 25_000 } })
  expect(proxy.tunnels()).toBe(1)
})

test('logging out takes the device off the phone; the next connect asks for a scan', async () => {
  await using hub = await startHub()
  const support = await hub.pairSession('support')
  expect(support.phone.companions()).toHaveLength(1)
  const params = { ref: 'support' }
  const answer = await hub.api.call(endpoints.disconnectSession, { params, body: { logout: true } })
  expect(answer.status).toBe('disconnected')
  await support.reaches('stopped')
  expect(support.phone.companions()).toEqual([])
  await hub.api.call(endpoints.connectSession, { params })
  const { qr } = await hub.api.call(endpoints.getQr, { params, query: { wait: 25_000 } })
  await support.phone.scan(qr)
  expect(await connected(hub, 'support')).toBe(support.number.slice(1))
})

test('unlinked on the phone, a session is logged out, says so, and links again under its number', async () => {
  await using hub = await startHub()
  const support = await hub.pairSession('support')
  hub.emulator.account(support.number).unlink()
  await support.reaches('logged_out')
  const [told] = await hub.webhook.received('session.disconnected')
  expect(told?.data).toMatchObject({ status: 'disconnected', isConnected: false, reason: 'logout' })
  const params = { ref: 'support' }
  expect(await hub.api.call(endpoints.getSession, { params })).toMatchObject({
    id: support.id,
    phoneNumber: null,
    reason: { code: 'logged_out' },
  })
  await hub.api.call(endpoints.connectSession, { params })
  const { qr } = await hub.api.call(endpoints.getQr, { params, query: { wait: 25_000 } })
  await support.phone.scan(qr)
  expect(await connected(hub, 'support')).toBe(support.number.slice(1))
})

/** Waits until the session is connected; answers the number it is linked to. */
async function connected(hub: Hub, ref: string): Promise<string | null> {
  const session = await eventually(
    async () => {
      const now = await hub.api.call(endpoints.getSessionStatus, { params: { ref } })
      return now.isConnected ? now : undefined
    },
    () => `${ref} never connected`,
  )
  return session.phoneNumber
}

/** An HTTP proxy that opens ways for who knows the password, and counts them. */
async function tunnel(password: string): Promise<AsyncDisposable & { port: number; tunnels(): number }> {
  const sockets = new Set<Socket>()
  let opened = 0
  const server = createServer()
  server.on('connect', (request, client: Socket) => {
    const given = `Basic ${Buffer.from(password).toString('base64')}`
    if (request.headers['proxy-authorization'] !== given) {
      client.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
      return
    }
    opened += 1
    const { hostname, port } = new URL(`http://${request.url ?? ''}`)
    const target = connectTo(Number(port), hostname, () => client.write('HTTP/1.1 200 OK\r\n\r\n'))
    for (const [from, to] of [
      [client, target],
      [target, client],
    ] as const) {
      sockets.add(from)
      from.on('error', () => to.destroy()).pipe(to)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // it listens on a port
  return {
    port,
    tunnels: () => opened,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
