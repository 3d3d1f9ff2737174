import { type DataOf, endpoints, HubError, isoOf, offsetOf, paginationOf } from '@inbox-hub/contract'

import type { Clock } from '../platform/clock.ts'
import type { GuardedFetch } from '../platform/guarded-fetch/index.ts'
import type { ApiRequest, Http } from '../platform/http/index.ts'
import type { Sessions, SessionView } from '../sessions/index.ts'
import { deliveryRoutes } from './delivery-routes.ts'
import type { Frappe } from './directory.ts'
import { makeSecret, type StoredEndpoint } from './endpoint-store.ts'
import type { Webhooks } from './index.ts'
import { settingsFrom } from './settings.ts'
import { isSignedAsLegacy, signingKey } from './signing.ts'
import { type Found, healthWire, statsWire, webhookWire } from './webhook-wire.ts'

export interface WebhookRoutesDeps {
  webhooks: Webhooks
  sessions: Pick<Sessions, 'find' | 'list' | 'view'>
  outbound: Pick<GuardedFetch, 'refusalNow'>
  frappe: Frappe | undefined
  version: string
  clock: Clock
}

/** Endpoints of one organisation. */
const mostEndpoints = 200
/** How long a replaced secret signs beside the new one, ms. */
const overlapMs = 24 * 3_600_000
/** The longest pause: what happens meanwhile is kept no longer than events are, ms. */
const longestPauseMs = 30 * 86_400_000
/** Signatures are checked over so much. */
const mostSigned = 256 * 1024

