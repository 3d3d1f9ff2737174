import { boundedCache } from './bounded-cache.ts'
import type { Clock } from './clock.ts'

/** So many within any minute, for each key. */
export interface Budget {
  /** Takes one; answers how long to wait when none is left, ms. */
  take(key: number): number | undefined
}

/** Keys that are remembered; each is one list of a minute's moments. */
const rememberedKeys = 10_000

export function createBudget(clock: Pick<Clock, 'monotonic'>, perMinute: number): Budget {
  const taken = boundedCache<number, readonly number[]>(rememberedKeys)
  return {
    take(key) {
      const now = clock.monotonic()
      const recent = (taken.get(key) ?? []).filter((at) => at > now - 60_000)
      const [oldest] = recent
      if (oldest !== undefined && recent.length >= perMinute) return oldest + 60_000 - now
      taken.set(key, [...recent, now])
      return undefined
    },
  }
}
