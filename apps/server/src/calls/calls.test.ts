import { parseJid } from '@inbox-hub/whatsapp'
import { expect, test } from 'vitest'

import { eventually, startFixture } from '../messages/testing/messages-fixture.ts'
import { silentLog } from '../platform/log.ts'
import { databases } from '../platform/testing/databases.ts'
import type { CallSignal } from '../sessions/baileys/index.ts'
import { createCalls } from './index.ts'

const ana = { pn: parseJid('12025550123@s.whatsapp.net'), lid: parseJid('777000111@lid') }

function signal(is: CallSignal['is'], at: number): CallSignal {
  return {
    is,
    callId: 'C1',
    creator: { jid: ana.pn, alt: undefined },
    from: ana.pn,
    isVideo: false,
    isGroup: false,
    group: undefined,
    reason: undefined,
    at,
    offline: false,
  }
}

databases('calls', ({ open }) => {
  async function start() {
    await using made = new AsyncDisposableStack()
    const hub = made.use(await startFixture(open))
    const calls = made.use(createCalls({ ...hub, log: silentLog }))
    const hear = (...signals: readonly CallSignal[]): Promise<void> =>
      hub.database.write((tx) =>
        hub.sessions.acquaint(
          tx,
          signals.map((one) => ({ type: 'call' as const, sessionId: 1, signal: one })),
        ),
      )
    const all = made.move()
    return { ...hub, calls, hear, [Symbol.asyncDispose]: () => all.disposeAsync() }
  }

  test('a call whose end we never hear of is missed after two minutes, and told once', async () => {
    await using hub = await start()
    await hub.hear(signal('offer', hub.clock.now()))
    await hub.hear(signal('offer', hub.clock.now()))
    expect(await hub.calls.get(hub.session, 'C1')).toMatchObject({ status: 'ringing' })
    await hub.clock.advance(120_000)
    await eventually(async () =>
      (await hub.calls.get(hub.session, 'C1')).status === 'missed' ? true : undefined,
    )
    await hub.hear(signal('terminate', hub.clock.now()))
    expect((await hub.told()).map(({ type }) => type)).toEqual(['call.received', 'call.missed'])
  })

  test('a call that an earlier process left ringing is settled at the start', async () => {
    await using hub = await start()
    await hub.hear(signal('offer', hub.clock.now()))
    hub.clock.stepWall(3 * 60_000)
    await hub.calls.start()
    expect(await hub.calls.get(hub.session, 'C1')).toMatchObject({ status: 'missed' })
  })

  test('a call stands under the LID of its caller as soon as that is known', async () => {
    await using hub = await start()
    await hub.hear(signal('offer', hub.clock.now()))
    await hub.database.write((tx) =>
      hub.sessions.acquaint(tx, [{ type: 'lid_mapping', sessionId: 1, lid: ana.lid, pn: ana.pn }]),
    )
    expect(await hub.calls.get(hub.session, 'C1')).toMatchObject({ creator: ana.lid, creator_wire: ana.pn })
    await hub.hear(signal('terminate', hub.clock.now()))
    const [missed] = await hub.told('call.missed')
    expect(missed?.data).toMatchObject({ from: ana.pn, fromLid: ana.lid })
  })

  test('the calls of a session go with it', async () => {
    await using hub = await start()
    await hub.hear(signal('offer', hub.clock.now()))
    await hub.calls.change(hub.session, { rejectCalls: true })
    await hub.database.write((tx) => hub.sessions.purge(tx, 1))
    await expect(hub.calls.get(hub.session, 'C1')).rejects.toMatchObject({ code: 'CALL_NOT_FOUND' })
    expect(await hub.calls.settings(hub.session)).toMatchObject({ rejectCalls: false })
  })
})
