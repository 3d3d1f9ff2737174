import { HubError } from '@inbox-hub/contract'
import { parseJid } from '@inbox-hub/whatsapp'
import { expect, test } from 'vitest'

import { StoreFault } from '../platform/database/index.ts'
import { databases } from '../platform/testing/databases.ts'
import { createManualClock } from '../platform/testing/manual-clock.ts'
import type { CallOptions, SendOutcome, SendRequest } from './index.ts'
import { eventually, type Fixture, startFixture } from './testing/messages-fixture.ts'
import { textWritten } from './testing/scripted-sessions.ts'

const ana = parseJid('12025550123@s.whatsapp.net')
const anaLid = parseJid('777000111@lid')
const ben = parseJid('12025550124@s.whatsapp.net')
const group = parseJid('120363000000000001@g.us')

const request = (text: string, more: Partial<SendRequest> = {}): SendRequest => ({
  to: ana,
  content: { kind: 'text', text },
  mentions: [],
  quotedId: undefined,
  idempotencyKey: undefined,
  ...more,
})
const call: CallOptions = { language: 'en', signal: undefined }

const sendAll = (
  hub: Fixture,
  requests: readonly SendRequest[],
  options = call,
): Promise<readonly SendOutcome[]> => hub.messages.send(hub.session, requests, options)

async function send(hub: Fixture, text: string, more: Partial<SendRequest> = {}, options = call) {
  const [outcome] = await sendAll(hub, [request(text, more)], options)
  if (outcome === undefined) throw new Error('no outcome')
  if ('error' in outcome) throw outcome.error
  if ('scheduled' in outcome) throw new Error('it was scheduled')
  return outcome.row
}

const outboundRows = (hub: Fixture) =>
  hub.database.read.selectFrom('outbound').selectAll().orderBy('message_id').execute()

const reasonOf = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    await promise
  } catch (error) {
    return error instanceof HubError ? { code: error.code, ...error.details } : error
  }
  return 'it went through'
}

