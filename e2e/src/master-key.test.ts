import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { eventually, postgresUrl, runCommand, type SpawnedHub, spawnHub } from './harness.ts'

const server = await postgresUrl()

const keysIn = async (hub: SpawnedHub): Promise<string[]> =>
  (await readFile(join(hub.dataDir, 'master.key'), 'utf8')).trim().split('\n')

test.for([['sqlite'], ['postgres']] as const)(
  'the master key is replaced while the hub serves and is killed meanwhile, and nothing is ever unreadable (%s)',
  { timeout: 90_000 },
  async ([store], { skip }) => {
    skip(store === 'postgres' && server === undefined, 'no PostgreSQL answers')
    await using hub = await spawnHub({ store })
    const support = await hub.pairSession('support')
    const ana = hub.emulator.phone('+12025550123')
    let received = 0
    const talks = async (): Promise<void> => {
      ana.sends(support, `hello ${received}`)
      received += 1
      await hub.webhook.received('message.received', received)
      await support.sends(ana, `answer ${received}`)
      await ana.receives(`answer ${received}`)
    }
    await talks()
    const [first = ''] = await keysIn(hub)

    // Taken up by the hub that runs.
    expect(JSON.parse(await runCommand(hub, 'rotate-master-key', '--json'))).toMatchObject({
      dropped: [expect.stringMatching(/^[\da-f]{8}$/)],
    })
    const [second = '', ...others] = await keysIn(hub)
    expect([second === first, others]).toEqual([false, []])
    await talks()

    // Killed as soon as there is a new key: the command, or the next start, goes on.
    const rotating = runCommand(hub, 'rotate-master-key')
    await eventually(
      async () => ((await keysIn(hub)).length === 2 ? true : undefined),
      () => 'no new key',
    )
    await hub.kill()
    await hub.start()
    expect(await rotating).toContain('is not used any more')
    expect((await keysIn(hub)).length).toBe(1)
    expect((await readdir(hub.dataDir)).filter((name) => name.startsWith('master.key.'))).toHaveLength(2)
    await support.reaches('online')
    await talks()
    // The new key alone is enough.
    await hub.restart()
    await support.reaches('online')
    await talks()
    expect(hub.emulator.truth.decryptFailures.filter(() => true)).toEqual([])
  },
)
