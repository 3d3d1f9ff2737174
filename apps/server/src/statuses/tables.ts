/** Migration 0015 says what each column means. */
export interface StatusTable {
  message_id: number
  session_id: number
  whatsapp_id: string
  posted_at: number
  expires_at: number
  archived_at: number | null
  viewed_at: number | null
  deleted_at: number | null
  views: number
  audience: string | null
  search: string
}

export interface StatusViewTable {
  message_id: number
  viewer_jid: string
  viewed_at: number
}

declare module '../platform/database/index.ts' {
  interface Tables {
    status: StatusTable
    status_view: StatusViewTable
  }
}
