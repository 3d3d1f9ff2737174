import { expect, test } from 'vitest'

import type { Database } from '../platform/database/index.ts'
import { databases } from '../platform/testing/databases.ts'
import { accept, startReceiver } from './sample-receiver.ts'
import { messageReceived, secret, sessionOf, startWebhookHub } from './testing/hub.ts'

const soon = { timeout: 20_000, interval: 5 }

databases('deliveries read while others are settled', ({ open }) => {
  test('what a slow read still shows as due, though it was settled meanwhile, is not told again', async () => {
    await using store = await open()
    let slow: PromiseWithResolvers<void> | undefined
    let reads = 0
    /** Answers the question for due deliveries as they were, when it is let go. */
    const execute: Database['sql']['execute'] = async (text, values) => {
      const result = await store.sql.execute(text, values)
      if (/"due_at" <= /.test(text) && slow !== undefined) {
        reads += 1
        await slow.promise
      }
      return result
    }
    const database: Database = { ...store, sql: { dialect: store.dialect, execute } }
    const answers: (() => void)[] = []
    let fails = true
    await using receiver = await startReceiver({
      secret,
      answer(call, response) {
        if (fails) response.writeHead(500).end()
        else answers.push(() => accept(call, response))
      },
    })
    await using hub = await startWebhookHub(database, {
      sessions: [sessionOf(1, receiver.url, { preset: 'standard' })],
      random: () => 0,
    })
    const inTime =
      <T>(ask: () => T | Promise<T>) =>
      async (): Promise<T> => {
        await hub.clock.advance(500)
        return ask()
      }
    const attempts = async () => (await hub.rows()).map((row) => row.attempts)

    await hub.append(messageReceived(1, 'first'))
    await expect.poll(inTime(attempts), soon).toEqual([1])
    // Its second try is under way, while the due ones are read for the sake of another.
    fails = false
    await expect
      .poll(
        inTime(() => answers.length),
        soon,
      )
      .toBe(1)
    fails = true
    slow = Promise.withResolvers()
    await hub.append(messageReceived(1, 'second'))
    await expect
      .poll(
        inTime(() => reads),
        soon,
      )
      .toBe(1)
    fails = false
    answers[0]?.()
    const first = async () => (await hub.rows())[0]?.outcome
    await expect.poll(inTime(first), soon).toBe('delivered')
    slow.resolve()
    slow = undefined
    await expect
      .poll(
        inTime(() => answers.length),
        soon,
      )
      .toBe(2)
    answers[1]?.()
    await expect
      .poll(
        inTime(() => hub.webhooks.backlog()),
        soon,
      )
      .toBe(0)
    expect(receiver.calls.map(({ json }) => (json as { data: { text: string } }).data.text)).toEqual([
      'first',
      'first',
      'second',
      'second',
    ])
  })

  test('what is under way when a replay is asked for goes again at once when it fails, not by its schedule', async () => {
    await using store = await open()
    const held: (() => void)[] = []
    let holds = false
    await using receiver = await startReceiver({
      secret,
      answer(_call, response) {
        const fail = () => response.writeHead(500).end()
        if (holds) held.push(fail)
        else fail()
      },
    })
    await using hub = await startWebhookHub(store, {
      sessions: [sessionOf(1, undefined)],
      random: () => 0.5,
    })
    const { number } = await hub.webhooks.endpoints.create(
      1,
      {
        name: 'ours',
        url: receiver.url,
        events: ['message'],
        sessions: undefined,
        chats: undefined,
        headers: {},
        preset: 'standard',
        ordered: false,
        timeoutMs: 15_000,
        check: 'status',
        retry: undefined,
      },
      secret,
    )
    const { endpoint } = hub.webhooks.endpoints.get(number) ?? {}
    if (endpoint === undefined) throw new Error('The endpoint is gone.')
    const later = async <T>(ask: () => T | Promise<T>): Promise<T> => {
      await hub.clock.advance(500)
      return ask()
    }
    await hub.append(messageReceived(1, 'first'))
    await expect
      .poll(async () => (await later(() => hub.rows())).map((row) => row.attempts), soon)
      .toEqual([1])
    holds = true
    await expect.poll(() => later(() => held.length), soon).toBe(1)
    const range = { from: hub.clock.now() - 3_600_000, to: undefined, after: undefined }
    await hub.webhooks.replay.range({ endpoint, sessionId: undefined }, range, [1])
    const asked = hub.clock.now()
    held[0]?.()
    await expect.poll(() => later(() => held.length), soon).toBe(2)
    // Its third try would have been half a minute away.
    expect(hub.clock.now() - asked).toBeLessThan(20_000)
    held[1]?.()
  })
})
