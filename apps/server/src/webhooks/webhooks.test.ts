import { createServer, type Socket } from 'node:net'
import type { AddressInfo } from 'node:net'

import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'

import { databases, type Place } from '../platform/testing/databases.ts'
import { createManualClock } from '../platform/testing/manual-clock.ts'
import type { SessionView } from '../sessions/index.ts'
import { accept, type ReceivedCall, type Receiver, startReceiver } from './sample-receiver.ts'
import { legacySignature } from './signing.ts'
import {
  installationKey,
  messageProgress,
  messageReceived,
  secret,
  sessionOf,
  startWebhookHub,
  type WebhookHubOptions,
  type WebhookHub,
} from './testing/hub.ts'

/** The texts a receiver was told, in the order of its calls. */
function texts(receiver: Receiver): unknown[] {
  return receiver.calls.map(textOf)
}

function textOf({ json }: ReceivedCall): unknown {
  // Tests send message.received in the legacy or the standard shape; anything else answers undefined.
  const { data } = json as { data: { text?: string; message?: { body: string } } }
  return data.message?.body ?? data.text
}

/** Conditions are awaited in real time: sockets and stores are real. */
const soon = { timeout: 20_000, interval: 5 }

/** `ask`, with the hub's clock running on by `stepMs` at each look. */
function inTime<T>({ clock }: Pick<WebhookHub, 'clock'>, ask: () => T | Promise<T>, stepMs = 60) {
  return async () => {
    await clock.advance(stepMs)
    return ask()
  }
}

