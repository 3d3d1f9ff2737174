import { expect, test } from 'vitest'

import { silentLog as log } from '../../platform/log.ts'
import { createManualClock } from '../../platform/testing/manual-clock.ts'
import { createDownloadQueue } from './download-queue.ts'

/** A queue over files in memory, whose attempts end when the test says so. */
function setUp({ online = () => true }: { online?: (sessionId: number) => boolean } = {}) {
  const clock = createManualClock()
  const files = new Map<number, { sessionId: number; dueAt: number }>()
  const running = new Map<
    number,
    { sessionId: number; awaited: boolean; end: () => void; fail: (error: Error) => void }
  >()
  const started: number[] = []
  let reads = 0
  let isBroken = false
  let isOver = false
  const of = (sessionId: number) =>
    [...files].filter(([, file]) => file.sessionId === sessionId).sort(([, a], [, b]) => a.dueAt - b.dueAt)
  const queue = createDownloadQueue({
    isOnline: online,
    async due(sessionId, limit) {
      reads += 1
      if (isBroken) throw new Error('the store is down')
      return of(sessionId)
        .filter(([, { dueAt }]) => dueAt <= clock.now())
        .slice(0, limit)
        .map(([messageId]) => messageId)
    },
    nextDue: async (sessionId) => of(sessionId)[0]?.[1].dueAt,
    async attempt(messageId, sessionId, awaited) {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      started.push(messageId)
      running.set(messageId, { sessionId, awaited, end: resolve, fail: reject })
      if (isOver) resolve()
      await promise.finally(() => running.delete(messageId))
      files.delete(messageId)
    },
    clock,
    log,
  })
  return {
    clock,
    queue,
    files,
    running,
    started,
    reads: () => reads,
    breaks: (broken: boolean) => {
      isBroken = broken
    },
    add: (sessionId: number, count: number, dueAt = clock.now()): void => {
      for (let index = 0; index < count; index++)
        files.set(files.size + 1 + started.length, { sessionId, dueAt })
      queue.wake(sessionId)
    },
    /** What runs of each session. */
    runs: () =>
      Object.fromEntries(
        Map.groupBy(running.values(), ({ sessionId }) => sessionId)
          .entries()
          .map(([id, all]) => [id, all.length]),
      ),
    endOne: (): void => {
      running.values().next().value?.end()
    },
    async [Symbol.asyncDispose]() {
      isOver = true
      for (const one of running.values()) one.end()
      await queue[Symbol.asyncDispose]()
    },
  }
}

/** Lets everything that is not waiting for time or an attempt happen. */
const settled = () => new Promise<void>((resolve) => void setImmediate(resolve))

test('two of a session and six in all run at once, and every session gets its turn', async () => {
  await using rig = setUp()
  const { add, runs, endOne, files, started } = rig
  add(1, 1000)
  await settled()
  expect(runs()).toEqual({ 1: 2 })
  for (const sessionId of [2, 3, 4]) add(sessionId, 3)
  await settled()
  expect(runs()).toEqual({ 1: 2, 2: 2, 3: 2 })
  const seen = new Set<number>()
  for (let turn = 0; turn < 60; turn++) {
    endOne()
    await settled()
    for (const id of Object.keys(runs())) seen.add(Number(id))
    expect(Math.max(...Object.values(runs()))).toBeLessThanOrEqual(2)
  }
  expect([...seen].sort((left, right) => left - right)).toEqual([1, 2, 3, 4])
  expect([...files.values()].filter(({ sessionId }) => sessionId !== 1)).toEqual([])
  expect(new Set(started).size).toBe(started.length)
})

test('what somebody waits for does not wait for what runs by itself, and runs once for all who ask', async () => {
  await using rig = setUp()
  const { queue, add, running, started } = rig
  for (const sessionId of [1, 2, 3, 4]) add(sessionId, 5)
  await settled()
  const asked = Promise.all([queue.now(900, 1), queue.now(900, 1)])
  expect(running.get(900)?.awaited).toBe(true)
  expect(started.filter((id) => id === 900)).toEqual([900])
  running.get(900)?.end()
  await asked
})

test('of a session that is not online nothing runs by itself, until it is woken online', async () => {
  let isOnline = false
  await using rig = setUp({ online: () => isOnline })
  const { queue, add, runs } = rig
  add(1, 3)
  await settled()
  expect(runs()).toEqual({})
  isOnline = true
  queue.wake(1)
  await settled()
  expect(runs()).toEqual({ 1: 2 })
})

test('what is due later runs then, on one timer', async () => {
  await using rig = setUp()
  const { clock, add, runs, reads } = rig
  add(1, 1, clock.now() + 60_000)
  await settled()
  expect(runs()).toEqual({})
  const before = reads()
  await clock.advance(59_000)
  await settled()
  expect(reads()).toBe(before)
  await clock.advance(1_000)
  await settled()
  expect(runs()).toEqual({ 1: 1 })
})

test('a store that does not answer is asked again', async () => {
  await using rig = setUp()
  const { clock, add, runs, breaks } = rig
  breaks(true)
  add(1, 1)
  await settled()
  expect(runs()).toEqual({})
  breaks(false)
  await clock.advance(5_000)
  await settled()
  expect(runs()).toEqual({ 1: 1 })
})

test('an attempt that the store breaks under is made again, and not at once', async () => {
  await using rig = setUp()
  const { clock, add, running, started, runs } = rig
  add(1, 1)
  await settled()
  running.values().next().value?.fail(new Error('the store is down'))
  await settled()
  expect(started.length).toBe(1)
  await clock.advance(5_000)
  await settled()
  expect(started.length).toBe(2)
  expect(runs()).toEqual({ 1: 1 })
})
