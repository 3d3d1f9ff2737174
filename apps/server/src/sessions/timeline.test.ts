import { expect, test } from 'vitest'

import { createEvents } from '../events/index.ts'
import { type Database, StoreFault } from '../platform/database/index.ts'
import { silentLog as log } from '../platform/log.ts'
import { databases } from '../platform/testing/databases.ts'
import { createManualClock } from '../platform/testing/manual-clock.ts'
import { createTimeline, type Happening } from './timeline.ts'

databases('the timeline of sessions', ({ open }) => {
  test('what happens is numbered per session, newest first, with its events in one transaction', async () => {
    await using database = await withSessions(await open())
    const { timeline, events, clock } = started(database)
    timeline.add(1, [happening('state', 'a'), happening('tcp')], { state: '{"state":{"at":"online"}}' })
    timeline.add(2, [happening('state', 'b')], {})
    timeline.add(1, [happening('state', 'c')], { lastError: '{"code":"unknown","at":1}' })
    await timeline.flushed()
    const { rows, total } = await timeline.page(1, { offset: 0, limit: 10 })
    expect([total, rows.map(({ seq, kind, detail }) => [seq, kind, detail['name']])]).toEqual([
      3,
      [
        [3, 'state', 'c'],
        [2, 'tcp', undefined],
        [1, 'state', 'a'],
      ],
    ])
    const told = await events.after(0, { limit: 10 })
    expect(told.map(({ id }) => id).sort()).toEqual(['session.1.1', 'session.1.3', 'session.2.1'])
    const row = await database.read
      .selectFrom('session')
      .select(['state', 'last_error', 'timeline_seq'])
      .where('id', '=', 1)
      .executeTakeFirst()
    expect(row).toEqual({
      state: '{"state":{"at":"online"}}',
      last_error: '{"code":"unknown","at":1}',
      timeline_seq: 3,
    })
    await timeline[Symbol.asyncDispose]()
    await events[Symbol.asyncDispose]()
    expect(clock.pending).toBe(0)
  })

  test('what is not stored yet can be read already', async () => {
    await using database = await withSessions(await open())
    const { timeline, events } = started(database)
    timeline.add(1, [happening('first')], {})
    await timeline.flushed()
    timeline.add(1, [happening('second'), happening('third')], {})
    const { rows, total } = await timeline.page(1, { offset: 0, limit: 10 })
    expect([total, rows.map(({ seq, kind }) => [seq, kind])]).toEqual([
      3,
      [
        [3, 'third'],
        [2, 'second'],
        [1, 'first'],
      ],
    ])
    expect((await timeline.page(1, { offset: 1, limit: 1 })).rows.map(({ kind }) => kind)).toEqual(['second'])
    await timeline[Symbol.asyncDispose]()
    await events[Symbol.asyncDispose]()
  })

  test('while the store takes nothing it is kept, and stored once, in order, when it does', async () => {
    await using database = await withSessions(await open())
    let isFull = true
    const failing: Database = {
      ...database,
      write: (work) => (isFull ? Promise.reject(new StoreFault('disk full')) : database.write(work)),
    }
    const { timeline, events, clock } = started(failing)
    timeline.add(1, [happening('first')], {})
    await timeline.flushed()
    timeline.add(1, [happening('second')], {})
    await clock.advance(1_000)
    await timeline.flushed()
    expect(await database.read.selectFrom('session_timeline').selectAll().execute()).toEqual([])
    isFull = false
    await clock.advance(2_000)
    await timeline.flushed()
    const stored = await database.read
      .selectFrom('session_timeline')
      .select(['seq', 'kind'])
      .orderBy('seq')
      .execute()
    expect(stored).toEqual([
      { seq: 1, kind: 'first' },
      { seq: 2, kind: 'second' },
    ])
    await timeline[Symbol.asyncDispose]()
    await events[Symbol.asyncDispose]()
  })

  test('one session that cannot be written does not hold up the others', async () => {
    await using database = await withSessions(await open())
    const { timeline, events } = started(database)
    // Not JSON a column can hold: a bug, and not the store's fault.
    timeline.add(1, [{ ...happening('broken'), generation: Number.NaN }], {})
    timeline.add(2, [happening('fine')], {})
    timeline.add(3, [happening('of a session that is gone')], {})
    await timeline.flushed()
    const stored = await database.read.selectFrom('session_timeline').select(['session_id', 'kind']).execute()
    expect(stored).toEqual([{ session_id: 2, kind: 'fine' }])
    await timeline[Symbol.asyncDispose]()
    await events[Symbol.asyncDispose]()
  })

  test('it stays bounded: the newest 2,000 rows, and none older than thirty days', async () => {
    await using database = await withSessions(await open())
    const { timeline, events, clock } = started(database)
    const many = Array.from({ length: 2_100 }, (_, i) => ({ ...happening('tcp'), at: clock.now() + i }))
    timeline.add(1, many, {})
    timeline.add(2, [{ ...happening('old'), at: clock.now() - 31 * 86_400_000 }, happening('new')], {})
    await timeline.flushed()
    await timeline.sweep(new AbortController().signal)
    const first = await timeline.page(1, { offset: 1_990, limit: 100 })
    expect([first.total, first.rows.at(-1)?.seq]).toEqual([2_000, 101])
    expect((await timeline.page(2, { offset: 0, limit: 10 })).rows.map(({ kind }) => kind)).toEqual(['new'])
    await timeline[Symbol.asyncDispose]()
    await events[Symbol.asyncDispose]()
  })
})

function started(database: Database) {
  const clock = createManualClock()
  const events = createEvents({ database, clock, log })
  return { clock, events, timeline: createTimeline({ database, events, clock, log }) }
}

function happening(kind: string, name?: string): Happening {
  const at = Date.UTC(2026, 0, 1)
  if (name === undefined) return { at, generation: 1, kind, detail: {} }
  return { at, generation: 1, kind, detail: { name }, event: { type: 'session.state', data: { name } } }
}

async function withSessions(database: Database): Promise<Database> {
  const row = {
    owner_id: 1,
    name: 's',
    wish: 'run',
    state: '{}',
    data_key: new Uint8Array(1),
    webhook_events: '[]',
    webhook_preset: 'legacy',
    send_to_frappe: 0,
    timeline_seq: 0,
    last_activity_at: 0,
    created_at: 0,
    updated_at: 0,
  } as const
  await database.write(async (tx) => {
    for (const id of [1, 2])
      await tx.db
        .insertInto('session')
        .values({ ...row, id, session_id: `s${id}` })
        .execute()
  })
  return database
}
