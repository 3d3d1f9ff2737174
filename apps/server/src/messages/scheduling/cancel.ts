import { HubError } from '@inbox-hub/contract'
import type { Jid } from '@inbox-hub/whatsapp'

import type { Clock } from '../../platform/clock.ts'
import type { Database } from '../../platform/database/index.ts'
import type { MessageFinder } from '../find-message.ts'
import { failureOf, findOutbound } from '../outbound/outbound-rows.ts'
import type { Outbox } from '../outbound/outbox.ts'
import { cancelScheduled, findScheduled, findScheduledByNumber, type ScheduledRow } from './scheduled-rows.ts'

/** What was taken back. */
export interface Cancelled {
  sessionId: number
  messageId: number
  whatsappId: string
  /** Canonical. */
  chat: Jid
}

export interface CancellerDeps {
  database: Database
  finder: MessageFinder
  outbox: Pick<Outbox, 'takeBack' | 'adopt'>
  clock: Clock
}

export function createCanceller({ database, finder, outbox, clock }: CancellerDeps) {
  async function scheduledUnder(
    sessionIds: readonly number[],
    id: string,
  ): Promise<ScheduledRow | undefined> {
    // The old form in which CRMs write ids: true_<jid>_<id>.
    const whatsappId = /^true_[^_]+_([^_]+)/.exec(id)?.[1] ?? id
    for (const sessionId of sessionIds) {
      const row = await findScheduled.first(database, { sessionId, whatsappId })
      if (row !== undefined) return row
    }
    if (!/^\d{1,15}$/.test(id)) return undefined
    const row = await findScheduledByNumber.first(database, { id: Number(id) })
    return row !== undefined && sessionIds.includes(row.session_id) ? row : undefined
  }

  return async (sessionIds: readonly number[], id: string): Promise<Cancelled> => {
    const scheduled = await scheduledUnder(sessionIds, id)
    if (scheduled !== undefined) {
      const { message_id: messageId, cancelled_at: cancelledAt } = scheduled
      const isCancelled =
        cancelledAt !== null ||
        (await database.write((tx) => cancelScheduled.run(tx, { messageId, now: clock.now() }))) === 1
      if (isCancelled) {
        return {
          sessionId: scheduled.session_id,
          messageId,
          whatsappId: scheduled.whatsapp_id,
          // A column that only canonical addresses are written to.
          chat: scheduled.chat_jid as Jid,
        }
      }
      // It came due at this moment: it is a message now, or was cancelled by another call.
    }
    const row = await finder.find(sessionIds, id)
    if (row === undefined) throw new HubError('MESSAGE_NOT_FOUND')
    const { id: messageId, session_id: sessionId, whatsapp_id: whatsappId, status } = row
    const cancelled = {
      sessionId,
      messageId,
      whatsappId,
      // A column that only canonical addresses are written to.
      chat: row.chat_jid as Jid,
    }
    if (row.from_me === 1 && row.via_hub === 1) {
      await outbox.adopt(sessionId, whatsappId)
      if (await outbox.takeBack(sessionId, whatsappId)) return cancelled
      const known = await findOutbound.first(database, { sessionId, whatsappId })
      if (failureOf(known?.failure ?? null)?.reason === 'CANCELLED') return cancelled
    }
    throw new HubError('MESSAGE_NOT_CANCELLABLE', { status })
  }
}
