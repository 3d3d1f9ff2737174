import type { IncomingMessage } from 'node:http'
import { pipeline, type Readable, Transform } from 'node:stream'

import type { FastifyInstance } from 'fastify'

import { bytesPassed } from '../give-back-memory.ts'

/** Has the routes of this scope read their bodies themselves. */
export function takeNoBody(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null))
}

/** Has the routes of this scope read forms with files themselves, and nothing else. */
export function takeNoForm(scope: FastifyInstance): void {
  scope.addContentTypeParser(/^multipart\/form-data\b/i, (_request, _payload, done) => done(null))
}

/**
 * The bytes of a request as they arrive, once. Whoever stops early, or throws, leaves the connection as it is, so that the client can
 * still be answered. A client that sends nothing for `silenceMs` loses its connection.
 */
export async function* bytesOf(request: IncomingMessage, silenceMs: number): AsyncGenerator<Buffer, void> {
  request.setTimeout(silenceMs, () => request.destroy(new Error('the upload stood still')))
  try {
    const chunks: AsyncIterable<Buffer> = request.iterator({ destroyOnReturn: false })
    yield* chunks
  } finally {
    // What follows, the store's work included, may take longer than a client may be silent.
    request.setTimeout(0)
  }
}

/** The same bytes, on their way out. Ends and fails as `bytes` does, and ends it. */
export function givenOut(bytes: Readable): Readable {
  const passing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytesPassed(chunk.length)
      done(null, chunk)
    },
  })
  // What goes wrong is told by `passing`.
  pipeline(bytes, passing, () => {})
  return passing
}

/** How much a client may send after its answer was decided, bytes: enough for one that looks at the answer at all. */
const patienceBytes = 32 * 1024 * 1024

/** Reads away what is left of a body, up to a limit; then the connection ends. */
export function discard(request: IncomingMessage): void {
  if (request.readableEnded || request.destroyed) return
  let left = patienceBytes
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length
    if (left < 0) request.destroy()
  })
  request.on('error', () => {})
  request.resume()
}
