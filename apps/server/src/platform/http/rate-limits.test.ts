import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import {
  FixedWindows,
  parseRateLimits,
  rateLimitHeaders,
  SteadyBuckets,
  usualRateLimits,
} from './rate-limits.ts'

const limits = fc.record({
  max: fc.integer({ min: 1, max: 50 }),
  windowMs: fc.integer({ min: 1000, max: 100_000 }),
})
const gaps = fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 100 })

describe('fixed windows', () => {
  test('let exactly so many pass in each window, and tell how many are left', () => {
    fc.assert(
      fc.property(limits, gaps, (limit, waits) => {
        const windows = new FixedWindows(limit)
        let now = 0
        let startedAt = -Infinity
        let passed = 0
        for (const wait of waits) {
          now += wait
          if (now >= startedAt + limit.windowMs) {
            startedAt = now
            passed = 0
          }
          const { waitMs, remaining, resetMs } = windows.take('me', now)
          expect(waitMs > 0).toBe(passed === limit.max)
          if (waitMs === 0) passed++
          expect(remaining).toBe(limit.max - passed)
          expect(resetMs).toBe(startedAt + limit.windowMs - now)
        }
      }),
    )
  })

  test('count each caller alone, and looking counts nothing', () => {
    const windows = new FixedWindows({ max: 1, windowMs: 1000 })
    expect(windows.peek('a', 0).remaining).toBe(1)
    expect(windows.take('a', 0).waitMs).toBe(0)
    expect(windows.take('b', 0).waitMs).toBe(0)
    expect(windows.take('a', 1).waitMs).toBe(999)
    expect(windows.peek('a', 1)).toMatchObject({ remaining: 0, resetMs: 999, waitMs: 0 })
  })
})

describe('steady buckets', () => {
  test('never let more pass than one full bucket and what refills in the meantime', () => {
    fc.assert(
      fc.property(limits, gaps, fc.integer({ min: 0, max: 5000 }), (limit, waits, holdMs) => {
        const buckets = new SteadyBuckets(limit)
        const passedAt: number[] = []
        let now = 0
        for (const wait of waits) {
          now += wait
          const { waitMs, remaining } = buckets.take('me', now, holdMs)
          expect(remaining).toBeGreaterThanOrEqual(0)
          if (waitMs <= holdMs) passedAt.push(now + waitMs)
        }
        expect(passedAt).toEqual([...passedAt].sort((left, right) => left - right))
        const everyMs = limit.windowMs / limit.max
        for (const [first, from] of passedAt.entries())
          for (let last = first; last < passedAt.length; last++) {
            const span = (passedAt[last] ?? 0) - from
            expect(last - first + 1).toBeLessThanOrEqual(limit.max + Math.floor(span / everyMs + 1e-6))
          }
      }),
    )
  })

  test('one that was refused took no place', () => {
    const buckets = new SteadyBuckets({ max: 1, windowMs: 10_000 })
    expect(buckets.take('me', 0, 0).waitMs).toBe(0)
    for (let i = 0; i < 5; i++) expect(buckets.take('me', 5000, 0).waitMs).toBe(5000)
    expect(buckets.take('me', 10_000, 0).waitMs).toBe(0)
  })
})

test('headers tell whole seconds, rounded up', () => {
  expect(
    rateLimitHeaders({ limit: { max: 20, windowMs: 60_000 }, remaining: 3, resetMs: 1001, waitMs: 0 }),
  ).toEqual({
    'ratelimit-policy': '20;w=60',
    'ratelimit-limit': '20',
    'ratelimit-remaining': '3',
    'ratelimit-reset': '2',
  })
})

describe('limits as an operator writes them', () => {
  test('change the buckets they name and leave the others', () => {
    expect(parseRateLimits('sending=60/30, reads=20000/900')).toEqual({
      ...usualRateLimits,
      sending: { max: 60, windowMs: 30_000 },
      reads: { max: 20_000, windowMs: 900_000 },
    })
  })

  test('can be off', () => {
    expect(parseRateLimits('Off')?.sending.max).toBeGreaterThan(1e6)
  })

  test.each(['', 'sends=1/1', 'sending=0/60', 'sending=10', 'sending=10/60;reads=1/1'])(
    'refuse %j',
    (text) => {
      expect(parseRateLimits(text)).toBeUndefined()
    },
  )
})
