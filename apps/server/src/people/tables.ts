/** What of somebody is shown to us. */
export type Shown = 'unknown' | 'shown' | 'none' | 'hidden'

/** What WhatsApp told of somebody, or of a group. Migration 0014. */
export interface PersonTable {
  session_id: number
  jid: string
  picture: Shown
  picture_id: string | null
  picture_media: string | null
  picture_read_at: number
  about: Shown
  about_text: string | null
  about_set_at: number | null
  about_read_at: number
  business: string | null
  business_read_at: number
  last_seen_at: number | null
  watched_until: number | null
}

export interface BlockListTable {
  session_id: number
  read_at: number
}

export interface BlockedPersonTable {
  session_id: number
  jid: string
}

declare module '../platform/database/index.ts' {
  interface Tables {
    person: PersonTable
    block_list: BlockListTable
    blocked_person: BlockedPersonTable
  }
}
