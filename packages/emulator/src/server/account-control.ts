import type { Action, Disconnect } from '../faults.ts'
import type { Addresses, Companion } from '../line.ts'
import type { Account } from './account.ts'
import type { DeliveryFault, MessageFault, QueryFault } from './account-faults.ts'
import type { Server } from './server.ts'

/** A restriction of an account against starting new chats, as WhatsApp announces it. */
export interface ReachoutTimelock {
  /** Unix ms. */
  endsAt: number
  /** `DEFAULT`, `WEB_COMPANION_ONLY`, … */
  enforcement?: string
}

/** What the server does to one account, in a test's hand. What is set stays until it is used up or disposed. */
export class AccountControl implements Addresses {
  readonly number: string
  readonly pn: string
  readonly lid: string
  readonly #server: Server
  readonly #account: Account

  constructor(server: Server, account: Account) {
    this.#server = server
    this.#account = account
    this.number = account.number
    this.pn = account.pn
    this.lid = account.lid
  }

  /** Its linked clients. */
  get companions(): readonly Companion[] {
    return [...this.#account.linked.values()]
  }

  /** How many stanzas wait for acknowledgement by its clients: messages, receipts, notifications. */
  get owed(): number {
    return [...this.#account.linked.values()].reduce((sum, { deliveries }) => sum + deliveries.size, 0)
  }

  /** Ends the connections of its clients, by default as a broken network would. `device`: only that one's. */
  disconnect(how: Disconnect | Action = 'connection_lost', device?: number): void {
    this.#server.act(this.#account, how, device)
  }

  /** Unlinks clients (all, or one): `device_removed` now, 401 at every later login. */
  unlink(device?: number): void {
    for (const each of this.#account.linked.keys()) {
      if (device === undefined || each === device) this.#server.unlink(this.#account, each)
    }
  }

  /**
   * Answers every login with `<failure>` until disposed: 402 with `{ code: '101', expire: '3600' }` is a
   * temporary ban, 403 a lock, 405 an outdated client. Those who are connected stay; disconnect them to show it.
   */
  refuseLogins(reason: number | string, attrs: Record<string, string> = {}): Disposable {
    const refusal = { do: 'failure', reason, attrs } as const
    this.#account.faults.loginRefusal = refusal
    return {
      [Symbol.dispose]: () => {
        if (this.#account.faults.loginRefusal === refusal) this.#account.faults.loginRefusal = undefined
      },
    }
  }

  /** What happens to the next messages of its clients: refused, lost, not or late acknowledged. Default: to one. */
  onMessages(fault: MessageFault, times = 1): Disposable {
    return this.#account.faults.messages.add(fault, times)
  }

  /** What happens to the next messages for its clients: corrupted, withheld, or compressed and so overtaken. Default: to one. */
  onDeliveries(fault: DeliveryFault, times = 1): Disposable {
    return this.#account.faults.deliveries.add(fault, times)
  }

  /** What happens to the next queries of its clients: an error, an answer that comes late or never. Default: to one. */
  onQueries(fault: QueryFault, times = 1): Disposable {
    return this.#account.faults.queries.add(fault, times)
  }

  /** Hands out app state that was tampered with, until disposed: the last patch of a collection, or its snapshot, is not what its MACs say. */
  spoilsAppState(collection: string): Disposable {
    const { spoiltAppState } = this.#account.faults
    spoiltAppState.add(collection)
    return { [Symbol.dispose]: () => void spoiltAppState.delete(collection) }
  }

  /** Uses up the one-time keys of its clients. They are told, unless not. */
  exhaustPreKeys({ tell = true }: { tell?: boolean } = {}): void {
    for (const device of this.#account.linked.values()) {
      device.preKeys = []
      if (tell) this.#server.tellPreKeysLow(device)
    }
  }

  /** What its phone runs: `smba` and `smbi` are WhatsApp Business. Told to those that are linked from then on. Default `android`. */
  setPlatform(platform: Account['platform']): void {
    this.#account.platform = platform
  }

  /** Whether the number is on WhatsApp. Default: every number is. */
  setRegistered(registered: boolean): void {
    this.#account.registered = registered
  }

  /** Whom it lets add it to groups. Default: everybody. */
  setGroupAdds(allowed: 'all' | 'contacts'): void {
    this.#account.privacy.set('groupadd', allowed)
  }

  /** Restricts it against starting new chats, or lifts that: told to its clients at once, and to those who ask. */
  setReachoutTimelock(lock: ReachoutTimelock | undefined): void {
    this.#server.setReachoutTimelock(this.#account, lock)
  }
}
