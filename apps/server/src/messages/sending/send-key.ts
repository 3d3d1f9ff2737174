import { hash } from 'node:crypto'

import type { Jid } from '@inbox-hub/whatsapp'

/**
 * The WhatsApp id of a message, derived from what makes the request unique: sent again after a doubt it is the same message, which
 * recipients show once. In the form of WhatsApp Web's own ids.
 */
export function whatsappIdOf(sessionId: number, key: string): string {
  return `3EB0${hash('sha256', `${sessionId}\n${key}`, 'hex').slice(0, 18).toUpperCase()}`
}

/** What two requests have in common when they ask for the same thing. Of the address as it was asked for: what it stands for may change. */
export function fingerprintOf(request: {
  to: Jid
  text: string
  mentions: readonly Jid[]
  quotedId: string | undefined
  /** Unix ms. */
  sendAt?: number | undefined
  /** A request with a key is the same as another only with the same key. */
  idempotencyKey: string | undefined
}): string {
  const { to, text, mentions, quotedId, sendAt, idempotencyKey } = request
  return hash(
    'sha256',
    JSON.stringify([
      to,
      text,
      mentions,
      quotedId ?? null,
      idempotencyKey ?? null,
      // At its end, so that what was stored before there were schedules is still recognised.
      ...(sendAt === undefined ? [] : [sendAt]),
    ]),
    'base64url',
  )
}
