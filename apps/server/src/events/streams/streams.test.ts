import { expect, test, vi } from 'vitest'

import { silentLog } from '../../platform/log.ts'
import { databases } from '../../platform/testing/databases.ts'
import { createManualClock } from '../../platform/testing/manual-clock.ts'
import { createEvents, type NewEvent } from '../index.ts'
import { createStreams, type Listener, type Notice, type Telling, type Wanted } from './streams.ts'

/** A reader that takes what it is given, until it is told to stop reading. */
function reader(options: { bytesPerPacket?: number } = {}) {
  const told: number[] = []
  const notices: Notice[] = []
  let waiting = 0
  let reads = true
  let roomy = (): void => {}
  const listener: Listener<{ seqs: readonly number[]; notice?: Notice }> = {
    encode: {
      protocol: 'sse',
      events: (tellings: readonly Telling[]) => ({ seqs: tellings.map(({ seq }) => seq) }),
      notice: (notice) => ({ seqs: [], notice }),
      pulse: { seqs: [] },
    },
    send({ seqs, notice }) {
      told.push(...seqs)
      if (notice !== undefined) notices.push(notice)
      if (!reads) waiting += options.bytesPerPacket ?? 0
      return waiting
    },
    room: () =>
      new Promise((resolve) => {
        if (reads) resolve()
        else roomy = resolve
      }),
    end: (notice) => void notices.push(notice ?? { type: 'stream.behind', after: -1 }),
  }
  return {
    listener,
    told,
    notices,
    stops: () => void (reads = false),
    goesOn: () => {
      reads = true
      waiting = 0
      roomy()
    },
  }
}

