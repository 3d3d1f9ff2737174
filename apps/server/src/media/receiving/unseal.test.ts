import { createCipheriv, createHash, createHmac, hkdfSync, randomBytes } from 'node:crypto'

import type { MediaKind } from '@inbox-hub/whatsapp'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { FileCorrupt, FileTooLong, unseal } from './unseal.ts'

/** A file as a phone seals it, and what its message says of it. */
function sealed(plain: Buffer, name = 'Image') {
  const key = randomBytes(32)
  const expanded = Buffer.from(hkdfSync('sha256', key, Buffer.alloc(32), `WhatsApp ${name} Keys`, 112))
  const iv = expanded.subarray(0, 16)
  const cipher = createCipheriv('aes-256-cbc', expanded.subarray(16, 48), iv)
  const body = Buffer.concat([cipher.update(plain), cipher.final()])
  const mac = createHmac('sha256', expanded.subarray(48, 80)).update(iv).update(body).digest().subarray(0, 10)
  const bytes = Buffer.concat([body, mac])
  const said = {
    bytes: plain.length,
    sha256: createHash('sha256').update(plain).digest('base64'),
    source: {
      directPath: '/v/x',
      key: key.toString('base64'),
      encSha256: createHash('sha256').update(bytes).digest('base64'),
    },
  }
  return { bytes, said }
}

async function* inPieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size)
}

async function opened(
  bytes: Buffer,
  said: ReturnType<typeof sealed>['said'],
  {
    kind = 'image',
    pieces = 100,
    maxBytes = 1e6,
  }: { kind?: MediaKind; pieces?: number; maxBytes?: number } = {},
): Promise<Buffer> {
  const plain: Buffer[] = []
  for await (const piece of unseal(inPieces(bytes, pieces), kind, said, maxBytes)) plain.push(piece)
  return Buffer.concat(plain)
}

test('any file comes out as it went in, in whatever pieces it arrives', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 500 }),
      fc.integer({ min: 1, max: 600 }),
      async (plain, pieces) => {
        const { bytes, said } = sealed(Buffer.from(plain))
        expect((await opened(bytes, said, { pieces })).equals(Buffer.from(plain))).toBe(true)
      },
    ),
  )
})

test.each<[MediaKind, string]>([
  ['image', 'Image'],
  ['sticker', 'Image'],
  ['video', 'Video'],
  ['gif', 'Video'],
  ['video_note', 'Video'],
  ['audio', 'Audio'],
  ['voice', 'Audio'],
  ['document', 'Document'],
])('a %s has the key of its kind', async (kind, name) => {
  const { bytes, said } = sealed(Buffer.from('file'), name)
  expect(String(await opened(bytes, said, { kind }))).toBe('file')
})

describe('refused', () => {
  const { bytes, said } = sealed(randomBytes(1000))
  const { encSha256: _, ...sourceWithoutHash } = said.source
  const withoutHashes = { bytes: said.bytes, source: sourceWithoutHash } as typeof said

  test('any one changed bit, with the hashes and without them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length * 8 - 1), async (bit) => {
        const changed = Buffer.from(bytes)
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        await expect(opened(changed, said)).rejects.toThrow(FileCorrupt)
        await expect(opened(changed, withoutHashes)).rejects.toThrow(FileCorrupt)
      }),
    )
  })

  test('any missing end, and any that was added', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), async (length) => {
        await expect(opened(bytes.subarray(0, length), withoutHashes)).rejects.toThrow(FileCorrupt)
        const longer = Buffer.concat([bytes, randomBytes(length + 1)])
        await expect(opened(longer, withoutHashes)).rejects.toThrow(FileCorrupt)
      }),
    )
  })

  test('another length, where no hash vouches for the file', async () => {
    await expect(opened(bytes, { ...withoutHashes, bytes: 999 })).rejects.toThrow(FileCorrupt)
    expect((await opened(bytes, { ...said, bytes: 999 })).length).toBe(1000)
  })

  test('more than is taken, before it has all come', async () => {
    let pulled = 0
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) {
        pulled += 1000
        yield randomBytes(1000)
      }
    }
    const opening = async (): Promise<void> => {
      for await (const _piece of unseal(endless(), 'image', said, 10_000)) continue
    }
    await expect(opening()).rejects.toThrow(FileTooLong)
    expect(pulled).toBeLessThan(13_000)
  })
})
