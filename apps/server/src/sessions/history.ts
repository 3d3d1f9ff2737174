import './tables.ts'

import { createHash } from 'node:crypto'

import type { SessionSynced } from '@inbox-hub/contract'

import type { Events } from '../events/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { Selectable } from 'kysely'

import { type Database, insertRows, statement, type Tx } from '../platform/database/index.ts'
import type { HistoryBatch, HistoryPart, HistoryTaker } from './baileys/index.ts'
import { advanced, begun, ended, type HistoryProgress } from './history-progress.ts'
import type { SessionRecord } from './session-store.ts'
import type { SessionSyncTable } from './tables.ts'

const dayMs = 86_400_000

/** How many things of a batch were not there before. */
export interface Stored {
  messages: number
  chats: number
  contacts: number
}

/** Stores a batch in the transaction; what is in the store already stays as it is. */
export type StoreHistory = (
  tx: Tx,
  sessionId: number,
  batch: HistoryBatch,
  options: { /** Of one chat, because somebody asked. */ isAsked: boolean },
) => Promise<Stored>

/** A part that answers a request of ours was read. */
export interface Answered {
  sessionId: number
  requestId: string
  messages: number
}

/** What phones tell of before, and how far each session has come with it. */
export interface History {
  readonly taker: HistoryTaker
  load(): Promise<void>
  progress(sessionId: number): HistoryProgress | undefined
  storeWith(store: StoreHistory): void
  onAnswered(listener: (answered: Answered) => void): Disposable
  forget(sessionId: number): void
}

interface HistoryDeps {
  database: Database
  events: Pick<Events, 'append'>
  settingsOf: (sessionId: number) => SessionRecord['settings']['history'] | undefined
  clock: Clock
}

const save = insertRows(
  'session_sync',
  [
    'session_id',
    'state',
    'percent',
    'parts',
    'part_hash',
    'part_items',
    'messages',
    'chats',
    'contacts',
    'failure',
    'started_at',
    'updated_at',
    'finished_at',
  ],
  (insert) =>
    insert.onConflict((conflict) =>
      conflict.column('session_id').doUpdateSet((eb) => ({
        state: eb.ref('excluded.state'),
        percent: eb.ref('excluded.percent'),
        parts: eb.ref('excluded.parts'),
        part_hash: eb.ref('excluded.part_hash'),
        part_items: eb.ref('excluded.part_items'),
        messages: eb.ref('excluded.messages'),
        chats: eb.ref('excluded.chats'),
        contacts: eb.ref('excluded.contacts'),
        failure: eb.ref('excluded.failure'),
        started_at: eb.ref('excluded.started_at'),
        updated_at: eb.ref('excluded.updated_at'),
        finished_at: eb.ref('excluded.finished_at'),
      })),
    ),
)

const rowOf = statement((db, p: { sessionId: number }) =>
  db.selectFrom('session_sync').selectAll().where('session_id', '=', p.sessionId),
)

/** What is known of one session. Only its owner reads its history, one part at a time. */
interface Known {
  progress: HistoryProgress
  /** The part that is being read, and how many of its items are stored. */
  reading: { hash: string; items: number } | undefined
  /** Messages that the part has brought so far, in this process. */
  brought: number
}

