import type { EventType } from '@inbox-hub/contract'

import type { Tx } from '../platform/database/index.ts'

export { createEvents, type EventsDeps } from './events.ts'
export { emptyEvents, eventsAbout } from './redaction.ts'
export { keepEventsMs } from './retention.ts'
export { eventRoutes } from './routes.ts'
export { createStreams, createTickets, type Streams, type Tickets } from './streams/index.ts'

/** Something that happened, before it is stored. */
export interface NewEvent<Data extends object = object> {
  sessionId: number
  type: EventType
  /** Plain JSON: what is read back later equals what is handed over now. */
  data: Data
  /** Unix ms. */
  at: number
  /**
   * Unique; derive it from the cause where there is one, so that doing the work again cannot tell it twice. `message.received` is not
   * looked up: append it with the row of its message, when that is new.
   */
  id: string
}

/** An event as stored: `seq` counts all events, `sessionSeq` one session's; neither has holes. */
export interface StoredEvent extends NewEvent {
  seq: number
  sessionSeq: number
}

/** The append-only log of what happened, and its live feed. Kept for 30 days. */
export interface Events extends AsyncDisposable {
  /** Stores events in the caller's transaction, in order; one that is already stored (same `id`, see there) is left out of the answer. */
  append(tx: Tx, events: readonly NewEvent[]): Promise<readonly StoredEvent[]>
  /**
   * Adds work to do inside the transaction of every append (webhook deliveries). Called once per append, before commit; what it answers
   * is called after the commit, in order of `seq`.
   */
  whileAppending(work: (tx: Tx, events: readonly StoredEvent[]) => Promise<(() => void) | undefined>): void
  /** Calls `listener` after the commit, in order of `seq`. What it throws is logged, never rethrown. */
  subscribe(listener: (events: readonly StoredEvent[]) => void): Disposable
  /** Events with `seq` greater than `after`, oldest first. Filters left out match everything. */
  after(
    seq: number,
    filter: { sessionIds?: readonly number[]; types?: readonly string[]; limit: number },
  ): Promise<readonly StoredEvent[]>
  /** The `seq` from which on events happened at `at` (Unix ms) or later; one behind the newest when none did. */
  firstSince(at: number): Promise<number>
  /** Deletes what is kept of a session that is gone for good. */
  forget(tx: Tx, sessionId: number): Promise<void>
  /** The newest `seq`; 0 when nothing happened yet. */
  latest(): Promise<number>
  /** Up to this `seq` events are no longer kept, but for some; 0 when all are. */
  keptAfter(): Promise<number>
}
