import type { StoredEvent } from '../../events/index.ts'
import type { SessionView } from '../../sessions/index.ts'
import type { Preset, Telling } from './preset.ts'
import { withData } from './preset.ts'
import { allButQr, standardHeaders } from './standard.ts'
import { subscribed } from './subscription.ts'

/**
 * CloudEvents 1.0.2 in structured mode (cloudevents.io): the event's attributes and its `data` in one JSON object. What that leaves open,
 * the signature and the retries, is as in Standard Webhooks.
 */
export const cloudevents: Preset = {
  ordered: false,
  timeoutMs: 15_000,
  check: 'status',
  tell,
  ping: ({ type, id, at, sessionName, sessionNumber, data }) =>
    JSON.stringify({
      ...attributes(type, id, at, sessionName),
      data: { sessionId: sessionName, sessionDbId: sessionNumber, ...data },
    }),
  withQr: (body, qr) => withData(body, { qr: qr.text, qrCode: qr.dataUrl, expiresAt: qr.expiresAt }),
  headers: (attempt) => ({
    'content-type': 'application/cloudevents+json; charset=utf-8',
    ...standardHeaders(attempt),
  }),
}

function tell(event: StoredEvent, session: SessionView, events: readonly string[]): readonly Telling[] {
  if (!subscribed(events, allButQr).has(event.type)) return []
  const { data } = event
  const subject = 'chatId' in data ? data.chatId : 'groupId' in data ? data.groupId : undefined
  const body = JSON.stringify({
    ...attributes(event.type, event.id, event.at, session.sessionId),
    ...(typeof subject === 'string' ? { subject } : {}),
    // The Sequence extension wants text.
    sequence: String(event.seq),
    data: { sessionId: session.sessionId, sessionDbId: session.id, seq: event.seq, ...data },
  })
  return [{ type: event.type, lane: 'main', holdMs: 0, body }]
}

/** `source` and `id` together name the event, whoever is told of it. */
function attributes(type: string, id: string, at: number, sessionName: string): object {
  return {
    specversion: '1.0',
    id,
    source: `/sessions/${sessionName}`,
    type,
    time: new Date(at).toISOString(),
    datacontenttype: 'application/json',
  }
}
