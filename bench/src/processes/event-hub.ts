// The hub's event log and its streams over HTTP, without sessions: what happens is made here, at a rate, each in the store before it is told.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createEvents } from 'inbox-hub/internal/events/index'
import { eventRoutes } from 'inbox-hub/internal/events/routes'
import { createStreams, createTickets } from 'inbox-hub/internal/events/streams/index'
import { systemClock as clock } from 'inbox-hub/internal/platform/clock'
import { openDatabase } from 'inbox-hub/internal/platform/database/index'
import { createHttp } from 'inbox-hub/internal/platform/http/index'
import { silentLog as log } from 'inbox-hub/internal/platform/log'
import { Registry } from 'prom-client'

import { answerParent, parentIsDone } from '../support/child.ts'

const dataDir = await mkdtemp(join(tmpdir(), 'inbox-hub-bench-'))
await using opened = new AsyncDisposableStack()
opened.defer(() => rm(dataDir, { recursive: true, force: true }))
const database = opened.use(await openDatabase({ url: undefined, dataDir, log, clock }))
const events = opened.use(createEvents({ database, log, clock }))
const session = { id: 1, sessionId: 'bench' }
const streams = createStreams({
  events,
  sessionsOf: () => [session.id],
  sessionOf: () => ({ ownerId: 1, sessionId: session.sessionId }),
  clock,
  log,
})
const http = opened.use(
  createHttp({ log, clock, metrics: new Registry(), authenticate: () => ({ ownerId: 1 }) }),
)
eventRoutes(http, {
  events,
  streams,
  tickets: createTickets(clock),
  clock,
  closing: new AbortController().signal,
  readable: () => [session],
})
const { url } = await http.listen({ host: '127.0.0.1', port: 0 })
opened.defer(() => streams[Symbol.asyncDispose]())

/** Events come in groups, as messages do from the commits that store them. */
const everyMs = 10

answerParent({
  address: () => ({ url }),
  /** Answers the `seq` of the last one, once all are told. */
  happen: async ({ perSecond, seconds }: { perSecond: number; seconds: number }) => {
    const start = performance.now()
    let made = 0
    while (made < perSecond * seconds) {
      const due = Math.min(perSecond * seconds, Math.floor(((performance.now() - start) * perSecond) / 1000))
      const group = Array.from({ length: due - made }, (_, n) => ({
        sessionId: session.id,
        type: 'message.delivered' as const,
        at: Date.now(),
        id: `bench ${start} ${made + n}`,
        data: {
          messageId: `3EB0${made + n}`,
          dbId: made + n,
          chatId: '12025550123@s.whatsapp.net',
          timestamp: Date.now(),
          status: 'delivered',
        },
      }))
      made = due
      if (group.length > 0) await database.write((tx) => events.append(tx, group))
      await new Promise((resolve) => setTimeout(resolve, everyMs))
    }
    return await events.latest()
  },
})

await parentIsDone()
