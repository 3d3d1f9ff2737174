import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { afterAnswer, afterFailure, allowance, type Breaker, closedBreaker } from './breaker.ts'
import type { Verdict } from './verdict.ts'

/** Calls under way in all: fewer leave a backlog of seconds under full load (64: 1.9 s, 512: 0.1 s, measured). */
const mostInFlight = 512
/** Lanes with calls under way to one URL: a CRM has a handful of workers. */
const mostPerReceiver = 32

/** Calls of one lane take one place at their receiver, however many are under way. */
export interface Group {
  readonly inFlight: number
}

/** Somebody's place in line at a receiver. */
export interface Turn {
  readonly url: string
  readonly group: Group | undefined
  /** They no longer want to go there: the address changed, or nothing is to be sent. */
  isMoved(): boolean
  /** It is their turn: they take what there is to send, if there still is, and answer what sends it. */
  take(): ((visit: Visit) => void) | undefined
}

/** A call under way at a receiver. */
export interface Visit {
  /** Whether the receiver counts as away. */
  readonly isOutage: boolean
  /** Has the receiver's breaker learn from the call. */
  learn(verdict: Verdict): void
  /** The call has ended. Before its group counts it out. */
  end(): void
  /** Lets the next ones go, after `end` and after its group counted it out. */
  next(): void
}

/** The lines at all receivers: who may call whom, and when. */
export interface Receivers {
  join(turn: Turn): void
  /** Those in line who no longer want to go where they stand are let go, to `take` what there is elsewhere. */
  reconsider(): void
  /** Nobody goes from now on. Resolves when no call is under way any more. */
  close(): Promise<void>
}

interface Receiver {
  readonly url: string
  readonly line: Turn[]
  breaker: Breaker
  /** Places taken. */
  busy: number
  /** Further down in the call stack its line is being served already. */
  serving: boolean
  timer: Disposable | undefined
}

export function createReceivers({ clock, log }: { clock: Clock; log: Log }): Receivers {
  const receivers = new Map<string, Receiver>()
  /** Those that had to stop because too many calls were under way in all. */
  const crowdedOut = new Set<Receiver>()
  const idle = Promise.withResolvers<void>()
  let inFlight = 0
  let isClosed = false

  function receiverOf(url: string): Receiver {
    let found = receivers.get(url)
    if (found === undefined) {
      found = { url, line: [], breaker: closedBreaker, busy: 0, serving: false, timer: undefined }
      receivers.set(url, found)
    }
    return found
  }

  /** Lets those in line go, as many as this receiver and all of them together may have under way. */
  function serve(receiver: Receiver): void {
    if (receiver.serving) return
    receiver.serving = true
    while (receiver.line.length > 0 && mayGo(receiver)) {
      const turn = receiver.line.shift()
      const send = turn?.take()
      if (turn === undefined || send === undefined) continue
      inFlight += 1
      if (isOnly(turn.group)) receiver.busy += 1
      send(visitOf(receiver, turn))
    }
    receiver.serving = false
  }

  function mayGo(receiver: Receiver): boolean {
    if (isClosed) return false
    const now = clock.monotonic()
    const allowed = allowance(receiver.breaker, now, mostPerReceiver)
    if (allowed === 0) {
      receiver.timer ??= clock.after(receiver.breaker.openUntil - now, () => {
        receiver.timer = undefined
        serve(receiver)
      })
    }
    // A group that has a place already takes nobody else's; but a receiver that is only probed gets one call.
    const hasPlace = allowed > 1 && (receiver.line[0]?.group?.inFlight ?? 0) > 0
    if (receiver.busy >= allowed && !hasPlace) return false
    if (inFlight < mostInFlight) return true
    crowdedOut.add(receiver)
    return false
  }

  function visitOf(receiver: Receiver, turn: Turn): Visit {
    return {
      get isOutage() {
        return receiver.breaker.openUntil > 0
      },
      learn: (verdict) => learn(receiver, verdict),
      end() {
        inFlight -= 1
        if (isOnly(turn.group)) receiver.busy -= 1
      },
      next: () => next(receiver),
    }
  }

  function learn(receiver: Receiver, verdict: Verdict): void {
    const wasOpen = receiver.breaker.openUntil > 0
    if (verdict.at === 'failed' && verdict.receiver !== 'working') {
      receiver.breaker = afterFailure(receiver.breaker, clock.monotonic(), verdict.askedMs)
      if (!wasOpen && receiver.breaker.openUntil > 0) {
        log.warn(
          { host: hostOf(receiver.url), reason: verdict.error },
          'webhook receiver is away: deliveries wait',
        )
      }
    } else {
      receiver.breaker = afterAnswer()
      if (wasOpen) log.info({ host: hostOf(receiver.url) }, 'webhook receiver is back')
    }
  }

  function next(receiver: Receiver): void {
    serve(receiver)
    if (receiver.line.length === 0 && receiver.busy === 0 && receiver.breaker === closedBreaker) {
      receivers.delete(receiver.url)
    }
    for (const waiting of crowdedOut) {
      if (inFlight >= mostInFlight) break
      crowdedOut.delete(waiting)
      serve(waiting)
    }
    if (isClosed && inFlight === 0) idle.resolve()
  }

  return {
    join(turn) {
      const receiver = receiverOf(turn.url)
      receiver.line.push(turn)
      serve(receiver)
    },
    reconsider() {
      for (const receiver of receivers.values()) {
        const moved = receiver.line.filter((turn) => turn.isMoved())
        if (moved.length === 0) continue
        const staying = receiver.line.filter((turn) => !moved.includes(turn))
        receiver.line.splice(0, receiver.line.length, ...staying)
        for (const turn of moved) turn.take()
      }
    },
    async close() {
      isClosed = true
      for (const receiver of receivers.values()) receiver.timer?.[Symbol.dispose]()
      if (inFlight > 0) await idle.promise
    },
  }
}

/** Whether the call in question is the one for which its group takes a place. */
function isOnly(group: Group | undefined): boolean {
  return group === undefined || group.inFlight === 1
}

/** Enough of a URL for a log: paths and queries may hold tokens. */
function hostOf(url: string): string {
  return URL.parse(url)?.host ?? 'invalid URL'
}
