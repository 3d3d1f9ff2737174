import { setImmediate as turn } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { createManualClock } from '../platform/testing/manual-clock.ts'
import { createDialPacer, usualPacing } from './dial-pacer.ts'

const pacing = { ...usualPacing, floor: 2, ceiling: 4, burst: 3, perSecond: 10 }

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn()
}

test('dials start in the order they came, up to the ceiling while the event loop is quick', async () => {
  const pacer = createDialPacer(createManualClock(), pacing)
  const gone: number[] = []
  const places = Array.from({ length: 6 }, (_, i) => pacer.enter(() => gone.push(i)))
  await turns(10)
  expect(gone).toEqual([0, 1, 2, 3])
  places[1]?.[Symbol.dispose]()
  await turns(3)
  expect(gone).toEqual([0, 1, 2, 3, 4])
})

test('a busy event loop lets only the floor through', async () => {
  const clock = createManualClock()
  let at = 0
  // Every look at the clock finds 30 ms gone.
  const busy = { ...clock, monotonic: () => (at += 30) }
  const pacer = createDialPacer(busy, pacing)
  const gone: number[] = []
  for (let i = 0; i < 6; i++) pacer.enter(() => gone.push(i))
  await turns(10)
  expect(gone).toEqual([0, 1])
})

test('a dial that waits for the network gives its place up after a second', async () => {
  const clock = createManualClock()
  const pacer = createDialPacer(clock, pacing)
  const gone: number[] = []
  for (let i = 0; i < 9; i++) pacer.enter(() => gone.push(i))
  await turns(10)
  expect(gone).toHaveLength(4)
  await clock.advance(1_000)
  await turns(10)
  expect(gone).toHaveLength(8)
})

test('errands run in order, a few per turn of the event loop', async () => {
  const pacer = createDialPacer(createManualClock(), pacing)
  let run = 0
  for (let i = 0; i < 70; i++) pacer.soon(() => (run += 1))
  const seen: number[] = []
  for (let i = 0; i < 4; i++) {
    await turn()
    seen.push(run)
  }
  expect(seen).toEqual([32, 64, 70, 70])
})

test('whoever leaves the queue is not called', async () => {
  const pacer = createDialPacer(createManualClock(), pacing)
  const gone: string[] = []
  const place = pacer.enter(() => gone.push('left'))
  pacer.enter(() => gone.push('stayed'))
  place[Symbol.dispose]()
  place[Symbol.dispose]()
  await turns(5)
  expect(gone).toEqual(['stayed'])
})

test('redials beyond the burst are spread at the agreed rate, and the burst comes back with time', () => {
  const pacer = createDialPacer(createManualClock(), pacing)
  const now = 1_000_000
  expect(Array.from({ length: 6 }, () => pacer.slot(now) - now)).toEqual([0, 0, 0, 100, 200, 300])
  expect(pacer.slot(now + 400) - now).toBe(400)
  expect(Array.from({ length: 4 }, () => pacer.slot(now + 10_000) - now - 10_000)).toEqual([0, 0, 0, 100])
})
