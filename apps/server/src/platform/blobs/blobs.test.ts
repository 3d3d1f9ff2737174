import { createHash, randomBytes } from 'node:crypto'
import { access, readdir, stat, utimes } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'

import { describe, expect, test } from 'vitest'

import { systemClock } from '../clock.ts'
import { BlobMissing, DraftTooLarge, openBlobs, sweepDrafts, writeDraft } from './index.ts'
import { startBlobs } from './testing/stores.ts'

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const usual = { maxBytes: 1e9 }

describe.each(['disk', 's3'] as const)('blobs on %s', (kind) => {
  test('what is kept comes back whole, in parts, and only once until it is removed', async () => {
    await using place = await startBlobs(kind)
    const { blobs, drafts: directory } = place
    const bytes = randomBytes(3_000_000)
    for (let times = 0; times < 2; times++) {
      await using draft = await writeDraft(Readable.from([bytes.subarray(0, 5), bytes.subarray(5)]), {
        directory,
        ...usual,
      })
      expect(draft).toMatchObject({ hash: sha256(bytes), size: bytes.length, head: bytes.subarray(0, 4096) })
      await blobs.keep(draft)
    }
    expect(await readdir(directory)).toEqual([])
    const [hash, size] = [sha256(bytes), bytes.length]
    expect((await buffer(await blobs.open(hash, { size }))).equals(bytes)).toBe(true)
    const part = await buffer(await blobs.open(hash, { size, range: { start: 10, end: 2_000_000 } }))
    expect(part.equals(bytes.subarray(10, 2_000_001))).toBe(true)
    const last = await buffer(await blobs.open(hash, { size, range: { start: size - 1, end: size - 1 } }))
    expect(last).toEqual(bytes.subarray(-1))
    await expect(blobs.open(hash, { size: size + 1 })).rejects.toThrow(BlobMissing)

    await blobs.remove(hash)
    await blobs.remove(hash)
    await expect(blobs.open(hash, { size })).rejects.toThrow(BlobMissing)
  })

  test('names that are no hash never reach the store', async () => {
    await using place = await startBlobs(kind)
    for (const name of [
      '../../x',
      '..',
      '',
      'A'.repeat(64),
      `${'a'.repeat(63)}/`,
      `${'a'.repeat(64)}\n`,
      '%2e%2e',
    ]) {
      await expect(place.blobs.open(name, { size: 1 })).rejects.toThrow(TypeError)
      await expect(place.blobs.remove(name)).rejects.toThrow(TypeError)
    }
  })

  test('a reader who gives up lets go of the file', async () => {
    await using place = await startBlobs(kind)
    const bytes = randomBytes(5_000_000)
    await using draft = await writeDraft(Readable.from([bytes]), { directory: place.drafts, ...usual })
    await place.blobs.keep(draft)
    const stop = new AbortController()
    const reading = await place.blobs.open(sha256(bytes), { size: bytes.length, signal: stop.signal })
    reading.once('data', () => stop.abort())
    await expect(buffer(reading)).rejects.toThrow(/abort/i)
    expect(await place.blobs.probe()).toBeUndefined()
  })
})

test('a draft that is too large, or whose source breaks off, leaves nothing', async () => {
  await using place = await startBlobs('disk')
  const directory = place.drafts
  const broken = new Error('the line is cut')
  async function* breaking() {
    yield Buffer.from('some')
    throw broken
  }
  await expect(writeDraft(breaking(), { directory, maxBytes: 100 })).rejects.toBe(broken)
  await expect(
    writeDraft(Readable.from([Buffer.alloc(60), Buffer.alloc(60)]), { directory, maxBytes: 100 }),
  ).rejects.toThrow(DraftTooLarge)
  expect(await readdir(directory)).toEqual([])
})

test('drafts that nobody writes to any more are removed, others are not', async () => {
  await using place = await startBlobs('disk')
  const directory = place.drafts
  await using old = await writeDraft(Readable.from([Buffer.from('old')]), { directory, ...usual })
  await using fresh = await writeDraft(Readable.from([Buffer.from('new')]), { directory, ...usual })
  const now = Date.now()
  await utimes(old.path, new Date(now - 90_000_000), new Date(now - 90_000_000))
  await sweepDrafts(directory, now - 86_400_000, new AbortController().signal)
  await expect(access(old.path)).rejects.toThrow('ENOENT')
  expect(await access(fresh.path)).toBeUndefined()
})

test('files on the disk are for their owner alone', async () => {
  await using place = await startBlobs('disk')
  await using draft = await writeDraft(Readable.from([Buffer.from('secret')]), {
    directory: place.drafts,
    ...usual,
  })
  await place.blobs.keep(draft)
  const { hash } = draft
  const folder = join(place.directory, hash.slice(0, 2))
  expect((await stat(join(folder, hash.slice(2, 4), hash))).mode & 0o777).toBe(0o600)
  expect((await stat(folder)).mode & 0o777).toBe(0o700)
})

test('an S3 store says what is wrong with it and what to do', async () => {
  await using place = await startBlobs('s3')
  const { s3 } = place
  if (s3 === undefined) throw new Error('S3 was asked for')
  const probe = async (change: Partial<typeof s3>) => {
    await using blobs = openBlobs({ directory: '', s3: { ...s3, ...change }, clock: systemClock })
    return await blobs.probe().catch((error: unknown) => error)
  }
  expect(await probe({})).toBeUndefined()
  expect(await probe({ secretAccessKey: 'wrong' })).toMatchObject({
    name: 'BlobsUnavailable',
    message: expect.stringContaining('403'),
    remedy: expect.stringContaining('S3_SECRET_ACCESS_KEY'),
  })
  expect(await probe({ bucket: 'not-there' })).toMatchObject({ remedy: expect.stringContaining('S3_BUCKET') })
  expect(await probe({ endpoint: 'http://127.0.0.1:9' })).toMatchObject({
    name: 'BlobsUnavailable',
    remedy: expect.stringContaining('S3_ENDPOINT'),
  })
})

test('a write that S3 answers with a passing fault is repeated from its first byte', async () => {
  await using place = await startBlobs('s3')
  const { s3 } = place
  if (s3 === undefined) throw new Error('S3 was asked for')
  let faults = 0
  const received: string[] = []
  const server = createServer((request, answer) => {
    if (request.method !== 'PUT') {
      answer.writeHead(404).end()
      return
    }
    void buffer(request).then((bytes) => {
      received.push(sha256(bytes))
      answer.writeHead(faults++ === 0 ? 503 : 200).end('<Error><Code>SlowDown</Code></Error>')
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  using _server = {
    [Symbol.dispose]: () => {
      server.closeAllConnections()
      server.close()
    },
  }
  // A TCP server's address is this object.
  const { port } = server.address() as AddressInfo
  const endpoint = `http://127.0.0.1:${port}`
  await using blobs = openBlobs({ directory: '', s3: { ...s3, endpoint }, clock: systemClock })
  const bytes = randomBytes(200_000)
  await using draft = await writeDraft(Readable.from([bytes]), { directory: place.drafts, ...usual })
  await blobs.keep(draft)
  expect(received).toEqual([sha256(bytes), sha256(bytes)])
})
