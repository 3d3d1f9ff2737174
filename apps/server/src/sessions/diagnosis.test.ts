import { readFileSync } from 'node:fs'

import { sessionReasonNames, sessionReasons } from '@inbox-hub/contract'
import { describe, expect, test } from 'vitest'

import type { ProbeResult } from '../platform/probes.ts'
import type { DialStep } from './baileys/index.ts'
import { causeOfSilence, diagnose, dialsIn, type DialRecord } from './diagnosis.ts'
import type { SessionState } from './session-state.ts'
import type { TimelineDetail, TimelineRow } from './timeline.ts'

const waiting: SessionState = { at: 'waiting', cause: { code: 'no_answer' }, until: 0 }

/** Rows of one dial, in order: name and detail. */
function dial(
  generation: number,
  startedAt: number,
  ...steps: (string | [string, TimelineDetail])[]
): TimelineRow[] {
  return [['dial', {}] as [string, TimelineDetail], ...steps].map((step, index) => {
    const [kind, detail] = typeof step === 'string' ? [step, {}] : step
    return { seq: generation * 100 + index, at: startedAt + index, generation, kind, detail }
  })
}

function dials(...all: TimelineRow[][]): readonly DialRecord[] {
  return dialsIn(all.flat().reverse(), 10)
}

const end = (reason: string): [string, TimelineDetail] => [
  'end',
  { reason, origin: 'failure', code: 0, message: '' },
]
const evidence = { state: waiting, linked: false, dials: [], probes: [], lookUpFailed: false }
const failed = (name: ProbeResult['name'], detail: TimelineDetail = {}): ProbeResult => ({
  name,
  ok: false,
  ms: 1,
  detail,
})

describe('each reason why a QR never comes is told apart (engine §1.5)', () => {
  const opened = ['tcp', 'tls', 'upgrade', 'first_frame'] as const
  const register: [string, TimelineDetail] = ['payload', { kind: 'register' }]
  const login: [string, TimelineDetail] = ['payload', { kind: 'login' }]

  test.each<[string, (string | [string, TimelineDetail])[], string]>([
    [
      'version refused',
      [...opened, register, ['failure', { reason: '405' }], end('client_outdated')],
      'client_outdated',
    ],
    [
      'half-registered credentials',
      [...opened, login, ['failure', { reason: '401' }], end('logged_out')],
      'half_registered',
    ],
    ['no name', [end('dns_failed')], 'dns_failed'],
    ['blocked', [end('unreachable')], 'unreachable'],
    [
      'a proxy or portal answers',
      ['tcp', ['unexpected_response', { status: 302 }], end('upgrade_refused')],
      'upgrade_refused',
    ],
    [
      'the proxy wants a password',
      ['tcp', ['unexpected_response', { status: 407 }], end('proxy_refused')],
      'proxy_refused',
    ],
    ['TLS is intercepted', ['tcp', end('tls_refused')], 'tls_refused'],
    ['the clock is wrong', ['tcp', end('clock_wrong')], 'clock_wrong'],
    ['the handshake does not verify', ['tcp', 'tls', 'upgrade', end('noise_mismatch')], 'noise_mismatch'],
    [
      'silence after the handshake began',
      ['tcp', 'tls', 'upgrade', end('handshake_timeout')],
      'handshake_timeout',
    ],
    ['a garbled frame', [...opened, register, 'bad_frame', end('bad_frame')], 'bad_frame'],
    [
      'codes came and were not shown',
      [...opened, register, 'pair_device', end('connection_lost')],
      'qr_lost',
    ],
    [
      'a passkey is asked for',
      [...opened, register, 'pair_device', 'qr', 'passkey_prologue', end('asked')],
      'passkey_required',
    ],
    [
      'the code was renewed while it was shown',
      [...opened, register, 'pair_device', 'qr', 'companion_reg_refresh'],
      'scan_unfinished',
    ],
  ])('%s', (_, steps, reason) => {
    const [first] = diagnose({ ...evidence, dials: dials(dial(1, 0, ...steps)) })
    expect(first).toBe(reason)
    expect(sessionReasons[first ?? 'unknown'].remedy.en).not.toBe('')
  })

  test('still linked: it logs in, so no QR comes', () => {
    const found = diagnose({
      ...evidence,
      linked: true,
      dials: dials(dial(1, 0, ...opened, login, 'success')),
    })
    expect(found).toEqual(['already_linked'])
  })

  test('two sockets at once', () => {
    const rows = dials(
      dial(1, 0, 'tcp', 'upgrade', 'first_frame', end('connection_replaced')),
      dial(2, 2, 'tcp'),
    )
    expect(diagnose({ ...evidence, dials: rows })[0]).toBe('sockets_overlap')
  })

  test('shown, and never scanned', () => {
    const rows = dials(dial(1, 0, ...opened, register, 'pair_device', 'qr', end('codes_used_up')))
    expect(
      diagnose({ ...evidence, state: { at: 'qr_expired', cause: { code: 'qr_expired' } }, dials: rows }),
    ).toContain('scan_unfinished')
  })

  test('the version could not be looked up either', () => {
    const state: SessionState = { at: 'client_outdated', cause: { code: 'client_outdated' }, until: 0 }
    expect(diagnose({ ...evidence, state, lookUpFailed: true })).toEqual([
      'client_outdated',
      'version_look_up_failed',
    ])
  })
})

