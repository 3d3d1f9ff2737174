import { nextTickAt, type OutboundState } from './outbound-state.ts'

/** A paced session works off a long line slowly: its messages wait for their turn this long, and have `liveMs` from then on. */
const pacedLiveMs = 24 * 3_600_000

/** When to look at the message again, if ever (Unix ms): one that waits in a paced session may wait longer. */
export function lookAtOf(state: OutboundState, isPaced: boolean): number | undefined {
  return state.at === 'queued' && isPaced ? state.asked + pacedLiveMs : nextTickAt(state)
}

/** When the time to live of a message began that an earlier process left: in a paced session with its turn, which may be now. */
export function turnOf(asked: number, isPaced: boolean, now: number): number {
  return isPaced && now < asked + pacedLiveMs ? Math.max(asked, now) : asked
}
