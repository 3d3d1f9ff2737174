import { endpoints } from '@inbox-hub/contract'
import { createManualClock } from 'inbox-hub'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { eventually, type Hub, type PairedSession, startHub } from './harness.ts'

interface Told {
  id: string | undefined
  event: string
  data: Record<string, unknown>
}

/** What a server-sent event stream told so far, and its end. */
function follow(hub: Hub, query: string, headers: Record<string, string> = {}) {
  const told: Told[] = []
  const leaving = new AbortController()
  const opened = fetch(`${hub.url}/api/events/stream${query}`, {
    headers: { 'x-api-key': hub.key, ...headers },
    signal: leaving.signal,
  })
  const ended = (async () => {
    const response = await opened
    let rest = ''
    for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      rest += text
      const blocks = rest.split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) {
        const fields = new Map(
          block
            .split('\n')
            .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
        )
        const data = fields.get('data')
        if (data !== undefined)
          told.push({
            id: fields.get('id'),
            event: fields.get('event') ?? '',
            data: JSON.parse(data) as Told['data'],
          })
      }
    }
  })().catch((error: unknown) => {
    if (!leaving.signal.aborted) throw error
  })
  return {
    told,
    opened,
    ended,
    received: (count: number) =>
      eventually(
        () => {
          const messages = told.filter(({ event }) => event === 'message.received')
          return messages.length >= count ? messages : undefined
        },
        () => `${count} messages were not told, but ${JSON.stringify(told.map(({ event }) => event))}`,
      ),
    async [Symbol.asyncDispose]() {
      leaving.abort()
      await ended
    },
  }
}

function socketTo(hub: Hub, query: string) {
  const socket = new WebSocket(`${hub.url.replace('http', 'ws')}/api/events/socket${query}`)
  const told: Record<string, unknown>[] = []
  socket.addEventListener('message', ({ data }) =>
    told.push(JSON.parse(String(data)) as Record<string, unknown>),
  )
  const closed = new Promise<number>((resolve) => {
    socket.addEventListener('close', ({ code }) => resolve(code))
  })
  return { socket, told, closed }
}

