import type { SessionReason } from '@inbox-hub/contract'
import {
  classifyDisconnect,
  type DisconnectCause,
  type DisconnectReason,
  disconnects,
} from '@inbox-hub/whatsapp'

import type { ProbeResult } from '../platform/probes.ts'
import type { DialStep } from './baileys/index.ts'
import type { SessionState } from './session-state.ts'
import type { TimelineDetail, TimelineRow } from './timeline.ts'

/** One dial as its rows in the timeline tell it. */
export interface DialRecord {
  generation: number
  startedAt: number
  endedAt: number | undefined
  /** A reason of disconnection, or how far it came: `online`, `qr`, `logged_in`, `opening`. */
  outcome: string
  steps: readonly { at: number; step: string; detail: TimelineDetail }[]
}

/**
 * How a dial that said nothing in its time is to be understood, from the steps it did say. Pure.
 * The number 408 stands for a server that was reached and did not speak.
 */
export function causeOfSilence(steps: readonly Pick<DialStep, 'step'>[]): DisconnectCause {
  const reached = new Set(steps.map(({ step }) => step))
  const silence = (reason: DisconnectReason, code: number): DisconnectCause => ({
    origin: 'deadline',
    reason,
    code,
    message: `silent after ${steps.at(-1)?.step ?? 'the start'}`,
  })
  if (reached.has('first_frame') || reached.has('payload') || reached.has('success'))
    return silence('no_answer', 0)
  if (reached.has('tcp') || reached.has('tls') || reached.has('upgrade'))
    return silence('handshake_timeout', 408)
  return silence('unreachable', 0)
}

const dialSteps: ReadonlySet<string> = new Set([
  'dial',
  'dns',
  'tcp',
  'tls',
  'upgrade',
  'unexpected_response',
  'first_frame',
  'payload',
  'pair_device',
  'qr',
  'success',
  'failure',
  'stream_error',
  'companion_reg_refresh',
  'passkey_prologue',
  'bad_frame',
  'pairing_code_refused',
  'restricted',
  'closed',
  'end',
])

/** The dials among timeline rows (newest first), newest first, at most `limit`. */
export function dialsIn(rows: readonly TimelineRow[], limit: number): readonly DialRecord[] {
  const byGeneration = new Map<number, TimelineRow[]>()
  for (const row of rows) {
    if (row.generation === 0) continue
    const of = byGeneration.get(row.generation)
    if (of === undefined) byGeneration.set(row.generation, [row])
    else of.unshift(row)
  }
  return [...byGeneration.values()]
    .filter((of) => of.some(({ kind }) => kind === 'dial'))
    .map((of) => dialOf(of))
    .sort((a, b) => b.generation - a.generation)
    .slice(0, limit)
}

function dialOf(rows: readonly TimelineRow[]): DialRecord {
  const steps = rows.filter(({ kind }) => dialSteps.has(kind))
  const end = steps.find(({ kind }) => kind === 'end')
  const states = new Set(rows.filter(({ kind }) => kind === 'state').map(({ detail }) => detail['state']))
  const kinds = new Set(steps.map(({ kind }) => kind))
  const [first] = rows
  const reached = states.has('online')
    ? 'online'
    : kinds.has('success')
      ? 'logged_in'
      : kinds.has('qr')
        ? 'qr'
        : 'opening'
  return {
    generation: first?.generation ?? 0,
    startedAt: steps[0]?.at ?? first?.at ?? 0,
    endedAt: end?.at,
    outcome: end === undefined || reached === 'online' ? reached : String(end.detail['reason'] ?? reached),
    steps: steps.map(({ at, kind, detail }) => ({ at, step: kind, detail })),
  }
}

/** What is known when asked why a session does not connect. */
export interface Evidence {
  state: SessionState
  linked: boolean
  /** Newest first. */
  dials: readonly DialRecord[]
  probes: readonly ProbeResult[]
  lookUpFailed: boolean
}

/**
 * What the dials and probes show, most likely first: one finding per row of the table of causes (docs/guide/troubleshooting.md).
 * Pure. Empty when nothing speaks against the session: it is online, or its QR waits for a scan.
 */
