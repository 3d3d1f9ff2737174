import './tables.ts'

import { type Jid, isPerson } from '@inbox-hub/whatsapp'

import { insertRows, statement, type Tx } from '../platform/database/index.ts'
import { findChat } from './chat-rows.ts'

/** A chat as the phone has it. `jid` is canonical. */
export interface PastChatState {
  jid: Jid
  /** Of a group or list. */
  name: string | undefined
  archived: boolean
  pinned: boolean
  /** Unix ms. */
  mutedUntil: number | null
  markedUnread: boolean
  /** Its messages disappear after so many seconds. */
  ephemeralS: number | null
  /** Unix ms; 0 when not told. */
  activeAt: number
  /** The phone has nothing older. */
  isWhole: boolean
}

const insert = insertRows(
  'chat',
  [
    'session_id',
    'jid',
    'name',
    'unread_count',
    'message_count',
    'archived',
    'pinned',
    'muted_until',
    'marked_unread',
    'disappearing_seconds',
    'last_message_id',
    'active_at',
    'synced_at',
    'history_end',
  ],
  (query) => query.onConflict((conflict) => conflict.columns(['session_id', 'jid']).doNothing()),
)
const settle = statement(
  (
    db,
    p: {
      sessionId: number
      jid: string
      name: string | null
      archived: number
      pinned: number
      mutedUntil: number | null
      markedUnread: number
      disappearingS: number
      activeAt: number
      syncedAt: number
      end: number
    },
  ) =>
    db
      .updateTable('chat')
      .set({
        name: p.name,
        archived: p.archived,
        pinned: p.pinned,
        muted_until: p.mutedUntil,
        marked_unread: p.markedUnread,
        disappearing_seconds: p.disappearingS,
        active_at: p.activeAt,
        synced_at: p.syncedAt,
        history_end: p.end,
      })
      .where('session_id', '=', p.sessionId)
      .where('jid', '=', p.jid),
)

/**
 * Keeps a chat as the phone has it. Its settings count once: after that the account's own changes do, which history knows nothing of.
 * Answers whether they were taken, that is, whether history tells of this chat for the first time.
 */
export async function takePastChat(
  tx: Tx,
  sessionId: number,
  past: PastChatState,
  now: number,
): Promise<boolean> {
  const { jid } = past
  const name = isPerson(jid) ? null : (past.name ?? null)
  const row = await findChat.first(tx, { sessionId, jid })
  if (row === undefined) {
    await insert.run(tx, [
      {
        session_id: sessionId,
        jid,
        name,
        unread_count: 0,
        message_count: 0,
        archived: Number(past.archived),
        pinned: Number(past.pinned),
        muted_until: past.mutedUntil,
        marked_unread: Number(past.markedUnread),
        disappearing_seconds: past.ephemeralS ?? 0,
        last_message_id: null,
        active_at: past.activeAt,
        synced_at: now,
        history_end: Number(past.isWhole),
      },
    ])
    return true
  }
  const isFirst = row.synced_at === null
  // What app state told is not older than history.
  const isUnset = row.archived === 0 && row.pinned === 0 && row.muted_until === null
  const takesSettings = isFirst && isUnset
  await settle.run(tx, {
    sessionId,
    jid,
    name: row.name ?? name,
    archived: takesSettings ? Number(past.archived) : row.archived,
    pinned: takesSettings ? Number(past.pinned) : row.pinned,
    mutedUntil: takesSettings ? past.mutedUntil : row.muted_until,
    markedUnread: takesSettings ? Number(past.markedUnread) : row.marked_unread,
    disappearingS: isFirst ? (past.ephemeralS ?? 0) : row.disappearing_seconds,
    activeAt: row.last_message_id === null ? Math.max(row.active_at, past.activeAt) : row.active_at,
    syncedAt: row.synced_at ?? now,
    end: Math.max(row.history_end, Number(past.isWhole)),
  })
  return isFirst
}
