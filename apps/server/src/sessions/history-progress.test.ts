import fc from 'fast-check'
import { expect, test } from 'vitest'

import type { HistoryKind } from './baileys/index.ts'
import { advanced, begun, ended, type HistoryProgress, overall } from './history-progress.ts'

const kinds: readonly HistoryKind[] = ['bootstrap', 'recent', 'full', 'on_demand', 'names', 'status', 'other']
const nothing = { messages: 0, chats: 0, contacts: 0 }

test('the percent of the whole follows the parts', () => {
  expect(overall({ bootstrap: 100 }, false)).toBe(10)
  expect(overall({ bootstrap: 100, recent: 50 }, false)).toBe(55)
  expect(overall({ bootstrap: 100, recent: 100 }, false)).toBe(100)
  expect(overall({ bootstrap: 100, recent: 100 }, true)).toBe(30)
  expect(overall({ bootstrap: 100, recent: 100, full: 100 }, true)).toBe(100)
  expect(overall({ names: 100, on_demand: 100 }, false)).toBe(0)
})

test('it never goes back, whatever parts come in which order, until the phone links again', () => {
  const part = fc.record({
    kind: fc.constantFrom(...kinds),
    percent: fc.integer({ min: 0, max: 100 }),
    read: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  fc.assert(
    fc.property(fc.array(part, { maxLength: 20 }), fc.boolean(), (parts, isFull) => {
      let progress: HistoryProgress | undefined
      for (const [now, { kind, percent, read }] of parts.entries()) {
        const before = progress
        const beginsAgain = kind === 'bootstrap' && before?.parts.bootstrap === 100
        progress = begun(before, { kind, percent }, now)
        if (beginsAgain) expect(progress.percent).toBe(0)
        const steps = [progress]
        progress = advanced(progress, { kind, percent }, { read, stored: nothing, isFull, now })
        steps.push(progress)
        progress = ended(
          progress,
          { kind, percent },
          { failure: undefined, isLost: false, isLeft: false, isFull, now },
        )
        steps.push(progress)
        for (const [index, step] of steps.entries()) {
          expect(step.percent).toBeGreaterThanOrEqual(steps[index - 1]?.percent ?? 0)
          expect(step.percent).toBeLessThanOrEqual(100)
          if (step.at === 'done') expect(step.percent).toBe(100)
        }
      }
    }),
  )
})

test('a part that asked history is in does not end the sync of the session', () => {
  const first = begun(undefined, { kind: 'bootstrap', percent: 100 }, 1)
  const waiting = ended(
    first,
    { kind: 'bootstrap', percent: 100 },
    { failure: undefined, isLost: false, isLeft: false, isFull: false, now: 2 },
  )
  expect(waiting).toMatchObject({ at: 'waiting', percent: 10, finishedAt: undefined })
  const done = ended(
    waiting,
    { kind: 'recent', percent: 100 },
    { failure: undefined, isLost: false, isLeft: false, isFull: false, now: 3 },
  )
  expect(done).toMatchObject({ at: 'done', percent: 100, finishedAt: 3 })
  const asked = begun(done, { kind: 'on_demand', percent: 100 }, 4)
  expect(asked).toMatchObject({ at: 'syncing', percent: 100 })
  expect(
    ended(
      asked,
      { kind: 'on_demand', percent: 100 },
      { failure: 'gone', isLost: true, isLeft: false, isFull: false, now: 5 },
    ),
  ).toMatchObject({
    at: 'done',
    failure: 'gone',
  })
})

test('a first part that is lost does not begin the sync again when it comes after all', () => {
  const how = { isLeft: false, isFull: false, now: 2 }
  const first = { kind: 'bootstrap', percent: 100 } as const
  const lost = ended(begun(undefined, first, 1), first, { ...how, failure: 'expired', isLost: true })
  const recent = { kind: 'recent', percent: 100 } as const
  const done = ended(begun(lost, recent, 3), recent, { ...how, failure: 'expired', isLost: false })
  expect(done).toMatchObject({ at: 'done', percent: 100, failure: 'expired' })
  const again = begun(done, first, 4)
  expect(again).toMatchObject({ percent: 100, startedAt: 1 })
  expect(ended(again, first, { ...how, failure: undefined, isLost: false })).toMatchObject({
    at: 'done',
    failure: undefined,
  })
})

test('a part that is still to be tried again keeps the sync from being done', () => {
  const first = begun(undefined, { kind: 'recent', percent: 100 }, 1)
  const how = { failure: 'the media host was away', isLost: false, isFull: false, now: 2 }
  const left = ended(first, { kind: 'recent', percent: 100 }, { ...how, isLeft: true })
  expect(left).toMatchObject({ at: 'failed', percent: 99, finishedAt: undefined })
  expect(
    ended(left, { kind: 'bootstrap', percent: 100 }, { ...how, failure: undefined, isLeft: false }),
  ).toMatchObject({
    at: 'done',
    percent: 100,
    failure: undefined,
  })
})
