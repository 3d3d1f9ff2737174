import type { Action } from '../faults.ts'

/** A thing that goes wrong a number of times. */
interface Rule<Fault> {
  fault: Fault
  left: number
}

/** Rules of one kind, oldest first. Asking costs nothing while there are none. */
class Rules<Fault> {
  readonly #rules = new Set<Rule<Fault>>()

  add(fault: Fault, times: number): Disposable {
    const rule = { fault, left: times }
    this.#rules.add(rule)
    return { [Symbol.dispose]: () => void this.#rules.delete(rule) }
  }

  /** The first rule that applies, used up by one. */
  take(applies: (fault: Fault) => boolean = () => true): Fault | undefined {
    for (const rule of this.#rules) {
      if (!applies(rule.fault)) continue
      rule.left -= 1
      if (rule.left <= 0) this.#rules.delete(rule)
      return rule.fault
    }
    return undefined
  }
}

export interface QueryFault {
  /** `<xmlns> <type> <child>` or a beginning of it: `encrypt get count`, `usync`. */
  query: string
  /** What happens instead of the answer: none, an `<error>`, or the answer but later. */
  answer: 'never' | { code: number; text: string } | { delayMs: number }
}

export type MessageFault =
  /** Refused: `<ack error=…>`, and delivered to nobody. 463, 479, … */
  | { kind: 'nack'; error: number; to?: string }
  /** Lost on its way to the server: neither delivered nor acknowledged. */
  | { kind: 'lost'; to?: string }
  /** Delivered, but its ack is lost. */
  | { kind: 'unacknowledged'; to?: string }
  /** Acknowledged later. */
  | { kind: 'slow'; delayMs: number; to?: string }

export type DeliveryFault =
  /** A byte of the ciphertext is changed on its way to the client. */
  | { kind: 'corrupt' }
  /** Not sent on this connection, as if the frame had been lost; the client gets it after its next login. */
  | { kind: 'withheld' }
  /** Compressed, so that a client that inflates asynchronously handles what follows first. */
  | { kind: 'compressed' }

/** What goes wrong with one account's clients while they are connected. */
export class AccountFaults {
  readonly queries = new Rules<QueryFault>()
  /** Messages from its clients. */
  readonly messages = new Rules<MessageFault>()
  /** Messages to its clients. */
  readonly deliveries = new Rules<DeliveryFault>()
  /** Collections of app state whose last patch is handed out with another value in it. */
  readonly spoiltAppState = new Set<string>()
  /** Every login is answered with this until it is lifted. */
  loginRefusal: Extract<Action, { do: 'failure' }> | undefined
}
