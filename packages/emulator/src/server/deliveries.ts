import type { BinaryNode } from '../baileys.ts'
import type { Clock } from '../clock.ts'
import { node, serverNode } from '../stanza.ts'
import type { Delivery, Truth } from '../truth.ts'
import type { Connection } from './connection.ts'

/** A stanza a device has not acknowledged yet. */
interface Owed {
  stanza: BinaryNode
  /** What tests can see of it; messages only. */
  record: Delivery | undefined
}

/** How many stanzas of an offline queue go out before other connections get their turn. */
const flushBatch = 200
/** A flush waits while this much is unsent, so that a slow reader does not fill our memory. */
const maxBacklogBytes = 4_000_000
const backlogPauseMs = 20

/**
 * What the server owes one linked device: messages, receipts, notifications. Each is kept until the device
 * acknowledges it, and sent again after the next login if it did not. First in, first out.
 */
export class Deliveries {
  readonly #device: string
  readonly #clock: Clock
  readonly #truth: Truth
  readonly #owed = new Set<Owed>()
  /** By class and id. Ids are chosen by senders, and a message sent again keeps its id: several may wait under one. */
  readonly #byId = new Map<string, Owed[]>()
  /** Set while the device takes stanzas as they come. */
  #live: Connection | undefined

  constructor(device: string, clock: Clock, truth: Truth) {
    this.#device = device
    this.#clock = clock
    this.#truth = truth
  }

  get size(): number {
    return this.#owed.size
  }

  /**
   * Takes a stanza over, and sends it if the device listens.
   *
   * @param first - what to send the first time, where it is not simply the stanza: another frame's plaintext, or nothing
   */
  push(stanza: BinaryNode, first?: Uint8Array | 'not now'): void {
    const owed: Owed = { stanza, record: undefined }
    const { id = '', from = '', participant } = stanza.attrs
    if (stanza.tag === 'message') {
      owed.record = this.#truth.owes({
        id,
        from,
        participant,
        to: this.#device,
        queuedAt: this.#clock.now(),
        attempts: 0,
        offline: this.#live === undefined,
        settled: undefined,
        settledAt: undefined,
      })
    }
    this.#owed.add(owed)
    const key = `${stanza.tag} ${id}`
    const same = this.#byId.get(key)
    if (same === undefined) this.#byId.set(key, [owed])
    else same.push(owed)
    if (this.#live === undefined || first === 'not now') return
    if (first === undefined) {
      this.#send(this.#live, owed, stanza)
      return
    }
    if (owed.record !== undefined) owed.record.attempts += 1
    this.#live.sendPlaintext(first)
  }

  /**
   * The device acknowledged a stanza: the oldest under this id, of this sender if one is.
   *
   * @param kind - the stanza's tag
   * @param from - its `from`, as the device repeats it
   */
  settle(kind: string, id: string, from: string | undefined, how: NonNullable<Delivery['settled']>): boolean {
    const key = `${kind} ${id}`
    const same = this.#byId.get(key)
    if (same === undefined) return false
    const index = Math.max(
      same.findIndex(({ stanza }) => stanza.attrs['from'] === from),
      0,
    )
    const [owed] = same.splice(index, 1)
    if (same.length === 0) this.#byId.delete(key)
    if (owed === undefined) return false
    this.#owed.delete(owed)
    if (owed.record !== undefined) this.#truth.settle(owed.record, how, this.#clock.now())
    return true
  }

  /** The device is no more: nothing is owed to it. */
  drop(): void {
    for (const { record } of this.#owed) {
      if (record !== undefined) this.#truth.settle(record, 'unlinked', this.#clock.now())
    }
    this.#owed.clear()
    this.#byId.clear()
  }

  /**
   * The device logged in and is ready: sends what waited, marked as such, between a preview and the closing
   * count without which a client goes on buffering; then whatever comes. `done` is called once.
   */
  flush(connection: Connection, done: () => void): void {
    const waiting = [...this.#owed]
    const count = (tag: string): string => String(waiting.filter(({ stanza }) => stanza.tag === tag).length)
    connection.send(
      serverNode('ib', [
        node('offline_preview', {
          count: String(waiting.length),
          message: count('message'),
          receipt: count('receipt'),
          notification: count('notification'),
          appdata: '0',
        }),
      ]),
    )
    let next = 0
    const step = (): void => {
      if (connection.ended) return
      if (connection.backlog > maxBacklogBytes) {
        this.#clock.after(backlogPauseMs, step)
        return
      }
      for (const end = Math.min(next + flushBatch, waiting.length); next < end; next += 1) {
        const owed = waiting[next]
        // Settled meanwhile: by an acknowledgement that an earlier connection had still sent.
        if (owed === undefined || !this.#owed.has(owed)) continue
        const attrs = { ...owed.stanza.attrs, offline: String(next) }
        this.#send(connection, owed, { ...owed.stanza, attrs })
      }
      if (next < waiting.length) {
        setImmediate(step)
        return
      }
      connection.send(serverNode('ib', [node('offline', { count: String(waiting.length) })]))
      this.#live = connection
      this.#sendArrived(connection, new Set(waiting))
      done()
    }
    step()
  }

  /** The connection is gone; what it did not acknowledge stays. */
  detach(connection: Connection): void {
    if (this.#live === connection) this.#live = undefined
  }

  /** What came in during a flush. */
  #sendArrived(connection: Connection, flushed: ReadonlySet<Owed>): void {
    for (const owed of this.#owed) if (!flushed.has(owed)) this.#send(connection, owed, owed.stanza)
  }

  #send(connection: Connection, owed: Owed, stanza: BinaryNode): void {
    if (owed.record !== undefined) owed.record.attempts += 1
    connection.send(stanza)
  }
}
