import '../tables.ts'

import { insertRows, statement } from '../../platform/database/index.ts'
import type { MessageTable, OutboundTable } from '../tables.ts'
import { after, type OutboundState, type SendFailure } from './outbound-state.ts'

export const insertOutbound = insertRows(
  'outbound',
  ['message_id', 'session_id', 'whatsapp_id', 'fingerprint', 'state', 'attempts', 'retries', 'asked_at'],
  (insert) =>
    insert
      .onConflict((conflict) => conflict.columns(['session_id', 'whatsapp_id']).doNothing())
      .returning('message_id'),
)

export const setPlace = statement((db, p: { messageId: number; place: number }) =>
  db.updateTable('outbound').set({ place: p.place }).where('message_id', '=', p.messageId),
)

export const findOutbound = statement((db, p: { sessionId: number; whatsappId: string }) =>
  db
    .selectFrom('outbound')
    .select(['message_id', 'fingerprint', 'state', 'retries', 'failure', 'place'])
    .where('session_id', '=', p.sessionId)
    .where('whatsapp_id', '=', p.whatsappId),
)

export const findProto = statement((db, p: { sessionId: number; whatsappId: string }) =>
  db
    .selectFrom('outbound')
    .select(['message_id', 'proto'])
    .where('session_id', '=', p.sessionId)
    .where('whatsapp_id', '=', p.whatsappId)
    .where('proto', 'is not', null),
)

const owedColumns = [
  'outbound.message_id',
  'outbound.session_id',
  'outbound.whatsapp_id',
  'outbound.fingerprint',
  'outbound.state',
  'outbound.attempts',
  'outbound.retries',
  'outbound.asked_at',
  'outbound.place',
  'message.chat_jid',
] as const

/** What is on its way by the store, oldest first. */
export const owedOutbound = statement((db, p: { after: number; limit: number }) =>
  db
    .selectFrom('outbound')
    .innerJoin('message', 'message.id', 'outbound.message_id')
    .select(owedColumns)
    .where('outbound.settled_at', 'is', null)
    .where('outbound.message_id', '>', p.after)
    .orderBy('outbound.message_id')
    .limit(p.limit),
)

/** When a process last closed in good order, with every call answered: JSON Unix ms. */
export const noteClosed = statement((db, p: { name: string; value: string }) =>
  db
    .insertInto('setting')
    .values({ name: p.name, value: p.value })
    .onConflict((conflict) =>
      conflict.column('name').doUpdateSet((eb) => ({ value: eb.ref('excluded.value') })),
    ),
)

export const lastClosed = statement((db, p: { name: string }) =>
  db.selectFrom('setting').select('value').where('name', '=', p.name),
)

/** Of the newest messages, at most `among`, those that are settled. */
export const settledLately = statement((db, p: { since: number; among: number }) =>
  db
    .selectFrom('outbound')
    .select(['session_id', 'whatsapp_id', 'fingerprint', 'settled_at'])
    .where('message_id', '>', (eb) =>
      eb.selectFrom('outbound').select(({ fn }) => eb(fn.max('message_id'), '-', p.among).as('from')),
    )
    .where('settled_at', 'is not', null)
    .where('asked_at', '>=', p.since),
)

export const owedMessage = statement((db, p: { sessionId: number; whatsappId: string }) =>
  db
    .selectFrom('outbound')
    .innerJoin('message', 'message.id', 'outbound.message_id')
    .select(owedColumns)
    .where('outbound.session_id', '=', p.sessionId)
    .where('outbound.whatsapp_id', '=', p.whatsappId)
    .where('outbound.settled_at', 'is', null),
)

/** A row of the two above. */
export type OwedRow = Pick<
  OutboundTable,
  | 'message_id'
  | 'session_id'
  | 'whatsapp_id'
  | 'fingerprint'
  | 'state'
  | 'attempts'
  | 'retries'
  | 'asked_at'
  | 'place'
> &
  Pick<MessageTable, 'chat_jid'>

/** Written before the bytes are: whatever stands as 'sending' may have reached WhatsApp. */
export const markSending = statement((db, p: { messageId: number; attempts: number }) =>
  db
    .updateTable('outbound')
    .set({ state: 'sending' as const, attempts: p.attempts })
    .where('message_id', '=', p.messageId)
    .where('settled_at', 'is', null),
)

export const writeState = statement(
  (
    db,
    p: {
      messageId: number
      state: OutboundState['at']
      attempts: number
      failure: string | null
      proto: Uint8Array | null
      settledAt: number | null
    },
  ) =>
    db
      .updateTable('outbound')
      .set((eb) => ({
        state: p.state,
        attempts: p.attempts,
        failure: p.failure,
        settled_at: p.settledAt,
        proto: eb.fn.coalesce(eb.val(p.proto), 'proto'),
      }))
      .where('message_id', '=', p.messageId),
)

/** A receipt proves it, whatever we thought. Failed ones too. */
export const confirmSent = statement((db, p: { messageId: number; now: number }) =>
  db
    .updateTable('outbound')
    .set({ state: 'acked' as const, failure: null, settled_at: p.now })
    .where('message_id', '=', p.messageId)
    .where('state', '<>', 'acked'),
)

export const askAgain = statement((db, p: { messageId: number; now: number }) =>
  db
    .updateTable('outbound')
    .set((eb) => ({
      state: 'queued' as const,
      attempts: 0,
      failure: null,
      retries: eb('retries', '+', 1),
      asked_at: p.now,
      settled_at: null,
    }))
    .where('message_id', '=', p.messageId)
    .where('state', '=', 'failed'),
)

/**
 * The state of a message that a process before us left. What was on its way may have arrived: its socket is gone. The relay that the end
 * of the process cut short is not counted: it says nothing about the recipient, and was perhaps not made, for what stands next in a lane
 * is marked ahead. What ends a message that processes die of is its age.
 */
export function stateLeftBehind(
  { state, attempts, asked_at: asked }: { state: OutboundState['at']; attempts: number; asked_at: number },
  now: number,
): OutboundState {
  if (state === 'queued') {
    const waiting: OutboundState = { at: 'queued', asked, attempts, dueAt: now, refreshDevices: false }
    return after(waiting, { type: 'tick' }, now)
  }
  const relayed = state === 'sending' ? Math.max(0, attempts - 1) : attempts
  const left: OutboundState = { at: 'sending', asked, attempts: relayed, refreshDevices: false, ackBy: now }
  return after(left, { type: 'link_lost' }, now)
}

export function failureOf(json: string | null): SendFailure | undefined {
  // Only the outbox writes this column, from a SendFailure.
  return json === null ? undefined : (JSON.parse(json) as SendFailure)
}
