import { endpoints } from '@inbox-hub/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { eventually, type Hub, type PairedSession, postgresUrl, startHub } from './harness.ts'

const stores = (await postgresUrl()) === undefined ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)

const ana = '+12025550123'
const ben = '+12025550124'
const carl = '+12025550125'
const account = '+12025550177'
const jidOf = (number: string): string => `${number.slice(1)}@s.whatsapp.net`

describe.each(stores)('chats that go to another session on %s', (store) => {
  let hub: Hub
  let old: PairedSession
  let fresh: PairedSession
  beforeAll(async () => {
    hub = await startHub({ store })
    old = await hub.pairSession('old')
    fresh = await hub.pairSession('new')
  })
  afterAll(() => hub[Symbol.asyncDispose]())

  const messagesOf = async ({ sessionId }: PairedSession, chatId: string) =>
    (await hub.api.call(endpoints.listChatMessages, { params: { sessionId, chatId }, query: { limit: 500 } }))
      .messages
  const chatOf = async ({ sessionId }: PairedSession, chatId: string) =>
    (await hub.api.call(endpoints.getChat, { params: { sessionId, chatId } })).chat
  const total = async ({ sessionId }: PairedSession) =>
    (await hub.api.call(endpoints.messageStats, { params: { sessionId } })).stats.total
  const transfer = (
    to: PairedSession,
    body: { fromSessionId: string; chatId?: string; chatIds?: string[] },
  ) => hub.api.call(endpoints.transferChat, { params: { sessionId: to.sessionId }, body })
  const has = (session: PairedSession, chatId: string, count: number) =>
    eventually(
      async () => {
        const messages = await messagesOf(session, chatId)
        return messages.length >= count ? messages : undefined
      },
      () => `${session.sessionId} never had ${count} messages of ${chatId}`,
    )

  test('messages, their files and what was done to them stand in the other session, once', async () => {
    const phone = hub.emulator.phone(ana)
    phone.sends(old, 'Where is my order?')
    phone.sendsMedia(old, {
      media: 'document',
      bytes: Buffer.from('An invoice of a kind'),
      mimetype: 'text/plain',
      fileName: 'invoice.txt',
    })
    await has(old, ana, 2)
    const { messageId } = await old.sends(ana, 'On its way')
    const onPhone = await eventually(
      () => Promise.resolve(phone.messages.find(({ id }) => id === messageId)),
      () => 'the answer never came',
    )
    phone.reacts(onPhone, '👍')
    phone.sends(fresh, 'I write to both')
    await has(fresh, ana, 1)
    const before = await eventually(
      async () => {
        const messages = await messagesOf(old, ana)
        return messages.some(({ hasReactions }) => hasReactions) ? messages : undefined
      },
      () => 'the reaction never came',
    )
    const file = before.find(({ hasMedia }) => hasMedia)
    const link = await hub.api.call(endpoints.getMessageMedia, {
      params: { sessionId: 'old', messageId: file?.messageId ?? '' },
    })

    expect(await transfer(fresh, { fromSessionId: 'old', chatId: ana })).toEqual({
      fromSessionId: 'old',
      transferred: 1,
      chats: [{ chatId: jidOf(ana), messages: 3 }],
    })

    const after = await messagesOf(fresh, ana)
    expect(new Set(after.map(({ body }) => body))).toEqual(
      new Set(['I write to both', ...before.map(({ body }) => body)]),
    )
    expect(after.find((message) => message.messageId === messageId)).toMatchObject({
      fromMe: true,
      reactions: [{ emoji: '👍' }],
    })
    expect(await chatOf(fresh, ana)).toMatchObject({ messageCount: 4, unreadCount: 3, name: phone.pushName })
    expect(await total(fresh)).toBe(4)
    expect(await total(old)).toBe(0)
    await expect(chatOf(old, ana)).rejects.toMatchObject({ code: 'CHAT_NOT_FOUND' })
    // Its file is found there too, and lives as long as that session.
    const moved = await hub.api.call(endpoints.getMessageMedia, {
      params: { sessionId: 'new', messageId: file?.messageId ?? '' },
    })
    expect([moved.sha256, moved.filename]).toEqual([link.sha256, 'invoice.txt'])
    expect(await (await fetch(moved.url)).text()).toBe('An invoice of a kind')
    const found = await eventually(
      async () => {
        const { messages } = await hub.api.call(endpoints.searchSession, {
          params: { sessionId: 'new' },
          query: { q: 'order' },
        })
        return messages.length === 1 ? messages : undefined
      },
      () => 'the search never found it in its new session',
    )
    expect(found).toHaveLength(1)
    const exported = await hub.api.raw(endpoints.exportContact, {
      params: { sessionId: 'new', contactId: ana.slice(1) },
    })
    const lines = (await exported.text()).trim().split('\n')
    const kinds = new Set(lines.map((line) => (JSON.parse(line) as { kind: string }).kind))
    // Who has the answer, and what was done to it, stands where the messages are.
    expect(kinds).toContain('message')
    expect(kinds).toContain('message_receipt')
    expect(kinds).toContain('message_change')
    for (const sessionId of ['old', 'new']) {
      const { events } = await hub.api.call(endpoints.listEvents, {
        query: { sessionId, types: 'chat.transferred' },
      })
      expect(events.map(({ data }) => data)).toMatchObject([
        { chatId: jidOf(ana), fromSessionId: 'old', toSessionId: 'new', messages: 3 },
      ])
    }
    // The conversation goes on, at the old number as a new one.
    phone.sends(old, 'Are you still there?')
    expect(await has(old, ana, 1)).toHaveLength(1)
  })

  test('a long chat goes whole, in several pieces', async () => {
    const number = '+12025550178'
    const phone = hub.emulator.phone(number)
    const count = 450
    const at = Date.UTC(2026, 0, 1)
    for (let n = 0; n < count; n += 1) phone.remembers(carl, { text: `Line ${n}`, at: at + n * 1000 })
    const long = await hub.pairSession('long', { number, history: 'full' })
    await eventually(
      async () => {
        const { sync } = await hub.api.call(endpoints.getSessionStatus, { params: { ref: 'long' } })
        return sync.state === 'done' || undefined
      },
      () => 'its history was never read to the end',
    )
    expect(await transfer(fresh, { fromSessionId: 'long', chatId: carl })).toMatchObject({
      chats: [{ messages: count }],
    })
    const there = await messagesOf(fresh, carl)
    expect(new Set(there.map(({ body }) => body)).size).toBe(count)
    expect(await total(long)).toBe(0)
  })

  test('what both sessions of one number have is there once, and read when one has read it', async () => {
    const first = await hub.pairSession('twin-1', { number: account })
    const second = await hub.pairSession('twin-2', { number: account })
    const phone = hub.emulator.phone(ben)
    phone.sends(account, 'Hello to both devices')
    const [seen] = await has(first, ben, 1)
    await has(second, ben, 1)
    await hub.api.call(endpoints.markChatRead, { params: { sessionId: 'twin-1', chatId: ben }, body: {} })
    expect(await transfer(second, { fromSessionId: 'twin-1', chatIds: [ben, jidOf(ben)] })).toMatchObject({
      transferred: 1,
    })
    expect(await messagesOf(second, ben)).toMatchObject([{ messageId: seen?.messageId }])
    expect(await chatOf(second, ben)).toMatchObject({ messageCount: 1, unreadCount: 0 })
    expect(await total(second)).toBe(1)
  })

  test('what cannot be moved is refused before anything is', async () => {
    const failure = (body: Parameters<typeof transfer>[1]) =>
      transfer(fresh, body).then(
        () => 'moved',
        (error: unknown) => error,
      )
    expect(await failure({ fromSessionId: 'old', chatIds: [ana, '+12025550199'] })).toMatchObject({
      status: 404,
      code: 'CHAT_NOT_FOUND',
      details: { chatId: jidOf('+12025550199') },
    })
    expect(await failure({ fromSessionId: 'nobody', chatId: ana })).toMatchObject({
      code: 'SESSION_NOT_FOUND',
    })
    expect(await failure({ fromSessionId: 'new', chatId: ana })).toMatchObject({ code: 'VALIDATION_ERROR' })
    expect(await failure({ fromSessionId: 'old' })).toMatchObject({ code: 'VALIDATION_ERROR' })
    expect(await failure({ fromSessionId: 'old', chatId: 'status@broadcast' })).toMatchObject({
      code: 'VALIDATION_ERROR',
    })
    expect(await messagesOf(old, ana)).toHaveLength(1)
  })

  test('who was erased in the other session is not brought back: their chat stays, and groups come without them', async () => {
    const from = await hub.pairSession('keeps')
    const to = await hub.pairSession('erased')
    const [carlaNumber, digits] = ['+12025550145', '12025550145']
    const carla = hub.emulator.phone(carlaNumber)
    carla.setsPushName('Carla Quibble')
    const other = hub.emulator.phone(ben)
    const group = hub.emulator.group('Lunch', [from.number, carlaNumber, ben])
    carla.sends(from, 'For one session alone')
    carla.sends(to, 'For the other')
    await has(to, carlaNumber, 1)
    await has(from, carlaNumber, 1)
    const said = carla.sends(group.jid, 'flabbergasted')
    const heard = await eventually(
      () => other.messages.find(({ id }) => id === said.id),
      () => 'the group did not hear it',
    )
    other.sends(group.jid, { text: `So says @${digits}`, quoted: heard, mentions: [carlaNumber] })
    await has(from, group.jid, 2)
    const { messageId } = await from.sends(group.jid, 'From us')
    const params = { sessionId: to.sessionId, messageId }
    const receiptsIn = async (sessionId: string) =>
      (await hub.api.call(endpoints.messageReceipts, { params: { ...params, sessionId } })).receipts
    const reactionsIn = async (session: PairedSession) =>
      (await messagesOf(session, group.jid)).find((message) => message.messageId === messageId)?.reactions
    for (const phone of [carla, other]) {
      const onPhone = await eventually(
        () => phone.messages.find(({ id }) => id === messageId),
        () => 'the answer never came',
      )
      phone.reacts(onPhone, '👍')
    }
    await eventually(
      async () =>
        (await receiptsIn(from.sessionId)).length === 2 && (await reactionsIn(from))?.length === 2
          ? true
          : undefined,
      () => 'the receipts and reactions never came',
    )
    const contact = { params: { sessionId: to.sessionId, contactId: digits }, body: { confirm: carlaNumber } }
    await hub.api.call(endpoints.eraseContact, contact)

    await expect(
      transfer(to, { fromSessionId: from.sessionId, chatIds: [group.jid, carlaNumber] }),
    ).rejects.toMatchObject({ status: 409, code: 'CONTACT_ERASED', details: { chatId: jidOf(carlaNumber) } })
    expect(await messagesOf(from, group.jid)).toHaveLength(3)

    expect(await transfer(to, { fromSessionId: from.sessionId, chatId: group.jid })).toMatchObject({
      chats: [{ chatId: group.jid, messages: 2 }],
    })
    const moved = await messagesOf(to, group.jid)
    expect(moved.map(({ body }) => body).toSorted()).toEqual(['From us', 'So says @0'])
    expect(await chatOf(to, group.jid)).toMatchObject({ messageCount: 2 })
    expect(await total(to)).toBe(2)
    expect(await total(from)).toBe(1)
    const all = JSON.stringify([moved, await chatOf(to, group.jid), await receiptsIn(to.sessionId)])
    for (const text of ['flabbergasted', 'Quibble', digits, carla.lid.split('@')[0] ?? ''])
      expect(all).not.toContain(text)
    expect(await receiptsIn(to.sessionId)).toHaveLength(1)
    expect(await reactionsIn(to)).toHaveLength(1)
    const { contacts } = await hub.api.call(endpoints.listContacts, { params: { sessionId: to.sessionId } })
    expect(contacts.filter(({ number }) => number === digits)).toEqual([])

    // What they write from now on is a new conversation, which may move.
    const here = { ...contact, params: { ...contact.params, sessionId: from.sessionId } }
    await hub.api.call(endpoints.eraseContact, here)
    carla.sends(from, 'Me again')
    await has(from, carlaNumber, 1)
    await transfer(to, { fromSessionId: from.sessionId, chatId: carlaNumber })
    expect((await messagesOf(to, carlaNumber)).map(({ body }) => body)).toEqual(['Me again'])
  })

  test('a chat with a message that has not left waits for it', async () => {
    const session = await hub.pairSession('slow')
    hub.emulator.phone(ben).sends(session, 'Hello')
    await has(session, ben, 1)
    hub.emulator.account(session.number).onMessages({ kind: 'slow', delayMs: 500 })
    const sending = session.sends(ben, 'Not acknowledged yet')
    await has(session, ben, 2)
    await expect(transfer(fresh, { fromSessionId: 'slow', chatId: ben })).rejects.toMatchObject({
      status: 409,
      code: 'CHAT_HAS_UNSENT',
    })
    await sending
    await transfer(fresh, { fromSessionId: 'slow', chatId: ben })
    expect(await messagesOf(fresh, ben)).toHaveLength(2)
  })
})