databases('sending messages', ({ open, place }) => {
  test('a message is stored, written, acked, and told', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    const row = await send(hub, 'Hello')
    expect(row).toMatchObject({
      status: 'sent',
      body: 'Hello',
      from_me: 1,
      via_hub: 1,
      chat_jid: ana,
      shown: 1,
    })
    expect(row.whatsapp_id).toMatch(/^3EB0[0-9A-F]{18}$/)
    expect(link.written).toMatchObject([
      {
        id: row.whatsapp_id,
        to: ana,
        content: { content: { kind: 'text', text: 'Hello' }, quoted: undefined },
        refreshDevices: false,
      },
    ])
    expect(await outboundRows(hub)).toMatchObject([{ state: 'acked', attempts: 0, failure: null }])
    expect(await hub.told()).toMatchObject([
      {
        type: 'message.sent',
        data: { messageId: row.whatsapp_id, dbId: row.id, chatId: ana, status: 'sent' },
      },
    ])
    expect((await hub.messages.list.chats({ sessionId: 1 }, 10, 0)).chats).toMatchObject([
      { jid: ana, last_body: 'Hello', unread_count: 0, message_count: 1 },
    ])
    expect(hub.messages.backlog().sending).toBe(0)
    // What a retry receipt is answered with.
    const proto = await hub.sessions.retryAnswer(1, row.whatsapp_id)
    expect(new TextDecoder().decode(proto)).toBe(`proto of ${row.whatsapp_id}`)
  })

  test('without a session that is online, or soon will be, nothing is stored', async () => {
    await using hub = await startFixture(open)
    const sending = reasonOf(send(hub, 'Hello'))
    await eventually(async () => (hub.clock.pending >= 0 ? true : undefined))
    hub.sessions.offline() // it will not come
    expect(await sending).toEqual({ code: 'SESSION_NOT_CONNECTED' })
    expect(await outboundRows(hub)).toEqual([])
  })

  test('a session that is just reconnecting is waited for', async () => {
    await using hub = await startFixture(open)
    const sending = send(hub, 'Hello')
    hub.sessions.online()
    expect(await sending).toMatchObject({ status: 'sent' })
  })

  test('no ack within 20 s answers pending; the ack that comes later is told', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    link.ackAtOnce = false
    const sending = send(hub, 'Hello')
    await eventually(() => (link.written.length === 1 ? true : undefined))
    await hub.clock.advance(20_000)
    const row = await sending
    expect(row.status).toBe('pending')
    expect(await hub.told()).toEqual([])
    link.ack(row.whatsapp_id)
    expect(await eventually(async () => (await hub.told())[0])).toMatchObject({ type: 'message.sent' })
  })

  test('messages to a chat leave in the order of asking, one at a time', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    const gate = Promise.withResolvers<void>()
    link.gate = gate.promise
    const texts = Array.from({ length: 20 }, (_, index) => `text ${index}`)
    const sending: Promise<unknown>[] = []
    for (const text of texts) {
      sending.push(send(hub, text))
      await eventually(async () => ((await outboundRows(hub)).length === sending.length ? true : undefined))
    }
    expect(link.written).toEqual([])
    gate.resolve()
    await Promise.all(sending)
    expect(link.written.map(textWritten)).toEqual(texts)
  })

  test('a refusal is an error with its reason, and message.failed', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    link.ackAtOnce = false
    const sending = reasonOf(send(hub, 'Hello', { to: group }))
    const written = await eventually(() => link.written[0])
    link.ack(written.id, 403)
    expect(await sending).toMatchObject({
      code: 'WHATSAPP_ERROR',
      reason: 'NOT_ALLOWED_IN_CHAT',
      ackError: 403,
      explanation: 'This account may not write in that chat',
    })
    expect(await hub.told()).toMatchObject([
      {
        type: 'message.failed',
        data: { messageId: written.id, status: 'failed', reason: 'NOT_ALLOWED_IN_CHAT' },
      },
    ])
    expect(await hub.messages.list.page({ sessionId: 1 }, 10, 0)).toMatchObject([{ status: 'failed' }])
  })

  test('error 479 is sent once more with a fresh device list', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    link.ackAtOnce = false
    const sending = send(hub, 'Hello')
    const first = await eventually(() => link.written[0])
    link.ack(first.id, 479)
    const second = await eventually(() => link.written[1])
    expect([first.refreshDevices, second.refreshDevices]).toEqual([false, true])
    expect(second.id).toBe(first.id)
    link.ack(second.id)
    expect(await sending).toMatchObject({ status: 'sent' })
  })

  test('error 429 quiets the session, and the message goes out afterwards', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    link.ackAtOnce = false
    const sending = send(hub, 'Hello')
    const first = await eventually(() => link.written[0])
    link.ack(first.id, 429)
    link.ackAtOnce = true
    const other = send(hub, 'To somebody else', { to: ben })
    await eventually(async () => ((await outboundRows(hub)).length === 2 ? true : undefined))
    await hub.clock.advance(20_000)
    expect(await sending).toMatchObject({ status: 'pending' })
    expect(link.written).toHaveLength(1)
    await hub.clock.advance(41_000)
    await eventually(() => (link.written.length === 3 ? true : undefined))
    expect(await other).toMatchObject({ body: 'To somebody else' })
    await eventually(async () => ((await hub.told('message.sent')).length === 2 ? true : undefined))
  })

  test('a lost connection sends what is unanswered again under the same ids, in order', async () => {
    await using hub = await startFixture(open)
    const first = hub.sessions.online()
    first.ackAtOnce = false
    const sending: Promise<unknown>[] = []
    for (const text of ['one', 'two', 'three']) {
      sending.push(send(hub, text))
      await eventually(() => (first.written.length === sending.length ? true : undefined))
    }
    hub.sessions.offline()
    const second = hub.sessions.online()
    await Promise.all(sending)
    expect(second.written.map(({ id }) => id)).toEqual(first.written.map(({ id }) => id))
    expect(second.written.map(textWritten)).toEqual(['one', 'two', 'three'])
    expect(await hub.told('message.sent')).toHaveLength(3)
  })

  test('a socket that hangs does not hold up the next one', async () => {
    await using hub = await startFixture(open)
    const first = hub.sessions.online()
    first.gate = new Promise(() => {})
    const sending = [send(hub, 'one'), send(hub, 'to ben', { to: ben })]
    await eventually(async () => ((await outboundRows(hub)).length === 2 ? true : undefined))
    const second = hub.sessions.online()
    await Promise.all(sending)
    expect(second.written).toHaveLength(2)
  })

  test('a message that WhatsApp never confirms is unconfirmed after five tries', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    link.ackAtOnce = false
    void send(hub, 'Hello')
    await eventually(() => (link.written.length === 1 ? true : undefined))
    for (let attempt = 1; attempt < 5; attempt += 1) {
      // The ack wait and the longest pause before the next try.
      await hub.clock.advance(30_000 + 90_000)
      await eventually(() => (link.written.length > attempt ? true : undefined))
    }
    await hub.clock.advance(60_000)
    expect(new Set(link.written.map(({ id }) => id)).size).toBe(1)
    expect(await eventually(async () => (await hub.told('message.failed'))[0])).toMatchObject({
      data: { reason: 'UNCONFIRMED' },
    })
    // WhatsApp took it after all.
    const [written] = link.written
    link.ack(written?.id ?? '')
    await eventually(async () => (await hub.told('message.sent'))[0])
    expect(await hub.messages.list.page({ sessionId: 1 }, 10, 0)).toMatchObject([{ status: 'sent' }])
  })

  test('a hand-over that fails before anything is written is tried again after a pause', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    link.refusals.push(new HubError('SESSION_NOT_CONNECTED'))
    const sending = send(hub, 'Hello')
    await eventually(() => (link.refusals.length === 0 ? true : undefined))
    expect(link.written).toEqual([])
    await hub.clock.advance(2_000)
    await eventually(() => (link.written.length === 1 ? true : undefined))
    expect(await sending).toMatchObject({ status: 'sent' })
  })

  test('a message that cannot be made is not tried for ever', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    link.refusals.push(new TypeError('no such field'))
    expect(await reasonOf(send(hub, 'Hello'))).toMatchObject({ reason: 'NOT_SENDABLE' })
  })

  test('after a crash what was on its way is sent again first, under the same ids, and nothing twice', async () => {
    await using where = await place()
    const clock = createManualClock()
    const ids: string[] = []
    {
      await using hub = await startFixture(() => where.open(), { clock })
      const link = hub.sessions.online()
      link.ackAtOnce = false
      void send(hub, 'one').catch(() => {})
      await eventually(() => (link.written.length === 1 ? true : undefined))
      void send(hub, 'to ben', { to: ben }).catch(() => {})
      await eventually(() => (link.written.length === 2 ? true : undefined))
      const stuck = Promise.withResolvers<void>()
      stuck.promise.catch(() => {}) // also when nobody waits for it any more
      link.gate = stuck.promise
      void send(hub, 'two').catch(() => {})
      await eventually(async () => ((await outboundRows(hub)).length === 3 ? true : undefined))
      ids.push(...(await outboundRows(hub)).map((row) => row.whatsapp_id))
      hub.sessions.offline()
      stuck.reject(new HubError('SESSION_NOT_CONNECTED'))
    }
    await using hub = await startFixture(() => where.open(), { clock })
    expect(hub.messages.backlog().sending).toBe(3)
    const link = hub.sessions.online()
    await eventually(() => (link.written.length === 3 ? true : undefined))
    expect(link.written.map(({ id }) => id)).toEqual(ids)
    expect(link.written.map(textWritten)).toEqual(['one', 'to ben', 'two'])
    await eventually(async () => ((await hub.told('message.sent')).length === 3 ? true : undefined))
    expect((await outboundRows(hub)).map((row) => row.state)).toEqual(['acked', 'acked', 'acked'])
  })

  test('a process that dies again and again gives up nothing that it was sending', async () => {
    await using where = await place()
    const clock = createManualClock()
    for (let lives = 0; lives < 7; lives += 1) {
      await using hub = await startFixture(() => where.open(), { clock })
      const link = hub.sessions.online()
      link.ackAtOnce = false
      if (lives === 0) void send(hub, 'one').catch(() => {})
      await eventually(() => (link.written.length === 1 ? true : undefined))
    }
    await using hub = await startFixture(() => where.open(), { clock })
    hub.sessions.online()
    await eventually(async () => ((await hub.told('message.sent')).length === 1 ? true : undefined))
    expect(await hub.told('message.failed')).toEqual([])
  })

  test('what could not be sent for ten minutes is given up', async () => {
    await using where = await place()
    const clock = createManualClock()
    {
      await using hub = await startFixture(() => where.open(), { clock })
      const link = hub.sessions.online()
      link.ackAtOnce = false
      void send(hub, 'one').catch(() => {})
      await eventually(() => (link.written.length === 1 ? true : undefined))
    }
    await using hub = await startFixture(() => where.open(), { clock })
    await hub.clock.advance(10 * 60_000 + 2_000)
    expect(await eventually(async () => (await hub.told('message.failed'))[0])).toMatchObject({
      data: { reason: 'UNCONFIRMED' },
    })
    // Told a moment later than stored.
    await eventually(() => (hub.messages.backlog().sending === 0 ? true : undefined))
  })
})

