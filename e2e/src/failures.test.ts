import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as breath } from 'node:timers/promises'

import { endpoints, type SessionReason, sessionReasons, type SessionStateName } from '@inbox-hub/contract'
import type { Fault } from '@inbox-hub/emulator'
import { createManualClock, type ManualClock } from 'inbox-hub'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { type Hub, startHub } from './harness.ts'

/*
 * Every way in which WhatsApp or the network can refuse us (T5): the session says the right state, cause and remedy within
 * 45 s of the hub's time, no answer is a 5xx whatever is asked meanwhile, and nothing stays stuck afterwards.
 */

/** The figure: so long after the fault at the latest, ms of the hub's time. */
const limitMs = 45_000

interface Expected {
  state: SessionStateName
  /** Undefined: nothing is wrong, or not yet. */
  reason: SessionReason | readonly SessionReason[] | undefined
}

let hub: Hub
let clock: ManualClock
let named = 0

beforeAll(async () => {
  clock = createManualClock(Date.now())
  hub = await startHub({ clock })
})
afterAll(() => hub[Symbol.asyncDispose]())

const gaveUp = (reason: SessionReason): Expected => ({ state: 'failed', reason })
const waits = (...reason: SessionReason[]): Expected => ({ state: 'waiting', reason })
const pairs: Expected = { state: 'pairing', reason: undefined }

