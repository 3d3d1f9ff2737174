import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { endpoints } from '@inbox-hub/contract'
import { expect, test } from 'vitest'

import { startApp } from '../app.ts'
import { run } from '../cli/program.ts'
import { fakeTerminal } from '../cli/testing/fake-terminal.ts'
import { createApiClient } from '../client/index.ts'
import { readConfig } from '../config.ts'
import { silentLog } from '../platform/log.ts'

test('inbox-hub audit verify: 0 for what a hub wrote before it stopped, 1 with the place once a row was changed', async () => {
  const dataDir = await mkdtemp(join(tmpdir(), 'inbox-hub-audit-'))
  await using opened = new AsyncDisposableStack()
  opened.defer(() => rm(dataDir, { recursive: true, force: true }))
  const key = 'a key for the test of the audit'
  const env = { PORT: '0', INBOX_HUB_DATA_DIR: dataDir, INBOX_HUB_API_KEY: key }
  async function verify() {
    const terminal = fakeTerminal({ INBOX_HUB_DATA_DIR: dataDir })
    return { exitCode: await run(['audit', 'verify'], terminal), text: terminal.text + terminal.errors }
  }
  {
    await using app = await startApp({ config: readConfig(env), log: silentLog })
    const api = createApiClient({ url: app.url, key })
    const ana = { username: 'ana', email: 'ana@example.com', password: 'Open sesame 1' }
    await api.call(endpoints.register, { body: ana, headers: { 'x-api-key': key } })
    const wrong = { identifier: 'ana', password: 'Wrong horse 1' }
    await expect(api.call(endpoints.login, { body: wrong })).rejects.toThrow('password is wrong')
    await api.call(endpoints.createKey, { body: { name: 'one' } })
    expect(await verify()).toMatchObject({ exitCode: 1, text: expect.stringContaining('running') as string })
  }
  expect(await verify()).toMatchObject({
    exitCode: 0,
    text: expect.stringContaining('intact: 4 entries') as string,
  })
  const store = new DatabaseSync(join(dataDir, 'inbox-hub.db'))
  store.exec("UPDATE audit_log SET ip = '192.0.2.99' WHERE seq = 2")
  store.close()
  expect(await verify()).toMatchObject({
    exitCode: 1,
    text: expect.stringContaining('entry 2 was changed') as string,
  })
})
