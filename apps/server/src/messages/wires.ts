import type { ChatWire, Language, MessageWire } from '@inbox-hub/contract'
import type { Jid } from '@inbox-hub/whatsapp'

import type { Chats, ExtrasOf } from '../chats/index.ts'
import type { MessageLinks } from '../media/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { Database } from '../platform/database/index.ts'
import { addressesIn as addressesInChange } from './changes.ts'
import { chatWire } from './chat-wire.ts'
import type { ChatListItem, MessageList } from './message-list.ts'
import type { MessageRow } from './message-rows.ts'
import type { Own } from './own.ts'
import { rowOfScheduled, type ScheduledRow } from './scheduling/scheduled-rows.ts'
import { addressesIn, messageWire, nothingYet, scheduledWire, type WireContext } from './wire.ts'

/** Who is shown them: a request has both. */
export interface WireReader {
  language: Language
  /** Where links to the hub begin. */
  baseUrl: string
}

/** Rows as every list of the API shows them, with what has to be read for that. */
export interface Wires {
  messages(rows: readonly MessageRow[], reader: WireReader): Promise<MessageWire[]>
  /** Messages that wait for their time. */
  scheduled(rows: readonly ScheduledRow[], reader: WireReader): Promise<MessageWire[]>
  /** Links begin with `baseUrl`. */
  chats(items: readonly ChatListItem[], baseUrl: string): Promise<ChatWire[]>
  /** The address of each chat to show to the world. */
  shownChats(items: readonly ChatListItem[]): Promise<(item: ChatListItem) => Jid>
}

export function createWires({
  database,
  chats,
  extras,
  own,
  list,
  waiting,
  links,
  clock,
}: {
  database: Database
  chats: Pick<Chats, 'addresses'>
  extras: ExtrasOf
  own: (sessionId: number) => Own
  list: Pick<MessageList, 'changes' | 'failures' | 'labels'>
  waiting: WireContext['waiting']
  links: MessageLinks
  clock: Clock
}): Wires {
  async function shownChats(items: readonly ChatListItem[]): Promise<(item: ChatListItem) => Jid> {
    // A column that only canonical addresses are written to.
    const jidOf = (item: ChatListItem): Jid => item.jid as Jid
    const shown = await chats.addresses.shown(
      database,
      items.map((item) => ({ sessionId: item.session_id, jid: jidOf(item) })),
    )
    return (item) => shown(item.session_id, jidOf(item))
  }

  async function picturesOf(
    items: readonly ChatListItem[],
    baseUrl: string,
  ): Promise<(item: ChatListItem) => string | null> {
    const bySession = Map.groupBy(items, (item) => item.session_id)
    const known = await Promise.all(
      [...bySession].map(async ([sessionId, its]) => {
        const jids = its.map(({ jid }) => jid)
        return [sessionId, await extras(sessionId, jids, baseUrl)] as const
      }),
    )
    const extrasIn = new Map(known)
    return (item) => extrasIn.get(item.session_id)?.(item.jid).pictureUrl ?? null
  }

  return {
    shownChats,
    async messages(rows, { language, baseUrl }) {
      const [failures, changes] = await Promise.all([list.failures(rows), list.changes(rows)])
      const shown = await chats.addresses.shown(database, [
        ...rows.flatMap(addressesIn),
        ...[...changes.values()].flat().flatMap(addressesInChange),
      ])
      const now = clock.now()
      const fileLinks = fileLinksAt(links, baseUrl)
      return rows.map((row) =>
        messageWire(row, { shown, own, failures, changes, waiting, now, language, fileLinks }),
      )
    },
    async scheduled(rows, { language, baseUrl }) {
      const now = clock.now()
      const shown = await chats.addresses.shown(
        database,
        rows.flatMap((row) => addressesIn(rowOfScheduled(row, now))),
      )
      const fileLinks = fileLinksAt(links, baseUrl)
      const context = { shown, own, ...nothingYet, waiting, now, language, fileLinks }
      return rows.map((row) => scheduledWire(row, now, context))
    },
    async chats(items, baseUrl) {
      const [shown, labels, pictureOf] = await Promise.all([
        shownChats(items),
        list.labels(items),
        picturesOf(items, baseUrl),
      ])
      const now = clock.now()
      return items.map((item) =>
        chatWire(
          item,
          shown(item),
          {
            labels: labels.get(`${item.session_id} ${item.jid}`) ?? [],
            profilePicture: pictureOf(item),
          },
          now,
        ),
      )
    },
  }
}

/** Links that begin where the reader reached the hub. */
export function fileLinksAt(links: MessageLinks, baseUrl: string): WireContext['fileLinks'] {
  return (messageId) => ({
    url: links.fileOf(messageId, baseUrl),
    thumbnailUrl: links.thumbnailOf(messageId, baseUrl),
  })
}
