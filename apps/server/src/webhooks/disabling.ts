import type { Events } from '../events/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { Database } from '../platform/database/index.ts'
import type { Log } from '../platform/log.ts'
import type { Called } from './attempts.ts'
import type { EndpointStore } from './endpoint-store.ts'
import type { Tally } from './tally.ts'
import type { EndpointNumber } from './tables.ts'

/** An endpoint that took nothing for so long is disabled, ms; if it was asked at least so often. */
export const disablesAfterMs = 5 * 86_400_000
const disablesAfterFailures = 20

export interface DisablingDeps {
  database: Database
  events: Pick<Events, 'append'>
  store: Pick<EndpointStore, 'get' | 'change'>
  clock: Clock
  log: Log
}

/** Switches off endpoints of organisations that want no more calls (410), or have failed for days, and tells so. */
export interface Disabling extends AsyncDisposable {
  /** Resolves with the endpoint that a failed call has switched off; undefined when it did not. */
  afterFailure(called: Called, tally: Tally): Promise<EndpointNumber | undefined> | undefined
}

export function createDisabling({ database, events, store, clock, log }: DisablingDeps): Disabling {
  const underWay = new Map<EndpointNumber, Promise<unknown>>()

  async function disable(
    { delivery }: Called,
    tally: Tally,
    because: 'gone' | 'failing',
  ): Promise<EndpointNumber | undefined> {
    const now = clock.now()
    const { endpoint: number, sessionId } = delivery
    const { failingSince, lastError } = tally
    try {
      const after = await store.change(number, ({ state }) =>
        state.at === 'active' ? { state: { at: 'disabled', because, since: now } } : undefined,
      )
      if (after === undefined) return undefined
      const { name, url } = after.settings
      const host = URL.parse(url)?.host ?? ''
      log.warn({ target: number, host, cause: because }, 'webhook disabled')
      const event = {
        sessionId,
        type: 'webhook.disabled' as const,
        id: `webhook-${number}-disabled-${now}`,
        at: now,
        data: {
          webhookId: String(number),
          name,
          host,
          reason: because,
          failingSince: failingSince ?? null,
          lastError: lastError ?? null,
          timestamp: now,
        },
      }
      await database.write(async (tx) => void (await events.append(tx, [event])))
      return number
    } catch (error) {
      // The next failure tries again.
      log.warn({ error, target: number }, 'a failing webhook could not be disabled')
      return undefined
    } finally {
      underWay.delete(number)
    }
  }

  return {
    afterFailure(called, tally) {
      const { endpoint } = called.delivery
      if (endpoint <= 0 || underWay.has(endpoint)) return undefined
      const isGone = called.reply.status === 410
      const { failingSince, failures } = tally
      const isFailing =
        failingSince !== undefined &&
        failures >= disablesAfterFailures &&
        clock.now() - failingSince >= disablesAfterMs
      if (!isGone && !isFailing) return undefined
      const work = disable(called, tally, isGone ? 'gone' : 'failing')
      underWay.set(endpoint, work)
      return work
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(underWay.values())
    },
  }
}
