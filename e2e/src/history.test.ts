import { createHash } from 'node:crypto'

import { endpoints } from '@inbox-hub/contract'
import { describe, expect, test } from 'vitest'

import { eventually, type Hub, postgresUrl, startHub } from './harness.ts'

const stores = (await postgresUrl()) === undefined ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)
const ours = '+447700900100'
const customer = '+12025550123'
const customerId = '12025550123@s.whatsapp.net'
const params = { sessionId: 'support' }
const day = Date.UTC(2026, 9, 1)

const synced = (hub: Hub, state = 'done') =>
  eventually(
    async () => {
      const { sync } = await hub.api.call(endpoints.getSessionStatus, { params: { ref: 'support' } })
      return sync.state === state ? sync : undefined
    },
    () => `the history never was ${state}`,
  )

const messagesOf = (hub: Hub, chatId: string) =>
  hub.api.call(endpoints.listChatMessages, { params: { ...params, chatId }, query: { limit: 1000 } })

describe.each(stores)('the history of the phone on %s', (store) => {
  test('is in the lists after linking, as the phone has it, and nobody is told of its messages', async () => {
    await using hub = await startHub({ store, preset: 'standard' })
    const phone = hub.emulator.phone(ours)
    hub.emulator.phone(customer).setsPushName('Ana')
    const group = hub.emulator.group('Lunch', [ours, customer, '+12025550124'])
    for (const [index, text] of ['One', 'Two', 'Three', 'Four'].entries())
      phone.remembers(customer, {
        id: `A${index}`,
        text,
        fromMe: index === 1,
        at: day + index * 1000,
        pushName: 'Ana of before',
      })
    // Two of one second keep their order.
    phone.remembers(customer, { id: 'A4', text: 'Five', at: day + 3000 })
    phone.remembers(customer, {
      id: 'P',
      text: { imageMessage: { caption: 'A picture', mimetype: 'image/jpeg', seconds: 0 } as never },
      at: day + 5000,
    })
    phone.remembers(group.jid, {
      id: 'G',
      text: 'In the group',
      from: '+12025550124',
      at: day,
      pushName: 'Ben',
    })
    phone.describes(customer, {
      archived: true,
      pinned: 1,
      unreadCount: 2,
      name: 'Ana of accounts',
      username: 'ana.r',
    })
    phone.describes('+12025550125', { unreadCount: 0, conversationTimestamp: day / 1000 })

    const support = await hub.pairSession('support', { number: ours })
    const sync = await synced(hub)
    expect(sync).toMatchObject({ percent: 100, messages: 7, chats: 3, error: null })

    const { messages } = await messagesOf(hub, customerId)
    expect(messages.map(({ body }) => body)).toEqual(['A picture', 'Five', 'Four', 'Three', 'Two', 'One'])
    expect(messages.map(({ isRead }) => isRead)).toEqual([false, false, true, true, true, true])
    expect(messages[0]).toMatchObject({ type: 'image', hasMedia: true, from: customerId, status: 'received' })
    expect(messages[4]).toMatchObject({
      fromMe: true,
      status: 'sent',
      timestamp: new Date(day + 1000).toISOString(),
    })
    const { chats } = await hub.api.call(endpoints.listChats, { params })
    expect(chats.find(({ chatId }) => chatId === customerId)).toMatchObject({
      name: 'Ana of accounts',
      unreadCount: 2,
      archived: true,
      pinned: true,
      messageCount: 6,
    })
    expect(chats.find(({ chatId }) => chatId === group.jid)).toMatchObject({
      name: 'Lunch',
      lastMessage: { body: 'In the group' },
    })
    const { contact } = await hub.api.call(endpoints.searchContact, {
      params: { ...params, phoneNumber: '12025550123' },
    })
    expect(contact).toMatchObject({ username: 'ana.r', isMyContact: true, pushname: 'Ana of before' })

    // A message that is in the history already, and one that is new.
    phone.tellsHistory({
      syncType: 3,
      progress: 100,
      conversations: [
        {
          id: customerId,
          messages: [
            {
              message: {
                key: { id: 'A0', remoteJid: customerId, fromMe: false },
                message: { conversation: 'One' },
                messageTimestamp: day / 1000,
              },
            },
            {
              message: {
                key: { id: 'A9', remoteJid: customerId, fromMe: true },
                message: { conversation: 'Nine' },
                messageTimestamp: day / 1000 - 60,
                status: 4,
              },
            },
          ],
        },
      ],
    })
    await eventually(
      async () => ((await messagesOf(hub, customerId)).total === 7 ? true : undefined),
      () => 'the second part was not stored',
    )
    expect((await messagesOf(hub, customerId)).messages.at(-1)).toMatchObject({
      body: 'Nine',
      status: 'read',
    })

    hub.emulator.phone(customer).sends(support, 'Live')
    const [first] = await hub.webhook.received('message.received')
    expect(first?.data).toMatchObject({ text: 'Live' })
    expect(hub.webhook.calls.filter(({ type }) => type === 'message.received')).toHaveLength(1)
    const told = await hub.webhook.received('session.sync', 2)
    expect(told.at(-1)?.data).toMatchObject({ scope: 'session' })
    await support.status()
  })
})