describe('a session that is to be linked', () => {
  const http = (status: number): Fault => ({ at: 'upgrade', do: 'http', status })
  const cases: [string, Fault | readonly Fault[], Expected][] = [
    ['the upgrade answered 301', http(301), waits('upgrade_refused')],
    ['the upgrade answered 403', http(403), waits('upgrade_refused')],
    ['the upgrade answered 405', http(405), waits('upgrade_refused')],
    ['the upgrade answered 407', http(407), waits('proxy_refused')],
    ['the upgrade answered 429', http(429), waits('upgrade_refused')],
    ['the upgrade answered 503', http(503), waits('upgrade_refused')],
    [
      'the upgrade answered, and the connection left open',
      { at: 'upgrade', do: 'http', status: 200, keepOpen: true },
      waits('upgrade_refused'),
    ],
    ['a reset as soon as connected', { at: 'tcp', do: 'reset' }, waits('connection_lost')],
    [
      'a close instead of an upgrade',
      { at: 'upgrade', do: 'close' },
      waits('connection_lost', 'connection_closed'),
    ],
    ['a close in the handshake', { at: 'noise', do: 'close' }, waits('connection_lost', 'connection_closed')],
    [
      'a reset after the payload',
      { at: 'payload', do: 'reset' },
      waits('connection_lost', 'connection_closed'),
    ],
    [
      'a close while the QR is shown',
      { at: 'qr', do: 'close' },
      waits('connection_lost', 'connection_closed'),
    ],
    [
      'the end of the stream while the QR is shown',
      { at: 'qr', do: 'end_stream' },
      waits('connection_lost', 'connection_closed'),
    ],
    ['silence as soon as connected', { at: 'tcp', do: 'silence' }, waits('unreachable', 'handshake_timeout')],
    [
      'silence instead of an upgrade',
      { at: 'upgrade', do: 'silence' },
      waits('unreachable', 'handshake_timeout'),
    ],
    ['silence in the handshake', { at: 'noise', do: 'silence' }, waits('handshake_timeout')],
    ['silence after the payload', { at: 'payload', do: 'silence' }, waits('no_answer')],
    [
      'a certificate of nobody',
      { at: 'noise', do: 'certificate', flaw: 'unknown_root' },
      waits('noise_mismatch'),
    ],
    [
      'a certificate for another key',
      { at: 'noise', do: 'certificate', flaw: 'other_key' },
      waits('noise_mismatch'),
    ],
    [
      'a frame that does not decrypt',
      { at: 'payload', do: 'garbage' },
      waits('bad_frame', 'connection_lost'),
    ],
    ['a frame that is no node', { at: 'payload', do: 'malformed' }, waits('bad_frame', 'connection_lost')],
    ['failure 401 before any phone', { at: 'payload', do: 'failure', reason: 401 }, pairs],
    [
      'failure 402',
      { at: 'payload', do: 'failure', reason: 402, attrs: { code: '101', expire: '60' } },
      { state: 'restricted', reason: 'restricted' },
    ],
    ['failure 403 before any phone', { at: 'payload', do: 'failure', reason: 403 }, pairs],
    ['failure 409', { at: 'payload', do: 'failure', reason: 409 }, gaveUp('bad_user_agent')],
    ['failure 411', { at: 'payload', do: 'failure', reason: 411 }, gaveUp('phone_outdated')],
    ['failure 413', { at: 'payload', do: 'failure', reason: 413 }, gaveUp('unexpected_failure')],
    ['failure 415', { at: 'payload', do: 'failure', reason: 415 }, gaveUp('unexpected_failure')],
    ['failure 500', { at: 'payload', do: 'failure', reason: 500 }, waits('unknown')],
    ['failure 503', { at: 'payload', do: 'failure', reason: 503 }, waits('service_unavailable')],
    ['a failure that is no number', { at: 'payload', do: 'failure', reason: 'oops' }, waits('unknown')],
    ['stream error 503', { at: 'qr', do: 'stream_error', code: 503 }, waits('service_unavailable')],
    ['stream error 500', { at: 'qr', do: 'stream_error', code: 500 }, waits('unknown')],
    ['a stream error without a code', { at: 'qr', do: 'stream_error' }, waits('unknown')],
    [
      'a conflict while the QR is shown',
      { at: 'qr', do: 'stream_error', child: { tag: 'conflict', attrs: { type: 'replaced' } } },
      waits('connection_replaced'),
    ],
    ['a restart asked for while the QR is shown', { at: 'qr', do: 'stream_error', code: 515 }, pairs],
    [
      'a passkey asked for',
      { at: 'qr', do: 'passkey_prologue' },
      { state: 'passkey_required', reason: 'passkey_required' },
    ],
    ['a slow answer', { at: 'payload', do: 'delay', ms: 50 }, pairs],
  ]

  test.each(cases)('%s', async (_, fault, expected) => {
    const silent = 'do' in fault && fault.do === 'silence'
    const seen = await tried({ expected, silent, prepare: () => hub.emulator.nextConnection(fault) })
    expect(seen).toBe(expected.state)
  })

  test('failure 405 until no version is left', async () => {
    const refused = { at: 'payload', do: 'failure', reason: 405 } as const
    const seen = await tried({
      expected: { state: 'client_outdated', reason: 'client_outdated' },
      prepare: () => hub.emulator.nextConnection(refused, { times: 10 }),
    })
    expect(seen).toBe('client_outdated')
  })

  test('failure 401 twice: half-made credentials are replaced once, not for ever', async () => {
    const refused = { at: 'payload', do: 'failure', reason: 401 } as const
    const seen = await tried({
      expected: gaveUp('internal_fault'),
      prepare: () => hub.emulator.nextConnection(refused, { times: 2 }),
    })
    expect(seen).toBe('failed')
  })

  test('the same unexplained failure ten times', async () => {
    const refused = { at: 'payload', do: 'failure', reason: 500 } as const
    const seen = await tried({
      expected: gaveUp('unknown'),
      within: 400_000,
      prepare: () => hub.emulator.nextConnection(refused, { times: 10 }),
    })
    expect(seen).toBe('failed')
  })

  test('a proxy that nobody listens on', async () => {
    for (const proxy of ['http://127.0.0.1:1', 'socks5://127.0.0.1:1'])
      expect(await tried({ expected: waits('unreachable', 'proxy_refused'), proxy })).toBe('waiting')
  })

  test('a proxy whose name nobody knows', async () => {
    const expected = waits('dns_failed', 'proxy_refused')
    expect(await tried({ expected, proxy: 'http://nowhere.invalid:3128' })).toBe('waiting')
  })

  test('a proxy that wants a password', async () => {
    const proxy = createServer().on('connect', (_request, socket) => {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n')
    })
    proxy.listen(0, '127.0.0.1')
    await once(proxy, 'listening')
    const { port } = proxy.address() as AddressInfo // it listens on a port
    expect(await tried({ expected: waits('proxy_refused'), proxy: `http://127.0.0.1:${port}` })).toBe(
      'waiting',
    )
    proxy.close()
  })
})