databases('messages that are too old', ({ place }) => {
  test('are not sent by the next process, however fast it comes online', async () => {
    await using where = await place()
    const clock = createManualClock()
    {
      await using hub = await startFixture(() => where.open(), { clock })
      const link = hub.sessions.online()
      link.ackAtOnce = false
      void send(hub, 'written').catch(() => {})
      await eventually(() => (link.written.length === 1 ? true : undefined))
    }
    clock.stepWall(3_600_000)
    await using hub = await startFixture(() => where.open(), { clock })
    const link = hub.sessions.online()
    expect(await eventually(async () => (await hub.told('message.failed'))[0])).toMatchObject({
      data: { reason: 'UNCONFIRMED' },
    })
    expect(link.written).toEqual([])
  })
})

databases('a wall clock that is set', ({ open }) => {
  test('neither fails messages nor keeps them', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    link.ackAtOnce = false
    const sending = send(hub, 'Hello')
    const { id } = await eventually(() => link.written[0])
    hub.clock.stepWall(3_600_000)
    await hub.clock.advance(2_000)
    expect(hub.messages.backlog().sending).toBe(1)
    hub.clock.stepWall(-7_200_000)
    await hub.clock.advance(2_000)
    link.ack(id)
    expect(await sending).toMatchObject({ status: 'sent' })
    expect((await hub.told()).map(({ type }) => type)).toEqual(['message.sent'])
  })
})