/** Webhook administration (contract §8). The organisation of a caller is the owner of its key. */
export function webhookRoutes(http: Pick<Http, 'serve'>, deps: WebhookRoutesDeps): void {
  const { webhooks, sessions, outbound, frappe, version, clock } = deps
  const sessionName = (id: number) => sessions.view(id)?.sessionId
  const wire = (found: Found) => webhookWire(found, clock.now(), sessionName)

  const foundOf = (stored: StoredEndpoint): Found => ({
    kind: 'organization',
    id: String(stored.number),
    stored,
    endpoint: stored.endpoint,
  })

  function ownOf(session: SessionView): Found | undefined {
    const endpoint = webhooks.ownOf(session)
    if (endpoint === undefined) return undefined
    const kind = endpoint.number === 0 ? 'frappe' : 'session'
    return { kind, id: `${kind}-${session.id}`, session, endpoint }
  }

  function find(ownerId: number, webhookId: string): Found {
    const [, kind, digits] = /^(?:(session|frappe)-)?(\d{1,10})$/.exec(webhookId) ?? []
    const number = Number(digits)
    if (kind !== undefined) {
      const session = sessions.list(ownerId).find(({ id }) => id === number)
      const own = session && ownOf(session)
      if (own?.kind === kind) return own
    } else {
      const stored = webhooks.endpoints.get(number)
      if (stored?.ownerId === ownerId) return foundOf(stored)
    }
    throw new HubError('WEBHOOK_NOT_FOUND')
  }

  function findStored(ownerId: number, { webhookId }: { webhookId: string }): StoredEndpoint {
    const found = find(ownerId, webhookId)
    if (found.kind !== 'organization') throw new HubError('WEBHOOK_OF_SESSION')
    return found.stored
  }

  /** Newest first, and after them what the sessions have of their own. */
  function allOf(ownerId: number): readonly Found[] {
    const own = sessions.list(ownerId).flatMap((session) => ownOf(session) ?? [])
    return [...webhooks.endpoints.ofOwner(ownerId).map(foundOf).reverse(), ...own]
  }

  const twice = (found: Found): DataOf<typeof endpoints.getWebhook> => {
    const shown = wire(found)
    return { ...shown, webhook: shown }
  }

  async function checkUrl(url: string | undefined): Promise<void> {
    const refused = url === undefined ? undefined : await outbound.refusalNow(url)
    if (refused !== undefined) throw new HubError('WEBHOOK_URL_REFUSED', { url: refused })
  }

  async function create(
    ownerId: number,
    body: ApiRequest<typeof endpoints.createWebhook>['body'],
  ): Promise<{ data: DataOf<typeof endpoints.createWebhook>; message: 'webhook_created' }> {
    if (webhooks.endpoints.ofOwner(ownerId).length >= mostEndpoints) throw new HubError('TOO_MANY_WEBHOOKS')
    const settings = settingsFrom(body, undefined, (ref) => sessions.find(ownerId, ref, 'name_first').id)
    await checkUrl(settings.url)
    const secret = body.secret ?? makeSecret()
    const stored = await webhooks.endpoints.create(ownerId, settings, secret)
    return {
      data: { ...twice(foundOf(stored)), secret: body.secret === undefined ? secret : null },
      message: 'webhook_created',
    }
  }

  async function change(
    stored: StoredEndpoint,
    changes: Parameters<Webhooks['endpoints']['change']>[1],
  ): Promise<StoredEndpoint> {
    const changed = await webhooks.endpoints.change(stored.number, changes)
    if (changed === undefined) throw new HubError('WEBHOOK_NOT_FOUND')
    return changed
  }

  const withSecret = (before: StoredEndpoint, secret: string): Partial<StoredEndpoint> =>
    secret === before.secret
      ? {}
      : { secret, oldSecret: { secret: before.secret, until: clock.now() + overlapMs } }

  http.serve(endpoints.webhookConnectivity, () => ({
    data: { server: 'Inbox Hub WhatsApp API', version },
    message: 'connectivity_ok',
  }))

  http.serve(endpoints.testSignature, async ({ bytes, headers }) => {
    const given = headers['x-webhook-signature'] ?? headers['x-signature']
    const parts: Buffer[] = []
    let size = 0
    for await (const part of bytes) {
      size += part.length
      if (size > mostSigned) throw new HubError('PAYLOAD_TOO_LARGE', { maxBytes: mostSigned })
      parts.push(part)
    }
    const secret = frappe?.secret
    const isGood =
      given !== undefined &&
      secret !== undefined &&
      isSignedAsLegacy(given, signingKey(secret), Buffer.concat(parts))
    return {
      data: {
        signatureProvided: given !== undefined,
        signatureValid: isGood,
        algorithm: 'sha256' as const,
      },
    }
  })

  http.serve(endpoints.listWebhooks, ({ ownerId, query }) => {
    const { page, limit, isActive, isPaused } = query
    const all = allOf(ownerId)
      .map(wire)
      .filter((each) => isActive === undefined || each.isActive === isActive)
      .filter((each) => isPaused === undefined || each.isPaused === isPaused)
    const from = offsetOf(query)
    return {
      data: {
        webhooks: all.slice(from, from + limit),
        pagination: paginationOf(all.length, page, limit),
        total: all.length,
      },
    }
  })

  http.serve(endpoints.createWebhook, ({ ownerId, body }) => {
    return create(ownerId, body)
  })
  http.serve(endpoints.createOwnWebhook, ({ ownerId, body }) => create(ownerId, body))

  const tallyOf = (found: Found) =>
    webhooks.tallyOf(found.endpoint.number, found.kind === 'organization' ? 0 : found.session.id)

  http.serve(endpoints.webhookStats, ({ ownerId }) => {
    return { data: statsWire(allOf(ownerId).flatMap((found) => tallyOf(found) ?? [])) }
  })

  http.serve(endpoints.webhookHealth, async ({ ownerId }) => {
    const counts = await webhooks.deliveries.owed(sessions.list(ownerId).map(({ id }) => id))
    const owedTo = (found: Found) =>
      counts
        .filter(({ endpoint }) => endpoint === found.endpoint.number)
        .filter((row) => found.kind === 'organization' || row.session_id === found.session.id)
        .reduce((sum, { count }) => sum + count, 0)
    return {
      data: {
        webhooks: allOf(ownerId).map((found) =>
          healthWire(found, wire(found), tallyOf(found), owedTo(found)),
        ),
      },
    }
  })

  http.serve(endpoints.getWebhook, ({ ownerId, params }) => ({
    data: twice(find(ownerId, params.webhookId)),
  }))

  http.serve(endpoints.updateWebhook, async ({ ownerId, params, body }) => {
    const stored = findStored(ownerId, params)
    const number = (ref: string) => sessions.find(ownerId, ref, 'name_first').id
    settingsFrom(body, stored.settings, number) // refuses unknown sessions before anything is changed
    await checkUrl(body.url)
    const changed = await change(stored, (before) => ({
      settings: settingsFrom(body, before.settings, number),
      ...(body.secret === undefined ? {} : withSecret(before, body.secret)),
    }))
    return { data: twice(foundOf(changed)), message: 'webhook_saved' }
  })

  http.serve(endpoints.deleteWebhook, async ({ ownerId, params }) => {
    const { number } = findStored(ownerId, params)
    await webhooks.endpoints.remove(number)
    return { data: { id: String(number), deleted: true as const }, message: 'webhook_deleted' }
  })

  http.serve(endpoints.toggleWebhook, async ({ ownerId, params, body }) => {
    const changed = await change(findStored(ownerId, params), ({ state }) => {
      const wanted = body.isActive ?? state.at !== 'active'
      if (wanted === (state.at === 'active')) return {}
      return {
        state: wanted
          ? { at: 'active', pausedUntil: undefined }
          : { at: 'disabled', because: 'asked', since: clock.now() },
      }
    })
    return { data: twice(foundOf(changed)), message: 'webhook_saved' }
  })

  http.serve(endpoints.pauseWebhook, async ({ ownerId, params, body }) => {
    const latest = clock.now() + longestPauseMs
    const pausedUntil = body.isPaused === false ? undefined : Math.min(body.pauseUntil ?? latest, latest)
    const changed = await change(findStored(ownerId, params), ({ state }) => {
      if (state.at === 'disabled') throw new HubError('WEBHOOK_DISABLED')
      return { state: { at: 'active', pausedUntil } }
    })
    return { data: twice(foundOf(changed)), message: 'webhook_saved' }
  })

  http.serve(endpoints.rotateWebhookSecret, async ({ ownerId, params, body }) => {
    const secret = body.secret ?? makeSecret()
    const changed = await change(findStored(ownerId, params), (before) => withSecret(before, secret))
    return {
      data: { ...twice(foundOf(changed)), secret: body.secret === undefined ? secret : null },
      message: 'webhook_saved',
    }
  })

  http.serve(endpoints.testWebhook, async ({ ownerId, params, body: { testPayload }, signal }) => {
    const found = find(ownerId, params.webhookId)
    const named = testPayload?.sessionId
    const session =
      named === undefined
        ? found.kind === 'organization'
          ? undefined
          : found.session
        : sessions.list(ownerId).find(({ id, sessionId }) => sessionId === named || String(id) === named)
    const at = isoOf(clock.now())
    return {
      data: await webhooks.ping(
        found.endpoint,
        {
          event: testPayload?.event ?? 'webhook.test',
          sessionName: session?.sessionId ?? named ?? 'test',
          sessionNumber: session?.id ?? 0,
          data: testPayload?.data ?? { message: 'This is a test of Inbox Hub.', timestamp: at },
        },
        signal,
      ),
    }
  })

  deliveryRoutes(http, { webhooks, sessions, find, clock })
}
