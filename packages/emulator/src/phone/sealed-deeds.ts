import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto'

import { proto } from '../baileys.ts'
import type { PhoneMessage } from './phone-message.ts'

/** By which addresses a seal names who wrote the message and who did something to it: bare JIDs, both in the addressing of the chat. */
interface People {
  author: string
  doer: string
}

/** What is done to a message under a seal: who has the message can open it, and it fits no other message or person. */
interface SealedFor extends People {
  /** Of the message. */
  id: string
  secret: Uint8Array
}

type Use = 'Poll Vote' | 'Event Response' | 'Enc Reaction'

/** A vote. Source: `decryptPollVote` of baileys, `DecryptPollVote` of whatsmeow. */
export function sealVote(of: SealedFor, options: readonly string[]): proto.Message.IPollEncValue {
  const selectedOptions = options.map((option) => createHash('sha256').update(option).digest())
  return sealed('Poll Vote', of, proto.Message.PollVoteMessage.encode({ selectedOptions }).finish())
}

/** What somebody answers to an event. Source: `decryptEventResponse` of baileys. */
export function sealEventAnswer(
  of: SealedFor,
  answer: proto.Message.IEventResponseMessage,
): proto.Message.IPollEncValue {
  return sealed('Event Response', of, proto.Message.EventResponseMessage.encode(answer).finish())
}

/** A reaction in a group for announcements. Source: `EncryptReaction` of whatsmeow. */
export function sealReaction(
  of: SealedFor,
  reaction: proto.Message.IReactionMessage,
): proto.Message.IPollEncValue {
  return sealed('Enc Reaction', of, proto.Message.ReactionMessage.encode(reaction).finish())
}

/** What somebody chose in a poll, in its order; undefined when the vote was sealed for another poll or person, or names people otherwise. */
export function openVote(
  message: Pick<PhoneMessage, 'id' | 'message'>,
  people: readonly People[],
  vote: proto.Message.IPollEncValue,
): readonly string[] | undefined {
  const { pollCreationMessage, pollCreationMessageV2, pollCreationMessageV3 } = message.message
  const poll = pollCreationMessage ?? pollCreationMessageV2 ?? pollCreationMessageV3
  const bytes = poll && opened('Poll Vote', message, people, vote)
  if (!bytes) return undefined
  const { selectedOptions } = proto.Message.PollVoteMessage.decode(bytes)
  const chosen = new Set(selectedOptions.map((hash) => Buffer.from(hash).toString('hex')))
  const options = (poll.options ?? []).map(({ optionName }) => optionName ?? '')
  return options.filter((option) => chosen.has(createHash('sha256').update(option).digest('hex')))
}

/** The emoji of a reaction, '' when it takes one back; undefined when it was sealed for another message or person. */
export function openReaction(
  message: Pick<PhoneMessage, 'id' | 'message'>,
  people: readonly People[],
  reaction: proto.Message.IPollEncValue,
): string | undefined {
  const bytes = opened('Enc Reaction', message, people, reaction)
  return bytes && (proto.Message.ReactionMessage.decode(bytes).text ?? '')
}

function sealed(use: Use, of: SealedFor, plaintext: Uint8Array): proto.Message.IPollEncValue {
  const encIv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', keyOf(use, of), encIv)
  cipher.setAAD(besideOf(use, of))
  return { encPayload: Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]), encIv }
}

function opened(
  use: Use,
  { id, message }: Pick<PhoneMessage, 'id' | 'message'>,
  people: readonly People[],
  { encPayload, encIv }: proto.Message.IPollEncValue,
): Buffer | undefined {
  const secret = message.messageContextInfo?.messageSecret
  if (!secret || !encPayload || !encIv) return undefined
  const payload = Buffer.from(encPayload)
  for (const { author, doer } of people) {
    const of = { id, secret, author, doer }
    const opener = createDecipheriv('aes-256-gcm', keyOf(use, of), encIv, { authTagLength: 16 })
    opener.setAAD(besideOf(use, of)).setAuthTag(payload.subarray(-16))
    try {
      return Buffer.concat([opener.update(payload.subarray(0, -16)), opener.final()])
    } catch {
      // Sealed under other addresses.
    }
  }
  return undefined
}

/** A reaction has nothing beside it (whatsmeow `generateMsgSecretKey`). */
function besideOf(use: Use, { id, doer }: SealedFor): Buffer {
  return use === 'Enc Reaction' ? Buffer.alloc(0) : Buffer.from(`${id}\0${doer}`)
}

function keyOf(use: Use, { id, secret, author, doer }: SealedFor): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), `${id}${author}${doer}${use}`, 32))
}
