/** The tables that only the engine writes (migration 0002). */
interface SessionCredentialsTable {
  session_id: number
  sealed: Uint8Array
  updated_at: number
}

interface SessionCredentialsArchiveTable {
  session_id: number
  archived_at: number
  cause: string
  sealed: Uint8Array
}

interface SignalKeyTable {
  session_id: number
  type: string
  id: string
  sealed: Uint8Array
}

interface InboxJournalTable {
  session_id: number
  hash: string
  seq: number
  /** 'message', 'undecryptable' and 'receipt' are the projector's; 'keys' and 'history' are the engine's own. */
  kind: string
  sealed: Uint8Array | null
  state: 'new' | 'done'
  received_at: number
}

/** Migration 0016. */
interface RetryCounterTable {
  session_id: number
  name: string
  count: number
  counted_at: number
}

declare module '../../platform/database/index.ts' {
  interface Tables {
    session_credentials: SessionCredentialsTable
    session_credentials_archive: SessionCredentialsArchiveTable
    signal_key: SignalKeyTable
    inbox_journal: InboxJournalTable
    retry_counter: RetryCounterTable
  }
}

export type { InboxJournalTable }
