/** One thing that goes wrong with a transfer at the media host. Plain values, so that they can be sent over a control API. */
export type MediaFault =
  /** Answered so instead; `location` for a redirect. */
  | { kind: 'status'; status: number; location?: string }
  /** A byte is changed: in the middle, or in the MAC at the end. */
  | { kind: 'corrupt'; where: 'middle' | 'mac' }
  /** The connection breaks after so many bytes; half of them unless said. */
  | { kind: 'cut'; afterBytes?: number }
  /** Ends in good order after so many bytes, as if that were all; half of them unless said. */
  | { kind: 'short'; afterBytes?: number }
  /** Goes on for ever, as fast as it is read. */
  | { kind: 'endless' }
  /** So many bytes at a time, so far apart. */
  | { kind: 'drip'; bytes: number; everyMs: number }
  /** Answered later. */
  | { kind: 'slow'; delayMs: number }
  /** Never answered. */
  | { kind: 'silence' }

/** Which transfers a fault is for. */
export interface MediaFaultScope {
  /** How many; default 1. */
  times?: number
  /** Only this file's. */
  directPath?: string
}

export type Transfer = 'upload' | 'download'

interface Plan {
  fault: MediaFault
  of: Transfer
  left: number
  directPath: string | undefined
}

/** What goes wrong next, first come, first served. */
export class MediaFaults {
  readonly #plans = new Set<Plan>()

  add(of: Transfer, fault: MediaFault, { times = 1, directPath }: MediaFaultScope): Disposable {
    const plan = { fault, of, left: times, directPath }
    this.#plans.add(plan)
    return { [Symbol.dispose]: () => void this.#plans.delete(plan) }
  }

  take(of: Transfer, directPath?: string): MediaFault | undefined {
    for (const plan of this.#plans) {
      if (plan.of !== of || (plan.directPath !== undefined && plan.directPath !== directPath)) continue
      plan.left -= 1
      if (plan.left <= 0) this.#plans.delete(plan)
      return plan.fault
    }
    return undefined
  }
}