describe('a session that is linked', () => {
  const refusals: [number | string, Record<string, string>, Expected][] = [
    [401, {}, { state: 'logged_out', reason: 'logged_out' }],
    [402, { code: '104', expire: '60' }, { state: 'restricted', reason: 'restricted' }],
    [403, {}, { state: 'logged_out', reason: 'locked' }],
    [405, {}, { state: 'client_outdated', reason: 'client_outdated' }],
    [406, {}, { state: 'logged_out', reason: 'banned' }],
    [409, {}, gaveUp('bad_user_agent')],
    [411, {}, gaveUp('phone_outdated')],
    [414, {}, gaveUp('unexpected_failure')],
    [418, {}, gaveUp('unexpected_failure')],
    [500, {}, waits('unknown')],
    [501, {}, waits('unknown')],
    [503, {}, waits('service_unavailable')],
    ['oops', {}, waits('unknown')],
  ]
  test.each(refusals)('its login refused with %s', async (reason, attrs, expected) => {
    const session = await linked()
    const account = hub.emulator.account(session.number)
    const refusal = account.refuseLogins(reason, attrs)
    account.disconnect('connection_lost')
    expect(await reaches(session.ref, expected)).toBe(expected.state)
    refusal[Symbol.dispose]()
    await recovers(session.ref)
  })

  const ends = [
    ['connection_lost', waits('connection_lost', 'connection_closed')],
    ['closed', waits('connection_closed', 'connection_lost')],
    ['stream_ended', waits('connection_closed', 'connection_lost')],
    ['unavailable', waits('service_unavailable')],
    ['internal_error', waits('unknown')],
    ['replaced', waits('connection_replaced')],
    ['device_removed', { state: 'logged_out', reason: 'logged_out' }],
    ['downgraded', gaveUp('phone_outdated')],
    ['garbage', waits('bad_frame', 'connection_lost')],
    ['malformed', waits('bad_frame', 'connection_lost')],
  ] as const
  test.each(ends)('ended while online: %s', async (how, expected) => {
    const session = await linked()
    const since = await lastSeq(session.ref)
    hub.emulator.account(session.number).disconnect(how)
    expect(await reaches(session.ref, expected, { since })).toBe(expected.state)
    await recovers(session.ref)
  })

  test('evicted again and again by another program with the same keys', async () => {
    const session = await linked()
    const account = hub.emulator.account(session.number)
    account.disconnect('replaced')
    await reaches(session.ref, waits('connection_replaced'))
    const since = await lastSeq(session.ref)
    await reaches(session.ref, { state: 'online', reason: undefined }, { since })
    account.disconnect('replaced')
    const seen = await reaches(session.ref, { state: 'replaced', reason: 'connection_replaced' }, { since })
    expect(seen).toBe('replaced')
    await recovers(session.ref)
  })
})

interface Look {
  /** Only what happened after this row of the timeline counts. */
  since?: number
  /** Ms of the hub's time. */
  within?: number
  /** Nothing is going to be said on the socket: its time may pass quickly. */
  silent?: boolean
}

/** Creates a session whose dial goes wrong, sees it say so, and sees it come through when nothing is wrong any more. */
async function tried({
  expected,
  prepare,
  proxy,
  ...look
}: Look & { expected: Expected; prepare?: () => Disposable; proxy?: string }): Promise<SessionStateName> {
  const ref = `case-${(named += 1)}`
  await hub.api.call(endpoints.createSession, {
    body: { sessionId: ref, autoConnect: false, ...(proxy === undefined ? {} : { proxy }) },
  })
  const plan = prepare?.()
  await answers('POST', `/api/sessions/${ref}/connect`)
  const seen = await reaches(ref, expected, look)
  plan?.[Symbol.dispose]()
  if (proxy !== undefined) await hub.api.call(endpoints.setProxy, { params: { ref }, body: { proxy: null } })
  await recovers(ref)
  await hub.api.call(endpoints.deleteSession, { params: { ref } })
  return seen
}

