/** Time as a value to pass in: the only thing tests replace. */
export interface Clock {
  /** Wall time, Unix ms: for what people and peers read. */
  now(): number
  /** Milliseconds that never jump: for deadlines and leases. */
  monotonic(): number
  /** Calls `run` once after `ms`, unless disposed before. Does not keep the process alive. */
  after(ms: number, run: () => void): Disposable
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms)
    timer.unref()
    return { [Symbol.dispose]: () => clearTimeout(timer) }
  },
}
