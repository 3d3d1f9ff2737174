import { HubError } from '@inbox-hub/contract'

import { type Budget, createBudget } from '../platform/budget.ts'
import type { Clock } from '../platform/clock.ts'

/**
 * Questions about people that are asked of WhatsApp: who asks the same at once waits for one answer, and a session does not ask too often.
 * An account that looks at everybody's picture is taken for one that collects them.
 */
export interface Questions {
  /** `key` names the question within the session. Throws `RATE_LIMIT_EXCEEDED`. */
  ask<T>(sessionId: number, key: string, question: () => Promise<T>): Promise<T>
}

/** All kinds of questions of one session together. */
const perMinute = 60

export function createQuestions(clock: Clock, budget: Budget = createBudget(clock, perMinute)): Questions {
  const underWay = new Map<string, Promise<unknown>>()
  return {
    async ask<T>(sessionId: number, key: string, question: () => Promise<T>): Promise<T> {
      const name = `${sessionId} ${key}`
      const same = underWay.get(name)
      // Whoever asks under a name asks for the same thing.
      if (same !== undefined) return same as Promise<T>
      const retryAfterMs = budget.take(sessionId)
      if (retryAfterMs !== undefined) {
        const seconds = Math.max(1, Math.ceil(retryAfterMs / 1000))
        throw new HubError('RATE_LIMIT_EXCEEDED', {}, { retryAfterMs, values: { seconds } })
      }
      const asked = question().finally(() => underWay.delete(name))
      underWay.set(name, asked)
      return asked
    },
  }
}