databases('receipts of what the hub sent', ({ open }) => {
  test('tell sent, delivered, read and played once each, in order, also when the ack is late', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    link.ackAtOnce = false
    const sending = send(hub, 'Hello')
    const { id } = await eventually(() => link.written[0])
    hub.sessions.arrive([{ kind: 'receipt', chat: ana, ids: [id], status: 'delivered', sentAt: 1_000 }])
    expect(await sending).toMatchObject({ status: 'sent' })
    link.ack(id)
    hub.sessions.arrive([
      { kind: 'receipt', chat: ana, ids: [id], status: 'read', sentAt: 2_000 },
      { kind: 'receipt', chat: ana, ids: [id], status: 'delivered', sentAt: 1_000 },
      { kind: 'receipt', chat: ana, ids: [id], status: 'played', sentAt: 3_000 },
    ])
    await hub.projected()
    await eventually(async () => ((await outboundRows(hub))[0]?.state === 'acked' ? true : undefined))
    expect((await hub.told()).map(({ type }) => type)).toEqual([
      'message.sent',
      'message.delivered',
      'message.read',
      'message.played',
    ])
    expect(await hub.messages.list.tallied(1, undefined, undefined)).toContainEqual({
      from_me: 1,
      type: 'text',
      status: 'read',
      messages: 1,
    })
    expect(await hub.sessions.retryAnswer(1, id)).toBeDefined()
  })

  test('addressed by LID find what was sent to the number', async () => {
    await using hub = await startFixture(open)
    hub.sessions.online()
    const { whatsapp_id: id } = await send(hub, 'Hello')
    await hub.database.write((tx) =>
      hub.sessions.acquaint(tx, [{ type: 'lid_mapping', sessionId: 1, lid: anaLid, pn: ana }]),
    )
    hub.sessions.arrive([{ kind: 'receipt', chat: anaLid, ids: [id], status: 'delivered' }])
    await hub.projected()
    expect(await hub.told('message.delivered')).toMatchObject([{ data: { messageId: id, chatId: ana } }])
  })

  test('prove that a message we had given up did go out', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    link.ackAtOnce = false
    const sending = reasonOf(send(hub, 'Hello'))
    const { id } = await eventually(() => link.written[0])
    link.ack(id, 404)
    await sending
    hub.sessions.arrive([{ kind: 'receipt', chat: ana, ids: [id], status: 'read' }])
    await hub.projected()
    expect((await hub.told()).map(({ type }) => type)).toEqual([
      'message.failed',
      'message.sent',
      'message.read',
    ])
    expect(await outboundRows(hub)).toMatchObject([{ state: 'acked', failure: null }])
  })
})

