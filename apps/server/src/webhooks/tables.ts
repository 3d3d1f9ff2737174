declare module '../platform/database/index.ts' {
  interface Tables {
    webhook_endpoint: WebhookEndpointTable
    webhook_delivery: WebhookDeliveryTable
    webhook_attempt: WebhookAttemptTable
    webhook_tally: WebhookTallyTable
  }
}

/** Columns of these tables in migrations/0017-webhook-endpoint.sql. */
export interface WebhookDeliveryTable {
  event_seq: number
  endpoint: EndpointNumber
  lane: LaneName
  session_id: number
  id: string
  preset: PresetName
  event_type: string
  body: string
  attempts: number
  loose: 0 | 1
  created_at: number
  due_at: number
  last_status: number | null
  last_error: string | null
  settled_at: number | null
  outcome: 'delivered' | 'given_up' | null
}

export interface WebhookAttemptTable {
  event_seq: number
  endpoint: EndpointNumber
  lane: LaneName
  at: number
  took_ms: number
  status: number | null
  error: string | null
  answer_type: string | null
  answer: string | null
}

export interface WebhookEndpointTable {
  id: EndpointNumber
  owner_id: number
  name: string
  url: string
  settings: string
  headers: Uint8Array
  secret: Uint8Array
  old_secret: Uint8Array | null
  old_secret_until: number | null
  active: 0 | 1
  disabled_because: 'asked' | 'gone' | 'failing' | null
  disabled_at: number | null
  paused_until: number | null
  created_at: number
  updated_at: number
}

export interface WebhookTallyTable {
  endpoint: EndpointNumber
  session_id: number
  attempts: number
  delivered: number
  given_up: number
  took_ms: number
  last_at: number
  last_status: number | null
  last_error: string | null
  last_error_at: number | null
  failing_since: number | null
  failures: number
}

/** Which endpoint a delivery is for: `webhook_endpoint.id`; 0 is the server's Frappe; −n is the own webhook of session n. */
export type EndpointNumber = number

/**
 * What keeps its order, per session and endpoint. Statuses of our own messages travel apart from the rest, because `message.sent` is held
 * back a second and a CRM that does not know a message yet makes them wait: neither may hold up a customer's message.
 */
export type LaneName = 'main' | 'statuses' | 'acks'

export type PresetName = 'legacy' | 'standard' | 'cloudevents'