test.each(stores)(
  'who comes to an event of before shows on it, and who says so later, on %s',
  async (store) => {
    await using hub = await startHub({ store, preset: 'standard' })
    const phone = hub.emulator.phone(ours)
    const [ana, ben] = [hub.emulator.phone(customer), hub.emulator.phone('+12025550124')]
    const group = hub.emulator.group('Lunch', [ours, ana.number, ben.number])
    await hub.pairSession('support', { number: ours })
    await synced(hub)
    const messageSecret = Buffer.alloc(32, 9)
    const event = { eventMessage: { name: 'Opening', startTime: day / 1000 } }
    const key = (id: string, by?: string) => ({
      id,
      remoteJid: group.jid,
      fromMe: by === undefined,
      ...(by !== undefined && { participant: by }),
    })
    const answer = (by: string | undefined, response: number, extraGuestCount = 0) => ({
      eventResponseMessageKey: key(`answer of ${by ?? 'us'}`, by),
      timestampMs: day + 1000,
      eventResponseMessage: { response, timestampMs: day + 1000, extraGuestCount },
    })
    phone.tellsHistory({
      syncType: 3,
      progress: 100,
      phoneNumberToLidMappings: [ana, ben].map(({ pn, lid }) => ({ pnJid: pn, lidJid: lid })),
      conversations: [
        {
          id: group.jid,
          messages: [
            {
              message: {
                key: key('EVENT', ben.lid),
                messageTimestamp: day / 1000,
                message: event,
                messageSecret,
                eventResponses: [answer(ana.lid, 1, 2), answer(undefined, 3), answer(ben.lid, 0)],
              },
            },
          ],
        },
      ],
    })
    const answers = async () =>
      ((await messagesOf(hub, group.jid)).messages[0]?.eventAnswers ?? []).toSorted((one, other) =>
        one.answer < other.answer ? -1 : 1,
      )
    await eventually(
      async () => ((await answers()).length > 0 ? true : undefined),
      () => 'nobody comes',
    )
    const timestamp = new Date(day + 1000).toISOString()
    expect(await answers()).toEqual([
      { from: customerId, answer: 'going', extraGuests: 2, timestamp },
      { from: `${ours.slice(1)}@s.whatsapp.net`, answer: 'maybe', extraGuests: 0, timestamp },
    ])
    expect(hub.webhook.calls.filter(({ type }) => type === 'message.event_answer')).toEqual([])

    ana.answersEvent(
      {
        id: 'EVENT',
        chat: group.jid,
        from: ben.pn,
        fromMe: false,
        text: undefined,
        message: { ...event, messageContextInfo: { messageSecret } },
        pushName: undefined,
        at: day,
        device: 0,
        wire: undefined,
      },
      'NOT_GOING',
    )
    const [told] = await hub.webhook.received('message.event_answer')
    expect(told?.data).toMatchObject({ messageId: 'EVENT', from: customerId, answer: 'not_going' })
    expect((await answers()).map(({ answer }) => answer)).toEqual(['maybe', 'not_going'])
  },
)