describe('events as they happen', () => {
  let hub: Hub
  let session: PairedSession
  const ana = '+12025550123'

  beforeAll(async () => {
    hub = await startHub({ preset: 'standard' })
    session = await hub.pairSession('support')
  })
  afterAll(() => hub[Symbol.asyncDispose]())

  const ticket = async (): Promise<string> => (await hub.api.call(endpoints.createEventTicket)).ticket
  const texts = (events: readonly Told[]): unknown[] =>
    events.map(({ data }) => (data['data'] as Record<string, unknown>)['text'])

  test('are streamed, and a client that comes back goes on where it stopped', async () => {
    const phone = hub.emulator.phone(ana)
    let last: string | undefined
    {
      await using stream = follow(hub, '?sessionId=support&types=message.received')
      const response = await stream.opened
      expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
      await eventually(
        () => stream.told[0]?.event,
        () => 'the stream never opened',
      )
      phone.sends(session.phone, 'one')
      const messages = await stream.received(1)
      expect(texts(messages)).toEqual(['one'])
      expect(messages[0]?.data).toMatchObject({
        type: 'message.received',
        sessionId: 'support',
        seq: Number(messages[0]?.id),
      })
      last = messages[0]?.id
    }
    phone.sends(session.phone, 'two')
    await hub.webhook.received('message.received', 2)
    await using again = follow(hub, '?types=message.received', { 'last-event-id': last ?? '' })
    await again.received(1)
    phone.sends(session.phone, 'three')
    expect(texts(await again.received(2))).toEqual(['two', 'three'])
  })

  test('go over a WebSocket to whoever has a ticket, which opens one and no more', async () => {
    const query = `?ticket=${await ticket()}&types=message.received`
    const { socket, told, closed } = socketTo(hub, query)
    await eventually(
      () => told[0],
      () => 'the socket never opened',
    )
    expect(told[0]).toMatchObject({ type: 'stream.open' })
    hub.emulator.phone(ana).sends(session.phone, 'by socket')
    await eventually(
      () => told[1],
      () => 'nothing came',
    )
    expect(told[1]).toMatchObject({ type: 'message.received', data: { text: 'by socket' } })
    const refused = await fetch(`${hub.url}/api/events/stream${query}`)
    expect(refused.status).toBe(401)
    expect(await refused.json()).toMatchObject({ code: 'INVALID_TICKET' })
    expect(await socketTo(hub, query).closed).toBe(1006)
    socket.close()
    await closed
  })

  test('are refused in the contract’s words, before and instead of an upgrade', async () => {
    const plain = await fetch(`${hub.url}/api/events/socket`, { headers: { 'x-api-key': hub.key } })
    expect(plain.status).toBe(426)
    expect(await plain.json()).toMatchObject({ code: 'UPGRADE_REQUIRED' })
    const nobody = await fetch(`${hub.url}/api/events/stream`)
    expect(await nobody.json()).toMatchObject({ code: 'MISSING_API_KEY' })
    const unknown = await fetch(`${hub.url}/api/events/stream?types=message.recieved&sessionId=nobody`, {
      headers: { 'x-api-key': hub.key },
    })
    expect(await unknown.json()).toMatchObject({
      code: 'VALIDATION_ERROR',
      details: { 'types.0': expect.any(String) },
    })
    const missing = await fetch(`${hub.url}/api/events/stream?sessionId=nobody`, {
      headers: { 'x-api-key': hub.key },
    })
    expect(await missing.json()).toMatchObject({ code: 'SESSION_NOT_FOUND' })
  })

  test('can be taken away as a whole, one per line', async () => {
    const answer = await hub.api.raw(endpoints.exportEvents, { query: { sessionId: 'support' } })
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8')
    const lines = (await answer.text()).trimEnd().split('\n')
    const { events } = await hub.api.call(endpoints.listEvents, {
      query: { sessionId: 'support', limit: 1000 },
    })
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(events.slice(0, lines.length))
    expect(lines.length).toBeGreaterThan(3)
  })

  test('end when the key is revoked, or the ticket’s was', async () => {
    const clock = createManualClock(Date.now())
    await using other = await startHub({ clock })
    const { id, key } = await other.api.call(endpoints.createKey, { body: { name: 'reader' } })
    const headers = { 'x-api-key': key }
    const answer = await fetch(`${other.url}/api/events/tickets`, { method: 'POST', headers })
    const { data } = (await answer.json()) as { data: { ticket: string } }
    await using stays = follow(other, '')
    await using stream = follow(other, '', headers)
    const { told, closed } = socketTo(other, `?ticket=${data.ticket}`)
    await eventually(
      () => (told[0] && stream.told[0] && stays.told[0] ? true : undefined),
      () => 'not open',
    )
    await other.api.call(endpoints.revokeKey, { params: { id } })
    await clock.advance(15_000)
    await stream.ended
    expect(await closed).toBe(1001)
    expect((await stays.opened).bodyUsed).toBe(true)
    const refused = await fetch(`${other.url}/api/events/stream`, { headers })
    expect(refused.status).toBe(401)
  })

  test('end with the hub, at once, and go on with its next start', async () => {
    await using stream = follow(hub, '?types=message.received')
    const { told, closed } = socketTo(hub, `?ticket=${await ticket()}`)
    await eventually(
      () => (told[0] !== undefined && stream.told[0] !== undefined ? true : undefined),
      () => 'not open',
    )
    const place = stream.told[0]?.id
    await hub.stop()
    await stream.ended
    expect(await closed).toBe(1001)
    hub.emulator.phone(ana).sends(session.phone, 'while it was away')
    await hub.start()
    await using again = follow(hub, `?types=message.received&after=${place}`)
    expect(texts(await again.received(1))).toEqual(['while it was away'])
  })
})