test('what the session says comes first, then the last dial, then the probes', () => {
  const found = diagnose({
    ...evidence,
    state: { at: 'waiting', cause: { code: 'unreachable' }, until: 0 },
    dials: dials(dial(1, 0, end('unreachable'))),
    probes: [failed('dns', { code: 'ENOTFOUND' }), failed('clock', { offsetMs: 400_000 })],
  })
  expect(found).toEqual(['unreachable', 'dns_failed', 'clock_wrong'])
})

test.each([
  [failed('tcp'), 'unreachable'],
  [failed('proxy', { code: 'HTTP_407' }), 'proxy_refused'],
  [failed('tls', { code: 'CERT_HAS_EXPIRED' }), 'clock_wrong'],
  [failed('tls', { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }), 'tls_refused'],
  [failed('tls', { code: 'ETIMEDOUT' }), 'handshake_timeout'],
  [failed('upgrade', { status: 403 }), 'upgrade_refused'],
  [failed('upgrade', { status: 407 }), 'proxy_refused'],
] as const)('the probe %o shows %s', (probe, reason) => {
  expect(diagnose({ ...evidence, probes: [probe] })).toEqual([reason])
})

test('nothing speaks against a session that is online, or whose QR waits for its first scan', () => {
  const online = dials(dial(1, 0, 'tcp', 'success'))
  expect(diagnose({ ...evidence, state: { at: 'online' }, linked: true, dials: online })).toEqual([])
  const qr = { text: '', index: 1, of: 6, generatedAt: 0, expiresAt: 1 }
  const pairing = dials(dial(1, 0, 'tcp', 'pair_device', 'qr'))
  expect(diagnose({ ...evidence, state: { at: 'pairing', qr, code: undefined }, dials: pairing })).toEqual([])
})

test.each<[DialStep['step'][], string]>([
  [[], 'unreachable'],
  [['dns'], 'unreachable'],
  [['dns', 'tcp'], 'handshake_timeout'],
  [['tcp', 'tls', 'upgrade'], 'handshake_timeout'],
  [['tcp', 'upgrade', 'first_frame'], 'no_answer'],
  [['tcp', 'upgrade', 'first_frame', 'payload'], 'no_answer'],
])('silence after %o is %s', (steps, reason) => {
  expect(causeOfSilence(steps.map((step) => ({ step }))).reason).toBe(reason)
})

test('dials are read from the timeline newest first, with how far each came', () => {
  const state = (at: string): [string, TimelineDetail] => ['state', { state: at }]
  const found = dials(
    dial(1, 0, 'tcp', 'qr', end('codes_used_up')),
    dial(2, 100, 'tcp', 'success', state('online'), end('connection_lost')),
    dial(3, 200, 'tcp'),
  )
  expect(found.map(({ generation, outcome, endedAt }) => [generation, outcome, endedAt])).toEqual([
    [3, 'opening', undefined],
    [2, 'online', 104],
    [1, 'codes_used_up', 3],
  ])
})

test('the troubleshooting guide names every reason, and no other', () => {
  const guide = readFileSync(new URL('../../../../docs/guide/troubleshooting.md', import.meta.url), 'utf8')
  const named = guide
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .flatMap((row) => Array.from((row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g), ([, code]) => code ?? ''))
  expect(new Set(named.filter((code) => code !== 'reason'))).toEqual(new Set(sessionReasonNames()))
})
