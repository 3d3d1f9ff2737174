import type { NewsletterRole } from '@inbox-hub/contract'

/** Migration 0019 says what each column means. */
export interface NewsletterListTable {
  session_id: number
  read_at: number
}

export interface NewsletterTable {
  session_id: number
  jid: string
  name: string
  description: string | null
  invite: string | null
  picture: string | null
  created_at: number | null
  subscribers: number
  verified: number
  state: string
  role: NewsletterRole
  muted: number
  search: string
  read_at: number
}

export interface NewsletterMessageTable {
  id: number
  session_id: number
  jid: string
  whatsapp_id: string
  server_id: number | null
  message_id: number | null
  type: string
  body: string
  content: string | null
  sent_at: number
  views: number
  reactions: string
  own_reaction: string | null
  deleted_at: number | null
}

declare module '../platform/database/index.ts' {
  interface Tables {
    newsletter_list: NewsletterListTable
    newsletter: NewsletterTable
    newsletter_message: NewsletterMessageTable
  }
}
