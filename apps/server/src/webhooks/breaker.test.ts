import { expect, test } from 'vitest'

import { afterAnswer, afterFailure, allowance, closedBreaker, type Breaker } from './breaker.ts'

function failing(times: number, now: number): Breaker {
  let breaker = closedBreaker
  for (let n = 0; n < times; n += 1) breaker = afterFailure(breaker, now)
  return breaker
}

test('nine straight failures change nothing, the tenth closes the road for 30 s', () => {
  expect(allowance(failing(9, 1000), 1000, 32)).toBe(32)
  const open = failing(10, 1000)
  expect(allowance(open, 1000, 32)).toBe(0)
  expect(allowance(open, 30_999, 32)).toBe(0)
})

test('after the pause one probe goes out; its failure renews the pause, its success ends it', () => {
  const open = failing(10, 1000)
  expect(allowance(open, 31_000, 32)).toBe(1)
  expect(allowance(afterFailure(open, 31_000), 31_001, 32)).toBe(0)
  expect(allowance(afterAnswer(), 31_001, 32)).toBe(32)
})

test('Retry-After pauses at the first failure', () => {
  const asked = afterFailure(closedBreaker, 0, 5000)
  expect(allowance(asked, 4999, 32)).toBe(0)
  expect(allowance(asked, 5000, 32)).toBe(1)
})

test('one answer forgets the failures before it', () => {
  expect(failing(9, 0)).not.toEqual(closedBreaker)
  expect(afterAnswer()).toEqual(closedBreaker)
})
