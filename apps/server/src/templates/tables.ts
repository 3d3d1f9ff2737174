import type { TemplateStatus } from '@inbox-hub/contract'

/** Migration 0023 says what each column means. */
export interface TemplateTable {
  id: number
  owner_id: number
  name: string
  name_key: string
  category: string | null
  content: string
  variables: string
  attachments: string
  options: string
  status: TemplateStatus
  is_active: number
  rejection_reason: string | null
  decided_by: number | null
  decided_at: number | null
  search: string
  uses: number
  last_used_at: number | null
  created_by: number | null
  created_at: number
  updated_at: number
}

declare module '../platform/database/index.ts' {
  interface Tables {
    message_template: TemplateTable
  }
}
