import { isoOf, type WebhookDeliveryWire, type WebhookWire } from '@inbox-hub/contract'

import type { SessionView } from '../sessions/index.ts'
import type { LoggedDelivery } from './delivery-log.ts'
import { disablesAfterMs } from './disabling.ts'
import type { StoredEndpoint } from './endpoint-store.ts'
import type { WebhookEndpoint } from './endpoint.ts'
import { hiddenHeaders, shownUrl } from './shown.ts'
import type { Tally } from './tally.ts'

/** An endpoint as its routes know it: one of an organisation, or what a session has of its own. */
export type Found =
  | {
      readonly kind: 'organization'
      readonly id: string
      readonly stored: StoredEndpoint
      readonly endpoint: WebhookEndpoint
    }
  | {
      readonly kind: 'session' | 'frappe'
      readonly id: string
      readonly session: SessionView
      readonly endpoint: WebhookEndpoint
    }

const isoOrNull = (at: number | undefined | null): string | null =>
  at === undefined || at === null ? null : isoOf(at)

/** An endpoint as answers show it. `sessionName` is undefined of a session that is gone. */
export function webhookWire(
  found: Found,
  now: number,
  sessionName: (id: number) => string | undefined,
): WebhookWire {
  const { kind, id, endpoint } = found
  const { preset, ordered, timeoutMs, check, events } = endpoint
  const shared = {
    id,
    kind,
    url: shownUrl(endpoint),
    events: [...events],
    headers: hiddenHeaders(endpoint.headers),
    preset,
    ordered,
    timeout: timeoutMs,
    responseCheck: check,
  }
  if (found.kind !== 'organization') {
    const { ownerId, sessionId } = found.session
    return {
      ...shared,
      organizationId: ownerId,
      name: kind === 'frappe' ? 'Frappe' : sessionId,
      sessions: [sessionId],
      chats: null,
      retryConfig: null,
      isActive: true,
      isPaused: false,
      pausedUntil: null,
      disabledReason: null,
      disabledAt: null,
      oldSecretUntil: null,
      createdAt: null,
      updatedAt: null,
    }
  }
  const { ownerId, settings, state, oldSecret, createdAt, updatedAt } = found.stored
  const pausedUntil =
    state.at === 'active' && state.pausedUntil !== undefined && state.pausedUntil > now
      ? state.pausedUntil
      : undefined
  return {
    ...shared,
    organizationId: ownerId,
    name: settings.name,
    sessions:
      settings.sessions === undefined ? null : settings.sessions.flatMap((each) => sessionName(each) ?? []),
    chats: settings.chats === undefined ? null : [...settings.chats],
    retryConfig:
      settings.retry === undefined
        ? null
        : { attempts: settings.retry.attempts, delay: settings.retry.delayMs },
    isActive: state.at === 'active',
    isPaused: pausedUntil !== undefined,
    pausedUntil: isoOrNull(pausedUntil),
    disabledReason: state.at === 'disabled' ? state.because : null,
    disabledAt: state.at === 'disabled' ? isoOf(state.since) : null,
    oldSecretUntil: oldSecret !== undefined && oldSecret.until > now ? isoOf(oldSecret.until) : null,
    createdAt: isoOf(createdAt),
    updatedAt: isoOf(updatedAt),
  }
}

/** How an endpoint is doing. */
export function healthWire(
  found: Found,
  wire: WebhookWire,
  tally: Readonly<Tally> | undefined,
  owed: number,
) {
  const { failingSince, attempts = 0, delivered = 0, givenUp = 0 } = tally ?? {}
  const status = !wire.isActive
    ? ('disabled' as const)
    : wire.isPaused
      ? ('paused' as const)
      : failingSince !== undefined
        ? ('failing' as const)
        : attempts === 0
          ? ('idle' as const)
          : ('ok' as const)
  return {
    id: wire.id,
    name: wire.name,
    status,
    attempts,
    delivered,
    errors: givenUp,
    retries: Math.max(0, attempts - delivered - givenUp),
    latency: averageMs(tally),
    owed,
    lastAttemptAt: isoOrNull(tally?.lastAt),
    lastStatus: tally?.lastStatus ?? null,
    lastError: tally?.lastError ?? null,
    lastErrorAt: isoOrNull(tally?.lastErrorAt),
    failingSince: isoOrNull(failingSince),
    disablesAt:
      found.kind === 'organization' && status === 'failing' && failingSince !== undefined
        ? isoOf(failingSince + disablesAfterMs)
        : null,
    disabledReason: wire.disabledReason,
  }
}

/** What all endpoints together delivered. */
export function statsWire(tallies: readonly Readonly<Tally>[]) {
  const sum = (of: (tally: Readonly<Tally>) => number) =>
    tallies.reduce((total, tally) => total + of(tally), 0)
  const attempts = sum((tally) => tally.attempts)
  const successful = sum((tally) => tally.delivered)
  const failed = sum((tally) => tally.givenUp)
  const last = Math.max(0, ...tallies.map(({ lastAt }) => lastAt))
  return {
    totalDeliveries: successful + failed,
    successfulDeliveries: successful,
    failedDeliveries: failed,
    attempts,
    averageResponseTime: attempts === 0 ? null : Math.round(sum((tally) => tally.tookMs) / attempts),
    lastDelivery: last === 0 ? null : isoOf(last),
  }
}

function averageMs(tally: Readonly<Tally> | undefined): number | null {
  return tally === undefined || tally.attempts === 0 ? null : Math.round(tally.tookMs / tally.attempts)
}

const statuses = { delivered: 'delivered', given_up: 'failed' } as const

/** A delivery as lists show it. */
export function deliveryWire(
  row: LoggedDelivery,
  webhookId: string,
  sessionName: string,
): WebhookDeliveryWire {
  return {
    id: `${row.event_seq}-${row.lane}`,
    webhookId,
    messageId: row.id,
    event: row.event_type,
    sessionId: sessionName,
    seq: row.event_seq,
    status: row.outcome === null ? 'waiting' : statuses[row.outcome],
    attempts: row.attempts,
    lastStatus: row.last_status,
    lastError: row.last_error,
    createdAt: isoOf(row.created_at),
    nextAttemptAt: row.outcome === null ? isoOf(row.due_at) : null,
    settledAt: isoOrNull(row.settled_at),
  }
}
