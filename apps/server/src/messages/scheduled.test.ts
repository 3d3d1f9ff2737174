import { HubError } from '@inbox-hub/contract'
import { parseJid } from '@inbox-hub/whatsapp'
import { expect, test } from 'vitest'

import { databases } from '../platform/testing/databases.ts'
import { createManualClock, type ManualClock } from '../platform/testing/manual-clock.ts'
import type { SendRequest } from './index.ts'
import { eventually, type Fixture, startFixture } from './testing/messages-fixture.ts'
import { textWritten } from './testing/scripted-sessions.ts'

const ana = parseJid('12025550123@s.whatsapp.net')
const anaLid = parseJid('777000111@lid')
const ben = parseJid('12025550124@s.whatsapp.net')
const call = { language: 'en', signal: undefined } as const
const minute = 60_000
const hour = 60 * minute

async function sendTo(hub: Fixture, text: string, more: Partial<SendRequest> = {}) {
  const request: SendRequest = {
    to: ana,
    content: { kind: 'text', text },
    mentions: [],
    quotedId: undefined,
    idempotencyKey: undefined,
    ...more,
  }
  const [outcome] = await hub.messages.send(hub.session, [request], call)
  if (outcome === undefined) throw new Error('no outcome')
  if ('error' in outcome) throw outcome.error
  return outcome
}

async function schedule(hub: Fixture, text: string, inMs: number, more: Partial<SendRequest> = {}) {
  const outcome = await sendTo(hub, text, { sendAt: hub.clock.now() + inMs, ...more })
  if (!('scheduled' in outcome)) throw new Error('it was sent')
  return outcome.scheduled
}

const waiting = async (hub: Fixture) =>
  (await hub.messages.scheduled.page({ sessionId: 1, chat: undefined }, 100, 0)).rows

const reasonOf = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    await promise
  } catch (error) {
    return error instanceof HubError ? { code: error.code, ...error.details } : error
  }
  return 'it went through'
}

/** Moves the clock until something holds: a commit takes turns of the event loop that no clock knows of. */
async function passing<T>(
  clock: ManualClock,
  read: () => Promise<T | undefined> | T | undefined,
): Promise<T> {
  return eventually(async () => {
    const value = await read()
    if (value === undefined) await clock.advance(1_000)
    return value
  })
}

