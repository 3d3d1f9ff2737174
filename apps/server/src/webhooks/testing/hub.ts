import { createSecretKey } from 'node:crypto'
import type { LookupAddress } from 'node:dns'

import { HubError } from '@inbox-hub/contract'
import { Registry } from 'prom-client'

import { type ApiClient, createApiClient } from '../../client/index.ts'

import { createEvents, type Events, type NewEvent } from '../../events/index.ts'
import { type Clock, systemClock } from '../../platform/clock.ts'
import type { Database } from '../../platform/database/index.ts'
import { createGuardedFetch, parseAllowed } from '../../platform/guarded-fetch/index.ts'
import { createHttp, parseRateLimits, usualRateLimits } from '../../platform/http/index.ts'
import { silentLog } from '../../platform/log.ts'
import { sealerOf } from '../../platform/secrets/sealer.ts'
import { createManualClock, type ManualClock } from '../../platform/testing/manual-clock.ts'
import type { SessionView } from '../../sessions/index.ts'
import { createWebhooks, type WaitingQr, webhookRoutes, type Webhooks, type WebhooksDeps } from '../index.ts'
import type { WebhookDeliveryTable } from '../tables.ts'

/** Secret of every receiver in these tests. */
export const secret = 'a secret of the tests'
/** What calls are signed with when a receiver has no secret. */
export const installationKey = createSecretKey(Buffer.alloc(32, 9))
const sealer = sealerOf(Buffer.alloc(32, 7))

/** Events and webhooks on a real store, calling real receivers, with sessions that are only views. */
export interface WebhookHub<Time extends Clock = ManualClock> extends AsyncDisposable {
  readonly clock: Time
  readonly events: Events
  readonly webhooks: Webhooks
  /** Sessions by number; tests change them as a route would. */
  readonly sessions: Map<number, SessionView>
  readonly qrs: Map<number, WaitingQr>
  append(...events: NewEvent[]): Promise<void>
  /** Every delivery's row, in the order of events. */
  rows(): Promise<readonly WebhookDeliveryTable[]>
  /** The routes over real HTTP, called with the key of owner 1 or another. */
  serve(): Promise<ServedHub>
}

export interface ServedHub extends AsyncDisposable {
  readonly url: string
  api(owner?: number): ApiClient
}

export interface WebhookHubOptions<Time extends Clock = ManualClock> {
  /** A manual one unless a test measures. */
  clock?: Time
  /** What limits each call; real time unless a test is about that. */
  patience?: Clock
  sessions?: Iterable<SessionView>
  frappe?: WebhooksDeps['frappe']
  /** What DNS answers; nothing is asked of the real one. */
  names?: Readonly<Record<string, readonly string[]>>
  random?: () => number
}

