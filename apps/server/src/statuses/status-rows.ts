import './tables.ts'

import type { Jid } from '@inbox-hub/whatsapp'
import type { Selectable } from 'kysely'

import { folded } from '../chats/index.ts'
import { insertRows, statement } from '../platform/database/index.ts'
import type { StatusTable } from './tables.ts'

export type StatusRow = Selectable<StatusTable>

/** WhatsApp shows a status so long. */
export const statusLifeMs = 86_400_000

/** Keeps statuses that are not kept yet. */
export const insertStatuses = insertRows(
  'status',
  [
    'message_id',
    'session_id',
    'whatsapp_id',
    'posted_at',
    'expires_at',
    'archived_at',
    'viewed_at',
    'deleted_at',
    'views',
    'audience',
    'search',
  ],
  (insert) =>
    insert.onConflict((conflict) => conflict.column('message_id').doNothing()).returning('message_id'),
)

/** A status as it stands when it is posted. */
export function newStatus({
  messageId,
  sessionId,
  whatsappId,
  postedAt,
  text,
  audience,
}: {
  messageId: number
  sessionId: number
  whatsappId: string
  /** Unix ms. */
  postedAt: number
  /** Text or caption. */
  text: string
  /** Of ours, when the hub posts it. */
  audience: readonly Jid[] | undefined
}): StatusRow {
  return {
    message_id: messageId,
    session_id: sessionId,
    whatsapp_id: whatsappId,
    posted_at: postedAt,
    expires_at: postedAt + statusLifeMs,
    archived_at: null,
    viewed_at: null,
    deleted_at: null,
    views: 0,
    audience: audience === undefined ? null : JSON.stringify(audience),
    search: folded(text),
  }
}

/** Only addresses are written to this column. */
export const audienceOf = ({ audience }: Pick<StatusRow, 'audience'>): readonly Jid[] | undefined =>
  audience === null ? undefined : (JSON.parse(audience) as Jid[])

/** Ids are chosen by senders: of several under one the last. */
export const findStatus = statement((db, p: { sessionId: number; whatsappId: string }) =>
  db
    .selectFrom('status')
    .selectAll()
    .where('session_id', '=', p.sessionId)
    .where('whatsapp_id', '=', p.whatsappId)
    .orderBy('message_id', 'desc')
    .limit(1),
)

export const findStatusByNumber = statement((db, p: { sessionId: number; messageId: number }) =>
  db
    .selectFrom('status')
    .selectAll()
    .where('session_id', '=', p.sessionId)
    .where('message_id', '=', p.messageId),
)

/** Statuses of ours under these ids. */
export const ownStatuses = statement((db, p: { sessionId: number; ids: readonly string[] }, { among }) =>
  db
    .selectFrom('status')
    .innerJoin('message', 'message.id', 'status.message_id')
    .select(['status.message_id', 'status.whatsapp_id'])
    .where('status.session_id', '=', p.sessionId)
    .where(among('status.whatsapp_id', p.ids))
    .where('message.from_me', '=', 1),
)

/** Answers those that are news. */
export const insertViews = insertRows('status_view', ['message_id', 'viewer_jid', 'viewed_at'], (insert) =>
  insert
    .onConflict((conflict) => conflict.columns(['message_id', 'viewer_jid']).doNothing())
    .returning('message_id'),
)

export const countView = statement((db, p: { messageId: number }) =>
  db
    .updateTable('status')
    .set((eb) => ({ views: eb('views', '+', 1) }))
    .where('message_id', '=', p.messageId),
)

export const markViewed = statement((db, p: { messageId: number; at: number }) =>
  db
    .updateTable('status')
    .set({ viewed_at: p.at })
    .where('message_id', '=', p.messageId)
    .where('viewed_at', 'is', null),
)

export const markArchived = statement((db, p: { messageId: number; at: number | null }) =>
  db.updateTable('status').set({ archived_at: p.at }).where('message_id', '=', p.messageId),
)

/** Its author took it back: it is shown no more, and gone with the next sweep unless it is archived. */
export const markDeleted = statement((db, p: { messageId: number; at: number }) =>
  db
    .updateTable('status')
    .set((eb) => ({
      deleted_at: p.at,
      expires_at: eb.case().when('expires_at', '<', p.at).then(eb.ref('expires_at')).else(p.at).end(),
    }))
    .where('message_id', '=', p.messageId)
    .where('deleted_at', 'is', null),
)

export const expiredStatuses = statement((db, p: { now: number; limit: number }) =>
  db
    .selectFrom('status')
    .select('message_id')
    .where('archived_at', 'is', null)
    .where('expires_at', '<=', p.now)
    .orderBy('expires_at')
    .limit(p.limit),
)
