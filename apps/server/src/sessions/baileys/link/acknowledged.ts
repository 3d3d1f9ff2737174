import { randomBytes } from 'node:crypto'

import { HubError } from '@inbox-hub/contract'

import type { Link } from './dial.ts'

/** WhatsApp acks a message within moments; clients of ours give up after 30 s. */
const ACK_MS = 20_000

/** What it takes to wait for the ack of a stanza on one connection. */
export interface AckParts {
  onAck: Link['onAck']
  after: (ms: number) => Promise<undefined>
  closed: Promise<void>
  /** Throws `SESSION_NOT_CONNECTED` once the connection is closed. */
  connected: () => void
}

/** Runs `write`, which writes a stanza under `id`, and waits until WhatsApp has it. Throws `WHATSAPP_ERROR` when it refuses or does not answer. */
export async function acknowledged(
  { onAck, after, closed, connected }: AckParts,
  id: string,
  write: () => Promise<void>,
): Promise<void> {
  const answer = Promise.withResolvers<{ error: number | undefined }>()
  using _acks = onAck((ack) => {
    if (ack.id === id) answer.resolve(ack)
  })
  await write()
  const ack = await Promise.race([answer.promise, after(ACK_MS), closed])
  if (ack === undefined) {
    connected()
    throw new HubError('WHATSAPP_ERROR', { reason: 'NO_ANSWER' })
  }
  if (ack.error !== undefined)
    throw new HubError('WHATSAPP_ERROR', { reason: 'REFUSED_BY_WHATSAPP', status: ack.error })
}

/** An id of a message, as WhatsApp Web makes them. */
export const newMessageId = (): string => `3EB0${randomBytes(9).toString('hex').toUpperCase()}`
