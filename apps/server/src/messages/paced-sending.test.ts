import { HubError } from '@inbox-hub/contract'
import { parseJid } from '@inbox-hub/whatsapp'
import { expect, test } from 'vitest'

import { databases } from '../platform/testing/databases.ts'
import { createManualClock, type ManualClock } from '../platform/testing/manual-clock.ts'
import { type PacingSettings, unpaced as off } from './pacing/pacing.ts'
import { eventually, type Fixture, startFixture } from './testing/messages-fixture.ts'
import { type ScriptedLink, textWritten } from './testing/scripted-sessions.ts'

const ana = parseJid('12025550123@s.whatsapp.net')
const ben = parseJid('12025550124@s.whatsapp.net')
const cara = parseJid('12025550125@s.whatsapp.net')
const dan = parseJid('12025550126@s.whatsapp.net')
const minute = 60_000
const hour = 60 * minute

async function send(hub: Fixture, text: string, to = ana): Promise<string> {
  const request = {
    to,
    content: { kind: 'text' as const, text },
    mentions: [],
    quotedId: undefined,
    idempotencyKey: undefined,
  }
  const [outcome] = await hub.messages.send(hub.session, [request], { language: 'en', signal: undefined })
  if (outcome === undefined || !('row' in outcome)) throw new Error('not a message')
  return outcome.row.whatsapp_id
}

const textsOf = (link: ScriptedLink): string[] => link.written.map(textWritten)

/** Moves the clock, a second at a time, until so many were written. */
async function written(clock: ManualClock, link: ScriptedLink, count: number): Promise<void> {
  await eventually(async () => {
    if (link.written.length >= count) return true
    await clock.advance(1_000)
    return undefined
  })
}

