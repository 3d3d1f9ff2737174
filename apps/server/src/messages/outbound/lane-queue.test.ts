import fc from 'fast-check'
import { expect, test } from 'vitest'

import { LaneQueue } from './lane-queue.ts'

interface Item {
  place: number
  chat: string
  dueAt: number
}
const queueOf = (...items: Item[]): LaneQueue<string, Item> => {
  const queue = new LaneQueue<string, Item>((item) => item.dueAt)
  for (const item of items) queue.add(item)
  return queue
}
const item = (place: number, chat: string, dueAt = 0): Item => ({ place, chat, dueAt })
const drain = (queue: LaneQueue<string, Item>, now: number): number[] => {
  const order: number[] = []
  for (let next = queue.next(now); next !== undefined; next = queue.next(now)) order.push(next.place)
  return order
}

test('messages leave in the order of asking', () => {
  expect(drain(queueOf(item(1, 'a'), item(2, 'b'), item(3, 'a')), 0)).toEqual([1, 2, 3])
})

test('a message that waits for its next try holds its chat, and no other', () => {
  const queue = queueOf(item(1, 'a', 50), item(2, 'a'), item(3, 'b'))
  expect(drain(queue, 10)).toEqual([3])
  queue.wake(50)
  expect(drain(queue, 50)).toEqual([1, 2])
  expect(queue.size).toBe(0)
})

test('one that comes back goes before those asked for later', () => {
  const queue = queueOf(item(1, 'a'), item(2, 'a'), item(3, 'a'))
  const first = queue.next(0)
  if (first !== undefined) queue.add(first)
  expect(drain(queue, 0)).toEqual([1, 2, 3])
})

test('two addresses of a chat become one line', () => {
  const queue = queueOf(item(1, 'number'), item(2, 'lid'), item(3, 'number'))
  queue.rename('number', 'lid')
  expect(drain(queue, 0)).toEqual([1, 2, 3])
})

test('whatever is added, returned and woken, each chat keeps its order and nothing is lost', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ chat: fc.constantFrom('a', 'b', 'c'), dueAt: fc.nat(20) }), { maxLength: 40 }),
      fc.array(fc.boolean(), { maxLength: 80 }),
      (asked, returned) => {
        const items = asked.map(({ chat, dueAt }, index) => item(index + 1, chat, dueAt))
        const queue = queueOf(...items)
        const left: Item[] = []
        const comesBack = [...returned]
        for (let now = 0; now <= 100; now += 1) {
          queue.wake(now)
          for (let next = queue.next(now); next !== undefined; next = queue.next(now)) {
            const earlier = items.filter(
              (other) => other.chat === next.chat && other.place < next.place && !left.includes(other),
            )
            expect(earlier).toEqual([])
            if (comesBack.shift() === true) {
              next.dueAt = now + 1
              queue.add(next)
            } else left.push(next)
          }
        }
        expect(left.length).toBe(items.length)
        expect(queue.size).toBe(0)
      },
    ),
  )
})
