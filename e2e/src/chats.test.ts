import { endpoints, type EventType } from '@inbox-hub/contract'
import type { PhoneMessage } from '@inbox-hub/emulator'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { eventually, type Hub, type PairedSession, startHub } from './harness.ts'

const ana = '+12025550123'
const ben = '+12025550124'
const jidOf = (number: string): string => `${number.slice(1)}@s.whatsapp.net`

type Deed =
  | 'archiveChat'
  | 'unarchiveChat'
  | 'pinChat'
  | 'unpinChat'
  | 'unmuteChat'
  | 'readChat'
  | 'unreadChat'
  | 'clearChat'

/** The API of one session's chats. */
function chatsOf(hub: Hub, { sessionId }: Pick<PairedSession, 'sessionId'>) {
  const params = { sessionId }
  const ofChat = (chatId: string) => ({ params: { ...params, chatId } })
  const get = async (chatId: string) => (await hub.api.call(endpoints.getChat, ofChat(chatId))).chat
  return {
    get,
    list: async (query: Record<string, string | boolean> = {}) =>
      (await hub.api.call(endpoints.listSessionChats, { params, query })).chats.map(({ chatId }) => chatId),
    do: async (deed: Deed, chatId: string) => (await hub.api.call(endpoints[deed], ofChat(chatId))).chat,
    mute: async (chatId: string, body: object) =>
      (await hub.api.call(endpoints.muteChat, { ...ofChat(chatId), body })).chat,
    delete: (chatId: string) => hub.api.call(endpoints.deleteChat, ofChat(chatId)),
    /** Waits until the chat is as wanted. */
    becomes: (chatId: string, wanted: (chat: Awaited<ReturnType<typeof get>>) => boolean) =>
      eventually(
        async () => {
          const chat = await get(chatId).catch(() => undefined)
          return chat !== undefined && wanted(chat) ? chat : undefined
        },
        () => `${chatId} of ${sessionId} never became as wanted`,
      ),
  }
}

/** The events of one type that a session told, once there are `count`. */
async function told(hub: Hub, { sessionId }: Pick<PairedSession, 'sessionId'>, type: EventType, count = 1) {
  return eventually(
    async () => {
      const { events } = await hub.api.call(endpoints.listEvents, {
        query: { sessionId, types: type, limit: 1000 },
      })
      return events.length >= count ? events.map(({ data }) => data) : undefined
    },
    () => `${sessionId} did not tell ${count} ${type}`,
  )
}

