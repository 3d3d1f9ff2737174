import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { endpoints } from '@inbox-hub/contract'
import { startEmulator } from '@inbox-hub/emulator'
import { expect, test } from 'vitest'

import { startApp } from '../app.ts'
import { createApiClient } from '../client/index.ts'
import { readConfig } from '../config.ts'
import { silentLog } from '../platform/log.ts'
import { run } from './program.ts'
import { fakeTerminal } from './testing/fake-terminal.ts'

const soon = { timeout: 20_000, interval: 10 }
const key = 'a key for the tests of the commands'

/** A hub and its WhatsApp, and commands run against it. */
async function startHub() {
  await using opened = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'inbox-hub-cli-'))
  opened.defer(() => rm(dataDir, { recursive: true, force: true }))
  const emulator = opened.use(await startEmulator())
  const env = {
    PORT: '0',
    INBOX_HUB_DATA_DIR: dataDir,
    INBOX_HUB_API_KEY: key,
    WHATSAPP_URL: emulator.url,
    WHATSAPP_ROOT_KEY: emulator.rootKey,
    RATE_LIMITS: 'off',
  }
  const app = opened.use(await startApp({ config: readConfig(env), log: silentLog }))
  const all = opened.move()
  return {
    emulator,
    dataDir,
    /** Starts a command as a shell would. */
    begin(...args: string[]) {
      const terminal = fakeTerminal({
        PUBLIC_URL: app.url,
        INBOX_HUB_API_KEY: key,
        INBOX_HUB_DATA_DIR: dataDir,
      })
      return { terminal, exit: run(args, terminal) }
    },
    async run(...args: string[]) {
      const { terminal, exit } = this.begin(...args)
      return { exitCode: await exit, text: terminal.text, errors: terminal.errors }
    },
    /** The text inside the code that waits, as a camera reads it. */
    async shownQr(session: string) {
      const response = await createApiClient({ url: app.url, key }).raw(endpoints.getQr, {
        params: { ref: session },
        query: { format: 'raw' },
      })
      return response.text()
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

test('a number is linked, written to and watched from the terminal', async () => {
  await using hub = await startHub()
  expect((await hub.run('sessions', 'ls')).text).toContain('No sessions yet')
  expect(await hub.run('sessions', 'create', 'support', '--name', 'Support')).toMatchObject({
    exitCode: 0,
    text: expect.stringContaining('sessions link support') as string,
  })

  const linking = hub.begin('sessions', 'link', 'support')
  await expect.poll(() => linking.terminal.text, soon).toContain('Linked devices')
  const listed = JSON.parse((await hub.run('sessions', 'ls', '--json')).text) as {
    qrCode: string
    status: string
  }[]
  expect(listed).toMatchObject([{ status: 'qr_code' }])
  expect((await hub.run('sessions', 'ls')).text).toMatch(/support +qr_code +pairing/)
  await hub.emulator.phone('+12025550100').scan(await hub.shownQr('support'))
  expect(await linking.exit).toBe(0)
  expect(linking.terminal.text).toContain('Connected as +12025550100.')

  const tail = hub.begin('tail', '--since', '0', '--types', 'session.connected,message.received')
  const sent = await hub.run('send', 'support', '+12025550123', 'Good', 'morning')
  expect(sent).toMatchObject({
    exitCode: 0,
    text: expect.stringMatching(/^3EB0\w+ to 12025550123@\S+: sent\n$/) as string,
  })
  const ana = hub.emulator.phone('+12025550123')
  ana.setsPushName('Ana')
  await ana.receives('Good morning')
  ana.sends('+12025550100', 'Hello!')
  await expect.poll(() => tail.terminal.text, soon).toContain('Ana: Hello!')
  expect(tail.terminal.text).toContain('session.connected  +12025550100')
  tail.terminal.interrupt()
  expect(await tail.exit).toBe(130)

  expect((await hub.run('sessions', 'restart', 'support')).text).toContain('connecting anew')
  expect((await hub.run('sessions', 'rm', 'support')).text).toContain('30 days')
  expect((await hub.run('sessions', 'ls')).text).toContain('No sessions yet')
})

test('keys are made, listed and revoked over the API of a running hub', async () => {
  await using hub = await startHub()
  const made = JSON.parse((await hub.run('keys', 'create', 'CRM', '--json')).text) as {
    id: string
    key: string
  }
  expect(made.key).toMatch(/^ihk_/)
  expect(await hub.run('sessions', 'ls', '--key', made.key)).toMatchObject({ exitCode: 0 })
  expect((await hub.run('keys', 'ls')).text).toContain('CRM')
  expect((await hub.run('keys', 'revoke', made.id)).exitCode).toBe(0)
  expect(await hub.run('sessions', 'ls', '--key', made.key)).toMatchObject({
    exitCode: 1,
    errors: expect.stringContaining('Check the key') as string,
  })
  expect(await hub.run('keys', 'revoke', made.id)).toMatchObject({
    exitCode: 1,
    errors: expect.stringContaining('API_KEY_NOT_FOUND') as string,
  })
})

test('a lost key is replaced with the hub stopped; while it runs, a key is asked for', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'inbox-hub-cli-'))
  await using opened = new AsyncDisposableStack()
  opened.defer(() => rm(dataDir, { recursive: true, force: true }))
  const env = { INBOX_HUB_DATA_DIR: dataDir, PORT: '0' }
  const terminal = fakeTerminal(env)
  expect(await run(['keys', 'create', 'replacement', '--json'], terminal)).toBe(0)
  const made = JSON.parse(terminal.text) as { key: string }
  await using app = await startApp({ config: readConfig(env), log: silentLog })
  expect(app.firstKey).toBeUndefined()

  const listing = fakeTerminal({ PUBLIC_URL: app.url, INBOX_HUB_API_KEY: made.key })
  expect(await run(['keys', 'ls'], listing)).toBe(0)
  expect(listing.text).toContain('replacement')
  const keyless = fakeTerminal({ ...env, PUBLIC_URL: app.url })
  expect(await run(['keys', 'ls'], keyless)).toBe(1)
  expect(keyless.errors).toContain('no API key was given')
})

