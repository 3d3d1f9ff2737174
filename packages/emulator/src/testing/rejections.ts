/** Rejections that nobody handled, while this is not disposed. */
export interface Rejections extends Disposable {
  readonly seen: readonly unknown[]
  /** The next one, unless there was one already. */
  next(): Promise<unknown>
}

/**
 * Takes the place of the test runner, which fails a run for what Baileys leaves unhandled whenever a
 * connection breaks under it.
 */
export function collectRejections(): Rejections {
  const seen: unknown[] = []
  const { promise, resolve } = Promise.withResolvers<unknown>()
  const others = process.listeners('unhandledRejection')
  const collect = (reason: unknown): void => {
    seen.push(reason)
    resolve(reason)
  }
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', collect)
  return {
    seen,
    next: () => promise,
    [Symbol.dispose]() {
      process.off('unhandledRejection', collect)
      for (const other of others) process.on('unhandledRejection', other)
    },
  }
}
