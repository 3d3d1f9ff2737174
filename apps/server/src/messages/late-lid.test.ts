import { type Jid, parseJid } from '@inbox-hub/whatsapp'
import fc from 'fast-check'
import { expect, test } from 'vitest'

import { databases } from '../platform/testing/databases.ts'
import type { Acquaintance } from '../sessions/baileys/index.ts'
import { type Fixture, startFixture } from './testing/messages-fixture.ts'
import { me, type ScriptedEntry } from './testing/scripted-sessions.ts'

const pn = parseJid('12025550123@s.whatsapp.net')
const lid = parseJid('777000111@lid')
const otherPn = parseJid('12025550124@s.whatsapp.net')
const otherLid = parseJid('777000222@lid')
const group = parseJid('120363000000000001@g.us')

const mapping = (from: { lid: Jid; pn: Jid } = { lid, pn }): Acquaintance => ({
  type: 'lid_mapping',
  sessionId: 1,
  ...from,
})
const acquaint = (hub: Fixture, ...facts: readonly Acquaintance[]): Promise<void> =>
  hub.database.write((tx) => hub.sessions.acquaint(tx, facts))

const everything = async (hub: Fixture) => {
  const { read } = hub.database
  const [messages, chats, contacts, mappings, tally] = await Promise.all([
    read
      .selectFrom('message')
      .select([
        'whatsapp_id',
        'chat_jid',
        'sender_jid',
        'from_me',
        'type',
        'status',
        'is_read',
        'via_hub',
        'shown',
      ])
      .orderBy('whatsapp_id')
      .orderBy('chat_jid')
      .orderBy('sender_jid')
      .execute(),
    read.selectFrom('chat').selectAll().orderBy('jid').execute(),
    read.selectFrom('contact').selectAll().orderBy('jid').execute(),
    read.selectFrom('lid_mapping').select(['lid', 'pn']).orderBy('lid').execute(),
    read.selectFrom('message_tally').selectAll().where('messages', '<>', 0).execute(),
  ])
  return { messages, chats, contacts, mappings, tally }
}

