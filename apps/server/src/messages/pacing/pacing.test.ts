import fc from 'fast-check'
import { expect, test } from 'vitest'

import {
  afterSend,
  dayMs,
  expectedAt,
  mayGoAt,
  newChatAt,
  noHistory,
  type PacingHistory,
  type PacingSettings,
  unpaced as off,
  warmUpDay,
} from './pacing.ts'

/** Sends to each chat as soon as it may; answers when each went. */
function sendAll(settings: PacingSettings, chats: readonly string[], chance = 0.5): number[] {
  let history: PacingHistory = noHistory
  let now = 0
  return chats.map((chat) => {
    now = mayGoAt(settings, history, chat, now)
    history = afterSend(settings, history, { chat, now, chance })
    return now
  })
}

test('nothing is held when nothing is set', () => {
  expect(sendAll(off, ['a', 'b', 'c'])).toEqual([0, 0, 0])
})

test('in any minute at most so many go, whatever is sent', () => {
  expect(sendAll({ ...off, perMinute: 2 }, ['a', 'a', 'a', 'a', 'a'])).toEqual([
    0, 0, 60_000, 60_000, 120_000,
  ])
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.nat(40_000)), { maxLength: 60 }),
      (perMinute, sends) => {
        const settings = { ...off, perMinute }
        let history: PacingHistory = noHistory
        let now = 0
        const times: number[] = []
        for (const [chat, later] of sends) {
          now = mayGoAt(settings, history, chat, now + later)
          history = afterSend(settings, history, { chat, now, chance: 0 })
          times.push(now)
        }
        for (const [index, at] of times.entries()) {
          const earlier = times[index - perMinute]
          if (earlier !== undefined) expect(at - earlier).toBeGreaterThanOrEqual(60_000)
        }
      },
    ),
  )
})

test('a pause stands between messages to different chats, and not within one', () => {
  const settings = { ...off, pauseMs: { min: 2_000, max: 8_000 } }
  expect(sendAll(settings, ['a', 'a', 'b', 'b', 'a'])).toEqual([0, 0, 5_000, 5_000, 10_000])
  expect(sendAll(settings, ['a', 'b'], 0)).toEqual([0, 2_000])
})

test('a new number may send more each day, and as it likes when the warm-up is over', () => {
  const settings = { ...off, warmUp: { perDay: 2, days: 2, since: 0 } }
  expect(
    sendAll(
      settings,
      Array.from({ length: 8 }, () => 'a'),
    ),
  ).toEqual([0, 0, dayMs, dayMs, dayMs, dayMs, 2 * dayMs, 2 * dayMs])
  expect(warmUpDay(settings, 2 * dayMs)).toBeUndefined()
  expect(warmUpDay(settings, -1)).toMatchObject({ index: 0 })
})

test('what stands further back is expected later, and not at all when the day has no room for it', () => {
  const settings = { ...off, perMinute: 6, warmUp: { perDay: 3, days: 5, since: 0 } }
  const at = (position: number) => expectedAt(settings, noHistory, { position, firstAt: 5_000, now: 0 })
  expect([at(1), at(2), at(3), at(4)]).toEqual([5_000, 15_000, 25_000, undefined])
})

test('a new chat waits for the hour and for the day, whichever is later', () => {
  const hour = 3_600_000
  expect(newChatAt(off.newChats, [5, 6])).toBe(0)
  expect(newChatAt({ perHour: 2, perDay: undefined }, [5])).toBe(0)
  expect(newChatAt({ perHour: 2, perDay: undefined }, [5, 6, 7])).toBe(6 + hour)
  expect(newChatAt({ perHour: 2, perDay: 3 }, [5, 6, 7])).toBe(5 + dayMs)
})
