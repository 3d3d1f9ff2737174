import { expect, test } from 'vitest'

import { chosenBy, numberedText } from './menu.ts'

const small = { id: 's', title: 'Small', description: '20 cm' }
const large = { id: 'l', title: 'Tamaño grande' }
const options = [small, large]

test('a menu is text with numbers through all its parts', () => {
  const text = numberedText({
    text: 'Which one?',
    parts: [{ title: 'Sizes', options }, { options: [{ id: 'n', title: 'None' }] }],
    footer: 'Until six',
  })
  expect(text).toBe('Which one?\n\n*Sizes*\n1. Small\n   20 cm\n2. Tamaño grande\n\n3. None\n\n_Until six_')
})

test.each([
  ['2', large],
  [' 2. ', large],
  ['#1', small],
  ['(1)', small],
  ['2️⃣', large],
  ['SMALL', small],
  ['tamano  grande!', large],
  ['3', undefined],
  ['0', undefined],
  ['12 pieces', undefined],
  ['small or large?', undefined],
  ['', undefined],
  ['🙂', undefined],
  ['x'.repeat(100), undefined],
])('%j means %j', (text, option) => {
  expect(chosenBy(text, options)).toEqual(option)
})

test('a title that two options have names neither', () => {
  expect(
    chosenBy('yes', [
      { id: '1', title: 'Yes' },
      { id: '2', title: 'YES!' },
    ]),
  ).toBeUndefined()
})
