import { HubError } from '@inbox-hub/contract'
import { type MessageDeed, parseJid, statusJid } from '@inbox-hub/whatsapp'
import { expect, test } from 'vitest'

import { eventually, type Fixture, startFixture } from '../messages/testing/messages-fixture.ts'
import { noFiles } from '../messages/testing/no-files.ts'
import { me, type ScriptedEntry } from '../messages/testing/scripted-sessions.ts'
import { silentLog } from '../platform/log.ts'
import { databases } from '../platform/testing/databases.ts'
import { createStatuses, type Statuses } from './index.ts'
import { statusLifeMs } from './status-rows.ts'

const ana = { pn: parseJid('12025550123@s.whatsapp.net'), lid: parseJid('777000111@lid') }
const ben = parseJid('12025550124@s.whatsapp.net')

interface Kept extends Fixture {
  statuses: Statuses
}

async function startKeeping(open: Parameters<typeof startFixture>[0]): Promise<Kept> {
  await using made = new AsyncDisposableStack()
  const hub = made.use(await startFixture(open))
  const statuses = made.use(
    createStatuses({
      ...hub,
      files: noFiles,
      own: () => ({ pn: me.pn, lid: me.lid }),
      log: silentLog,
    }),
  )
  const all = made.move()
  return { ...hub, statuses, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

async function arrive(hub: Fixture, ...entries: readonly ScriptedEntry[]): Promise<void> {
  hub.sessions.arrive(entries)
  await hub.projected()
}

/** A status that Ana posts now. */
const posted = (hub: Fixture, id: string, rest: object = {}): ScriptedEntry => ({
  kind: 'message',
  chat: statusJid,
  sender: ana.pn,
  id,
  sentAt: hub.clock.now(),
  ...rest,
})

const done = (hub: Fixture, target: string, deed: MessageDeed, rest: object = {}): ScriptedEntry => ({
  kind: 'change',
  chat: statusJid,
  sender: ana.pn,
  id: `${deed.kind} ${target}`,
  sentAt: hub.clock.now(),
  change: { target: { id: target, bySender: true, author: undefined }, at: hub.clock.now(), ...deed },
  ...rest,
})

const idsOf = async ({ statuses }: Kept): Promise<readonly string[]> =>
  (await statuses.list.page({ sessionId: 1 }, 100, 0)).statuses.map(({ status }) => status.whatsapp_id)

/** Lets time pass until only these are there. */
async function left(hub: Kept, ids: readonly string[]): Promise<void> {
  await eventually(async () => {
    await hub.clock.advance(60_000)
    return (await idsOf(hub)).join() === ids.join() || undefined
  })
}

databases('statuses', ({ open }) => {
  test('are removed when their day is over, archived ones are not, and nothing of them is left', async () => {
    await using hub = await startKeeping(open)
    await arrive(
      hub,
      posted(hub, 'S1'),
      posted(hub, 'S2'),
      done(hub, 'S1', { kind: 'reaction', emoji: '💚' }),
    )
    await hub.statuses.archive(hub.session, 'S2', true)
    await hub.clock.advance(statusLifeMs)
    await arrive(hub, posted(hub, 'S3'))
    expect(await hub.statuses.list.page({ sessionId: 1, activeAt: hub.clock.now() }, 10, 0)).toMatchObject({
      total: 1,
    })
    await left(hub, ['S3', 'S2'])
    const { rows } = await hub.database.sql.execute(
      "SELECT target_id AS id FROM message_change UNION SELECT whatsapp_id FROM message WHERE whatsapp_id = 'S1'",
      [],
    )
    expect(rows).toEqual([])
    await hub.statuses.archive(hub.session, 'S2', false)
    await left(hub, ['S3'])
    await expect(hub.statuses.get(hub.session, 'S2')).rejects.toThrow(HubError)
  })

  test('are told once, and not when they come later than anybody can see them', async () => {
    await using hub = await startKeeping(open)
    const late = posted(hub, 'OLD', { sentAt: hub.clock.now() - statusLifeMs, receivedAt: hub.clock.now() })
    await arrive(hub, posted(hub, 'S1', { pushName: 'Ana', senderAlt: ana.lid }), late)
    await arrive(hub, posted(hub, 'S1'))
    const told = await hub.told()
    expect(told.map(({ type, data }) => [type, 'statusId' in data && data.statusId])).toEqual([
      ['status.received', 'S1'],
    ])
    expect(told[0]?.data).toMatchObject({ from: ana.pn, fromLid: ana.lid, pushName: 'Ana' })
  })

  test('that nobody could open are told when they can be', async () => {
    await using hub = await startKeeping(open)
    const envelope = { chat: statusJid, sender: ana.pn, id: 'S1', sentAt: hub.clock.now() }
    await arrive(hub, { kind: 'undecryptable', ...envelope })
    expect(await hub.told()).toEqual([])
    expect(await idsOf(hub)).toEqual([])
    await arrive(hub, posted(hub, 'S1'))
    expect((await hub.told()).map(({ type }) => type)).toEqual(['status.received'])
    expect(await idsOf(hub)).toEqual(['S1'])
  })

  test('of ours count each viewer once, whichever address told, and not ourselves', async () => {
    await using hub = await startKeeping(open)
    await arrive(hub, posted(hub, 'OURS', { sender: me.lid, fromMe: true }))
    const seen = (participant: object): ScriptedEntry => ({
      kind: 'receipt',
      chat: statusJid,
      ids: ['OURS'],
      status: 'read',
      ...participant,
    })
    // Who is known by both addresses from a message of theirs.
    await arrive(hub, {
      kind: 'message',
      chat: ana.pn,
      chatAlt: ana.lid,
      sender: ana.pn,
      senderAlt: ana.lid,
      id: 'A1',
    })
    await arrive(
      hub,
      seen({ participant: ana.pn }),
      seen({ participant: ana.lid }),
      seen({ participant: ben }),
      seen({ participant: ben, status: 'delivered' }),
      seen({ participant: me.pn }),
    )
    const { status, message } = await hub.statuses.get(hub.session, 'OURS')
    expect(status.views).toBe(2)
    const viewers = await hub.statuses.list.viewers(message.id, 10)
    expect(viewers.map(({ viewer_jid: jid }) => jid).sort()).toEqual([ben, ana.lid].sort())
    expect((await hub.told('status.viewed')).map(({ data }) => 'from' in data && data.from)).toEqual([
      ana.pn,
      ben,
    ])
  })

  test('cannot be taken back by others than their authors', async () => {
    await using hub = await startKeeping(open)
    await arrive(hub, posted(hub, 'S1'), done(hub, 'S1', { kind: 'revoke' }, { sender: ben }))
    expect((await hub.statuses.get(hub.session, 'S1')).status.deleted_at).toBeNull()
    await arrive(hub, done(hub, 'S1', { kind: 'revoke' }))
    expect((await hub.statuses.get(hub.session, 'S1')).status.deleted_at).toBe(hub.clock.now())
    expect((await hub.told('status.deleted')).map(({ data }) => data)).toMatchObject([
      { statusId: 'S1', from: ana.pn, fromMe: false },
    ])
  })
})