export function createHistory({ database, events, settingsOf, clock }: HistoryDeps): History {
  const known = new Map<number, Known>()
  /** Parts that could not be read and are tried again, and why. */
  const left = new Map<number, Map<string, string>>()
  /** Parts that are not to be had, and why, until the phone sends them again. */
  const lost = new Map<number, Map<string, string>>()
  const listeners = new Set<(answered: Answered) => void>()
  let store: StoreHistory = async () => ({ messages: 0, chats: 0, contacts: 0 })

  const isFull = (sessionId: number): boolean => settingsOf(sessionId)?.mode === 'full'

  async function keep(tx: Tx, sessionId: number, next: Known, part?: HistoryPart): Promise<void> {
    const { progress, reading } = next
    const before = known.get(sessionId)?.progress
    await save.run(tx, [
      {
        session_id: sessionId,
        state: progress.at,
        percent: progress.percent,
        parts: JSON.stringify(progress.parts),
        part_hash: reading?.hash ?? null,
        part_items: reading?.items ?? 0,
        messages: progress.messages,
        chats: progress.chats,
        contacts: progress.contacts,
        failure: progress.failure ?? null,
        started_at: progress.startedAt,
        updated_at: progress.updatedAt,
        finished_at: progress.finishedAt ?? null,
      },
    ])
    const isAnswer = part?.requestId !== undefined && reading === undefined
    const isNews =
      before?.percent !== progress.percent ||
      before.at !== progress.at ||
      (progress.failure !== undefined && progress.failure !== before.failure)
    if (isAnswer || isNews) {
      const data: SessionSynced = {
        scope: part?.kind === 'on_demand' ? 'chat' : 'session',
        state: progress.at,
        percent: progress.percent,
        messages: progress.messages,
        chats: progress.chats,
        contacts: progress.contacts,
        requestId: part?.requestId ?? null,
        requested: isAnswer ? next.brought : null,
        error: progress.failure ?? null,
        timestamp: progress.updatedAt,
      }
      await events.append(tx, [
        {
          sessionId,
          type: 'session.sync',
          at: progress.updatedAt,
          id: eventIdOf(sessionId, progress, part),
          data,
        },
      ])
    }
    tx.afterCommit(() => known.set(sessionId, next))
  }

  const taker: HistoryTaker = {
    wants(sessionId) {
      const { mode, days } = settingsOf(sessionId) ?? { mode: 'recent', days: undefined }
      return {
        messages: mode !== 'none',
        since: days === undefined ? undefined : clock.now() - days * dayMs,
      }
    },
    async begin(tx, part) {
      const { sessionId, hash } = part
      // Another process may have read the parts before.
      const row = await rowOf.first(tx, { sessionId })
      const before =
        row === undefined ? undefined : { ...knownOf(row), brought: known.get(sessionId)?.brought ?? 0 }
      const items = before?.reading?.hash === hash ? before.reading.items : 0
      const progress = begun(before?.progress, part, clock.now())
      const brought = items === 0 ? 0 : (before?.brought ?? 0)
      await keep(tx, sessionId, { progress, reading: { hash, items }, brought }, part)
      return items
    },
    async take(tx, part, batch, { items, read }) {
      const { sessionId, hash, kind } = part
      const before = known.get(sessionId)
      if (before === undefined) throw new Error('A part of the history is read that was not begun.')
      const stored = await store(tx, sessionId, batch, { isAsked: kind === 'on_demand' })
      await keep(
        tx,
        sessionId,
        {
          progress: advanced(before.progress, part, {
            read,
            stored,
            isFull: isFull(sessionId),
            now: clock.now(),
          }),
          reading: { hash, items },
          brought: before.brought + stored.messages,
        },
        part,
      )
    },
    async end(tx, part, failure) {
      const { sessionId, hash, requestId, kind, order } = part
      const name = `${kind} ${order}`
      const gaps = new Map([...(lost.get(sessionId) ?? [])].filter(([other]) => other !== name))
      if (failure !== undefined) gaps.set(name, failure)
      const now = clock.now()
      const before = known.get(sessionId)
      const brought = before?.reading?.hash === hash ? before.brought : 0
      const others = [...(left.get(sessionId) ?? [])].filter(([other]) => other !== hash)
      const progress = ended(before?.progress ?? begun(undefined, part, now), part, {
        failure: failure ?? others[0]?.[1] ?? [...gaps.values()][0],
        isLost: failure !== undefined,
        isLeft: others.length > 0,
        isFull: isFull(sessionId),
        now,
      })
      await keep(tx, sessionId, { progress, reading: undefined, brought }, part)
      tx.afterCommit(() => {
        left.set(sessionId, new Map(others))
        lost.set(sessionId, gaps)
        if (requestId === undefined) return
        for (const listener of listeners) listener({ sessionId, requestId, messages: brought })
      })
    },
    async failed(tx, part, failure) {
      const { sessionId, hash } = part
      const now = clock.now()
      const before = known.get(sessionId)
      const progress = before?.progress ?? begun(undefined, part, now)
      await keep(
        tx,
        sessionId,
        {
          progress: { ...progress, at: 'failed', failure, updatedAt: now },
          reading: before?.reading,
          brought: before?.brought ?? 0,
        },
        part,
      )
      tx.afterCommit(() => left.set(sessionId, new Map(left.get(sessionId)).set(hash, failure)))
    },
  }

  return {
    taker,
    async load() {
      const rows = await database.read.selectFrom('session_sync').selectAll().execute()
      for (const row of rows) known.set(row.session_id, knownOf(row))
    },
    progress: (sessionId) => known.get(sessionId)?.progress,
    storeWith: (work) => void (store = work),
    onAnswered(listener) {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
    forget(sessionId) {
      known.delete(sessionId)
      left.delete(sessionId)
      lost.delete(sessionId)
    },
  }
}

function knownOf(row: Selectable<SessionSyncTable>): Known {
  const { part_hash: hash } = row
  return {
    progress: {
      at: row.state,
      percent: row.percent,
      parts: JSON.parse(row.parts) as HistoryProgress['parts'], // only `keep` writes it
      messages: row.messages,
      chats: row.chats,
      contacts: row.contacts,
      failure: row.failure ?? undefined,
      startedAt: row.started_at,
      updatedAt: row.updated_at,
      finishedAt: row.finished_at ?? undefined,
    },
    reading: hash === null ? undefined : { hash, items: row.part_items },
    brought: 0,
  }
}

/** The same step of the same sync is told once. */
function eventIdOf(sessionId: number, progress: HistoryProgress, part: HistoryPart | undefined): string {
  const step = [
    sessionId,
    progress.startedAt,
    progress.percent,
    progress.at,
    progress.updatedAt,
    part?.hash ?? '',
  ].join('\n')
  return `session_sync_${createHash('sha256').update(step).digest('base64url').slice(0, 27)}`
}
