import { describe, expect, test } from 'vitest'

import { type Outcome, standingAfter } from './download-outcome.ts'

const now = 1_000_000
const after = (outcome: Outcome, attempts = 0, chance = 0) =>
  standingAfter(outcome, { attempts, now, chance })

/** How often an outcome may come before it is for good, and how long that takes in all, ms. */
function patience(outcome: Outcome): { attempts: number; totalMs: number; ends: string } {
  let totalMs = 0
  for (let attempts = 0; ; attempts++) {
    const standing = after(outcome, attempts)
    if (standing.state !== 'wanted')
      return { attempts: attempts + 1, totalMs, ends: JSON.stringify(standing) }
    totalMs += standing.dueAt - now
  }
}

test('what is here is here, and what is too large to be fetched by itself waits to be asked for', () => {
  expect(after({ is: 'here' })).toEqual({ state: 'here' })
  expect(after({ is: 'not_by_itself' })).toEqual({ state: 'known' })
})

describe('what cannot become better is not tried again', () => {
  test.each(['expired', 'too_large', 'no_room'] as const)('%s', (is) => {
    expect(after({ is })).toEqual({ state: 'failed', failure: is })
  })
})

test('a host that fails is tried for hours, a phone that is off for a day, a wrong file once more', () => {
  expect(patience({ is: 'unreachable', detail: '' })).toMatchObject({
    attempts: 7,
    ends: '{"state":"failed","failure":"unreachable"}',
  })
  expect(patience({ is: 'unreachable', detail: '' }).totalMs).toBeGreaterThan(5 * 3_600_000)
  const phone = patience({ is: 'phone_silent' })
  expect(phone.ends).toBe('{"state":"failed","failure":"expired"}')
  expect(phone.totalMs).toBeGreaterThan(24 * 3_600_000)
  expect(patience({ is: 'corrupt', detail: '' })).toMatchObject({
    attempts: 2,
    ends: '{"state":"failed","failure":"corrupt"}',
  })
})

test('a store of ours that is full costs a file no attempt, however long it lasts', () => {
  expect(after({ is: 'store_down' }, 6)).toEqual({ state: 'wanted', attempts: 6, dueAt: now + 60_000 })
})

test('what failed together does not come back together', () => {
  const early = after({ is: 'unreachable', detail: '' }, 2, 0)
  const late = after({ is: 'unreachable', detail: '' }, 2, 1)
  expect(early).toMatchObject({ dueAt: now + 120_000 })
  expect(late).toMatchObject({ dueAt: now + 150_000 })
})
