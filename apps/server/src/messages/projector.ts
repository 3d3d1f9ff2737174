import { Fenced } from '../cluster/index.ts'
import type { Events, NewEvent } from '../events/index.ts'
import type { Clock } from '../platform/clock.ts'
import { type Database, StoreFault, type Tx } from '../platform/database/index.ts'
import type { Log } from '../platform/log.ts'
import type { Journal, JournalEntry } from '../sessions/baileys/index.ts'
import type { Sessions } from '../sessions/index.ts'

export interface Projector extends AsyncDisposable {
  /** Reads what the session still owes from the journal: at boot, and whenever somebody else may have owned it meanwhile. */
  sweep(sessionId: number): void
  /** Entries waiting in memory. */
  backlog(): number
  /** Entries that failed again and again; they stay in the journal, and are tried anew after a restart. */
  parked(): number
  /** Resolves when nothing waits. */
  idle(): Promise<void>
}

export interface ProjectorDeps {
  database: Database
  events: Pick<Events, 'append'>
  sessions: Pick<Sessions, 'touch'> & { readonly journal: Journal }
  clock: Clock
  log: Log
  /** Turns entries into rows; answers the events to append. Doing it again changes nothing. */
  project: (tx: Tx, entries: readonly JournalEntry[], now: number) => Promise<readonly NewEvent[]>
}

/** Entries per transaction: enough to share its cost, few enough not to hold up the event loop for long. */
const batchSize = 128
/** Entries kept in memory; beyond that the journal itself is the queue. */
const maxWaiting = 10_000
/** Tries of an entry that fails alone before it is set aside. */
const maxTries = 3
const storeProbeMs = { first: 1_000, longest: 30_000 }

/**
 * Projects what comes in. An entry of a session that waits for nothing is projected in the transaction that journals it. What could not be
 * is owed, and followed here: of all sessions, in one transaction per batch that writes rows, events and deliveries and settles the
 * entries, one batch at a time. Either way the entries of a session are projected in their order.
 */
