declare module '../platform/database/index.ts' {
  interface Tables {
    webhook_delivery: WebhookDeliveryTable
  }
}

/** Columns in migrations/0003-event-webhook.sql. */
export interface WebhookDeliveryTable {
  id: string
  event_seq: number
  session_id: number
  target: Target
  lane: LaneName
  preset: PresetName
  event_type: string
  body: string
  attempts: number
  created_at: number
  due_at: number
  last_status: number | null
  last_error: string | null
  settled_at: number | null
  outcome: 'delivered' | 'given_up' | null
}

/** Where a delivery's URL and secret are read at each attempt: the session's own webhook, or the server's Frappe. */
export type Target = 'session' | 'frappe'

/**
 * What keeps its order, per session and target. Statuses of our own messages travel apart from the rest, because `message.sent` is held
 * back a second and a CRM that does not know a message yet makes them wait: neither may hold up a customer's message.
 */
export type LaneName = 'main' | 'statuses' | 'acks'

export type PresetName = 'legacy' | 'standard'
