import { parseJid } from '@inbox-hub/whatsapp'
import { expect, test } from 'vitest'

import { startFixture } from '../messages/testing/messages-fixture.ts'
import { databases } from '../platform/testing/databases.ts'
import type { Acquaintance } from '../sessions/baileys/index.ts'
import { createLabels } from './index.ts'

const ana = { pn: parseJid('12025550123@s.whatsapp.net'), lid: parseJid('777000111@lid') }
const group = parseJid('120363000000000001@g.us')

databases('labels and settings of chats', ({ open }) => {
  /** The modules on this store, and what a phone tells through app state. */
  async function hubWith() {
    const hub = await startFixture(open)
    const labels = createLabels({ ...hub, events: hub.events })
    const tell = (...facts: Acquaintance[]) => hub.database.write((tx) => hub.sessions.acquaint(tx, facts))
    return { hub, labels, tell }
  }
  const label = (id: string, name: string, color = 1): Acquaintance => ({
    type: 'label',
    sessionId: 1,
    id,
    label: { name, color, predefinedId: undefined },
  })
  const used = (id: string, jid: typeof group, messageId?: string, labelled = true): Acquaintance => ({
    type: 'label_use',
    sessionId: 1,
    label: id,
    jid,
    message: messageId === undefined ? undefined : { id: messageId, fromMe: false, sender: undefined },
    labelled,
  })

  test('are stored once and told once, however often they come', async () => {
    const { hub, labels, tell } = await hubWith()
    await using _ = hub
    for (let times = 0; times < 2; times++) {
      await tell(label('1', 'New'), label('10', 'Paid', 4), used('1', group), used('1', group, 'M1'))
      await tell({
        type: 'quick_reply',
        sessionId: 1,
        id: '77',
        reply: { shortcut: 'hi', text: 'Hello', keywords: ['a', 'b'] },
      })
    }
    expect(await labels.list.labels(1)).toMatchObject([
      { id: '1', name: 'New', color: 1, chats: 1, messages: 1 },
      { id: '10', name: 'Paid', color: 4, chats: 0, messages: 0 },
    ])
    expect(await labels.list.labels(2)).toEqual([])
    expect(await labels.list.messages(1, '1', 10, 0)).toEqual({
      uses: [{ chat_jid: group, whatsapp_id: 'M1' }],
      total: 1,
    })
    expect(await labels.list.quickReplies(1)).toMatchObject([
      { id: '77', shortcut: 'hi', keywords: '["a","b"]' },
    ])
    expect((await hub.told()).map(({ type }) => type)).toEqual([
      'label.updated',
      'label.updated',
      'label.assigned',
      'label.assigned',
      'quick_reply.updated',
    ])
    await tell(label('1', 'Newer'), used('1', group, 'M1', false))
    await tell({ type: 'label', sessionId: 1, id: '1', label: null })
    expect(await labels.list.labels(1)).toMatchObject([{ id: '10' }])
    expect((await labels.list.messages(1, '1', 10, 0)).total).toBe(0)
    expect((await hub.told()).slice(5).map(({ type }) => type)).toEqual([
      'label.updated',
      'label.unassigned',
      'label.deleted',
    ])
  })

  test('move with their chat when its other address is learnt, and go with their session', async () => {
    const { hub, labels, tell } = await hubWith()
    await using _ = hub
    hub.sessions.arrive([{ kind: 'message', chat: ana.pn, id: 'A' }])
    await hub.projected()
    await tell(label('1', 'New'), used('1', ana.pn), used('1', ana.pn, 'A'))
    await tell(
      { type: 'chat', sessionId: 1, jid: ana.pn, markedUnread: true, pinned: true },
      { type: 'chat', sessionId: 1, jid: ana.lid, mutedUntil: 9 },
    )
    await tell({ type: 'lid_mapping', sessionId: 1, ...ana })
    const { chats } = await hub.messages.list.chats({ sessionId: 1, label: '1' }, 10, 0)
    expect(chats).toMatchObject([{ jid: ana.lid, marked_unread: 1, pinned: 1, muted_until: 9 }])
    expect(await hub.messages.list.labels(chats)).toEqual(new Map([[`1 ${ana.lid}`, ['1']]]))
    expect((await labels.list.messages(1, '1', 10, 0)).uses).toEqual([
      { chat_jid: ana.lid, whatsapp_id: 'A' },
    ])
    await hub.database.write((tx) => hub.sessions.purge(tx, 1))
    for (const table of ['label', 'label_use', 'quick_reply'] as const)
      expect(await hub.database.read.selectFrom(table).selectAll().execute()).toEqual([])
  })

  test('of a chat without messages wait for its first one, unlisted', async () => {
    const { hub, tell } = await hubWith()
    await using _ = hub
    const list = async (filter = {}) =>
      (await hub.messages.list.chats({ sessionId: 1, ...filter }, 10, 0)).chats.map(({ jid }) => jid)
    await tell({ type: 'chat', sessionId: 1, jid: group, archived: true, mutedUntil: 50 })
    // Nothing was set: nothing to wait.
    await tell({ type: 'chat', sessionId: 1, jid: ana.pn, archived: false, mutedUntil: null })
    expect(await list()).toEqual([])
    hub.sessions.arrive([
      { kind: 'message', chat: group, sender: ana.pn, id: 'G', sentAt: 1_000 },
      { kind: 'message', chat: ana.pn, id: 'A', sentAt: 2_000 },
    ])
    await hub.projected()
    expect(await list()).toEqual([ana.pn, group])
    expect(await list({ archived: true })).toEqual([group])
    expect(await list({ archived: false })).toEqual([ana.pn])
    expect(await list({ muted: { is: true, now: 49 } })).toEqual([group])
    expect(await list({ muted: { is: true, now: 50 } })).toEqual([])
    expect(await list({ muted: { is: false, now: 50 } })).toEqual([ana.pn, group])
    expect(await list({ isGroup: true, unread: true })).toEqual([group])
    expect((await hub.told('chat.archived')).length).toBe(1)
  })

  test('read and emptied elsewhere up to a moment: what came later stays', async () => {
    const { hub, tell } = await hubWith()
    await using _ = hub
    hub.sessions.arrive([
      { kind: 'message', chat: ana.pn, id: 'A', sentAt: 1_000 },
      { kind: 'message', chat: ana.pn, id: 'B', sentAt: 2_000 },
      { kind: 'message', chat: ana.pn, id: 'C', sentAt: 3_000 },
    ])
    await hub.projected()
    const chat = async () => (await hub.messages.list.chats({ sessionId: 1 }, 10, 0)).chats[0]
    await tell({ type: 'chat_read', sessionId: 1, jid: ana.pn, through: 2_999 })
    expect(await chat()).toMatchObject({ unread_count: 1, message_count: 3 })
    await tell({ type: 'chat_emptied', sessionId: 1, jid: ana.pn, through: 2_000, removed: true })
    expect(await chat()).toMatchObject({ unread_count: 1, message_count: 1, last_id: 'C' })
    expect(await hub.messages.list.total({ sessionId: 1 })).toBe(1)
    await tell({ type: 'chat_emptied', sessionId: 1, jid: ana.pn, through: 9_000, removed: true })
    expect(await chat()).toBeUndefined()
    expect(await hub.messages.list.total({ sessionId: 1 })).toBe(0)
    expect((await hub.told('chat.deleted')).map(({ data }) => data)).toMatchObject([
      { messages: 2 },
      { messages: 1 },
    ])
  })
})
