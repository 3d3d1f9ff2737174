import fc from 'fast-check'
import { expect, test } from 'vitest'

import {
  banCodes,
  classifyDisconnect,
  disconnects,
  factsOf,
  type RawDisconnect,
  reasonNames,
} from './disconnect.ts'

/** What baileys 7.0.0-rc14 puts into `lastDisconnect.error`, and what our own observers report. */
const observed: [name: string, raw: RawDisconnect, origin: string, reason: string][] = [
  [
    'unlinked, at login',
    { message: 'Connection Failure', code: 401, data: { reason: '401', location: 'atn' } },
    'failure',
    'logged_out',
  ],
  [
    'never completed pairing',
    { message: 'Connection Failure', code: 401, data: { reason: '401' }, halfRegistered: true },
    'failure',
    'half_registered',
  ],
  [
    'unlinked, while online',
    {
      message: 'Stream Errored (conflict)',
      code: 401,
      data: { tag: 'conflict', attrs: { type: 'device_removed' } },
    },
    'stream_error',
    'logged_out',
  ],
  [
    'another login',
    {
      message: 'Stream Errored (conflict)',
      code: 440,
      data: { tag: 'conflict', attrs: { type: 'replaced' } },
    },
    'stream_error',
    'connection_replaced',
  ],
  [
    'temporary ban',
    { message: 'Connection Failure', code: 402, data: { reason: '402', code: '101', expire: '3600' } },
    'failure',
    'restricted',
  ],
  ['locked', { message: 'Connection Failure', code: 403, data: { reason: '403' } }, 'failure', 'locked'],
  [
    'version refused',
    { message: 'Connection Failure', code: 405, data: { reason: '405', location: 'cln' } },
    'failure',
    'client_outdated',
  ],
  ['banned', { message: 'Connection Failure', code: 406, data: { reason: '406' } }, 'failure', 'banned'],
  [
    'bad user agent',
    { message: 'Connection Failure', code: 409, data: { reason: '409' } },
    'failure',
    'bad_user_agent',
  ],
  ['old phone', { message: 'Multi-device beta not joined', code: 411 }, 'stream_error', 'phone_outdated'],
  [
    'unexpected',
    { message: 'Connection Failure', code: 415, data: { reason: '415' } },
    'failure',
    'unexpected_failure',
  ],
  [
    'overloaded',
    { message: 'Connection Failure', code: 503, data: { reason: '503' } },
    'failure',
    'service_unavailable',
  ],
  [
    'restarting',
    { message: 'Stream Errored (unknown)', code: 503, data: { tag: 'stream:error', attrs: { code: '503' } } },
    'stream_error',
    'service_unavailable',
  ],
  [
    'after pairing',
    { message: 'Stream Errored (restart required)', code: 515, data: { tag: 'stream:error' } },
    'stream_error',
    'restart_required',
  ],
  [
    'an ack error',
    { message: 'Stream Errored (ack)', code: 500, data: { tag: 'ack', attrs: {} } },
    'stream_error',
    'unknown',
  ],
  [
    'a reason that is no number',
    { message: 'Connection Failure', code: Number.NaN, data: { reason: 'teapot' } },
    'failure',
    'unknown',
  ],
  [
    'no such name',
    {
      message: 'WebSocket Error (getaddrinfo ENOTFOUND web.whatsapp.com)',
      code: 408,
      data: { code: 'ENOTFOUND' },
    },
    'transport',
    'dns_failed',
  ],
  [
    'refused',
    {
      message: 'WebSocket Error (connect ECONNREFUSED 192.0.2.1:443)',
      code: 408,
      data: { code: 'ECONNREFUSED' },
    },
    'transport',
    'unreachable',
  ],
  [
    'no such name, as told by a SOCKS library',
    { message: 'WebSocket Error (getaddrinfo ENOTFOUND proxy.example.com)', code: 500 },
    'transport',
    'dns_failed',
  ],
  [
    'no answer to SYN',
    { message: 'WebSocket Error (Opening handshake has timed out)', code: 408 },
    'transport',
    'unreachable',
  ],
  [
    'cut',
    { message: 'WebSocket Error (read ECONNRESET)', code: 408, data: { code: 'ECONNRESET' } },
    'transport',
    'connection_lost',
  ],
  [
    'intercepted',
    {
      message: 'WebSocket Error (self-signed certificate in certificate chain)',
      code: 500,
      data: { code: 'SELF_SIGNED_CERT_IN_CHAIN' },
    },
    'transport',
    'tls_refused',
  ],
  [
    'not TLS at all',
    {
      message: 'WebSocket Error (wrong version number)',
      code: 408,
      data: { code: 'ERR_SSL_WRONG_VERSION_NUMBER' },
    },
    'transport',
    'tls_refused',
  ],
  [
    'clock behind',
    {
      message: 'WebSocket Error (certificate is not yet valid)',
      code: 500,
      data: { code: 'CERT_NOT_YET_VALID' },
    },
    'transport',
    'clock_wrong',
  ],
  [
    'proxy says no',
    { message: 'WebSocket Error (Socks5 proxy rejected connection - NotAllowed)', code: 500 },
    'transport',
    'proxy_refused',
  ],
  [
    'a portal',
    { message: 'WebSocket Error (Unexpected server response: 302)', code: 500 },
    'upgrade',
    'upgrade_refused',
  ],
  ['a portal, by our listener', { origin: 'upgrade', code: 403 }, 'upgrade', 'upgrade_refused'],
  ['a proxy that wants a password', { origin: 'upgrade', code: 407 }, 'upgrade', 'proxy_refused'],
  ['not WhatsApp', { message: 'invalid noise leaf certificate', code: 400 }, 'noise', 'noise_mismatch'],
  ['garbage', { message: 'Unsupported state or unable to authenticate data' }, 'noise', 'bad_frame'],
  ['silence after the upgrade', { message: 'Timed Out', code: 408 }, 'deadline', 'handshake_timeout'],
  ['a watchdog of ours', { origin: 'deadline', message: 'no QR code in 45 s' }, 'deadline', 'no_answer'],
  ['keep-alive', { message: 'Connection was lost', code: 408 }, 'closed', 'connection_lost'],
  ['closed', { message: 'Connection Terminated', code: 428 }, 'closed', 'connection_closed'],
  [
    'closed by server',
    { message: 'Connection Terminated by Server', code: 428 },
    'closed',
    'connection_closed',
  ],
  ['closed, with a WebSocket code', { origin: 'closed', code: 1006 }, 'closed', 'connection_closed'],
  ['nobody scanned', { message: 'QR refs attempts ended', code: 408 }, 'closed', 'codes_used_up'],
  ['our logout', { message: 'Intentional Logout', code: 401 }, 'local', 'asked'],
  ['store', { origin: 'local', message: 'store_fault' }, 'local', 'store_fault'],
  ['passkey', { origin: 'local', message: 'passkey_required' }, 'local', 'passkey_required'],
  ['other node', { origin: 'local', message: 'fenced' }, 'local', 'fenced'],
  ['nothing', {}, 'local', 'unknown'],
]

