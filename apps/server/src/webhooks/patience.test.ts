import { expect, test } from 'vitest'

import { nextAttemptInMs, type Patience } from './patience.ts'

const middle = 0.5 // no spread

function wholeSchedule(patience: Patience): number[] {
  const delays: number[] = []
  for (let attempts = 1; ; attempts += 1) {
    const delay = nextAttemptInMs(patience, attempts, middle)
    if (delay === undefined) return delays
    delays.push(delay)
  }
}

test("the contract's patience grows from one second and ends after ten minutes", () => {
  const delays = wholeSchedule('contract')
  expect(delays[0]).toBe(1000)
  expect(delays.toSorted((a, b) => a - b)).toEqual(delays)
  expect(delays.reduce((sum, delay) => sum + delay, 0)).toBe(600_000)
})

test('the standard schedule is 5 s, 30 s, 5 m, 30 m, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h', () => {
  expect(wholeSchedule('standard').map((ms) => ms / 1000)).toEqual([
    5, 30, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400,
  ])
})

test('each delay is spread by a fifth to both sides', () => {
  expect(nextAttemptInMs('standard', 3, 0)).toBe(240_000)
  expect(nextAttemptInMs('standard', 3, 0.999_999)).toBe(360_000)
})

test('Retry-After is honoured when it is later than our own delay, up to a day', () => {
  expect(nextAttemptInMs('contract', 1, middle, 90_000)).toBe(90_000)
  expect(nextAttemptInMs('contract', 1, middle, 10)).toBe(1000)
  expect(nextAttemptInMs('standard', 1, middle, 7 * 86_400_000)).toBe(86_400_000)
})
