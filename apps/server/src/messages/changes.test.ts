import { type Jid, type MessageDeed, parseJid } from '@inbox-hub/whatsapp'
import { expect, test } from 'vitest'

import { databases } from '../platform/testing/databases.ts'
import { type Fixture, startFixture } from './testing/messages-fixture.ts'
import { me, type ScriptedEntry } from './testing/scripted-sessions.ts'

const ana = { pn: parseJid('12025550123@s.whatsapp.net'), lid: parseJid('777000111@lid') }
const ben = parseJid('12025550124@s.whatsapp.net')
const group = parseJid('120363000000000001@g.us')
const at = Date.UTC(2026, 0, 1, 12)

/** Something done at second `second` to message `target`, by default in the chat with Ana by Ana to her own. */
function change(
  target: string,
  deed: MessageDeed,
  second: number,
  { bySender = true, author, ...entry }: Partial<ScriptedEntry> & { bySender?: boolean; author?: Jid } = {},
): ScriptedEntry {
  const moment = at + second * 1000
  return {
    kind: 'change',
    chat: ana.pn,
    id: `${deed.kind}-${second}`,
    sentAt: moment,
    change: { target: { id: target, bySender, author }, at: moment, ...deed },
    ...entry,
  } as ScriptedEntry // the parts of one entry of kind 'change'
}
const message = (id: string, entry: Partial<ScriptedEntry> = {}): ScriptedEntry =>
  ({ kind: 'message', chat: ana.pn, id, sentAt: at, ...entry }) as ScriptedEntry // as above, of kind 'message'

async function arrive(hub: Fixture, ...entries: readonly ScriptedEntry[]): Promise<void> {
  hub.sessions.arrive(entries)
  await hub.projected()
}
const rows = (hub: Fixture) => hub.messages.list.page({ sessionId: 1 }, 10, 0)
const done = async (hub: Fixture) => {
  const changes = await hub.messages.list.changes(await rows(hub))
  return [...changes.values()].flat().map((row) => [row.kind, row.sender_jid, JSON.parse(row.value)])
}
const edit = (text: string): MessageDeed => ({ kind: 'edit', text, mentions: [] })
const react = (emoji: string): MessageDeed => ({ kind: 'reaction', emoji })

