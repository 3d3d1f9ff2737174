import type { Jid, MessageChange, MessageContent } from '@inbox-hub/whatsapp'

import type { Tx } from '../../../platform/database/index.ts'
import type { Addressed, Written } from './envelope.ts'

/**
 * Something WhatsApp told us, durable before WhatsApp was told to forget it. JIDs are as received; `alt` is the other form when the stanza
 * carried it.
 */
export type JournalEntry = {
  sessionId: number
  seq: number
  hash: string
  offline: boolean
  receivedAt: number
} & (
  | (Written & { kind: 'message'; content: MessageContent })
  /** Something was done to another message. */
  | (Written & {
      kind: 'change'
      /** Sent as an administrator of the group: only that may take back what others wrote. */
      byAdmin: boolean
      change: MessageChange
    })
  /** The ratchet could not open it; a later entry with the same id may. */
  | (Addressed & { kind: 'undecryptable'; reason: string })
  | {
      kind: 'receipt'
      ids: readonly string[]
      chat: Jid
      participant: Jid | undefined
      status: 'delivered' | 'read' | 'played'
      sentAt: number
    }
)

export type ChangeEntry = Extract<JournalEntry, { kind: 'change' }>

/** The durable queue between the sockets and the projector. */
export interface Journal {
  /** Called after each commit with the entries it made durable and owed, in order per session; nothing is told twice in one process. */
  onEntries(listener: (entries: readonly JournalEntry[]) => void): Disposable
  /** Sessions that have entries still owed: for the sweep at boot. */
  owing(): Promise<readonly number[]>
  /** Entries still owed with `seq` greater than `after` (0 = all), oldest first: for the sweep at boot and at each take-over. */
  owed(sessionId: number, limit: number, after: number): Promise<readonly JournalEntry[]>
  /** Marks entries as projected, in the transaction of the projection, which the lease fences. */
  settle(tx: Tx, entries: readonly JournalEntry[]): Promise<void>
  /** Offers entries to `projection` in the transaction that makes them durable. What it does not take, or fails on, is owed and told as ever. */
  projectWith(projection: Projection): void
}

/** Whoever can project an entry in the very transaction that stores it: one commit, and nothing owed between two. */
export interface Projection {
  /** Whether nothing of this session waits to be projected; a new entry would overtake what does. */
  isCurrent(sessionId: number): boolean
  /** May run again, in another transaction. When it throws, its transaction is undone and the entries are stored as owed. */
  project(tx: Tx, entries: readonly JournalEntry[]): Promise<void>
}
