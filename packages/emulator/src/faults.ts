import type { BinaryNode } from './baileys.ts'
import type { CertificateFlaw } from './noise/certificates.ts'

/** How far a connection has come. A fault happens when its stage is reached, in place of what would follow. */
export type Stage =
  | 'tcp' // accepted, nothing read
  | 'upgrade' // the HTTP request to upgrade is read
  | 'noise' // the client hello is read
  | 'payload' // the handshake is done: the client wants to register or log in
  | 'qr' // registering: the refs were sent
  | 'login' // `<success>` was sent
  | 'open' // the client went active and has its offline queue

/** One thing that goes wrong on a connection. Plain values, so that they can be sent over a control API. */
export type Action =
  /** Goes on, but later. */
  | { do: 'delay'; ms: number }
  /** The TCP connection breaks (RST). */
  | { do: 'reset' }
  /** The WebSocket (or, before it, the TCP connection) is closed in good order, without a reason. */
  | { do: 'close' }
  /** `<xmlstreamend/>`, then the close. */
  | { do: 'end_stream' }
  /** The connection stays, but nothing is read or answered any more. */
  | { do: 'silence' }
  /** HTTP answer to the upgrade request. `keepOpen`: the connection stays after it, as a proxy's would. Only at `upgrade`. */
  | { do: 'http'; status: number; location?: string; keepOpen?: boolean }
  /** A certificate chain to refuse. Only at `noise`. */
  | { do: 'certificate'; flaw: CertificateFlaw }
  /** `<failure reason=… />`, then the close: 401, 402 with `{ code, expire }`, 403, 405, … A reason may be no number at all. */
  | { do: 'failure'; reason: number | string; attrs?: Record<string, string> }
  /** `<stream:error code=…>` with a child (`conflict`, say), then the close. */
  | { do: 'stream_error'; code?: number; child?: { tag: string; attrs?: Record<string, string> } }
  /** A frame that cannot be decrypted. */
  | { do: 'garbage' }
  /** A frame that can be decrypted but is no binary node: a usual one, or these bytes. */
  | { do: 'malformed'; plaintext?: Uint8Array }
  | { do: 'stanza'; stanza: BinaryNode }
  /** The server wants a new QR secret (since July 2026). */
  | { do: 'companion_reg_refresh' }
  /** The server wants a passkey before it lets a scan succeed. */
  | { do: 'passkey_prologue' }

/** @property afterMs - waits this long after the stage was reached, while the connection goes on as usual. */
export type Fault = { at: Stage; afterMs?: number } & Action

/** Which dials a fault is for. */
export interface FaultScope {
  /** How many dials; default 1. */
  times?: number
  /** Only logins of this number. Its faults before `payload` never happen, for until then a dial is nobody's. */
  number?: string
}

/** Ways to lose a connection by name. */
export const disconnects = {
  connection_lost: { do: 'reset' },
  closed: { do: 'close' },
  stream_ended: { do: 'end_stream' },
  silence: { do: 'silence' },
  replaced: { do: 'stream_error', child: { tag: 'conflict', attrs: { type: 'replaced' } } },
  device_removed: {
    do: 'stream_error',
    code: 401,
    child: { tag: 'conflict', attrs: { type: 'device_removed' } },
  },
  restart_required: { do: 'stream_error', code: 515 },
  unavailable: { do: 'stream_error', code: 503 },
  internal_error: { do: 'stream_error', code: 500 },
  /** The phone is too old for linked devices (411). */
  downgraded: {
    do: 'stanza',
    stanza: { tag: 'ib', attrs: {}, content: [{ tag: 'downgrade_webclient', attrs: {} }] },
  },
  garbage: { do: 'garbage' },
  malformed: { do: 'malformed' },
} as const satisfies Record<string, Action>

export type Disconnect = keyof typeof disconnects

interface Plan {
  faults: readonly Fault[]
  left: number
  number: string | undefined
}

/** The faults that lie ahead, first come, first served: a dial takes at most one plan of each scope. */
export class FaultPlans {
  readonly #plans = new Set<Plan>()

  add(faults: readonly Fault[], { times = 1, number }: FaultScope): Disposable {
    const plan: Plan = { faults, left: times, number }
    this.#plans.add(plan)
    return { [Symbol.dispose]: () => void this.#plans.delete(plan) }
  }

  /** The faults of a dial that begins (no number), or of a login now known to be of `number`. */
  take(number?: string): readonly Fault[] {
    for (const plan of this.#plans) {
      if (plan.number !== number) continue
      plan.left -= 1
      if (plan.left <= 0) this.#plans.delete(plan)
      return plan.faults
    }
    return []
  }
}
