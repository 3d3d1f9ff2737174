import type { Generated } from 'kysely'

/** The tables that only sessions writes, beside the engine's (baileys/tables.ts). Migration 0002. */
interface SessionTable {
  id: number
  owner_id: number
  session_id: string
  name: string
  wish: 'run' | 'stop' | 'unlink'
  state: string
  last_error: string | null
  me_pn: string | null
  me_lid: string | null
  push_name: string | null
  data_key: Uint8Array
  proxy: Uint8Array | null
  webhook_url: string | null
  webhook_secret: Uint8Array | null
  webhook_events: string
  webhook_preset: 'legacy' | 'standard'
  send_to_frappe: number
  timeline_seq: number
  last_activity_at: number
  created_at: number
  updated_at: number
  deleted_at: number | null
  /** Migration 0016, like the one below. */
  history: Generated<'none' | 'recent' | 'full'>
  history_days: number | null
}

interface SessionSyncTable {
  session_id: number
  state: 'syncing' | 'waiting' | 'done' | 'failed'
  percent: number
  parts: string
  part_hash: string | null
  part_items: number
  messages: number
  chats: number
  contacts: number
  failure: string | null
  started_at: number
  updated_at: number
  finished_at: number | null
}

interface SessionTimelineTable {
  session_id: number
  seq: number
  at: number
  generation: number
  kind: string
  detail: string
}

declare module '../platform/database/index.ts' {
  interface Tables {
    session: SessionTable
    session_timeline: SessionTimelineTable
    session_sync: SessionSyncTable
  }
}

export type { SessionSyncTable, SessionTable, SessionTimelineTable }