databases('sending once', ({ open, place }) => {
  test('the same key with the same content answers the first result; with another it is a conflict', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    const first = await send(hub, 'Hello', { idempotencyKey: 'order-1' })
    hub.sessions.offline() // a repeat needs no connection
    const again = await send(hub, 'Hello', { idempotencyKey: 'order-1' })
    expect(again).toEqual(first)
    expect(await reasonOf(send(hub, 'Other', { idempotencyKey: 'order-1' }))).toEqual({
      code: 'IDEMPOTENCY_CONFLICT',
    })
    expect(await reasonOf(send(hub, 'Hello', { idempotencyKey: 'order-1', to: ben }))).toEqual({
      code: 'IDEMPOTENCY_CONFLICT',
    })
    expect(link.written).toHaveLength(1)
  })

  test('ten calls at once with one key are one message', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    const rows = await Promise.all(
      Array.from({ length: 10 }, () => send(hub, 'Hello', { idempotencyKey: 'order-2' })),
    )
    expect(new Set(rows.map(({ id }) => id)).size).toBe(1)
    expect(link.written).toHaveLength(1)
    expect(await hub.messages.list.total({ sessionId: 1 })).toBe(1)
  })

  test('a call whose caller went away is answered to the repeat, once', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    link.ackAtOnce = false
    const caller = new AbortController()
    const lost = send(hub, 'Hello', {}, { language: 'en', signal: caller.signal })
    const { id } = await eventually(() => link.written[0])
    caller.abort()
    const repeat = send(hub, 'Hello')
    link.ack(id)
    expect((await repeat).whatsapp_id).toBe(id)
    await lost
    link.ackAtOnce = true
    // Said again on purpose, it is said again.
    expect((await send(hub, 'Hello')).whatsapp_id).not.toBe(id)
  })

  test('two equal calls that were answered are two messages', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    await send(hub, 'Ok', {}, { language: 'en', signal: new AbortController().signal })
    await send(hub, 'Ok', {}, { language: 'en', signal: new AbortController().signal })
    expect(link.written).toHaveLength(2)
  })

  test('a call that died with the process is answered to the repeat', async () => {
    await using where = await place()
    const clock = createManualClock()
    let id = ''
    {
      await using hub = await startFixture(() => where.open(), { clock })
      const link = hub.sessions.online()
      link.ackAtOnce = false
      void send(hub, 'Hello').catch(() => {})
      id = (await eventually(() => link.written[0])).id
    }
    await using hub = await startFixture(() => where.open(), { clock })
    const link = hub.sessions.online()
    const row = await send(hub, 'Hello')
    expect(row.whatsapp_id).toBe(id)
    expect(link.written.map((written) => written.id)).toEqual([id])
  })

  test.each([
    { end: 'died right after the ack', sameMessage: true },
    { end: 'closed in good order', sameMessage: false },
  ])('a repeat after a process that $end', async ({ end, sameMessage }) => {
    await using where = await place()
    const clock = createManualClock()
    let id = ''
    {
      await using hub = await startFixture(() => where.open(), { clock })
      hub.sessions.online()
      id = (await send(hub, 'Hello')).whatsapp_id
    }
    if (end.startsWith('died')) {
      // What closing wrote last is what a process that dies does not write.
      await using database = await where.open()
      await database.write((tx) =>
        tx.db.deleteFrom('setting').where('name', '=', 'outbound_closed_at').execute(),
      )
    }
    await using hub = await startFixture(() => where.open(), { clock })
    hub.sessions.online()
    expect((await send(hub, 'Hello')).whatsapp_id === id).toBe(sameMessage)
  })

  test('a commit that nobody heard of is found by the repeat, with a key and without', async () => {
    let unheard = false
    await using hub = await startFixture(async () => {
      const database = await open()
      return {
        ...database,
        async write(work) {
          const answer = await database.write(work)
          // As PostgreSQL does when the connection breaks during COMMIT.
          if (unheard) throw new StoreFault('the connection broke')
          return answer
        },
        [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
      }
    })
    const link = hub.sessions.online()
    await send(hub, 'hello')
    for (const more of [{}, { idempotencyKey: 'k' }]) {
      unheard = true
      expect(await reasonOf(send(hub, 'Once', more))).toBeInstanceOf(StoreFault)
      unheard = false
      const before = link.written.length
      const row = await send(hub, 'Once', more)
      expect(row).toMatchObject({ status: 'sent' })
      expect(link.written.slice(before).map(({ id }) => id)).toEqual([row.whatsapp_id])
    }
    expect(await hub.messages.list.total({ sessionId: 1 })).toBe(3)
  })

  test('several recipients are told apart, and one that fails stops no other', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    link.directory.set('12025550124', { exists: false })
    const requests = [ana, ben, group].map((to) => request('Hello', { to, idempotencyKey: 'bulk' }))
    const outcomes = await sendAll(hub, requests)
    expect(outcomes.map((outcome) => ('row' in outcome ? outcome.row.status : 'failed')).sort()).toEqual([
      'failed',
      'sent',
      'sent',
    ])
    await sendAll(hub, requests)
    expect(link.written).toHaveLength(2)
  })
})

