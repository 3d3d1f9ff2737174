/** How a session spreads what it sends. What is undefined does not limit. */
export interface PacingSettings {
  /** Messages in any 60 seconds. */
  readonly perMinute: number | undefined
  /** Before a message to another chat than the last one, drawn anew each time. */
  readonly pauseMs: { readonly min: number; readonly max: number } | undefined
  /** For a new number: `perDay` messages on the first day from `since` (Unix ms) on, twice as many on the second, and so on, for `days`. */
  readonly warmUp: { readonly perDay: number; readonly days: number; readonly since: number } | undefined
  /** Chats that nobody wrote in before, in any hour and in any 24. */
  readonly newChats: NewChatLimits
}

export interface NewChatLimits {
  readonly perHour: number | undefined
  readonly perDay: number | undefined
}

export const unpaced: PacingSettings = {
  perMinute: undefined,
  pauseMs: undefined,
  warmUp: undefined,
  newChats: { perHour: undefined, perDay: undefined },
}

/** What a session sent, as far as its pacing asks. Times are Unix ms. */
export interface PacingHistory {
  /** When it sent within the last minute, oldest first. */
  readonly recent: readonly number[]
  /** Messages on the current day of the warm-up, counted from 0. */
  readonly day: { readonly index: number; readonly sent: number }
  readonly lastChat: string | undefined
  /** A message to another chat than the last goes no sooner. */
  readonly otherChatAt: number
}

export const noHistory: PacingHistory = {
  recent: [],
  day: { index: 0, sent: 0 },
  lastChat: undefined,
  otherChatAt: 0,
}

const minuteMs = 60_000
const hourMs = 3_600_000
export const dayMs = 86_400_000

/** The day of the warm-up at `now` and what may be sent on it; undefined when there is none, or it is over. */
export function warmUpDay(
  { warmUp }: PacingSettings,
  now: number,
): { index: number; from: number; allowed: number } | undefined {
  if (warmUp === undefined) return undefined
  // A wall clock that was set back does not make a day before the first.
  const index = Math.max(0, Math.floor((now - warmUp.since) / dayMs))
  if (index >= warmUp.days) return undefined
  return { index, from: warmUp.since + index * dayMs, allowed: warmUp.perDay * (index + 1) }
}

/** When the next new chat may be begun, Unix ms; in the past when it may be now. `opened`: when those before it were, oldest first. */
export function newChatAt({ perHour, perDay }: NewChatLimits, opened: readonly number[]): number {
  const free = (limit: number | undefined, withinMs: number): number => {
    const oldest = limit === undefined ? undefined : opened[opened.length - limit]
    return oldest === undefined ? 0 : oldest + withinMs
  }
  return Math.max(free(perHour, hourMs), free(perDay, dayMs))
}

/** When the next message may go if it is to `chat`: `now` or later. */
export function mayGoAt(settings: PacingSettings, history: PacingHistory, chat: string, now: number): number {
  let at = now
  if (settings.perMinute !== undefined) {
    const recent = history.recent.filter((sent) => sent > now - minuteMs)
    const oldest = recent[recent.length - settings.perMinute]
    if (oldest !== undefined) at = Math.max(at, oldest + minuteMs)
  }
  if (settings.pauseMs !== undefined && history.lastChat !== undefined && history.lastChat !== chat) {
    at = Math.max(at, history.otherChatAt)
  }
  const day = warmUpDay(settings, now)
  if (day !== undefined && sentOn(history, day.index) >= day.allowed) at = Math.max(at, day.from + dayMs)
  return at
}

/** When the message at `position` (from 1) should go if the first may go at `firstAt`; undefined when nobody can say. */
export function expectedAt(
  settings: PacingSettings,
  history: PacingHistory,
  { position, firstAt, now }: { position: number; firstAt: number; now: number },
): number | undefined {
  if (position === 1) return firstAt
  const day = warmUpDay(settings, now)
  if (day !== undefined && position > day.allowed - sentOn(history, day.index)) return undefined
  const { perMinute, pauseMs } = settings
  const perMessageMs = Math.max(
    perMinute === undefined ? 0 : minuteMs / perMinute,
    pauseMs === undefined ? 0 : (pauseMs.min + pauseMs.max) / 2,
  )
  return Math.round(firstAt + (position - 1) * perMessageMs)
}

/** The history after a message to `chat` went out at `now`. `chance` is in [0, 1). */
export function afterSend(
  settings: PacingSettings,
  history: PacingHistory,
  { chat, now, chance }: { chat: string; now: number; chance: number },
): PacingHistory {
  const { perMinute, pauseMs } = settings
  const day = warmUpDay(settings, now)
  return {
    recent: perMinute === undefined ? [] : [...history.recent.filter((sent) => sent > now - minuteMs), now],
    day: day === undefined ? history.day : { index: day.index, sent: sentOn(history, day.index) + 1 },
    lastChat: chat,
    otherChatAt: pauseMs === undefined ? 0 : now + pauseMs.min + chance * (pauseMs.max - pauseMs.min),
  }
}

function sentOn({ day }: PacingHistory, index: number): number {
  return day.index === index ? day.sent : 0
}
