import { createHash } from 'node:crypto'

import type { EventAnswer, Jid, PlannedEvent, Poll } from '@inbox-hub/whatsapp'

import { proto } from '../baileys.ts'
import { openUnder, type SecretUse } from '../message-secret.ts'
import { countOf } from './protobuf.ts'

/**
 * A vote, an answer to an event, or a reaction as it came, and who may have done it: its seal names both people by an address each, and we
 * know several.
 */
export interface SealedDeed {
  /** Of the message that it is about. */
  targetId: string
  authors: readonly Jid[]
  doers: readonly Jid[]
  /** Base64. */
  payload: string
  iv: string
}

/** The options of `poll` that somebody chose, in the poll's order; undefined when the vote cannot be opened. */
export function openVote(poll: Poll, deed: SealedDeed): readonly string[] | undefined {
  const vote = opened('Poll Vote', poll.secret, deed, (bytes) => proto.Message.PollVoteMessage.decode(bytes))
  if (vote === undefined) return undefined
  const chosen = new Set(vote.selectedOptions.map((hash) => Buffer.from(hash).toString('hex')))
  return poll.options.filter((option) => chosen.has(createHash('sha256').update(option).digest('hex')))
}

const { GOING, NOT_GOING, MAYBE } = proto.Message.EventResponseMessage.EventResponseType
const answers: ReadonlyMap<unknown, EventAnswer['answer']> = new Map([
  [GOING, 'going'],
  [NOT_GOING, 'not_going'],
  [MAYBE, 'maybe'],
])

/** What was sealed, and when it was done by the clock of who did it, Unix ms; undefined when they did not say. */
interface Opened<Said> {
  said: Said
  at: number | undefined
}

/** What somebody answered to `event`; undefined when it cannot be opened, or says nothing. */
export function openEventAnswer(event: PlannedEvent, deed: SealedDeed): Opened<EventAnswer> | undefined {
  const response = opened('Event Response', event.secret, deed, (bytes) =>
    proto.Message.EventResponseMessage.decode(bytes),
  )
  const said = response && eventAnswerIn(response)
  return said && { said, at: countOf(response?.timestampMs) || undefined }
}

/** Undefined when it says nothing. */
export function eventAnswerIn({
  response,
  extraGuestCount,
}: proto.Message.IEventResponseMessage): EventAnswer | undefined {
  const answer = answers.get(response)
  return answer && { answer, extraGuests: countOf(extraGuestCount) ?? 0 }
}

/**
 * The emoji of a reaction, '' when it takes one back; undefined when it cannot be opened.
 *
 * @param secret - of the message that it is about, base64
 */
export function openReaction(secret: string | undefined, deed: SealedDeed): Opened<string> | undefined {
  const reaction = opened('Enc Reaction', secret, deed, (bytes) =>
    proto.Message.ReactionMessage.decode(bytes),
  )
  return reaction && { said: reaction.text ?? '', at: countOf(reaction.senderTimestampMs) || undefined }
}

function opened<Opened>(
  use: SecretUse,
  secret: string | undefined,
  { targetId: messageId, authors, doers, payload, iv }: SealedDeed,
  decode: (plaintext: Uint8Array) => Opened,
): Opened | undefined {
  if (secret === undefined) return undefined
  const key = Buffer.from(secret, 'base64')
  const sealed = { encPayload: Buffer.from(payload, 'base64'), encIv: Buffer.from(iv, 'base64') }
  for (const author of authors) {
    for (const doer of doers) {
      try {
        return decode(openUnder({ use, messageId, secret: key, author, doer }, sealed))
      } catch {
        // Not sealed under this pair of addresses.
      }
    }
  }
  return undefined
}
