import { randomBytes } from 'node:crypto'

import { type Emulator, startEmulator } from '@inbox-hub/emulator'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { createManualClock, type ManualClock } from '../../platform/testing/manual-clock.ts'
import { createMediaHost, FileGone, HostUnreachable, isDirectPath, type MediaHost } from './media-host.ts'

let emulator: Emulator
let clock: ManualClock
let host: MediaHost

beforeAll(async () => {
  emulator = await startEmulator()
  clock = createManualClock()
  host = createMediaHost({
    host: emulator.media.host,
    ca: emulator.media.authority,
    proxyOf: () => undefined,
    clock,
  })
})
afterAll(async () => {
  await host[Symbol.asyncDispose]()
  await emulator[Symbol.asyncDispose]()
})

const forever = new AbortController().signal

async function fetched(
  directPath: string,
  onPiece = async (): Promise<void> => {},
  signal = forever,
): Promise<Buffer> {
  return host.fetch(
    1,
    directPath,
    async (bytes) => {
      const pieces: Uint8Array[] = []
      for await (const piece of bytes) {
        pieces.push(piece)
        await onPiece()
      }
      return Buffer.concat(pieces)
    },
    signal,
  )
}

const put = (bytes: Buffer): string => emulator.media.store.putBytes(bytes, 'image')

test('a file is fetched as it lies there', async () => {
  const bytes = randomBytes(200_000)
  expect((await fetched(put(bytes))).equals(bytes)).toBe(true)
})

test.each([403, 404, 410])('HTTP %s means that its link has expired', async (status) => {
  const path = put(randomBytes(10))
  emulator.media.onDownloads({ kind: 'status', status }, { directPath: path })
  await expect(fetched(path)).rejects.toThrow(FileGone)
})

test.each([
  { kind: 'status', status: 500 } as const,
  { kind: 'status', status: 429 } as const,
  { kind: 'status', status: 301, location: 'https://example.com/' } as const,
  { kind: 'cut', afterBytes: 10 } as const,
])('%j may pass', async (fault) => {
  const path = put(randomBytes(1000))
  emulator.media.onDownloads(fault, { directPath: path })
  await expect(fetched(path)).rejects.toThrow(HostUnreachable)
  expect((await fetched(path)).length).toBe(1000)
})

test('a host that drips is given up after half a minute; one that is merely slow is not', async () => {
  const path = put(randomBytes(300_000))
  emulator.media.onDownloads({ kind: 'drip', bytes: 1, everyMs: 1 }, { directPath: path })
  await expect(fetched(path, () => clock.advance(10_000))).rejects.toThrow('the host sends too slowly')
  emulator.media.onDownloads({ kind: 'drip', bytes: 70_000, everyMs: 1 }, { directPath: path })
  expect((await fetched(path, () => clock.advance(5_000))).length).toBe(300_000)
})

test('whoever stops waits for nothing', async () => {
  const path = put(randomBytes(10))
  emulator.media.onDownloads({ kind: 'silence' }, { directPath: path })
  const stop = new AbortController()
  const fetching = fetched(path, undefined, stop.signal)
  await emulator.truth.until((truth) => truth.media.find((transfer) => transfer.path === path) !== undefined)
  stop.abort(new Error('stopped'))
  await expect(fetching).rejects.toThrow('stopped')
})

test('a path is one that cannot lead away from the host', () => {
  expect(isDirectPath('/v/t62.7118-24/1_2_n.enc?ccb=11-4&oh=01_a-b~c&oe=66F&_nc_sid=5e03e0')).toBe(true)
  const away = [
    '',
    'v/x',
    '//evil.example/x',
    '@evil.example/',
    ':8080/x',
    '/v/x y',
    '/v/x#y',
    '/v\\x',
    '/v/x\r\nhost: y',
    'https://evil.example/x',
    `/${'x'.repeat(3000)}`,
  ]
  expect(away.filter(isDirectPath)).toEqual([])
})
