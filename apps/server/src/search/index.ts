import { Gauge, type Registry } from 'prom-client'

import type { Chats } from '../chats/index.ts'
import type { Own } from '../messages/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { Database } from '../platform/database/index.ts'
import type { Log } from '../platform/log.ts'
import { createIndexer } from './indexer.ts'
import { messageIndexOf } from './message-index.ts'
import { createMessageSearch, type MessageQuery, type MessagesFound } from './message-search.ts'

export { searchRoutes } from './routes.ts'

/** Finds messages by their words. The index follows the messages in batches; a search waits a moment for what is missing. */
export interface Search extends AsyncDisposable {
  /**
   * One page of messages, and how many are not indexed yet, of all sessions: they were waited for, but not longer than half a second. A
   * missing or damaged index is made anew from the messages.
   */
  messages(query: MessageQuery): Promise<MessagesFound & { pending: number }>
  /** Indexes what is missing; resolves when all is indexed or `maxMs` have passed. */
  catchUp(maxMs: number): Promise<void>
  /** Leaves nothing of messages that were removed in the index: reads on to the end, then makes it anew in small steps. */
  purge(): Promise<void>
  /** Follows the messages from here on. */
  start(): void
}

export interface SearchDeps {
  database: Database
  chats: Pick<Chats, 'addresses'>
  /** The addresses of a session's own account. */
  own: (sessionId: number) => Own
  clock: Clock
  log: Log
  metrics: Registry
}

const waitForIndexMs = 500

export function createSearch({ database, chats, own, clock, log, metrics }: SearchDeps): Search {
  const index = messageIndexOf(database)
  const indexer = createIndexer({ database, index, clock, log })
  const found = createMessageSearch({ database, chats, index, indexer, own })
  const name = 'inbox_hub_search_lag'
  metrics.registerMetric(
    new Gauge({
      name,
      help: 'Messages that the search does not know yet as they are; of those that were changed 10000 at most are counted',
      registers: [],
      async collect() {
        // Without an answer of the store the figure stays what it was: the other metrics must be told.
        const lag = await indexer.lag().catch(() => undefined)
        if (lag !== undefined) this.set(lag)
      },
    }),
  )
  return {
    async messages(query) {
      await indexer.catchUp(waitForIndexMs)
      const page = await found.find(query)
      return { ...page, pending: await indexer.lag() }
    },
    catchUp: (maxMs) => indexer.catchUp(maxMs),
    purge: () => indexer.purge(),
    start: () => indexer.start(),
    async [Symbol.asyncDispose]() {
      await indexer[Symbol.asyncDispose]()
      metrics.removeSingleMetric(name)
    },
  }
}
