import { endpoints as api } from '@inbox-hub/contract'
import { Webhook } from 'standardwebhooks'
import { expect, test } from 'vitest'

import { type ApiClient, ApiError } from '../client/index.ts'
import { databases, type Place } from '../platform/testing/databases.ts'
import { createManualClock } from '../platform/testing/manual-clock.ts'
import { type ReceivedCall, type Receiver, startReceiver } from './sample-receiver.ts'
import { legacySignature, signingKey, standardSignature } from './signing.ts'
import {
  messageProgress,
  messageReceived,
  secret,
  sessionOf,
  startWebhookHub,
  type WebhookHubOptions,
} from './testing/hub.ts'

/** Conditions are awaited in real time: sockets and stores are real. */
const soon = { timeout: 20_000, interval: 5 }
const day = 86_400_000

const organizationId = '1'
const at = { params: { organizationId } }

function textOf({ json }: ReceivedCall): unknown {
  // message.received in any preset; anything else answers undefined.
  const { data } = json as { data: { text?: string; message?: { body: string } } }
  return data.message?.body ?? data.text
}
const texts = ({ calls }: Receiver): unknown[] => calls.map(textOf)

/** What a call was refused with: its code, and what is wrong with which field. */
async function refusal(call: Promise<unknown>): Promise<[string, Readonly<Record<string, unknown>>]> {
  try {
    await call
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    return [error.code, error.details]
  }
  throw new Error('It was not refused.')
}

const bodyFor = ({ method }: { method: string }, body: object) =>
  method === 'GET' || method === 'DELETE' ? {} : { body }