databases('recipients', ({ open }) => {
  test('an unknown number is asked about once, a known one never', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    hub.sessions.arrive([{ kind: 'message', chat: ben, id: 'B1' }])
    await hub.projected()
    await send(hub, 'Hello', { to: ben })
    expect(link.asked).toEqual([])
    await send(hub, 'Hello')
    await send(hub, 'Hello again')
    expect(link.asked).toEqual(['12025550123'])
  })

  test('a number that is not on WhatsApp is refused, for a day without asking again', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    link.directory.set('12025550123', { exists: false })
    for (let time = 0; time < 3; time += 1) {
      expect(await reasonOf(send(hub, 'Hello'))).toMatchObject({ reason: 'NUMBER_NOT_ON_WHATSAPP' })
    }
    expect(link.asked).toHaveLength(1)
    link.directory.delete('12025550123')
    await hub.clock.advance(25 * 3_600_000)
    expect(await send(hub, 'Hello')).toMatchObject({ status: 'sent' })
    expect(await outboundRows(hub)).toHaveLength(1)
  })

  test('the address that WhatsApp answers is used, with its LID', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    link.directory.set('12025550123', { exists: true, pn: ben, lid: anaLid })
    expect(await send(hub, 'Hello')).toMatchObject({ chat_jid: anaLid })
    expect(await send(hub, 'Hello again')).toMatchObject({ chat_jid: anaLid })
    expect(link.asked).toEqual(['12025550123'])
    expect(link.written.map(({ to }) => to)).toEqual([anaLid, anaLid])
    const shown = await hub.chats.addresses.shown(hub.database, [{ sessionId: 1, jid: anaLid }])
    expect(shown(1, anaLid)).toBe(ben)
  })

  test('when WhatsApp does not say, the number is taken as given', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    link.directory.set('12025550123', { exists: undefined })
    expect(await send(hub, 'Hello')).toMatchObject({ chat_jid: ana, status: 'sent' })
  })

  test('ten questions a minute are enough', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    for (let index = 0; index < 12; index += 1) {
      await send(hub, 'Hello', { to: parseJid(`120255501${String(index).padStart(2, '0')}@s.whatsapp.net`) })
    }
    expect(link.asked).toHaveLength(10)
    expect(link.written).toHaveLength(12)
  })
})

