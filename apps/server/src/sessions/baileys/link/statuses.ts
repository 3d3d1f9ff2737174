import { proto } from '../baileys.ts'

import { type Jid, statusJid, withoutDevice } from '@inbox-hub/whatsapp'

import { acknowledged, type AckParts, newMessageId } from './acknowledged.ts'

/**
 * What is done to statuses. Each is a message: resolves when WhatsApp has it; rejects with `HubError WHATSAPP_ERROR` when it does not take
 * it, or does not answer within 20 s (`NO_ANSWER`).
 */
export interface StatusCalls {
  /** An empty emoji takes the reaction back. Answers the id of the message that says so. */
  react(status: { id: string; author: Jid }, emoji: string): Promise<string>
  /** Takes one of ours back from those it was sent to. */
  revoke(id: string, audience: readonly Jid[]): Promise<void>
}

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
