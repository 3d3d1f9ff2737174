import type { Delivery, LaneKey } from './outbox.ts'

/** Between tries while the store cannot be read, and between looks for a receiver's return, ms. */
export const lookAgainMs = 1000
/** Longer than a timer can run. */
export const longestTimerMs = 86_400_000

/** Deliveries of one lane kept in memory; the others wait in their rows. */
export const mostQueued = 64

/** The queue that one endpoint gets of one session. */
export interface Lane {
  readonly name: string
  readonly key: LaneKey
  readonly queue: Delivery[]
  /** The newest event that was ever in `queue`: what comes after it is only in rows. */
  lastSeq: number
  /** Every row up to this event was read, whoever committed it. */
  readThrough: number
  /** There may be rows after `lastSeq`. */
  more: boolean
  /** While rows are being read; `missed` when one was committed meanwhile, perhaps too late for our answer. */
  loading: { missed: boolean } | undefined
  inFlight: number
  /** Deliveries in a row that were taken. */
  streak: number
  /** What one delivery takes, on average of the last few, ms. */
  paceMs: number
  /** When the last call ended, monotonic ms. */
  endedAt: number
  /** While it streams: to where, and what ends the calls that are under way behind one that failed. */
  stream: { readonly url: string; readonly control: AbortController } | undefined
  /** Its head stands in line at its receiver. */
  inLine: boolean
  timer: Disposable | undefined
  readonly loose: Loose
}

/** What of a lane goes when it is due, past the queue: what failed where order is not promised, and what is told once more. */
interface Loose {
  /** Ids of those on their way, or not written down yet: their rows still look due. */
  readonly taken: Set<string>
  /** There were more due than were taken up. */
  more: boolean
  /** While rows are read: what was settled meanwhile, which they may still show as due, and whether somebody asked for more. */
  reading: { readonly settled: Set<string>; missed: boolean } | undefined
  timer: { readonly at: number; readonly timer: Disposable } | undefined
  /** When a replay last asked for what waits to go at once, Unix ms. */
  askedAt: number
}

export function laneName({ sessionId, endpoint, lane }: LaneKey): string {
  return `${sessionId}/${endpoint}/${lane}`
}

/** `isKnown`: whether all of its rows so far were seen; before a process has looked they are not. */
export function emptyLane({ sessionId, endpoint, lane }: LaneKey, isKnown: boolean): Lane {
  return {
    name: laneName({ sessionId, endpoint, lane }),
    key: { sessionId, endpoint, lane },
    queue: [],
    lastSeq: 0,
    readThrough: 0,
    more: !isKnown,
    loading: undefined,
    inFlight: 0,
    streak: 0,
    paceMs: 0,
    endedAt: 0,
    stream: undefined,
    inLine: false,
    timer: undefined,
    loose: { taken: new Set(), more: false, reading: undefined, timer: undefined, askedAt: -Infinity },
  }
}

/** Takes a committed delivery into its lane's queue, or leaves it to be read from its row. */
export function put(lane: Lane, delivery: Delivery): void {
  const { eventSeq } = delivery
  // It was read from its row before we were told that it is there.
  if (eventSeq <= lane.readThrough) return
  if (lane.loading !== undefined) lane.loading.missed = true
  else if (!lane.more && lane.queue.length < mostQueued) {
    lane.queue.push(delivery)
    lane.lastSeq = eventSeq
  } else lane.more = true
}

/** Gives a delivery its place in the queue again. */
export function putBack(lane: Lane, delivery: Delivery): void {
  const behind = lane.queue.findIndex((other) => other.eventSeq > delivery.eventSeq)
  lane.queue.splice(behind === -1 ? lane.queue.length : behind, 0, delivery)
}

/** Ends what a lane waits for. */
export function stopTimers(lane: Lane): void {
  lane.timer?.[Symbol.dispose]()
  lane.timer = undefined
  lane.loose.timer?.timer[Symbol.dispose]()
  lane.loose.timer = undefined
}
