import { AsyncLocalStorage } from 'node:async_hooks'

/** Which socket a piece of asynchronous work belongs to: everything that runs inside `makeWASocket` carries it. */
export interface SocketContext {
  readonly sessionId: number
  readonly generation: number
  /**
   * Present until the Noise handshake is over: the last public key a secret was agreed with, which in the handshake
   * is the server's static key when its certificate is verified (runtime/curve.ts).
   */
  handshake: { agreedWith: Uint8Array | undefined } | undefined
}

export const socketContext = new AsyncLocalStorage<SocketContext>()
