import type { Dispatcher } from 'undici'

import { failureOf } from './exchange.ts'
import type { OutboundAnswer } from './index.ts'
import { OutboundError } from './outbound-error.ts'
import type { Target } from './target.ts'

/** An answer whose bytes are read as they are asked for. Disposing ends it, wherever it is. */
interface StreamedAnswer extends AsyncDisposable {
  readonly status: number
  readonly headers: OutboundAnswer['headers']
  /** The bytes, once; more than `maxBytes` of them, a broken connection and the signal are `OutboundError`s. */
  bytes(maxBytes: number): AsyncIterable<Uint8Array>
}

/** One GET over `dispatcher`, which is the guarded one. `signal` aborts with an `OutboundError`. */
export async function getStream({
  target,
  dispatcher,
  signal,
  userAgent,
}: {
  target: Target
  dispatcher: Dispatcher
  signal: AbortSignal
  userAgent: string | undefined
}): Promise<StreamedAnswer> {
  let answer: Dispatcher.ResponseData
  try {
    // Without encodings: what is stored is what the host has, and nothing grows on the way in.
    answer = await dispatcher.request({
      origin: target.origin,
      path: target.path,
      method: 'GET',
      headers: {
        'accept-encoding': 'identity',
        accept: '*/*',
        ...(userAgent !== undefined && { 'user-agent': userAgent }),
      },
      signal,
    })
  } catch (error) {
    throw outboundError(error, signal, false)
  }
  const { statusCode: status, headers, body } = answer
  // After the first byte the body is where errors come up, also when nobody reads it any more.
  body.on('error', () => {})
  return {
    status,
    headers,
    async *bytes(maxBytes) {
      if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes)
      let read = 0
      try {
        for await (const chunk of body as AsyncIterable<Buffer>) {
          read += chunk.length
          if (read > maxBytes) throw tooLarge(maxBytes)
          yield chunk
        }
      } catch (error) {
        throw outboundError(error, signal, true)
      }
    },
    async [Symbol.asyncDispose]() {
      body.destroy()
    },
  }
}

function tooLarge(maxBytes: number): OutboundError {
  return new OutboundError('too_large', `the answer is larger than ${maxBytes} bytes`)
}

function outboundError(error: unknown, signal: AbortSignal, started: boolean): OutboundError {
  if (error instanceof OutboundError) return error
  const reason: unknown = signal.aborted ? signal.reason : undefined
  if (reason instanceof OutboundError) return reason
  // undici wraps what our connector said.
  const cause: unknown = error instanceof Error ? error.cause : undefined
  if (cause instanceof OutboundError) return cause
  return failureOf(error instanceof Error ? error : new Error(String(error)), started)
}
