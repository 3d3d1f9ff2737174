/** Runs work one after another per key. Keys that nobody uses cost nothing. */
export class KeyedLocks {
  readonly #tails = new Map<string, Promise<void>>()

  /** Runs `work` when everybody who asked for `key` before is done. Not reentrant. */
  async run<T>(key: string, work: () => Promise<T>): Promise<T> {
    const before = this.#tails.get(key)
    const done = Promise.withResolvers<void>()
    this.#tails.set(key, done.promise)
    try {
      if (before !== undefined) await before
      return await work()
    } finally {
      done.resolve()
      if (this.#tails.get(key) === done.promise) this.#tails.delete(key)
    }
  }

  /** Holds several keys at once. Always taken in the same order, so that two holders cannot wait for each other. */
  async runAll<T>(keys: readonly string[], work: () => Promise<T>): Promise<T> {
    const [first, ...rest] = [...new Set(keys)].sort()
    if (first === undefined) return work()
    return this.run(first, () => this.runAll(rest, work))
  }

  /** How many keys are held. */
  get size(): number {
    return this.#tails.size
  }
}