test('older messages of a chat are asked of the phone, until it has none, and when it was away', async () => {
  await using hub = await startHub({ preset: 'standard' })
  const phone = hub.emulator.phone(ours)
  for (let n = 0; n < 12; n += 1)
    phone.remembers(customer, { id: `M${n}`, text: `old ${n}`, at: day + n * 1000 })
  const support = await hub.pairSession('support', { number: ours, history: 'none' })
  expect(await synced(hub)).toMatchObject({ messages: 0, percent: 100 })
  const older = (body: { count?: number; wait?: number }) =>
    hub.api.call(endpoints.fetchOlderMessages, { params: { ...params, chatId: customerId }, body })
  await expect(older({})).rejects.toMatchObject({ code: 'CHAT_WITHOUT_MESSAGES' })

  const now = hub.emulator.phone(customer).sends(support, 'Now')
  await hub.webhook.received('message.received')
  expect(await older({ count: 5 })).toMatchObject({ status: 'done', messages: 5, isComplete: false })
  const { messages } = await messagesOf(hub, customerId)
  expect(messages.map(({ messageId }) => messageId)).toEqual([now.id, 'M11', 'M10', 'M9', 'M8', 'M7'])
  expect(messages.at(-1)).toMatchObject({ body: 'old 7', isRead: true })

  phone.goOffline()
  const pending = await older({ count: 50, wait: 0 })
  expect(pending).toMatchObject({ status: 'pending', messages: 0 })
  phone.goOnline()
  await eventually(
    async () => {
      const told = hub.webhook.calls.map(({ json }) => json as { data: Record<string, unknown> })
      return told.find(({ data }) => data['requestId'] === pending.requestId && data['requested'] === 7)
    },
    () => 'the answer was not told',
  )
  expect((await messagesOf(hub, customerId)).total).toBe(13)
  expect(await older({})).toMatchObject({ status: 'done', messages: 0, isComplete: true, requestId: null })
  expect(hub.webhook.calls.filter(({ type }) => type === 'message.received')).toHaveLength(1)
})

test('a part that is too large for its message is fetched from the media host, and said so when it is gone', async () => {
  await using hub = await startHub({ preset: 'standard' })
  const phone = hub.emulator.phone(ours)
  const noise = (n: number) => createHash('sha512').update(String(n)).digest('hex')
  for (let n = 0; n < 2000; n += 1) phone.remembers(customer, { text: noise(n), at: day + n * 1000 })
  // Once refused: it is tried again.
  hub.emulator.media.onDownloads({ kind: 'status', status: 503 })
  await hub.pairSession('support', { number: ours })
  expect(await synced(hub)).toMatchObject({ messages: 2000, chats: 1 })
  phone.tellsNotification({
    syncType: 3,
    progress: 100,
    directPath: '/v/t62.36147-24/gone',
    mediaKey: Buffer.alloc(32, 1),
  })
  await eventually(
    async () => {
      const { sync } = await hub.api.call(endpoints.getSessionStatus, { params: { ref: 'support' } })
      return sync.error === null ? undefined : sync
    },
    () => 'that the part is gone was not told',
  )
})

test.each([410, 403] as const)(
  'a part whose link has expired (%s) is asked of the phone again; meanwhile the sync goes on, and says what is missing',
  async (status) => {
    await using hub = await startHub({ preset: 'standard' })
    const phone = hub.emulator.phone(ours)
    await hub.pairSession('support', { number: ours })
    await synced(hub)
    const conversation = (id: string, text: string) => ({
      id: customerId,
      messages: [
        {
          message: {
            key: { id, remoteJid: customerId, fromMe: false },
            message: { conversation: text },
            messageTimestamp: day / 1000,
          },
        },
      ],
    })
    const part = {
      syncType: 3,
      chunkOrder: 7,
      progress: 100,
      conversations: [conversation('E1', 'From the lost part')],
    }
    phone.tellsExpiredHistory(part, status)
    await eventually(
      async () => (await messagesOf(hub, customerId)).messages.find(({ messageId }) => messageId === 'E1'),
      () => 'the part did not come again',
    )
    const told = hub.webhook.calls.map(({ json }) => json as { type: string; data: { error: unknown } })
    expect(told.map(({ data }) => data.error)).toContainEqual(
      expect.stringContaining('the phone was asked to send it again'),
    )
    expect(await synced(hub)).toMatchObject({ percent: 100, error: null })
  },
)

