import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { runCommand, spawnHub } from './harness.ts'

test('a hub put back from a backup keeps its links and uses no ratchet key twice', async () => {
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

  const copy = join(folder, 'hub.db')
  await runCommand(hub, 'backup', copy)
  for (const text of ['one', 'two', 'three']) {
    ana.sends(support, `${text} after`)
    await support.sends(ana, `${text} answered after`)
    await ana.receives(`${text} answered after`)
  }
  await hub.webhook.received('message.received', 4)

  await hub.stop()
  for (const leftOver of ['inbox-hub.db-wal', 'inbox-hub.db-shm'])
    await rm(join(hub.dataDir, leftOver), { force: true })
  await copyFile(copy, join(hub.dataDir, 'inbox-hub.db'))
  await runCommand(hub, 'restored')
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
})
