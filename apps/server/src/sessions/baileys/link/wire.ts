import type { EventEmitter } from 'node:events'

import type { BinaryNode, WASocket } from '../baileys.ts'
import type { WebSocket } from 'ws'

type NodeListener = (node: BinaryNode) => void | Promise<void>

/** Stanzas of a long queue that are handed over in one turn of the event loop; baileys' own figure. */
const yieldAfter = 10

/**
 * One socket's wire: the events of baileys' WebSocket client, where every frame and stanza passes before and after
 * baileys' own handlers. Uses nothing but the emitter's public methods.
 */
export class Wire {
  readonly #events: EventEmitter
  readonly #client: { socket: WebSocket | null }

  constructor(sock: WASocket) {
    this.#events = sock.ws
    // `socket` is protected in the types and a plain field in the code (Socket/Client/websocket.js); ending a dead connection needs it.
    this.#client = sock.ws as unknown as { socket: WebSocket | null }
  }

  /** Calls `listener` before baileys' own. */
  before(event: string, listener: (node: BinaryNode) => void): void {
    this.#events.prependListener(event, listener)
  }

  /** Calls `listener` after baileys' own. */
  on(event: string, listener: (...args: never[]) => void): Disposable {
    // Which arguments an event has is baileys' contract (Socket/socket.js), not the emitter's.
    this.#events.on(event, listener as (...args: unknown[]) => void)
    return { [Symbol.dispose]: () => void this.#events.off(event, listener as (...args: unknown[]) => void) }
  }

  once(event: string, listener: () => void): void {
    this.#events.once(event, listener)
  }

  /** Lets `work` finish before baileys' own handlers see a stanza, or the one it answers; when it throws they never do. */
  gate(event: string, work: (node: BinaryNode) => Promise<BinaryNode | void> | undefined): void {
    // Only baileys has listened to its stanza events so far, with functions of one node.
    const handlers = this.#events.listeners(event) as NodeListener[]
    this.#events.removeAllListeners(event)
    this.#events.on(event, (node: BinaryNode) => {
      const before = work(node)
      if (before === undefined) for (const handle of handlers) void handle(node)
      else
        before.then(
          (instead) => {
            for (const handle of handlers) void handle(instead ?? node)
          },
          // The store told its fault already, and cut the connection: baileys must not answer for this stanza.
          () => {},
        )
    })
  }

  /**
   * Lets `work` finish before baileys' own handlers see a stanza, and hands the stanzas over one after another, in the order they came.
   * rc14 puts those that waited at WhatsApp (`offline`) into a queue of its own, which everything that comes live overtakes
   * (lib/Utils/offline-node-processor.js): the newest message of a chat would be stored before older ones, and a group's message before
   * the key it is encrypted with. Without that attribute it handles each at once, and says when it is done.
   */
  inTurn(
    event: string,
    work: (node: BinaryNode) => Promise<void> | undefined,
    onFailure: (error: unknown) => void,
  ): void {
    // Only baileys has listened to its stanza events so far, with functions of one node.
    const handlers = this.#events.listeners(event) as NodeListener[]
    this.#events.removeAllListeners(event)
    let tail: Promise<void> = Promise.resolve()
    let handed = 0
    const hand = async (node: BinaryNode): Promise<void> => {
      // What was not handed over when the connection ended was not acknowledged either, and comes again.
      if (this.isClosed) return
      try {
        await work(node)
      } catch {
        return // The store told its fault already, and cut the connection: baileys must not answer for this stanza.
      }
      handed += 1
      // Many that are known already cost no write, and so no turn of the event loop.
      if (handed % yieldAfter === 0) await new Promise((resolve) => setImmediate(resolve))
      const { offline: _, ...attrs } = node.attrs
      for (const handle of handlers) await handle({ ...node, attrs })
    }
    this.#events.on(event, (node: BinaryNode) => {
      tail = tail.then(() => hand(node)).catch(onFailure)
    })
  }

  /**
   * Hands frames to baileys one after another. It inflates compressed ones asynchronously, so that the next plain frame
   * overtakes them (100 of 100 pairs measured); and a frame it cannot read would be an unhandled rejection, which ends
   * the process.
   */
  inOrder(onBadFrame: (error: unknown) => void): void {
    const [decode] = this.#events.listeners('message') as ((bytes: Buffer) => Promise<void>)[]
    if (decode === undefined) throw new Error('baileys does not listen to messages: another version?')
    this.#events.removeAllListeners('message')
    let tail: Promise<void> = Promise.resolve()
    this.#events.on('message', (bytes: Buffer) => {
      tail = tail.then(() => decode(bytes)).catch(onBadFrame)
    })
  }

  /** Sees every outgoing frame before it is written; `hold` answers a promise to wait for, or undefined. */
  beforeWriting(hold: () => Promise<void> | undefined): void {
    const socket = this.#client.socket
    if (socket === null) return
    const write = socket.send.bind(socket) as (...args: unknown[]) => void
    let tail: Promise<void> | undefined
    // The overloads of ws' send; baileys calls it with bytes and a callback.
    socket.send = ((...args: unknown[]) => {
      const wait = hold()
      if (wait === undefined && tail === undefined) return write(...args)
      // Behind whatever waits already: frames are numbered.
      const next = Promise.all([tail, wait]).then(() => write(...args))
      tail = next.catch(() => {})
      return undefined
    }) as typeof socket.send
  }

  get isClosed(): boolean {
    return this.#client.socket === null || this.#client.socket.readyState === 3
  }

  /** Cuts the connection without a word: nothing more is written, whatever baileys still wants to say. */
  terminate(): void {
    this.#client.socket?.terminate()
  }
}