databases('a LID learnt late', ({ open }) => {
  test('moves chat, contact and messages from the number to the LID', async () => {
    await using hub = await startFixture(open)
    hub.sessions.arrive([
      { kind: 'message', chat: pn, id: 'A', pushName: 'Ana' },
      { kind: 'message', chat: pn, sender: me.pn, fromMe: true, id: 'B' },
    ])
    await hub.projected()
    await acquaint(hub, mapping())
    const { messages, chats, contacts } = await everything(hub)
    expect(messages).toMatchObject([
      { whatsapp_id: 'A', chat_jid: lid, sender_jid: lid },
      { whatsapp_id: 'B', chat_jid: lid, sender_jid: '' },
    ])
    expect(chats).toMatchObject([{ jid: lid, message_count: 2, unread_count: 1 }])
    expect(contacts).toMatchObject([{ jid: lid, number: '12025550123', push_name: 'Ana' }])
    // Nothing changed for the world: it knew the number all along.
    expect(await hub.told('contact.updated')).toEqual([])
    const [row] = await hub.messages.list.page({ sessionId: 1 }, 1, 0)
    const shown = await hub.chats.addresses.shown(hub.database, [{ sessionId: 1, jid: lid }])
    expect(row && shown(1, lid)).toBe(pn)
  })

  test('makes one chat of two, one message of two copies, and one count of both', async () => {
    await using hub = await startFixture(open)
    hub.sessions.arrive([
      { kind: 'message', chat: pn, id: 'BOTH', pushName: 'Ana' },
      { kind: 'message', chat: pn, id: 'PN ONLY' },
      { kind: 'message', chat: lid, id: 'BOTH' },
      { kind: 'message', chat: lid, id: 'LID ONLY', sentAt: 5_000_000_000_000 },
      { kind: 'undecryptable', chat: lid, id: 'PN ONLY' },
    ])
    await hub.projected()
    await acquaint(hub, mapping())
    const { messages, chats, contacts, tally } = await everything(hub)
    expect(messages.map((row) => [row.whatsapp_id, row.chat_jid, row.type])).toEqual([
      ['BOTH', lid, 'text'],
      ['LID ONLY', lid, 'text'],
      ['PN ONLY', lid, 'text'],
    ])
    expect(chats).toMatchObject([
      { jid: lid, message_count: 3, unread_count: 3, active_at: 5_000_000_000_000 },
    ])
    expect((await hub.messages.list.chats({ sessionId: 1 }, 10, 0)).chats).toMatchObject([
      { last_id: 'LID ONLY' },
    ])
    expect(contacts).toMatchObject([{ jid: lid, number: '12025550123', push_name: 'Ana' }])
    expect(tally.reduce((sum, row) => sum + row.messages, 0)).toBe(3)
    // The CRM learns that the nameless address it saw has a number.
    expect(await hub.told('contact.updated')).toMatchObject([
      { data: { contactId: pn, lid, phone: '12025550123', name: 'Ana' } },
    ])
  })

  test('keeps the receipts of both copies of a message of ours', async () => {
    await using hub = await startFixture(open)
    const ours = { kind: 'message' as const, sender: me.pn, fromMe: true, id: 'OURS' }
    const receipt = { kind: 'receipt' as const, ids: ['OURS'] }
    hub.sessions.arrive([
      { ...ours, chat: pn },
      { ...ours, chat: lid },
      { ...receipt, chat: pn, status: 'delivered', sentAt: 1_000 },
      { ...receipt, chat: lid, status: 'read', sentAt: 2_000 },
    ])
    await hub.projected()
    await acquaint(hub, mapping())
    const [row] = await hub.messages.list.page({ sessionId: 1 }, 10, 0)
    const receipts = row && (await hub.messages.receipts.of(row))
    expect(receipts).toMatchObject([{ jid: lid, deliveredAt: 1_000, readAt: 2_000 }])
  })

  test('re-keys who wrote in groups, where a copy may stand under either address', async () => {
    await using hub = await startFixture(open)
    hub.sessions.arrive([
      { kind: 'message', chat: group, sender: pn, id: 'G1' },
      { kind: 'message', chat: group, sender: lid, id: 'G1' },
      { kind: 'message', chat: group, sender: pn, id: 'G2' },
    ])
    await hub.projected()
    await acquaint(hub, mapping())
    const { messages, chats, tally } = await everything(hub)
    expect(messages).toMatchObject([
      { whatsapp_id: 'G1', chat_jid: group, sender_jid: lid },
      { whatsapp_id: 'G2', chat_jid: group, sender_jid: lid },
    ])
    expect(chats).toMatchObject([{ jid: group, message_count: 2, unread_count: 2 }])
    expect(tally.reduce((sum, row) => sum + row.messages, 0)).toBe(2)
  })

  test('said twice, or by every stanza, changes nothing more', async () => {
    await using hub = await startFixture(open)
    hub.sessions.arrive([{ kind: 'message', chat: pn, id: 'A' }])
    await hub.projected()
    await acquaint(hub, mapping(), mapping())
    const once = await everything(hub)
    await acquaint(hub, mapping())
    hub.sessions.arrive([{ kind: 'message', chat: pn, chatAlt: lid, sender: pn, senderAlt: lid, id: 'A' }])
    await hub.projected()
    expect(await everything(hub)).toEqual(once)
  })

  test('in the stanza itself is used for that very message', async () => {
    await using hub = await startFixture(open)
    hub.sessions.arrive([{ kind: 'message', chat: lid, chatAlt: pn, sender: lid, senderAlt: pn, id: 'A' }])
    await hub.projected()
    const { messages, contacts } = await everything(hub)
    expect(messages).toMatchObject([{ chat_jid: lid, sender_jid: lid }])
    expect(contacts).toMatchObject([{ jid: lid, number: '12025550123' }])
    expect(await hub.told('message.received')).toMatchObject([
      { data: { chatId: pn, from: pn, fromLid: lid } },
    ])
  })

  test('an account that changes its number keeps its chat and shows the new number', async () => {
    await using hub = await startFixture(open)
    hub.sessions.arrive([{ kind: 'message', chat: lid, chatAlt: pn, id: 'A' }])
    await hub.projected()
    hub.sessions.arrive([{ kind: 'message', chat: lid, chatAlt: otherPn, id: 'B' }])
    await hub.projected()
    const { mappings, chats, contacts } = await everything(hub)
    expect(mappings).toEqual([{ lid, pn: otherPn }])
    expect(chats).toMatchObject([{ jid: lid, message_count: 2 }])
    expect(contacts).toMatchObject([{ jid: lid, number: '12025550124' }])
    expect(await hub.told('contact.updated')).toMatchObject([{ data: { contactId: otherPn } }])
  })

  test('a number that passes to another account does not mix the two', async () => {
    await using hub = await startFixture(open)
    hub.sessions.arrive([{ kind: 'message', chat: lid, chatAlt: pn, id: 'A' }])
    await hub.projected()
    hub.sessions.arrive([{ kind: 'message', chat: otherLid, chatAlt: pn, id: 'B' }])
    await hub.projected()
    const { mappings, chats, contacts } = await everything(hub)
    expect(mappings).toEqual([{ lid: otherLid, pn }])
    expect(chats.map((chat) => [chat.jid, chat.message_count])).toEqual([
      [lid, 1],
      [otherLid, 1],
    ])
    expect(contacts.map((contact) => [contact.jid, contact.number])).toEqual([
      [lid, null],
      [otherLid, '12025550123'],
    ])
  })

  test('learnt together with a contact, both are stored', async () => {
    await using hub = await startFixture(open)
    await acquaint(hub, { type: 'contact', sessionId: 1, jid: pn, savedName: 'Ana (work)' }, mapping())
    const { contacts } = await everything(hub)
    expect(contacts).toMatchObject([{ jid: lid, number: '12025550123', saved_name: 'Ana (work)' }])
  })
})