export function createProjector({
  database,
  events,
  sessions,
  clock,
  log,
  project,
}: ProjectorDeps): Projector {
  const { journal } = sessions
  let waiting: JournalEntry[] = []
  let head = 0
  /** Sessions whose entries are read from the journal: the last `seq` seen. Their live entries are not queued: they are read too. */
  const sweeps = new Map<number, number>()
  /** Sessions in `sweeps` that got entries since their journal was last read from its start. */
  const missed = new Set<number>()
  /** Entries of each session that wait in memory or are being projected. */
  const behind = new Map<number, number>()
  const failures = new Map<string, number>()
  const parked = new Set<string>()
  const stopping = new AbortController()
  let running: Promise<void> | undefined

  const following = journal.onEntries((entries) => {
    for (const entry of entries) {
      if (sweeps.has(entry.sessionId)) missed.add(entry.sessionId)
      else if (waiting.length - head >= maxWaiting) leaveInJournal(entry.sessionId)
      else {
        waiting.push(entry)
        behind.set(entry.sessionId, (behind.get(entry.sessionId) ?? 0) + 1)
      }
    }
    wake()
  })
  journal.projectWith({
    isCurrent: (sessionId) => !stopping.signal.aborted && !behind.has(sessionId) && !sweeps.has(sessionId),
    project: (tx, entries) => store(tx, entries),
  })

  /** Too much waits: this session's entries are read back later, in their order. */
  function leaveInJournal(sessionId: number): void {
    waiting = waiting.slice(head).filter((entry) => {
      const stays = entry.sessionId !== sessionId
      if (!stays) caughtUp(sessionId)
      return stays
    })
    head = 0
    sweeps.set(sessionId, 0)
  }

  function wake(): void {
    if (running !== undefined || stopping.signal.aborted) return
    running = work()
      // work() handles what projecting throws; what is left is a bug in it, and must not end the process.
      .catch((error: unknown) =>
        log.error({ error }, 'the projector stopped; it goes on with the next entry'),
      )
      .finally(() => {
        running = undefined
        if (!isIdle()) wake()
      })
  }

  const isIdle = (): boolean => head === waiting.length && sweeps.size === 0

  async function work(): Promise<void> {
    while (!stopping.signal.aborted && !isIdle()) {
      const batch = take()
      if (batch.length > 0) await projectAll(batch)
      for (const { sessionId } of batch) caughtUp(sessionId)
      await sweepPage()
    }
  }

  function caughtUp(sessionId: number): void {
    const left = (behind.get(sessionId) ?? 0) - 1
    if (left > 0) behind.set(sessionId, left)
    else behind.delete(sessionId)
  }

  function take(): readonly JournalEntry[] {
    const batch = waiting.slice(head, head + batchSize)
    head += batch.length
    if (head === waiting.length || head >= maxWaiting) {
      waiting.splice(0, head)
      head = 0
    }
    return batch
  }

  /** One page of one session: live entries of the others go on in between. */
  async function sweepPage(): Promise<void> {
    const next = sweeps.entries().next().value
    if (next === undefined) return
    const [sessionId, after] = next
    if (after === 0) missed.delete(sessionId)
    const owed = await readOwed(sessionId, after)
    const entries = owed.filter((entry) => !parked.has(keyOf(entry)))
    if (entries.length > 0) await projectAll(entries)
    if (stopping.signal.aborted) return
    // To the end of the map, so that sessions take turns.
    sweeps.delete(sessionId)
    const last = owed.at(-1)
    if (last !== undefined) sweeps.set(sessionId, last.seq)
    // From the start: a lower `seq` may have been committed after a higher one, as that of a message that uses up a pre-key.
    else if (missed.has(sessionId)) sweeps.set(sessionId, 0)
  }

  async function readOwed(sessionId: number, after: number): Promise<readonly JournalEntry[]> {
    try {
      return (await whenStoreAnswers(() => journal.owed(sessionId, batchSize, after))) ?? []
    } catch (error) {
      log.error(
        { error, sessionId },
        'the journal of a session cannot be read; trying again when it comes online',
      )
      return []
    }
  }

  async function projectAll(entries: readonly JournalEntry[]): Promise<void> {
    try {
      await whenStoreAnswers(() => commit(entries))
    } catch (error) {
      if (entries.length > 1) {
        // Something in it cannot be projected, or belongs to a session that another node took over: each for itself.
        log.warn(
          { error, count: entries.length },
          'a batch of the journal failed; projecting its entries one by one',
        )
        for (const entry of entries) await projectAll([entry])
        return
      }
      for (const entry of entries) await failed(entry, error)
    }
  }

  async function failed(entry: JournalEntry, error: unknown): Promise<void> {
    const { sessionId, seq, kind } = entry
    if (error instanceof Fenced) {
      // Whoever owns the session reads the entry from the journal.
      log.info({ sessionId, seq }, 'an entry of the journal belongs to another node now')
      return
    }
    const key = keyOf(entry)
    const tries = (failures.get(key) ?? 0) + 1
    failures.set(key, tries)
    if (tries < maxTries) return projectAll([entry])
    failures.delete(key)
    parked.add(key)
    log.error(
      { error, sessionId, seq, kind, attempts: tries },
      'an entry of the journal cannot be projected; set aside',
    )
  }

  async function commit(entries: readonly JournalEntry[]): Promise<void> {
    await database.write(async (tx) => {
      await store(tx, entries)
      await journal.settle(tx, entries)
    })
  }

  async function store(tx: Tx, entries: readonly JournalEntry[]): Promise<void> {
    const told = await project(tx, entries, clock.now())
    if (told.length > 0) await events.append(tx, told)
    tx.afterCommit(() => {
      for (const { sessionId } of entries) sessions.touch(sessionId)
    })
  }

  /** Runs `attempt` until the store takes it; undefined when we are stopped before. Nothing is lost meanwhile: entries are in the journal. */
  async function whenStoreAnswers<T>(attempt: () => Promise<T>): Promise<T | undefined> {
    for (
      let pauseMs = storeProbeMs.first;
      !stopping.signal.aborted;
      pauseMs = Math.min(pauseMs * 2, storeProbeMs.longest)
    ) {
      try {
        return await attempt()
      } catch (error) {
        if (!(error instanceof StoreFault)) throw error
        log.warn({ error, retryAfterMs: pauseMs }, 'the store does not answer; the projector waits')
        await pause(pauseMs)
      }
    }
    return undefined
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = clock.after(ms, done)
      function done(): void {
        timer[Symbol.dispose]()
        stopping.signal.removeEventListener('abort', done)
        resolve()
      }
      stopping.signal.addEventListener('abort', done)
    })
  }

  return {
    sweep(sessionId) {
      if (sweeps.has(sessionId)) missed.add(sessionId)
      sweeps.set(sessionId, 0)
      wake()
    },
    backlog: () => waiting.length - head,
    parked: () => parked.size,
    async idle() {
      for (let current = running; current !== undefined; current = running) await current
    },
    async [Symbol.asyncDispose]() {
      following[Symbol.dispose]()
      stopping.abort()
      await running
    },
  }
}

const keyOf = ({ sessionId, hash }: JournalEntry): string => `${sessionId} ${hash}`
