import { proto } from '../baileys.ts'
import { toMessage } from './content.ts'
import { keyOf, type PhoneMessage } from './phone-message.ts'
import { sealEventAnswer, sealReaction, sealVote } from './sealed-deeds.ts'

/** A message, given how its chat is addressed on the wire and how people are there. */
export type MessageIn = (toJid: (address: string) => string, chat: string) => proto.IMessage

// What is done to messages and chats is a message too. `at`: Unix ms.

/** An empty text takes the reaction back. */
export function reaction(to: PhoneMessage, emoji: string, at: number): MessageIn {
  return (_, chat) => ({
    reactionMessage: { key: { ...keyOf(to), remoteJid: chat }, text: emoji, senderTimestampMs: at },
  })
}

/**
 * The same in a group for announcements: nobody reads it who does not have the message.
 *
 * @throws {RangeError} the message came without its secret
 */
export function sealedReaction(to: PhoneMessage, reader: string, emoji: string, at: number): MessageIn {
  const secret = to.message.messageContextInfo?.messageSecret
  if (!secret) throw new RangeError(`${to.id} has no secret to react with`)
  return (toJid, chat) => {
    const people = { author: toJid(to.from), doer: toJid(reader) }
    const seal = sealReaction({ id: to.id, secret, ...people }, { text: emoji, senderTimestampMs: at })
    return { encReactionMessage: { targetMessageKey: { ...keyOf(to), remoteJid: chat }, ...seal } }
  }
}

/** The new text of a message of one's own, or its file with the new caption. */
export function edit(id: string, content: string | proto.IMessage, at: number): MessageIn {
  return (_, chat) => ({
    protocolMessage: {
      type: proto.Message.ProtocolMessage.Type.MESSAGE_EDIT,
      key: { id, remoteJid: chat, fromMe: true },
      editedMessage: typeof content === 'string' ? { conversation: content } : content,
      timestampMs: at,
    },
  })
}

/** Deletes for everyone the message that `key` names. */
export function revocation(key: proto.IMessageKey): MessageIn {
  return (_, chat) => ({
    protocolMessage: {
      type: proto.Message.ProtocolMessage.Type.REVOKE,
      key: { ...key, remoteJid: chat },
    },
  })
}

/** For so many seconds; `false` takes it off again. */
export function pin(what: PhoneMessage, seconds: number | false, at: number): MessageIn {
  const { PIN_FOR_ALL, UNPIN_FOR_ALL } = proto.Message.PinInChatMessage.Type
  const message = (chat: string): proto.IMessage => ({
    pinInChatMessage: {
      key: { ...keyOf(what), remoteJid: chat },
      type: seconds === false ? UNPIN_FOR_ALL : PIN_FOR_ALL,
      senderTimestampMs: at,
    },
    ...(seconds !== false && { messageContextInfo: { messageAddOnDurationInSecs: seconds } }),
  })
  return (_, chat) => toMessage(message(chat), () => chat)
}

/** Keeps what would disappear, or lets it go. */
export function keeping(what: PhoneMessage, kept: boolean, at: number): MessageIn {
  const { KEEP_FOR_ALL, UNDO_KEEP_FOR_ALL } = proto.KeepType
  return (_, chat) => ({
    keepInChatMessage: {
      key: { ...keyOf(what), remoteJid: chat },
      keepType: kept ? KEEP_FOR_ALL : UNDO_KEEP_FOR_ALL,
      timestampMs: at,
    },
  })
}

/** @throws {RangeError} the poll came without its secret */
export function vote(poll: PhoneMessage, voter: string, chosen: readonly string[], at: number): MessageIn {
  const secret = poll.message.messageContextInfo?.messageSecret
  if (!secret) throw new RangeError(`${poll.id} has no secret to vote with`)
  return (toJid, chat) => {
    const people = { author: toJid(poll.from), doer: toJid(voter) }
    const vote = sealVote({ id: poll.id, secret, ...people }, chosen)
    const pollCreationMessageKey = { ...keyOf(poll), remoteJid: chat }
    return { pollUpdateMessage: { pollCreationMessageKey, vote, senderTimestampMs: at } }
  }
}

/** @throws {RangeError} the event came without its secret */
export function eventAnswer(
  event: PhoneMessage,
  voter: string,
  answer: 'GOING' | 'NOT_GOING' | 'MAYBE',
  { extraGuests, at }: { extraGuests: number; at: number },
): MessageIn {
  const secret = event.message.messageContextInfo?.messageSecret
  if (!secret) throw new RangeError(`${event.id} has no secret to answer with`)
  return (toJid, chat) => {
    const people = { author: toJid(event.from), doer: toJid(voter) }
    const response = proto.Message.EventResponseMessage.EventResponseType[answer]
    const said = { response, timestampMs: at, extraGuestCount: extraGuests }
    const eventCreationMessageKey = { ...keyOf(event), remoteJid: chat }
    const seal = sealEventAnswer({ id: event.id, secret, ...people }, said)
    return { encEventResponseMessage: { eventCreationMessageKey, ...seal } }
  }
}

/** How long messages of a chat live from now on, in seconds; 0: they stay. */
export function disappearing(seconds: number, at: number): MessageIn {
  const ephemeralSettingTimestamp = Math.floor(at / 1000)
  const type = proto.Message.ProtocolMessage.Type.EPHEMERAL_SETTING
  return () => ({ protocolMessage: { type, ephemeralExpiration: seconds, ephemeralSettingTimestamp } })
}
