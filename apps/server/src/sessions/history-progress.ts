import type { HistoryKind } from './baileys/index.ts'

/** How far the history of a session has come. Times are Unix ms. */
export interface HistoryProgress {
  /** `waiting`: for the phone's next part. `failed`: a part could not be read; it is tried again. */
  at: 'syncing' | 'waiting' | 'done' | 'failed'
  /** Of everything that the phone sends after linking, 0 to 100. */
  percent: number
  /** How far each kind of part that was read has come, 0 to 100. */
  parts: Partial<Record<HistoryKind, number>>
  /** Stored since `startedAt` that were not there before. */
  messages: number
  chats: number
  contacts: number
  failure: string | undefined
  startedAt: number
  updatedAt: number
  finishedAt: number | undefined
}

/** The part that is being read. `before`: how far its kind had come. */
export interface PartProgress {
  kind: HistoryKind
  percent: number
}

/** From and to which percent of the whole each kind goes, with and without the history of years. */
const spans = {
  recent: { bootstrap: [0, 10], recent: [10, 100] },
  full: { bootstrap: [0, 5], recent: [5, 30], full: [30, 100] },
} as const satisfies Record<string, Partial<Record<HistoryKind, readonly [number, number]>>>

/** Percent of the whole after these parts. Pure. */
export function overall(parts: HistoryProgress['parts'], isFull: boolean): number {
  let percent = 0
  for (const [kind, [from, to]] of Object.entries(spans[isFull ? 'full' : 'recent'])) {
    const part = parts[kind as HistoryKind] // the keys of a record of kinds
    if (part !== undefined) percent = Math.max(percent, from + ((to - from) * part) / 100)
  }
  return Math.floor(percent)
}

/** The progress when a part is going to be read. A phone that links us again begins again. Pure. */
export function begun(
  before: HistoryProgress | undefined,
  { kind }: PartProgress,
  now: number,
): HistoryProgress {
  if (before !== undefined && !(kind === 'bootstrap' && before.parts.bootstrap === 100))
    return { ...before, at: 'syncing', failure: undefined, updatedAt: now, finishedAt: undefined }
  return {
    at: 'syncing',
    percent: 0,
    parts: {},
    messages: 0,
    chats: 0,
    contacts: 0,
    failure: undefined,
    startedAt: now,
    updatedAt: now,
    finishedAt: undefined,
  }
}

/** The progress when `read` of a part, 0 to 1, has been read, and so many things were stored with it. Never goes back. Pure. */
export function advanced(
  before: HistoryProgress,
  part: PartProgress,
  {
    read,
    stored,
    isFull,
    now,
  }: {
    read: number
    stored: { messages: number; chats: number; contacts: number }
    isFull: boolean
    now: number
  },
): HistoryProgress {
  const reached = before.parts[part.kind] ?? 0
  const within = Math.max(reached, reached + (part.percent - reached) * read)
  const full = isFull || before.parts.full !== undefined
  return {
    ...before,
    percent: Math.max(before.percent, Math.min(99, overall({ ...before.parts, [part.kind]: within }, full))),
    messages: before.messages + stored.messages,
    chats: before.chats + stored.chats,
    contacts: before.contacts + stored.contacts,
    updatedAt: now,
  }
}

/** Of a part, in percent, that may be sent again. */
const almostAll = 99

/** The progress when a part has been read to its end, or never will be. Pure. */
export function ended(
  before: HistoryProgress,
  part: PartProgress,
  {
    failure,
    isLost,
    isLeft,
    isFull,
    now,
  }: {
    failure: string | undefined
    /** This part is not to be had. */
    isLost: boolean
    /** Another part could not be read yet, and is tried again. */
    isLeft: boolean
    isFull: boolean
    now: number
  },
): HistoryProgress {
  // A first part that is lost comes again: then it is not the first one of another link.
  const reachedNow = part.kind === 'bootstrap' && isLost ? Math.min(part.percent, almostAll) : part.percent
  const parts = { ...before.parts, [part.kind]: Math.max(before.parts[part.kind] ?? 0, reachedNow) }
  const reached = overall(parts, isFull || parts.full !== undefined)
  const percent = Math.max(before.percent, isLeft ? Math.min(99, reached) : reached)
  const isDone = percent === 100
  return {
    ...before,
    at: isLeft ? 'failed' : isDone ? 'done' : 'waiting',
    percent,
    parts,
    failure,
    updatedAt: now,
    finishedAt: isDone && !isLeft ? now : undefined,
  }
}
