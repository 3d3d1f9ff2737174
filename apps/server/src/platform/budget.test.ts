import { expect, test } from 'vitest'

import { createBudget } from './budget.ts'
import { createManualClock } from './testing/manual-clock.ts'

test('a budget gives out so many in any minute, and says when the next is free; each key has its own', async () => {
  const clock = createManualClock()
  const budget = createBudget(clock, 2)
  expect(budget.take(1)).toBeUndefined()
  await clock.advance(20_000)
  expect(budget.take(1)).toBeUndefined()
  expect(budget.take(1)).toBe(40_000)
  expect(budget.take(2)).toBeUndefined()
  await clock.advance(40_000)
  expect(budget.take(1)).toBeUndefined()
  expect(budget.take(1)).toBe(20_000)
})
