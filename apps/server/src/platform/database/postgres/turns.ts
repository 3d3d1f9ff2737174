/**
 * At most `max` pieces of work at a time; the others wait their turn, first come first served, for as long as it takes. (The pool's own
 * queue would time them out with the same error as an unreachable server.)
 */
export function turns(max: number): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0
  const waiting: (() => void)[] = []
  return async (work) => {
    if (running < max) running++
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      // The place passes on as it is, so that nobody who comes in between takes it.
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }
}