/** The session goes through the state, for the cause, in time; everything else about it can be asked meanwhile. */
async function reaches(ref: string, { state, reason }: Expected, look: Look = {}): Promise<SessionStateName> {
  const codes = typeof reason === 'string' ? [reason] : reason
  let told: SessionReason | undefined
  await passes(
    ref,
    async () => {
      const { timeline } = await hub.api.call(endpoints.getTimeline, {
        params: { ref },
        query: { limit: 300 },
      })
      const found = timeline.find(
        ({ seq, kind, detail }) =>
          seq > (look.since ?? 0) &&
          kind === 'state' &&
          detail['state'] === state &&
          (codes === undefined || codes.some((code) => code === detail['reason'])),
      )
      told = codes?.find((code) => code === found?.detail['reason'])
      return found !== undefined
    },
    look,
  )
  const session = await hub.api.call(endpoints.getSessionStatus, { params: { ref } })
  // A wait may be over already; what went wrong is still told.
  const shown = session.state === state ? (session.reason ?? undefined) : (session.lastError ?? undefined)
  expect(shown?.code).toBe(told)
  expect(shown?.remedy).toBe(told && sessionReasons[told].remedy.en)
  for (const path of ['', '/status', '/qr?wait=0', '/qr/status', '/diagnostics?probes=false', '/timeline'])
    await answers('GET', `/api/sessions/${ref}${path}`)
  return state
}

/** Nothing is wrong any more: the session comes to its QR or online, by itself or when it is asked to. */
async function recovers(ref: string): Promise<void> {
  const { state } = await hub.api.call(endpoints.getSessionStatus, { params: { ref } })
  // A restriction runs its course; what came to rest is asked to connect, as its remedy says.
  if (state !== 'restricted') await answers('POST', `/api/sessions/${ref}/connect`)
  await passes(ref, (now) => now === 'pairing' || now === 'online', { within: 600_000 })
}

async function linked(): Promise<{ ref: string; number: string }> {
  const ref = `case-${(named += 1)}`
  const number = `+120255501${String(named % 100).padStart(2, '0')}`
  await hub.api.call(endpoints.createSession, { body: { sessionId: ref } })
  await passes(ref, (now) => now === 'pairing')
  const { qr } = await hub.api.call(endpoints.getQr, { params: { ref } })
  const scanned = hub.emulator.phone(number).scan(qr)
  await passes(ref, (now) => now === 'online')
  await scanned
  return { ref, number }
}

async function lastSeq(ref: string): Promise<number> {
  const { timeline } = await hub.api.call(endpoints.getTimeline, { params: { ref }, query: { limit: 1 } })
  return timeline[0]?.seq ?? 0
}

/** States in which nothing happens but that time passes: the others have sockets at work, in real time. */
const idle: ReadonlySet<SessionStateName> = new Set([
  'waiting',
  'restricted',
  'client_outdated',
  'store_fault',
])

/** Lets the hub's time pass until something is so; while a socket is at work, hardly. Throws when it takes longer than it may. */
async function passes(
  ref: string,
  come: (now: SessionStateName) => Promise<boolean> | boolean,
  { within = limitMs, silent = false }: Look = {},
): Promise<void> {
  const until = clock.now() + within
  for (;;) {
    const { state } = await hub.api.call(endpoints.getSessionStatus, { params: { ref } })
    if (await come(state)) return
    if (clock.now() > until)
      throw new Error(`${ref} is ${state}, and not within ${within} ms what it should be`)
    await clock.advance(silent || idle.has(state) ? 500 : 10)
    // The emulator and the sockets live in real time.
    await breath(2)
  }
}

/** Whatever is answered, it is no fault of ours. */
async function answers(method: 'GET' | 'POST', path: string): Promise<void> {
  const answer = await fetch(`${hub.url}${path}`, { method, headers: { 'x-api-key': hub.key } })
  await answer.body?.cancel()
  expect([path, answer.status < 500]).toEqual([path, true])
}
