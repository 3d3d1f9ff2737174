import { expect, test } from 'vitest'

import { createManualClock } from './manual-clock.ts'

test('timers run when their time comes, in order, at their own time', async () => {
  const clock = createManualClock(1_000)
  const ran: [string, number][] = []
  const note = (name: string) => () => void ran.push([name, clock.now()])
  clock.after(30, note('c'))
  clock.after(10, () => {
    note('a')()
    clock.after(5, note('b'))
  })
  clock.after(30, note('d'))
  clock.after(20, note('never'))[Symbol.dispose]()
  expect([clock.pending, clock.untilNext]).toEqual([3, 10])
  await clock.advance(30)
  expect(ran).toEqual([
    ['a', 1_010],
    ['b', 1_015],
    ['c', 1_030],
    ['d', 1_030],
  ])
  expect([clock.now(), clock.monotonic(), clock.pending, clock.untilNext]).toEqual([1_030, 30, 0, undefined])
})

test('promises settle between timers', async () => {
  const clock = createManualClock()
  const order: string[] = []
  clock.after(1, () => void Promise.resolve().then(() => order.push('promise of the first')))
  clock.after(2, () => void order.push('second'))
  await clock.advance(5)
  expect(order).toEqual(['promise of the first', 'second'])
})

test('a step of the wall clock moves no timer', async () => {
  const clock = createManualClock(0)
  let ran = false
  clock.after(10, () => {
    ran = true
  })
  clock.stepWall(3_600_000)
  await clock.advance(9)
  expect([ran, clock.now(), clock.monotonic()]).toEqual([false, 3_600_009, 9])
})
