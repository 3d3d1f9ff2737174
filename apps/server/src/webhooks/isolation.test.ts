import { createServer } from 'node:http'
import { type AddressInfo, createServer as createTcp, type Socket } from 'node:net'

import { expect, test } from 'vitest'

import { systemClock } from '../platform/clock.ts'
import { onSqlite } from '../platform/testing/databases.ts'
import type { EndpointSettings } from './endpoint-store.ts'
import { accept, startReceiver } from './sample-receiver.ts'
import { messageReceived, secret, sessionOf, startWebhookHub } from './testing/hub.ts'

/*
 * T7 at a twentieth: a hundred endpoints, one dead, one dripping, 5,000 events. In full, with the ratio to a run without those two:
 * `npm run bench -- webhooks --full`.
 */

const endpoints = 100
const events = 5000
const soon = { timeout: 25_000, interval: 5 }

const settingsOf = (url: string, session: number): EndpointSettings => ({
  name: `endpoint ${session}`,
  url,
  events: ['message'],
  sessions: [session],
  chats: undefined,
  headers: {},
  preset: 'standard',
  ordered: false,
  timeoutMs: 15_000,
  check: 'status',
  retry: undefined,
})

/** Receivers of many endpoints on one port, told apart by the path. */
async function manyReceivers() {
  const ids = new Map<string, Set<string>>()
  let calls = 0
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => {
      response.end('{}')
      calls += 1
      const owner = ids.get(request.url ?? '') ?? new Set()
      ids.set(request.url ?? '', owner.add(String(request.headers['webhook-id'])))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo // it listens on TCP
  return {
    urlOf: (index: number) => `http://127.0.0.1:${port}/${index}`,
    idsOf: (index: number) => ids.get(`/${index}`) ?? new Set<string>(),
    get calls() {
      return calls
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function drippingReceiver() {
  const sockets = new Set<Socket>()
  const server = createTcp((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    // The beginning of an answer, and then nothing that would end it.
    socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{'))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

onSqlite('webhook endpoints beside ill ones', ({ open }) => {
  test('one dead and one dripping endpoint of a hundred cost the others nothing, and miss nothing once they are well', async () => {
    await using receivers = await manyReceivers()
    await using dripping = await drippingReceiver()
    const dead = await startReceiver({ secret })
    await dead[Symbol.asyncDispose]()
    await using database = await open()
    const sessions = Array.from({ length: endpoints }, (_, index) => sessionOf(index + 1, undefined))
    await using hub = await startWebhookHub(database, { clock: systemClock, sessions })
    const numbers: number[] = []
    for (const { id } of sessions) {
      const url = id === 1 ? dead.url : id === 2 ? dripping.url : receivers.urlOf(id)
      // Those under way to the dripping one are let go soon.
      const settings = { ...settingsOf(url, id), ...(id === 2 ? { timeoutMs: 1000 } : {}) }
      numbers.push((await hub.webhooks.endpoints.create(1, settings, secret)).number)
    }
    const share = events / endpoints
    const healthy = sessions.slice(2)
    // As fast as the healthy ones take them: the next when those before are there.
    for (let round = 0; round < share; round += 1) {
      await hub.append(...sessions.map(({ id }) => messageReceived(id, `#${round * endpoints + id}`)))
      await expect.poll(() => receivers.calls, soon).toBe(healthy.length * (round + 1))
    }
    expect(healthy.filter(({ id }) => receivers.idsOf(id).size !== share)).toEqual([])
    expect(receivers.calls).toBe(healthy.length * share)
    await expect.poll(() => hub.webhooks.backlog(), soon).toBe(2 * share)

    for (const id of [1, 2]) {
      await hub.webhooks.endpoints.change(numbers[id - 1] ?? 0, () => ({
        settings: settingsOf(receivers.urlOf(id), id),
      }))
      const { endpoint } = hub.webhooks.endpoints.get(numbers[id - 1] ?? 0) ?? {}
      if (endpoint === undefined) throw new Error('An endpoint is gone.')
      const range = { from: Date.now() - 3_600_000, to: undefined, after: undefined }
      await hub.webhooks.replay.range({ endpoint, sessionId: undefined }, range, [id])
    }
    for (const id of [1, 2]) await expect.poll(() => receivers.idsOf(id).size, soon).toBe(share)
    await expect.poll(() => hub.webhooks.backlog(), soon).toBe(0)
  }, 60_000)

  test('three hundred deliveries are told again by a replay, all of them, under the ids they had', async () => {
    await using receivers = await manyReceivers()
    await using database = await open()
    await using hub = await startWebhookHub(database, {
      clock: systemClock,
      sessions: [sessionOf(1, undefined)],
    })
    const { number } = await hub.webhooks.endpoints.create(1, settingsOf(receivers.urlOf(1), 1), secret)
    await hub.append(...Array.from({ length: 300 }, (_, n) => messageReceived(1, `#${n}`)))
    const settled = async () => (await hub.rows()).every(({ outcome }) => outcome === 'delivered')
    await expect.poll(async () => hub.webhooks.backlog() === 0 && (await settled()), soon).toBe(true)
    const before = new Set(receivers.idsOf(1))
    const { endpoint } = hub.webhooks.endpoints.get(number) ?? {}
    if (endpoint === undefined) throw new Error('The endpoint is gone.')
    const range = { from: Date.now() - 3_600_000, to: undefined, after: undefined }
    expect(await hub.webhooks.replay.range({ endpoint, sessionId: undefined }, range, [1])).toEqual({
      count: 300,
      next: undefined,
    })
    await expect.poll(() => receivers.calls, soon).toBe(600)
    expect(receivers.idsOf(1)).toEqual(before)
    await expect.poll(settled, soon).toBe(true)
  })

  test('the schedule of Standard Webhooks is kept within a fifth, ten retries long, then the delivery is given up', async () => {
    for (const random of [0, 0.5, 0.999]) {
      await using receiver = await startReceiver({
        secret,
        answer: (_, response) => response.writeHead(500).end(),
      })
      await using database = await open()
      await using hub = await startWebhookHub(database, {
        sessions: [sessionOf(1, undefined)],
        random: () => random,
      })
      await hub.webhooks.endpoints.create(1, settingsOf(receiver.url, 1), secret)
      await hub.append(messageReceived(1, 'refused'))
      const calls = async () => {
        await hub.clock.advance(1)
        return receiver.calls.length
      }
      const seconds = [5, 30, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400]
      for (const [index, wanted] of seconds.entries()) {
        await expect.poll(calls, soon).toBe(index + 1)
        const called = hub.clock.now()
        const attempts = async () => {
          await hub.clock.advance(20)
          return (await hub.rows())[0]?.attempts
        }
        await expect.poll(attempts, soon).toBe(index + 1)
        const due = (await hub.rows())[0]?.due_at ?? 0
        expect(due - called).toBeGreaterThanOrEqual(wanted * 800 - 100)
        expect(due - called).toBeLessThanOrEqual(wanted * 1200 + 200)
        await hub.clock.advance(due - hub.clock.now() - 1)
        expect(receiver.calls).toHaveLength(index + 1)
        await hub.clock.advance(1)
      }
      await expect.poll(calls, soon).toBe(11)
      await expect
        .poll(async () => {
          await hub.clock.advance(60)
          return (await hub.rows())[0]?.outcome
        }, soon)
        .toBe('given_up')
    }
  })

  test('Retry-After is kept, and at most a day of it', async () => {
    for (const [asked, kept] of [
      [7200, 7200],
      [864_000, 86_400],
    ] as const) {
      const answers = [asked]
      await using receiver = await startReceiver({
        secret,
        answer(call, response) {
          const seconds = answers.shift()
          if (seconds === undefined) accept(call, response)
          else response.writeHead(429, { 'retry-after': String(seconds) }).end()
        },
      })
      await using database = await open()
      await using hub = await startWebhookHub(database, { sessions: [sessionOf(1, undefined)] })
      await hub.webhooks.endpoints.create(1, settingsOf(receiver.url, 1), secret)
      await hub.append(messageReceived(1, 'not now'))
      // Its answer has been read.
      await expect.poll(() => hub.webhooks.tallyOf(1, 0)?.attempts, soon).toBe(1)
      const began = hub.clock.now()
      await hub.clock.advance(kept * 1000 - 1000)
      expect(receiver.calls).toHaveLength(1)
      await expect
        .poll(async () => {
          await hub.clock.advance(500)
          return receiver.calls.length
        }, soon)
        .toBe(2)
      expect(hub.clock.now() - began).toBeLessThan(kept * 1000 + 120_000)
    }
  })
})
