import type { BinaryNode } from '../baileys.ts'

import type { Jid } from '@inbox-hub/whatsapp'
import { tryParseJid, withoutDevice } from '@inbox-hub/whatsapp'

import type { AckParts } from './acknowledged.ts'
import type { Connection } from './connection.ts'
import type { Notices } from './notices.ts'
import type { Wire } from './wire.ts'

interface Ack {
  id: string
  chat: Jid
  error: number | undefined
  at: number
}

/** The server's acks of messages on one connection, told to whoever listens. */
export class Acks {
  readonly #connection: Connection
  readonly #notices: Notices
  readonly #listeners = new Set<(ack: Ack) => void>()

  constructor(connection: Connection, notices: Notices) {
    this.#connection = connection
    this.#notices = notices
  }

  attach(wire: Wire): void {
    wire.on('CB:ack,class:message', (node: BinaryNode) => this.#onAck(node))
  }

  onAck(listener: (ack: Ack) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  /** What it takes to wait for one of them. */
  get parts(): AckParts {
    const connection = this.#connection
    return {
      onAck: (listener) => this.onAck(listener),
      after: (ms) => connection.after(ms),
      closed: connection.socketClosed,
      connected: () => void connection.connected(),
    }
  }

  #onAck(node: BinaryNode): void {
    const { id, from, error, server_id } = node.attrs
    const jid = tryParseJid(from ?? '')
    const serverId = Number(server_id ?? Number.NaN)
    if (id === undefined || jid === undefined || error !== undefined || !Number.isSafeInteger(serverId))
      return this.#tell(node)
    // The number that a newsletter gave a message of ours, before anybody hears that it is posted.
    void this.#notices
      .keepNewsletter({ jid, news: { is: 'posted', id, serverId } })
      .catch(() => {}) // told as a fault by the store
      .finally(() => this.#tell(node))
  }

  #tell(node: BinaryNode): void {
    const { id, from, t, error } = node.attrs
    const chat = tryParseJid(from ?? '')
    if (id === undefined || chat === undefined) return
    const code = error === undefined ? undefined : Number(error)
    const seconds = Number(t)
    const at = Number.isSafeInteger(seconds) && seconds > 0 ? seconds * 1000 : this.#connection.clock.now()
    for (const listener of this.#listeners) listener({ id, chat: withoutDevice(chat), error: code, at })
  }
}
