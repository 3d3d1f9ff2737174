/** Time as a value to pass in, of the same shape as the hub's own clock. */
export interface Clock {
  /** Wall time, Unix ms. */
  now(): number
  /** Calls `run` once after `ms`, unless disposed before. Does not keep the process alive. */
  after(ms: number, run: () => void): Disposable
}

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, run) {
    const timer = setTimeout(run, ms)
    timer.unref()
    return { [Symbol.dispose]: () => clearTimeout(timer) }
  },
}
