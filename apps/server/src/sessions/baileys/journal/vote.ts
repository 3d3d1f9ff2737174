import { createHash } from 'node:crypto'

import { decryptPollVote } from '../baileys.ts'

import type { Jid, Poll } from '@inbox-hub/whatsapp'

/** A vote as it came, and who may have cast it: its seal names both people by an address each, and we know several. */
export interface SealedVote {
  pollId: string
  creators: readonly Jid[]
  voters: readonly Jid[]
  /** Base64. */
  payload: string
  iv: string
}

/** The options of `poll` that somebody chose, in the poll's order; undefined when the vote cannot be opened. */
export function openVote(
  poll: Poll,
  { pollId, creators, voters, payload, iv }: SealedVote,
): readonly string[] | undefined {
  if (poll.secret === undefined) return undefined
  const pollEncKey = Buffer.from(poll.secret, 'base64')
  const sealed = { encPayload: Buffer.from(payload, 'base64'), encIv: Buffer.from(iv, 'base64') }
  for (const pollCreatorJid of creators) {
    for (const voterJid of voters) {
      try {
        const { selectedOptions } = decryptPollVote(sealed, {
          pollMsgId: pollId,
          pollEncKey,
          pollCreatorJid,
          voterJid,
        })
        const chosen = new Set((selectedOptions ?? []).map((hash) => Buffer.from(hash).toString('hex')))
        return poll.options.filter((option) => chosen.has(createHash('sha256').update(option).digest('hex')))
      } catch {
        // Not sealed under this pair of addresses.
      }
    }
  }
  return undefined
}
