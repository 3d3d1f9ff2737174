import { createHash } from 'node:crypto'

import type { BinaryNode } from '../baileys.ts'
import { proto } from '../baileys.ts'

import { isGroup, type Jid, type OwnDeed } from '@inbox-hub/whatsapp'

import { sealUnder, type SecretUse } from '../message-secret.ts'
import type { People } from './naming.ts'
import { withContext } from './outbound-context.ts'
import { fileMessageOf } from './outbound-files.ts'
import type { OutboundMessage } from './outbound.ts'

/** The stanza's `edit`, by which WhatsApp knows what is done to another message (baileys: `sendMessage`; whatsmeow: `EditAttribute`). */
const editAttribute = { edit: '1', pin: '2', revoke: '7', adminRevoke: '8' } as const

/** Something done to a message, as it is sent. `people` are named as the chat `to` names them. */
export function deedMessage(deed: OwnDeed, to: Jid, people: People): OutboundMessage {
  const { target, at } = deed
  const key: proto.IMessageKey = {
    remoteJid: to,
    fromMe: target.fromMe,
    id: target.id,
    ...(isGroup(to) && !target.fromMe && { participant: people.author }),
  }
  switch (deed.kind) {
    case 'reaction': {
      const reaction: proto.Message.IReactionMessage = { text: deed.emoji, senderTimestampMs: at }
      if (deed.secret === undefined) return plain({ reactionMessage: { key, ...reaction } })
      const said = proto.Message.ReactionMessage.encode(reaction).finish()
      const seal = sealed('Enc Reaction', { ...people, messageId: target.id, secret: deed.secret }, said)
      return plain({ encReactionMessage: { targetMessageKey: key, ...seal } })
    }
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
  const selectedOptions = deed.chosen.map((option) => createHash('sha256').update(option).digest())
  const vote = proto.Message.PollVoteMessage.encode({ selectedOptions }).finish()
  const pollUpdateMessage = {
    pollCreationMessageKey: key,
    vote: sealed('Poll Vote', { ...people, messageId: target.id, secret: deed.secret }, vote),
    senderTimestampMs: at,
  }
  return { ...plain({ pollUpdateMessage }), nodes: [{ tag: 'meta', attrs: { polltype: 'vote' } }] }
}

function plain(message: proto.IMessage, attributes: BinaryNode['attrs'] = {}): OutboundMessage {
  return { message, nodes: [], attributes }
}

/** `secret`: base64. */
function sealed(
  use: SecretUse,
  { secret, ...by }: People & { messageId: string; secret: string },
  plaintext: Uint8Array,
): proto.Message.IPollEncValue {
  return sealUnder({ ...by, use, secret: Buffer.from(secret, 'base64') }, plaintext)
}
