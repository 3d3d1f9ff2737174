import type { Clock } from '../platform/clock.ts'

/** How fast this process dials. The figures: docs/decisions/dial-pacing.md. */
export interface Pacing {
  /** Dials on their way to a QR or a login that are always let through. */
  floor: number
  /** And at most, while the event loop is quick. */
  ceiling: number
  /** A turn of the event loop longer than this says that the processor is the bottleneck. */
  slowTurnMs: number
  /** A dial that waits for the network gives its place to the next after this long. */
  placeMs: number
  /** Redials after a lost connection, and dials of a start: so many at once, */
  burst: number
  /** and so many per second after that. What a person asks for is not counted. */
  perSecond: number
}

export const usualPacing: Pacing = {
  floor: 8,
  ceiling: 64,
  slowTurnMs: 25,
  placeMs: 1_000,
  burst: 200,
  perSecond: 50,
}

/** Keeps a thousand sessions from dialling in one instant. */
export interface DialPacer {
  /**
   * Calls `go` when a dial may start. The place is held until disposed, one second at most; disposed before `go`, it leaves the queue.
   */
  enter(go: () => void): Disposable
  /**
   * Calls `run` in one of the next turns of the event loop, a few of them per turn: they share a transaction, and leave
   * room for the requests that come in between.
   */
  soon(run: () => void): void
  /** Takes a place in the budget of redials; answers when it is, Unix ms: `now`, or later. */
  slot(now: number): number
}

/** Claims and the like per turn of the event loop. */
const perTurn = 32

interface Ticket {
  go: () => void
  at: 'queue' | 'inside' | 'left'
  timer: Disposable | undefined
}

export function createDialPacer(clock: Clock, pacing: Pacing = usualPacing): DialPacer {
  const queue: Ticket[] = []
  let inside = 0
  let pumping = false
  let tokens = pacing.burst
  let refilledAt = 0

  function pump(): void {
    if (pumping || queue.length === 0 || inside >= pacing.ceiling) return
    pumping = true
    const turnBegan = clock.monotonic()
    // One per turn of the event loop, so that requests are answered in between.
    setImmediate(() => {
      pumping = false
      const quick = clock.monotonic() - turnBegan <= pacing.slowTurnMs
      if (inside < pacing.floor || (quick && inside < pacing.ceiling)) admit()
      pump()
    })
  }

  function admit(): void {
    const ticket = queue.shift()
    if (ticket === undefined) return
    if (ticket.at === 'left') return admit()
    ticket.at = 'inside'
    inside += 1
    ticket.timer = clock.after(pacing.placeMs, () => leave(ticket))
    ticket.go()
  }

  function leave(ticket: Ticket): void {
    ticket.timer?.[Symbol.dispose]()
    if (ticket.at === 'inside') inside -= 1
    ticket.at = 'left'
    pump()
  }

  const errands: (() => void)[] = []
  let errandsDue = false
  function runErrands(): void {
    errandsDue = false
    for (const run of errands.splice(0, perTurn)) run()
    if (errands.length > 0) scheduleErrands()
  }
  function scheduleErrands(): void {
    if (errandsDue) return
    errandsDue = true
    setImmediate(runErrands)
  }

  return {
    soon(run) {
      errands.push(run)
      scheduleErrands()
    },

    enter(go) {
      const ticket: Ticket = { go, at: 'queue', timer: undefined }
      queue.push(ticket)
      pump()
      return { [Symbol.dispose]: () => leave(ticket) }
    },

    slot(now) {
      // A step of the wall clock backwards refills nothing; forwards, at most the burst.
      tokens = Math.min(pacing.burst, tokens + (Math.max(0, now - refilledAt) * pacing.perSecond) / 1_000)
      refilledAt = now
      tokens -= 1
      return tokens >= 0 ? now : now + Math.ceil((-tokens * 1_000) / pacing.perSecond)
    },
  }
}
