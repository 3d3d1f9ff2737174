import { endpoints, type RequestOf } from '@inbox-hub/contract'

import { contactWire, type ExtrasOf, type PeopleSearch } from '../chats/index.ts'
import type { ChatListItem, createWires, Messages, WireReader } from '../messages/index.ts'
import type { Http } from '../platform/http/index.ts'
import type { Sessions, SessionView } from '../sessions/index.ts'
import type { Search } from './index.ts'
import { snippetOf } from './snippet.ts'
import { askedWords } from './words.ts'

export interface SearchRoutesDeps {
  sessions: Pick<Sessions, 'find' | 'list'>
  messages: { list: Pick<Messages['list'], 'chatsAmong'> }
  people: PeopleSearch
  search: Pick<Search, 'messages'>
  /** What lists show beside names. */
  extras: ExtrasOf
  wires: ReturnType<typeof createWires>
}

type Query = RequestOf<typeof endpoints.searchSession>['query']

/** People read to find their chats: some have none. */
const peopleRead = 200

/** Messages, chats and contacts by what people remember of them, from the store alone. */
export function searchRoutes(
  http: Pick<Http, 'serve'>,
  { sessions, messages, people, search, extras, wires }: SearchRoutesDeps,
): void {
  async function found(among: readonly SessionView[], query: Query, reader: WireReader) {
    const { baseUrl } = reader
    const { q, limit, cursor } = query
    const nameOf = new Map(among.map(({ id, sessionId }) => [id, sessionId]))
    const named = (sessionId: number): string => nameOf.get(sessionId) ?? String(sessionId)
    const kinds = new Set(query.in)
    const isFirst = cursor === undefined
    const words = askedWords(q)

    const page = kinds.has('messages')
      ? await search.messages({
          sessionIds: among.map(({ id }) => id),
          words,
          chat: query.chatId,
          from: query.from,
          to: query.to,
          type: query.type,
          since: query.startDate,
          until: query.endDate,
          order: query.order,
          cursor,
          limit,
        })
      : { rows: [], next: undefined, pending: 0 }
    const items = isFirst && kinds.has('chats') ? await chatsOf(among, q, limit) : []
    const contacts = isFirst && kinds.has('contacts') ? await contactsOf(among, q, limit, baseUrl) : []
    const [messageWires, chatWires] = await Promise.all([
      wires.messages(page.rows, reader),
      wires.chats(items, baseUrl),
    ])
    return {
      query: q,
      messages: page.rows.flatMap((row, i) => {
        const message = messageWires[i]
        if (message === undefined) return []
        const { text, highlights } = snippetOf(row.body, words)
        return [{ sessionId: named(row.session_id), message, snippet: text, highlights }]
      }),
      chats: items.flatMap((item, i) => {
        const chat = chatWires[i]
        return chat === undefined ? [] : [{ sessionId: named(item.session_id), chat }]
      }),
      contacts: contacts.map(({ row, known }) => ({
        sessionId: named(row.session_id),
        contact: contactWire(row, known),
      })),
      nextCursor: page.next ?? null,
      pendingMessages: page.pending,
    }
  }

  async function chatsOf(among: readonly SessionView[], text: string, limit: number) {
    const items: ChatListItem[] = []
    for (const { id } of among) {
      const [contacts, groups] = await Promise.all([
        people.contacts(id, text, peopleRead),
        people.groups(id, text, limit),
      ])
      items.push(...(await messages.list.chatsAmong(id, [...contacts.map(({ jid }) => jid), ...groups])))
    }
    return items.sort((left, right) => right.active_at - left.active_at).slice(0, limit)
  }

  async function contactsOf(among: readonly SessionView[], text: string, limit: number, baseUrl: string) {
    const found = []
    for (const { id } of among) {
      const rows = await people.contacts(id, text, limit)
      const jids = rows.map(({ jid }) => jid)
      const known = await extras(id, jids, baseUrl)
      found.push(...rows.map((row) => ({ row, known })))
    }
    return found.sort((left, right) => right.row.updated_at - left.row.updated_at).slice(0, limit)
  }

  http.serve(endpoints.searchSession, async ({ params, query, ownerId, language, baseUrl }) => {
    const session = sessions.find(ownerId, params.sessionId, 'name_first')
    return { data: await found([session], query, { language, baseUrl }) }
  })

  http.serve(endpoints.searchAll, async ({ query, ownerId, language, baseUrl }) => ({
    data: await found(sessions.list(ownerId), query, { language, baseUrl }),
  }))
}