test.each(observed)('%s', (_name, raw, origin, reason) => {
  expect(classifyDisconnect(raw)).toMatchObject({ origin, reason })
})

test('a temporary ban tells why and for how long', () => {
  const cause = classifyDisconnect({
    message: 'Connection Failure',
    code: 402,
    data: { reason: '402', code: '104', expire: '7200' },
  })
  expect(cause.lastsMs).toBe(7_200_000)
  expect(cause.details).toMatchObject({ banCode: 104 })
  expect(banCodes[104]).toMatch(/same message/)
})

test('what WhatsApp shows its own users is kept', () => {
  const cause = classifyDisconnect({
    message: 'Connection Failure',
    code: 403,
    data: { reason: '403', logout_message_header: 'Your account is locked', location: 'lla' },
  })
  expect(cause.details).toEqual({ logout_message_header: 'Your account is locked', location: 'lla' })
})

test('an unexpected 500 never costs the credentials', () => {
  const causes = observed.map(([, raw]) => classifyDisconnect(raw)).filter(({ code }) => code === 500)
  expect(causes.length).toBeGreaterThan(0)
  expect(causes.map(({ reason }) => factsOf(reason).credentials)).toEqual(causes.map(() => 'keep'))
})

test('credentials are archived only where pairing again is the way back', () => {
  const archived = reasonNames().filter((reason) => factsOf(reason).credentials === 'archive')
  expect(archived).toEqual(['logged_out', 'locked', 'banned'])
  expect(archived.map((reason) => factsOf(reason).recovery)).toEqual([
    'pair_again',
    'pair_again',
    'pair_again',
  ])
})

test('whatever is thrown is understood as a reason that may come from its origin', () => {
  fc.assert(
    fc.property(
      fc.record(
        {
          message: fc.oneof(
            fc.string(),
            fc.constantFrom(
              'Connection Failure',
              'Stream Errored (x)',
              'WebSocket Error (x)',
              'Timed Out',
              'Connection was lost',
              'QR refs attempts ended',
            ),
          ),
          code: fc.oneof(fc.integer(), fc.constantFrom(401, 403, 440, 500, 515, 'ENOTFOUND', 'EPROTO')),
          data: fc.anything(),
          halfRegistered: fc.boolean(),
        },
        { requiredKeys: [] },
      ),
      (raw) => {
        const cause = classifyDisconnect(raw)
        expect(Object.keys(disconnects)).toContain(cause.reason)
        expect(Number.isFinite(cause.code)).toBe(true)
        const allowed: readonly string[] = factsOf(cause.reason).origins
        if (cause.reason !== 'unknown') expect(allowed).toContain(cause.origin)
      },
    ),
    { numRuns: 2000 },
  )
})
