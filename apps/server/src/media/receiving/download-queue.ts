import type { Clock } from '../../platform/clock.ts'
import type { Log } from '../../platform/log.ts'

/** How many at once: in all, and of one session. Those that somebody waits for have places of their own. */
const most = { byThemselves: 6, ofSession: 2, awaited: 8 }
/** A store that does not answer is asked again after this. */
const faultPauseMs = 5_000
/** Whose timer that is; no session has this number. */
const faulty = 0

export interface DownloadQueueDeps {
  /** Whether files of this session are fetched by themselves now: it is online, and this process has it. */
  isOnline: (sessionId: number) => boolean
  /** Messages whose files are due, oldest first. */
  due: (sessionId: number, limit: number) => Promise<readonly number[]>
  /** When the next file of a session is due, Unix ms; undefined = never. */
  nextDue: (sessionId: number) => Promise<number | undefined>
  /** Fetches a file; never rejects but with bugs. */
  attempt: (messageId: number, sessionId: number, awaited: boolean) => Promise<void>
  clock: Clock
  log: Log
}

/**
 * Decides which files are fetched when: what is due of sessions that are online, a few at a time and in turn, so that a session with
 * ten thousand pictures holds up no other; and what somebody waits for, ahead of all that. What is to be done stands in the store:
 * nothing is lost with this process.
 */
export interface DownloadQueue extends AsyncDisposable {
  /** The session may have files that are due. */
  wake(sessionId: number): void
  /** Fetches one now; resolves when that attempt is over, joined to one that is under way. */
  now(messageId: number, sessionId: number): Promise<void>
  /** How many are under way. */
  size(): number
}

export function createDownloadQueue({
  isOnline,
  due,
  nextDue,
  attempt,
  clock,
  log,
}: DownloadQueueDeps): DownloadQueue {
  const running = new Map<number, { sessionId: number; awaited: boolean; over: Promise<void> }>()
  /** Sessions to look at, in turn. */
  const woken = new Set<number>()
  const timers = new Map<number, Disposable>()
  const waiting: (() => void)[] = []
  let turning: Promise<void> | undefined
  const stopping = new AbortController()
  const isStopped = (): boolean => stopping.signal.aborted

  const count = (awaited: boolean, sessionId?: number): number => {
    let found = 0
    for (const one of running.values())
      if (one.awaited === awaited && (sessionId === undefined || one.sessionId === sessionId)) found += 1
    return found
  }

  function run(messageId: number, sessionId: number, awaited: boolean): Promise<void> {
    const over = attempt(messageId, sessionId, awaited)
      .then(
        () => true,
        (error: unknown) => {
          log.error({ sessionId, error }, 'an attempt to fetch a file failed; trying again')
          return false
        },
      )
      .then((isSettled) => {
        running.delete(messageId)
        waiting.shift()?.()
        if (isSettled) wake(sessionId)
        else {
          // It is as due as before: at once, it would fail again at once.
          woken.add(sessionId)
          pause()
        }
      })
    running.set(messageId, { sessionId, awaited, over })
    return over
  }

  function wake(sessionId: number): void {
    if (isStopped()) return
    woken.add(sessionId)
    turning ??= turn()
      .catch((error: unknown) => {
        log.warn({ error }, 'the files that are due could not be read; trying again')
        pause()
      })
      .finally(() => {
        turning = undefined
        // Woken while the turn was ending.
        const next = first(woken)
        if (next !== undefined && !timers.has(faulty) && count(false) < most.byThemselves) wake(next)
      })
  }

  /** Looks again when the store has had time to recover. */
  function pause(): void {
    if (!isStopped() && !timers.has(faulty)) timers.set(faulty, clock.after(faultPauseMs, wakeAll))
  }

  function wakeAll(): void {
    timers.delete(faulty)
    for (const sessionId of woken) wake(sessionId)
  }

  /** Looks at each woken session, until none has anything to start. */
  async function turn(): Promise<void> {
    for (let next = first(woken); next !== undefined && !isStopped(); next = first(woken)) {
      if (count(false) >= most.byThemselves) return // whoever ends wakes its session, and so the others
      woken.delete(next)
      if (!isOnline(next)) continue
      const room = most.ofSession - count(false, next)
      if (room <= 0) continue
      // Those under way are due as well, until they are done.
      const messageIds = await due(next, room + most.ofSession + most.awaited).catch((error: unknown) => {
        woken.add(next ?? faulty)
        throw error
      })
      const fresh = messageIds.filter((messageId) => !running.has(messageId)).slice(0, room)
      for (const messageId of fresh) if (count(false) < most.byThemselves) void run(messageId, next, false)
      if (fresh.length === 0 && messageIds.length === 0) await setTimer(next)
    }
  }

  async function setTimer(sessionId: number): Promise<void> {
    const dueAt = await nextDue(sessionId)
    timers.get(sessionId)?.[Symbol.dispose]()
    timers.delete(sessionId)
    if (dueAt === undefined || isStopped()) return
    const ms = Math.max(dueAt - clock.now(), 0)
    timers.set(
      sessionId,
      clock.after(ms, () => {
        timers.delete(sessionId)
        wake(sessionId)
      }),
    )
  }

  return {
    wake,
    async now(messageId, sessionId) {
      while (!isStopped()) {
        const under = running.get(messageId)
        if (under !== undefined) return under.over
        if (count(true) < most.awaited) return run(messageId, sessionId, true)
        const { promise, resolve } = Promise.withResolvers<void>()
        waiting.push(resolve)
        await promise
      }
    },
    size: () => running.size,
    async [Symbol.asyncDispose]() {
      stopping.abort()
      for (const timer of timers.values()) timer[Symbol.dispose]()
      for (const go of waiting.splice(0)) go()
      await Promise.all([turning, ...[...running.values()].map(({ over }) => over)])
    },
  }
}

function first<T>(set: ReadonlySet<T>): T | undefined {
  for (const one of set) return one
  return undefined
}