databases('event streams', ({ open }) => {
  async function started() {
    const stack = new AsyncDisposableStack()
    const clock = createManualClock()
    const database = stack.use(await open())
    const events = stack.use(createEvents({ database, log: silentLog, clock }))
    const owners = new Map([
      [1, 7],
      [2, 7],
      [3, 8],
    ])
    const streams = stack.use(
      createStreams({
        events,
        sessionsOf: (ownerId) => [...owners].filter(([, owner]) => owner === ownerId).map(([id]) => id),
        sessionOf: (id) => {
          const ownerId = owners.get(id)
          return ownerId === undefined ? undefined : { ownerId, sessionId: `s${id}` }
        },
        clock,
        log: silentLog,
      }),
    )
    let made = 0
    const happens = (sessionId: number, count = 1, type: NewEvent['type'] = 'session.connected') =>
      database.write((tx) =>
        events.append(
          tx,
          Array.from({ length: count }, () => ({
            sessionId,
            type,
            data: {},
            at: clock.now(),
            id: `e${(made += 1)}`,
          })),
        ),
      )
    return { database, events, streams, clock, happens, [Symbol.asyncDispose]: () => stack.disposeAsync() }
  }
  const all: Wanted = { ownerId: 7, sessionId: undefined, types: undefined }

  test('a listener is told what is stored after its place and then what happens, each once and in order', async () => {
    await using hub = await started()
    await hub.happens(1, 1200)
    const { listener, told, notices } = reader()
    using _stream = hub.streams.open(all, 10, listener)
    // While it reads the store.
    for (let n = 0; n < 20; n += 1) await hub.happens(1 + (n % 2))
    await vi.waitFor(async () => {
      await hub.clock.advance(10)
      expect(told).toHaveLength(1210)
    })
    expect(told).toEqual(Array.from({ length: 1210 }, (_, n) => n + 11))
    expect(notices).toEqual([{ type: 'stream.open', next: 10 }])
  })

  test('without a place it is told what happens from now on', async () => {
    await using hub = await started()
    await hub.happens(1, 3)
    const { listener, told, notices } = reader()
    using _stream = hub.streams.open(all, undefined, listener)
    await vi.waitFor(() => expect(notices).toEqual([{ type: 'stream.open', next: 3 }]))
    await hub.happens(1)
    await vi.waitFor(async () => {
      await hub.clock.advance(10)
      expect(told).toEqual([4])
    })
  })

  test("nobody hears of another owner's session, and filters hold live as in the store", async () => {
    await using hub = await started()
    const [mine, one, typed] = [reader(), reader(), reader()]
    await hub.happens(3)
    await hub.happens(2)
    using _mine = hub.streams.open(all, 0, mine.listener)
    using _one = hub.streams.open({ ...all, sessionId: 1 }, 0, one.listener)
    using _typed = hub.streams.open({ ...all, types: ['session.disconnected'] }, 0, typed.listener)
    await hub.happens(3)
    await hub.happens(1)
    await hub.happens(1, 1, 'session.disconnected')
    await vi.waitFor(async () => {
      await hub.clock.advance(10)
      expect(mine.told).toEqual([2, 4, 5])
      expect(one.told).toEqual([4, 5])
      expect(typed.told).toEqual([5])
    })
  })

  test('one that does not read is sent away with its place when a megabyte waits; the others go on', async () => {
    await using hub = await started()
    const slow = reader({ bytesPerPacket: 600 * 1024 })
    const fast = reader()
    using _slow = hub.streams.open(all, undefined, slow.listener)
    using _fast = hub.streams.open(all, undefined, fast.listener)
    await vi.waitFor(() => expect(slow.notices).toHaveLength(1))
    // Live, and not still in its last look at the store.
    await hub.happens(1)
    await vi.waitFor(async () => {
      await hub.clock.advance(10)
      expect(slow.told).toEqual([1])
    })
    slow.stops()
    for (const seq of [2, 3, 4]) {
      await hub.happens(1)
      await vi.waitFor(async () => {
        await hub.clock.advance(10)
        expect(fast.told.at(-1)).toBe(seq)
      })
    }
    expect(slow.told).toEqual([1, 2, 3])
    expect(slow.notices.at(-1)).toEqual({ type: 'stream.behind', after: 3 })
    // It comes back.
    const again = reader()
    using _again = hub.streams.open(all, 3, again.listener)
    await vi.waitFor(() => expect(again.told).toEqual([4]))
  })

  test('one that reads the past is waited for, however slow it is', async () => {
    await using hub = await started()
    await hub.happens(1, 2000)
    const slow = reader({ bytesPerPacket: 2 * 1024 * 1024 })
    slow.stops()
    using _stream = hub.streams.open(all, 0, slow.listener)
    await vi.waitFor(() => expect(slow.told).toHaveLength(500))
    slow.goesOn()
    await vi.waitFor(() => expect(slow.told).toHaveLength(2000))
    expect(slow.notices).toEqual([{ type: 'stream.open', next: 0 }])
  })

  test('one whose place is no longer kept is told so, and goes on with what is', async () => {
    await using hub = await started()
    await hub.happens(1, 3)
    await hub.clock.advance(31 * 86_400_000)
    await vi.waitFor(async () => {
      await hub.clock.advance(3_600_000)
      expect(await hub.events.keptAfter()).toBe(3)
    })
    await hub.happens(1)
    const { listener, told, notices } = reader()
    using _stream = hub.streams.open(all, 1, listener)
    // The newest of its time stays: the next takes its number from it.
    await vi.waitFor(() => expect(told).toEqual([3, 4]))
    expect(notices).toEqual([
      { type: 'stream.open', next: 1 },
      { type: 'stream.gap', after: 1, keptAfter: 3 },
    ])
  })

  test('there is an end to how many an owner may open', async () => {
    await using hub = await started()
    for (let n = 0; n < 500; n += 1) hub.streams.open(all, undefined, reader().listener)
    expect(() => hub.streams.open(all, undefined, reader().listener)).toThrow(
      expect.objectContaining({ code: 'TOO_MANY_STREAMS' }),
    )
    using _other = hub.streams.open({ ...all, ownerId: 8 }, undefined, reader().listener)
  })
})
