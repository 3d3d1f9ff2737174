import '../tables.ts'

import type { Clock } from '../../platform/clock.ts'
import { type Database, StoreFault } from '../../platform/database/index.ts'
import type { Log } from '../../platform/log.ts'
import type { Link } from '../../sessions/baileys/index.ts'
import type { Sessions } from '../../sessions/index.ts'
import { dueScheduled, type ScheduledRow, soonestScheduled } from './scheduled-rows.ts'

/**
 * Wakes when the next scheduled message is due, and has it released if its session is online; else when the session comes online. It
 * keeps one number per session that ever scheduled something, and one timer: the messages stay in the store.
 */
export interface Scheduler extends AsyncDisposable {
  /** Whether the session may have rows in `scheduled_message`: what has none need not be asked for. */
  mayHold(sessionId: number): boolean
  /** A message of the session is stored that is due at `sendAt`, Unix ms. */
  expect(sessionId: number, sendAt: number): void
  /** When what is due by now is on its way; undefined when nothing is. */
  caughtUp(sessionId: number): Promise<void> | undefined
  /** Forgets a session that has ended for good. */
  forget(sessionId: number): void
  /** Reads what an earlier process kept. */
  start(): Promise<void>
}

export interface SchedulerDeps {
  database: Database
  sessions: Pick<Sessions, 'link' | 'onOnline'>
  /** Without a link: they waited too long. */
  release: (sessionId: number, rows: readonly ScheduledRow[], link: Link | undefined) => Promise<void>
  clock: Clock
  log: Log
}

/** A message whose session was offline at its time waits this long for it; later it would surprise more than it helps. */
export const heldForMs = 24 * 3_600_000
/** Wall time may be set while the timer runs on another clock: it is looked at again at least this often. */
const longestNapMs = 60_000
const releaseAtOnce = 64
const storeRetryMs = 1_000

export function createScheduler({ database, sessions, release, clock, log }: SchedulerDeps): Scheduler {
  /** When the soonest message of each session is due, Unix ms; Infinity when none waits. */
  const dueAt = new Map<number, number>()
  const running = new Map<number, Promise<void>>()
  let timer: Disposable | undefined
  let closing = false

  const online = sessions.onOnline((sessionId) => void caughtUp(sessionId))

  function caughtUp(sessionId: number): Promise<void> | undefined {
    const under = running.get(sessionId)
    if (under !== undefined) return under
    if (closing || (dueAt.get(sessionId) ?? Infinity) > clock.now()) return undefined
    const run = attempt(sessionId)
    running.set(sessionId, run)
    return run
  }

  async function attempt(sessionId: number): Promise<void> {
    let pauseMs = 0
    try {
      await releaseDue(sessionId)
    } catch (error) {
      pauseMs = storeRetryMs
      if (error instanceof StoreFault) {
        log.warn({ error, sessionId }, 'scheduled messages cannot be read or released yet')
      } else log.error({ error, sessionId }, 'scheduled messages wait')
    }
    running.delete(sessionId)
    arm(pauseMs)
  }

  async function releaseDue(sessionId: number): Promise<void> {
    for (;;) {
      const now = clock.now()
      const rows = await dueScheduled.all(database, { sessionId, now, limit: releaseAtOnce })
      const late = rows.filter((row) => row.send_at <= now - heldForMs)
      const timely = rows.slice(late.length)
      if (late.length > 0) await release(sessionId, late, undefined)
      const link = sessions.link(sessionId)
      if (timely.length > 0 && link !== undefined) await release(sessionId, timely, link)
      if (closing || rows.length === 0 || (timely.length > 0 && link === undefined)) break
    }
    if (!dueAt.has(sessionId)) return
    // What is stored while we read is told to `expect`, after this line.
    dueAt.set(sessionId, Infinity)
    const soonest = await soonestScheduled.first(database, { sessionId })
    if (soonest !== undefined) advance(sessionId, soonest.send_at)
  }

  function advance(sessionId: number, sendAt: number): void {
    dueAt.set(sessionId, Math.min(dueAt.get(sessionId) ?? Infinity, sendAt))
  }

  /** When to look at a session again: one that is offline at the time is held, until it comes online or its message is too old. */
  function lookAt(sessionId: number, soonest: number, now: number): number {
    return soonest > now || sessions.link(sessionId) !== undefined ? soonest : soonest + heldForMs
  }

  function arm(atLeastMs = 0): void {
    timer?.[Symbol.dispose]()
    timer = undefined
    if (closing) return
    const now = clock.now()
    let next = Infinity
    for (const [sessionId, soonest] of dueAt) {
      // One under way arms the timer when it ends.
      if (!running.has(sessionId)) next = Math.min(next, lookAt(sessionId, soonest, now))
    }
    if (next === Infinity) return
    timer = clock.after(Math.min(Math.max(next - now, atLeastMs, 0), longestNapMs), wake)
  }

  function wake(): void {
    const now = clock.now()
    for (const [sessionId, soonest] of dueAt) {
      if (lookAt(sessionId, soonest, now) <= now) void caughtUp(sessionId)
    }
    arm()
  }

  return {
    mayHold: (sessionId) => dueAt.has(sessionId),
    expect(sessionId, sendAt) {
      advance(sessionId, sendAt)
      if (sendAt !== Infinity) arm()
    },
    caughtUp,
    forget(sessionId) {
      dueAt.delete(sessionId)
    },
    async start() {
      const rows = await database.read
        .selectFrom('scheduled_message')
        .select(['session_id', 'cancelled_at', ({ fn }) => fn.min('send_at').as('send_at')])
        .groupBy(['session_id', 'cancelled_at'])
        .execute()
      for (const row of rows) advance(row.session_id, row.cancelled_at === null ? row.send_at : Infinity)
      arm()
    },
    async [Symbol.asyncDispose]() {
      closing = true
      online[Symbol.dispose]()
      timer?.[Symbol.dispose]()
      await Promise.all(running.values())
    },
  }
}