databases('a paced session', ({ open, place }) => {
  test('sends as many in a minute as it may, and says of the others when', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    await hub.messages.pace(1, { ...off, perMinute: 2 })
    await send(hub, '1')
    await send(hub, '2', ben)
    const began = hub.clock.now()
    // Nobody is kept waiting for a turn that is further off than an answer may be.
    const third = await send(hub, '3')
    const fourth = await send(hub, '4')
    expect(hub.messages.waiting(1, third)).toEqual({ for: 'pacing', position: 1, expectedAt: began + minute })
    expect(hub.messages.waiting(1, fourth)).toMatchObject({ for: 'pacing', position: 2 })
    expect(textsOf(link)).toEqual(['1', '2'])
    await written(hub.clock, link, 4)
    expect(hub.clock.now() - began).toBeGreaterThanOrEqual(minute)
    expect(textsOf(link)).toEqual(['1', '2', '3', '4'])
  })

  test('what waits for the pace outlives ten minutes and a restart, and can be taken back', async () => {
    const storage = await place()
    const clock = createManualClock()
    const pacing: PacingSettings = { ...off, warmUp: { perDay: 1, days: 3, since: clock.now() } }
    const ids: string[] = []
    {
      await using hub = await startFixture(() => storage.open(), { clock })
      hub.sessions.online()
      await hub.messages.pace(1, pacing)
      for (const text of ['1', '2', '3', '4']) ids.push(await send(hub, text))
      await clock.advance(hour)
      expect(await hub.told('message.failed')).toEqual([])
      await hub.messages.cancel([1], ids[1] ?? '')
    }
    await using hub = await startFixture(() => storage.open(), { clock })
    expect(hub.messages.pacing(1)).toEqual(pacing)
    const link = hub.sessions.online()
    await clock.advance(hour)
    expect(hub.messages.waiting(1, ids[2] ?? '')).toEqual({
      for: 'pacing',
      position: 1,
      // The day's message was counted before the restart.
      expectedAt: (pacing.warmUp?.since ?? 0) + 24 * hour,
    })
    expect(link.written).toEqual([])
    await clock.advance(22 * hour - minute)
    await written(clock, link, 2)
    expect(textsOf(link)).toEqual(['3', '4'])
  })

  test('what waits a whole day for its turn fails', async () => {
    await using hub = await startFixture(open)
    hub.sessions.online()
    await hub.messages.pace(1, { ...off, warmUp: { perDay: 1, days: 2, since: hub.clock.now() } })
    for (const text of ['1', '2', '3', '4']) await send(hub, text)
    await hub.clock.advance(25 * hour)
    const failed = await eventually(async () => (await hub.told('message.failed'))[0])
    expect(failed.data).toMatchObject({ reason: 'EXPIRED' })
  })

  test('a message of its own chat needs no pause, one of another does', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    await hub.messages.pace(1, { ...off, pauseMs: { min: 30_000, max: 30_000 } })
    await send(hub, 'to Ana')
    await send(hub, 'to Ana again')
    const id = await send(hub, 'to Ben', ben)
    expect(hub.messages.waiting(1, id)).toMatchObject({ for: 'pacing', position: 1 })
    await send(hub, 'to Ana, in line', ana)
    await written(hub.clock, link, 4)
    expect(textsOf(link)).toEqual(['to Ana', 'to Ana again', 'to Ben', 'to Ana, in line'])
  })

  test('without limits again, what waited goes out', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    await hub.messages.pace(1, { ...off, perMinute: 1 })
    for (const text of ['1', '2', '3']) await send(hub, text)
    await hub.messages.pace(1, off)
    await hub.clock.advance(1_000)
    await eventually(() => (link.written.length === 3 ? true : undefined))
    const kept = hub.database.read.selectFrom('setting').selectAll().where('name', 'like', 'pacing%')
    expect(await kept.execute()).toEqual([])
  })

  test('a session that is offline, or was asked for quiet, says so', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    link.ackAtOnce = false
    const sending = send(hub, '1').catch((error: unknown) => {
      if (!(error instanceof HubError)) throw error
    })
    const id = (await eventually(() => link.written[0])).id
    link.ack(id, 429)
    expect(hub.messages.waiting(1, id)).toMatchObject({ for: 'quiet', position: 1 })
    hub.sessions.offline()
    expect(hub.messages.waiting(1, id)).toEqual({ for: 'connection', position: 1, expectedAt: undefined })
    await hub.clock.advance(20_000)
    await sending
  })

  test('begins so many new chats in an hour, and answers whoever writes meanwhile', async () => {
    const storage = await place()
    const clock = createManualClock()
    const limited = { ...off, newChats: { perHour: 1, perDay: 2 } }
    const group = parseJid('120363041234567890@g.us')
    let toBen = ''
    let began = 0
    {
      await using hub = await startFixture(() => storage.open(), { clock })
      const link = hub.sessions.online()
      await hub.messages.pace(1, limited)
      began = clock.now()
      await send(hub, 'Ana 1')
      toBen = await send(hub, 'Ben 1', ben)
      const toCara = await send(hub, 'Cara 1', cara)
      expect(hub.messages.waiting(1, toBen)).toEqual({
        for: 'new_chats',
        position: 1,
        expectedAt: began + hour,
      })
      expect(hub.messages.waiting(1, toCara)).toEqual({
        for: 'new_chats',
        position: 2,
        expectedAt: undefined,
      })
      // Neither a chat that goes on nor a group waits for the strangers.
      await send(hub, 'Ana 2')
      await send(hub, 'all', group)
      expect(textsOf(link)).toEqual(['Ana 1', 'Ana 2', 'all'])
      // Cara writes first: what we say to her is an answer.
      hub.sessions.arrive([{ kind: 'message', chat: cara, id: 'C1', sentAt: clock.now() }])
      await hub.projected()
      await written(clock, link, 4)
      expect(textsOf(link).at(-1)).toBe('Cara 1')
      expect(clock.now() - began).toBeLessThan(minute)
    }
    // What was begun is remembered.
    await using hub = await startFixture(() => storage.open(), { clock })
    const link = hub.sessions.online()
    await clock.advance(59 * minute - (clock.now() - began))
    const reason = await eventually(() => {
      const wait = hub.messages.waiting(1, toBen)
      // Until the store said whether the chat is new.
      return wait?.for === 'queue' ? undefined : wait
    })
    expect(reason).toMatchObject({ for: 'new_chats', position: 1 })
    expect(link.written).toEqual([])
    await written(clock, link, 1)
    expect(textsOf(link)).toEqual(['Ben 1'])
    expect(clock.now() - began).toBeGreaterThanOrEqual(hour)
    expect(clock.now() - began).toBeLessThan(hour + minute)
    // Two a day: the next has to wait for the first to be a day ago.
    await clock.advance(2 * hour)
    const fourth = await send(hub, 'Dan 1', dan)
    const wait = hub.messages.waiting(1, fourth)
    expect(wait).toMatchObject({ for: 'new_chats', position: 1 })
    expect((wait?.expectedAt ?? 0) - began).toBeGreaterThanOrEqual(24 * hour)
  })
})
