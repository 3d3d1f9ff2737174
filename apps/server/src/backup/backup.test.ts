import { appendFile, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { endpoints } from '@inbox-hub/contract'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { startApp } from '../app.ts'
import { run } from '../cli/program.ts'
import { fakeTerminal } from '../cli/testing/fake-terminal.ts'
import { createApiClient } from '../client/index.ts'
import { readConfig } from '../config.ts'
import { silentLog } from '../platform/log.ts'

interface Made {
  files: { count: number; missing: string[] } | null
  masterKey: { id: string; included: boolean }
}

const apiKey = 'a key for the tests of backups'
const file = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 0x10]), Buffer.alloc(2000, 'picture')])
const closing = new AsyncDisposableStack()
let folder = ''

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inbox-hub-backups-'))
  closing.defer(() => rm(folder, { recursive: true, force: true }))
  await using hub = await startApp({ config: readConfig(envOf('data')), log: silentLog })
  await createApiClient({ url: hub.url, key: apiKey }).call(endpoints.importMedia, {
    body: { base64: file.toString('base64') },
  })
})
afterAll(() => closing.disposeAsync())

const envOf = (dataDir: string): Record<string, string> => ({
  INBOX_HUB_DATA_DIR: join(folder, dataDir),
  INBOX_HUB_API_KEY: apiKey,
  PORT: '0',
})

async function command(dataDir: string, args: readonly string[], env: Record<string, string> = {}) {
  const terminal = fakeTerminal({ ...envOf(dataDir), ...env })
  const exitCode = await run(args, terminal)
  return { exitCode, said: terminal.text + terminal.errors }
}

/** A backup of the hub in `data`. */
async function backup(name: string, ...options: string[]): Promise<{ path: string; made: Made }> {
  const path = join(folder, name)
  const { exitCode, said } = await command('data', ['backup', path, '--json', ...options])
  if (exitCode !== 0) throw new Error(said)
  return { path, made: JSON.parse(said) as Made }
}

const filesOf = async (path: string): Promise<string[]> =>
  (await readdir(join(path, 'files'), { recursive: true })).filter((name) => name.length > 64)

test('what an earlier backup beside it has is linked; --no-files and --no-key leave things out', async () => {
  const [first, second] = [await backup('first'), await backup('second')]
  expect(first.made).toMatchObject({ files: { count: 1, missing: [] }, masterKey: { included: true } })
  const [name = ''] = await filesOf(second.path)
  expect((await stat(join(second.path, 'files', name))).nlink).toBe(2)
  expect(await command('data', ['backup', second.path, '--verify'])).toMatchObject({ exitCode: 0 })
  const bare = await backup('bare', '--no-files', '--no-key')
  expect(bare.made).toMatchObject({ files: null, masterKey: { included: false } })
  expect((await readdir(bare.path)).sort()).toEqual(['inbox-hub.db', 'manifest.json'])
})

test('a backup that cannot be made leaves nothing behind, and never takes the place of another', async () => {
  const { path } = await backup('taken')
  const before = await readdir(folder)
  expect(await command('data', ['backup', path])).toMatchObject({
    exitCode: 1,
    said: expect.stringContaining('not taken') as string,
  })
  const [wrongKey, keyless] = [join(folder, 'keyless', 'master.key'), join(folder, 'from-keyless')]
  await command('keyless', ['restore', path])
  await writeFile(wrongKey, `${Buffer.alloc(32, 7).toString('base64')}\n`)
  expect(await command('keyless', ['backup', keyless])).toMatchObject({
    exitCode: 1,
    said: expect.stringContaining('worthless') as string,
  })
  expect((await readdir(folder)).filter((name) => !before.includes(name))).toEqual(['keyless'])
})

test('what was changed since is found, and not restored', async () => {
  const [store, files] = [await backup('changed-store'), await backup('changed-file')]
  await appendFile(join(store.path, 'inbox-hub.db'), 'x')
  const [name = ''] = await filesOf(files.path)
  await rm(join(files.path, 'files', name)) // linked from other backups
  await writeFile(join(files.path, 'files', name), 'another picture')
  for (const { path } of [store, files]) {
    expect(await command('data', ['backup', path, '--verify'])).toMatchObject({
      exitCode: 1,
      said: expect.stringContaining('was changed') as string,
    })
  }
  expect(await command('nowhere', ['restore', store.path])).toMatchObject({ exitCode: 1 })
  await expect(stat(join(folder, 'nowhere'))).rejects.toThrow('ENOENT')
  expect(await command('without-file', ['restore', files.path, '--json'])).toMatchObject({
    exitCode: 0,
    said: expect.stringContaining('"restored":0,"missing":1') as string,
  })
})

test('a missing master key is told before anything is written, and the right one is taken from anywhere', async () => {
  const { path, made } = await backup('without-key', '--no-key')
  const wrong = { INBOX_HUB_MASTER_KEY: Buffer.alloc(32, 7).toString('base64') }
  for (const env of [{}, wrong]) {
    expect(await command('unopened', ['restore', path], env)).toMatchObject({
      exitCode: 1,
      said: expect.stringContaining(made.masterKey.id) as string,
    })
  }
  await expect(stat(join(folder, 'unopened'))).rejects.toThrow('ENOENT')
})

test('a store that is there is put aside with --force alone, and nobody stays logged in', async () => {
  const { path } = await backup('over')
  expect(await command('again', ['restore', path])).toMatchObject({ exitCode: 0 })
  expect(await command('again', ['restore', path])).toMatchObject({
    exitCode: 1,
    said: expect.stringContaining('--force') as string,
  })
  const tokens = await (async () => {
    await using hub = await startApp({ config: readConfig(envOf('again')), log: silentLog })
    expect(await command('again', ['restore', path, '--force'])).toMatchObject({
      exitCode: 1,
      said: expect.stringContaining('is using') as string,
    })
    const client = createApiClient({ url: hub.url, key: apiKey })
    const password = 'Quiet-Sentence-1'
    await client.call(endpoints.register, { body: { username: 'ana', email: 'ana@example.com', password } })
    return await client.call(endpoints.login, { body: { identifier: 'ana', password } })
  })()
  const later = join(folder, 'later')
  expect(await command('again', ['backup', later])).toMatchObject({ exitCode: 0 })
  const { said } = await command('again', ['restore', later, '--force', '--json'])
  const { putAside } = JSON.parse(said) as { putAside: string }
  expect(await readdir(putAside)).toContain('inbox-hub.db')
  await using hub = await startApp({ config: readConfig(envOf('again')), log: silentLog })
  await expect(
    createApiClient({ url: hub.url, key: apiKey }).call(endpoints.refreshToken, {
      body: { refreshToken: tokens.refreshToken },
    }),
  ).rejects.toMatchObject({ code: 'INVALID_REFRESH_TOKEN' })
  expect((await command('later-audit', ['restore', later])).exitCode).toBe(0)
  expect((await command('later-audit', ['audit', 'verify'])).said).toContain('intact')
})
