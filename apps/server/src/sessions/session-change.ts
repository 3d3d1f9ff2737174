import type { Circumstances, Effect } from './session-events.ts'
import { type Cause, isResting, type SessionState, type Standing, type WebVersion } from './session-state.ts'

/** A drop shorter than this is nobody's business: the CRM would switch numbers in front of the customer (contract rule 27). */
export const announceAfterMs = 60_000
/** One decision in the making: the standing as it will be, and what the runner has to do. */
export class Change {
  readonly now: number
  readonly jitter: number
  readonly knownGood: WebVersion | undefined
  readonly s: Standing
  readonly effects: Effect[] = []

  constructor(standing: Standing, { now, jitter, knownGood }: Circumstances) {
    this.s = { ...standing }
    this.now = now
    this.jitter = jitter
    this.knownGood = knownGood
  }

  do(effect: Effect): void {
    this.effects.push(effect)
  }

  /** Moves to `state`, which ends by itself at `deadline` (I4), and has it written down (I9). */
  enter(state: SessionState, deadline?: number): void {
    const { s, now } = this
    const moved = s.state.at !== state.at
    // What is final is announced at once (rest); a drop only when it lasts.
    if (moved && s.state.at === 'online' && s.announced === 'connected' && !isResting(state)) {
      s.announceAt = now + announceAfterMs
      this.do({ do: 'arm_announcement', at: s.announceAt })
    }
    if (moved && s.queued) {
      s.queued = false
      this.do({ do: 'leave_queue' })
    }
    s.state = state
    if (moved) s.since = now
    s.slotTaken = false
    this.arm(deadline)
    if (moved) this.do({ do: 'record', state })
  }

  arm(deadline: number | undefined): void {
    const { s } = this
    if (deadline !== undefined) this.do({ do: 'arm', at: deadline })
    else if (s.deadline !== undefined) this.do({ do: 'disarm' })
    s.deadline = deadline
  }

  close(): void {
    const { s } = this
    if (s.socket !== 'open') return
    s.socket = 'closing'
    this.do({ do: 'close', generation: s.generation })
  }

  releaseLease(): void {
    const { s } = this
    if (s.lease !== 'held') return
    s.lease = 'none'
    this.do({ do: 'release' })
  }

  /** Another node has it: whoever owns the session decides about its credentials. */
  loseLease(): void {
    const { s } = this
    if (s.lease !== 'held') return
    s.lease = 'none'
    s.forgetting = undefined
    this.do({ do: 'drop_lease' })
  }

  cancelAnnouncement(): void {
    const { s } = this
    if (s.announceAt === undefined) return
    s.announceAt = undefined
    this.do({ do: 'disarm_announcement' })
  }

  announceDisconnected(cause: Cause): void {
    const { s } = this
    this.cancelAnnouncement()
    if (s.announced === 'disconnected') return
    s.announced = 'disconnected'
    this.do({ do: 'tell', what: 'disconnected', cause })
  }
}
