import type { Jid } from '@inbox-hub/whatsapp'

import type { OutboundContent } from '../../sessions/baileys/index.ts'
import type { OutboundState } from './outbound-state.ts'

/** One message on its way out. */
export interface Outgoing {
  readonly messageId: number
  /** Its place in its chat's line: its number, unless it came due long after it got that. */
  readonly place: number
  readonly sessionId: number
  readonly whatsappId: string
  /** Canonical. */
  chat: Jid
  state: OutboundState
  /** Whether the store knows that it may be on the wire. */
  marked: boolean
  /** Whether a receipt moved its status already, and told so. */
  proven?: boolean
  /** How often somebody asked for it again. */
  readonly retries: number
  /** What to send; read from the store when it comes from there. */
  content: OutboundContent | undefined
}

export type Settled = Extract<OutboundState, { at: 'acked' | 'failed' }>

export const keyOf = (sessionId: number, whatsappId: string): string => `${sessionId} ${whatsappId}`

/** Everything not settled in the store, by session and WhatsApp id, and who waits for it to be. */
export class OpenMessages {
  readonly #messages = new Map<string, Outgoing>()
  readonly #waiters = new Map<Outgoing, Set<(state: Settled | undefined) => void>>()

  get size(): number {
    return this.#messages.size
  }

  has(sessionId: number, whatsappId: string): boolean {
    return this.#messages.has(keyOf(sessionId, whatsappId))
  }

  get(sessionId: number, whatsappId: string): Outgoing | undefined {
    return this.#messages.get(keyOf(sessionId, whatsappId))
  }

  all(): Outgoing[] {
    return Array.from(this.#messages.values())
  }

  add(message: Outgoing): void {
    this.#messages.set(keyOf(message.sessionId, message.whatsappId), message)
  }

  /** Tells once, when the message is let go. */
  onGone(message: Outgoing, tell: (state: Settled | undefined) => void): Disposable {
    const waiting = this.#waiters.get(message) ?? new Set()
    this.#waiters.set(message, waiting.add(tell))
    return { [Symbol.dispose]: () => void waiting.delete(tell) }
  }

  /** Nothing more happens to it here: what became of it is stored, or its session has ended. */
  letGo(message: Outgoing, state: Settled | undefined): void {
    const key = keyOf(message.sessionId, message.whatsappId)
    if (this.#messages.get(key) === message) this.#messages.delete(key)
    for (const tell of this.#waiters.get(message) ?? []) tell(state)
    this.#waiters.delete(message)
  }
}
