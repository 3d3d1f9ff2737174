import type { Jid } from '@inbox-hub/whatsapp'

import type { Chats } from '../chats/index.ts'
import { isOwn, type MessageRow, type Own } from '../messages/index.ts'
import { type Database, statement } from '../platform/database/index.ts'
import type { Indexer } from './indexer.ts'
import type { MessageIndex } from './message-index.ts'
import {
  type AnyOf,
  asked as askedTerm,
  authorTerm,
  chatTerm,
  endOfKeys,
  exactly,
  firstKeyOf,
  idOf,
  keyAfter,
  keyOf,
  mineTerm,
  sessionTerm,
  typeTerm,
} from './terms.ts'
import { means, wordsOf } from './words.ts'

/** Which messages. What is left out matches everything; times are Unix ms, both included. */
export interface MessageQuery {
  sessionIds: readonly number[]
  /** What to look for: each word, by its beginning (words.ts). */
  words: readonly string[]
  chat?: Jid | undefined
  /** Who wrote it; our own address means us. */
  from?: Jid | undefined
  /** Whom it was written to: a person, a group, or us. */
  to?: Jid | undefined
  type?: string | undefined
  since?: number | undefined
  until?: number | undefined
  order: 'newest' | 'relevance'
  /** Of the page before. */
  cursor?: string | undefined
  limit: number
}

export interface MessagesFound {
  rows: readonly MessageRow[]
  /** Where the next page begins; undefined after the last. */
  next: string | undefined
}

export interface MessageSearch {
  /** One page. Messages that arrive between two pages neither repeat nor hide any on the next one. */
  find(query: MessageQuery): Promise<MessagesFound>
}

/** Messages that are weighed against each other by relevance: the newest that match. */
const weighed = 300
/** Index entries read per page when many of them turn out not to match any more: then a page is short, and `next` goes on. */
const mostRead = 5_000

const byIds = statement((db, p: { ids: readonly number[] }, { among }) =>
  db.selectFrom('message').selectAll().where(among('id', p.ids)),
)

