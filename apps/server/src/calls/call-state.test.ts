import { expect, test } from 'vitest'

import { afterMove, type CallMove, type CallState } from './call-state.ts'

const offer: CallMove = { is: 'offer', reason: undefined, at: 1 }
const ends = (reason?: string): CallMove => ({ is: 'terminate', reason, at: 9 })

/** What becomes of a call. */
function played(...moves: readonly CallMove[]): CallState | undefined {
  return moves.reduce<CallState | undefined>((state, move) => afterMove(state, move), undefined)
}

test.each<[string, CallMove[], Partial<CallState> | undefined]>([
  ['rings', [offer], { status: 'ringing', endedAt: null }],
  ['is given up', [offer, ends()], { status: 'missed', endedAt: 9 }],
  ['rings out', [offer, ends('timeout')], { status: 'missed' }],
  ['rings for ever', [offer, { is: 'silence', at: 5 }], { status: 'missed', endedAt: 5 }],
  ['is over when we first hear of it', [ends()], { status: 'missed' }],
  ['is taken on the phone', [offer, ends('accepted_elsewhere')], { status: 'accepted', answeredAt: 9 }],
  [
    'is refused on the phone',
    [offer, ends('rejected_elsewhere')],
    { status: 'rejected', rejectedBy: 'phone' },
  ],
  [
    'is refused by us, and then ended',
    [offer, { is: 'refused', by: 'api', at: 3 }, ends()],
    { status: 'rejected', rejectedBy: 'api', endedAt: 3 },
  ],
  [
    'is refused twice',
    [offer, { is: 'refused', by: 'rule', at: 3 }, { is: 'refused', by: 'api', at: 4 }],
    { rejectedBy: 'rule', endedAt: 3 },
  ],
  [
    'is taken and over',
    [offer, { is: 'accept', reason: undefined, at: 4 }, ends()],
    { status: 'ended', answeredAt: 4, endedAt: 9 },
  ],
  [
    'is taken, and offered again by a repeat',
    [offer, { is: 'accept', reason: undefined, at: 4 }, offer],
    { status: 'accepted' },
  ],
  ['was never offered, and is taken', [{ is: 'accept', reason: undefined, at: 4 }], undefined],
])('a call that %s', (_, moves, expected) => {
  if (expected === undefined) expect(played(...moves)).toBeUndefined()
  else expect(played(...moves)).toMatchObject(expected)
})
