import type { Generated } from 'kysely'

/** The account that a LID names and the number it has now; both without device. Migration 0004. */
export interface LidMappingTable {
  session_id: number
  lid: string
  pn: string
}

/** What WhatsApp answered when asked whether a number exists. */
export interface NumberCheckTable {
  session_id: number
  digits: string
  pn: string | null
  checked_at: number
}

export interface ContactTable {
  session_id: number
  jid: string
  number: string | null
  push_name: string | null
  saved_name: string | null
  verified_name: string | null
  /** Migration 0016. */
  username: string | null
  hub_name: string | null
  tags: string
  notes: string | null
  assigned_to: number | null
  search: string
  updated_at: number
}

/** Kept up by triggers on `contact`: those with a number, and of those the ones with a name. Migration 0021. */
export interface ContactTallyTable {
  session_id: number
  people: number
  named: number
}

export interface ChatTable {
  session_id: number
  jid: string
  name: string | null
  unread_count: number
  message_count: number
  archived: number
  pinned: number
  muted_until: number | null
  last_message_id: number | null
  active_at: number
  /** Migration 0016, like the one below. */
  synced_at: number | null
  history_end: Generated<number>
  /** Migration 0013. */
  marked_unread: Generated<number>
  disappearing_seconds: Generated<number>
}

/** Migration 0024. */
interface ErasedContactTable {
  session_id: number
  /** HMAC, base64url. */
  address: string
  erased_at: number
}

declare module '../platform/database/index.ts' {
  interface Tables {
    lid_mapping: LidMappingTable
    number_check: NumberCheckTable
    contact: ContactTable
    contact_tally: ContactTallyTable
    chat: ChatTable
    erased_contact: ErasedContactTable
  }
}
