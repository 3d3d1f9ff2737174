// The yardstick of the dispatcher: the same bodies posted over the same number of connections by undici alone, unsigned, from memory.
import { messageReceived } from 'inbox-hub/internal/webhooks/testing/hub'
import { Agent, type Dispatcher } from 'undici'

import { answerParent, parentIsDone } from '../support/child.ts'

/** As the hub: so many connections to one origin, so many requests handed to them at once. */
const connections = 32
const underWay = 512

const agent = new Agent({ connections, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 })

answerParent({
  /** Posts `count` bodies to these paths in turn; resolves when all are answered. */
  post: async ({ base, names, count }: { base: string; names: readonly string[]; count: number }) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    let sent = 0
    let answered = 0
    function next(): void {
      if (sent === count) return
      const n = sent++
      const { type, data } = messageReceived(1, `#${n} ${Date.now()}`, String(n))
      const body = Buffer.from(JSON.stringify({ type, timestamp: new Date().toISOString(), data }))
      const handler: Dispatcher.DispatchHandler = {
        onRequestStart() {},
        onResponseStart() {},
        onResponseData() {},
        onResponseEnd() {
          answered += 1
          if (answered === count) resolve()
          else next()
        },
        onResponseError: (_controller, error) => reject(error),
      }
      const path = names[n % names.length] ?? '/'
      const headers = { 'content-type': 'application/json', 'webhook-id': String(n) }
      agent.dispatch({ origin: base, path, method: 'POST', headers, body }, handler)
    }
    for (let n = 0; n < Math.min(underWay, count); n += 1) next()
    await promise
  },
})

await parentIsDone()
await agent.destroy()