databases('what the account sets on its phone', ({ open }) => {
  test('archives a chat we have, and tells it when it changes', async () => {
    await using hub = await startFixture(open)
    hub.sessions.arrive([{ kind: 'message', chat: lid, chatAlt: pn, id: 'A' }])
    await hub.projected()
    const settings = (fact: object): Acquaintance => ({ type: 'chat', sessionId: 1, jid: pn, ...fact })
    await acquaint(hub, settings({ archived: true }), settings({ pinned: true, mutedUntil: 5 }))
    await acquaint(hub, settings({ archived: true }))
    expect((await everything(hub)).chats).toMatchObject([
      { jid: lid, archived: 1, pinned: 1, muted_until: 5 },
    ])
    await acquaint(hub, settings({ archived: false, mutedUntil: null }))
    expect((await everything(hub)).chats).toMatchObject([{ archived: 0, pinned: 1, muted_until: null }])
    expect((await hub.told()).slice(1)).toMatchObject([
      { type: 'chat.archived', data: { chatId: pn, isArchived: true } },
      { type: 'chat.updated', data: { chatId: pn, changes: { pinned: true } } },
      { type: 'chat.unarchived', data: { chatId: pn, isArchived: false } },
      { type: 'chat.updated', data: { chatId: pn, changes: { mutedUntil: null } } },
    ])
  })

  test('is kept of a chat without messages, which no list shows', async () => {
    await using hub = await startFixture(open)
    await acquaint(hub, { type: 'chat', sessionId: 1, jid: pn, archived: true })
    expect((await everything(hub)).chats).toMatchObject([
      { jid: pn, archived: 1, message_count: 0, active_at: 0 },
    ])
    expect((await hub.messages.list.chats({ sessionId: 1 }, 10, 0)).total).toBe(0)
  })
})

databases('whatever order stanzas and mappings come in', ({ open, dialect }) => {
  const people = [
    { lid, pn },
    { lid: otherLid, pn: otherPn },
  ]
  const step: fc.Arbitrary<ScriptedEntry | Acquaintance> = fc.oneof(
    fc
      .record({
        person: fc.constantFrom(...people),
        form: fc.constantFrom('pn', 'lid', 'pn+', 'lid+'),
        where: fc.constantFrom('chat', 'group'),
        id: fc.constantFrom('1', '2', '3'),
        kind: fc.constantFrom('message', 'undecryptable', 'phone'),
      })
      .map(({ person, form, where, id, kind }): ScriptedEntry => {
        const [one, other] = form.startsWith('pn') ? [person.pn, person.lid] : [person.lid, person.pn]
        const alt = form.endsWith('+') ? other : undefined
        if (kind === 'phone') {
          return { kind: 'message', id, fromMe: true, chat: one, chatAlt: alt, sender: me.pn }
        }
        const chat = where === 'group' ? group : one
        const chatAlt = where === 'group' ? undefined : alt
        return kind === 'message'
          ? { kind, id, chat, chatAlt, sender: one, senderAlt: alt, pushName: `Name of ${person.lid}` }
          : { kind: 'undecryptable', id, chat, chatAlt, sender: one, senderAlt: alt }
      }),
    fc.constantFrom(...people).map((person) => mapping(person)),
  )

  test('once both mappings are known, everything stands once under the LIDs, and counts agree with rows', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(step, { maxLength: 5 }), { maxLength: 5 }), async (batches) => {
        await using hub = await startFixture(open)
        const sent = new Set<string>()
        for (const batch of batches) {
          const entries: ScriptedEntry[] = []
          for (const each of batch) {
            if ('type' in each) await acquaint(hub, each)
            else entries.push(each)
          }
          for (const entry of entries) {
            if (entry.kind !== 'message') continue
            const author = entry.fromMe === true ? 'me' : nameOf(entry.sender ?? entry.chat)
            sent.add(`${nameOf(entry.chat)} ${author} ${entry.id}`)
          }
          hub.sessions.arrive(entries)
          await hub.projected()
        }
        await acquaint(hub, ...people.map((person) => mapping(person)))

        const { messages, chats, tally } = await everything(hub)
        const shown = messages.filter((row) => row.shown === 1)
        expect(
          messages.every((row) => !row.chat_jid.endsWith('net') && !row.sender_jid.endsWith('net')),
        ).toBe(true)
        expect(
          shown
            .map((row) => `${row.chat_jid} ${row.from_me === 1 ? 'me' : row.sender_jid} ${row.whatsapp_id}`)
            .sort(),
        ).toEqual([...sent].sort())
        for (const chat of chats) {
          const own = shown.filter((row) => row.chat_jid === chat.jid)
          expect(chat.message_count).toBe(own.length)
          expect(chat.unread_count).toBe(own.filter((row) => row.from_me === 0).length)
        }
        expect(chats.filter((chat) => chat.message_count > 0)).toHaveLength(
          new Set(shown.map((row) => row.chat_jid)).size,
        )
        expect(tally.reduce((sum, row) => sum + row.messages, 0)).toBe(shown.length)
      }),
      // Each run opens a store of its own.
      { numRuns: dialect === 'sqlite' ? 40 : 8 },
    )
  })

  function nameOf(jid: Jid): Jid {
    return people.find((person) => person.pn === jid)?.lid ?? jid
  }
})
