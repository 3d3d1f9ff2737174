import { expect, test } from 'vitest'

import { keepHouse } from './housekeeping.ts'
import { silentLog } from './log.ts'
import { createManualClock } from './testing/manual-clock.ts'

const settled = (): Promise<void> => new Promise((resolve) => void setImmediate(resolve))

test('a turn that takes too long is stopped, and gone on with after a rest; what fails is tried again', async () => {
  const clock = createManualClock()
  const turns: string[] = []
  let next: (stop: AbortSignal) => Promise<void> | void = () => {}
  await using _house = keepHouse({
    what: 'old things',
    everyMs: 3_600_000,
    clock,
    log: silentLog,
    async work({ now, stop }) {
      turns.push(`${now - start}`)
      await next(stop)
    },
  })
  const start = clock.now()
  await clock.advance(3_600_000)
  await settled()
  expect(turns).toEqual(['3600000'])

  next = (stop) =>
    new Promise((resolve) => {
      stop.addEventListener('abort', () => resolve(), { once: true })
    })
  await clock.advance(3_600_000)
  await clock.advance(2_000)
  await settled()
  next = () => {
    throw new Error('the store is away')
  }
  await clock.advance(10_000)
  await settled()
  expect(turns).toEqual(['3600000', '7200000', '7212000'])
  next = () => {}
  await clock.advance(3_599_999)
  await settled()
  expect(turns).toHaveLength(3)
  await clock.advance(1)
  await settled()
  expect(turns).toHaveLength(4)
})
