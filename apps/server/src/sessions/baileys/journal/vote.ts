import { createHash } from 'node:crypto'

import { decryptEventResponse, decryptPollVote, proto } from '../baileys.ts'

import type { EventAnswer, Jid, PlannedEvent, Poll } from '@inbox-hub/whatsapp'

import { countOf } from './protobuf.ts'

/** A vote, or an answer to an event, as it came, and who may have given it: its seal names both people by an address each, and we know several. */
export interface SealedVote {
  /** Of the poll or event. */
  targetId: string
  creators: readonly Jid[]
  voters: readonly Jid[]
  /** Base64. */
  payload: string
  iv: string
}

/** The options of `poll` that somebody chose, in the poll's order; undefined when the vote cannot be opened. */
export function openVote(poll: Poll, vote: SealedVote): readonly string[] | undefined {
  const opened = tryPairs(poll.secret, vote, (sealed, pollEncKey, pollCreatorJid, voterJid) =>
    decryptPollVote(sealed, { pollMsgId: vote.targetId, pollEncKey, pollCreatorJid, voterJid }),
  )
  if (opened === undefined) return undefined
  const chosen = new Set((opened.selectedOptions ?? []).map((hash) => Buffer.from(hash).toString('hex')))
  return poll.options.filter((option) => chosen.has(createHash('sha256').update(option).digest('hex')))
}

const { GOING, NOT_GOING, MAYBE } = proto.Message.EventResponseMessage.EventResponseType
const answers: ReadonlyMap<unknown, EventAnswer['answer']> = new Map([
  [GOING, 'going'],
  [NOT_GOING, 'not_going'],
  [MAYBE, 'maybe'],
])

/** What somebody answered to `event`; undefined when it cannot be opened, or says nothing. */
export function openEventAnswer(event: PlannedEvent, vote: SealedVote): EventAnswer | undefined {
  const opened = tryPairs(event.secret, vote, (sealed, eventEncKey, eventCreatorJid, responderJid) =>
    decryptEventResponse(sealed, { eventMsgId: vote.targetId, eventEncKey, eventCreatorJid, responderJid }),
  )
  const answer = answers.get(opened?.response)
  return answer && { answer, extraGuests: countOf(opened?.extraGuestCount) ?? 0 }
}

function tryPairs<Opened>(
  secret: string | undefined,
  { creators, voters, payload, iv }: SealedVote,
  open: (sealed: { encPayload: Buffer; encIv: Buffer }, secret: Buffer, creator: Jid, voter: Jid) => Opened,
): Opened | undefined {
  if (secret === undefined) return undefined
  const key = Buffer.from(secret, 'base64')
  const sealed = { encPayload: Buffer.from(payload, 'base64'), encIv: Buffer.from(iv, 'base64') }
  for (const creator of creators) {
    for (const voter of voters) {
      try {
        return open(sealed, key, creator, voter)
      } catch {
        // Not sealed under this pair of addresses.
      }
    }
  }
  return undefined
}