export async function startWebhookHub<Time extends Clock = ManualClock>(
  database: Database,
  options: WebhookHubOptions<Time> = {},
): Promise<WebhookHub<Time>> {
  // Without one the type is the default.
  const clock = options.clock ?? (createManualClock(Date.now()) as Clock as Time)
  const stack = new AsyncDisposableStack()
  const allowed = parseAllowed('127.0.0.0/8')
  if ('unreadable' in allowed) throw new Error('The loopback network cannot be read.')
  const outbound = stack.use(
    createGuardedFetch({
      allowed,
      clock: options.patience ?? systemClock,
      resolve(hostname, _, callback) {
        const addresses = options.names?.[hostname]
        if (addresses === undefined) callback(Object.assign(new Error('unknown'), { code: 'ENOTFOUND' }), [])
        else
          callback(
            null,
            addresses.map((address): LookupAddress => ({ address, family: 4 })),
          )
      },
    }),
  )
  const events = stack.use(createEvents({ database, log: silentLog, clock }))
  const sessions = new Map([...(options.sessions ?? [])].map((view) => [view.id, view]))
  const qrs = new Map<number, WaitingQr>()
  const webhooks = stack.use(
    await createWebhooks({
      database,
      events,
      sessions: {
        view: (id) => sessions.get(id),
        list: (ownerId) => [...sessions.values()].filter((session) => session.ownerId === ownerId),
      },
      frappe: options.frappe,
      secrets: { derive: () => installationKey, sealer: () => sealer },
      outbound,
      waitingQr: (id) => qrs.get(id),
      clock,
      log: silentLog,
      metrics: new Registry(),
      ...(options.random === undefined ? {} : { random: options.random }),
    }),
  )
  const list = (ownerId: number) => [...sessions.values()].filter((session) => session.ownerId === ownerId)
  function find(ownerId: number, ref: string): SessionView {
    const found = list(ownerId).find(({ id, sessionId }) => sessionId === ref || String(id) === ref)
    if (found === undefined) throw new HubError('SESSION_NOT_FOUND')
    return found
  }

  async function serve(): Promise<ServedHub> {
    const http = createHttp({
      log: silentLog,
      clock: systemClock,
      metrics: new Registry(),
      authenticate: (key) => (/^owner-\d$/.test(key) ? { ownerId: Number(key.slice(6)) } : undefined),
      rateLimits: parseRateLimits('off') ?? usualRateLimits,
    })
    webhookRoutes(http, {
      webhooks,
      sessions: { list, find, view: (id) => sessions.get(id) },
      outbound,
      frappe: options.frappe,
      version: '1.2.3',
      clock,
    })
    const { url } = await http.listen({ host: '127.0.0.1', port: 0 })
    return {
      url,
      api: (owner = 1) => createApiClient({ url, key: `owner-${owner}` }),
      [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
    }
  }

  return {
    serve,
    clock,
    events,
    webhooks,
    sessions,
    qrs,
    append: (...list) => database.write(async (tx) => void (await events.append(tx, list))),
    rows: () =>
      database.read
        .selectFrom('webhook_delivery')
        .selectAll()
        .orderBy('event_seq')
        .orderBy('endpoint')
        .execute(),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

/** A session whose webhook is at `url`. */
export function sessionOf(
  id: number,
  url: string | undefined,
  more: Partial<SessionView['webhook']> = {},
): SessionView {
  return {
    id,
    ownerId: 1,
    sessionId: `session-${id}`,
    name: `Session ${id}`,
    mePn: undefined,
    meLid: undefined,
    phoneNumber: '12025550100',
    webhook: { url, secret, events: [], preset: 'legacy', ...more },
    sendToFrappe: false,
  }
}

let made = 0

/** Somebody wrote `text` to session `sessionId`. */
export function messageReceived(sessionId: number, text: string, id = `received-${(made += 1)}`): NewEvent {
  return {
    sessionId,
    type: 'message.received',
    id,
    at: Date.now(),
    data: {
      messageId: id,
      dbId: 1,
      chatId: '12025550123@s.whatsapp.net',
      timestamp: Date.now(),
      isGroup: false,
      from: '12025550123@s.whatsapp.net',
      fromLid: null,
      participant: null,
      to: '12025550100@s.whatsapp.net',
      fromMe: false,
      pushName: 'Ana',
      type: 'text',
      text,
      mentions: [],
      quotedMessageId: null,
      kind: 'text',
      media: null,
      details: {},
      viewOnce: false,
      isForwarded: false,
      forwardingScore: 0,
      expiresIn: null,
      albumId: null,
      ad: null,
      unsupported: null,
    },
  }
}

/** A message of ours came so far. */
export function messageProgress(
  sessionId: number,
  status: 'sent' | 'delivered' | 'read',
  messageId = '3EB0AA',
): NewEvent {
  return {
    sessionId,
    type: `message.${status}`,
    id: `${messageId}-${status}`,
    at: Date.now(),
    data: { messageId, dbId: 2, chatId: '12025550123@s.whatsapp.net', status, timestamp: Date.now() },
  }
}
