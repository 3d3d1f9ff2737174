import type { CallRejecter, CallStatus } from '@inbox-hub/contract'

/** A call to a session, or one that its account made. Migration 0014. */
export interface CallTable {
  seq: number
  session_id: number
  call_id: string
  creator: string
  creator_wire: string
  group_jid: string | null
  is_video: number
  is_group: number
  while_away: number
  status: CallStatus
  rejected_by: CallRejecter | null
  started_at: number
  answered_at: number | null
  ended_at: number | null
  heard_at: number
  /** Migration 0026, like the one below. */
  outgoing: number
  callee: string | null
}

declare module '../platform/database/index.ts' {
  interface Tables {
    call: CallTable
  }
}
