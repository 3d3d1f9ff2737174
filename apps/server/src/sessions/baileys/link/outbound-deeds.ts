import { createCipheriv, createHash, createHmac, randomBytes } from 'node:crypto'

import type { BinaryNode } from '../baileys.ts'
import { proto } from '../baileys.ts'

import { isGroup, type Jid, type OwnDeed, withoutDevice } from '@inbox-hub/whatsapp'

import { withContext } from './outbound-context.ts'
import { fileMessageOf } from './outbound-files.ts'
import type { OutboundMessage } from './outbound.ts'

/** The stanza's `edit`, by which WhatsApp knows what is done to another message (baileys: `sendMessage`; whatsmeow: `EditAttribute`). */
const editAttribute = { edit: '1', pin: '2', revoke: '7', adminRevoke: '8' } as const

/** Something done to a message, as it is sent. `self` is our address in the chat. */
export function deedMessage(deed: OwnDeed, { to, self }: { to: Jid; self: Jid }): OutboundMessage {
  const { target, at } = deed
  const key: proto.IMessageKey = {
    remoteJid: to,
    fromMe: target.fromMe,
    id: target.id,
    ...(isGroup(to) && !target.fromMe && { participant: target.author }),
  }
  switch (deed.kind) {
    case 'reaction':
      return plain({ reactionMessage: { key, text: deed.emoji, senderTimestampMs: at } })
    case 'edit': {
      const { text, mentions, file } = deed
      // A caption comes with its whole file: what a phone takes of it is its own affair.
      const editedMessage =
        file !== undefined
          ? withContext(fileMessageOf({ ...file, text }), { ...file, text, mentions })
          : mentions.length === 0
            ? { conversation: text }
            : { extendedTextMessage: { text, contextInfo: { mentionedJid: [...mentions] } } }
      const type = proto.Message.ProtocolMessage.Type.MESSAGE_EDIT
      const protocolMessage = { key, type, editedMessage, timestampMs: at }
      return plain({ protocolMessage }, { edit: editAttribute.edit })
    }
    case 'revoke': {
      const protocolMessage = { key, type: proto.Message.ProtocolMessage.Type.REVOKE }
      return plain(
        { protocolMessage },
        { edit: target.fromMe ? editAttribute.revoke : editAttribute.adminRevoke },
      )
    }
    case 'pin': {
      const { PIN_FOR_ALL, UNPIN_FOR_ALL } = proto.Message.PinInChatMessage.Type
      const type = deed.pinned ? PIN_FOR_ALL : UNPIN_FOR_ALL
      return plain(
        {
          pinInChatMessage: { key, type, senderTimestampMs: at },
          messageContextInfo: { messageAddOnDurationInSecs: deed.pinned ? deed.forS : 0 },
        },
        { edit: editAttribute.pin },
      )
    }
    case 'keep': {
      const keepType = deed.kept ? proto.KeepType.KEEP_FOR_ALL : proto.KeepType.UNDO_KEEP_FOR_ALL
      return plain({ keepInChatMessage: { key, keepType, timestampMs: at } })
    }
    case 'vote':
      break
  }
  const pollUpdateMessage = {
    pollCreationMessageKey: key,
    vote: sealedVote(deed, self),
    senderTimestampMs: at,
  }
  return { ...plain({ pollUpdateMessage }), nodes: [{ tag: 'meta', attrs: { polltype: 'vote' } }] }
}

function plain(message: proto.IMessage, attributes: BinaryNode['attrs'] = {}): OutboundMessage {
  return { message, nodes: [], attributes }
}

/**
 * Sealed for the poll and for us: nobody else can cast it, and it fits no other poll. Both people are named in the addressing of the chat.
 * Source: baileys `decryptPollVote`, whatsmeow `EncryptPollVote`.
 */
function sealedVote(
  { target, chosen, secret }: Extract<OwnDeed, { kind: 'vote' }>,
  self: Jid,
): proto.Message.IPollEncValue {
  const creator = withoutDevice(target.author)
  const voter = withoutDevice(self)
  const selectedOptions = chosen.map((option) => createHash('sha256').update(option).digest())
  const plaintext = proto.Message.PollVoteMessage.encode({ selectedOptions }).finish()
  const seed = createHmac('sha256', Buffer.alloc(32)).update(Buffer.from(secret, 'base64')).digest()
  const key = createHmac('sha256', seed)
    .update(Buffer.concat([Buffer.from(`${target.id}${creator}${voter}Poll Vote`), Buffer.from([1])]))
    .digest()
  const encIv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, encIv)
  cipher.setAAD(Buffer.from(`${target.id}\0${voter}`))
  return { encPayload: Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]), encIv }
}
