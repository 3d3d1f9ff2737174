/** Migration 0013 says what each column of these means. */
export interface LabelTable {
  session_id: number
  id: string
  name: string
  color: number
  predefined_id: number | null
  updated_at: number
}

export interface LabelUseTable {
  session_id: number
  label_id: string
  chat_jid: string
  whatsapp_id: string
  used_at: number
}

export interface QuickReplyTable {
  session_id: number
  id: string
  shortcut: string
  text: string
  keywords: string
  updated_at: number
}

declare module '../platform/database/index.ts' {
  interface Tables {
    label: LabelTable
    label_use: LabelUseTable
    quick_reply: QuickReplyTable
  }
}
