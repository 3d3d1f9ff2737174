import type { Tx } from '../platform/database/index.ts'
import type { SessionView } from '../sessions/index.ts'
import type { DeliveryLog } from './delivery-log.ts'
import type { EndpointSettings, EndpointStore, StoredEndpoint } from './endpoint-store.ts'
import type { WebhookEndpoint } from './endpoint.ts'
import type { PingContent, Pong } from './ping.ts'
import type { Replay } from './replay.ts'
import type { EndpointNumber } from './tables.ts'
import type { Tally } from './tally.ts'

export { deliveriesOf, forgetDeliveries } from './delivery-log.ts'
export { webhookRoutes, type WebhookRoutesDeps } from './routes.ts'
export { createWebhooks, type WebhooksDeps } from './webhooks.ts'
export type { WaitingQr } from './presets/index.ts'

/** Deliveries of events to webhook receivers: rows written with the event, sent in order per session and receiver, retried until settled. */
export interface Webhooks extends AsyncDisposable {
  /** Deliveries still owed, for health and metrics. */
  backlog(): number
  /** The endpoints of organisations. A change holds at once, for what is owed too. */
  readonly endpoints: Omit<EndpointStore, 'reload'>
  /** The own webhook of a session, or the server's Frappe for it; undefined when it has neither. */
  ownOf(session: SessionView): WebhookEndpoint | undefined
  /** What became of an endpoint's deliveries so far. `sessionId` counts for a session's own webhook and for Frappe. */
  tallyOf(endpoint: EndpointNumber, sessionId: number): Readonly<Tally> | undefined
  readonly deliveries: DeliveryLog
  readonly replay: Replay
  /** Calls an endpoint once, past its queue. */
  ping(endpoint: WebhookEndpoint, content: PingContent, signal: AbortSignal): Promise<Pong>
  /** Deletes what is kept of a session that is gone for good. */
  forget(tx: Tx, sessionId: number): Promise<void>
}

export type { EndpointSettings, StoredEndpoint }
