import { randomBytes } from 'node:crypto'

import { expect, test } from 'vitest'

import { systemClock } from '../platform/clock.ts'
import { silentLog } from '../platform/log.ts'
import { createSecrets, keyIdOf } from '../platform/secrets/index.ts'
import { databases } from '../platform/testing/databases.ts'
import { moveToCurrentKey, rotationOf } from './master-key-rotation.ts'
import { createSessionStore } from './session-store.ts'

databases('changing the master key', ({ place }) => {
  test('goes on where a process that died left it, needs the old key until its end and not after it', async () => {
    await using where = await place()
    const [old, fresh] = [randomBytes(32), randomBytes(32)]
    const log = silentLog
    const opened = async (masterKeys: readonly Uint8Array[]) => {
      await using stack = new AsyncDisposableStack()
      const database = stack.use(await where.open())
      const secrets = await createSecrets({ database, dataDir: where.dataDir, masterKeys, log })
      const all = stack.move()
      const read = async () => {
        const records = await createSessionStore(database, secrets).all()
        return records.map(({ settings }) => settings.webhook.secret)
      }
      return { database, secrets, read, [Symbol.asyncDispose]: () => all.disposeAsync() }
    }
    const sealed = ['first', 'second', 'third']
    {
      await using hub = await opened([old])
      for (const secret of sealed) {
        const webhook = { url: 'https://crm.example/hook', secret, events: [], preset: 'legacy' } as const
        await createSessionStore(hub.database, hub.secrets).insert({
          ownerId: 1,
          sessionId: secret,
          settings: {
            name: secret,
            proxy: undefined,
            webhook,
            sendToFrappe: false,
            history: { mode: 'recent', days: undefined },
          },
          wish: 'stop',
          now: systemClock.now(),
        })
      }
    }
    {
      await using hub = await opened([fresh, old])
      const killed = new AbortController()
      const { secrets } = hub
      const dying = {
        ...secrets,
        rewrap(wrapped: Uint8Array) {
          killed.abort()
          return secrets.rewrap(wrapped)
        },
      }
      expect(await moveToCurrentKey(hub.database, dying, { stop: killed.signal, limit: 1 })).toBe(1)
      expect(await rotationOf(hub.database, keyIdOf(fresh))).toEqual({ done: false, moved: 1, of: 3 })
    }
    await expect(opened([fresh])).rejects.toThrow('sealed under master key')
    {
      await using hub = await opened([fresh, old])
      expect(await hub.read()).toEqual(sealed)
      const { signal: stop } = new AbortController()
      expect(await moveToCurrentKey(hub.database, hub.secrets, { stop, limit: 2 })).toBe(2)
      expect(await rotationOf(hub.database, keyIdOf(fresh))).toEqual({ done: true, moved: 3, of: 3 })
    }
    await using hub = await opened([fresh])
    expect(await hub.read()).toEqual(sealed)
  })
})
