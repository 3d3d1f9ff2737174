import type { BinaryNode } from '../baileys.ts'
import type { Clock } from '../clock.ts'
import { isGroup } from '../jid.ts'
import { child, children, childrenOf, node, serverNode } from '../stanza.ts'
import type { Truth } from '../truth.ts'
import type { LinkedDevice } from './account.ts'
import type { Connection, ConnectionHandler } from './connection.ts'
import type { Newsletters } from './newsletters.ts'
import type { Queries, QueryError } from './queries/query.ts'
import type { Router, Sender } from './router.ts'

export interface ClientServices {
  router: Router
  newsletters: Newsletters
  queries: Queries
  clock: Clock
  truth: Truth
  /** The client went active and has its queue. */
  opened(device: LinkedDevice): void
  /** The client asked to be unlinked. */
  unlinked(device: LinkedDevice): void
}

/** One login of a linked client: takes what it sends, until its connection ends. */
export class ClientSession implements ConnectionHandler {
  readonly #services: ClientServices
  readonly #device: LinkedDevice
  readonly #connection: Connection
  readonly #sender: Sender
  #active = false

  constructor(services: ClientServices, device: LinkedDevice, connection: Connection) {
    this.#services = services
    this.#device = device
    this.#connection = connection
    this.#sender = { account: device.account, device: device.device, pushName: device.pushName }
  }

  stanza(stanza: BinaryNode): void {
    switch (stanza.tag) {
      case 'iq':
        return this.#query(stanza)
      case 'message':
        return this.#message(stanza)
      case 'receipt':
        return this.#receipt(stanza)
      case 'ack':
        return this.#ack(stanza)
      case 'presence':
        return this.#presence(stanza)
      case 'chatstate':
        return this.#services.router.chatState(this.#sender, stanza)
      case 'call':
        this.#services.router.call(this.#sender, stanza)
        return this.#connection.send(this.#ackFor(stanza, { type: children(stanza)[0]?.tag ?? '' }))
      case 'ib':
        return // Telemetry, and the request for the offline queue that is on its way anyhow.
      default:
        this.#services.truth.unknownQuery(stanza.tag)
    }
  }

  ended(): void {
    this.#device.deliveries.detach(this.#connection)
    if (this.#device.connection === this.#connection) this.#device.connection = undefined
  }

  #query(iq: BinaryNode): void {
    const { id = '', type = '', xmlns = '' } = iq.attrs
    if (type === 'result' || type === 'error') return
    const kind = `${xmlns} ${type} ${children(iq)[0]?.tag ?? ''}`
    const fault = this.#device.account.faults.queries.take(({ query }) => kind.startsWith(query))?.answer
    if (fault === 'never') return
    if (fault !== undefined && 'code' in fault) return this.#answer(iq, fault)
    const act = (): void => {
      if (kind === 'md set remove-companion-device') {
        this.#connection.send(serverNode('iq', [], { id, type: 'result' }))
        this.#services.unlinked(this.#device)
        return
      }
      const handler = this.#services.queries[kind]
      if (handler === undefined) {
        this.#services.truth.unknownQuery(kind)
        this.#answer(iq, type === 'set' ? [] : { code: 501, text: 'feature-not-implemented' })
        return
      }
      this.#answer(iq, handler(iq, this.#device))
      if (kind === 'passive set active') this.#activate()
    }
    if (fault === undefined) act()
    else this.#services.clock.after(fault.delayMs, act)
  }

