import type { Tx } from '../platform/database/index.ts'

export { createWebhooks, type WebhooksDeps } from './webhooks.ts'
export type { WaitingQr } from './presets/index.ts'

/** Deliveries of events to webhook receivers: rows written with the event, sent in order per session and receiver, retried until settled. */
export interface Webhooks extends AsyncDisposable {
  /** Deliveries still owed, for health and metrics. */
  backlog(): number
  /** Deletes what is kept of a session that is gone for good. */
  forget(tx: Tx, sessionId: number): Promise<void>
}
