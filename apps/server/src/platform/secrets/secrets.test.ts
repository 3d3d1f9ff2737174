import { chmodSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { silentLog } from '../log.ts'
import { databases } from '../testing/databases.ts'
import { createSecrets, MasterKeyRefused, parseKey, SealBroken } from './index.ts'
import { sealerOf } from './sealer.ts'

const key = (fill: number) => new Uint8Array(32).fill(fill)
const bytes = (text: string) => new TextEncoder().encode(text)

test('what is sealed opens under the same context, and under no other', () => {
  const sealer = sealerOf(key(1))
  const sealed = sealer.seal(bytes('ratchet'), '1|signal_key/session|a')
  expect(Buffer.from(sealed).includes('ratchet')).toBe(false)
  expect(Buffer.from(sealer.open(sealed, '1|signal_key/session|a')).toString()).toBe('ratchet')
  expect(() => sealer.open(sealed, '2|signal_key/session|a')).toThrow(SealBroken)
  expect(sealer.open(sealer.seal(new Uint8Array(0), ''), '')).toHaveLength(0)
})

test('sealing the same bytes twice gives different bytes', () => {
  const sealer = sealerOf(key(1))
  const seen = new Set(
    Array.from({ length: 600 }, () => Buffer.from(sealer.seal(bytes('x'), 'c')).toString('hex')),
  )
  expect(seen.size).toBe(600)
})

test('a change of any bit breaks the seal, and another key is named', () => {
  const sealer = sealerOf(key(1))
  const sealed = sealer.seal(bytes('creds'), 'c')
  for (let i = 0; i < sealed.length; i++) {
    const changed = Uint8Array.from(sealed, (byte, at) => (at === i ? byte ^ 1 : byte))
    expect(() => sealer.open(changed, 'c')).toThrow(SealBroken)
  }
  expect(() => sealer.open(sealed.subarray(0, 20), 'c')).toThrow(/not sealed bytes/)
  expect(() => sealerOf(key(2)).open(sealed, 'c')).toThrow(/Sealed under key [\da-f]{8}, not [\da-f]{8}/)
})

test.each([
  ['base64', Buffer.from(key(255)).toString('base64')],
  ['base64url', Buffer.from(key(255)).toString('base64url')],
  ['hex', Buffer.from(key(255)).toString('hex').toUpperCase()],
])('a master key is read from %s', (_, text) => {
  expect(Buffer.from(parseKey(` ${text}\n`) ?? [])).toEqual(Buffer.from(key(255)))
})

test.each(['', 'password', 'a'.repeat(42), 'g'.repeat(64), 'a'.repeat(65)])(
  '%j is not a master key',
  (text) => {
    expect(parseKey(text)).toBeUndefined()
  },
)

databases('secrets', ({ place }) => {
  const log = silentLog

  test('a data key opens again after a restart, with the key file made on the first start', async () => {
    await using where = await place()
    const { dataDir } = where
    await using database = await where.open()
    const first = await createSecrets({ database, dataDir, masterKeys: undefined, log })
    const { wrapped, sealer } = first.createDataKey()
    const sealed = sealer.seal(bytes('creds'), 'c')
    const again = await createSecrets({ database, dataDir, masterKeys: undefined, log })
    expect(Buffer.from(again.openDataKey(wrapped).open(sealed, 'c')).toString()).toBe('creds')
    expect(again.derive('pepper').equals(first.derive('pepper'))).toBe(true)
    expect(again.derive('pepper').equals(again.derive('other'))).toBe(false)
    const file = join(dataDir, 'master.key')
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(parseKey(readFileSync(file, 'utf8'))).toHaveLength(32)
  })

  test('a key file that others can read is closed to them', async () => {
    await using where = await place()
    await using database = await where.open()
    const file = join(where.dataDir, 'master.key')
    writeFileSync(file, Buffer.from(key(3)).toString('hex'))
    chmodSync(file, 0o644)
    await createSecrets({ database, dataDir: where.dataDir, masterKeys: undefined, log })
    expect(statSync(file).mode & 0o777).toBe(0o600)
  })

  test('another master key than the data was sealed under is refused with what to do', async () => {
    await using where = await place()
    const { dataDir } = where
    await using database = await where.open()
    await createSecrets({ database, dataDir, masterKeys: [key(1)], log })
    const refused = createSecrets({ database, dataDir, masterKeys: [key(2)], log })
    await expect(refused).rejects.toThrow(MasterKeyRefused)
    await expect(refused).rejects.toThrow(
      /sealed under master key [\da-f]{8}.*INBOX_HUB_MASTER_KEY is [\da-f]{8}/,
    )
  })

  test('a lost key file is not replaced by a new key while there is data', async () => {
    await using where = await place()
    const { dataDir } = where
    await using database = await where.open()
    await createSecrets({ database, dataDir, masterKeys: undefined, log })
    rmSync(join(dataDir, 'master.key'))
    await expect(createSecrets({ database, dataDir, masterKeys: undefined, log })).rejects.toThrow(
      /master\.key is missing\. Restore that file/,
    )
  })

  test('a rotation keeps what was sealed before, and ends when every data key is wrapped again', async () => {
    await using where = await place()
    const { dataDir } = where
    await using database = await where.open()
    const before = await createSecrets({ database, dataDir, masterKeys: [key(1)], log })
    const { wrapped, sealer } = before.createDataKey()
    const sealed = sealer.seal(bytes('creds'), 'c')
    const pepper = before.derive('pepper')

    const during = await createSecrets({ database, dataDir, masterKeys: [key(2), key(1)], log })
    const rewrapped = during.rewrap(wrapped)
    if (rewrapped === undefined) throw new Error('not wrapped again')
    expect(during.rewrap(rewrapped)).toBeUndefined()
    await database.write((tx) => during.rewrapRoot(tx))

    const after = await createSecrets({ database, dataDir, masterKeys: [key(2)], log })
    expect(Buffer.from(after.openDataKey(rewrapped).open(sealed, 'c')).toString()).toBe('creds')
    expect(after.derive('pepper').equals(pepper)).toBe(true)
    expect(() => after.openDataKey(wrapped)).toThrow(SealBroken)
  })

  test('a new key in front of the one in the file is taken up by a hub that runs; a file without that one is not', async () => {
    await using where = await place()
    const { dataDir } = where
    await using database = await where.open()
    const secrets = await createSecrets({ database, dataDir, masterKeys: undefined, log })
    const { wrapped } = secrets.createDataKey()
    const file = join(dataDir, 'master.key')
    const [before, first] = [secrets.keyId, readFileSync(file, 'utf8')]
    const fresh = Buffer.from(key(9)).toString('base64')
    writeFileSync(file, `${fresh}\n`)
    expect(secrets.reload()).toBe(false)
    expect(secrets.keyId).toBe(before)
    writeFileSync(file, `${fresh}\n${first}`)
    expect(secrets.reload()).toBe(true)
    expect(secrets.reload()).toBe(false)
    expect(secrets.keyId).not.toBe(before)
    expect(secrets.rewrap(wrapped)).toBeDefined()
    expect(() => secrets.openDataKey(wrapped)).not.toThrow()
  })

  test('nodes that start together on an empty database agree on one root', async () => {
    await using where = await place()
    const { dataDir } = where
    await using database = await where.open()
    const nodes = await Promise.all(
      [1, 2, 3].map(() => createSecrets({ database, dataDir, masterKeys: [key(1)], log })),
    )
    const keys = new Set(nodes.map((node) => node.derive('x').export().toString('hex')))
    expect(keys.size).toBe(1)
  })
})