test("the phone's list of calls is in the list of the session, and told to nobody", async () => {
  await using hub = await startHub({ preset: 'standard' })
  const phone = hub.emulator.phone(ours)
  await hub.pairSession('support', { number: ours })
  await synced(hub)
  const { lid } = hub.emulator.addresses(customer)
  const call = { callCreatorJid: lid, isIncoming: true, startTime: day / 1000, isVideo: false }
  const history = {
    syncType: 3,
    progress: 100,
    phoneNumberToLidMappings: [{ pnJid: customerId, lidJid: lid }],
    callLogRecords: [
      { ...call, callId: 'MISSED', callResult: 4 },
      { ...call, callId: 'TALKED', callResult: 0, duration: 65, isVideo: true, startTime: day / 1000 + 60 },
      {
        ...call,
        callId: 'OURS',
        callCreatorJid: hub.emulator.addresses(ours).lid,
        isIncoming: false,
        callResult: 2,
        participants: [{ userJid: lid, callResult: 2 }],
        startTime: day / 1000 + 120,
      },
      // Its creator left out, as phones may of their own calls; and one that names nobody.
      { ...call, callId: 'LINK', callCreatorJid: '', isIncoming: false, callResult: 0 },
      { ...call, callId: 'PLANNED', callResult: 7 },
    ],
  }
  phone.tellsHistory(history)
  const calls = () => hub.api.call(endpoints.listCalls, { params })
  await eventually(
    async () => ((await calls()).total === 3 ? true : undefined),
    () => 'the calls are not listed',
  )
  phone.tellsHistory({ ...history, progress: 99 })
  await synced(hub)
  expect((await calls()).calls).toMatchObject([
    {
      callId: 'OURS',
      direction: 'outgoing',
      status: 'missed',
      from: `${ours.slice(1)}@s.whatsapp.net`,
      to: customerId,
      toLid: lid,
      rejectedBy: null,
      whileAway: false,
    },
    { callId: 'TALKED', status: 'ended', from: customerId, isVideo: true, durationSeconds: 65 },
    {
      callId: 'MISSED',
      status: 'missed',
      from: customerId,
      isVideo: false,
      startedAt: new Date(day).toISOString(),
    },
  ])
  expect(hub.webhook.calls.filter(({ type }) => type?.startsWith('call.'))).toEqual([])
})

test('synchronising reads the address book and the chats afresh, and repairing makes the chats that messages exist for', async () => {
  await using hub = await startHub({ preset: 'standard' })
  const phone = hub.emulator.phone(ours)
  phone.settings.savesContact(customer, 'Ana of accounts')
  phone.remembers(customer, { text: 'Hello', at: day })
  phone.remembers('+12025550124', { text: 'Hi', at: day })
  const support = await hub.pairSession('support', { number: ours })
  await synced(hub)
  const ref = { params: { ref: 'support' } }
  phone.settings.archives(customer)
  const done = await hub.api.call(endpoints.syncSession, ref)
  expect(done).toMatchObject({ contactsReceived: 1, chatsReceived: 1 })
  expect(done.chatsSynced).toBe(2)
  const { chats } = await hub.api.call(endpoints.listChats, { params })
  expect(chats.find(({ chatId }) => chatId === customerId)).toMatchObject({
    archived: true,
    name: 'Ana of accounts',
  })
  expect(await hub.api.call(endpoints.repairConversations, ref)).toMatchObject({ totalRepaired: 0 })

  await hub.api.call(endpoints.disconnectSession, ref)
  await support.reaches('stopped')
  await expect(hub.api.call(endpoints.syncSession, ref)).rejects.toMatchObject({
    code: 'SESSION_NOT_CONNECTED',
  })
})