export function diagnose({ state, linked, dials, probes, lookUpFailed }: Evidence): readonly SessionReason[] {
  const found: SessionReason[] = []
  const add = (reason: SessionReason): void => {
    if (!found.includes(reason)) found.push(reason)
  }
  // What the session itself says weighs most, unless it only says that it waits or was told to stop.
  if ('cause' in state && !vague.has(state.cause.code)) add(state.cause.code)
  if (overlap(dials)) add('sockets_overlap')
  const [last] = dials
  if (last !== undefined && state.at !== 'online') for (const reason of findingsOf(last, linked)) add(reason)
  if (state.at === 'pairing' || state.at === 'qr_expired')
    for (const dial of dials) if (shownInVain(dial)) add('scan_unfinished')
  for (const probe of probes) {
    const verdict = verdictOf(probe)
    if (verdict !== undefined) add(verdict)
  }
  if (lookUpFailed && found.includes('client_outdated')) add('version_look_up_failed')
  return found
}

/** Causes that name no fault to look for. */
const vague: ReadonlySet<SessionReason> = new Set([
  'starting_up',
  'asked',
  'deleted',
  'no_answer',
  'restart_required',
  'unknown',
])

function findingsOf(dial: DialRecord, linked: boolean): readonly SessionReason[] {
  const found: SessionReason[] = []
  const step = (name: string) => dial.steps.find((one) => one.step === name)
  const login = step('payload')?.detail['kind'] === 'login'
  if (step('unexpected_response')?.detail['status'] === 407) found.push('proxy_refused')
  else if (step('unexpected_response') !== undefined) found.push('upgrade_refused')
  if (step('bad_frame') !== undefined) found.push('bad_frame')
  if (step('passkey_prologue') !== undefined) found.push('passkey_required')
  // A session that was never linked has nothing to log in with: what it logged in with was half made.
  const end = dial.steps.find((one) => one.step === 'end')?.detail
  if (login && !linked && end !== undefined && isReason(end['reason'], 'logged_out', 'half_registered'))
    found.push('half_registered')
  else if (login && step('success') !== undefined) found.push('already_linked')
  if (step('pair_device') !== undefined && step('qr') === undefined && dial.endedAt !== undefined)
    found.push('qr_lost')
  if (step('companion_reg_refresh') !== undefined) found.push('scan_unfinished')
  if (dial.outcome !== 'online' && isKnownReason(end?.['reason']) && end['reason'] !== 'restart_required')
    found.push(end['reason'])
  return found
}

function isReason(value: unknown, ...reasons: readonly DisconnectReason[]): boolean {
  return reasons.some((reason) => reason === value)
}

function isKnownReason(value: unknown): value is DisconnectReason {
  return typeof value === 'string' && Object.hasOwn(disconnects, value)
}

/** What a probe that failed shows; undefined when it went well. */
export function verdictOf({ name, ok, detail }: ProbeResult): DisconnectReason | undefined {
  return ok ? undefined : verdicts[name](detail)
}

const verdicts: Record<ProbeResult['name'], (detail: TimelineDetail) => DisconnectReason> = {
  dns: () => 'dns_failed',
  tcp: () => 'unreachable',
  proxy: () => 'proxy_refused',
  tls({ code }) {
    // No certificate at all is a server that does not answer; one that is out of date may be our clock.
    if (code === 'ETIMEDOUT') return 'handshake_timeout'
    const systemCode = typeof code === 'string' ? code : undefined
    return classifyDisconnect({ origin: 'transport', code: systemCode, message: 'certificate' }).reason
  },
  clock: () => 'clock_wrong',
  upgrade: ({ status }) => (status === 407 ? 'proxy_refused' : 'upgrade_refused'),
}

/** A QR was on show, and the dial ended without a phone. */
function shownInVain({ steps, outcome }: DialRecord): boolean {
  return outcome === 'codes_used_up' && steps.some(({ step }) => step === 'qr')
}

/** Two dials of one session at the same time: what the whole state machine is there to prevent. */
function overlap(dials: readonly DialRecord[]): boolean {
  const ordered = [...dials].sort((a, b) => a.generation - b.generation)
  return ordered.some((dial, index) => {
    const next = ordered[index + 1]
    return next !== undefined && dial.endedAt !== undefined && next.startedAt < dial.endedAt
  })
}
