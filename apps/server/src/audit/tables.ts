declare module '../platform/database/index.ts' {
  interface Tables {
    audit_log: AuditRow
    audit_head: AuditHeadRow
  }
}

/** Columns in migrations/0022-audit.sql. */
export interface AuditRow {
  seq: number
  at: number
  owner_id: number
  user_id: number | null
  key_id: string | null
  session_id: number | null
  session: string | null
  action: string
  status: number
  code: string | null
  ip: string
  request_id: string
  previous_hash: string
  hash: string
}

export interface AuditHeadRow {
  id: number
  seq: number
  hash: string
  mac: string
}
