declare module '../platform/database/index.ts' {
  interface Tables {
    event: EventTable
  }
}

/** Columns in migrations/0003-event-webhook.sql. */
export interface EventTable {
  seq: number
  id: string
  session_id: number
  session_seq: number
  type: string
  /** JSON. */
  data: string
  at: number
}
