import { timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

import { legacySignature, signingKey, standardSignature } from './signing.ts'

/** One call that a receiver took. */
export interface ReceivedCall {
  path: string
  headers: IncomingHttpHeaders
  body: Buffer
  /** The body as JSON; undefined when it is none. */
  json: unknown
  /** Whether the signature is over these very bytes, with this receiver's secret. */
  verified: boolean
  /** The event's name, in either preset. */
  type: string
  /** Unix ms. */
  at: number
}

/** A small webhook receiver on loopback: the demo's CRM, and the one that tests ask. */
export interface Receiver extends AsyncDisposable {
  readonly url: string
  readonly secret: string
  readonly calls: readonly ReceivedCall[]
  onCall(listener: (call: ReceivedCall) => void): Disposable
}

export interface ReceiverOptions {
  secret: string
  /** Answers a call; otherwise it is answered as Frappe does when all is well. */
  answer?: (call: ReceivedCall, response: ServerResponse, request: IncomingMessage) => void
  port?: number
}

export async function startReceiver({
  secret,
  answer = accept,
  port = 0,
}: ReceiverOptions): Promise<Receiver> {
  const calls: ReceivedCall[] = []
  const listeners = new Set<(call: ReceivedCall) => void>()
  const server = createServer((request, response) => {
    const parts: Buffer[] = []
    request.on('data', (part: Buffer) => parts.push(part))
    request.on('end', () => {
      const call = callOf(request, Buffer.concat(parts), secret)
      calls.push(call)
      answer(call, response, request)
      for (const listener of listeners) listener(call)
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const { port: bound } = server.address() as AddressInfo // it listens on TCP
  return {
    url: `http://127.0.0.1:${bound}/hook`,
    secret,
    calls,
    onCall(listener) {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** What Frappe answers when its handler took the event. */
export function accept(_call: ReceivedCall, response: ServerResponse): void {
  response.setHeader('content-type', 'application/json')
  response.end('{"message":{"success":true,"processed":{"processed":true}}}')
}

function callOf(request: IncomingMessage, body: Buffer, secret: string): ReceivedCall {
  const { headers, url = '/' } = request
  const json = parsed(body)
  return {
    path: url,
    headers,
    body,
    json,
    verified: isSigned(headers, body, secret),
    type: typeOf(headers, json),
    at: Date.now(),
  }
}

/** The legacy preset names the event in a header, the standard one in the body. */
function typeOf(headers: IncomingHttpHeaders, json: unknown): string {
  const named = headers['x-webhook-event'] ?? (isObject(json) ? json['type'] : undefined)
  return typeof named === 'string' ? named : ''
}

function isSigned(headers: IncomingHttpHeaders, body: Buffer, secret: string): boolean {
  const key = signingKey(secret)
  const id = headers['webhook-id']
  if (typeof id === 'string') {
    const expected = standardSignature(key, id, Number(headers['webhook-timestamp']), body)
    return isEqual(headers['webhook-signature'], expected)
  }
  return isEqual(headers['x-webhook-signature'], legacySignature(key, body))
}

function isEqual(given: unknown, expected: string): boolean {
  return (
    typeof given === 'string' &&
    given.length === expected.length &&
    timingSafeEqual(Buffer.from(given), Buffer.from(expected))
  )
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch {
    return undefined
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
