// The hub's event log and its webhooks on SQLite, without WhatsApp: what happens is made here, each in the store before anybody is told.
import { createSecretKey, randomUUID } from 'node:crypto'

import { createEvents, type NewEvent } from 'inbox-hub/internal/events/index'
import { systemClock as clock } from 'inbox-hub/internal/platform/clock'
import { openDatabase } from 'inbox-hub/internal/platform/database/index'
import { createGuardedFetch, parseAllowed } from 'inbox-hub/internal/platform/guarded-fetch/index'
import { silentLog as log } from 'inbox-hub/internal/platform/log'
import { sealerOf } from 'inbox-hub/internal/platform/secrets/sealer'
import { createWebhooks } from 'inbox-hub/internal/webhooks/index'
import { messageReceived, sessionOf } from 'inbox-hub/internal/webhooks/testing/hub'
import { Registry } from 'prom-client'

import { answerParent, parentIsDone } from '../support/child.ts'
import { preciseNow } from '../support/precise-now.ts'

const [dataDir = '', sessionCount = '1'] = process.argv.slice(2)
const sessions = Array.from({ length: Number(sessionCount) }, (_, index) => sessionOf(index + 1, undefined))

await using opened = new AsyncDisposableStack()
const database = opened.use(await openDatabase({ url: undefined, dataDir, log, clock }))
const events = opened.use(createEvents({ database, log, clock }))
const allowed = parseAllowed('127.0.0.0/8')
if ('unreadable' in allowed) throw new Error('the loopback network cannot be read')
const outbound = opened.use(createGuardedFetch({ allowed, clock }))
const webhooks = opened.use(
  await createWebhooks({
    database,
    events,
    sessions: { view: (id) => sessions[id - 1], list: () => sessions },
    frappe: undefined,
    secrets: {
      derive: () => createSecretKey(Buffer.alloc(32, 9)),
      sealer: () => sealerOf(Buffer.alloc(32, 7)),
    },
    outbound,
    waitingQr: () => undefined,
    clock,
    log,
    metrics: new Registry(),
  }),
)

/** Messages come in groups, as from the commits that store them. */
const together = 32

async function append(from: number, count: number): Promise<void> {
  const group: NewEvent[] = Array.from({ length: count }, (_, n) => {
    const event = messageReceived(
      1 + ((from + n) % sessions.length),
      `#${from + n} ${preciseNow()}`,
      randomUUID(),
    )
    return event
  })
  await database.write(async (tx) => void (await events.append(tx, group)))
}

answerParent({
  /** One endpoint for each session of those urls, in their order. */
  endpoints: async ({ urls, preset }: { urls: readonly string[]; preset: 'legacy' | 'standard' }) => {
    const numbers = []
    for (const [index, url] of urls.entries()) {
      const { number } = await webhooks.endpoints.create(
        1,
        {
          name: `endpoint ${index}`,
          url,
          events: ['message.received'],
          sessions: [index + 1],
          chats: undefined,
          headers: {},
          preset,
          ordered: preset === 'legacy',
          timeoutMs: 15_000,
          check: 'status',
          retry: undefined,
        },
        'a secret of the bench',
      )
      numbers.push(number)
    }
    return numbers
  },
  /** `perSecond` undefined: as fast as the store takes them. */
  happen: async ({ count, perSecond }: { count: number; perSecond?: number }) => {
    const start = performance.now()
    let made = 0
    while (made < count) {
      const due =
        perSecond === undefined
          ? made + together
          : Math.floor(((performance.now() - start) * perSecond) / 1000)
      const next = Math.min(together, count - made, due - made)
      if (next > 0) await append(made, next)
      made += Math.max(0, next)
      if (perSecond !== undefined && next < together) await new Promise((resolve) => setTimeout(resolve, 5))
    }
  },
  pause: async ({ numbers, paused }: { numbers: readonly number[]; paused: boolean }) => {
    const pausedUntil = paused ? Date.now() + 3_600_000 : undefined
    for (const number of numbers)
      await webhooks.endpoints.change(number, () => ({ state: { at: 'active', pausedUntil } }))
  },
  move: async ({ number, url }: { number: number; url: string }) => {
    await webhooks.endpoints.change(number, ({ settings }) => ({ settings: { ...settings, url } }))
  },
  replay: async ({ number, session }: { number: number; session: number }) => {
    const { endpoint } = webhooks.endpoints.get(number) ?? {}
    if (endpoint === undefined) throw new Error(`no endpoint ${number}`)
    const range = { from: Date.now() - 86_400_000, to: undefined, after: undefined }
    return await webhooks.replay.range({ endpoint, sessionId: undefined }, range, [session])
  },
  backlog: () => webhooks.backlog(),
})

await parentIsDone()
