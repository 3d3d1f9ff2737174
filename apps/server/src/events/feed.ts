import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { StoredEvent } from './index.ts'

/** Between looks at the store while it cannot be read, ms. */
const lookAgainMs = 200

/** What one append stored, from its numbering until it is told. */
export interface Batch {
  readonly events: readonly StoredEvent[]
  /** Called when it is told, before the listeners. */
  readonly thens: (() => void)[]
  committed: boolean
}

export interface FeedDeps {
  log: Log
  clock: Clock
  /** Whether this very event is committed: its number may have gone to another one. */
  isStored: (event: StoredEvent) => Promise<boolean>
}

/**
 * Tells committed appends in the order of `seq`. SQLite reports commits in that order. PostgreSQL commits in it too, the counter's row being
 * locked until then, but reports each on a connection of its own, sometimes the later one first (0.7 % under load on two cores, measured).
 */
export interface Feed {
  /** Announces an append that has its numbers, in a transaction that may yet fail. */
  numbered(events: readonly StoredEvent[]): Batch
  /** The transaction of the batch is committed. */
  committed(batch: Batch): void
  subscribe(listener: (events: readonly StoredEvent[]) => void): Disposable
}

export function createFeed({ log, clock, isStored }: FeedDeps): Feed {
  const listeners = new Set<(events: readonly StoredEvent[]) => void>()
  /** In the order of `seq`. */
  const untold: Batch[] = []
  let asking = false

  function tell(batch: Batch): void {
    for (const then of [...batch.thens, ...[...listeners].map((listener) => () => listener(batch.events))]) {
      try {
        then()
      } catch (error) {
        log.error({ error }, 'a listener of the event feed failed')
      }
    }
  }

  function drain(): void {
    for (let first = untold[0]; first?.committed === true; first = untold[0]) {
      untold.shift()
      tell(first)
    }
    const [stuck] = untold
    if (stuck !== undefined && !asking && untold.some((batch) => batch.committed)) void ask(stuck)
  }

  /** A later batch is committed and this one is not, as far as we heard: either the word is on its way, or it was undone. */
  async function ask(batch: Batch): Promise<void> {
    asking = true
    try {
      const [event] = batch.events
      if (event !== undefined && (await isStored(event))) batch.committed = true
      else forget(batch)
      asking = false
      drain()
    } catch (error) {
      log.warn({ error }, 'the event log could not be read; trying again')
      clock.after(lookAgainMs, () => {
        asking = false
        drain()
      })
    }
  }

  function forget(batch: Batch): void {
    // What it was asked about may have been told meanwhile.
    const index = untold.indexOf(batch)
    if (index !== -1 && !batch.committed) untold.splice(index, 1)
  }

  return {
    numbered(events) {
      const first = events[0]?.seq ?? 0
      // Numbers are given out again only when the transaction that had them was undone.
      for (
        let last = untold.at(-1);
        last !== undefined && (last.events[0]?.seq ?? 0) >= first;
        last = untold.at(-1)
      ) {
        untold.pop()
      }
      const batch: Batch = { events, thens: [], committed: false }
      untold.push(batch)
      return batch
    },
    committed(batch) {
      batch.committed = true
      drain()
    },
    subscribe(listener) {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
  }
}
