import type { Clock } from '../clock.ts'

/** A clock that moves only when told to. Wall time starts at 2026-01-01T00:00:00Z, monotonic time at 0. */
export interface ManualClock extends Clock {
  /** Moves both times on by `ms`, running what falls due in its order, and the promises it settles in between. */
  advance(ms: number): Promise<void>
  /** Sets the wall clock back or forth, as an administrator or NTP does; monotonic time and timers do not notice. */
  stepWall(ms: number): void
  /** How many timers wait. */
  readonly pending: number
  /** Monotonic ms until the next timer; undefined when none waits. */
  readonly untilNext: number | undefined
}

export function createManualClock(start = Date.UTC(2026, 0, 1)): ManualClock {
  let wall = start
  let monotonic = 0
  let order = 0
  const timers = new Set<{ due: number; order: number; run: () => void }>()
  const first = () => [...timers].sort((a, b) => a.due - b.due || a.order - b.order)[0]

  return {
    now: () => wall,
    monotonic: () => monotonic,
    after(ms, run) {
      const timer = { due: monotonic + Math.max(0, ms), order: order++, run }
      timers.add(timer)
      return { [Symbol.dispose]: () => timers.delete(timer) }
    },
    async advance(ms) {
      const end = monotonic + ms
      for (let timer = first(); timer !== undefined && timer.due <= end; timer = first()) {
        timers.delete(timer)
        wall += timer.due - monotonic
        monotonic = timer.due
        timer.run()
        await settled()
      }
      wall += end - monotonic
      monotonic = end
      await settled()
    },
    stepWall(ms) {
      wall += ms
    },
    get pending() {
      return timers.size
    },
    get untilNext() {
      const timer = first()
      return timer === undefined ? undefined : timer.due - monotonic
    },
  }
}

/** One turn of the event loop: promises that wait for nothing outside have settled by then. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