test('what goes wrong is said with what to do about it', async () => {
  const nobody = fakeTerminal({ PUBLIC_URL: 'http://127.0.0.1:9' })
  expect(await run(['sessions', 'ls'], nobody)).toBe(1)
  expect(nobody.errors).toContain('No hub answers at http://127.0.0.1:9')
  expect(nobody.errors).toContain('--url')

  const badPort = fakeTerminal({ PORT: 'eighty' })
  expect(await run(['sessions', 'ls'], badPort)).toBe(1)
  expect(badPort.errors).toContain('PORT is "eighty"')

  await using hub = await startHub()
  const missing = await hub.run('sessions', 'link', 'nowhere')
  expect(missing).toMatchObject({
    exitCode: 1,
    errors: expect.stringContaining('SESSION_NOT_FOUND') as string,
  })
  await hub.run('sessions', 'create', 'support')
  const offline = await hub.run('send', 'support', '+12025550123', 'hello')
  expect(offline).toMatchObject({
    exitCode: 1,
    errors: expect.stringContaining('must be connected') as string,
  })
})

test.each([
  ['no command', ['frobnicate']],
  ['a missing argument', ['sessions', 'link']],
  ['an option that is none', ['tail', '--colour']],
  ['a number that is none', ['tail', '--since', 'yesterday']],
  ['a port that is none', ['emulator', '--port', '99999']],
])('%s is answered with how to ask', async (_, args) => {
  const terminal = fakeTerminal({})
  expect(await run(args, terminal)).toBe(2)
  expect(terminal.errors).toContain('--help')
})

