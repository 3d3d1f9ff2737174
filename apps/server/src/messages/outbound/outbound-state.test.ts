import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import {
  ackWithinMs,
  after,
  isSettled,
  liveMs,
  maxAttempts,
  nextTickAt,
  type OutboundEvent,
  type OutboundState,
  queued,
} from './outbound-state.ts'

const run = (events: readonly [OutboundEvent, number][]): OutboundState =>
  events.reduce((state, [event, now]) => after(state, event, now), queued(0))

describe('the way of a message out', () => {
  test('is sent, then acked', () => {
    expect(run([[{ type: 'relay' }, 1]])).toEqual({
      at: 'sending',
      asked: 0,
      attempts: 1,
      refreshDevices: false,
      ackBy: 1 + ackWithinMs,
    })
    expect(
      run([
        [{ type: 'relay' }, 1],
        [{ type: 'acked' }, 2],
      ]),
    ).toEqual({ at: 'acked' })
  })

  test('an ack that does not come makes it uncertain, and five times in vain unconfirmed', () => {
    let state = queued(0)
    let now = 0
    for (let attempt = 1; attempt <= maxAttempts; attempt += 1) {
      state = after(state, { type: 'relay' }, now)
      now += ackWithinMs
      state = after(state, { type: 'tick' }, now)
      if (attempt < maxAttempts) {
        expect(state.at).toBe('uncertain')
        now = state.at === 'uncertain' ? state.dueAt : now
      }
    }
    expect(state).toEqual({ at: 'failed', failure: { reason: 'UNCONFIRMED', ackError: undefined } })
  })

  test('a lost socket lets the next one carry it at once', () => {
    expect(
      run([
        [{ type: 'relay' }, 1],
        [{ type: 'link_lost' }, 5],
      ]),
    ).toMatchObject({ at: 'uncertain', dueAt: 5, attempts: 1 })
  })

  test('one that was never written expires, one that may have been is unconfirmed', () => {
    expect(run([[{ type: 'tick' }, liveMs]])).toMatchObject({ failure: { reason: 'EXPIRED' } })
    expect(
      run([
        [{ type: 'relay' }, 1],
        [{ type: 'link_lost' }, 2],
        [{ type: 'tick' }, liveMs],
      ]),
    ).toMatchObject({ failure: { reason: 'UNCONFIRMED' } })
  })

  test.each([
    [403, 'NOT_ALLOWED_IN_CHAT'],
    [404, 'RECIPIENT_NOT_FOUND'],
    [463, 'NEW_CHATS_RESTRICTED'],
    [499, 'REFUSED_BY_WHATSAPP'],
  ])('error %i in the ack ends it: %s', (error, reason) => {
    expect(
      run([
        [{ type: 'relay' }, 1],
        [{ type: 'refused', error }, 2],
      ]),
    ).toEqual({ at: 'failed', failure: { reason, ackError: error } })
  })

  test('error 479 is tried once more with a fresh device list', () => {
    const again = run([
      [{ type: 'relay' }, 1],
      [{ type: 'refused', error: 479 }, 2],
    ])
    expect(again).toMatchObject({ at: 'queued', refreshDevices: true, dueAt: 2 })
    const second = after(after(again, { type: 'relay' }, 3), { type: 'refused', error: 479 }, 4)
    expect(second).toEqual({ at: 'failed', failure: { reason: 'RECIPIENT_DEVICES_CHANGED', ackError: 479 } })
  })

  test('a queued message can be taken back, one on its way cannot', () => {
    expect(run([[{ type: 'cancel' }, 1]])).toMatchObject({ failure: { reason: 'CANCELLED' } })
    expect(
      run([
        [{ type: 'relay' }, 1],
        [{ type: 'cancel' }, 2],
      ]).at,
    ).toBe('sending')
  })

  test('a failed one can be asked for again, and an ack that comes late is believed', () => {
    const failed = run([
      [{ type: 'relay' }, 1],
      [{ type: 'refused', error: 404 }, 2],
    ])
    expect(after(failed, { type: 'ask_again' }, 9)).toEqual(queued(9))
    expect(after(failed, { type: 'acked' }, 9)).toEqual({ at: 'acked' })
  })
})

const anyEvent: fc.Arbitrary<OutboundEvent> = fc.oneof(
  fc.constant<OutboundEvent>({ type: 'relay' }),
  fc
    .tuple(fc.nat(60_000), fc.boolean())
    .map(([pauseMs, counts]): OutboundEvent => ({ type: 'not_written', pauseMs, counts })),
  fc.constant<OutboundEvent>({ type: 'cannot_be_sent', reason: 'REFUSED_BY_WHATSAPP' }),
  fc.constant<OutboundEvent>({ type: 'acked' }),
  fc
    .constantFrom(403, 404, 429, 463, 479, 500, 503, 1)
    .map((error): OutboundEvent => ({ type: 'refused', error })),
  fc.constant<OutboundEvent>({ type: 'link_lost' }),
  fc.constant<OutboundEvent>({ type: 'tick' }),
  fc.constant<OutboundEvent>({ type: 'cancel' }),
  fc.constant<OutboundEvent>({ type: 'ask_again' }),
)

describe('whatever happens, in whatever order', () => {
  const history = fc.array(fc.tuple(anyEvent, fc.nat(120_000)), { maxLength: 60 })

  test('acked stays acked, attempts never pass the limit, and every open state has a next look', () => {
    fc.assert(
      fc.property(history, (steps) => {
        let state = queued(0)
        let now = 0
        for (const [event, pause] of steps) {
          now += pause
          // The lane relays only what is due and has tries left, as the runner does.
          if (event.type === 'relay' && state.at === 'sending') continue
          const before = state
          state = after(state, event, now)
          // The same object: what is no news is not written again.
          if (before.at === 'acked') expect(state).toBe(before)
          if (before.at === 'failed' && event.type !== 'ask_again' && event.type !== 'acked') {
            expect(state).toBe(before)
          }
          if (!isSettled(state)) {
            expect(state.attempts).toBeLessThanOrEqual(maxAttempts)
            expect(nextTickAt(state)).toBeGreaterThan(0)
          }
        }
      }),
    )
  })

  test('left alone with a socket that never acks, every message settles within its life and one ack wait', () => {
    fc.assert(
      fc.property(history, (steps) => {
        let state = queued(0)
        let now = 0
        for (const [event, pause] of steps) {
          now += pause
          if (event.type !== 'relay' || state.at !== 'sending') state = after(state, event, now)
        }
        const asked = isSettled(state) ? now : state.asked
        const deadline = Math.max(now, asked + liveMs) + ackWithinMs
        while (!isSettled(state)) {
          if (state.at !== 'sending' && state.dueAt <= now && now < state.asked + liveMs) {
            state = after(state, { type: 'relay' }, now)
          }
          now += 1_000
          state = after(state, { type: 'tick' }, now)
          expect(now).toBeLessThanOrEqual(deadline + 1_000)
        }
      }),
    )
  })
})
