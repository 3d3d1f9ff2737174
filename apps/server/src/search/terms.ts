import type { MessageRow } from '../messages/index.ts'
import { isPrefix, wordsOf } from './words.ts'

/** What of a message the index is made from. */
export type Indexed = Pick<
  MessageRow,
  'id' | 'session_id' | 'chat_jid' | 'sender_jid' | 'from_me' | 'type' | 'body' | 'sent_at'
>

/** A term asked for, as the beginning of a term when `prefix`. */
export interface Asked {
  term: string
  prefix: boolean
}

/** One of these terms must be there. */
export type AnyOf = readonly Asked[]

/** Terms per message: beyond that it is not a text that somebody reads. */
const maxTerms = 2_000

// Private-use characters, which no word of a text has: whatever is asked for, it cannot be taken for one of these.
const marks = { session: '\uE001', chat: '\uE002', author: '\uE003', mine: '\uE004', type: '\uE005' }
const separator = '\uE000'

const scope = (mark: string, value: string): string =>
  mark + value.toLowerCase().replaceAll(/[^a-z0-9]/g, separator)

export const sessionTerm = (id: number): string => scope(marks.session, id.toString(36))
export const chatTerm = (jid: string): string => scope(marks.chat, jid)
export const authorTerm = (jid: string): string => scope(marks.author, jid)
export const mineTerm = marks.mine
export const typeTerm = (type: string): string => scope(marks.type, type)

/** All that a message is found by: its words, and what it can be filtered by. Empty when it has no words. */
export function termsOf(row: Indexed): readonly string[] {
  const terms = new Set<string>()
  for (const { term } of wordsOf(row.body)) {
    terms.add(term)
    if (terms.size === maxTerms) break
  }
  if (terms.size === 0) return []
  return [
    sessionTerm(row.session_id),
    chatTerm(row.chat_jid),
    row.from_me === 1 ? mineTerm : authorTerm(row.sender_jid),
    typeTerm(row.type),
    ...terms,
  ]
}

/** A term that must be there as it is. */
export const exactly = (term: string): Asked => ({ term, prefix: false })
/** A word of a query. */
export const asked = (word: string): Asked => ({ term: word, prefix: isPrefix(word) })

const hourMs = 3_600_000
const idBits = 43n
const idMask = (1n << idBits) - 1n
const lastHour = (1 << 20) - 1

/**
 * Where a message stands in the index: by the hour it was sent in, within it by arrival. So the newest are read first, a period is one
 * range of keys, and keys of neighbours differ by little, which keeps the index small. 63 bits: up to the year 2089.
 */
export function keyOf({ id, sent_at: sentAt }: Pick<MessageRow, 'id' | 'sent_at'>): bigint {
  return firstKeyOf(sentAt) | BigInt(id)
}

/** Not above any key of a message sent in this hour or later. */
export function firstKeyOf(unixMs: number): bigint {
  return BigInt(hourOf(unixMs)) << idBits
}

/** Above all keys of messages sent in this hour or before. */
export function keyAfter(unixMs: number): bigint {
  return BigInt(hourOf(unixMs) + 1) << idBits
}

/** Above every key. */
export const endOfKeys = (1n << 63n) - 1n

export function idOf(key: bigint): number {
  return Number(key & idMask)
}

function hourOf(unixMs: number): number {
  return Math.min(lastHour, Math.max(0, Math.floor(unixMs / hourMs)))
}
