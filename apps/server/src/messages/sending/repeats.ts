import { HubError } from '@inbox-hub/contract'

import type { Database } from '../../platform/database/index.ts'
import type { Outbox } from '../outbound/outbox.ts'
import { findOutbound } from '../outbound/outbound-rows.ts'
import { findScheduled, type ScheduledRow } from '../scheduling/scheduled-rows.ts'
import type { Scheduler } from '../scheduling/scheduler.ts'
import type { MessageKey } from './album.ts'
import type { Unanswered } from './unanswered.ts'

/** Recognises calls that are made again: with an idempotency key always, without one while the first was not answered. */
export interface Repeats {
  /** The message that an earlier call made of this very request, if there was one. Throws `IDEMPOTENCY_CONFLICT`. */
  earlier(
    sessionId: number,
    isKeyed: boolean,
    key: MessageKey,
  ): Promise<{ whatsappId: string; scheduled: ScheduledRow | undefined } | undefined>
  /** Remembers the call while nobody can have heard its answer. `signal` aborts when its caller is gone. */
  answered<T>(
    sessionId: number,
    isKeyed: boolean,
    key: MessageKey,
    signal: AbortSignal | undefined,
    work: () => Promise<T>,
  ): Promise<T>
}

export interface RepeatsDeps {
  database: Database
  outbox: Pick<Outbox, 'adopt'>
  unanswered: Unanswered
  scheduler: Pick<Scheduler, 'mayHold'>
}

export function createRepeats({ database, outbox, unanswered, scheduler }: RepeatsDeps): Repeats {
  return {
    async earlier(sessionId, isKeyed, { whatsappId, fingerprint }) {
      const earlierId = isKeyed ? whatsappId : unanswered.take(sessionId, fingerprint)
      if (earlierId === undefined) return undefined
      const name = { sessionId, whatsappId: earlierId }
      // In this order: one that comes due in between moves from the second to the first, and is looked for there again.
      let scheduled: ScheduledRow | undefined
      let row = await findOutbound.first(database, name)
      if (row === undefined && scheduler.mayHold(sessionId)) {
        scheduled = await findScheduled.first(database, name)
        if (scheduled === undefined) row = await findOutbound.first(database, name)
      }
      const stored = row ?? scheduled
      // It was never stored.
      if (stored === undefined) return undefined
      if (isKeyed && stored.fingerprint !== fingerprint) throw new HubError('IDEMPOTENCY_CONFLICT')
      if (scheduled === undefined) await outbox.adopt(sessionId, earlierId)
      return { whatsappId: earlierId, scheduled }
    },
    async answered(sessionId, isKeyed, { whatsappId, fingerprint }, signal, work) {
      if (isKeyed) return work()
      const unheard = (): void => unanswered.add(sessionId, fingerprint, whatsappId)
      if (signal?.aborted === true) unheard()
      signal?.addEventListener('abort', unheard, { once: true })
      try {
        return await work()
      } catch (error) {
        // A fault of ours is no answer either: its caller asks again.
        if (!(error instanceof HubError)) unheard()
        throw error
      } finally {
        signal?.removeEventListener('abort', unheard)
      }
    },
  }
}