databases('what is done to messages', ({ open }) => {
  test('waits for its message, is done then, and told after it', async () => {
    await using hub = await startFixture(open)
    await arrive(
      hub,
      change('A1', react('👍'), 1),
      change('A1', edit('second'), 2),
      change('A1', { kind: 'revoke' }, 3),
    )
    expect(await hub.told()).toEqual([])
    await arrive(hub, message('A1'))
    expect((await hub.told()).map(({ type, data }) => [type, 'messageId' in data && data.messageId])).toEqual(
      [
        ['message.received', 'A1'],
        ['message.reaction', 'A1'],
        ['message.edited', 'A1'],
        ['message.deleted', 'A1'],
      ],
    )
    expect(await rows(hub)).toMatchObject([{ whatsapp_id: 'A1', body: 'second', type: 'text' }])
    expect(await hub.messages.list.total({ sessionId: 1 })).toBe(1)
  })

  test('counts once however often it comes, and the last counts in whatever order they come', async () => {
    await using hub = await startFixture(open)
    await arrive(hub, message('A1'))
    const deeds = [
      change('A1', edit('one'), 1),
      change('A1', edit('two'), 2),
      change('A1', react('👍'), 3),
      change('A1', react(''), 4),
    ]
    for (const entry of deeds.toReversed()) await arrive(hub, entry)
    for (const entry of deeds) await arrive(hub, entry)
    expect(await rows(hub)).toMatchObject([{ body: 'two' }])
    expect(await done(hub)).toEqual([
      ['edit', ana.pn, edit('two')],
      ['reaction', ana.pn, react('')],
    ])
    expect((await hub.told()).map(({ type }) => type)).toEqual([
      'message.received',
      'message.reaction',
      'message.edited',
    ])
    expect((await hub.messages.list.chats({ sessionId: 1 }, 10, 0)).chats).toMatchObject([
      { message_count: 1, unread_count: 1 },
    ])
  })

  test('keeps what else a message carries when its text is changed', async () => {
    await using hub = await startFixture(open)
    await arrive(
      hub,
      message('A1', {
        content: { kind: 'image', text: 'lok', media: { bytes: 7 }, mentions: [ben], forwarded: 1 },
      }),
      change('A1', edit('look'), 1),
    )
    const [row] = await rows(hub)
    expect(row).toMatchObject({ type: 'image', body: 'look' })
    expect(JSON.parse(row?.content ?? '')).toEqual({
      kind: 'image',
      text: 'look',
      media: { bytes: 7 },
      forwarded: 1,
    })
  })

  test('others cannot change or take back what somebody wrote, but an administrator can take it back', async () => {
    await using hub = await startFixture(open)
    const inGroup = { chat: group, sender: ana.pn }
    const byBen = { chat: group, sender: ben, bySender: false, author: ana.pn }
    await arrive(
      hub,
      message('G1', inGroup),
      change('G1', edit('forged'), 1, byBen),
      change('G1', edit('forged'), 2, { ...byBen, bySender: true }),
      change('G1', { kind: 'revoke' }, 3, byBen),
      change('G1', { kind: 'revoke' }, 4, { ...byBen, bySender: true, byAdmin: true }),
      // Named for another chat.
      change('G1', edit('forged'), 5),
    )
    expect(await rows(hub)).toMatchObject([{ body: 'text of G1' }])
    expect((await hub.told()).map(({ type }) => type)).toEqual(['message.received'])
    await arrive(hub, change('G1', { kind: 'revoke' }, 6, { ...byBen, byAdmin: true }))
    expect(await hub.told('message.deleted')).toMatchObject([{ data: { from: ben, byAdmin: true } }])
  })

  test('a clock that runs ahead does not win over what is done later', async () => {
    await using hub = await startFixture(open)
    const ahead = change('A1', react('👍'), 1)
    if (ahead.kind !== 'change') throw new Error('made as one')
    await arrive(hub, message('A1'), { ...ahead, change: { ...ahead.change, at: at + 86_400_000 } })
    await arrive(hub, change('A1', react('🙏'), 2))
    expect(await done(hub)).toEqual([['reaction', ana.pn, react('🙏')]])
  })

  test('what we do on our phone is kept and told to nobody; ours and theirs stand side by side', async () => {
    await using hub = await startFixture(open)
    const ours = { sender: me.pn, fromMe: true }
    await arrive(
      hub,
      message('P1', ours),
      change('P1', react('👍'), 1, { bySender: false }),
      change('P1', react('🙏'), 2, ours),
    )
    expect(await done(hub)).toEqual([
      ['reaction', ana.pn, react('👍')],
      ['reaction', '', react('🙏')],
    ])
    expect(await hub.told()).toMatchObject([
      { type: 'message.reaction', data: { ofOurs: true, emoji: '👍' } },
    ])
  })

  test('a message removed from the hub says nothing again when it is edited', async () => {
    await using hub = await startFixture(open)
    await arrive(hub, message('A1'))
    const [row] = await rows(hub)
    if (row === undefined) throw new Error('not stored')
    await hub.messages.remove(row)
    await arrive(hub, change('A1', edit('again'), 1))
    expect(await hub.database.read.selectFrom('message').select(['body', 'shown']).execute()).toEqual([
      { body: '', shown: 0 },
    ])
    expect(await hub.told('message.edited')).toEqual([])
  })

  test('an envelope whose content turns out to be a reaction stands for nothing any more', async () => {
    await using hub = await startFixture(open)
    await arrive(hub, message('A1'), { kind: 'undecryptable', chat: ana.pn, id: 'reaction-1' })
    await arrive(hub, change('A1', react('👍'), 1))
    const stubs = await hub.database.read
      .selectFrom('message')
      .select('type')
      .where('shown', '=', 0)
      .execute()
    expect(stubs).toEqual([{ type: 'reaction' }])
    expect(await done(hub)).toHaveLength(1)
  })

  test('moves with its person when a LID is learnt late, and goes with its session', async () => {
    await using hub = await startFixture(open)
    await arrive(
      hub,
      message('A1'),
      change('A1', react('👍'), 1),
      change('LATE', react('🙏'), 2),
      message('G1', { chat: group, sender: ben }),
      change('G1', react('😀'), 3, { chat: group, sender: ana.pn, bySender: false, author: ben }),
      // Under both addresses.
      message('A1', { chat: ana.lid }),
      change('A1', react('👎'), 4, { chat: ana.lid }),
    )
    await hub.database.write((tx) =>
      hub.sessions.acquaint(tx, [{ type: 'lid_mapping', sessionId: 1, lid: ana.lid, pn: ana.pn }]),
    )
    await arrive(hub, message('LATE', { chat: ana.lid }))
    const emojis = (await done(hub)).map(([, sender, { emoji }]) => `${sender} ${emoji}`)
    expect(emojis.toSorted()).toEqual([`${ana.lid} 👎`, `${ana.lid} 🙏`, `${ana.lid} 😀`].toSorted())
    await hub.database.write((tx) => hub.sessions.purge(tx, 1))
    expect(await hub.database.read.selectFrom('message_change').selectAll().execute()).toEqual([])
  })
})
