import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { inspect } from 'node:util'

import 'inbox-hub/internal/sessions/tables'

import { type Endpoint, endpoints } from '@inbox-hub/contract'
import { createApiClient, createManualClock, readConfig, startApp, startReceiver } from 'inbox-hub'
import { openDatabase } from 'inbox-hub/internal/platform/database/index'
import { createLog, silentLog as log } from 'inbox-hub/internal/platform/log'
import { createSecrets } from 'inbox-hub/internal/platform/secrets/index'
import { readCredentials } from 'inbox-hub/internal/sessions/baileys/credentials'
import { Secret, TOTP } from 'otpauth'
import pg from 'pg'
import { SMTPServer } from 'smtp-server'
import { expect, test, vi } from 'vitest'

import { eventually, type Hub, postgresUrl, startHub } from './harness.ts'
import { seedOf, Seeds } from './secrets/seeds.ts'

const stores = (await postgresUrl()) === undefined ? (['sqlite'] as const) : (['sqlite', 'postgres'] as const)

/** A password that the rules accept. */
const passwordOf = (purpose: string): string => `A1${seedOf(purpose)}`

/** What `work` was refused with, as its reader sees it; fails when it was not. */
async function refusalOf(work: Promise<unknown>): Promise<string> {
  const thrown = await work.then(
    (answer) => `answered ${JSON.stringify(answer)}`,
    (error: unknown) => error,
  )
  expect(thrown).toBeInstanceOf(Error)
  return inspect(thrown, { depth: 8 })
}

/** A mail server that refuses the first to log in, in words that quote what it was sent; then it takes letters. */
async function startMailServer() {
  const letters: string[] = []
  let refused = false
  const server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    authMethods: ['PLAIN'],
    onAuth({ username, password }, _session, done) {
      if (refused) return done(null, { user: username })
      refused = true
      const sent = Buffer.from(`\0${username}\0${password}`).toString('base64')
      done(new Error(`No such ${username} with ${password} (AUTH PLAIN ${sent})`))
    },
    onData(stream, _session, done) {
      let text = ''
      stream.setEncoding('utf8')
      stream.on('data', (part: string) => (text += part))
      stream.on('end', () => {
        letters.push(text.replaceAll('=\r\n', ''))
        done()
      })
    },
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const address = server.server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  return { letters, port, [Symbol.dispose]: () => server.close() }
}