describe('chats', () => {
  let hub: Hub
  beforeAll(async () => {
    hub = await startHub()
  })
  afterAll(() => hub[Symbol.asyncDispose]())

  /** A session that has had a message from each of two people. */
  async function paired(name: string) {
    const session = await hub.pairSession(name)
    const chats = chatsOf(hub, session)
    for (const number of [ana, ben]) hub.emulator.phone(number).sends(session, `Hello from ${number}`)
    await chats.becomes(ana, ({ messageCount }) => messageCount === 1)
    await chats.becomes(ben, ({ messageCount }) => messageCount === 1)
    const lid = hub.emulator.addresses(ana).lid
    return { session, chats, phone: session.phone, lid }
  }

  test('what is set through the API is set on the phone', async () => {
    const { session, chats, phone, lid } = await paired('sets')
    expect(await chats.do('pinChat', ana)).toMatchObject({ pinned: true, archived: false })
    expect(phone.appState('regular_low', ['pin_v1', lid])?.pinAction?.pinned).toBe(true)
    expect(await chats.list({ pinned: true })).toEqual([jidOf(ana)])
    // An archived chat is not pinned any more, on the phone as here.
    expect(await chats.do('archiveChat', ana)).toMatchObject({ archived: true, pinned: false })
    const archived = phone.appState('regular_low', ['archive', lid])?.archiveChatAction
    expect(archived).toMatchObject({
      archived: true,
      messageRange: { messages: [{ key: { remoteJid: lid, fromMe: false } }] },
    })
    expect(await chats.list({ archived: true })).toEqual([jidOf(ana)])
    expect(await chats.list({ archived: 'false' })).toEqual([jidOf(ben)])
    expect(await chats.do('unarchiveChat', ana)).toMatchObject({ archived: false })
    expect(await chats.do('unpinChat', ana)).toMatchObject({ pinned: false })

    const until = Date.UTC(2040, 0, 31)
    expect(await chats.mute(ana, { until: '2040-01-31T00:00:00Z' })).toMatchObject({
      isMuted: true,
      mutedUntil: '2040-01-31T00:00:00.000Z',
    })
    expect(Number(phone.appState('regular_high', ['mute', lid])?.muteAction?.muteEndTimestamp)).toBe(until)
    expect(await chats.list({ muted: true })).toEqual([jidOf(ana)])
    expect(await chats.mute(ana, {})).toMatchObject({ isMuted: true })
    expect(Number(phone.appState('regular_high', ['mute', lid])?.muteAction?.muteEndTimestamp)).toBe(-1)
    expect(await chats.do('unmuteChat', ana)).toMatchObject({ isMuted: false, mutedUntil: null })
    await expect(chats.mute(ana, { until: '2001-01-31' })).rejects.toMatchObject({
      status: 400,
      details: { until: expect.any(String) },
    })

    expect(await chats.do('unreadChat', ben)).toMatchObject({ markedUnread: true })
    expect(await chats.do('readChat', ben)).toMatchObject({ markedUnread: false, unreadCount: 0 })
    // Their author is told as well.
    await hub.emulator.truth.until((truth) =>
      truth.receipts.find(({ type, by }) => type === 'read' && by.startsWith(session.number.slice(1))),
    )
    expect(await chats.list({ unread: true })).toEqual([jidOf(ana)])
    const archivings = await told(hub, session, 'chat.archived')
    expect(archivings).toMatchObject([{ chatId: jidOf(ana), isArchived: true }])
    const updates = await told(hub, session, 'chat.updated', 7)
    expect(updates.map(({ changes }) => changes)).toMatchObject([
      { pinned: true },
      { pinned: false },
      { mutedUntil: '2040-01-31T00:00:00.000Z' },
      { mutedUntil: expect.any(String) },
      { mutedUntil: null },
      { markedUnread: true },
      { markedUnread: false },
    ])
  })

  test('what is set on the phone is stored and told', async () => {
    const { session, chats, phone } = await paired('follows')
    phone.settings.archives(ana)
    await chats.becomes(ana, ({ archived }) => archived)
    phone.settings.archives(ana, false)
    phone.settings.pins(ana)
    phone.settings.mutes(ana, 'always')
    phone.settings.marksRead(ana, false)
    await chats.becomes(ana, (chat) => chat.pinned && chat.isMuted && chat.markedUnread && !chat.archived)
    const updates = (await told(hub, session, 'chat.updated', 3)).map(({ changes }) => changes)
    // Told per collection: in which order is the server's.
    expect(updates).toEqual(
      expect.arrayContaining([{ pinned: true }, { mutedUntil: expect.any(String) }, { markedUnread: true }]),
    )
    // Read there up to the last message: it is read here.
    phone.settings.marksRead(ana, true, Date.now())
    await chats.becomes(ana, ({ markedUnread, unreadCount }) => !markedUnread && unreadCount === 0)
    phone.settings.savesContact(ana, 'Ana García')
    await chats.becomes(ana, ({ name }) => name === 'Ana García')
    const found = await hub.api.call(endpoints.searchSession, {
      params: { sessionId: session.sessionId },
      query: { q: 'garcia', in: 'chats' },
    })
    expect(found.chats.map(({ chat }) => chat.chatId)).toEqual([jidOf(ana)])
    phone.settings.removesContact(ana)
    await chats.becomes(ana, ({ name }) => name !== 'Ana García')
  })

  test('a chat is cleared and deleted both ways, for this account alone', async () => {
    const { session, chats, phone, lid } = await paired('empties')
    const messagesOf = (chatId: string) =>
      hub.api.call(endpoints.listChatMessages, { params: { sessionId: session.sessionId, chatId } })
    expect(await chats.do('clearChat', ana)).toMatchObject({ messageCount: 0, unreadCount: 0 })
    expect(await messagesOf(ana)).toMatchObject({ messages: [], total: 0 })
    expect(phone.appState('regular_high', ['clearChat', lid, '1', '0'])?.clearChatAction).toBeDefined()
    expect(await told(hub, session, 'chat.cleared')).toMatchObject([{ chatId: jidOf(ana), messages: 1 }])
    // Nobody else lost anything.
    expect(hub.emulator.truth.sentIds(session.number)).toEqual([])
    // It goes on with the next message, and is deleted on the phone.
    hub.emulator.phone(ana).sends(session, 'And another')
    await chats.becomes(ana, ({ messageCount }) => messageCount === 1)
    phone.settings.deletesChat(ana, Date.now() + 1000)
    expect(await told(hub, session, 'chat.deleted')).toMatchObject([{ chatId: jidOf(ana), messages: 1 }])
    expect(await chats.list()).toEqual([jidOf(ben)])
    expect(await chats.delete(ben)).toEqual({ chatId: jidOf(ben), deleted: true })
    expect(await chats.list()).toEqual([])
    const stats = await hub.api.call(endpoints.messageStats, { params: { sessionId: session.sessionId } })
    expect(stats.stats.total).toBe(0)
    await expect(chats.do('pinChat', ben)).rejects.toMatchObject({ status: 404, code: 'CHAT_NOT_FOUND' })
  })

  test('what was set before the hub was linked is there, many settings at once', async () => {
    const number = '+447700900777'
    const phone = hub.emulator.phone(number)
    const people = Array.from({ length: 100 }, (_, n) => `+120255501${String(n).padStart(2, '0')}`)
    for (const person of people) {
      phone.settings.savesContact(person, `Person ${person.slice(-2)}`)
      phone.settings.archives(person)
    }
    const session = await hub.pairSession('snapshot', { number })
    const chats = chatsOf(hub, session)
    const { total } = await eventually(
      async () => {
        const page = await hub.api.call(endpoints.listContacts, {
          params: { sessionId: 'snapshot' },
          query: { search: 'person', limit: 1 },
        })
        return page.total === 100 ? page : undefined
      },
      () => 'the address book never came',
    )
    expect(total).toBe(100)
    // Known by its settings alone, a chat is not listed: it is archived from its first message on.
    expect(await chats.list()).toEqual([])
    hub.emulator.phone('+12025550142').sends(session, 'Remember me?')
    const chat = await chats.becomes('12025550142', ({ messageCount }) => messageCount === 1)
    expect(chat).toMatchObject({ archived: true, name: 'Person 42' })
  })

  test('people are saved in the address book of the phone, and taken out of it', async () => {
    const { session, chats, phone, lid } = await paired('saves')
    const of = { params: { sessionId: session.sessionId, contactId: ana } }
    const { contact } = await hub.api.call(endpoints.saveContact, { ...of, body: { name: 'Ana María Ruiz' } })
    expect(contact).toMatchObject({ id: jidOf(ana), name: 'Ana María Ruiz', isMyContact: true })
    expect(phone.appState('critical_unblock_low', ['contact', jidOf(ana)])?.contactAction).toMatchObject({
      fullName: 'Ana María Ruiz',
      firstName: 'Ana',
      lidJid: lid,
      saveOnPrimaryAddressbook: true,
    })
    expect(await chats.get(ana)).toMatchObject({ name: 'Ana María Ruiz' })
    const gone = await hub.api.call(endpoints.unsaveContact, of)
    expect(gone.contact).toMatchObject({ isMyContact: false })
    expect(phone.appState('critical_unblock_low', ['contact', jidOf(ana)])).toBeUndefined()
    // Saved anew: what a removal left behind fits what every other device has.
    await hub.api.call(endpoints.saveContact, { ...of, body: { name: 'Ana', firstName: 'Anita' } })
    phone.settings.savesContact(ben, 'Ben (work)')
    await chats.becomes(ben, ({ name }) => name === 'Ben (work)')
    await expect(
      hub.api.call(endpoints.saveContact, {
        params: { ...of.params, contactId: '99887766554433@lid' },
        body: { name: 'Nobody' },
      }),
    ).rejects.toMatchObject({ status: 409, code: 'CONTACT_WITHOUT_NUMBER' })
  })

  test('messages are made to disappear by either side, and by the group', async () => {
    const { session, chats, phone } = await paired('timed')
    const { params } = { params: { sessionId: session.sessionId } }
    const set = async (chatId: string, seconds: unknown) =>
      (
        await hub.api.call(endpoints.setDisappearing, {
          params: { ...params, chatId },
          // What clients send as text is taken too.
          body: { seconds },
        })
      ).chat
    const timerOf = (seconds: number) => (message: { message: PhoneMessage['message'] }) =>
      message.message.protocolMessage?.ephemeralExpiration === seconds
    expect(await set(ana, '604800')).toMatchObject({ disappearingSeconds: 604_800 })
    await hub.emulator.phone(ana).receives(timerOf(604_800))
    await phone.showsSent(timerOf(604_800))
    hub.emulator.phone(ana).setsDisappearing(session, 86_400)
    await chats.becomes(ana, ({ disappearingSeconds }) => disappearingSeconds === 86_400)
    phone.setsDisappearing(ana, 0)
    await chats.becomes(ana, ({ disappearingSeconds }) => disappearingSeconds === 0)
    expect((await told(hub, session, 'chat.updated', 3)).map(({ changes }) => changes)).toEqual([
      { disappearingSeconds: 604_800 },
      { disappearingSeconds: 86_400 },
      { disappearingSeconds: 0 },
    ])
    // None of it is a message.
    expect((await chats.get(ana)).messageCount).toBe(1)
    await expect(set(ana, 5)).rejects.toMatchObject({ status: 400, details: { seconds: expect.any(String) } })
    const { group } = await hub.api.call(endpoints.createGroup, {
      params,
      body: { subject: 'Brief', participants: [ana] },
    })
    await session.sends(group.id, 'Hello all')
    expect(await set(group.id, 604_800)).toMatchObject({ disappearingSeconds: 604_800 })
    const read = await hub.api.call(endpoints.getGroup, { params: { ...params, groupId: group.id } })
    expect(read.group.ephemeralSeconds).toBe(604_800)
  })

  test('labels are made, renamed, put on chats and messages, and deleted, both ways', async () => {
    const number = '+447700900701'
    hub.emulator.account(number).setPlatform('smba')
    const session = await hub.pairSession('labels', { number })
    const { phone } = session
    const params = { sessionId: 'labels' }
    hub.emulator.phone(ana).sends(session, 'I want to order')
    const chats = chatsOf(hub, session)
    const { lid } = hub.emulator.addresses(ana)
    await chats.becomes(ana, ({ messageCount }) => messageCount === 1)
    const { label } = await hub.api.call(endpoints.createLabel, { params, body: { name: 'Pedido nuevo' } })
    expect(label).toMatchObject({ id: '1', name: 'Pedido nuevo', color: 0, chats: 0, messages: 0 })
    expect(phone.appState('regular', ['label_edit', '1'])?.labelEditAction).toMatchObject({
      name: 'Pedido nuevo',
      color: 0,
    })
    const ofLabel = { params: { ...params, labelId: '1' } }
    const renamed = await hub.api.call(endpoints.updateLabel, {
      ...ofLabel,
      body: { name: 'Pedido', color: '3' },
    })
    expect(renamed.label).toMatchObject({ name: 'Pedido', color: 3 })
    const onChat = { params: { ...ofLabel.params, chatId: ana } }
    expect(await hub.api.call(endpoints.labelChat, onChat)).toEqual({
      labelId: '1',
      chatId: jidOf(ana),
      messageId: null,
      labelled: true,
    })
    expect(phone.appState('regular', ['label_jid', '1', lid])?.labelAssociationAction?.labeled).toBe(true)
    expect((await chats.get(ana)).labels).toEqual(['1'])
    expect(await chats.list({ label: '1' })).toEqual([jidOf(ana)])
    const [message] = phone.inbox
    if (message === undefined) throw new Error('the phone has the message')
    const onMessage = { params: { ...ofLabel.params, messageId: message.id } }
    await hub.api.call(endpoints.labelMessage, onMessage)
    const index = ['label_message', '1', lid, message.id, '0', '0']
    expect(phone.appState('regular', index)?.labelAssociationAction?.labeled).toBe(true)
    const labelled = await hub.api.call(endpoints.listLabelMessages, ofLabel)
    expect(labelled.messages.map(({ messageId }) => messageId)).toEqual([message.id])
    expect((await hub.api.call(endpoints.listLabels, { params })).labels).toMatchObject([
      { id: '1', chats: 1, messages: 1 },
    ])
    // And from the phone.
    phone.settings.labels('2', { name: 'Pagado', color: 5 })
    phone.settings.labelsChat('2', ana)
    phone.settings.labelsChat('1', ana, false)
    phone.settings.labelsMessage('1', message, false)
    await chats.becomes(ana, ({ labels }) => labels.join() === '2')
    expect(await told(hub, session, 'label.assigned', 3)).toMatchObject([
      { labelId: '1', name: 'Pedido', chatId: jidOf(ana), messageId: null },
      { labelId: '1', messageId: message.id },
      { labelId: '2', name: 'Pagado', chatId: jidOf(ana) },
    ])
    await told(hub, session, 'label.unassigned', 2)
    expect((await hub.api.call(endpoints.listLabelMessages, ofLabel)).total).toBe(0)
    await hub.api.call(endpoints.unlabelChat, { params: { ...params, labelId: '2', chatId: ana } })
    expect((await chats.get(ana)).labels).toEqual([])
    await hub.api.call(endpoints.deleteLabel, ofLabel)
    expect(phone.appState('regular', ['label_edit', '1'])?.labelEditAction?.deleted).toBe(true)
    phone.settings.deletesLabel('2')
    expect(await told(hub, session, 'label.deleted', 2)).toMatchObject([{ labelId: '1' }, { labelId: '2' }])
    expect((await hub.api.call(endpoints.listLabels, { params })).labels).toEqual([])
    await expect(hub.api.call(endpoints.labelChat, onChat)).rejects.toMatchObject({
      status: 404,
      code: 'LABEL_NOT_FOUND',
    })
  })

  test('texts to answer with are kept both ways', async () => {
    const number = '+447700900703'
    hub.emulator.account(number).setPlatform('smbi')
    const session = await hub.pairSession('replies', { number })
    const params = { sessionId: 'replies' }
    const { quickReply } = await hub.api.call(endpoints.createQuickReply, {
      params,
      body: { shortcut: 'horario', text: 'Abrimos de 9 a 5.', keywords: 'abierto, horas' },
    })
    expect(quickReply).toMatchObject({ shortcut: 'horario', keywords: ['abierto', 'horas'] })
    const stored = session.phone.appState('regular', ['quick_reply', quickReply.id])?.quickReplyAction
    expect(stored).toMatchObject({ shortcut: 'horario', message: 'Abrimos de 9 a 5.' })
    const ofReply = { params: { ...params, replyId: quickReply.id } }
    const changed = await hub.api.call(endpoints.updateQuickReply, {
      ...ofReply,
      body: { text: 'De 10 a 4.' },
    })
    expect(changed.quickReply).toMatchObject({ shortcut: 'horario', text: 'De 10 a 4.' })
    session.phone.settings.keepsQuickReply('77', { shortcut: 'gracias', text: '¡Gracias!' })
    await told(hub, session, 'quick_reply.updated', 3)
    const list = () => hub.api.call(endpoints.listQuickReplies, { params })
    expect((await list()).quickReplies.map(({ shortcut }) => shortcut)).toEqual(['gracias', 'horario'])
    await hub.api.call(endpoints.deleteQuickReply, ofReply)
    session.phone.settings.keepsQuickReply('77', undefined)
    await told(hub, session, 'quick_reply.deleted', 2)
    expect((await list()).total).toBe(0)
  })

  test('what cannot be done says why', async () => {
    const { session, chats } = await paired('refused')
    const params = { sessionId: session.sessionId }
    await expect(
      hub.api.call(endpoints.createLabel, { params, body: { name: 'New' } }),
    ).rejects.toMatchObject({ status: 403, code: 'BUSINESS_ONLY' })
    hub.emulator.account(session.number).onQueries({
      query: 'w:sync:app:state set sync',
      answer: { code: 429, text: 'rate-overlimit' },
    })
    await expect(chats.do('pinChat', ana)).rejects.toMatchObject({
      status: 400,
      code: 'WHATSAPP_ERROR',
      details: { reason: 'TOO_MANY_REQUESTS' },
    })
    expect((await chats.get(ana)).pinned).toBe(false)
    await hub.api.call(endpoints.disconnectSession, { params: { ref: session.sessionId } })
    await session.reaches('disconnected')
    await expect(chats.do('pinChat', ana)).rejects.toMatchObject({
      status: 400,
      code: 'SESSION_NOT_CONNECTED',
    })
  })

  test('what the phone did while the hub was away is there when it is back', async () => {
    const { session, chats, phone } = await paired('away')
    await hub.api.call(endpoints.disconnectSession, { params: { ref: session.sessionId } })
    await session.reaches('disconnected')
    phone.settings.pins(ana)
    phone.settings.mutes(ben, 'always')
    await hub.api.call(endpoints.connectSession, { params: { ref: session.sessionId } })
    expect(await chats.becomes(ana, ({ pinned }) => pinned)).toMatchObject({ isMuted: false })
    expect(await chats.becomes(ben, ({ isMuted }) => isMuted)).toMatchObject({ pinned: false })
  })
})
