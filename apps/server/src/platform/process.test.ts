import { AsyncLocalStorage } from 'node:async_hooks'
import { EventEmitter } from 'node:events'

import { expect, test } from 'vitest'

import { createLog, silentLog } from './log.ts'
import { guardProcess } from './process.ts'
import { createManualClock } from './testing/manual-clock.ts'

function guarded() {
  const exits: number[] = []
  const host = Object.assign(new EventEmitter(), { exit: (code: number) => void exits.push(code) })
  const lines: string[] = []
  const log = createLog({ level: 'debug', destination: { write: (line) => void lines.push(line) } })
  const clock = createManualClock()
  const guard = guardProcess({ log, clock, host })
  return { host, guard, exits, lines, clock }
}

test('the first signal asks to drain, the second stops at once', async () => {
  const { host, guard, exits } = guarded()
  host.emit('SIGTERM')
  expect(guard.stopping.aborted).toBe(true)
  expect(await guard.asked).toEqual({ exitCode: 0, reason: 'signal' })
  expect(exits).toEqual([])
  host.emit('SIGTERM')
  host.emit('SIGINT')
  expect(exits).toEqual([143, 130])
})

test('draining that does not end is ended', async () => {
  const { host, guard, exits, clock } = guarded()
  host.emit('SIGINT')
  await clock.advance(59_999)
  expect(exits).toEqual([])
  await clock.advance(1)
  expect(exits).toEqual([1])
  guard[Symbol.dispose]()
})

test('an uncaught exception drains and fails', async () => {
  const { host, guard, lines } = guarded()
  host.emit('uncaughtException', new Error('broken'))
  expect(await guard.asked).toEqual({ exitCode: 1, reason: 'uncaught_exception' })
  expect(lines.join('')).toContain('broken')
})

test('a rejection is dealt with by whoever claims it, and not logged again', () => {
  const { host, guard, lines } = guarded()
  const claimed: unknown[] = []
  guard.onUnhandledRejection(() => false)
  const claim = guard.onUnhandledRejection((reason) => claimed.push(reason) > 0)
  host.emit('unhandledRejection', 'bad frame')
  expect([claimed, lines, guard.stopping.aborted]).toEqual([['bad frame'], [], false])
  claim[Symbol.dispose]()
  host.emit('unhandledRejection', 'another')
  expect(claimed).toEqual(['bad frame'])
  expect(lines).toHaveLength(1)
})

test('more than twenty unclaimed rejections in a minute drain; spread out they do not', async () => {
  const { host, guard, clock } = guarded()
  for (let i = 0; i < 40; i++) {
    host.emit('unhandledRejection', new Error('stray'))
    await clock.advance(3_000)
  }
  expect(guard.stopping.aborted).toBe(false)
  for (let i = 0; i < 21; i++) host.emit('unhandledRejection', new Error('stray'))
  expect(await guard.asked).toEqual({ exitCode: 1, reason: 'too_many_rejections' })
})

test('a real rejection is offered in the async context it was born in', async () => {
  const session = new AsyncLocalStorage<number>()
  const others = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  const guard = guardProcess({ log: silentLog, clock: createManualClock() })
  try {
    const offered = new Promise((resolve) => {
      guard.onUnhandledRejection((reason) => {
        resolve([session.getStore(), reason])
        return true
      })
    })
    session.run(5, () => void Promise.reject(new Error('from session 5')))
    expect(await offered).toEqual([5, new Error('from session 5')])
  } finally {
    guard[Symbol.dispose]()
    for (const listener of others) process.on('unhandledRejection', listener)
  }
})

test('disposing gives the signals back', () => {
  const { host, guard } = guarded()
  guard[Symbol.dispose]()
  expect(host.eventNames()).toEqual([])
})
