import type { Clock } from '../platform/clock.ts'

/** How fast this process dials. The figures: docs/decisions/dial-pacing.md. */
export interface Pacing {
  /** Dials on their way to a QR or a login at most. */
  places: number
  /** A dial that waits for the network gives its place to the next after this long. */
  placeMs: number
  /** … but not one that waits for the processor, as a timer that comes this late says. */
  lateMs: number
  /** First logins under way at most, while they wait for the processor. One after another, half of a crowd is done in half the time. */
  firstLogins: number
  /** A first login that waits for the network lets the next one begin after this long. */
  firstLoginMs: number
  /** In one turn of the event loop dials are started for this long. */
  turnMs: number
  /** Claims that follow each other within this are a crowd: several people connect. More than a turn with a dial in it takes. */
  crowdMs: number
  /** The requests of a crowd pause when no claim came for this long. */
  pauseMs: number
  /** Dials wait for so long at most until a crowd has its answers. */
  holdMs: number
  /** Redials after a lost connection, and dials of a start: so many at once, */
  burst: number
  /** and so many per second after that. What a person asks for is not counted. */
  perSecond: number
}

export const usualPacing: Pacing = {
  places: 128,
  placeMs: 1_000,
  lateMs: 25,
  firstLogins: 2,
  firstLoginMs: 50,
  turnMs: 50,
  crowdMs: 100,
  pauseMs: 20,
  holdMs: 300,
  burst: 200,
  perSecond: 50,
}

/** Keeps a thousand sessions from dialling in one instant. */
export interface DialPacer {
  /**
   * Calls `go` when a dial may start. The place is held until disposed, or for a second that the network took; disposed before `go`, it
   * leaves the queue.
   */
  enter(go: () => void): Disposable
  /** The same for the login that follows a scan, which costs more than any other: 812 pre-keys, and the first sync. To be disposed when online. */
  enterFirstLogin(go: () => void): Disposable
  /**
   * Calls `run`, the claim of somebody who connects, in one of the next turns of the event loop, a few of them per turn: they share a
   * transaction, and leave room for the requests that come in between.
   */
  soon(run: () => void): void
  /** Takes a place in the budget of redials; answers when it is, Unix ms: `now`, or later. */
  slot(now: number): number
}

/** Claims and the like per turn of the event loop. */
const errandsPerTurn = 32
/** A dial costs a millisecond at least, so that this many fill `turnMs`. */
const dialsPerTurn = 64

interface Ticket {
  go: () => void
  at: 'queue' | 'inside' | 'left'
  timer: Disposable | undefined
}

/** How many are inside at once, and how long one may be that waits for the network. */
interface Room {
  places: number
  placeMs: number
  inside: number
  readonly queue: Ticket[]
  /** Lets in who fits. */
  pump: () => void
}

export function createDialPacer(clock: Clock, pacing: Pacing = usualPacing): DialPacer {
  const dials: Room = { places: pacing.places, placeMs: pacing.placeMs, inside: 0, queue: [], pump }
  const firstLogins: Room = {
    places: pacing.firstLogins,
    placeMs: pacing.firstLoginMs,
    inside: 0,
    queue: [],
    pump() {
      while (firstLogins.inside < firstLogins.places && firstLogins.queue.length > 0) admit(firstLogins)
    },
  }
  let pumping = false
  let tokens = pacing.burst
  let refilledAt = 0
  /** Claims that belong together: since when, when the last one, how many. */
  let crowd = { since: 0, lastAt: -Infinity, size: 0 }
  let lull: Disposable | undefined

  function pump(): void {
    if (pumping || lull !== undefined || dials.queue.length === 0 || dials.inside >= dials.places) return
    const holdMs = untilLullMs()
    if (holdMs > 0) {
      lull = clock.after(holdMs, () => {
        lull = undefined
        pump()
      })
      return
    }
    pumping = true
    // `go` returns before the dial has done its work, which follows in microtasks: between two immediates of the same turn.
    let left = dialsPerTurn
    let until: number | undefined
    const next = (): void => {
      until ??= clock.monotonic() + pacing.turnMs
      if (dials.inside < dials.places && clock.monotonic() < until) admit(dials)
      left -= 1
      if (left > 0) return
      pumping = false
      pump()
    }
    for (let i = 0; i < dialsPerTurn; i++) setImmediate(next)
  }

  /**
   * While several people connect, their requests are answered first: Node accepts one connection per turn of the event loop, and with a
   * dial in each turn the fiftieth waited 0.6 s for its answer. One who connects alone is not held up.
   */
  function untilLullMs(): number {
    if (crowd.size <= 1) return 0
    return Math.min(crowd.lastAt + pacing.pauseMs, crowd.since + pacing.holdMs) - clock.monotonic()
  }

  function enter(room: Room, go: () => void): Disposable {
    const ticket: Ticket = { go, at: 'queue', timer: undefined }
    room.queue.push(ticket)
    room.pump()
    return { [Symbol.dispose]: () => leave(room, ticket) }
  }

  function admit(room: Room): void {
    const ticket = room.queue.shift()
    if (ticket === undefined) return
    if (ticket.at === 'left') return admit(room)
    ticket.at = 'inside'
    room.inside += 1
    limit(room, ticket)
    ticket.go()
  }

  function limit(room: Room, ticket: Ticket): void {
    const due = clock.monotonic() + room.placeMs
    ticket.timer = clock.after(room.placeMs, () => {
      // Letting more in would make all of them later, until handshakes time out.
      if (clock.monotonic() - due > pacing.lateMs) limit(room, ticket)
      else leave(room, ticket)
    })
  }

  function leave(room: Room, ticket: Ticket): void {
    ticket.timer?.[Symbol.dispose]()
    if (ticket.at === 'inside') room.inside -= 1
    ticket.at = 'left'
    room.pump()
  }

  const errands: (() => void)[] = []
  let errandsDue = false
  function runErrands(): void {
    errandsDue = false
    for (const run of errands.splice(0, errandsPerTurn)) run()
    if (errands.length > 0) scheduleErrands()
  }
  function scheduleErrands(): void {
    if (errandsDue) return
    errandsDue = true
    setImmediate(runErrands)
  }

  return {
    soon(run) {
      const now = clock.monotonic()
      if (now - crowd.lastAt > pacing.crowdMs) crowd = { since: now, lastAt: now, size: 1 }
      else crowd = { since: crowd.since, lastAt: now, size: crowd.size + 1 }
      errands.push(run)
      scheduleErrands()
    },

    enter: (go) => enter(dials, go),

    enterFirstLogin(go) {
      let dial: Disposable | undefined
      const login = enter(firstLogins, () => {
        dial = enter(dials, go)
      })
      return {
        [Symbol.dispose]() {
          login[Symbol.dispose]()
          dial?.[Symbol.dispose]()
        },
      }
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