databases('answering, retrying, reading, removing', ({ open }) => {
  test('a reply carries the message it answers', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    hub.sessions.arrive([{ kind: 'message', chat: ana, id: 'Q1' }])
    await hub.projected()
    const row = await send(hub, 'Yes', { quotedId: 'Q1', mentions: [ben] })
    expect(row.quoted_id).toBe('Q1')
    expect(link.written[0]?.content).toEqual({
      content: {
        kind: 'text',
        text: 'Yes',
        mentions: [ben],
        quoted: { id: 'Q1', sender: ana, text: 'text of Q1' },
      },
      quoted: {
        id: 'Q1',
        chat: ana,
        sender: ana,
        fromMe: false,
        content: { kind: 'text', text: 'text of Q1' },
      },
    })
    expect(await reasonOf(send(hub, 'Yes', { quotedId: 'NONE' }))).toMatchObject({
      code: 'MESSAGE_NOT_FOUND',
    })
  })

  test('a failed message is tried again under its id, three times', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    link.ackAtOnce = false
    const failing = reasonOf(send(hub, 'Hello'))
    link.ack((await eventually(() => link.written[0])).id, 404)
    await failing
    const row = async () => {
      const [found] = await hub.messages.list.page({ sessionId: 1 }, 1, 0)
      if (found === undefined) throw new Error('the message is gone')
      return found
    }
    for (let time = 1; time <= 3; time += 1) {
      const again = reasonOf(hub.messages.retry(hub.session, await row(), call))
      link.ack((await eventually(() => link.written[time])).id, 404)
      expect(await again).toMatchObject({ reason: 'RECIPIENT_NOT_FOUND' })
    }
    expect(await reasonOf(hub.messages.retry(hub.session, await row(), call))).toMatchObject({
      reason: 'RETRIES_USED_UP',
    })
    expect(new Set(link.written.map(({ id }) => id)).size).toBe(1)
    expect(await hub.told('message.failed')).toHaveLength(4)
  })

  test('a message that did not fail is not tried again', async () => {
    await using hub = await startFixture(open)
    hub.sessions.online()
    const row = await send(hub, 'Hello')
    expect(await reasonOf(hub.messages.retry(hub.session, row, call))).toMatchObject({ reason: 'NOT_FAILED' })
  })

  test('reading a chat tells its authors, while we are online', async () => {
    await using hub = await startFixture(open)
    hub.sessions.arrive([
      { kind: 'message', chat: group, sender: ana, id: 'G1' },
      { kind: 'message', chat: group, sender: ben, id: 'G2' },
    ])
    await hub.projected()
    const link = hub.sessions.online()
    expect(await hub.messages.markRead(hub.session, group)).toEqual({ chat: group, marked: 2 })
    expect(link.markedRead.toSorted((left, right) => (left.id < right.id ? -1 : 1))).toEqual([
      { chat: group, sender: ana, id: 'G1' },
      { chat: group, sender: ben, id: 'G2' },
    ])
    expect(await hub.messages.markRead(hub.session, group)).toMatchObject({ marked: 0 })
    expect((await hub.messages.list.chats({ sessionId: 1 }, 10, 0)).chats).toMatchObject([
      { unread_count: 0 },
    ])
  })

  test('a removed message is gone from lists and counts, and does not come back', async () => {
    await using hub = await startFixture(open)
    const entries = ['D1', 'D2'].map((id) => ({
      kind: 'message' as const,
      chat: ana,
      id,
      sentAt: 1_767_225_700_000,
    }))
    hub.sessions.arrive(entries)
    await hub.projected()
    const row = await hub.messages.finder.find([1], 'D2')
    if (row === undefined) throw new Error('not found')
    await hub.messages.remove(row)
    hub.sessions.arrive(entries)
    await hub.projected()
    expect((await hub.messages.list.page({ sessionId: 1 }, 10, 0)).map((each) => each.whatsapp_id)).toEqual([
      'D1',
    ])
    expect(await hub.messages.list.total({ sessionId: 1 })).toBe(1)
    expect((await hub.messages.list.chats({ sessionId: 1 }, 10, 0)).chats).toMatchObject([
      { last_id: 'D1', unread_count: 1, message_count: 1 },
    ])
    expect(await hub.messages.finder.find([1], 'D2')).toBeUndefined()
    expect(
      await hub.database.read.selectFrom('message').select('body').where('whatsapp_id', '=', 'D2').execute(),
    ).toEqual([{ body: '' }])
  })

  test('removing a message that waits takes it back', async () => {
    await using hub = await startFixture(open)
    const link = hub.sessions.online()
    const gate = Promise.withResolvers<void>()
    link.gate = gate.promise
    const stuck = send(hub, 'first', { to: ben })
    await eventually(async () => ((await outboundRows(hub)).length === 1 ? true : undefined))
    const waiting = reasonOf(send(hub, 'second'))
    await eventually(async () => ((await outboundRows(hub)).length === 2 ? true : undefined))
    const [row] = await hub.messages.list.page({ sessionId: 1, chat: ana }, 1, 0)
    if (row === undefined) throw new Error('not found')
    await hub.messages.remove(row)
    gate.resolve()
    await stuck
    expect(await waiting).toMatchObject({ reason: 'CANCELLED' })
    expect(link.written.map(textWritten)).toEqual(['first'])
    expect(
      (await hub.messages.list.tallied(1, undefined, undefined)).filter(({ messages }) => messages !== 0),
    ).toEqual([{ from_me: 1, type: 'text', status: 'sent', messages: 1 }])
  })

  test('a message is found by any of its names', async () => {
    await using hub = await startFixture(open)
    hub.sessions.arrive([{ kind: 'message', chat: anaLid, chatAlt: ana, id: 'F1' }])
    await hub.projected()
    const [row] = await hub.messages.list.page({ sessionId: 1 }, 1, 0)
    for (const name of [
      'F1',
      String(row?.id),
      'false_12025550123@c.us_F1',
      'false_12025550123@s.whatsapp.net_F1_in',
    ]) {
      expect((await hub.messages.finder.find([1], name))?.id).toBe(row?.id)
    }
    for (const name of ['F2', '0', 'true_12025550123@c.us_F1', 'false_12025550124@c.us_F1', '']) {
      expect(await hub.messages.finder.find([1], name)).toBeUndefined()
    }
    expect(await hub.messages.finder.find([2], 'F1')).toBeUndefined()
  })

  test('two weeks later what was sent is forgotten, the message is not', async () => {
    await using hub = await startFixture(open)
    hub.sessions.online()
    const { whatsapp_id: id } = await send(hub, 'Hello')
    await hub.clock.advance(13 * 86_400_000)
    expect(await outboundRows(hub)).toHaveLength(1)
    await hub.clock.advance(86_400_000)
    await eventually(async () => {
      await hub.clock.advance(3_600_000)
      return (await outboundRows(hub)).length === 0 ? true : undefined
    })
    expect(await hub.sessions.retryAnswer(1, id)).toBeUndefined()
    expect(await hub.messages.list.total({ sessionId: 1 })).toBe(1)
  })

  test('statistics count whole and cut days alike', async () => {
    await using hub = await startFixture(open)
    const day = Date.UTC(2026, 0, 10)
    hub.sessions.arrive(
      Array.from({ length: 96 }, (_, index) => ({
        kind: 'message' as const,
        chat: ana,
        id: `H${index}`,
        sentAt: day + index * 3_600_000,
      })),
    )
    await hub.projected()
    const total = (from?: number, until?: number): Promise<number> =>
      hub.messages.list.total({ sessionId: 1, from, until })
    expect(await total()).toBe(96)
    for (const [from, until] of [
      [0, 95],
      [5, 90],
      [5, 10],
      [23, 24],
      [24, 47],
      [30, 95],
      [0, 30],
    ] as const) {
      expect(await total(day + from * 3_600_000, day + until * 3_600_000)).toBe(until - from + 1)
    }
    expect(await total(day + 3_600_000 * 90)).toBe(6)
    expect(await total(undefined, day - 1)).toBe(0)
  })

  test('chats that are missing are made from their messages', async () => {
    await using hub = await startFixture(open)
    hub.sessions.arrive([
      { kind: 'message', chat: ana, id: 'C1' },
      { kind: 'message', chat: ana, id: 'C2' },
      { kind: 'message', chat: ben, id: 'C3' },
    ])
    await hub.projected()
    const before = await hub.messages.list.chats({ sessionId: 1 }, 10, 0)
    await hub.database.write(
      async (tx) => void (await tx.db.deleteFrom('chat').where('jid', '=', ana).execute()),
    )
    expect(await hub.messages.repair(hub.session)).toEqual([{ chat: ana, messages: 2 }])
    expect(await hub.messages.list.chats({ sessionId: 1 }, 10, 0)).toEqual(before)
    expect(await hub.messages.repair(hub.session)).toEqual([])
  })
})