test('every command explains itself', async () => {
  const commands = [
    [],
    ['serve'],
    ['doctor'],
    ['demo'],
    ['emulator'],
    ['sessions'],
    ['sessions', 'ls'],
    ['sessions', 'create'],
    ['sessions', 'link'],
    ['sessions', 'restart'],
    ['sessions', 'rm'],
    ['send'],
    ['tail'],
    ['keys'],
    ['keys', 'create'],
    ['keys', 'ls'],
    ['keys', 'revoke'],
    ['backup'],
    ['restore'],
    ['restored'],
    ['rotate-master-key'],
  ]
  for (const command of commands) {
    const terminal = fakeTerminal({})
    expect(await run([...command, '--help'], terminal)).toBe(0)
    expect(terminal.text).toContain(['Usage: inbox-hub', ...command].join(' '))
  }
  const serve = fakeTerminal({})
  await run(['serve', '--help'], serve)
  for (const name of ['PORT', 'DATABASE_URL', 'WHATSAPP_ROOT_KEY', 'OUTBOUND_ALLOW_CIDRS']) {
    expect(serve.text).toContain(name)
  }
})

test('doctor finds a machine that works, and names what does not', async () => {
  await using emulator = await startEmulator()
  const dataDir = await mkdtemp(join(tmpdir(), 'inbox-hub-cli-'))
  await using opened = new AsyncDisposableStack()
  opened.defer(() => rm(dataDir, { recursive: true, force: true }))
  const env = { INBOX_HUB_DATA_DIR: join(dataDir, 'data'), PORT: '0', WHATSAPP_URL: emulator.url }
  const well = fakeTerminal(env)
  expect(await run(['doctor', '--json'], well)).toBe(0)
  const { ok, findings } = JSON.parse(well.text) as {
    ok: boolean
    findings: { check: string; status: string }[]
  }
  expect(ok).toBe(true)
  const checked = new Map(findings.map(({ check, status }) => [check, status]))
  expect(Object.fromEntries(checked)).toMatchObject({
    node: 'ok',
    baileys: 'ok',
    configuration: 'ok',
    'data directory': 'ok',
    disk: 'ok',
    database: 'ok',
    media: 'ok',
    port: 'ok',
    'whatsapp: WebSocket': 'ok',
  })
  await expect(stat(env.INBOX_HUB_DATA_DIR)).rejects.toThrow('ENOENT') // it only looked

  const unwell = fakeTerminal({
    ...env,
    WHATSAPP_URL: 'ws://127.0.0.1:9/ws/chat',
    DATABASE_URL: 'postgres://nobody@127.0.0.1:9/none',
    MEDIA_STORE: 's3',
    S3_ENDPOINT: 'http://127.0.0.1:9',
    S3_BUCKET: 'media',
    S3_ACCESS_KEY_ID: 'hub',
    S3_SECRET_ACCESS_KEY: 'key of the hub',
  })
  expect(await run(['doctor'], unwell)).toBe(1)
  expect(unwell.text).toMatch(/FAIL {2}media.*\n.*To do:.*S3_ENDPOINT/)
  expect(unwell.text).toMatch(/FAIL {2}database.*\n.*To do:.*DATABASE_URL/)
  expect(unwell.text).toMatch(/FAIL {2}whatsapp: connection.*\n.*To do:/)
  expect(unwell.text).toContain('3 to mend')
})

test('doctor reads a configuration that cannot be used aloud', async () => {
  const terminal = fakeTerminal({ WHATSAPP_URL: 'http://example.com' })
  expect(await run(['doctor', '--json'], terminal)).toBe(1)
  expect(terminal.text).toContain('WHATSAPP_URL')
})

test('the demo walks the whole path and leaves nothing behind', async () => {
  const terminal = fakeTerminal({})
  expect(await run(['demo'], terminal)).toBe(0)
  for (const said of ['session.connected', 'message.received', 'message.read', 'That was the whole path']) {
    expect(terminal.text).toContain(said)
  }
  expect(terminal.text).not.toContain('WRONG')
})

test('Ctrl-C ends the demo and the emulator at once', async () => {
  for (const command of ['demo', 'emulator']) {
    const terminal = fakeTerminal({})
    const exit = run([command], terminal)
    await expect.poll(() => terminal.text, soon).not.toBe('')
    terminal.interrupt()
    expect([0, 130]).toContain(await exit)
  }
})
