import { type Endpoint, endpoints, HubError } from '@inbox-hub/contract'
import { parseJid } from '@inbox-hub/whatsapp'
import { Registry } from 'prom-client'
import { expect, test, vi } from 'vitest'

import { contactRoutes } from '../chats/index.ts'
import { noExtras } from '../chats/testing/no-extras.ts'
import { systemClock } from '../platform/clock.ts'
import { createHttp } from '../platform/http/index.ts'
import { silentLog } from '../platform/log.ts'
import { databases } from '../platform/testing/databases.ts'
import { createRequestedSends, messageRoutes } from './index.ts'
import { eventually, type Fixture, startFixture } from './testing/messages-fixture.ts'
import { me } from './testing/scripted-sessions.ts'

const ana = { pn: parseJid('12025550123@s.whatsapp.net'), lid: parseJid('777000111@lid') }
const ben = parseJid('12025550124@s.whatsapp.net')
const group = parseJid('120363000000000001@g.us')

const noTemplates = () => Promise.reject(new HubError('TEMPLATE_NOT_FOUND'))

/** The routes behind a real server, and a client that holds every answer against its schema. */
async function serve(hub: Fixture) {
  const http = createHttp({
    log: silentLog,
    clock: systemClock,
    metrics: new Registry(),
    authenticate: (key) => (key === 'key' ? { ownerId: 1 } : undefined),
  })
  messageRoutes(http, {
    ...hub,
    requested: createRequestedSends({ ...hub, fillTemplate: noTemplates }),
    extras: noExtras,
  })
  contactRoutes(http, { ...hub, extras: noExtras })
  const { url } = await http.listen({ host: '127.0.0.1', port: 0 })
  return {
    async call(endpoint: Endpoint, path: string, body?: unknown, headers: Record<string, string> = {}) {
      const response = await fetch(`${url}${path}`, {
        method: endpoint.method,
        headers: {
          'x-api-key': 'key',
          'accept-language': 'en',
          'content-type': 'application/json',
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      // Tests look into answers freely: what is not there is undefined and fails the expectation.
      const json = (await response.json()) as Record<string, any> // oxlint-disable-line typescript/no-explicit-any
      if (response.ok) expect(endpoint.success.data.safeParse(json['data']).error).toBeUndefined()
      return {
        status: response.status,
        ...json,
        data: json['data'],
        message: json['message'],
        code: json['code'],
      }
    },
    [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
  }
}

databases('the message API', ({ open }) => {
  test('sends to any form of address, and answers with the message in every form a client reads', async () => {
    await using hub = await startFixture(open)
    await using api = await serve(hub)
    const link = hub.sessions.online()
    for (const to of ['12025550123', '+1 (202) 555-0123', '12025550123@c.us', ana.pn]) {
      const { status, data, message } = await api.call(endpoints.sendMessage, '/api/messages/1/send', {
        to,
        message: 'Hello',
        type: 'text',
      })
      expect([status, message]).toEqual([200, 'Message sent'])
      expect(data).toMatchObject({ to, chatId: ana.pn, type: 'text', status: 'sent', text: 'Hello' })
      expect(data.message).toMatchObject({
        id: { fromMe: true, remote: ana.pn, id: data.messageId, _serialized: data.messageId },
        dbId: data.dbId,
        whatsappMessageId: data.messageId,
        from: '12025550100@s.whatsapp.net',
        to: ana.pn,
        direction: 'outgoing',
        body: 'Hello',
        content: 'Hello',
        ack: 1,
        isGroup: false,
        participant: null,
        error: null,
      })
    }
    for (const [to, expected] of [
      [group, group],
      ['777000111@lid', ana.lid],
    ]) {
      const { data } = await api.call(endpoints.sendMessage, '/api/messages/1/send', {
        to,
        message: { text: 'Hi' },
      })
      expect(data.chatId).toBe(expected)
    }
    expect(link.written).toHaveLength(6)
  })

  test('schedules, lists and cancels over HTTP, and names a bad sendAt', async () => {
    await using hub = await startFixture(open)
    await using api = await serve(hub)
    const at = new Date(hub.clock.now() + 3_600_000).toISOString()
    const post = (body: object, headers?: Record<string, string>) =>
      api.call(endpoints.sendMessage, '/api/messages/1/send', { message: 'Hello', ...body }, headers)
    const { status, message, data } = await post({ to: [ana.pn, ben], sendAt: at })
    expect([status, message]).toEqual([200, 'Message scheduled'])
    expect(data).toMatchObject({
      status: 'scheduled',
      waitingFor: 'schedule',
      position: null,
      expectedAt: at,
      timestamp: at,
      message: { status: 'scheduled', ack: 0, waitingFor: 'schedule', expectedAt: at },
      results: [{ status: 'scheduled' }, { status: 'scheduled' }],
    })
    await post({ to: group, sendAt: Date.parse(at) - 1000 })
    const listed = await api.call(endpoints.listScheduled, '/api/messages/1/scheduled?limit=2')
    expect(listed.data).toMatchObject({
      total: 3,
      pagination: { pages: 2 },
      messages: [{ chatId: group }, { status: 'scheduled' }],
    })
    const ofBen = await api.call(endpoints.listScheduled, `/api/messages/1/scheduled?chatId=${ben}`)
    expect(ofBen.data).toMatchObject({ total: 1, messages: [{ chatId: ben, status: 'scheduled' }] })
    const { messageId, dbId } = ofBen.data.messages[0]
    const cancel = (id: string | number) =>
      api.call(endpoints.cancelMessage, `/api/messages/${id}/cancel`, {})
    expect((await cancel(dbId)).data).toEqual({ messageId, dbId, chatId: ben, cancelled: true })
    expect(await cancel('NONE')).toMatchObject({ status: 404, code: 'MESSAGE_NOT_FOUND' })

    const link = hub.sessions.online()
    const sent = await post({ to: ana.pn })
    expect(sent.data).toMatchObject({ status: 'sent', waitingFor: null, position: null, expectedAt: null })
    expect(await cancel(sent.data.messageId)).toMatchObject({
      status: 409,
      code: 'MESSAGE_NOT_CANCELLABLE',
      details: { status: 'sent' },
    })
    for (const sendAt of ['tomorrow', '2025-12-31T23:59:59Z', 1, -5, true, {}, '2027-01-03T00:00:01Z']) {
      expect(await post({ to: ana.pn, sendAt })).toMatchObject({
        status: 400,
        code: 'VALIDATION_ERROR',
        details: { sendAt: expect.any(String) },
      })
    }
    await hub.clock.advance(3_600_000)
    await eventually(() => (link.written.length === 3 ? true : undefined))
  })

  test('tells and changes the pace of a session', async () => {
    await using hub = await startFixture(open)
    await using api = await serve(hub)
    hub.sessions.online()
    const path = '/api/messages/1/pacing'
    const set = (body: object) => api.call(endpoints.setPacing, path, body)
    const unset = {
      perMinute: null,
      pauseMinMs: null,
      pauseMaxMs: null,
      warmUpPerDay: null,
      warmUpDays: null,
      warmUpSince: null,
      newChatsPerHour: null,
      newChatsPerDay: null,
    }
    expect((await api.call(endpoints.getPacing, path)).data.pacing).toEqual(unset)
    const began = new Date(hub.clock.now()).toISOString()
    expect((await set({ warmUpPerDay: '20' })).data.pacing).toEqual({
      ...unset,
      warmUpPerDay: 20,
      warmUpDays: 14,
      warmUpSince: began,
    })
    await hub.clock.advance(86_400_000)
    const changed = { perMinute: 1, pauseMinMs: 0, pauseMaxMs: 10, warmUpPerDay: 30, warmUpDays: 3 }
    const limits = { newChatsPerHour: 10, newChatsPerDay: 50 }
    expect((await set({ ...changed, ...limits })).data.pacing).toEqual({
      ...changed,
      ...limits,
      warmUpSince: began,
    })
    expect((await api.call(endpoints.getPacing, path)).data.pacing).toMatchObject(changed)

    const post = () => api.call(endpoints.sendMessage, '/api/messages/1/send', { to: ana.pn, message: 'Hi' })
    expect((await post()).data).toMatchObject({ status: 'sent', waitingFor: null })
    const expectedAt = new Date(hub.clock.now() + 60_000).toISOString()
    const waiting = { status: 'pending', waitingFor: 'pacing', position: 1, expectedAt }
    const { data } = await post()
    expect(data).toMatchObject({ ...waiting, message: waiting })
    const listed = await api.call(endpoints.listMessages, '/api/messages/1')
    expect(listed.data.messages).toContainEqual(expect.objectContaining(waiting))

    for (const [field, body] of [
      ['perMinute', { perMinute: 0 }],
      ['pauseMaxMs', { pauseMinMs: 5, pauseMaxMs: 4 }],
      ['warmUpDays', { warmUpPerDay: 1, warmUpDays: 1000 }],
      ['newChatsPerDay', { newChatsPerDay: 0 }],
    ] as const) {
      expect(await set(body)).toMatchObject({
        status: 400,
        code: 'VALIDATION_ERROR',
        details: { [field]: expect.any(String) },
      })
    }
    expect((await set({})).data.pacing).toEqual(unset)
  })

  test('refuses what it cannot send, with the field that is wrong', async () => {
    await using hub = await startFixture(open)
    await using api = await serve(hub)
    hub.sessions.online()
    const refused = async (body: unknown) => {
      const { status, code, details } = (await api.call(
        endpoints.sendMessage,
        '/api/messages/1/send',
        body,
      )) as {
        status: number
        code: unknown
        details?: object
      }
      return [status, code, Object.keys(details ?? {})]
    }
    expect(await refused({ to: 'nobody', message: 'x' })).toEqual([400, 'VALIDATION_ERROR', ['to']])
    expect(await refused({ to: 'status@broadcast', message: 'x' })).toEqual([400, 'VALIDATION_ERROR', ['to']])
    expect(await refused({ to: ana.pn, message: '' })).toEqual([400, 'VALIDATION_ERROR', ['message']])
    expect(await refused({ to: ana.pn, message: { dance: { url: 'https://example.com/a.png' } } })).toEqual([
      400,
      'VALIDATION_ERROR',
      ['message'],
    ])
    expect(await refused({ to: ana.pn, message: 'x', quotedMessageId: 'NONE' })).toEqual([
      404,
      'MESSAGE_NOT_FOUND',
      ['quotedMessageId'],
    ])
  })

  test('sends to several, and says how each fared', async () => {
    await using hub = await startFixture(open)
    await using api = await serve(hub)
    const link = hub.sessions.online()
    link.directory.set('12025550124', { exists: false })
    const { status, data } = await api.call(
      endpoints.sendMessage,
      '/api/messages/1/send',
      { to: ['12025550124', 'nobody', '12025550123', ana.pn], message: 'Hello' },
      { 'idempotency-key': 'bulk-1' },
    )
    expect(status).toBe(200)
    expect(data).toMatchObject({ chatId: ana.pn, sent: 2, failed: 2 })
    expect(data.results).toMatchObject([
      { to: '12025550124', success: false, code: 'WHATSAPP_ERROR', error: 'The number is not on WhatsApp' },
      { to: 'nobody', success: false, code: 'VALIDATION_ERROR' },
      { to: '12025550123', success: true, messageId: data.messageId },
      { to: ana.pn, success: true, messageId: data.messageId },
    ])
    expect(link.written).toHaveLength(1)
  })

  test('the same Idempotency-Key, or clientId, is the same message', async () => {
    await using hub = await startFixture(open)
    await using api = await serve(hub)
    const link = hub.sessions.online()
    const body = { to: ana.pn, message: 'Hello' }
    const first = await api.call(endpoints.sendMessage, '/api/messages/1/send', body, {
      'idempotency-key': 'k',
    })
    const second = await api.call(endpoints.sendMessage, '/api/messages/1/send', { ...body, clientId: 'k' })
    expect(second.data).toEqual(first.data)
    const other = await api.call(endpoints.sendMessage, '/api/messages/1/send', {
      ...body,
      message: 'Bye',
      clientId: 'k',
    })
    expect([other.status, other.code]).toEqual([409, 'IDEMPOTENCY_CONFLICT'])
    expect(link.written).toHaveLength(1)
  })

  test('a connection that breaks before the answer does not double the message', async () => {
    await using hub = await startFixture(open)
    await using api = await serve(hub)
    const link = hub.sessions.online()
    link.ackAtOnce = false
    const http = createHttp({
      log: silentLog,
      clock: systemClock,
      metrics: new Registry(),
      authenticate: () => ({ ownerId: 1 }),
    })
    let signal: AbortSignal | undefined
    const messages: typeof hub.messages = {
      ...hub.messages,
      send(session, requests, call) {
        signal = call.signal
        return hub.messages.send(session, requests, call)
      },
    }
    const requested = createRequestedSends({ ...hub, messages, fillTemplate: noTemplates })
    messageRoutes(http, { ...hub, extras: noExtras, messages, requested })
    const { url } = await http.listen({ host: '127.0.0.1', port: 0 })
    const caller = new AbortController()
    const lost = fetch(`${url}/api/messages/1/send`, {
      method: 'POST',
      headers: { 'x-api-key': 'key', 'content-type': 'application/json' },
      body: JSON.stringify({ to: ana.pn, message: 'Hello' }),
      signal: caller.signal,
    }).catch(() => 'lost')
    const { id } = await eventually(() => link.written[0])
    caller.abort()
    expect(await lost).toBe('lost')
    // The server hears of it a moment later than its client.
    await eventually(() => (signal?.aborted === true ? true : undefined))
    link.ackAtOnce = true
    link.ack(id)
    await http[Symbol.asyncDispose]()
    const repeat = await api.call(endpoints.sendMessage, '/api/messages/1/send', {
      to: ana.pn,
      message: 'Hello',
    })
    expect(repeat.data.messageId).toBe(id)
    expect(link.written).toHaveLength(1)
  })

  test('lists messages newest first, of a session, a chat, a kind, a period', async () => {
    await using hub = await startFixture(open)
    await using api = await serve(hub)
    const day = Date.UTC(2026, 0, 10)
    hub.sessions.arrive([
      { kind: 'message', chat: ana.lid, chatAlt: ana.pn, id: 'A1', sentAt: day, pushName: 'Ana' },
      { kind: 'message', chat: group, sender: ben, id: 'G1', sentAt: day + 1, pushName: 'Ben' },
      { kind: 'message', chat: ana.lid, sender: me.lid, fromMe: true, id: 'A2', sentAt: day + 2 },
      {
        kind: 'message',
        chat: ana.lid,
        id: 'A3',
        sentAt: day + 86_400_000,
        content: { kind: 'image', text: 'look', media: { mimetype: 'image/jpeg', bytes: 7 } },
      },
    ])
    await hub.projected()
    const ids = async (query: string): Promise<unknown> => {
      const { data } = await api.call(endpoints.listMessages, `/api/messages/1?${query}`)
      expect(data.total).toBe(data.pagination.total)
      return [data.total, ...data.messages.map((message: { messageId: string }) => message.messageId)]
    }
    expect(await ids('')).toEqual([4, 'A3', 'A2', 'G1', 'A1'])
    expect(await ids('limit=2')).toEqual([4, 'A3', 'A2'])
    expect(await ids('limit=2&page=2')).toEqual([4, 'G1', 'A1'])
    expect(await ids('limit=5000&page=9')).toEqual([4])
    expect(await ids('chatId=12025550123')).toEqual([3, 'A3', 'A2', 'A1'])
    expect(await ids('chatId=12025550123@c.us&fromMe=false')).toEqual([2, 'A3', 'A1'])
    expect(await ids('type=image')).toEqual([1, 'A3'])
    expect(await ids('fromMe=true')).toEqual([1, 'A2'])
    expect(await ids('startDate=2026-01-10&endDate=2026-01-10')).toEqual([3, 'A2', 'G1', 'A1'])
    expect(await ids(`startDate=${day + 1}&endDate=${day + 2}&fromMe=0`)).toEqual([1, 'G1'])

    const { data } = await api.call(endpoints.listChatMessages, '/api/messages/1/12025550123%40c.us?limit=1')
    expect(data).toMatchObject({
      total: 3,
      pagination: { total: 3, page: 1, limit: 1, pages: 3 },
      chatInfo: { chatId: ana.pn, name: 'Ana', isGroup: false },
      messages: [
        {
          messageId: 'A3',
          chatId: ana.pn,
          from: ana.pn,
          to: '12025550100@s.whatsapp.net',
          type: 'image',
          body: 'look',
          caption: 'look',
          status: 'received',
          kind: 'image',
          hasMedia: true,
          media: { mimetype: 'image/jpeg', filesize: 7, url: null },
          unsupported: null,
          timestamp: '2026-01-11T00:00:00.000Z',
        },
      ],
    })
    const inGroup = await api.call(endpoints.listChatMessages, `/api/messages/1/${group}`)
    expect(inGroup.data).toMatchObject({
      chatInfo: { chatId: group, name: '120363000000000001', isGroup: true },
      messages: [{ isGroup: true, participant: ben, from: ben, pushName: 'Ben' }],
    })
    const unknown = await api.call(endpoints.listChatMessages, '/api/messages/1/447700900123')
    expect([unknown.status, unknown.data.total, unknown.data.chatInfo.name]).toEqual([200, 0, '447700900123'])

    const stats = await api.call(endpoints.messageStats, '/api/messages/1/stats')
    expect(stats.data.stats).toEqual({
      total: 4,
      sent: 1,
      received: 3,
      byType: { text: 3, image: 1 },
      byStatus: { pending: 0, sent: 1, delivered: 0, read: 0, failed: 0 },
    })
  })

  test('lists chats in the forms that CRMs look up, with a last message always', async () => {
    await using hub = await startFixture(open)
    await using api = await serve(hub)
    hub.sessions.arrive([
      {
        kind: 'message',
        chat: ana.lid,
        chatAlt: ana.pn,
        id: 'A1',
        sentAt: 1_767_225_700_900,
        pushName: 'Ana',
      },
      { kind: 'message', chat: group, sender: ben, id: 'G1', sentAt: 1_767_225_800_000 },
    ])
    await hub.projected()
    const { data } = await api.call(endpoints.listChats, '/api/messages/1/chats?limit=200')
    expect(data).toMatchObject({
      total: 2,
      chats: [
        { id: { _serialized: group, user: '120363000000000001', server: 'g.us' }, isGroup: true },
        {
          id: { _serialized: '12025550123@c.us', user: '12025550123', server: 'c.us' },
          chatId: ana.pn,
          jid: ana.pn,
          name: 'Ana',
          contactName: 'Ana',
          unreadCount: 1,
          messageCount: 1,
          totalMessages: 1,
          lastMessage: {
            id: 'A1',
            body: 'text of A1',
            content: 'text of A1',
            timestamp: 1_767_225_700,
            fromMe: false,
            type: 'text',
            status: 'received',
          },
          lastMessageAt: '2026-01-01T00:01:40.900Z',
        },
      ],
    })

    const unread = await api.call(endpoints.listUnread, '/api/messages/unread')
    expect(unread.data).toMatchObject({
      totalUnread: 2,
      unreadMessages: [
        { sessionId: 'session-1', chatId: group, unreadCount: 1 },
        { sessionId: 'session-1', chatId: ana.pn, chatName: 'Ana', lastMessage: { content: 'text of A1' } },
      ],
    })
    const read = await api.call(endpoints.markChatRead, '/api/messages/1/12025550123@c.us/read', {})
    expect(read).toMatchObject({
      message: 'Messages marked as read',
      data: { chatId: ana.pn, markedCount: 1 },
    })
    const none = await api.call(endpoints.markChatRead, '/api/messages/1/447700900123/read', {})
    expect(none.data.markedCount).toBe(0)
  })

  test('types, retries and removes by any name of the message', async () => {
    await using hub = await startFixture(open)
    await using api = await serve(hub)
    const offline = await api.call(endpoints.sendTyping, '/api/messages/1/12025550123/typing', {})
    expect([offline.status, offline.code]).toEqual([400, 'SESSION_NOT_CONNECTED'])
    const link = hub.sessions.online()
    await api.call(endpoints.sendTyping, '/api/messages/1/12025550123/typing', { state: 'paused' })
    expect(link.typed).toEqual([{ chat: ana.pn, state: 'paused' }])

    const { data } = await api.call(endpoints.sendMessage, '/api/messages/1/send', {
      to: ana.pn,
      message: 'Hello',
    })
    const retry = await api.call(endpoints.retryMessage, `/api/messages/${data.dbId}/retry`, {})
    expect([retry.status, retry.code]).toEqual([400, 'WHATSAPP_ERROR'])
    const removed = await api.call(
      endpoints.deleteMessage,
      `/api/messages/true_12025550123@c.us_${data.messageId}`,
    )
    expect(removed.data).toEqual({ messageId: data.messageId, deleted: true, forEveryone: false })
    const again = await api.call(endpoints.deleteMessage, `/api/messages/${data.messageId}`)
    expect([again.status, again.code]).toEqual([404, 'MESSAGE_NOT_FOUND'])
    const everyone = await api.call(
      endpoints.deleteMessage,
      `/api/messages/${data.messageId}?forEveryone=true`,
    )
    expect([everyone.status, everyone.code]).toEqual([404, 'MESSAGE_NOT_FOUND'])
  })
})

databases('the contact API', ({ open }) => {
  test('lists people by number, finds them without accents, and keeps what the hub adds', async () => {
    await using hub = await startFixture(open)
    await using api = await serve(hub)
    hub.sessions.arrive([
      { kind: 'message', chat: ana.lid, chatAlt: ana.pn, id: 'A1', pushName: 'Ána Núñez' },
      { kind: 'message', chat: ben, id: 'B1', verifiedName: 'Ben & Co' },
      { kind: 'message', chat: parseJid('888000111@lid'), id: 'C1', pushName: 'Hidden' },
    ])
    await hub.projected()
    const list = await api.call(endpoints.listContacts, '/api/contacts/1')
    expect(list.data.total).toBe(2)
    const found = await api.call(endpoints.listContacts, '/api/contacts/1?search=nunez')
    expect(found.data).toMatchObject({
      total: 1,
      search: 'nunez',
      contacts: [
        {
          id: ana.pn,
          jid: ana.pn,
          lid: ana.lid,
          name: 'Ána Núñez',
          notify: 'Ána Núñez',
          number: '12025550123',
          phone: '12025550123',
          isUser: true,
          isBusiness: false,
        },
      ],
    })
    for (const [search, total] of [
      ['0124', 1],
      ['100%25', 0],
      ['%5F', 0],
      ['BEN', 1],
    ]) {
      expect((await api.call(endpoints.listContacts, `/api/contacts/1?search=${search}`)).data.total).toBe(
        total,
      )
    }

    const saved = await api.call(endpoints.updateContact, '/api/contacts/12025550123', {
      name: 'Ana (VIP)',
      tags: ['vip', 'vip', 'madrid'],
      notes: 'calls at noon',
      assignedToUserId: 7,
    })
    expect(saved.data.contact).toMatchObject({
      name: 'Ana (VIP)',
      tags: ['vip', 'madrid'],
      notes: 'calls at noon',
      assignedToUserId: 7,
    })
    expect(await hub.told('contact.updated')).toMatchObject([
      { data: { contactId: ana.pn, name: 'Ana (VIP)' } },
    ])
    const cleared = await api.call(endpoints.updateContact, '/api/contacts/12025550123', { notes: '' })
    expect(cleared.data.contact).toMatchObject({ name: 'Ana (VIP)', notes: null, tags: ['vip', 'madrid'] })
    const missing = await api.call(endpoints.updateContact, '/api/contacts/447700900123', { name: 'X' })
    expect([missing.status, missing.code]).toEqual([404, 'CONTACT_NOT_FOUND'])
    const ahead = await api.call(endpoints.updateContact, '/api/contacts/447700900123', {
      name: 'X',
      sessionId: '1',
    })
    expect(ahead.data.contact).toMatchObject({ id: '447700900123@s.whatsapp.net', name: 'X' })

    const info = await api.call(endpoints.getContactInfo, '/api/contacts/1/info/12025550123@c.us')
    expect(info.data).toMatchObject({ id: ana.pn, contact: { id: ana.pn, name: 'Ana (VIP)' }, about: null })
    const stranger = await api.call(endpoints.getContactInfo, '/api/contacts/1/info/447700900199')
    expect(stranger.data).toMatchObject({ number: '447700900199', name: '447700900199', isWAContact: false })
    const none = await api.call(endpoints.searchContact, '/api/contacts/1/search/447700900199')
    expect(none.data).toEqual({ contact: null, message: 'Contact not found' })
    const one = await api.call(endpoints.searchContact, '/api/contacts/1/search/+1 202 555 0124')
    expect(one.data.contact).toMatchObject({ id: ben, isBusiness: true, name: 'Ben & Co' })

    const stats = await api.call(endpoints.contactStats, '/api/contacts/1/stats')
    expect(stats.data.stats).toMatchObject({ total: 3, users: 3, groups: 0, withNames: 3 })
    const ofSession = await api.call(endpoints.listSessionContacts, '/api/sessions/1/contacts')
    expect(ofSession.data).toMatchObject({ total: 3, source: 'database' })
  })

  test('reports what is synchronised, and repairs what is missing', async () => {
    await using hub = await startFixture(open)
    await using api = await serve(hub)
    hub.sessions.arrive([{ kind: 'message', chat: ben, id: 'B1' }])
    await hub.projected()
    let answered = false
    const asking = api
      .call(endpoints.syncSession, '/api/sessions/1/sync', {})
      .finally(() => (answered = true))
    await vi.waitFor(() => {
      hub.sessions.offline() // it will not come
      expect(answered).toBe(true)
    })
    const offline = await asking
    expect([offline.status, offline.code]).toEqual([400, 'SESSION_NOT_CONNECTED'])
    hub.sessions.online()
    const synced = await api.call(endpoints.syncSession, '/api/sessions/1/sync', {})
    expect(synced.data).toMatchObject({ sessionId: 'session-1', contactsSynced: 1, chatsSynced: 1 })
    await hub.database.write(async (tx) => void (await tx.db.deleteFrom('chat').execute()))
    const repaired = await api.call(endpoints.repairConversations, '/api/sessions/1/repair-conversations', {})
    expect(repaired).toMatchObject({
      message: 'Repair completed: 1 conversations made',
      data: { totalRepaired: 1, repairedConversations: [{ chatId: ben, messages: 1 }] },
    })
  })
})
