import './tables.ts'

import type { CallStatus } from '@inbox-hub/contract'
import type { Selectable } from 'kysely'

import { type Database, insertRows, statement } from '../platform/database/index.ts'
import type { CallState } from './call-state.ts'
import type { CallTable } from './tables.ts'

export type CallRow = Selectable<CallTable>

export const findCall = statement((db, p: { sessionId: number; callId: string }) =>
  db.selectFrom('call').selectAll().where('session_id', '=', p.sessionId).where('call_id', '=', p.callId),
)
export const insertCall = insertRows('call', [
  'seq',
  'session_id',
  'call_id',
  'creator',
  'creator_wire',
  'group_jid',
  'is_video',
  'is_group',
  'while_away',
  'status',
  'rejected_by',
  'started_at',
  'answered_at',
  'ended_at',
  'heard_at',
  'outgoing',
  'callee',
])
const update = statement(
  (
    db,
    p: {
      seq: number
      was: CallStatus
      status: CallStatus
      rejectedBy: CallState['rejectedBy']
      answeredAt: number | null
      endedAt: number | null
    },
  ) =>
    db
      .updateTable('call')
      .set({ status: p.status, rejected_by: p.rejectedBy, answered_at: p.answeredAt, ended_at: p.endedAt })
      .where('seq', '=', p.seq)
      .where('status', '=', p.was),
)
/** Calls that have rung since before `heardBefore`, oldest first. */
export const stillRinging = statement((db, p: { heardBefore: number; limit: number }) =>
  db
    .selectFrom('call')
    .selectAll()
    .where('status', '=', 'ringing')
    .where('heard_at', '<=', p.heardBefore)
    .orderBy('heard_at')
    .limit(p.limit),
)
export const moveCalls = statement((db, p: { sessionId: number; from: string; to: string }) =>
  db
    .updateTable('call')
    .set({ creator: p.to })
    .where('session_id', '=', p.sessionId)
    .where('creator', '=', p.from),
)
export const moveCallees = statement((db, p: { sessionId: number; from: string; to: string }) =>
  db
    .updateTable('call')
    .set({ callee: p.to })
    .where('session_id', '=', p.sessionId)
    .where('callee', '=', p.from),
)

export const stateOf = (row: CallRow): CallState => ({
  status: row.status,
  rejectedBy: row.rejected_by,
  answeredAt: row.answered_at,
  endedAt: row.ended_at,
})

export const withState = (row: CallRow, state: CallState): CallRow => ({
  ...row,
  status: state.status,
  rejected_by: state.rejectedBy,
  answered_at: state.answeredAt,
  ended_at: state.endedAt,
})

/** False when the call moved on meanwhile. */
export async function writeState(
  on: Parameters<typeof update.run>[0],
  { seq, status: was }: CallRow,
  state: CallState,
): Promise<boolean> {
  return (await update.run(on, { seq, was, ...state })) === 1
}

export interface CallFilter {
  status: CallStatus | undefined
  isVideo: boolean | undefined
  isGroup: boolean | undefined
  outgoing: boolean | undefined
  /** Canonical, as is the one below. */
  creator: string | undefined
  callee: string | undefined
  /** Unix ms, both included. */
  startDate: number | undefined
  endDate: number | undefined
}

export async function pageOfCalls(
  { read }: Pick<Database, 'read'>,
  sessionId: number,
  filter: CallFilter,
  { limit, offset }: { limit: number; offset: number },
): Promise<{ calls: readonly CallRow[]; total: number }> {
  let found = read.selectFrom('call').where('session_id', '=', sessionId)
  if (filter.status !== undefined) found = found.where('status', '=', filter.status)
  if (filter.isVideo !== undefined) found = found.where('is_video', '=', Number(filter.isVideo))
  if (filter.isGroup !== undefined) found = found.where('is_group', '=', Number(filter.isGroup))
  if (filter.outgoing !== undefined) found = found.where('outgoing', '=', Number(filter.outgoing))
  if (filter.callee !== undefined) found = found.where('callee', '=', filter.callee)
  if (filter.creator !== undefined) found = found.where('creator', '=', filter.creator)
  if (filter.startDate !== undefined) found = found.where('started_at', '>=', filter.startDate)
  if (filter.endDate !== undefined) found = found.where('started_at', '<=', filter.endDate)
  const [calls, counted] = await Promise.all([
    found
      .selectAll()
      .orderBy('started_at', 'desc')
      .orderBy('seq', 'desc')
      .limit(limit)
      .offset(offset)
      .execute(),
    found.select(({ fn }) => fn.countAll<number>().as('count')).executeTakeFirst(),
  ])
  return { calls, total: counted?.count ?? 0 }
}

/** Seconds of talk; null while it is not over, or never began. */
export function durationOf({ answered_at: from, ended_at: to, status }: CallRow): number | null {
  return status !== 'ended' || from === null || to === null
    ? null
    : Math.max(0, Math.round((to - from) / 1000))
}