databases('scheduled messages', ({ open, place }) => {
  test('one waits for its time, is no message until then, and keeps its number and id', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    const scheduled = await schedule(hub, 'Good morning', 2 * hour, { mentions: [ben] })
    expect(await waiting(hub)).toEqual([scheduled])
    expect(await hub.messages.list.total({ sessionId: 1 })).toBe(0)
    await hub.clock.advance(2 * hour - 1)
    expect(link.written).toEqual([])
    await hub.clock.advance(1)
    await eventually(() => link.written[0])
    expect(link.written).toMatchObject([
      { id: scheduled.whatsapp_id, to: ana, content: { content: { text: 'Good morning', mentions: [ben] } } },
    ])
    await eventually(async () => (await hub.told('message.sent'))[0])
    expect(await hub.messages.list.page({ sessionId: 1 }, 10, 0)).toMatchObject([
      { id: scheduled.message_id, whatsapp_id: scheduled.whatsapp_id, status: 'sent' },
    ])
    expect(await waiting(hub)).toEqual([])
    // Nothing is left to wake up for.
    await eventually(() => (hub.messages.backlog().sending === 0 ? true : undefined))
  })

  test('a restart forgets nothing, and what came due meanwhile goes out', async () => {
    const storage = await place()
    const clock = createManualClock()
    const ids = []
    {
      await using hub = await startFixture(() => storage.open(), { clock })
      ids.push((await schedule(hub, 'later', 2 * hour)).whatsapp_id)
      ids.unshift((await schedule(hub, 'sooner', hour)).whatsapp_id)
    }
    await clock.advance(90 * minute)
    await using hub = await startFixture(() => storage.open(), { clock })
    const link = hub.sessions.online()
    await passing(clock, () => (link.written.length === 1 ? true : undefined))
    expect((await waiting(hub)).map(({ whatsapp_id: id }) => id)).toEqual(ids.slice(1))
    await clock.advance(29 * minute)
    await passing(clock, () => (link.written.length === 2 ? true : undefined))
    expect(link.written.map(({ id }) => id)).toEqual(ids)
  })

  test('one that comes due while the session is offline goes out when it is back, before what is sent then', async () => {
    await using hub = await startFixture(open)
    await schedule(hub, 'first', hour)
    await schedule(hub, 'second', hour)
    await hub.clock.advance(3 * hour)
    expect(await waiting(hub)).toHaveLength(2)
    const sending = sendTo(hub, 'third')
    const link = hub.sessions.online()
    await sending
    expect(link.written.map(textWritten)).toEqual(['first', 'second', 'third'])
  })

  test('a session that stays away for a day loses the message, which says why and can be tried again', async () => {
    await using hub = await startFixture(open)
    const { message_id: id } = await schedule(hub, 'Hello', hour)
    await hub.clock.advance(24 * hour)
    expect(await waiting(hub)).toHaveLength(1)
    await hub.clock.advance(hour)
    const failed = await passing(hub.clock, async () => (await hub.told('message.failed'))[0])
    expect(failed.data).toMatchObject({ dbId: id, chatId: ana, reason: 'SCHEDULE_MISSED' })
    const [row] = await hub.messages.list.page({ sessionId: 1 }, 10, 0)
    expect(row).toMatchObject({ id, status: 'failed' })
    const link = hub.sessions.online()
    if (row !== undefined) await hub.messages.retry(hub.session, row, call)
    expect(link.written).toHaveLength(1)
  })

  test('it stands behind what waited in its chat when it came due, before what is asked for later', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    await schedule(hub, 'scheduled', minute)
    link.ackAtOnce = false
    let open1 = (): void => {}
    link.gate = new Promise((resolve) => void (open1 = resolve))
    const sent = [sendTo(hub, 'on the wire')]
    await eventually(() => (hub.messages.backlog().sending === 1 ? true : undefined))
    sent.push(sendTo(hub, 'in line'))
    await eventually(() => (hub.messages.backlog().sending === 2 ? true : undefined))
    await hub.clock.advance(minute)
    await eventually(() => (hub.messages.backlog().sending === 3 ? true : undefined))
    sent.push(sendTo(hub, 'after'))
    await eventually(() => (hub.messages.backlog().sending === 4 ? true : undefined))
    link.ackAtOnce = true
    link.gate = undefined
    open1()
    await Promise.allSettled(sent)
    await eventually(() => (link.written.length === 4 ? true : undefined))
    expect(link.written.map(textWritten)).toEqual(['on the wire', 'in line', 'scheduled', 'after'])
  })

  test('the same key is the same message, before it is due, after, and when it was cancelled', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    const sendAt = hub.clock.now() + hour
    const keyed = { sendAt, idempotencyKey: 'order-1' }
    const both = await Promise.all([schedule(hub, 'Hello', hour, keyed), schedule(hub, 'Hello', hour, keyed)])
    expect(both[0]).toEqual(both[1])
    expect(await schedule(hub, 'Hello', hour, keyed)).toEqual(both[0])
    const conflict = { code: 'IDEMPOTENCY_CONFLICT' }
    expect(await reasonOf(schedule(hub, 'Bye', hour, keyed))).toEqual(conflict)
    expect(await reasonOf(sendTo(hub, 'Hello', { idempotencyKey: 'order-1' }))).toEqual(conflict)
    await hub.clock.advance(hour)
    await eventually(async () => (await hub.told('message.sent'))[0])
    // Its moment is past, which a new request may not be.
    expect(await sendTo(hub, 'Hello', keyed)).toMatchObject({ row: { status: 'sent' } })
    expect(link.written).toHaveLength(1)

    const cancelled = { sendAt: sendAt + hour, idempotencyKey: 'order-2' }
    const { whatsapp_id: id } = await schedule(hub, 'Hello', hour, cancelled)
    await hub.messages.cancel([1], id)
    expect(await reasonOf(sendTo(hub, 'Hello', cancelled))).toMatchObject({ reason: 'CANCELLED' })
  })

  test('a cancelled one never goes out, and can be cancelled again', async () => {
    const storage = await place()
    const clock = createManualClock()
    {
      await using hub = await startFixture(() => storage.open(), { clock })
      const { message_id: id, whatsapp_id: whatsappId } = await schedule(hub, 'Hello', hour)
      const { message_id: other } = await schedule(hub, 'Hello', hour)
      for (const name of [whatsappId, String(id), `true_${ana}_${whatsappId}`]) {
        expect(await hub.messages.cancel([1], name)).toMatchObject({ messageId: id, whatsappId })
      }
      expect((await waiting(hub)).map((row) => row.message_id)).toEqual([other])
      // Of another owner.
      expect(await reasonOf(hub.messages.cancel([2], String(other)))).toEqual({ code: 'MESSAGE_NOT_FOUND' })
    }
    await using hub = await startFixture(() => storage.open(), { clock })
    const link = hub.sessions.online()
    await hub.clock.advance(hour)
    await passing(clock, () => (link.written.length === 1 ? true : undefined))
    expect(await waiting(hub)).toEqual([])
    await clock.advance(15 * 24 * hour)
    await eventually(async () => {
      // Housekeeping comes once an hour, and sets its next hour when it is done.
      await clock.advance(hour)
      const rows = await hub.database.read.selectFrom('scheduled_message').selectAll().execute()
      return rows.length === 0 ? true : undefined
    })
    expect(link.written).toHaveLength(1)
  })

  test('a message that still waits for its turn is taken back; one on the wire is not', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    let open1 = (): void => {}
    link.gate = new Promise((resolve) => void (open1 = resolve))
    const onWire = sendTo(hub, 'on the wire', { idempotencyKey: 'a' })
    await eventually(() => (hub.messages.backlog().sending === 1 ? true : undefined))
    const inLine = reasonOf(sendTo(hub, 'in line', { idempotencyKey: 'b' }))
    await eventually(() => (hub.messages.backlog().sending === 2 ? true : undefined))
    const rows = await hub.messages.list.page({ sessionId: 1 }, 10, 0)
    const idOf = (body: string): string => rows.find((row) => row.body === body)?.whatsapp_id ?? ''
    expect(hub.messages.waiting(1, idOf('in line'))).toMatchObject({ for: 'queue', position: 1 })
    await hub.messages.cancel([1], idOf('in line'))
    expect(await inLine).toMatchObject({ code: 'WHATSAPP_ERROR', reason: 'CANCELLED' })
    await hub.messages.cancel([1], idOf('in line'))
    expect(await reasonOf(hub.messages.cancel([1], idOf('on the wire')))).toEqual({
      code: 'MESSAGE_NOT_CANCELLABLE',
      status: 'pending',
    })
    open1()
    await onWire
    expect(await reasonOf(hub.messages.cancel([1], idOf('on the wire')))).toEqual({
      code: 'MESSAGE_NOT_CANCELLABLE',
      status: 'sent',
    })
    expect(link.written.map(textWritten)).toEqual(['on the wire'])
  })

  test('a number that is not on WhatsApp is told at once when it can be asked about, else when it is due', async () => {
    await using hub = await startFixture(open)
    const { message_id: id } = await schedule(hub, 'Hello', hour)
    const link = hub.sessions.online()
    link.directory.set('12025550123', { exists: false })
    expect(await reasonOf(schedule(hub, 'Hello', hour))).toMatchObject({ reason: 'NUMBER_NOT_ON_WHATSAPP' })
    await hub.clock.advance(hour)
    const failed = await passing(hub.clock, async () => (await hub.told('message.failed'))[0])
    expect(failed.data).toMatchObject({ dbId: id, reason: 'NUMBER_NOT_ON_WHATSAPP' })
    expect(link.written).toEqual([])
  })

  test('an address learnt while it waits is the one it goes to', async () => {
    await using hub = await startFixture(open)
    await schedule(hub, 'Hello', hour)
    await hub.database.write((tx) =>
      hub.sessions.acquaint(tx, [{ type: 'lid_mapping', sessionId: 1, lid: anaLid, pn: ana }]),
    )
    const link = hub.sessions.online()
    await hub.clock.advance(hour)
    await eventually(() => link.written[0])
    expect(link.written[0]?.to).toBe(anaLid)
  })

  test('many due at once go out once each, in their order, on one timer', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    const timers = hub.clock.pending
    const texts = Array.from({ length: 150 }, (_, index) => `${index}`)
    for (const text of texts) await schedule(hub, text, hour, { to: Number(text) % 2 === 0 ? ana : ben })
    expect(hub.clock.pending).toBe(timers + 1)
    await hub.clock.advance(hour)
    await eventually(() => (link.written.length === texts.length ? true : undefined))
    const textsTo = (to: string): string[] =>
      link.written.filter((message) => message.to === to).map(textWritten)
    expect(textsTo(ana)).toEqual(texts.filter((text) => Number(text) % 2 === 0))
    expect(textsTo(ben)).toEqual(texts.filter((text) => Number(text) % 2 === 1))
  })

  test('a wall clock that is set forward is noticed within a minute, one set back waits longer', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    await schedule(hub, 'Hello', 5 * hour)
    hub.clock.stepWall(-hour)
    await hub.clock.advance(5 * hour)
    expect(link.written).toEqual([])
    hub.clock.stepWall(hour)
    await hub.clock.advance(minute)
    await eventually(() => link.written[0])
  })

  test('a session that ends for good takes its scheduled messages with it', async () => {
    await using hub = await startFixture(open)
    await schedule(hub, 'Hello', hour)
    await hub.database.write((tx) => hub.sessions.purge(tx, 1))
    expect(await waiting(hub)).toEqual([])
    const link = hub.sessions.online()
    await hub.clock.advance(2 * hour)
    expect(link.written).toEqual([])
  })

  test('a moment that is past, or more than a year ahead, is refused', async () => {
    await using hub = await startFixture(open)
    hub.sessions.online()
    for (const inMs of [0, -1, 366 * 24 * hour + 1]) {
      expect(await reasonOf(schedule(hub, 'Hello', inMs))).toMatchObject({ code: 'VALIDATION_ERROR' })
    }
    expect(await waiting(hub)).toEqual([])
    await schedule(hub, 'Hello', 366 * 24 * hour)
  })
})