databases('webhook endpoints', ({ open, place }) => {
  async function served(options: WebhookHubOptions = {}, where?: Pick<Place, 'open'>) {
    await using stack = new AsyncDisposableStack()
    const database = stack.use(await (where === undefined ? open() : where.open()))
    const hub = stack.use(
      await startWebhookHub(database, { sessions: [sessionOf(1, undefined)], ...options }),
    )
    const http = stack.use(await hub.serve())
    const all = stack.move()
    return {
      ...hub,
      database,
      url: http.url,
      as: (owner: number): ApiClient => http.api(owner),
      api: http.api(),
      /** Its clock runs on by `ms`, and what falls due is done. */
      inTime:
        <T>(ask: () => T | Promise<T>, ms = 60) =>
        async () => {
          await hub.clock.advance(ms)
          return ask()
        },
      [Symbol.asyncDispose]: () => all.disposeAsync(),
    }
  }
  const create = (hub: { api: ApiClient }, body: object) => hub.api.call(api.createOwnWebhook, { body })

  test('an endpoint is told the events it names, of the sessions and chats it names', async () => {
    await using everything = await startReceiver({ secret })
    await using narrow = await startReceiver({ secret })
    await using groups = await startReceiver({ secret })
    await using hub = await served({
      sessions: [
        sessionOf(1, undefined),
        sessionOf(2, undefined),
        { ...sessionOf(3, undefined), ownerId: 2 },
      ],
    })
    await create(hub, { name: 'all', url: everything.url, secret })
    await create(hub, { name: 'one', url: narrow.url, secret, events: ['message'], sessions: ['session-2'] })
    await create(hub, { name: 'groups', url: groups.url, secret, preset: 'standard', chats: ['group'] })
    const group = { ...messageReceived(1, 'to a group'), id: 'group-1' }
    Object.assign(group.data, { isGroup: true, chatId: '120363000000000001@g.us', messageId: 'group-1' })
    await hub.append(
      messageReceived(1, 'to session 1'),
      messageReceived(2, 'to session 2'),
      messageProgress(2, 'read'),
      messageReceived(3, 'of somebody else'),
      group,
    )
    await expect
      .poll(
        hub.inTime(() => everything.calls.map(({ type }) => type).toSorted((a, b) => a.localeCompare(b))),
        soon,
      )
      .toEqual(['message.read', 'message.received', 'message.received', 'message.received'])
    await expect.poll(() => texts(narrow), soon).toEqual(['to session 2'])
    await expect.poll(() => texts(groups), soon).toEqual(['to a group'])
    await expect
      .poll(
        hub.inTime(() => hub.webhooks.backlog()),
        soon,
      )
      .toBe(0)
    expect([...everything.calls, ...narrow.calls, ...groups.calls].every(({ verified }) => verified)).toBe(
      true,
    )
    expect(await hub.rows()).toHaveLength(6)
  })

  test('a URL that a session and its organisation share is told once', async () => {
    await using receiver = await startReceiver({ secret })
    await using hub = await served({ sessions: [sessionOf(1, receiver.url)] })
    await create(hub, { name: 'the same', url: receiver.url, secret })
    await hub.append(messageReceived(1, 'once'))
    await expect
      .poll(
        hub.inTime(() => hub.webhooks.backlog()),
        soon,
      )
      .toBe(0)
    expect(texts(receiver)).toEqual(['once'])
  })

  test('custom headers travel along, are stored sealed and shown hidden', async () => {
    await using receiver = await startReceiver({ secret })
    await using hub = await served()
    const token = 'Bearer of-the-tests-0123456789'
    const headers = { Authorization: token, 'X-Tenant': 'support' }
    const made = await create(hub, { name: 'CRM', url: receiver.url, secret, headers })
    expect(made.webhook.headers).toEqual({ Authorization: '***', 'X-Tenant': '***' })
    // What is given back as it was shown stays; what is left out goes.
    await hub.api.call(api.updateWebhook, {
      params: { webhookId: made.id },
      body: { headers: { Authorization: '***' } },
    })
    await hub.append(messageReceived(1, 'with a token'))
    await expect.poll(() => receiver.calls.length, soon).toBe(1)
    expect(receiver.calls[0]?.headers).toMatchObject({ authorization: token })
    expect(receiver.calls[0]?.headers).not.toHaveProperty('x-tenant')
    const rows = await hub.database.read.selectFrom('webhook_endpoint').selectAll().execute()
    const stored = rows.map(({ headers: sealed, secret: key, ...rest }) =>
      [
        Buffer.from(sealed).toString('latin1'),
        Buffer.from(key).toString('latin1'),
        JSON.stringify(rest),
      ].join(),
    )
    expect(stored.join()).not.toContain('of-the-tests')
    expect(stored.join()).not.toContain(secret)
  })

  test('what cannot be an endpoint is refused, and the refusal names what is wrong', async () => {
    await using hub = await served({
      names: { 'inside.example': ['10.0.0.7'], 'crm.example': ['93.184.216.34'] },
    })
    const make = (body: object) => refusal(create(hub, { name: 'bad', url: 'https://crm.example/', ...body }))
    expect(await make({ events: ['message.received', 'message.reveived'] })).toEqual([
      'VALIDATION_ERROR',
      { 'events.1': expect.stringContaining('"message.reveived"') as string },
    ])
    expect(await make({ preset: 'cloud-api' })).toEqual([
      'VALIDATION_ERROR',
      { preset: expect.stringContaining('reserved') as string },
    ])
    for (const name of ['Transfer-Encoding', 'webhook-signature', 'Host', 'X-Webhook-Id', 'content-type']) {
      expect(await make({ headers: { [name]: 'x' } })).toEqual([
        'VALIDATION_ERROR',
        { [`headers.${name}`]: expect.stringContaining('set by the server') as string },
      ])
    }
    expect((await make({ headers: { 'X-A': 'one\r\nX-B: two' } }))[1]).toHaveProperty(['headers.X-A'])
    expect((await make({ secret: 'too short' }))[1]).toHaveProperty('secret')
    expect((await make({ secret: 'whsec_no base64 at all' }))[1]).toHaveProperty('secret')
    expect((await make({ timeout: 60_000 }))[1]).toHaveProperty('timeout')
    expect((await make({ sessions: Array.from({ length: 1001 }, (_, n) => `s-${n}`) }))[1]).toHaveProperty(
      'sessions',
    )
    expect((await make({ sessions: ['nobody'] }))[0]).toBe('SESSION_NOT_FOUND')
    expect((await make({ url: 'https://user:password@crm.example/' }))[1]).toHaveProperty('url')
    for (const url of [
      'http://10.1.2.3/',
      'http://169.254.169.254/latest',
      'http://[fe80::1]/',
      'http://2130706432.nip/'.replace('2130706432.nip', '0x0a000001'),
      'https://inside.example/hook',
    ]) {
      const [code, details] = await make({ url })
      expect([url, code]).toEqual([url, 'WEBHOOK_URL_REFUSED'])
      expect(details['url']).toContain('OUTBOUND_ALLOW_CIDRS')
    }
    expect(await hub.api.call(api.listWebhooks, at)).toMatchObject({ total: 0 })
  })

  test('an organisation sees its own webhooks alone, and has at most 200', async () => {
    await using hub = await served({ sessions: [sessionOf(1, 'https://crm.example/')] })
    const made = await create(hub, { name: 'mine', url: 'https://crm.example/mine' })
    expect(made.secret).toMatch(/^whsec_/)
    expect(
      JSON.stringify(await hub.api.call(api.getWebhook, { params: { webhookId: made.id } })),
    ).not.toContain(made.secret)
    const list = await hub.api.call(api.listWebhooks, at)
    expect(list.webhooks.map(({ id, kind }) => [id, kind])).toEqual([
      [made.id, 'organization'],
      ['session-1', 'session'],
    ])
    const stranger = hub.as(2)
    for (const operation of [
      api.getWebhook,
      api.updateWebhook,
      api.deleteWebhook,
      api.toggleWebhook,
      api.pauseWebhook,
      api.testWebhook,
      api.rotateWebhookSecret,
      api.listDeliveries,
      api.replayWebhook,
    ]) {
      for (const webhookId of [made.id, 'session-1']) {
        const [code] = await refusal(
          stranger.call(operation, { params: { webhookId }, ...bodyFor(operation, { failed: true }) }),
        )
        expect([operation.id, code]).toEqual([operation.id, 'WEBHOOK_NOT_FOUND'])
      }
    }
    for (const operation of [api.listWebhooks, api.createWebhook, api.webhookStats, api.webhookHealth]) {
      const body = { name: 'x', url: 'https://crm.example/' }
      const [code] = await refusal(stranger.call(operation, { ...at, ...bodyFor(operation, body) }))
      expect([operation.id, code]).toEqual([operation.id, 'ORGANIZATION_NOT_FOUND'])
    }
    expect((await refusal(hub.api.call(api.deleteWebhook, { params: { webhookId: 'session-1' } })))[0]).toBe(
      'WEBHOOK_OF_SESSION',
    )
    for (let n = 1; n < 200; n += 1) await create(hub, { name: `${n}`, url: `https://crm.example/${n}` })
    expect((await refusal(create(hub, { name: 'one more', url: 'https://crm.example/' })))[0]).toBe(
      'TOO_MANY_WEBHOOKS',
    )
  })

  test('for a day after its replacement the old secret signs beside the new one, as the official library wants it', async () => {
    const first = `whsec_${Buffer.alloc(32, 5).toString('base64')}`
    await using receiver = await startReceiver({ secret: first })
    await using hub = await served()
    const { id } = await create(hub, { name: 'CRM', url: receiver.url, secret: first, preset: 'standard' })
    const rotated = await hub.api.call(api.rotateWebhookSecret, { params: { webhookId: id } })
    const second = rotated.secret ?? ''
    expect(second).toMatch(/^whsec_/)
    expect(rotated.webhook.oldSecretUntil).not.toBeNull()
    await hub.append(messageReceived(1, 'during the change'))
    await expect.poll(() => receiver.calls.length, soon).toBe(1)
    await hub.clock.advance(day)
    await hub.append(messageReceived(1, 'a day later'))
    await expect.poll(() => receiver.calls.length, soon).toBe(2)
    const [during, later] = receiver.calls
    // Node joins no header of ours into a list.
    const headers = (call: ReceivedCall | undefined) => call?.headers as Record<string, string>
    for (const key of [first, second])
      expect(new Webhook(key).verify(during?.body ?? '', headers(during))).toBeTruthy()
    // The library would refuse a time of tomorrow.
    const { 'webhook-id': webhookId = '', 'webhook-timestamp': timestamp } = headers(later)
    expect(headers(later)['webhook-signature']).toBe(
      standardSignature(signingKey(second), webhookId, Number(timestamp), later?.body ?? Buffer.of()),
    )
  })

  test('cloudevents: structured events with the signature of Standard Webhooks', async () => {
    const key = `whsec_${Buffer.alloc(32, 6).toString('base64')}`
    await using receiver = await startReceiver({ secret: key })
    await using hub = await served()
    await create(hub, { name: 'bus', url: receiver.url, secret: key, preset: 'cloudevents' })
    const event = messageReceived(1, 'café')
    await hub.append(event)
    await expect.poll(() => receiver.calls.length, soon).toBe(1)
    const [call] = receiver.calls
    expect(call?.headers['content-type']).toContain('application/cloudevents+json')
    expect(call?.json).toMatchObject({
      specversion: '1.0',
      id: event.id,
      source: '/sessions/session-1',
      type: 'message.received',
      subject: '12025550123@s.whatsapp.net',
      sequence: '1',
      data: { text: 'café', seq: 1, sessionId: 'session-1' },
    })
    expect(new Webhook(key).verify(call?.body ?? '', call?.headers as Record<string, string>)).toBeTruthy()
  })

  test('a paused endpoint is told afterwards, in order, and across a restart', async () => {
    await using where = await place()
    await using receiver = await startReceiver({ secret })
    const clock = createManualClock(Date.now())
    let webhookId = ''
    {
      await using hub = await served({ clock }, where)
      webhookId = (await create(hub, { name: 'CRM', url: receiver.url, secret })).id
      const pauseUntil = new Date(clock.now() + 3_600_000).toISOString()
      const paused = await hub.api.call(api.pauseWebhook, { params: { webhookId }, body: { pauseUntil } })
      expect(paused.webhook).toMatchObject({ isPaused: true, pausedUntil: pauseUntil })
      await hub.append(messageReceived(1, 'first'), messageReceived(1, 'second'))
      await hub.clock.advance(1_800_000)
    }
    await using hub = await served({ clock }, where)
    await hub.append(messageReceived(1, 'third'))
    await hub.clock.advance(60_000)
    expect(receiver.calls).toEqual([])
    expect(await hub.api.call(api.webhookHealth, at)).toMatchObject({
      webhooks: [{ status: 'paused', owed: 3 }],
    })
    await hub.clock.advance(1_800_000)
    await expect.poll(() => texts(receiver), soon).toEqual(['first', 'second', 'third'])
    await hub.api.call(api.pauseWebhook, { params: { webhookId } })
    await hub.append(messageReceived(1, 'fourth'))
    const resumed = await hub.api.call(api.pauseWebhook, { params: { webhookId }, body: { isPaused: false } })
    expect(resumed.webhook.isPaused).toBe(false)
    await expect.poll(() => texts(receiver).at(-1), soon).toBe('fourth')
  })

  test('a disabled endpoint is owed nothing; enabled again, a replay of the range brings what it missed, under the same ids', async () => {
    const answers = [500]
    await using receiver = await startReceiver({
      secret,
      answer: (_, response) => response.writeHead(answers.shift() ?? 200).end(),
    })
    await using hub = await served()
    const { id: webhookId } = await create(hub, {
      name: 'CRM',
      url: receiver.url,
      secret,
      preset: 'standard',
    })
    const since = new Date(hub.clock.now()).toISOString()
    await hub.append(messageReceived(1, 'refused'))
    await expect
      .poll(
        hub.inTime(async () => (await hub.rows())[0]?.attempts),
        soon,
      )
      .toBe(1)
    await hub.api.call(api.toggleWebhook, { params: { webhookId } })
    // What is owed becomes a dead letter; what happens now is not recorded.
    await expect
      .poll(
        hub.inTime(async () => (await hub.rows())[0]?.outcome),
        soon,
      )
      .toBe('given_up')
    await hub.append(messageReceived(1, 'missed'))
    expect(await hub.rows()).toHaveLength(1)
    const body = { startDate: since }
    expect((await refusal(hub.api.call(api.replayWebhook, { params: { webhookId }, body })))[0]).toBe(
      'WEBHOOK_DISABLED',
    )
    await hub.api.call(api.toggleWebhook, { params: { webhookId }, body: { isActive: true } })
    await hub.append(messageReceived(1, 'told'))
    await expect.poll(() => texts(receiver), soon).toEqual(['refused', 'told'])
    await expect
      .poll(
        hub.inTime(() => hub.webhooks.backlog()),
        soon,
      )
      .toBe(0)
    await expect
      .poll(
        hub.inTime(async () => (await hub.rows()).every(({ outcome }) => outcome !== null)),
        soon,
      )
      .toBe(true)
    expect(await hub.api.call(api.replayWebhook, { params: { webhookId }, body })).toEqual({
      replayed: 3,
      next: null,
    })
    await expect
      .poll(
        hub.inTime(() => hub.webhooks.backlog()),
        soon,
      )
      .toBe(0)
    const told = receiver.calls.map((call) => [textOf(call), call.headers['webhook-id']])
    expect(told.map(([text]) => String(text)).toSorted((a, b) => a.localeCompare(b))).toEqual([
      'missed',
      'refused',
      'refused',
      'told',
      'told',
    ])
    expect(new Set(told.map(String)).size).toBe(3)
  })

  test('410 disables an endpoint and tells so', async () => {
    await using gone = await startReceiver({ secret, answer: (_, response) => response.writeHead(410).end() })
    await using other = await startReceiver({ secret })
    await using hub = await served()
    const { id: webhookId } = await create(hub, {
      name: 'old CRM',
      url: gone.url,
      secret,
      preset: 'standard',
    })
    await create(hub, {
      name: 'watch',
      url: other.url,
      secret,
      preset: 'standard',
      events: ['webhook.disabled'],
    })
    await hub.append(messageReceived(1, 'unwanted'))
    await expect.poll(() => other.calls.length, soon).toBe(1)
    expect(other.calls[0]?.json).toMatchObject({
      type: 'webhook.disabled',
      data: { webhookId, name: 'old CRM', reason: 'gone', sessionId: 'session-1' },
    })
    expect(await hub.api.call(api.getWebhook, { params: { webhookId } })).toMatchObject({
      isActive: false,
      disabledReason: 'gone',
    })
    await hub.append(messageReceived(1, 'more'))
    expect((await hub.rows()).filter(({ endpoint }) => String(endpoint) === webhookId)).toHaveLength(1)
  })

  test('an endpoint that takes nothing for five days is disabled, not before; what it missed is replayed', async () => {
    let away = true
    await using receiver = await startReceiver({
      secret,
      answer: (_, response) => response.writeHead(away ? 503 : 200).end(),
    })
    await using hub = await served()
    const { id: webhookId } = await create(hub, {
      name: 'CRM',
      url: receiver.url,
      secret,
      preset: 'standard',
    })
    const isActive = async () => (await hub.api.call(api.getWebhook, { params: { webhookId } })).isActive
    const began = hub.clock.now()
    for (let n = 0; await isActive(); n += 1) {
      await hub.append(messageReceived(1, `message ${n}`))
      const before = receiver.calls.length
      await expect
        .poll(
          hub.inTime(async () => receiver.calls.length > before || !(await isActive()), 1_800_000),
          soon,
        )
        .toBe(true)
      await hub.clock.advance(4 * 3_600_000)
      expect(hub.clock.now() - began).toBeLessThan(6 * day)
    }
    expect(hub.clock.now() - began).toBeGreaterThanOrEqual(5 * day)
    const health = await hub.api.call(api.webhookHealth, at)
    expect(health.webhooks[0]).toMatchObject({
      status: 'disabled',
      disabledReason: 'failing',
      lastStatus: 503,
      lastError: 'HTTP 503',
    })
    await expect
      .poll(
        hub.inTime(() => hub.webhooks.backlog()),
        soon,
      )
      .toBe(0)
    away = false
    await hub.api.call(api.toggleWebhook, { params: { webhookId } })
    const before = receiver.calls.length
    const { replayed } = await hub.api.call(api.replayWebhook, {
      params: { webhookId },
      body: { failed: true },
    })
    expect(replayed).toBeGreaterThanOrEqual(5)
    await expect
      .poll(
        hub.inTime(() => hub.webhooks.backlog()),
        soon,
      )
      .toBe(0)
    expect(new Set(receiver.calls.slice(before).map(textOf)).size).toBe(replayed)
  })

  test('the log of a delivery says what was sent, what came of each attempt and when the next one is, without secrets', async () => {
    const headers = { Authorization: 'Bearer of-the-tests-0123456789' }
    await using receiver = await startReceiver({
      secret,
      answer: ({ headers: { authorization } }, response) => {
        response.writeHead(500, { 'content-type': 'text/plain' })
        const token = String(authorization).replace('Bearer ', '')
        const said = `Traceback: ${authorization} ${secret} token=${token} `
        // What is kept ends in the middle of a secret.
        response.end(`${said.padEnd(1012, 'x')}${token}${'x'.repeat(5000)}`)
      },
    })
    await using hub = await served()
    const settings = { url: receiver.url, secret, headers, retryConfig: { attempts: 2, delay: 10_000 } }
    const { id: webhookId } = await create(hub, { name: 'CRM', ...settings })
    await hub.append(messageReceived(1, 'broken'), messageReceived(1, 'behind it'))
    const list = (query = {}) => hub.api.call(api.listDeliveries, { params: { webhookId }, query })
    await expect
      .poll(
        hub.inTime(async () => (await list()).deliveries.at(-1)?.attempts),
        soon,
      )
      .toBe(1)
    const [, waiting] = (await list()).deliveries
    expect(waiting).toMatchObject({ status: 'waiting', event: 'message.received', lastStatus: 500 })
    const next = Date.parse(waiting?.nextAttemptAt ?? '') - hub.clock.now()
    expect(next).toBeGreaterThan(5000)
    expect(next).toBeLessThanOrEqual(12_000)
    await expect
      .poll(
        hub.inTime(async () => (await list({ status: 'failed' })).deliveries.length, 1000),
        soon,
      )
      .toBe(2)

    const deliveryId = waiting?.id ?? ''
    const shown = await hub.api.call(api.getDelivery, { params: { webhookId, deliveryId } })
    expect(shown.log).toHaveLength(2)
    expect(shown.log[0]).toMatchObject({ statusCode: 500, responseType: 'text/plain' })
    expect(shown.log[0]?.responseBody?.length).toBeLessThanOrEqual(1024)
    expect(shown.request).toMatchObject({
      url: receiver.url,
      headers: { Authorization: '***', 'x-webhook-signature': '***', 'x-webhook-id': shown.messageId },
      body: receiver.calls[0]?.body.toString(),
    })
    const everything = JSON.stringify([
      shown,
      await list(),
      await hub.api.call(api.webhookHealth, at),
      await hub.rows(),
    ])
    expect(everything).not.toContain('of-the-tests')
    expect(everything).not.toContain(secret)
  })

  test('the log is searched, filtered and read page by page', async () => {
    await using receiver = await startReceiver({
      secret,
      answer: (call, response) => response.writeHead(textOf(call) === 'text 7' ? 410 : 200).end(),
    })
    // A session's own webhook: one that answers 410 is not disabled for it.
    await using hub = await served({ sessions: [sessionOf(1, receiver.url), sessionOf(2, undefined)] })
    await create(hub, { name: 'other', url: `${receiver.url}/other`, secret, events: ['message.read'] })
    for (let n = 0; n < 12; n += 1) await hub.append(messageReceived(1, `text ${n}`))
    await hub.append(messageProgress(1, 'read'))
    await expect
      .poll(
        hub.inTime(() => hub.webhooks.backlog()),
        soon,
      )
      .toBe(0)
    await expect
      .poll(async () => (await hub.rows()).filter(({ outcome }) => outcome === null).length, soon)
      .toBe(0)
    const list = (query: Record<string, string | number> = {}) =>
      hub.api.call(api.listDeliveries, { params: { webhookId: 'session-1' }, query })
    const seen: number[] = []
    let cursor: string | null | undefined
    do {
      const page = await list({ limit: 5, ...(cursor ? { cursor } : {}) })
      seen.push(...page.deliveries.map(({ seq }) => seq))
      cursor = page.nextCursor
    } while (cursor !== null)
    expect(seen).toEqual([13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1])
    const seqs = async (query: Record<string, string>) => (await list(query)).deliveries.map(({ seq }) => seq)
    expect(await seqs({ status: 'failed' })).toEqual([8])
    expect(await seqs({ event: 'message.read' })).toEqual([13])
    expect(await seqs({ q: 'text 1' })).toEqual([12, 11, 2])
    expect(await seqs({ q: '%%' })).toEqual([])
    expect(await seqs({ startDate: new Date(hub.clock.now() + day).toISOString() })).toEqual([])
    const other = await hub.api.call(api.listDeliveries, { params: { webhookId: '1' } })
    expect(other.deliveries.map(({ seq }) => seq)).toEqual([13])
    expect(await hub.api.call(api.webhookStats, at)).toMatchObject({
      totalDeliveries: 14,
      successfulDeliveries: 13,
      failedDeliveries: 1,
    })
  })

  test('one delivery is told again under the same id, also on an ordered endpoint', async () => {
    await using receiver = await startReceiver({ secret })
    await using hub = await served()
    const { id: webhookId } = await create(hub, { name: 'CRM', url: receiver.url, secret })
    await hub.append(messageReceived(1, 'again'), messageReceived(1, 'once'))
    await expect
      .poll(
        hub.inTime(async () => (await hub.rows()).every(({ outcome }) => outcome !== null)),
        soon,
      )
      .toBe(true)
    const { deliveries } = await hub.api.call(api.listDeliveries, { params: { webhookId } })
    const params = { webhookId, deliveryId: deliveries.at(-1)?.id ?? '' }
    expect(await hub.api.call(api.replayDelivery, { params })).toMatchObject({
      messageId: deliveries.at(-1)?.messageId,
    })
    await expect.poll(() => texts(receiver), soon).toEqual(['again', 'once', 'again'])
    const ids = receiver.calls.map(({ headers }) => headers['x-webhook-id'])
    expect(ids[2]).toBe(ids[0])
    const missing = hub.api.call(api.replayDelivery, { params: { webhookId, deliveryId: '99-main' } })
    expect((await refusal(missing))[0]).toBe('DELIVERY_NOT_FOUND')
  })

  test('a replay from before what is kept says from when on it is', async () => {
    await using hub = await served()
    const { id: webhookId } = await create(hub, { name: 'CRM', url: 'https://crm.example/' })
    const startDate = new Date(hub.clock.now() - 31 * day).toISOString()
    const [code, details] = await refusal(
      hub.api.call(api.replayWebhook, { params: { webhookId }, body: { startDate } }),
    )
    expect(code).toBe('REPLAY_EXPIRED')
    expect(Date.parse(String(details['startDate']))).toBe(hub.clock.now() - 30 * day)
    expect((await refusal(hub.api.call(api.replayWebhook, { params: { webhookId } })))[1]).toHaveProperty(
      'startDate',
    )
  })

  test('a test call answers what the receiver said, and stores nothing', async () => {
    await using receiver = await startReceiver({
      secret,
      answer: (_, response) => response.writeHead(418, { 'content-type': 'text/plain' }).end('a teapot'),
    })
    await using hub = await served()
    const { id: webhookId } = await create(hub, { name: 'CRM', url: receiver.url, secret })
    const testPayload = {
      event: 'message.received',
      sessionId: 'session-1',
      data: { message: { body: 'test' } },
    }
    expect(
      await hub.api.call(api.testWebhook, { params: { webhookId }, body: { testPayload } }),
    ).toMatchObject({
      delivered: false,
      statusCode: 418,
      responseBody: 'a teapot',
    })
    expect(receiver.calls[0]).toMatchObject({
      verified: true,
      type: 'message.received',
      json: { sessionId: 'session-1', data: { session_db_id: 1, message: { body: 'test' } } },
    })
    expect(await hub.rows()).toEqual([])
  })

  test('a deleted endpoint is told no more, and a new URL holds for what is owed', async () => {
    const gone = await startReceiver({ secret })
    await gone[Symbol.asyncDispose]()
    await using receiver = await startReceiver({ secret })
    await using hub = await served()
    const moving = await create(hub, { name: 'moving', url: gone.url, secret })
    const leaving = await create(hub, { name: 'leaving', url: `${gone.url}/2`, secret })
    await hub.append(messageReceived(1, 'moved'))
    await expect
      .poll(
        hub.inTime(async () => (await hub.rows()).map(({ attempts }) => attempts > 0)),
        soon,
      )
      .toEqual([true, true])
    await hub.api.call(api.updateWebhook, { params: { webhookId: moving.id }, body: { url: receiver.url } })
    await hub.api.call(api.deleteWebhook, { params: { webhookId: leaving.id } })
    await expect
      .poll(
        hub.inTime(() => texts(receiver)),
        soon,
      )
      .toEqual(['moved'])
    await expect
      .poll(
        hub.inTime(async () => (await hub.rows()).map(({ endpoint, outcome }) => [endpoint, outcome])),
        soon,
      )
      .toEqual([
        [1, 'delivered'],
        [2, 'given_up'],
      ])
    expect((await refusal(hub.api.call(api.getWebhook, { params: { webhookId: leaving.id } })))[0]).toBe(
      'WEBHOOK_NOT_FOUND',
    )
  })

  test('the public test routes say whether one reaches us, and whether a signature is right', async () => {
    await using hub = await served({ frappe: { url: 'https://crm.example/', secret } })
    const post = async (headers: Record<string, string>) => {
      const response = await fetch(`${hub.url}/api/webhooks/test/signature`, {
        method: 'POST',
        body: '{"a": 1}',
        headers,
      })
      return [response.status, ((await response.json()) as { data: unknown }).data]
    }
    const right = legacySignature(signingKey(secret), Buffer.from('{"a": 1}'))
    const answer = (signatureProvided: boolean, signatureValid: boolean) => [
      200,
      { signatureProvided, signatureValid, algorithm: 'sha256' },
    ]
    expect(await post({ 'x-webhook-signature': right })).toEqual(answer(true, true))
    expect(await post({ 'x-signature': right.slice('sha256='.length) })).toEqual(answer(true, true))
    expect(await post({ 'x-signature': right.replace(/.$/, 'z') })).toEqual(answer(true, false))
    expect(await post({})).toEqual(answer(false, false))
    const connectivity = await fetch(`${hub.url}/api/webhooks/test/connectivity`)
    expect([connectivity.status, await connectivity.json()]).toMatchObject([
      200,
      { success: true, message: 'Conectividad OK', server: 'Inbox Hub WhatsApp API', version: '1.2.3' },
    ])
  })
})