  #answer(iq: BinaryNode, answer: readonly BinaryNode[] | QueryError): void {
    const { id = '', to = '' } = iq.attrs
    if ('code' in answer) {
      const error = node('error', { code: String(answer.code), text: answer.text })
      this.#connection.send({ tag: 'iq', attrs: { id, from: to, type: 'error' }, content: [error] })
    } else {
      this.#connection.send({ tag: 'iq', attrs: { id, from: to, type: 'result' }, content: [...answer] })
    }
  }

  /** From now on the client takes messages: those that waited, then new ones. */
  #activate(): void {
    if (this.#active) return
    this.#active = true
    this.#device.deliveries.flush(this.#connection, () => {
      this.#connection.reach('open', () => this.#services.opened(this.#device))
    })
  }

  #message(stanza: BinaryNode): void {
    const { router, truth, clock } = this.#services
    const { id = '', to = '', type = '', category } = stanza.attrs
    const { account } = this.#device
    const fault = account.faults.messages.take((rule) => rule.to === undefined || rule.to === to)
    const refused = fault?.kind === 'nack' ? String(fault.error) : undefined
    if (fault?.kind === 'lost') return
    const by = this.#device.pn
    if (category !== 'peer') {
      const attempt = child(stanza, 'enc')?.attrs['count'] === undefined ? this.#device.countAttempt(id) : 0
      truth.sent.add({ id, by, to, type, at: clock.now(), attempt, refused })
    }
    const acknowledge = (extra: BinaryNode['attrs']): void => {
      this.#connection.send(this.#ackFor(stanza, { t: router.time, ...extra }))
    }
    if (refused !== undefined) return acknowledge({ error: refused })
    // Not sealed, and so not routed: the newsletter itself takes it.
    if (to.endsWith('@newsletter'))
      return acknowledge(this.#services.newsletters.take(this.#device.account, stanza))
    // The ack before the receipts that a simulated recipient sends at once.
    if (fault?.kind === 'slow') clock.after(fault.delayMs, () => acknowledge({}))
    else if (fault?.kind !== 'unacknowledged') {
      acknowledge({})
      // A thousand members in this process take their time to read: WhatsApp's ack waits for nobody.
      if (isGroup(to)) this.#connection.flush()
    }
    router.message(this.#sender, stanza)
  }

  #receipt(stanza: BinaryNode): void {
    const { router, truth, clock } = this.#services
    const { id = '', to = '', participant, type } = stanza.attrs
    const by = this.#device.pn
    const at = clock.now()
    const others = childrenOf(child(stanza, 'list'), 'item').map((item) => item.attrs['id'] ?? '')
    const ids = [id, ...others]
    truth.receipts.add({ ids, by, to, participant, type: type ?? 'delivery', at })
    this.#connection.send(this.#ackFor(stanza, type === undefined ? {} : { type }))
    if (type === 'retry') {
      const count = Number(child(stanza, 'retry')?.attrs['count'] ?? 1)
      truth.retryReceipts.add({ id, by, to, count, withKeys: child(stanza, 'keys') !== undefined, at })
    } else if (settling.has(type ?? 'delivery')) {
      // A copy of an own message is acknowledged to the device it came from, and names its chat apart.
      for (const each of ids) this.#device.deliveries.settle('message', each, to, 'receipt')
    }
    router.receipt(this.#sender, stanza)
  }

  #ack(stanza: BinaryNode): void {
    const { truth, clock } = this.#services
    const { id = '', class: kind = '', to, error } = stanza.attrs
    if (error !== undefined) {
      truth.nacks.add({ id, by: this.#device.pn, class: kind, error, at: clock.now() })
    }
    this.#device.deliveries.settle(kind, id, to, error === undefined ? 'ack' : 'nack')
  }

  #presence(stanza: BinaryNode): void {
    const { name } = stanza.attrs
    if (name !== undefined) {
      this.#device.pushName = name
      this.#sender.pushName = name
    }
    this.#services.router.presence(this.#sender, stanza)
  }

  #ackFor(stanza: BinaryNode, extra: BinaryNode['attrs']): BinaryNode {
    const { id = '', to = '', participant } = stanza.attrs
    const attrs = {
      class: stanza.tag,
      id,
      from: to,
      ...(participant !== undefined && { participant }),
      ...extra,
    }
    return node('ack', attrs)
  }
}

/** Receipts by which a device takes over a message. The others tell something about one it has already. */
const settling: ReadonlySet<string> = new Set(['delivery', 'inactive', 'sender', 'peer_msg', 'hist_sync'])
