import { proto } from '../baileys.ts'

import type { MessageChange, MessageTarget, Sealed } from '@inbox-hub/whatsapp'
import { tryParseJid, withoutDevice } from '@inbox-hub/whatsapp'
import { isMissing } from '../missing.ts'
import { contentOf, unwrapped } from './content.ts'
import { base64Of, countOf, type Numeric } from './protobuf.ts'

/**
 * What a decrypted message does to another one; undefined when it is a message of its own, or does not say to which.
 * Source: `ReactionMessage`, `ProtocolMessage`, `PinInChatMessage`, `KeepInChatMessage`, `PollUpdateMessage`, `EncEventResponseMessage`, `EncReactionMessage`
 * of WAProto.
 */
export function changeOf(message: proto.IMessage): MessageChange | undefined {
  const { inner, info } = unwrapped(message)
  const { reactionMessage, protocolMessage, pinInChatMessage, keepInChatMessage } = inner
  const { pollUpdateMessage, encEventResponseMessage, encReactionMessage } = inner
  const about = (
    key: proto.IMessageKey | null | undefined,
    at: Numeric,
  ): { target: MessageTarget; at: number | undefined } | undefined => {
    const target = targetOf(key)
    return target && { target, at: instantOf(at) }
  }

  if (!isMissing(reactionMessage)) {
    const known = about(reactionMessage.key, reactionMessage.senderTimestampMs)
    return known && { ...known, kind: 'reaction', emoji: reactionMessage.text ?? '' }
  }
  if (!isMissing(pinInChatMessage)) {
    const known = about(pinInChatMessage.key, pinInChatMessage.senderTimestampMs)
    const pinned = pinInChatMessage.type === proto.Message.PinInChatMessage.Type.PIN_FOR_ALL
    const forS = countOf(info?.messageAddOnDurationInSecs) || undefined
    return known && { ...known, kind: 'pin', pinned, forS }
  }
  if (!isMissing(keepInChatMessage)) {
    const known = about(keepInChatMessage.key, keepInChatMessage.timestampMs)
    return (
      known && { ...known, kind: 'keep', kept: keepInChatMessage.keepType === proto.KeepType.KEEP_FOR_ALL }
    )
  }
  if (!isMissing(pollUpdateMessage)) {
    const known = about(pollUpdateMessage.pollCreationMessageKey, pollUpdateMessage.senderTimestampMs)
    const seal = sealIn(pollUpdateMessage.vote ?? {})
    return known && seal && { ...known, kind: 'vote', ...seal }
  }
  if (!isMissing(encEventResponseMessage)) {
    // When it was answered is sealed, too; its stanza says it as well.
    const known = about(encEventResponseMessage.eventCreationMessageKey, undefined)
    const seal = sealIn(encEventResponseMessage)
    return known && seal && { ...known, kind: 'vote', ...seal }
  }
  if (!isMissing(encReactionMessage)) {
    const known = about(encReactionMessage.targetMessageKey, undefined)
    const seal = sealIn(encReactionMessage)
    return known && seal && { ...known, kind: 'reaction', ...seal }
  }
  const { REVOKE, MESSAGE_EDIT } = proto.Message.ProtocolMessage.Type
  if (isMissing(protocolMessage)) return undefined
  const known = about(protocolMessage.key, protocolMessage.timestampMs)
  if (protocolMessage.type === REVOKE) return known && { ...known, kind: 'revoke' }
  if (protocolMessage.type !== MESSAGE_EDIT || isMissing(protocolMessage.editedMessage)) return undefined
  const edited = contentOf(protocolMessage.editedMessage)
  if (edited === undefined || edited.kind === 'undecryptable') return undefined
  return known && { ...known, kind: 'edit', text: edited.text, mentions: edited.mentions ?? [] }
}

/** Undefined when it lacks a part. */
function sealIn({ encPayload, encIv }: proto.Message.IPollEncValue): Sealed | undefined {
  const payload = base64Of(encPayload)
  const iv = base64Of(encIv)
  return payload === undefined || iv === undefined ? undefined : { payload, iv }
}

function targetOf(key: proto.IMessageKey | null | undefined): MessageTarget | undefined {
  if (isMissing(key?.id) || key.id === '') return undefined
  const author = tryParseJid(key.participant ?? '')
  return { id: key.id, bySender: key.fromMe === true, author: author && withoutDevice(author) }
}

function instantOf(ms: Numeric): number | undefined {
  const at = countOf(ms)
  return at === undefined || at === 0 || at > 8_640_000_000_000_000 ? undefined : at
}
