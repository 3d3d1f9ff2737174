import { HubError } from '@inbox-hub/contract'

import { Fenced } from '../../cluster/index.ts'
import { StoreFault } from '../../platform/database/index.ts'
import { backoffMs, type OutboundEvent } from './outbound-state.ts'

/**
 * What it means that the hand-over failed while the connection stands: everything before the bytes are written can fail (asking for devices
 * and keys, encrypting), the writing itself only with the connection.
 */
export function eventOf(error: unknown, isEncoded: boolean, attempts: number): OutboundEvent {
  if (error instanceof StoreFault || error instanceof Fenced || error instanceof HubError) {
    // The store or the session went away: not this message's fault.
    return { type: 'not_written', pauseMs: 1_000, counts: false }
  }
  if (isRateLimit(error)) return { type: 'not_written', pauseMs: 0, counts: false }
  if (!isEncoded) return { type: 'cannot_be_sent', reason: 'NOT_SENDABLE' }
  return { type: 'not_written', pauseMs: backoffMs(attempts), counts: true }
}

/** WhatsApp's answer 429 to a query on the way; baileys puts the number of an error reply into `data` (WABinary/generic-utils.js). */
export const isRateLimit = (error: unknown): boolean =>
  error instanceof Error && 'data' in error && error.data === 429