/** A TCP server that does with each connection what a test wants; for receivers that are no HTTP servers. */
async function rawReceiver(behave: (socket: Socket) => void) {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    behave(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`,
    get connections() {
      return sockets.size
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

databases('webhooks', ({ open, place }) => {
  async function hubWith(sessions: Iterable<SessionView>, options: WebhookHubOptions = {}) {
    const stack = new AsyncDisposableStack()
    const database = stack.use(await open())
    const hub = stack.use(await startWebhookHub(database, { ...options, sessions }))
    return { ...hub, [Symbol.asyncDispose]: () => stack.disposeAsync() }
  }
  const outcomes = async (hub: Pick<WebhookHub, 'rows'>) =>
    (await hub.rows()).map(({ outcome, attempts }) => [outcome, attempts])

  test('an event reaches its receiver, signed, and its row says so', async () => {
    await using receiver = await startReceiver({ secret })
    await using hub = await hubWith([sessionOf(1, receiver.url)])
    await hub.append(messageReceived(1, 'Are you open?'))
    await expect.poll(() => texts(receiver), soon).toEqual(['Are you open?'])
    expect(receiver.calls[0]).toMatchObject({ verified: true, type: 'message.received', path: '/hook' })
    await expect
      .poll(
        inTime(hub, () => outcomes(hub)),
        soon,
      )
      .toEqual([['delivered', 1]])
    expect(hub.webhooks.backlog()).toBe(0)
  })

  test('a session without a webhook owes nothing; with sendToFrappe it owes the Frappe of the server', async () => {
    await using receiver = await startReceiver({ secret })
    await using hub = await hubWith(
      [sessionOf(1, undefined), { ...sessionOf(2, undefined), sendToFrappe: true }],
      { frappe: { url: receiver.url, secret } },
    )
    await hub.append(messageReceived(1, 'to nobody'), messageReceived(2, 'to Frappe'))
    await expect.poll(() => texts(receiver), soon).toEqual(['to Frappe'])
    expect(receiver.calls[0]?.verified).toBe(true)
    expect(await hub.rows()).toMatchObject([{ endpoint: 0, session_id: 2 }])
  })

  test('a session with a webhook of its own sends there only, also when it sends to Frappe', async () => {
    await using own = await startReceiver({ secret })
    await using frappe = await startReceiver({ secret })
    await using hub = await hubWith([{ ...sessionOf(1, own.url), sendToFrappe: true }], {
      frappe: { url: frappe.url, secret },
    })
    await hub.append(messageReceived(1, 'once'))
    await expect.poll(() => texts(own), soon).toEqual(['once'])
    expect(await hub.rows()).toHaveLength(1)
  })

  test('without a secret every call is signed all the same', async () => {
    await using receiver = await startReceiver({ secret })
    await using hub = await hubWith([sessionOf(1, receiver.url, { secret: undefined })])
    await hub.append(messageReceived(1, 'unconfigured'))
    await expect.poll(() => receiver.calls.length, soon).toBe(1)
    const [call] = receiver.calls
    expect(call?.headers['x-webhook-signature']).toBe(
      legacySignature(installationKey, call?.body ?? Buffer.of()),
    )
  })

  test('the standard preset is accepted by the official library', async () => {
    const standardSecret = `whsec_${Buffer.alloc(32, 5).toString('base64')}`
    await using receiver = await startReceiver({ secret: standardSecret })
    await using hub = await hubWith([
      sessionOf(1, receiver.url, { preset: 'standard', secret: standardSecret }),
    ])
    await hub.append(messageReceived(1, 'café ☕'))
    await expect.poll(() => receiver.calls.length, soon).toBe(1)
    const [call] = receiver.calls
    // Node joins no header of ours into a list.
    const headers = call?.headers as Record<string, string>
    expect(new Webhook(standardSecret).verify(call?.body ?? '', headers)).toMatchObject({
      type: 'message.received',
      data: { sessionId: 'session-1', seq: 1, text: 'café ☕' },
    })
    expect(headers['webhook-id']).toMatch(/^msg_[\w-]+$/)
  })

  test('one session is told in order, however many events come at once', async () => {
    await using receiver = await startReceiver({ secret })
    await using hub = await hubWith([sessionOf(1, receiver.url), sessionOf(2, receiver.url)])
    const wanted = Array.from({ length: 200 }, (_, n) => `message ${n}`)
    await Promise.all(
      wanted.map((text, n) => hub.append(messageReceived(1, text), messageReceived(2, `other ${n}`))),
    )
    await expect.poll(() => receiver.calls.length, soon).toBe(400)
    // PostgreSQL commits in an order of its own: that of `seq` is the one that counts.
    const rows = await hub.rows()
    for (const id of [1, 2]) {
      const called = receiver.calls.filter((call) => call.headers['x-webhook-session'] === `session-${id}`)
      expect(called.map((call) => call.headers['x-webhook-id'])).toEqual(
        rows.filter((row) => row.session_id === id).map((row) => row.id),
      )
    }
    await expect
      .poll(
        inTime(hub, async () => (await outcomes(hub)).every(([outcome]) => outcome === 'delivered')),
        soon,
      )
      .toBe(true)
  })

  test('a session with a backlog is told in order also while many calls are under way, and one failure calls the rest back', async () => {
    let worst = 0
    let underWay = 0
    const failing = new Set(['message 300', 'message 301', 'message 450'])
    await using receiver = await startReceiver({
      secret,
      answer(call, response) {
        underWay += 1
        worst = Math.max(worst, underWay)
        setImmediate(() => {
          underWay -= 1
          // Each of them once.
          if (failing.delete(String(textOf(call)))) response.writeHead(500).end()
          else accept(call, response)
        })
      },
    })
    await using hub = await hubWith([sessionOf(1, receiver.url)])
    const told = Array.from({ length: 600 }, (_, n) => `message ${n}`)
    await hub.append(...told.map((text) => messageReceived(1, text)))
    await expect
      .poll(
        inTime(hub, async () => (await outcomes(hub)).every(([outcome]) => outcome === 'delivered')),
        soon,
      )
      .toBe(true)
    expect(worst).toBeGreaterThan(1)
    // What was under way behind a failure may come twice; without that, and without the failures, the order is the session's.
    const taken = receiver.calls.map(textOf)
    expect(taken.slice(0, 300)).toEqual(told.slice(0, 300))
    expect(told.filter((text) => !taken.includes(text))).toEqual([])
    for (const text of ['message 300', 'message 301', 'message 450']) {
      expect(taken.filter((other) => other === text).length).toBeGreaterThan(1)
    }
  })

  test('a slow receiver is not given more than it can answer in time', async () => {
    const underWay: number[] = []
    const waiting: (() => void)[] = []
    await using receiver = await startReceiver({
      secret,
      answer(call, response) {
        waiting.push(() => accept(call, response))
        underWay.push(waiting.length)
      },
    })
    await using hub = await hubWith([sessionOf(1, receiver.url)])
    await hub.append(...Array.from({ length: 60 }, (_, n) => messageReceived(1, `message ${n}`)))
    // It answers one call each 150 ms, like a server with one worker.
    await expect
      .poll(
        inTime(
          hub,
          () => {
            waiting.shift()?.()
            return receiver.calls.length
          },
          150,
        ),
        soon,
      )
      .toBe(60)
    const most = Math.max(...underWay)
    expect(most).toBeGreaterThan(1)
    expect(most).toBeLessThanOrEqual(7)
    while (waiting.length > 0) waiting.shift()?.()
  })

  test('a delivery that fails is tried again before the one behind it', async () => {
    let refusals = 2
    await using receiver = await startReceiver({
      secret,
      answer(call, response) {
        if (refusals-- > 0) response.writeHead(500).end('Traceback')
        else accept(call, response)
      },
    })
    await using hub = await hubWith([sessionOf(1, receiver.url)])
    await hub.append(messageReceived(1, 'first'), messageReceived(1, 'second'))
    await expect.poll(() => receiver.calls.length, soon).toBe(1)
    await expect
      .poll(
        inTime(hub, () => texts(receiver)),
        soon,
      )
      .toEqual(['first', 'first', 'first', 'second'])
    const [once, twice] = receiver.calls
    expect(twice?.body.equals(once?.body ?? Buffer.of())).toBe(true)
    expect(twice?.headers['x-webhook-id']).toBe(once?.headers['x-webhook-id'])
    expect(twice?.headers['x-webhook-timestamp']).not.toBe(once?.headers['x-webhook-timestamp'])
  })

  test('a delivery that the receiver never takes ends in the dead letters after ten minutes, and the next one goes', async () => {
    await using receiver = await startReceiver({
      secret,
      answer(call, response) {
        if (textOf(call) === 'poison') response.writeHead(500).end()
        else accept(call, response)
      },
    })
    await using hub = await hubWith([sessionOf(1, receiver.url)])
    await hub.append(messageReceived(1, 'poison'), messageReceived(1, 'good'))
    await expect
      .poll(
        inTime(hub, () => texts(receiver).at(-1), 5000),
        soon,
      )
      .toBe('good')
    await expect
      .poll(
        inTime(hub, () => outcomes(hub)),
        soon,
      )
      .toEqual([
        ['given_up', 11],
        ['delivered', 1],
      ])
    expect((await hub.rows())[0]).toMatchObject({ last_status: 500, last_error: 'HTTP 500' })
  })

  test("Frappe's refusals under HTTP 200: what heals is retried, what cannot is given up at once", async () => {
    const verdicts = ['Invalid signature', 'Session not found', undefined, undefined]
    await using receiver = await startReceiver({
      secret,
      answer(call, response) {
        const error = verdicts.shift()
        if (error === undefined) accept(call, response)
        else response.end(JSON.stringify({ message: { success: false, error } }))
      },
    })
    await using hub = await hubWith([sessionOf(1, receiver.url)])
    await hub.append(
      messageReceived(1, 'badly signed'),
      messageReceived(1, 'too early'),
      messageReceived(1, 'fine'),
    )
    await expect.poll(() => receiver.calls.length, soon).toBe(2)
    await expect
      .poll(
        inTime(hub, () => texts(receiver)),
        soon,
      )
      .toEqual(['badly signed', 'too early', 'too early', 'fine'])
    await expect
      .poll(
        inTime(hub, () => outcomes(hub)),
        soon,
      )
      .toEqual([
        ['given_up', 1],
        ['delivered', 2],
        ['delivered', 1],
      ])
  })

  test('the fate of a sent message waits a second, in order, and holds up no customer', async () => {
    await using receiver = await startReceiver({ secret })
    await using hub = await hubWith([sessionOf(1, receiver.url)])
    await hub.append(messageProgress(1, 'sent'), messageProgress(1, 'delivered'), messageReceived(1, 'hello'))
    await expect.poll(() => receiver.calls.map((call) => call.type), soon).toEqual(['message.received'])
    await hub.clock.advance(999)
    expect(receiver.calls).toHaveLength(1)
    await hub.clock.advance(1)
    await expect
      .poll(() => receiver.calls.map((call) => call.type), soon)
      .toEqual(['message.received', 'message.sent', 'message.delivered'])
  })

  test('a QR event carries the code that waits when it is sent, and is dropped when none does', async () => {
    await using receiver = await startReceiver({ secret })
    await using hub = await hubWith([sessionOf(1, receiver.url), sessionOf(2, receiver.url)])
    hub.qrs.set(1, { text: 'the code', dataUrl: 'data:image/png;base64,AAAA', expiresAt: 1_790_000_000_000 })
    const qr = (sessionId: number) => ({
      sessionId,
      type: 'session.qr' as const,
      id: `qr-${sessionId}`,
      at: 1,
      data: { status: 'qr_code', index: 1, expiresAt: 2, timestamp: 1 },
    })
    await hub.append(qr(1), qr(2))
    await expect.poll(() => receiver.calls.length, soon).toBe(1)
    expect(receiver.calls[0]?.json).toMatchObject({ data: { qrCode: 'data:image/png;base64,AAAA' } })
    expect(receiver.calls[0]?.verified).toBe(true)
    await expect
      .poll(
        inTime(hub, () => outcomes(hub)),
        soon,
      )
      .toEqual([
        ['delivered', 1],
        ['given_up', 1],
      ])
    expect(JSON.stringify(await hub.rows())).not.toContain('AAAA')
  })

  test('a receiver that hangs is let go after 7 s and delays nobody else', async () => {
    let hangs = 1
    await using hanging = await startReceiver({
      secret,
      answer(call, response) {
        if (hangs-- <= 0) accept(call, response)
      },
    })
    await using healthy = await startReceiver({ secret })
    const clock = createManualClock(Date.now())
    await using hub = await hubWith([sessionOf(1, hanging.url), sessionOf(2, healthy.url)], {
      clock,
      patience: clock,
    })
    await hub.append(messageReceived(1, 'into the void'), messageReceived(2, 'hello'))
    await expect.poll(() => texts(healthy), soon).toEqual(['hello'])
    await expect.poll(() => hanging.calls.length, soon).toBe(1)
    await hub.clock.advance(7000)
    await expect
      .poll(
        inTime(hub, async () => (await hub.rows())[0]?.last_error),
        soon,
      )
      .toBe('no answer in 7000 ms')
  })

  test('an answer that drips is cut off after 7 s', async () => {
    const lengths = [1000, 1]
    await using dripping = await rawReceiver((socket) => {
      socket.once('data', () =>
        socket.write(`HTTP/1.1 200 OK\r\ncontent-length: ${lengths.shift()}\r\n\r\n{`),
      )
    })
    const clock = createManualClock(Date.now())
    await using hub = await hubWith([sessionOf(1, dripping.url)], { clock, patience: clock })
    await hub.append(messageReceived(1, 'drip'))
    await expect.poll(() => dripping.connections, soon).toBe(1)
    await expect
      .poll(
        inTime(hub, async () => (await hub.rows())[0]?.last_error),
        soon,
      )
      .toBe('no answer in 7000 ms')
    await expect
      .poll(
        inTime(hub, () => outcomes(hub)),
        soon,
      )
      .toEqual([['delivered', 2]])
  })

  test('an answer that never ends is read no further than 64 KB', async () => {
    let written = 0
    await using flooding = await rawReceiver((socket) => {
      const chunk = Buffer.alloc(64 * 1024, 'x')
      const flood = () => {
        while (!socket.destroyed && written < 100e6) {
          written += chunk.length
          if (!socket.write(chunk)) return
        }
      }
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100000000\r\n\r\n')
        flood()
      })
      socket.on('drain', flood)
    })
    await using hub = await hubWith([sessionOf(1, flooding.url)])
    await hub.append(messageReceived(1, 'flood'))
    await expect
      .poll(
        inTime(hub, () => outcomes(hub)),
        soon,
      )
      .toEqual([['delivered', 1]])
    expect(written).toBeLessThan(20e6)
  })

  test('a reset, garbage and a redirect are failures that are tried again; no redirect is followed', async () => {
    await using resetting = await rawReceiver((socket) => socket.once('data', () => socket.resetAndDestroy()))
    await using garbling = await rawReceiver((socket) =>
      socket.once('data', () => socket.write('SSH-2.0-nonsense\r\n\r\n')),
    )
    await using elsewhere = await startReceiver({ secret })
    await using redirecting = await startReceiver({
      secret,
      answer: (_, response) => response.writeHead(301, { location: elsewhere.url }).end(),
    })
    await using hub = await hubWith([
      sessionOf(1, resetting.url),
      sessionOf(2, garbling.url),
      sessionOf(3, redirecting.url),
    ])
    await hub.append(messageReceived(1, 'a'), messageReceived(2, 'b'), messageReceived(3, 'c'))
    await expect
      .poll(
        inTime(hub, async () => (await hub.rows()).map((row) => [row.outcome, row.last_error !== null]), 51),
        soon,
      )
      .toEqual([
        [null, true],
        [null, true],
        [null, true],
      ])
    expect((await hub.rows())[2]).toMatchObject({
      last_status: 301,
      last_error: expect.stringContaining(elsewhere.url) as string,
    })
    expect(elsewhere.calls).toEqual([])
  })

  test('an outage spends no attempts: when the receiver is back, everything arrives, in order', async () => {
    let away = true
    await using receiver = await startReceiver({
      secret,
      answer(call, response) {
        if (away) response.writeHead(503).end()
        else accept(call, response)
      },
    })
    const sessions = Array.from({ length: 12 }, (_, n) => sessionOf(n + 1, receiver.url))
    await using hub = await hubWith(sessions)
    const append = (text: string) => hub.append(...sessions.map(({ id }) => messageReceived(id, text)))
    await append('first')
    await append('second')
    // Ten sessions fail: the receiver is away. From then on one probe every 30 s, for an hour.
    await expect.poll(() => receiver.calls.length, soon).toBeGreaterThanOrEqual(10)
    for (let minute = 0; minute < 60; minute += 1) await hub.clock.advance(60_000)
    const calls = receiver.calls.length
    expect(calls).toBeLessThan(200)
    expect((await outcomes(hub)).filter(([outcome]) => outcome !== null)).toEqual([])
    away = false
    await expect
      .poll(
        inTime(hub, async () => (await outcomes(hub)).every(([outcome]) => outcome === 'delivered'), 30_000),
        soon,
      )
      .toBe(true)
    for (const { sessionId } of sessions) {
      const own = receiver.calls
        .slice(calls)
        .filter((call) => call.headers['x-webhook-session'] === sessionId)
      expect([...new Set(own.map(textOf))]).toEqual(['first', 'second'])
    }
  })

  test('a receiver that does not exist does not slow the others down, whatever piles up for it', async () => {
    await using healthy = await startReceiver({ secret })
    const closed = await startReceiver({ secret })
    await closed[Symbol.asyncDispose]()
    await using hub = await hubWith([sessionOf(1, closed.url), sessionOf(2, healthy.url)])
    await hub.append(...Array.from({ length: 300 }, (_, n) => messageReceived(1, `lost ${n}`)))
    await hub.append(...Array.from({ length: 300 }, (_, n) => messageReceived(2, `told ${n}`)))
    await expect.poll(() => texts(healthy).length, soon).toBe(300)
    expect(hub.webhooks.backlog()).toBeGreaterThanOrEqual(300)
  })

  test('the standard preset lets a failed delivery come back later and goes on with the next', async () => {
    let refusals = 1
    await using receiver = await startReceiver({
      secret,
      answer(call, response) {
        if (textOf(call) === 'unlucky' && refusals-- > 0) response.writeHead(500).end()
        else response.writeHead(204).end()
      },
    })
    await using hub = await hubWith([sessionOf(1, receiver.url, { preset: 'standard' })])
    await hub.append(messageReceived(1, 'unlucky'), messageReceived(1, 'lucky'))
    await expect.poll(() => new Set(texts(receiver)), soon).toEqual(new Set(['lucky', 'unlucky']))
    await expect
      .poll(
        inTime(hub, async () => (await hub.rows())[0]?.attempts),
        soon,
      )
      .toBe(1)
    await expect
      .poll(
        inTime(hub, async () => texts(receiver).length, 3000),
        soon,
      )
      .toBe(3)
    await expect
      .poll(
        inTime(hub, async () => outcomes(hub), 100),
        soon,
      )
      .toEqual([
        ['delivered', 2],
        ['delivered', 1],
      ])
  })

  test('an address inside is never called', async () => {
    await using hub = await hubWith([sessionOf(1, 'http://169.254.169.254/latest/meta-data')])
    await hub.append(messageReceived(1, 'to the metadata service'))
    await expect
      .poll(
        inTime(hub, () => outcomes(hub)),
        soon,
      )
      .toEqual([['given_up', 1]])
    expect((await hub.rows())[0]?.last_error).toContain('169.254.169.254')
  })

  test('410 ends a delivery for good', async () => {
    await using receiver = await startReceiver({
      secret,
      answer: (_, response) => response.writeHead(410).end(),
    })
    await using hub = await hubWith([sessionOf(1, receiver.url, { preset: 'standard' })])
    await hub.append(messageReceived(1, 'unwanted'))
    await expect
      .poll(
        inTime(hub, async () => outcomes(hub), 100),
        soon,
      )
      .toEqual([['given_up', 1]])
  })

  test('a new URL is used for what is owed already; a removed one ends it', async () => {
    const gone = await startReceiver({ secret })
    await gone[Symbol.asyncDispose]()
    await using receiver = await startReceiver({ secret })
    await using hub = await hubWith([sessionOf(1, gone.url), sessionOf(2, gone.url)])
    await hub.append(messageReceived(1, 'moved'), messageReceived(2, 'dropped'))
    await expect
      .poll(
        inTime(hub, async () => outcomes(hub), 60),
        soon,
      )
      .toEqual([
        [null, 1],
        [null, 1],
      ])
    hub.sessions.set(1, sessionOf(1, receiver.url))
    hub.sessions.set(2, sessionOf(2, undefined))
    await expect
      .poll(
        inTime(hub, () => texts(receiver)),
        soon,
      )
      .toEqual(['moved'])
    await expect
      .poll(
        inTime(hub, () => outcomes(hub)),
        soon,
      )
      .toEqual([
        ['delivered', 2],
        ['given_up', 2],
      ])
  })

  async function startedAt(
    where: Place,
    sessions: Iterable<SessionView>,
    clock = createManualClock(Date.now()),
  ) {
    const stack = new AsyncDisposableStack()
    const database = stack.use(await where.open())
    const hub = stack.use(await startWebhookHub(database, { sessions, clock }))
    return { ...hub, [Symbol.asyncDispose]: () => stack.disposeAsync() }
  }

  test('what a process left owed is delivered by the next one, in order, with its schedule', async () => {
    await using where = await place()
    let away = true
    await using receiver = await startReceiver({
      secret,
      answer(call, response) {
        if (away) response.writeHead(500).end()
        else accept(call, response)
      },
    })
    const sessions = [sessionOf(1, receiver.url)]
    const told = Array.from({ length: 150 }, (_, n) => `message ${n}`)
    // One clock: by one of its own the next process could find the retry due before it is looked at.
    const clock = createManualClock(Date.now())
    {
      await using hub = await startedAt(where, sessions, clock)
      await hub.append(...told.map((text) => messageReceived(1, text)))
      await expect.poll(() => receiver.calls.length, soon).toBe(1)
      await hub.clock.advance(100)
    }
    away = false
    const before = receiver.calls.length
    await using hub = await startedAt(where, sessions, clock)
    expect(hub.webhooks.backlog()).toBe(150)
    await hub.append(messageReceived(1, 'a new one'))
    await expect
      .poll(
        inTime(hub, () => receiver.calls.length - before),
        soon,
      )
      .toBe(151)
    expect(texts(receiver).slice(before)).toEqual([...told, 'a new one'])
  })

  test('a process killed between the answer and the commit delivers again, under the same id', async () => {
    await using where = await place()
    await using receiver = await startReceiver({ secret })
    const sessions = [sessionOf(1, receiver.url)]
    const database = await where.open()
    // Never closed: its settlements are lost with it, as in a crash.
    const hub = await startWebhookHub(database, { sessions })
    await hub.append(messageReceived(1, 'once or twice'))
    await expect.poll(() => receiver.calls.length, soon).toBe(1)
    expect(await outcomes(hub)).toEqual([[null, 0]])
    await database[Symbol.asyncDispose]()

    await using next = await startedAt(where, sessions)
    await expect.poll(() => receiver.calls.length, soon).toBe(2)
    await expect
      .poll(
        inTime(next, () => outcomes(next)),
        soon,
      )
      .toEqual([['delivered', 1]])
    expect(new Set(receiver.calls.map((call) => call.headers['x-webhook-id'])).size).toBe(1)
  })

  test('closing waits for the call under way and writes its end down', async () => {
    await using where = await place()
    const answers: (() => void)[] = []
    await using receiver = await startReceiver({
      secret,
      answer: (call, response) => void answers.push(() => accept(call, response)),
    })
    const sessions = [sessionOf(1, receiver.url)]
    {
      await using hub = await startedAt(where, sessions)
      await hub.append(messageReceived(1, 'on its way'), messageReceived(1, 'not begun'))
      await expect.poll(() => answers.length, soon).toBe(1)
      setImmediate(() => answers[0]?.())
    }
    await using database = await where.open()
    const rows = await database.read
      .selectFrom('webhook_delivery')
      .select('outcome')
      .orderBy('event_seq')
      .execute()
    expect(rows.map((row) => row.outcome)).toEqual(['delivered', null])
    expect(receiver.calls).toHaveLength(1)
  })

  test('settled deliveries go after their time: delivered ones after a week, dead letters after a month', async () => {
    await using receiver = await startReceiver({
      secret,
      answer(call, response) {
        if (textOf(call) === 'refused') response.writeHead(410).end()
        else accept(call, response)
      },
    })
    await using hub = await hubWith([sessionOf(1, receiver.url)])
    await hub.append(messageReceived(1, 'taken'), messageReceived(1, 'refused'))
    await expect
      .poll(
        inTime(hub, async () => (await outcomes(hub)).map(([outcome]) => outcome), 100),
        soon,
      )
      .toEqual(['delivered', 'given_up'])
    await hub.clock.advance(8 * 86_400_000)
    const left = async () => (await outcomes(hub)).map(([outcome]) => outcome)
    await expect.poll(inTime(hub, left, 3_600_000), soon).toEqual(['given_up'])
    await hub.clock.advance(23 * 86_400_000)
    await expect.poll(inTime(hub, left, 3_600_000), soon).toEqual([])
  })
})
