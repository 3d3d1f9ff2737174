import fc from 'fast-check'
import { expect, test } from 'vitest'

import { afterNews } from './message-status.ts'

const news = fc.constantFrom('pending', 'failed', 'sent', 'delivered', 'read')

test('the order in which news arrives does not matter, nor does hearing it twice', () => {
  fc.assert(
    fc.property(fc.array(news), fc.array(fc.nat()), (told, shuffle) => {
      const shuffled = told
        .map((status, index) => ({ status, order: shuffle[index] ?? 0 }))
        .sort((left, right) => left.order - right.order)
        .map(({ status }) => status)
      const inOrder = told.reduce(afterNews, 'pending')
      expect(shuffled.reduce(afterNews, 'pending')).toBe(inOrder)
      expect([...told, ...told].reduce(afterNews, 'pending')).toBe(inOrder)
    }),
  )
})

test('a receipt overrules a failure, a failure does not overrule a receipt', () => {
  expect(afterNews('failed', 'delivered')).toBe('delivered')
  expect(afterNews('sent', 'failed')).toBe('sent')
  expect(afterNews('received', 'read')).toBe('received')
})
