import { randomBytes } from 'node:crypto'

import { expect, test } from 'vitest'

import { silentLog } from '../platform/log.ts'
import { createSecrets } from '../platform/secrets/index.ts'
import { databases } from '../platform/testing/databases.ts'
import { systemClock } from '../platform/clock.ts'
import { rewrapDataKeys } from './rewrap.ts'
import { createSessionStore } from './session-store.ts'

databases('changing the master key', ({ place }) => {
  test('data keys move to the new key at the next start, and the old one is not needed any more', async () => {
    await using where = await place()
    const [old, fresh] = [randomBytes(32), randomBytes(32)]
    const log = silentLog
    const opened = async (masterKeys: readonly Uint8Array[]) => {
      const stack = new AsyncDisposableStack()
      const database = stack.use(await where.open())
      const secrets = await createSecrets({ database, dataDir: where.dataDir, masterKeys, log })
      return { database, secrets, [Symbol.asyncDispose]: () => stack.disposeAsync() }
    }
    {
      await using hub = await opened([old])
      const webhook = {
        url: 'https://crm.example/hook',
        secret: 'what is sealed',
        events: [],
        preset: 'legacy',
      } as const
      await createSessionStore(hub.database, hub.secrets).insert({
        ownerId: 1,
        sessionId: 'support',
        settings: {
          name: 'Support',
          proxy: undefined,
          webhook,
          sendToFrappe: false,
          history: { mode: 'recent', days: undefined },
        },
        wish: 'stop',
        now: systemClock.now(),
      })
    }
    {
      await using hub = await opened([fresh, old])
      expect(await rewrapDataKeys(hub.database, hub.secrets)).toBe(1)
      expect(await rewrapDataKeys(hub.database, hub.secrets)).toBe(0)
    }
    await using hub = await opened([fresh])
    const [record] = await createSessionStore(hub.database, hub.secrets).all()
    expect(record?.settings.webhook.secret).toBe('what is sealed')
  })
})
