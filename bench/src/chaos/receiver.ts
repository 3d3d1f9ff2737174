import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** One event that a CRM was told, the first time it came. */
export interface Told {
  session: string
  messageId: string
  chatId: string
  text: string
}

/** The CRM: takes webhooks in the contract's shape and keeps what a CRM would keep, by message id. */
export interface Receiver extends AsyncDisposable {
  readonly url: string
  /** `message.received` by session and message id, in the order of their first arrival. */
  readonly messages: ReadonlyMap<string, Told>
  /** Calls, repeats included, by event type. */
  readonly calls: ReadonlyMap<string, number>
  /** Resolves at the `count`-th call from now, before it is answered; false when there were not so many in `maxMs`. */
  nextCall(count: number, maxMs: number): Promise<boolean>
}

export const keyOf = (session: string, messageId: string): string => `${session} ${messageId}`

export async function startReceiver(): Promise<Receiver> {
  const messages = new Map<string, Told>()
  const calls = new Map<string, number>()
  const waiting = new Set<{ left: number; resolve: () => void }>()

  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = bodyIn(Buffer.concat(chunks).toString())
      const type = String(request.headers['x-webhook-event'])
      calls.set(type, (calls.get(type) ?? 0) + 1)
      for (const one of waiting) {
        one.left -= 1
        if (one.left > 0) continue
        waiting.delete(one)
        one.resolve()
      }
      const message = body?.data?.message
      if (type === 'message.received' && body !== undefined && message !== undefined) {
        const key = keyOf(body.sessionId, message.messageId)
        if (!messages.has(key))
          messages.set(key, { session: body.sessionId, text: message.content, ...message })
      }
      // After those who waited for the call, who may want to kill the hub before it has its answer.
      setImmediate(() => response.end('{"message":{"success":true}}'))
    })
  })
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // it listens on TCP

  return {
    url: `http://127.0.0.1:${port}/webhook`,
    messages,
    calls,
    nextCall: (count, maxMs) =>
      new Promise((resolve) => {
        const one = {
          left: count,
          resolve: () => {
            clearTimeout(timer)
            resolve(true)
          },
        }
        const timer = setTimeout(() => {
          waiting.delete(one)
          resolve(false)
        }, maxMs)
        waiting.add(one)
      }),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** What the suite reads of a webhook's body. Its shape is the contract's; what is missing shows as a message that never came. */
interface WebhookBody {
  sessionId: string
  data?: { message?: { messageId: string; chatId: string; content: string } }
}

function bodyIn(text: string): WebhookBody | undefined {
  const body: unknown = JSON.parse(text)
  return typeof body === 'object' && body !== null ? (body as WebhookBody) : undefined
}
