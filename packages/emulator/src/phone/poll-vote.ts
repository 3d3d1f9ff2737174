import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto'

import { proto } from '../baileys.ts'
import { hmacSha256 } from '../signal/kdf.ts'
import type { PhoneMessage } from './phone-message.ts'

/**
 * A vote, sealed under the poll's secret for its voter: only who has the poll can open it, and it fits no other poll or person.
 * Source: `decryptPollVote` of baileys, `DecryptPollVote` of whatsmeow.
 *
 * @param creator - bare JID, like `voter` in the addressing of the chat
 */
export function sealVote(
  { id, secret, creator, voter }: { id: string; secret: Uint8Array; creator: string; voter: string },
  options: readonly string[],
): proto.Message.IPollEncValue {
  const selectedOptions = options.map((option) => createHash('sha256').update(option).digest())
  const vote = proto.Message.PollVoteMessage.encode({ selectedOptions }).finish()
  return sealed(keyOf({ id, secret, creator, voter }), `${id}\0${voter}`, vote)
}

function sealed(key: Buffer, beside: string, plaintext: Uint8Array): proto.Message.IPollEncValue {
  const encIv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, encIv).setAAD(Buffer.from(beside))
  return { encPayload: Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]), encIv }
}

/** What its sender answers to an event, sealed in the same way. Source: `decryptEventResponse` of baileys. */
export function sealEventAnswer(
  { id, secret, creator, voter }: { id: string; secret: Uint8Array; creator: string; voter: string },
  answer: proto.Message.IEventResponseMessage,
): proto.Message.IPollEncValue {
  const response = proto.Message.EventResponseMessage.encode(answer).finish()
  return sealed(keyOf({ id, secret, creator, voter }, 'Event Response'), `${id}\0${voter}`, response)
}

/** What somebody chose in a poll, in its order; undefined when the vote was sealed for another poll or person. */
export function openVote(
  { id, message }: Pick<PhoneMessage, 'id' | 'message'>,
  creators: readonly string[],
  voters: readonly string[],
  { encPayload, encIv }: proto.Message.IPollEncValue,
): readonly string[] | undefined {
  const secret = message.messageContextInfo?.messageSecret
  const poll = message.pollCreationMessage ?? message.pollCreationMessageV2 ?? message.pollCreationMessageV3
  if (!secret || !poll || !encPayload || !encIv) return undefined
  const vote = Buffer.from(encPayload)
  for (const creator of creators) {
    for (const voter of voters) {
      const opener = createDecipheriv('aes-256-gcm', keyOf({ id, secret, creator, voter }), encIv)
      opener.setAAD(Buffer.from(`${id}\0${voter}`)).setAuthTag(vote.subarray(-16))
      try {
        const opened = Buffer.concat([opener.update(vote.subarray(0, -16)), opener.final()])
        const chosen = new Set(
          proto.Message.PollVoteMessage.decode(opened).selectedOptions.map((hash) =>
            Buffer.from(hash).toString('hex'),
          ),
        )
        const options = (poll.options ?? []).map(({ optionName }) => optionName ?? '')
        return options.filter((option) => chosen.has(createHash('sha256').update(option).digest('hex')))
      } catch {
        // Sealed under other addresses.
      }
    }
  }
  return undefined
}

function keyOf(
  {
    id,
    secret,
    creator,
    voter,
  }: {
    id: string
    secret: Uint8Array
    creator: string
    voter: string
  },
  use: 'Poll Vote' | 'Event Response' = 'Poll Vote',
): Buffer {
  const seed = hmacSha256(new Uint8Array(32), secret)
  return hmacSha256(seed, Buffer.from(`${id}${creator}${voter}${use}\u0001`))
}
