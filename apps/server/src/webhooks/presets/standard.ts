import type { KeyObject } from 'node:crypto'

import { eventTypes } from '@inbox-hub/contract'

import type { StoredEvent } from '../../events/index.ts'
import type { SessionView } from '../../sessions/index.ts'
import { standardSignature } from '../signing.ts'
import { type Attempt, type Preset, type Telling, withData } from './preset.ts'
import { subscribed } from './subscription.ts'

/**
 * Standard Webhooks 1.0 (standardwebhooks.com): `{type, timestamp, data}`, verified by that project's libraries.
 * At least once, in no promised order: a delivery that fails comes back later and holds up nothing.
 */
export const standard: Preset = {
  ordered: false,
  timeoutMs: 15_000,
  check: 'status',
  tell,
  ping: ({ type, at, sessionName, sessionNumber, data }) =>
    bodyOf(type, at, { sessionId: sessionName, sessionDbId: sessionNumber, ...data }),
  withQr: (body, qr) => withData(body, { qr: qr.text, qrCode: qr.dataUrl, expiresAt: qr.expiresAt }),
  headers: (attempt) => ({ 'content-type': 'application/json', ...standardHeaders(attempt) }),
}

/** A QR links a device to the account: only who asks for it by name is sent it. */
export const allButQr: ReadonlySet<string> = new Set(eventTypes.filter((type) => type !== 'session.qr'))

/** The three headers of Standard Webhooks, which other presets sign with too. */
export function standardHeaders({ id, body, keys, now }: Attempt): Record<string, string> {
  // Seconds of this attempt, not of the event: receivers refuse what is older than five minutes.
  const timestamp = Math.floor(now / 1000)
  const signature = (key: KeyObject) => standardSignature(key, id, timestamp, body)
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': keys.length === 1 ? signature(keys[0]) : keys.map(signature).join(' '),
  }
}

function tell(event: StoredEvent, session: SessionView, events: readonly string[]): readonly Telling[] {
  if (!subscribed(events, allButQr).has(event.type)) return []
  const body = bodyOf(event.type, event.at, {
    sessionId: session.sessionId,
    sessionDbId: session.id,
    seq: event.seq,
    ...event.data,
  })
  return [{ type: event.type, lane: 'main', holdMs: 0, body }]
}

function bodyOf(type: string, at: number, data: object): string {
  return JSON.stringify({ type, timestamp: new Date(at).toISOString(), data })
}
