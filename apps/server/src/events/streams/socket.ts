import type { WebSocket } from 'ws'

import type { Clock } from '../../platform/clock.ts'
import type { Encoder, Listener } from './streams.ts'

const ping = Symbol('ping')
type Packet = readonly string[] | typeof ping

const encode: Encoder<Packet> = {
  protocol: 'websocket',
  events: (tellings) => tellings.map(({ json }) => json),
  notice: (notice) => [JSON.stringify(notice)],
  pulse: ping,
}

/** RFC 6455 and its registry: "try again later", here because the reader was too slow. */
const tryAgainLater = 1013
const goingAway = 1001
/** How often a reader that makes us wait is looked at, ms. */
const lookEveryMs = 50
const roomBytes = 64 * 1024
/** How long the other side has for its part of closing, ms. */
const closeWithinMs = 10_000

/** A listener that writes to a WebSocket, one message per event. A peer that answers no ping until the next one is gone. */
export function overSocket(socket: WebSocket, clock: Clock): Listener<Packet> {
  let answers = true
  socket.on('pong', () => {
    answers = true
  })
  return {
    encode,
    send(packet) {
      if (socket.readyState !== socket.OPEN) return 0
      if (packet === ping) {
        if (!answers) socket.terminate()
        else socket.ping()
        answers = false
        return 0
      }
      for (const text of packet) socket.send(text)
      return socket.bufferedAmount
    },
    room: () =>
      new Promise((resolve) => {
        const look = (): void => {
          if (socket.readyState !== socket.OPEN || socket.bufferedAmount < roomBytes) resolve()
          else clock.after(lookEveryMs, look)
        }
        look()
      }),
    end(notice) {
      if (notice !== undefined && socket.readyState === socket.OPEN) socket.send(JSON.stringify(notice))
      socket.close(notice === undefined ? goingAway : tryAgainLater, notice?.type)
      const force = clock.after(closeWithinMs, () => socket.terminate())
      socket.once('close', () => force[Symbol.dispose]())
    },
  }
}
