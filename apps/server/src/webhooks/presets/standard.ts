import { eventTypes } from '@inbox-hub/contract'

import type { StoredEvent } from '../../events/index.ts'
import type { SessionView } from '../../sessions/index.ts'
import { standardSignature } from '../signing.ts'
import { judgeStatus } from '../verdict.ts'
import { type Attempt, type Preset, type Telling, withData } from './preset.ts'
import { subscribed } from './subscription.ts'

/**
 * Standard Webhooks 1.0 (standardwebhooks.com): `{type, timestamp, data}`, verified by that project's libraries.
 * At least once, in no promised order: a delivery that fails comes back later and holds up nothing.
 */
export const standard: Preset = {
  ordered: false,
  inFlightPerLane: 8,
  timeoutMs: 15_000,
  tell,
  withQr: (body, qr) => withData(body, { qr: qr.text, qrCode: qr.dataUrl, expiresAt: qr.expiresAt }),
  headers,
  judge: (reply) => judgeStatus(reply, 'standard'),
}

/** A QR links a device to the account: only who asks for it by name is sent it. */
const allButQr: ReadonlySet<string> = new Set(eventTypes.filter((type) => type !== 'session.qr'))

function headers({ id, body, key, now }: Attempt): Record<string, string> {
  // Seconds of this attempt, not of the event: receivers refuse what is older than five minutes.
  const timestamp = Math.floor(now / 1000)
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': standardSignature(key, id, timestamp, body),
  }
}

function tell(event: StoredEvent, session: SessionView): readonly Telling[] {
  if (!subscribed(session.webhook.events, allButQr).has(event.type)) return []
  const body = JSON.stringify({
    type: event.type,
    timestamp: new Date(event.at).toISOString(),
    data: { sessionId: session.sessionId, sessionDbId: session.id, seq: event.seq, ...event.data },
  })
  return [{ type: event.type, lane: 'main', holdMs: 0, body }]
}
