import { type Jid, parseJid } from '@inbox-hub/whatsapp'
import { expect, test } from 'vitest'

import { StoreFault } from '../platform/database/index.ts'
import { databases } from '../platform/testing/databases.ts'
import { startFixture } from './testing/messages-fixture.ts'
import { me } from './testing/scripted-sessions.ts'

const ana = { pn: parseJid('12025550123@s.whatsapp.net'), lid: parseJid('777000111@lid') }
const ben = parseJid('12025550124@s.whatsapp.net')
const group = parseJid('120363000000000001@g.us')

databases('receiving messages', ({ open }) => {
  test('a message becomes a row, a chat, a contact and an event, once', async () => {
    await using hub = await startFixture(open)
    const entry = {
      kind: 'message' as const,
      chat: ana.pn,
      id: 'A1',
      pushName: 'Ana',
      sentAt: 1_767_225_700_000,
    }
    hub.sessions.arrive([entry])
    await hub.projected()
    hub.sessions.arrive([entry]) // WhatsApp redelivers
    await hub.projected()

    const rows = await hub.database.read.selectFrom('message').selectAll().execute()
    expect(rows).toMatchObject([
      {
        session_id: 1,
        chat_jid: ana.pn,
        sender_jid: ana.pn,
        whatsapp_id: 'A1',
        type: 'text',
        body: 'text of A1',
        content: null,
        status: 'received',
        is_read: 0,
        shown: 1,
      },
    ])
    expect(await hub.database.read.selectFrom('chat').selectAll().execute()).toMatchObject([
      {
        jid: ana.pn,
        unread_count: 1,
        message_count: 1,
        last_message_id: rows[0]?.id,
        active_at: entry.sentAt,
      },
    ])
    expect(await hub.database.read.selectFrom('contact').selectAll().execute()).toMatchObject([
      { jid: ana.pn, number: '12025550123', push_name: 'Ana' },
    ])
    expect(await hub.told()).toMatchObject([
      {
        type: 'message.received',
        data: {
          messageId: 'A1',
          dbId: rows[0]?.id,
          chatId: ana.pn,
          from: ana.pn,
          fromLid: null,
          to: '12025550100@s.whatsapp.net',
          isGroup: false,
          participant: null,
          pushName: 'Ana',
          type: 'text',
          text: 'text of A1',
          timestamp: entry.sentAt,
        },
      },
    ])
  })

  test('entries of many sessions are projected, each under its own', async () => {
    await using hub = await startFixture(open)
    hub.sessions.arrive(
      [1, 2, 3].flatMap((sessionId) => [
        { kind: 'message' as const, sessionId, chat: ana.pn, id: 'SAME' },
        { kind: 'message' as const, sessionId, chat: ben, id: `B${sessionId}` },
      ]),
    )
    await hub.projected()
    const chats = await hub.database.read
      .selectFrom('chat')
      .select(['session_id', 'jid', 'message_count'])
      .execute()
    expect(chats).toHaveLength(6)
    expect(new Set(chats.map((chat) => chat.message_count))).toEqual(new Set([1]))
    const told = await hub.told('message.received')
    expect(told.map(({ sessionId, sessionSeq }) => [sessionId, sessionSeq])).toEqual([
      [1, 1],
      [1, 2],
      [2, 1],
      [2, 2],
      [3, 1],
      [3, 2],
    ])
  })

  test('the last message of a chat is the latest by WhatsApp’s clock, whatever the order of arrival', async () => {
    await using hub = await startFixture(open)
    hub.sessions.arrive([
      { kind: 'message', chat: ana.pn, id: 'LATE', sentAt: 2_000_000 },
      { kind: 'message', chat: ana.pn, id: 'EARLY', sentAt: 1_000_000 },
    ])
    await hub.projected()
    hub.sessions.arrive([{ kind: 'message', chat: ana.pn, id: 'MIDDLE', sentAt: 1_500_000 }])
    await hub.projected()
    const { chats } = await hub.messages.list.chats({ sessionId: 1 }, 10, 0)
    expect(chats).toMatchObject([
      { last_id: 'LATE', active_at: 2_000_000, message_count: 3, unread_count: 3 },
    ])
    const page = await hub.messages.list.page({ sessionId: 1, chat: ana.pn }, 10, 0)
    expect(page.map((row) => row.whatsapp_id)).toEqual(['LATE', 'MIDDLE', 'EARLY'])
  })

  test('an id that two people chose names two messages', async () => {
    await using hub = await startFixture(open)
    hub.sessions.arrive([
      { kind: 'message', chat: ana.pn, id: 'X' },
      { kind: 'message', chat: ben, id: 'X' },
      { kind: 'message', chat: group, sender: ben, id: 'X' },
    ])
    await hub.projected()
    expect(await hub.told('message.received')).toHaveLength(3)
    expect(await hub.database.read.selectFrom('message').select('id').execute()).toHaveLength(3)
  })

  test('content that comes after its envelope fills it in; an envelope never empties a message', async () => {
    await using hub = await startFixture(open)
    hub.sessions.arrive([{ kind: 'undecryptable', chat: ana.pn, id: 'U1' }])
    await hub.projected()
    expect((await hub.told()).map(({ type }) => type)).toEqual(['message.undecryptable'])
    expect(await hub.messages.list.page({ sessionId: 1 }, 10, 0)).toEqual([])
    expect(await hub.messages.list.total({ sessionId: 1 })).toBe(0)

    hub.sessions.arrive([
      { kind: 'message', chat: ana.pn, id: 'U1', pushName: 'Ana' },
      { kind: 'undecryptable', chat: ana.pn, id: 'U1' },
    ])
    await hub.projected()
    hub.sessions.arrive([{ kind: 'undecryptable', chat: ana.pn, id: 'U1' }])
    await hub.projected()
    expect((await hub.told()).map(({ type }) => type)).toEqual(['message.undecryptable', 'message.received'])
    expect(await hub.messages.list.page({ sessionId: 1 }, 10, 0)).toMatchObject([
      { whatsapp_id: 'U1', type: 'text', body: 'text of U1', push_name: 'Ana' },
    ])
    expect(await hub.messages.list.total({ sessionId: 1 })).toBe(1)
    expect((await hub.messages.list.chats({ sessionId: 1 }, 10, 0)).chats).toMatchObject([
      { message_count: 1, unread_count: 1 },
    ])
  })

  test('both in one batch are one message', async () => {
    await using hub = await startFixture(open)
    hub.sessions.arrive([
      { kind: 'undecryptable', chat: ana.pn, id: 'U2' },
      { kind: 'message', chat: ana.pn, id: 'U2' },
    ])
    await hub.projected()
    expect((await hub.told()).map(({ type }) => type)).toEqual(['message.received'])
  })

  test('what the account writes on its phone is stored, unread by nobody, and told to nobody', async () => {
    await using hub = await startFixture(open)
    hub.sessions.arrive([{ kind: 'message', chat: ana.pn, sender: me.pn, fromMe: true, id: 'P1' }])
    await hub.projected()
    expect(await hub.told()).toEqual([])
    expect(await hub.messages.list.page({ sessionId: 1 }, 10, 0)).toMatchObject([
      { from_me: 1, sender_jid: '', status: 'sent', via_hub: 0, is_read: 1 },
    ])
    expect((await hub.messages.list.chats({ sessionId: 1 }, 10, 0)).chats).toMatchObject([
      { unread_count: 0, last_id: 'P1' },
    ])
  })

  test('statuses and channels are kept out of chats and events', async () => {
    await using hub = await startFixture(open)
    hub.sessions.arrive([
      { kind: 'message', chat: parseJid('status@broadcast'), sender: ana.pn, id: 'ST' },
      { kind: 'message', chat: parseJid('120363000000000002@newsletter'), id: 'NL' },
    ])
    await hub.projected()
    expect(await hub.told()).toEqual([])
    expect((await hub.messages.list.chats({ sessionId: 1 }, 10, 0)).chats).toEqual([])
    expect(await hub.database.read.selectFrom('message').select('shown').execute()).toEqual([
      { shown: 0 },
      { shown: 0 },
    ])
  })

  test('a message to a list we are on stands in the chat with its author', async () => {
    await using hub = await startFixture(open)
    hub.sessions.arrive([
      { kind: 'message', chat: parseJid('1700000000@broadcast'), sender: ana.pn, id: 'BL' },
    ])
    await hub.projected()
    expect(await hub.told()).toMatchObject([{ data: { chatId: ana.pn, from: ana.pn } }])
  })

  test('a contact who renames themselves is told once, and the first name is not news', async () => {
    await using hub = await startFixture(open)
    for (const pushName of ['Ana', 'Ana', 'Ana Ruiz', 'Ana Ruiz']) {
      hub.sessions.arrive([{ kind: 'message', chat: ana.pn, id: `N-${pushName}`, pushName }])
      await hub.projected()
    }
    expect(await hub.told('contact.updated')).toMatchObject([
      { data: { contactId: ana.pn, phone: '12025550123', name: 'Ana Ruiz', pushName: 'Ana Ruiz' } },
    ])
  })

  test('an entry that cannot be projected is set aside, and holds up nobody', async () => {
    await using hub = await startFixture(open)
    const poison = { kind: 'message' as const, chat: ana.pn, id: 'POISON', sentAt: Number.NaN }
    hub.sessions.arrive([
      { kind: 'message', chat: ana.pn, id: 'OK1' },
      poison,
      { kind: 'message', chat: ben, id: 'OK2' },
    ])
    await hub.projected()
    expect((await hub.told()).map(({ data }) => ('messageId' in data ? data.messageId : ''))).toEqual([
      'OK1',
      'OK2',
    ])
    expect(hub.messages.backlog().parked).toBe(1)
    expect(hub.sessions.owedEntries()).toHaveLength(1)
    // Neither does it later, when the session's journal is read again.
    hub.sessions.online()
    hub.sessions.arrive([{ kind: 'message', chat: ben, id: 'OK3' }], false)
    hub.sessions.online()
    await hub.projected()
    expect(await hub.told('message.received')).toHaveLength(3)
  })

  test('what was committed late, in a place that has been read already, is not left behind', async () => {
    await using hub = await startFixture(open)
    const waited = { kind: 'message' as const, chat: ana.pn, id: 'WAITED', seq: 20 }
    hub.sessions.arrive([waited], false)
    // Its journal is being read from now on, and the page is known.
    hub.sessions.online()
    hub.sessions.arrive([{ ...waited, id: 'LATE', seq: 10 }])
    await hub.projected()
    expect(hub.sessions.owedEntries()).toEqual([])
    expect((await hub.told('message.received')).map(({ data }) => data)).toMatchObject([
      { messageId: 'WAITED' },
      { messageId: 'LATE' },
    ])
  })

  test('a session that another node took over holds up nobody', async () => {
    await using hub = await startFixture(open)
    const { Fenced } = await import('../cluster/index.ts')
    hub.sessions.fence(2, new Fenced('another node'))
    hub.sessions.arrive([
      { kind: 'message', chat: ana.pn, id: 'MINE' },
      { kind: 'message', sessionId: 2, chat: ana.pn, id: 'THEIRS' },
      { kind: 'message', chat: ana.pn, id: 'MINE TOO' },
    ])
    while ((await hub.told('message.received')).length < 2 || hub.sessions.owedEntries().length > 1)
      await new Promise((resolve) => void setImmediate(resolve))
    expect(hub.messages.backlog().parked).toBe(0)
    expect(hub.sessions.owedEntries().map(({ sessionId }) => sessionId)).toEqual([2])
    // It comes back to us: what nobody projected meanwhile is.
    hub.sessions.fence(2, undefined)
    hub.sessions.online(2)
    await hub.projected()
    expect(await hub.told('message.received')).toHaveLength(3)
  })

  test('what an earlier process left in the journal is projected at the start, before what is live, in order', async () => {
    await using hub = await startFixture(open, { start: false })
    hub.sessions.arrive(
      Array.from({ length: 300 }, (_, index) => ({
        kind: 'message' as const,
        chat: ana.pn,
        id: `OLD${index}`,
      })),
      false,
    )
    await hub.messages.start()
    hub.sessions.arrive([{ kind: 'message', chat: ana.pn, id: 'LIVE' }])
    await hub.projected()
    const told = await hub.told('message.received')
    expect(told.map(({ data }) => ('messageId' in data ? data.messageId : ''))).toEqual([
      ...Array.from({ length: 300 }, (_, index) => `OLD${index}`),
      'LIVE',
    ])
  })

  test('more than fits in memory is read back from the journal, in order', async () => {
    await using hub = await startFixture(open)
    const count = 10_400
    const ids = Array.from({ length: count }, (_, index) => `M${index}`)
    // Only the last 400 do not fit.
    hub.sessions.arrive(ids.map((id) => ({ kind: 'message' as const, chat: ana.pn, id })))
    await hub.projected()
    const rows = await hub.database.read.selectFrom('message').select('whatsapp_id').orderBy('id').execute()
    expect(rows.map((row) => row.whatsapp_id)).toEqual(ids)
    expect((await hub.messages.list.chats({ sessionId: 1 }, 1, 0)).chats).toMatchObject([
      { message_count: count },
    ])
  })

  test('when the store fails nothing is lost: the batch is projected when it answers again', async () => {
    let failing = true
    await using hub = await startFixture(async () => {
      const database = await open()
      return {
        ...database,
        write: (work) => (failing ? Promise.reject(new StoreFault('disk full')) : database.write(work)),
        [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
      }
    })
    hub.sessions.arrive([{ kind: 'message', chat: ana.pn, id: 'S1' }])
    await hub.clock.advance(5_000)
    expect(hub.sessions.owedEntries()).toHaveLength(1)
    failing = false
    await hub.clock.advance(30_000)
    await hub.projected()
    expect(await hub.told('message.received')).toHaveLength(1)
    expect(hub.messages.backlog().parked).toBe(0)
  })

  test('mentions and quotes survive the store, and leave with phone numbers', async () => {
    await using hub = await startFixture(open)
    hub.sessions.arrive([
      { kind: 'message', chat: ana.lid, chatAlt: ana.pn, id: 'Q0' },
      {
        kind: 'message',
        chat: group,
        sender: ben,
        id: 'Q1',
        content: {
          kind: 'text',
          text: '@777000111 look',
          mentions: [ana.lid],
          quoted: { id: 'Q0', sender: ana.lid, text: 'text of Q0' },
        },
      },
    ])
    await hub.projected()
    const [, event] = await hub.told('message.received')
    expect(event?.data).toMatchObject({
      chatId: group,
      isGroup: true,
      participant: ben,
      mentions: [ana.pn],
      quotedMessageId: 'Q0',
    })
  })

  test('when a session is ended for good its chats and messages go, and no other’s', async () => {
    await using hub = await startFixture(open)
    hub.sessions.arrive([
      { kind: 'message', chat: ana.pn, id: 'K1' },
      { kind: 'message', sessionId: 2, chat: ana.pn, id: 'K2' },
    ])
    await hub.projected()
    await hub.database.write((tx) => hub.sessions.purge(tx, 1))
    for (const table of ['message', 'chat', 'contact', 'message_tally'] as const) {
      expect(await hub.database.read.selectFrom(table).select('session_id').execute()).toEqual([
        { session_id: 2 },
      ])
    }
  })
})

databases('receipts', ({ open }) => {
  const receipt = (
    ids: readonly string[],
    status: 'delivered' | 'read' | 'played',
    chat: Jid = ana.pn,
    participant?: Jid,
  ) => ({ kind: 'receipt' as const, ids, status, chat, participant })

  test('move what the phone sent forward, without events: the CRM does not know those messages', async () => {
    await using hub = await startFixture(open)
    hub.sessions.arrive([
      receipt(['P1'], 'read'), // overtook the copy of the message itself
      { kind: 'message', chat: ana.pn, sender: me.pn, fromMe: true, id: 'P1' },
      receipt(['P1'], 'delivered'),
    ])
    await hub.projected()
    expect(await hub.messages.list.page({ sessionId: 1 }, 10, 0)).toMatchObject([{ status: 'read' }])
    expect(await hub.told()).toEqual([])
    expect(await hub.messages.list.tallied(1, undefined, undefined)).toContainEqual({
      from_me: 1,
      type: 'text',
      status: 'read',
      messages: 1,
    })
  })

  test('count only in their own chat, and cannot touch what others wrote', async () => {
    await using hub = await startFixture(open)
    hub.sessions.arrive([
      { kind: 'message', chat: ana.pn, sender: me.pn, fromMe: true, id: 'P1' },
      { kind: 'message', chat: ben, id: 'B1' },
    ])
    await hub.projected()
    hub.sessions.arrive([receipt(['P1'], 'read', ben), receipt(['B1'], 'read', ben)])
    await hub.projected()
    expect(
      await hub.database.read.selectFrom('message').select(['status', 'is_read']).orderBy('id').execute(),
    ).toEqual([
      { status: 'sent', is_read: 1 },
      { status: 'received', is_read: 0 },
    ])
  })

  test('reading on the phone reads here', async () => {
    await using hub = await startFixture(open)
    hub.sessions.arrive([
      { kind: 'message', chat: ana.pn, id: 'R1' },
      { kind: 'message', chat: ana.pn, id: 'R2' },
    ])
    await hub.projected()
    hub.sessions.arrive([receipt(['R1'], 'read', ana.pn, me.lid), receipt(['R1'], 'read', ana.pn, me.pn)])
    await hub.projected()
    expect((await hub.messages.list.chats({ sessionId: 1 }, 10, 0)).chats).toMatchObject([
      { unread_count: 1 },
    ])
    expect(await hub.messages.list.unread([1])).toMatchObject({ total: 1 })
  })
})
