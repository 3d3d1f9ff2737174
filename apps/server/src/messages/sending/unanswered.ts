import { boundedCache } from '../../platform/bounded-cache.ts'
import type { Clock } from '../../platform/clock.ts'

/** How long a repeat may take to come: clients try again after one and two seconds, some behind a time-out of their own. */
export const repeatWithinMs = 60_000

/**
 * Calls whose answer did not reach their caller, because the connection broke or this process died before it could be given. A client
 * without idempotency keys repeats such a call, word for word; the repeat is the same message, once. A call that was answered is never
 * in here, so saying the same thing twice on purpose sends it twice.
 */
export interface Unanswered {
  add(sessionId: number, fingerprint: string, whatsappId: string): void
  /** The message that this call repeats, if it does; answered once. */
  take(sessionId: number, fingerprint: string): string | undefined
}

export function createUnanswered(clock: Clock): Unanswered {
  const calls = boundedCache<string, { whatsappId: string; until: number }>(10_000)
  const keyOf = (sessionId: number, fingerprint: string): string => `${sessionId} ${fingerprint}`
  return {
    add(sessionId, fingerprint, whatsappId) {
      calls.set(keyOf(sessionId, fingerprint), { whatsappId, until: clock.monotonic() + repeatWithinMs })
    },
    take(sessionId, fingerprint) {
      const key = keyOf(sessionId, fingerprint)
      const call = calls.get(key)
      calls.delete(key)
      return call !== undefined && call.until >= clock.monotonic() ? call.whatsappId : undefined
    },
  }
}
