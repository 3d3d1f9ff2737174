import { Readable } from 'node:stream'

import type { Clock } from '../../platform/clock.ts'
import type { Encoder, Listener } from './streams.ts'

/** Server-sent events as HTML defines them (html.spec.whatwg.org, 9.2). JSON has no line breaks of its own, so `data` is one line. */
const encode: Encoder<Buffer> = {
  protocol: 'sse',
  events: (tellings) =>
    Buffer.from(
      tellings.map(({ seq, type, json }) => `id: ${seq}\nevent: ${type}\ndata: ${json}\n\n`).join(''),
    ),
  notice: ({ type, ...notice }) => {
    const place = type === 'stream.open' ? `retry: 2000\nid: ${'next' in notice ? notice.next : 0}\n` : ''
    return Buffer.from(`${place}event: ${type}\ndata: ${JSON.stringify(notice)}\n\n`)
  },
  pulse: Buffer.from(': still here\n\n'),
}

/** How long a reader that was told to come back may take to read what waits for it, ms. */
const lastWordsMs = 30_000

/** A listener that writes server-sent events, and the body they are read from. */
export function serverSentEvents(clock: Clock): { listener: Listener<Buffer>; body: Readable } {
  let wanted = (): void => {}
  const body = new Readable({ highWaterMark: 64 * 1024, read: () => wanted() })
  const listener: Listener<Buffer> = {
    encode,
    send(packet) {
      if (!body.destroyed) body.push(packet)
      return body.readableLength
    },
    room: () =>
      new Promise((resolve) => {
        if (body.destroyed || body.readableLength < body.readableHighWaterMark) {
          resolve()
          return
        }
        wanted = resolve
        body.once('close', resolve)
      }),
    end(notice) {
      if (body.destroyed) return
      if (notice !== undefined) body.push(encode.notice(notice))
      body.push(null)
      const force = clock.after(lastWordsMs, () => body.destroy())
      body.once('close', () => force[Symbol.dispose]())
    },
  }
  return { listener, body }
}
