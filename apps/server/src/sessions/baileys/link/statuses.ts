import { proto } from '../baileys.ts'

import { type Jid, statusJid, withoutDevice } from '@inbox-hub/whatsapp'

import type { StatusCalls } from '../index.ts'
import { acknowledged, type AckParts, newMessageId } from './acknowledged.ts'

/** The `edit` attribute of a stanza that takes a message of ours back (whatsmeow: `EditAttributeSenderRevoke`). */
const SENDER_REVOKE = '7'

/** What is done to statuses: messages to the status broadcast, for those whom they concern. */
export function statusCalls({
  self,
  relay,
  acks,
}: {
  /** Throws `SESSION_NOT_CONNECTED`. */
  self: () => Jid
  relay: (
    id: string,
    message: proto.IMessage,
    audience: readonly Jid[],
    attributes?: Readonly<Record<string, string>>,
  ) => Promise<void>
  acks: AckParts
}): StatusCalls {
  return {
    async react({ id, author }, emoji) {
      const own = newMessageId()
      const key = { remoteJid: statusJid, fromMe: false, id, participant: author }
      const reactionMessage = { key, text: emoji, senderTimestampMs: Date.now() }
      await acknowledged(acks, own, () => relay(own, { reactionMessage }, [author]))
      return own
    },
    async revoke(id, audience) {
      const own = newMessageId()
      const key = { remoteJid: statusJid, fromMe: true, id, participant: withoutDevice(self()) }
      const protocolMessage = { key, type: proto.Message.ProtocolMessage.Type.REVOKE }
      const attributes = { edit: SENDER_REVOKE }
      await acknowledged(acks, own, () => relay(own, { protocolMessage }, audience, attributes))
    },
  }
}
