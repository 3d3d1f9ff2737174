import { expect, test } from 'vitest'

import { silentLog } from '../platform/log.ts'
import { databases } from '../platform/testing/databases.ts'
import { createManualClock } from '../platform/testing/manual-clock.ts'
import type { Database } from '../platform/database/index.ts'
import { createEvents, type Events, type NewEvent, type StoredEvent } from './index.ts'
import { keepEventsMs } from './retention.ts'

let made = 0
function connected(sessionId: number, more: Partial<NewEvent> = {}): NewEvent {
  made += 1
  return {
    sessionId,
    type: 'session.connected',
    data: { phoneNumber: '12025550123' },
    at: 1,
    id: `e${made}`,
    ...more,
  }
}

databases('the event log', ({ open, place }) => {
  const started = async () => startedOn(await open())
  function startedOn(opened: Database) {
    const stack = new AsyncDisposableStack()
    const clock = createManualClock()
    const database = stack.use(opened)
    const events = stack.use(createEvents({ database, log: silentLog, clock }))
    const append = (...list: NewEvent[]) => database.write((tx) => events.append(tx, list))
    return { database, events, clock, append, [Symbol.asyncDispose]: () => stack.disposeAsync() }
  }
  const all = (events: Events) => events.after(0, { limit: 1000 })

  test('events are numbered without holes, in all and per session', async () => {
    await using hub = await started()
    await hub.append(connected(1), connected(2), connected(1))
    await hub.append(connected(2), connected(1))
    const stored = await all(hub.events)
    expect(stored.map(({ seq, sessionId, sessionSeq }) => [seq, sessionId, sessionSeq])).toEqual([
      [1, 1, 1],
      [2, 2, 1],
      [3, 1, 2],
      [4, 2, 2],
      [5, 1, 3],
    ])
    expect(await hub.events.latest()).toBe(5)
  })

  test('what is read back equals what was appended', async () => {
    await using hub = await started()
    const event = connected(7, { data: { text: '¿Abren hoy? ☕', nested: { at: 1 } }, at: 1_790_000_000_123 })
    const answered = await hub.append(event)
    expect(answered).toEqual([{ ...event, seq: 1, sessionSeq: 1 }])
    expect(await all(hub.events)).toEqual(answered)
  })

  test('several processes number one log without holes', async () => {
    await using where = await place()
    await using first = startedOn(await where.open())
    await first.append(connected(1), connected(2))
    if (first.database.dialect === 'sqlite') return // one process alone may open it
    await using second = startedOn(await where.open())
    await second.append(connected(1), connected(1))
    await first.append(connected(2), connected(1))
    await Promise.all([first, second].flatMap((hub) => [hub.append(connected(1)), hub.append(connected(2))]))
    const stored = await all(first.events)
    expect(stored.map((event) => event.seq)).toEqual(stored.map((_, n) => n + 1))
    for (const sessionId of [1, 2]) {
      const own = stored.filter((event) => event.sessionId === sessionId)
      expect(own.map((event) => event.sessionSeq)).toEqual(own.map((_, n) => n + 1))
    }
  })

  test('an event that is already stored is not told again and takes no number', async () => {
    await using hub = await started()
    const first = connected(1)
    await hub.append(first)
    const twice = connected(1)
    expect(await hub.append(first, twice, twice, connected(1))).toHaveLength(2)
    expect((await all(hub.events)).map((event) => event.seq)).toEqual([1, 2, 3])
    expect(await hub.append(first)).toEqual([])
  })

  test('writers at the same time get their numbers in the order of their commits', async () => {
    await using hub = await started()
    const told: number[] = []
    using _ = hub.events.subscribe((events) => told.push(...events.map((event) => event.seq)))
    await Promise.all(Array.from({ length: 400 }, (_, n) => hub.append(connected(n % 3), connected(n % 3))))
    const stored = await all(hub.events)
    expect(stored.map((event) => event.seq)).toEqual(Array.from({ length: 800 }, (_, n) => n + 1))
    expect(told).toEqual(stored.map((event) => event.seq))
    for (const sessionId of [0, 1, 2]) {
      const own = stored.filter((event) => event.sessionId === sessionId)
      expect(own.map((event) => event.sessionSeq)).toEqual(own.map((_, n) => n + 1))
    }
  })

  test('a transaction that is undone after others had their numbers tells nothing and holds nobody up', async () => {
    await using hub = await started()
    const told: number[] = []
    using _ = hub.events.subscribe((events) => told.push(...events.map((event) => event.seq)))
    const outcomes = await Promise.allSettled(
      Array.from({ length: 60 }, (_, n) =>
        hub.database.write(async (tx) => {
          await hub.events.append(tx, [connected(1), connected(1)])
          if (n % 3 === 0) throw new Error('changed its mind')
        }),
      ),
    )
    expect(outcomes.filter((outcome) => outcome.status === 'fulfilled')).toHaveLength(40)
    await expect.poll(() => told).toEqual(Array.from({ length: 80 }, (_, n) => n + 1))
  })

  test('a transaction that fails leaves neither events nor holes, and tells nobody', async () => {
    await using hub = await started()
    const told: StoredEvent[] = []
    using _ = hub.events.subscribe((events) => told.push(...events))
    await expect(
      hub.database.write(async (tx) => {
        await hub.events.append(tx, [connected(1)])
        throw new Error('changed its mind')
      }),
    ).rejects.toThrow('changed its mind')
    await hub.append(connected(1))
    expect(told.map((event) => [event.seq, event.sessionSeq])).toEqual([[1, 1]])
  })

  test('work beside an append shares its transaction', async () => {
    await using hub = await started()
    const seen: { inside: number; events: number }[] = []
    const countIn = async (db: Database['read']) =>
      (await db.selectFrom('event').select('seq').execute()).length
    hub.events.whileAppending(async (tx, events) => {
      seen.push({ inside: await countIn(tx.db), events: events.length })
      if (events.some((event) => event.sessionId === 13)) throw new Error('refused')
      return undefined
    })
    await hub.append(connected(1), connected(1))
    await expect(hub.append(connected(13))).rejects.toThrow('refused')
    expect(seen).toEqual([
      { inside: 2, events: 2 },
      { inside: 3, events: 1 },
    ])
    expect(await all(hub.events)).toHaveLength(2)
  })

  test('a listener that throws does not keep the others from hearing', async () => {
    await using hub = await started()
    const told: number[] = []
    using _a = hub.events.subscribe(() => {
      throw new Error('broken listener')
    })
    const b = hub.events.subscribe((events) => told.push(events.length))
    await hub.append(connected(1))
    b[Symbol.dispose]()
    await hub.append(connected(1))
    expect(told).toEqual([1])
  })

  test('readers filter by session and type, and page by seq', async () => {
    await using hub = await started()
    await hub.append(
      connected(1),
      connected(2, { type: 'session.qr' }),
      connected(1, { type: 'session.qr' }),
      connected(3),
    )
    const seqs = async (...query: Parameters<Events['after']>) =>
      (await hub.events.after(...query)).map((event) => event.seq)
    expect(await seqs(0, { sessionIds: [1], limit: 10 })).toEqual([1, 3])
    expect(await seqs(0, { types: ['session.qr'], limit: 10 })).toEqual([2, 3])
    expect(
      await seqs(2, { sessionIds: [1, 3], types: ['session.qr', 'session.connected'], limit: 1 }),
    ).toEqual([3])
    expect(await seqs(4, { limit: 10 })).toEqual([])
    expect(await seqs(0, { sessionIds: [], limit: 10 })).toEqual([])
  })

  test('after 30 days events go, and numbering goes on where it was', async () => {
    await using hub = await started()
    const old = hub.clock.now() - keepEventsMs - 1
    await hub.append(
      ...Array.from({ length: 1203 }, (_, n) => connected(n % 2, { at: old })),
      connected(0, { at: hub.clock.now() }),
    )
    await hub.clock.advance(3_600_000)
    // Session 0 has a younger event; session 1 keeps its newest.
    await expect.poll(async () => (await all(hub.events)).map((event) => event.seq)).toEqual([1202, 1204])
    const [next] = await hub.append(connected(1))
    expect(next).toMatchObject({ seq: 1205, sessionSeq: 602 })
  })
})