/** A proxy that lets nobody through, and says whom it refused. */
async function startRefusingProxy() {
  let asked = 0
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (bytes) => {
      asked += 1
      const said = /^proxy-authorization: .*$/im.exec(bytes.toString('latin1'))?.[0] ?? 'nobody'
      socket.end(
        `HTTP/1.1 407 Not ${said.replaceAll(/[\r\n]/g, '')}\r\ncontent-length: ${said.length}\r\n\r\n${said}`,
      )
    })
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return {
    host: `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    asked: () => asked,
    [Symbol.dispose]: () => server.close(),
  }
}

/** Everything the hub keeps: the files of its data directory, the rows of its schema. Each with a name. */
async function kept({ dataDir, env }: Hub): Promise<{ where: string; what: Uint8Array | string }[]> {
  const files = (await readdir(dataDir, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  )
  const dump = await Promise.all(
    files.map(async ({ parentPath, name }) => ({
      where: name,
      what: await readFile(join(parentPath, name)),
    })),
  )
  const url = env['DATABASE_URL']
  return url === undefined ? dump : [...dump, ...(await rowsOf(url))]
}

async function rowsOf(url: string): Promise<{ where: string; what: string }[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const tables = await client.query<{ name: string }>(
      'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = current_schema()',
    )
    const dump = []
    for (const { name } of tables.rows) {
      const rows = await client.query<{ row: string }>(`SELECT t::text AS row FROM "${name}" t`)
      dump.push({ where: name, what: rows.rows.map(({ row }) => row).join('\n') })
    }
    expect(dump.length).toBeGreaterThan(40)
    return dump
  } finally {
    await client.end()
  }
}

/** What the hub sealed and derived, opened with its master key. The hub has to be stopped. */
async function addKeysOf({ dataDir, env }: Hub, seeds: Seeds): Promise<void> {
  const config = readConfig(env)
  const { databaseUrl: url, masterKeys } = config
  await using database = await openDatabase({ url, dataDir, log, clock: createManualClock(Date.now()) })
  const secrets = await createSecrets({ database, dataDir, masterKeys, log })
  for (const key of masterKeys ?? []) seeds.add('the master key', key)
  for (const purpose of ['audit', 'media links', 'api keys', 'webhook signature', 'access tokens'])
    seeds.add(`the key of ${purpose}`, secrets.derive(purpose).export())
  const sessions = await database.read.selectFrom('session').select(['id', 'data_key']).execute()
  let slices = 0
  for (const { id, data_key } of sessions) {
    const sealer = secrets.openDataKey(data_key)
    const creds = (await readCredentials(database, id, sealer))?.creds
    if (creds === undefined) continue
    seeds.add('the noise key', creds.noiseKey.private)
    seeds.add('the identity key', creds.signedIdentityKey.private)
    seeds.add('the signed pre-key', creds.signedPreKey.keyPair.private)
    seeds.add('the pairing key', creds.pairingEphemeralKeyPair.private)
    seeds.add('the adv secret', Buffer.from(creds.advSecretKey, 'base64'))
    const rows = await database.read
      .selectFrom('signal_key')
      .selectAll()
      .where('session_id', '=', id)
      .where('type', 'in', ['pre-key', 'session', 'sender-key', 'app-state-sync-key'])
      .execute()
    for (const { type, id: name, sealed } of rows) {
      const plain = Buffer.from(sealer.open(sealed, `${id}|signal_key/${type}|${name}`))
      for (let at = 0; at + 32 <= plain.length; at += 128) {
        const slice = plain.subarray(at, at + 32)
        // Not lengths and zeros, which are everywhere.
        if (new Set(slice).size < 20) continue
        seeds.add(`a ${type}`, slice)
        slices += 1
      }
    }
  }
  expect(slices).toBeGreaterThan(100)
}

/** What each of these operations answers, as whoever may ask it. */
async function answersOf(
  { url, key }: Hub,
  authorization: string,
  operations: readonly Endpoint[],
  params: Readonly<Record<string, string>>,
): Promise<{ where: string; what: string }[]> {
  return Promise.all(
    operations.map(async ({ id, path }) => {
      const called = path.replaceAll(/:(\w+)/g, (_mark, name: string) => params[name] ?? '12025550123')
      const headers = { 'x-api-key': key, authorization }
      const answer = await fetch(`${url}${called}?q=x&probes=false&limit=1000`, { headers })
      return { where: `${id} ${answer.status}`, what: await answer.text() }
    }),
  )
}

test.each(stores)(
  'what is secret is nowhere in logs, events, answers and the store, on %s (T19)',
  async (store) => {
    const seeds = new Seeds()
    /** Looked for in the log alone: these are what the hub is there to keep. */
    const confidences = new Seeds()
    const printed: string[] = []
    for (const how of ['log', 'info', 'warn', 'error', 'debug'] as const)
      vi.spyOn(console, how).mockImplementation((...args: unknown[]) =>
        printed.push(args.map((arg) => inspect(arg, { depth: 10, maxArrayLength: 2000 })).join(' ')),
      )
    const seeded = (name: string, value = seedOf(name.replaceAll(/\W/g, '-'))): string => {
      seeds.add(name, value)
      return value
    }

    using mail = await startMailServer()
    using proxy = await startRefusingProxy()
    const frappe = seeded('the secret of Frappe')
    const logged: string[] = []
    await using hub = await startHub({
      store,
      onLog: (line) => logged.push(line),
      env: {
        INBOX_HUB_MASTER_KEY: seeded('the master key as given', randomBytes(32).toString('base64')),
        SMTP_URL: `smtp://hub:${seeded('the password of SMTP')}@127.0.0.1:${mail.port}`,
        FRAPPE_WEBHOOK_URL: 'http://127.0.0.1:9/frappe',
        FRAPPE_WEBHOOK_SECRET: frappe,
        REGISTRATION: 'open',
      },
    })
    seeds.add('the first API key', hub.key)
    seeds.add('the secret of the session webhook', hub.webhook.secret)

    // Linking and talking.
    const support = await hub.pairSession('support')
    const customer = hub.emulator.phone('+12025550123')
    const question = seedOf('a message')
    confidences.add('what a customer wrote', question)
    customer.sends(support.phone, question)
    await hub.webhook.received('message.received')
    const answered = seedOf('an answer')
    confidences.add('what we wrote', answered)
    await support.sends(customer, answered)
    await hub.api.call(endpoints.createSession, { body: { sessionId: 'waiting' } })
    const waiting = { params: { ref: 'waiting' }, query: { wait: 25_000 } }
    const { qr } = await hub.api.call(endpoints.getQr, waiting)
    for (const part of qr.split(',')) if (part.length > 10) confidences.add('a QR text', part)

    // A proxy that refuses, and an address with a password in it.
    const proxied = seeded('the password of a proxy')
    await hub.api.call(endpoints.createSession, {
      body: { sessionId: 'proxied', proxy: `http://agent:${proxied}@${proxy.host}` },
    })
    await eventually(
      () => (proxy.asked() > 0 ? true : undefined),
      () => 'nobody asked the proxy',
    )
    const said: string[] = []
    const inUrl = seeded('a password in an address')
    said.push(
      await refusalOf(
        hub.api.call(endpoints.createOwnWebhook, {
          body: { name: 'x', url: `http://me:${inUrl}@127.0.0.1:9/` },
        }),
      ),
      await refusalOf(
        hub.api.call(endpoints.sendMessage, {
          params: { sessionId: 'support' },
          body: { to: customer.number, type: 'image', mediaUrl: `http://me:${inUrl}@127.0.0.1:9/a.jpg` },
        }),
      ),
    )

    // A webhook whose receiver answers all it was sent, and fails.
    const oldSecret = seeded('the old secret of a webhook')
    const header = seeded('the Authorization of a webhook')
    await using echo = await startReceiver({
      secret: oldSecret,
      answer(call, response) {
        response.statusCode = 400
        response.end(JSON.stringify({ you: call.headers, sent: header, and: call.body.toString() }))
      },
    })
    const { webhook } = await hub.api.call(endpoints.createOwnWebhook, {
      body: {
        name: 'echo',
        url: echo.url,
        secret: oldSecret,
        headers: { authorization: `Bearer ${header}` },
        preset: 'standard',
        retryConfig: { attempts: 1 },
      },
    })
    const ofWebhook = { params: { webhookId: webhook.id } }
    const newSecret = seeded('the new secret of a webhook')
    await hub.api.call(endpoints.rotateWebhookSecret, { ...ofWebhook, body: { secret: newSecret } })
    said.push(JSON.stringify(await hub.api.call(endpoints.testWebhook, { ...ofWebhook, body: {} })))
    customer.sends(support.phone, 'Are you there?')
    const failed = await eventually(
      async () => {
        const { deliveries } = await hub.api.call(endpoints.listDeliveries, ofWebhook)
        return deliveries.find(({ status }) => status === 'failed')?.id
      },
      () => 'no delivery failed',
    )
    const ofDelivery = { params: { webhookId: webhook.id, deliveryId: failed } }
    said.push(JSON.stringify(await hub.api.call(endpoints.getDelivery, ofDelivery)))

    // Keys and tickets.
    const first = await hub.api.call(endpoints.createKey, { body: { name: 'turning' } })
    seeds.add('an old API key', first.key)
    const next = await hub.api.call(endpoints.rotateKey, { params: { id: first.id }, body: {} })
    seeds.add('a new API key', next.key)
    for (const key of [`${next.key}x`, seeded('a key of nobody')])
      said.push(await refusalOf(createApiClient({ url: hub.url, key }).call(endpoints.listSessions)))
    const { ticket } = await hub.api.call(endpoints.createEventTicket)
    seeds.add('a ticket', ticket)
    for (const wanted of [200, 401]) {
      const stream = await fetch(`${hub.url}/api/events/stream?ticket=${ticket}`)
      expect(stream.status).toBe(wanted)
      if (wanted === 200) await stream.body?.cancel()
      else said.push(await stream.text())
    }

    // People.
    const people = createApiClient({ url: hub.url, key: undefined })
    const password = seeded('a password', passwordOf('password'))
    const wrong = seeded('a wrong password', passwordOf('wrong'))
    const changed = seeded('a changed password', passwordOf('changed'))
    const reset = seeded('a password set anew', passwordOf('reset'))
    const email = 'ana@example.com'
    await people.call(endpoints.register, {
      body: { username: 'ana', email, password },
      headers: { 'x-api-key': hub.key },
    })
    said.push(
      await refusalOf(people.call(endpoints.login, { body: { identifier: 'ana', password: wrong } })),
      await refusalOf(people.call(endpoints.login, { body: { identifier: 'ana', password: [wrong] } })),
      await refusalOf(
        people.call(endpoints.register, {
          body: {
            username: 'ben',
            email: 'x',
            password: seeded('weak', 'w'.repeat(5) + crypto.randomUUID()),
          },
        }),
      ),
    )
    const broken = await fetch(`${hub.url}/api/auth/login`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: `{"identifier":"ana","password":"${password}`,
    })
    said.push(await broken.text())
    async function logsIn(
      given: string,
      more: object = {},
    ): Promise<{ authorization: string; refresh: string }> {
      const tokens = await people.call(endpoints.login, {
        body: { identifier: 'ana', password: given, ...more },
      })
      seeds.add('an access token', tokens.accessToken)
      seeds.add('a refresh token', tokens.refreshToken)
      return { authorization: `Bearer ${tokens.accessToken}`, refresh: tokens.refreshToken }
    }
    const { authorization, refresh } = await logsIn(password)
    const refreshed = await people.call(endpoints.refreshToken, { body: { refreshToken: refresh } })
    seeds.add('an access token', refreshed.accessToken)
    seeds.add('a refresh token', refreshed.refreshToken)
    said.push(
      await refusalOf(people.call(endpoints.getProfile, { headers: { authorization: `${authorization}x` } })),
    )
    const headers = { authorization: `Bearer ${refreshed.accessToken}` }
    await people.call(endpoints.changePassword, {
      headers,
      body: { currentPassword: password, newPassword: changed },
    })
    const { browserLogin } = endpoints
    const browser = await fetch(`${hub.url}${browserLogin.path}`, {
      method: browserLogin.method,
      headers: { 'content-type': 'application/json', origin: hub.url },
      body: JSON.stringify({ identifier: 'ana', password: changed }),
    })
    const cookies = browser.headers.getSetCookie().map((cookie) => /^[^=]+=([^;]+)/.exec(cookie)?.[1] ?? '')
    expect(cookies).toHaveLength(2)
    for (const cookie of cookies) seeds.add('a cookie', cookie)
    said.push(await browser.text())
    // The first letter meets the server that quotes, the second one arrives.
    for (const count of [0, 1]) {
      await people.call(endpoints.requestPasswordReset, { body: { email } })
      await eventually(
        () => (mail.letters.length >= count && logged.some((line) => line.includes('letter'))) || undefined,
        () => 'no letter came',
      )
    }
    const [, token = ''] = /reset-password#([\w-]+)/.exec(mail.letters[0] ?? '') ?? []
    seeds.add('the token of a letter', token)
    await people.call(endpoints.resetPassword, { body: { token, newPassword: reset } })
    said.push(await refusalOf(people.call(endpoints.resetPassword, { body: { token, newPassword: reset } })))
    let current = { authorization: (await logsIn(reset)).authorization }
    const { secret } = await people.call(endpoints.beginTotp, { headers: current, body: { password: reset } })
    seeds.add('the seed of codes', secret)
    seeds.add('the seed of codes as bytes', new Uint8Array(Secret.fromBase32(secret).bytes))
    const code = new TOTP({ secret: Secret.fromBase32(secret) }).generate()
    const { recoveryCodes } = await people.call(endpoints.confirmTotp, { headers: current, body: { code } })
    for (const recovery of recoveryCodes) seeds.add('a recovery code', recovery)
    current = { authorization: (await logsIn(reset, { code: recoveryCodes[0] })).authorization }
    const { organizations } = await people.call(endpoints.myOrganizations, { headers: current })
    const organizationId = organizations[0]?.id ?? 0
    const { invitation } = await people.call(endpoints.inviteMember, {
      headers: current,
      params: { organizationId },
      body: { email: 'gil@example.com' },
    })
    seeds.add('the token of an invitation', invitation.token)
    await people.call(endpoints.register, {
      body: { username: 'gil', email: 'gil@example.com', password: changed, invitation: invitation.token },
    })
    const { members } = await people.call(endpoints.listMembers, {
      headers: current,
      params: { organizationId },
    })
    const memberId = members.find(({ username }) => username === 'gil')?.id ?? 0
    const handed = await people.call(endpoints.makeResetLink, {
      headers: current,
      params: { organizationId, memberId },
    })
    seeds.add('the token of a reset link', handed.token)

    // What is read, told and kept.
    const params = {
      ref: 'support',
      sessionId: 'support',
      organizationId: String(organizationId),
      webhookId: webhook.id,
    }
    const reading = Object.values<Endpoint>(endpoints).filter(
      ({ id, method, endless }) => method === 'GET' && !endless && id !== 'getQr',
    )
    const answers = await answersOf(hub, current.authorization, reading, params)
    expect(answers.filter(({ where }) => where.endsWith(' 200')).length).toBeGreaterThan(40)
    const { getSession, getDiagnostics, getTimeline } = endpoints
    const ofProxied = await answersOf(hub, current.authorization, [getSession, getDiagnostics, getTimeline], {
      ref: 'proxied',
    })
    const refusals = said.map((what, index) => ({ where: `refusal ${index}`, what }))
    const told = [...hub.webhook.calls, ...echo.calls].map((call) => ({
      where: `webhook ${call.type}`,
      what: `${JSON.stringify({ ...call.headers, authorization: '' })}${call.body.toString()}`,
    }))
    const whileRunning = await kept(hub)
    await hub.stop()
    await addKeysOf(hub, seeds)
    const everything = [...answers, ...ofProxied, ...refusals, ...told, ...whileRunning, ...(await kept(hub))]
    const leaks = everything.flatMap(({ where, what }) => seeds.in(what).map((name) => `${name} in ${where}`))
    expect(new Set(leaks)).toEqual(new Set())

    const lines = [...logged, ...printed]
    expect(lines.length).toBeGreaterThan(100)
    const inLog = lines.flatMap((line) =>
      [...seeds.in(line), ...confidences.in(line)].map((name) => `${name} in ${line.slice(0, 300)}`),
    )
    expect(new Set(inLog)).toEqual(new Set())
    // What is looked for would be found: the store has what it keeps for people, and the search sees it.
    expect(whileRunning.some(({ what }) => confidences.in(what).includes('what a customer wrote'))).toBe(true)
  },
  120_000,
)

test('a hub that cannot start says nothing of its secrets', async () => {
  const seeds = new Seeds()
  const password = seedOf('database')
  seeds.add('the password of the database', password)
  const logged: string[] = []
  await using stack = new AsyncDisposableStack()
  const config = readConfig({
    PORT: '0',
    INBOX_HUB_DATA_DIR: '/nonexistent',
    DATABASE_URL: `postgres://hub:${password}@127.0.0.1:9/hub`,
  })
  const destination = { write: (line: string) => void logged.push(line) }
  const started = startApp({ config, log: createLog({ level: 'debug', destination }) })
  const refusal = await refusalOf(started.then((app) => stack.use(app)))
  expect(refusal).toContain('127.0.0.1:9')
  expect(seeds.in(`${refusal}${logged.join('\n')}`)).toEqual([])
})
