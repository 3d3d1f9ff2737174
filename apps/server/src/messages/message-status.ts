import type { MessageStatus } from './tables.ts'

/**
 * How far each status is. A message only moves forward: receipts come late, twice and out of order, and a later one implies the
 * earlier ones. Failure is behind every success, because a receipt proves that a message we gave up on did go out.
 */
const distance: Readonly<Record<Exclude<MessageStatus, 'received'>, number>> = {
  pending: 0,
  failed: 1,
  sent: 2,
  delivered: 3,
  read: 4,
}

/** The status after news of `told`; the same one when it is no news. Received messages have no way to go. */
export function afterNews(status: MessageStatus, told: Exclude<MessageStatus, 'received'>): MessageStatus {
  if (status === 'received') return status
  return distance[told] > distance[status] ? told : status
}
