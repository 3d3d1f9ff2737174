import { randomBytes } from 'node:crypto'

import { proto } from '../baileys.ts'

import { HubError } from '@inbox-hub/contract'
import { type Jid, statusJid, withoutDevice } from '@inbox-hub/whatsapp'

import type { Link, StatusCalls } from '../index.ts'

/** WhatsApp acks a message within moments; clients of ours give up after 30 s. */
const ACK_MS = 20_000

/** The `edit` attribute of a stanza that takes a message of ours back (whatsmeow: `EditAttributeSenderRevoke`). */
const SENDER_REVOKE = '7'

/** What is done to statuses: messages to the status broadcast, for those whom they concern. */
export function statusCalls({
  self,
  relay,
  onAck,
  after,
  closed,
}: {
  /** Throws `SESSION_NOT_CONNECTED`. */
  self: () => Jid
  relay: (
    id: string,
    message: proto.IMessage,
    audience: readonly Jid[],
    attributes?: Readonly<Record<string, string>>,
  ) => Promise<void>
  onAck: Link['onAck']
  after: (ms: number) => Promise<undefined>
  closed: Promise<void>
}): StatusCalls {
  async function sent(id: string, write: () => Promise<void>): Promise<void> {
    const answer = Promise.withResolvers<{ error: number | undefined }>()
    using _acks = onAck((ack) => {
      if (ack.id === id) answer.resolve(ack)
    })
    await write()
    const ack = await Promise.race([answer.promise, after(ACK_MS), closed])
    if (ack === undefined) {
      self()
      throw new HubError('WHATSAPP_ERROR', { reason: 'NO_ANSWER' })
    }
    if (ack.error !== undefined)
      throw new HubError('WHATSAPP_ERROR', { reason: 'REFUSED_BY_WHATSAPP', status: ack.error })
  }

  return {
    async react({ id, author }, emoji) {
      const own = newId()
      const key = { remoteJid: statusJid, fromMe: false, id, participant: author }
      const reactionMessage = { key, text: emoji, senderTimestampMs: Date.now() }
      await sent(own, () => relay(own, { reactionMessage }, [author]))
      return own
    },
    async revoke(id, audience) {
      const own = newId()
      const key = { remoteJid: statusJid, fromMe: true, id, participant: withoutDevice(self()) }
      const protocolMessage = { key, type: proto.Message.ProtocolMessage.Type.REVOKE }
      await sent(own, () => relay(own, { protocolMessage }, audience, { edit: SENDER_REVOKE }))
    },
  }
}

/** As WhatsApp Web makes them. */
const newId = (): string => `3EB0${randomBytes(9).toString('hex').toUpperCase()}`
