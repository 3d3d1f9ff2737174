import type { CallRejecter, CallStatus } from '@inbox-hub/contract'

import type { CallSignal } from '../sessions/baileys/index.ts'

/** How far a call came. Times are Unix ms. */
export interface CallState {
  status: CallStatus
  rejectedBy: CallRejecter | null
  answeredAt: number | null
  endedAt: number | null
}

/** What moves a call: a signal of WhatsApp, a refusal of ours, or that it has rung for too long. */
export type CallMove =
  | Pick<CallSignal, 'is' | 'reason' | 'at'>
  | { is: 'refused'; by: 'api' | 'rule'; at: number }
  | { is: 'silence'; at: number }

const ringing: CallState = { status: 'ringing', rejectedBy: null, answeredAt: null, endedAt: null }

/**
 * The state that follows; the same one when the move is no news. `state` undefined: nothing was heard of the call before. Pure. A call that
 * we first hear of when it is over rang while we were away.
 */
export function afterMove(state: CallState | undefined, move: CallMove): CallState | undefined {
  if (state === undefined) {
    if (move.is === 'offer') return ringing
    return move.is === 'terminate' ? afterMove(ringing, move) : undefined
  }
  const { at } = move
  const end = (status: 'rejected' | 'missed', rejectedBy: CallRejecter | null = null): CallState => ({
    ...state,
    status,
    rejectedBy,
    endedAt: at,
  })
  if (state.status === 'accepted') {
    return move.is === 'terminate' || move.is === 'reject'
      ? { ...state, status: 'ended', endedAt: at }
      : state
  }
  if (state.status !== 'ringing') return state
  switch (move.is) {
    case 'offer':
      return state
    case 'accept':
      return { ...state, status: 'accepted', answeredAt: at }
    case 'reject':
      return end('rejected', 'phone')
    case 'refused':
      return end('rejected', move.by)
    case 'silence':
      return end('missed')
    case 'terminate':
      break
  }
  // Another of our devices took it: linked devices hear no more of it.
  if (move.reason === 'accepted_elsewhere') return { ...state, status: 'accepted', answeredAt: at }
  return move.reason === 'rejected_elsewhere' ? end('rejected', 'phone') : end('missed')
}
