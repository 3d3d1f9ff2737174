import { setImmediate as turn } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { createManualClock } from '../platform/testing/manual-clock.ts'
import { createDialPacer, usualPacing } from './dial-pacer.ts'

const pacing = { ...usualPacing, places: 4, burst: 3, perSecond: 10 }

async function turns(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await turn()
}

test('dials start in the order they came, as many at once as there are places', async () => {
  const pacer = createDialPacer(createManualClock(), pacing)
  const gone: number[] = []
  const places = Array.from({ length: 6 }, (_, i) => pacer.enter(() => gone.push(i)))
  await turns(10)
  expect(gone).toEqual([0, 1, 2, 3])
  places[1]?.[Symbol.dispose]()
  await turns(3)
  expect(gone).toEqual([0, 1, 2, 3, 4])
})

test('each turn of the event loop starts dials for a while only, and goes on in the next', async () => {
  const clock = createManualClock()
  let at = 0
  const pacer = createDialPacer({ ...clock, monotonic: () => at }, { ...pacing, places: 100, turnMs: 50 })
  const gone: number[] = []
  // The work of a dial follows its start in a microtask, and takes 20 ms.
  const dial = (i: number): void => {
    gone.push(i)
    queueMicrotask(() => (at += 20))
  }
  for (let i = 0; i < 7; i++) pacer.enter(() => dial(i))
  const seen: number[] = []
  for (let i = 0; i < 4; i++) {
    await turn()
    seen.push(gone.length)
  }
  expect(seen).toEqual([3, 6, 7, 7])
})

test('the dials of a crowd wait until its requests pause', async () => {
  const clock = createManualClock()
  const pacer = createDialPacer(clock, { ...pacing, pauseMs: 10, holdMs: 100 })
  const gone: number[] = []
  // A claim takes a commit before the dial is asked for.
  for (let i = 0; i < 3; i++) {
    pacer.soon(() => {})
    await clock.advance(5)
  }
  for (let i = 0; i < 3; i++) pacer.enter(() => gone.push(i))
  await turns(3)
  expect(gone).toEqual([])
  await clock.advance(5)
  await turns(3)
  expect(gone).toEqual([0, 1, 2])
})

test('a crowd that never pauses holds its dials up for so long and no longer', async () => {
  const clock = createManualClock()
  const pacer = createDialPacer(clock, { ...pacing, pauseMs: 10, holdMs: 100 })
  const goneAt: number[] = []
  // The first of them is alone when it dials.
  for (let i = 0; i < 30; i++) {
    pacer.soon(() => pacer.enter(() => goneAt.push(clock.monotonic())))
    await clock.advance(5)
    await turns(3)
  }
  expect(goneAt).toEqual([5, 100, 100, 100])
})

test('those who connect while the first of a crowd is dialled are of the crowd', async () => {
  const clock = createManualClock()
  const pacer = createDialPacer(clock, { ...pacing, crowdMs: 50, pauseMs: 10 })
  const gone: string[] = []
  pacer.soon(() => pacer.enter(() => gone.push('first')))
  await turns(3)
  // Its dial took a turn of 30 ms, and only then was the next request read.
  await clock.advance(30)
  pacer.soon(() => pacer.enter(() => gone.push('second')))
  await turns(3)
  expect(gone).toEqual(['first'])
  await clock.advance(10)
  await turns(3)
  expect(gone).toEqual(['first', 'second'])
})

test('whoever connects alone is dialled at once', async () => {
  const pacer = createDialPacer(createManualClock(), pacing)
  const gone: string[] = []
  pacer.soon(() => pacer.enter(() => gone.push('alone')))
  await turns(3)
  expect(gone).toEqual(['alone'])
})

test('redials wait for no crowd: they claim nothing', async () => {
  const pacer = createDialPacer(createManualClock(), pacing)
  const gone: number[] = []
  for (let i = 0; i < 3; i++) pacer.enter(() => gone.push(i))
  await turns(2)
  expect(gone).toEqual([0, 1, 2])
})

test('a dial that waits for the processor keeps its place', async () => {
  const clock = createManualClock()
  let lateMs = 30
  // Timers run 30 ms after they were due.
  const busy = { ...clock, after: (ms: number, run: () => void) => clock.after(ms + lateMs, run) }
  const pacer = createDialPacer(busy, pacing)
  const gone: number[] = []
  for (let i = 0; i < 9; i++) pacer.enter(() => gone.push(i))
  await turns(10)
  lateMs = 0
  await clock.advance(1_030)
  await turns(10)
  expect(gone).toHaveLength(4)
  await clock.advance(1_000)
  await turns(10)
  expect(gone).toHaveLength(8)
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

test('first logins follow one another while they wait for the processor, and others pass them', async () => {
  const clock = createManualClock()
  let lateMs = 30
  const busy = { ...clock, after: (ms: number, run: () => void) => clock.after(ms + lateMs, run) }
  const pacer = createDialPacer(busy, { ...pacing, places: 100, firstLogins: 2, firstLoginMs: 50 })
  const gone: string[] = []
  const logins = Array.from({ length: 5 }, (_, i) => pacer.enterFirstLogin(() => gone.push(`login ${i}`)))
  pacer.enter(() => gone.push('a redial'))
  await turns(2)
  await clock.advance(200)
  await turns(2)
  expect(gone).toEqual(['login 0', 'login 1', 'a redial'])
  // One is online, another was given up while it waited for its turn.
  logins[2]?.[Symbol.dispose]()
  logins[0]?.[Symbol.dispose]()
  await turns(2)
  expect(gone.slice(3)).toEqual(['login 3'])
  // The processor is free: what they wait for is the network.
  lateMs = 0
  await clock.advance(200)
  await turns(2)
  expect(gone.slice(4)).toEqual(['login 4'])
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
