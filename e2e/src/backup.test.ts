import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { endpoints } from '@inbox-hub/contract'
import { expect, test } from 'vitest'

import { runCommand, spawnHub } from './harness.ts'

test('a hub put back from a backup made under traffic keeps its links and files, and uses no ratchet key twice', async () => {
  await using hub = await spawnHub()
  await using kept = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'inbox-hub-backup-'))
  kept.defer(() => rm(folder, { recursive: true, force: true }))
  const support = await hub.pairSession('support')
  const ana = hub.emulator.phone('+12025550123')
  ana.sends(support, 'before the backup')
  await hub.webhook.received('message.received')
  await support.sends(ana, 'answered before it')
  await ana.receives('answered before it')
  const picture = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 0x10]), randomBytes(20_000)])
  const { id: messageId } = ana.sendsMedia(support.number, { media: 'image', bytes: picture })
  await hub.webhook.received('message.received', 2)
  const download = async (): Promise<Buffer> => {
    const params = { sessionId: 'support', messageId }
    const { url } = await hub.api.call(endpoints.getMessageMedia, { params })
    return Buffer.from(await (await fetch(url)).arrayBuffer())
  }
  expect(picture.equals(await download())).toBe(true)

  let received = 2
  const traffic = new AbortController()
  const busy = (async () => {
    while (!traffic.signal.aborted) {
      ana.sends(support, `meanwhile ${received}`)
      received += 1
      await hub.webhook.received('message.received', received)
    }
  })()
  const copy = join(folder, 'copy')
  expect(await runCommand(hub, 'backup', copy)).toContain('Files: 1,')
  traffic.abort()
  await busy
  for (const text of ['one', 'two', 'three']) {
    ana.sends(support, `${text} after`)
    await support.sends(ana, `${text} answered after`)
    await ana.receives(`${text} answered after`)
  }
  await hub.webhook.received('message.received', received + 3)

  await hub.stop()
  await rm(hub.dataDir, { recursive: true })
  expect(await runCommand(hub, 'restore', copy)).toMatch(/keep their link.*support/)
  await hub.start()
  await support.reaches('online')
  await support.sends(ana, 'back again')
  await ana.receives('back again')
  ana.sends(support, 'welcome back')
  await expect
    .poll(() => JSON.stringify(hub.webhook.calls.map((call) => call.json)), { timeout: 20_000 })
    .toContain('welcome back')
  expect(hub.emulator.truth.decryptFailures.filter(() => true)).toEqual([])
  expect(hub.emulator.account(support.number).companions).toHaveLength(1)
  expect(picture.equals(await download())).toBe(true)
}, 90_000)
