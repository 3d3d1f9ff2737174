import { hash } from 'node:crypto'

import type { Jid, OutgoingContent } from '@inbox-hub/whatsapp'

import type { TakenAlbum, TakenContent } from './files.ts'

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
  content: OutgoingContent | TakenContent | TakenAlbum
  mentions: readonly Jid[]
  mentionsEveryone?: boolean | undefined
  quotedId: string | undefined
  /** Unix ms. */
  sendAt?: number | undefined
  /** A request with a key is the same as another only with the same key. */
  idempotencyKey: string | undefined
}): string {
  const { to, content, mentions, mentionsEveryone, quotedId, sendAt, idempotencyKey } = request
  const isPlainText = content.kind === 'text' && Object.keys(content).length === 2
  return hash(
    'sha256',
    JSON.stringify([
      to,
      // As it was written before there was anything but text, so that what was stored then is still recognised.
      isPlainText ? content.text : content,
      mentions,
      quotedId ?? null,
      idempotencyKey ?? null,
      // At its end, for the same reason.
      ...(sendAt === undefined ? [] : [sendAt]),
      ...(mentionsEveryone === true ? ['everyone'] : []),
    ]),
    'base64url',
  )
}
