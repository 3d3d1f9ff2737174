import type { Jid } from '@inbox-hub/whatsapp'

import type { Tx } from '../../../platform/database/index.ts'
import type { Acquaintance } from '../acquaintances.ts'
import type { ChangeEntry, JournalEntry } from '../journal/entry.ts'

/** Which history a part has: of all chats at linking (`bootstrap`), of some months (`recent`), of years (`full`), of one chat because we asked. */
export type HistoryKind = 'bootstrap' | 'recent' | 'full' | 'on_demand' | 'names' | 'status' | 'other'

/** One of the parts that a phone sends its history in. */
export interface HistoryPart {
  sessionId: number
  /** Names it for ever: the same part that comes again has the same. */
  hash: string
  kind: HistoryKind
  /** Its place among those of its kind, when the phone said. */
  order: number | undefined
  /** How much of its kind the phone has told with it, 0 to 100. */
  percent: number
  /** The id of our request that it answers. */
  requestId: string | undefined
}

/** Some of a part. Addresses are as told; which of them belong together is stored already. */
export interface HistoryBatch {
  messages: readonly PastMessage[]
  changes: readonly ChangeEntry[]
  /** Chats whose messages have all been taken. */
  chats: readonly PastChat[]
  people: readonly Extract<Acquaintance, { type: 'contact' }>[]
}

/** A message from before the session was linked, or from while it was away. */
export interface PastMessage {
  entry: Extract<JournalEntry, { kind: 'message' | 'undecryptable' }>
  /** How far ours came; undefined for those of others. */
  status: 'sent' | 'delivered' | 'read' | 'failed' | undefined
  starred: boolean
}

/** A chat as the phone has it. */
export interface PastChat {
  jid: Jid
  /** Of a group; people's names are their contact's. */
  name: string | undefined
  savedName: string | undefined
  username: string | undefined
  unread: number
  archived: boolean
  pinned: boolean
  /** Unix ms. */
  mutedUntil: number | null
  markedUnread: boolean
  /** Seconds until its messages disappear. */
  ephemeralS: number | null
  /** Unix ms, of its last message; 0 when not told. */
  activeAt: number
  /** The phone has nothing older. */
  isWhole: boolean
}

/** Stores what phones tell of before. What takes a transaction is called in one that the lease fences, and may run again. */
export interface HistoryTaker {
  /** What of a session's history is wanted; `since` is Unix ms. */
  wants(sessionId: number): { messages: boolean; since: number | undefined }
  /** A part is going to be read; answers how many of its items were taken before, by a process that did not come to its end. */
  begin(tx: Tx, part: HistoryPart): Promise<number>
  /** `items` of the part are taken with this batch, `read` of it is read, 0 to 1. */
  take(tx: Tx, part: HistoryPart, batch: HistoryBatch, state: { items: number; read: number }): Promise<void>
  /** The part is read to its end, in the transaction that settles it; or never will be. */
  end(tx: Tx, part: HistoryPart, failure: string | undefined): Promise<void>
  /** It cannot be read now, and will be tried again. */
  failed(tx: Tx, part: HistoryPart, failure: string): Promise<void>
}
