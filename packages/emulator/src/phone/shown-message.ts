import { proto } from '../baileys.ts'
import { textOf } from './content.ts'
import type { PhoneMessage } from './phone-message.ts'
import { openReaction, openVote } from './sealed-deeds.ts'

/** A message as its chat shows it, with all that was done to it. People are bare PNs. */
export interface ShownMessage {
  /** As it was last written; undefined once it is deleted. */
  text: string | undefined
  edited: boolean
  /** Who deleted it for everyone. */
  deletedBy: string | undefined
  /** Emoji by person. */
  reactions: Readonly<Record<string, string>>
  /** What was chosen in a poll, by person. */
  votes: Readonly<Record<string, readonly string[]>>
  /** For so many seconds; undefined when it is not pinned. */
  pinnedForS: number | undefined
  kept: boolean
}

/** How long an edit is taken: WhatsApp's phones give their clocks a little more than the 15 minutes they offer. */
const editableForMs = 20 * 60_000

/**
 * What became of `message` by those that follow it in its chat, as a phone reads them: only its author changes what it says, and only they or
 * an administrator take it back.
 *
 * @param namings - how this chat names people, one after another: what is sealed names all of them in one of these ways
 * @param isAdmin - of the chat, which is then a group
 */
export function shownAs(
  message: PhoneMessage,
  chat: readonly PhoneMessage[],
  {
    namings,
    isAdmin,
  }: {
    namings: readonly ((pn: string) => string)[]
    isAdmin: (pn: string) => boolean
  },
): ShownMessage {
  const author = bare(message.from)
  const shown = {
    text: message.text,
    edited: false,
    deletedBy: undefined as string | undefined,
    reactions: {} as Record<string, string>,
    votes: {} as Record<string, readonly string[]>,
    pinnedForS: undefined as number | undefined,
    kept: false,
  }
  const isAbout = (key: proto.IMessageKey | null | undefined): boolean => key?.id === message.id
  for (const later of chat) {
    const by = bare(later.from)
    const people = namings.map((nameOf) => ({ author: nameOf(author), doer: nameOf(by) }))
    const { reactionMessage, protocolMessage, pinInChatMessage, keepInChatMessage, pollUpdateMessage } =
      later.message
    const { encReactionMessage } = later.message
    const emoji =
      reactionMessage && isAbout(reactionMessage.key)
        ? (reactionMessage.text ?? '')
        : encReactionMessage && isAbout(encReactionMessage.targetMessageKey)
          ? openReaction(message, people, encReactionMessage)
          : undefined
    if (emoji === '') delete shown.reactions[by]
    else if (emoji !== undefined) shown.reactions[by] = emoji
    if (protocolMessage && isAbout(protocolMessage.key)) {
      const { MESSAGE_EDIT, REVOKE } = proto.Message.ProtocolMessage.Type
      const { type, editedMessage } = protocolMessage
      if (type === MESSAGE_EDIT && by === author && later.at <= message.at + editableForMs) {
        shown.text = textOf(editedMessage)
        shown.edited = true
      }
      if (type === REVOKE && (by === author || isAdmin(by))) {
        shown.text = undefined
        shown.deletedBy = by
      }
    }
    if (pinInChatMessage && isAbout(pinInChatMessage.key)) {
      const isPinned = pinInChatMessage.type === proto.Message.PinInChatMessage.Type.PIN_FOR_ALL
      shown.pinnedForS = isPinned
        ? (later.message.messageContextInfo?.messageAddOnDurationInSecs ?? 0)
        : undefined
    }
    if (keepInChatMessage && isAbout(keepInChatMessage.key)) {
      shown.kept = keepInChatMessage.keepType === proto.KeepType.KEEP_FOR_ALL
    }
    if (pollUpdateMessage?.vote && isAbout(pollUpdateMessage.pollCreationMessageKey)) {
      const chosen = openVote(message, people, pollUpdateMessage.vote)
      if (chosen !== undefined) shown.votes[by] = chosen
    }
  }
  return shown
}

function bare(jid: string): string {
  return jid.replace(/:\d+@/, '@')
}