export function createMessageSearch({
  database,
  chats,
  index,
  indexer,
  own,
}: {
  database: Database
  chats: Pick<Chats, 'addresses'>
  index: MessageIndex
  indexer: Pick<Indexer, 'repair' | 'catchUp'>
  own: (sessionId: number) => Own
}): MessageSearch {
  /** What the index is asked for, and what a row must still be when it is read: the index may be a moment behind. */
  async function planned(query: MessageQuery): Promise<{
    all: readonly AnyOf[]
    accepts: (row: MessageRow) => boolean
  }> {
    const { sessionIds, words, chat, from, to, type, since, until } = query
    const jids = [chat, from, to].filter((jid) => jid !== undefined)
    const addresses = sessionIds.flatMap((sessionId) => jids.map((jid) => ({ sessionId, jid })))
    const [canonical, shown] = await Promise.all([
      chats.addresses.canonical(database, addresses),
      chats.addresses.shown(database, addresses),
    ])
    const isMe = (sessionId: number, jid: Jid): boolean => isOwn(own(sessionId), jid)
    // A message is indexed under the address its chat had then, and may since have moved to the account's other one.
    const namesOf = (jid: Jid): readonly Jid[] => [
      ...new Set(sessionIds.flatMap((id) => [jid, canonical(id, jid), shown(id, jid)])),
    ]
    const all: AnyOf[] = words.map((word) => [askedTerm(word)])
    all.push(sessionIds.map((id) => exactly(sessionTerm(id))))
    if (type !== undefined) all.push([exactly(typeTerm(type))])
    if (chat !== undefined) all.push(namesOf(chat).map((jid) => exactly(chatTerm(jid))))
    if (from !== undefined) {
      const authors = namesOf(from).map((jid) => exactly(authorTerm(jid)))
      all.push(sessionIds.some((id) => isMe(id, from)) ? [...authors, exactly(mineTerm)] : authors)
    }
    if (to !== undefined && !sessionIds.some((id) => isMe(id, to))) {
      all.push(namesOf(to).map((jid) => exactly(chatTerm(jid))))
    }
    const among = new Set(sessionIds)
    const stands = (row: MessageRow, jid: Jid): boolean => row.chat_jid === canonical(row.session_id, jid)
    const accepts = (row: MessageRow): boolean => {
      const { session_id: id } = row
      if (row.shown !== 1 || !among.has(id)) return false
      if (since !== undefined && row.sent_at < since) return false
      if (until !== undefined && row.sent_at > until) return false
      if (type !== undefined && row.type !== type) return false
      if (chat !== undefined && !stands(row, chat)) return false
      if (from !== undefined) {
        const wrote = isMe(id, from)
          ? row.from_me === 1
          : row.from_me === 0 && row.sender_jid === canonical(id, from)
        if (!wrote) return false
      }
      if (to !== undefined) {
        const was = isMe(id, to)
          ? row.from_me === 0 && row.in_group === 0
          : row.from_me === 1 && stands(row, to)
        if (!was) return false
      }
      const terms = wordsOf(row.body)
      return words.every((word) => terms.some(({ term }) => means(word, term)))
    }
    return { all, accepts }
  }

  /** Accepted messages with keys below `below`, the newest first; `rest` is where to read on. */
  async function collect(
    query: MessageQuery,
    below: bigint,
    count: number,
  ): Promise<{ rows: MessageRow[]; rest: bigint | undefined }> {
    const { all, accepts } = await planned(query)
    const from = query.since === undefined ? 0n : firstKeyOf(query.since)
    let top = query.until === undefined ? endOfKeys : keyAfter(query.until)
    if (below < top) top = below
    const rows: MessageRow[] = []
    for (let read = 0; read < mostRead;) {
      // One more than asked for, to know whether there is a next page; many, when few of them match.
      const limit = read === 0 ? count + 1 : 500
      const keys = await index.newest(database, { all, from, below: top, limit })
      read += keys.length
      const found = new Map((await byIds.all(database, { ids: keys.map(idOf) })).map((row) => [row.id, row]))
      for (const key of keys) {
        const row = found.get(idOf(key))
        if (row === undefined || !accepts(row)) continue
        if (rows.length === count) return { rows, rest: top }
        rows.push(row)
        top = key
      }
      const end = keys.at(-1)
      if (end === undefined || keys.length < limit) return { rows, rest: undefined }
      top = end
    }
    return { rows, rest: top }
  }

  async function newest(query: MessageQuery): Promise<MessagesFound> {
    // Also of a cursor by relevance, which names a key before its offset.
    const { rows, rest } = await collect(query, keyOfCursor(query.cursor?.split('.')[0]), query.limit)
    return { rows, next: rest?.toString(36) }
  }

  /** The newest matches, the best first. The cursor names the newest of them, so that later pages weigh the same ones. */
  async function mostRelevant(query: MessageQuery): Promise<MessagesFound> {
    const [newestKey, offsetText] = query.cursor?.split('.') ?? []
    const offset = Number.parseInt(offsetText ?? '0', 36)
    const { rows } = await collect(query, keyOfCursor(newestKey), weighed)
    const [first] = rows
    if (first === undefined) return { rows: [], next: undefined }
    const ranked = rows
      .map((row) => ({ row, weight: weightOf(row.body, query.words) }))
      // Sorting is stable: of equal weight, the newer first.
      .sort((left, right) => right.weight - left.weight)
      .map(({ row }) => row)
    const end = offset + query.limit
    const top = newestKey ?? (keyOf(first) + 1n).toString(36)
    return {
      rows: ranked.slice(offset, end),
      next: end < ranked.length ? `${top}.${end.toString(36)}` : undefined,
    }
  }

  return {
    async find(query) {
      if (query.words.length === 0 || query.sessionIds.length === 0) return { rows: [], next: undefined }
      const find = query.order === 'newest' ? newest : mostRelevant
      try {
        return await find(query)
      } catch (error) {
        if (!(await indexer.repair(error))) throw error
        await indexer.catchUp(0)
        return await find(query)
      }
    },
  }
}

function keyOfCursor(cursor: string | undefined): bigint {
  if (cursor === undefined) return endOfKeys
  let key = 0n
  for (const digit of cursor) key = key * 36n + BigInt(Number.parseInt(digit, 36))
  return key < endOfKeys ? key : endOfKeys
}

/**
 * How well a text answers a query: whole words before beginnings of words, words that follow each other as asked before scattered ones,
 * short texts before long ones.
 */
export function weightOf(body: string, asked: readonly string[]): number {
  const terms = wordsOf(body).map(({ term }) => term)
  let weight = 0
  for (const [i, word] of asked.entries()) {
    weight += terms.includes(word) ? 2 : 1
    const next = asked[i + 1]
    if (next === undefined) continue
    if (terms.some((term, at) => means(word, term) && means(next, terms[at + 1] ?? ''))) weight += 1
  }
  return weight + 1 / (1 + Math.log2(1 + terms.length))
}
