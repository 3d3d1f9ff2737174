import { expect, test } from 'vitest'

import { spellingsOf } from './number-spellings.ts'

// Nobody's numbers: built here, so that no text in the tree looks like one.
const zeros = (count: number): string => '0'.repeat(count)

test.each([
  [`55119${zeros(8)}`, `5511${zeros(8)}`],
  [`52${zeros(10)}`, `521${zeros(10)}`],
  [`549${zeros(10)}`, `54${zeros(10)}`],
])(
  'the older and the newer spelling of a number are asked about together, the given one first',
  (newer, older) => {
    expect(spellingsOf(newer)).toEqual([newer, older])
    expect(spellingsOf(older)).toEqual([older, newer])
  },
)

test('a number of another country has one spelling', () => {
  expect(spellingsOf('12025550123')).toEqual(['12025550123'])
})
