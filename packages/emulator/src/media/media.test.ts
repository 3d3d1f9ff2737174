import { createHash, randomBytes } from 'node:crypto'
import { get, request as send } from 'node:https'
import { buffer } from 'node:stream/consumers'
import { connect, getCACertificates, rootCertificates, setDefaultCACertificates } from 'node:tls'

import { downloadContentFromMessage, type WAMessage } from 'baileys/lib/index.js'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { type Emulator, startEmulator } from '../emulator.ts'
import type { BaileysClient } from '../testing/baileys-client.ts'
import { linked } from '../testing/linked.ts'
import { type MediaContent, MediaError, mediaOf } from './index.ts'

const support = '+12025550100'
const customer = '+12025550123'

let emulator: Emulator
let client: BaileysClient

beforeAll(async () => {
  // libsignal prints its session records, keys included.
  vi.spyOn(console, 'error').mockImplementation(() => {})
  emulator = await startEmulator()
  // Node's own fetch and requests, and so Baileys', trust it in this process.
  setDefaultCACertificates([...getCACertificates('default'), emulator.media.authority])
  client = await linked(emulator, support)
})

afterAll(async () => {
  await client[Symbol.asyncDispose]()
  await emulator[Symbol.asyncDispose]()
})

/** A request as a client makes one, over TLS that it trusts. */
async function request(
  path: string,
  { headers = {}, method = 'GET', body }: { headers?: object; method?: string; body?: Buffer } = {},
): Promise<{ status: number; headers: Record<string, unknown>; body: Buffer }> {
  const { promise, resolve, reject } = Promise.withResolvers<Awaited<ReturnType<typeof request>>>()
  const sent = send(`https://${emulator.media.host}${path}`, { method, headers: { ...headers } })
  sent.on('error', reject)
  sent.on('response', (response) => {
    buffer(response).then(
      (bytes) => resolve({ status: response.statusCode ?? 0, headers: response.headers, body: bytes }),
      reject,
    )
  })
  sent.end(body)
  return promise
}

async function arrived(id: string): Promise<WAMessage> {
  return (await client.until(() => client.messages.find(({ message }) => message.key.id === id))).message
}

const contents: MediaContent[] = [
  { media: 'image', bytes: randomBytes(70_001), caption: 'a picture', thumbnail: randomBytes(400) },
  { media: 'video', bytes: randomBytes(200_000), seconds: 3 },
  { media: 'gif', bytes: randomBytes(1000) },
  { media: 'video_note', bytes: randomBytes(1000) },
  { media: 'voice', bytes: randomBytes(1600), seconds: 1 },
  { media: 'audio', bytes: randomBytes(16) },
  { media: 'document', bytes: randomBytes(15), fileName: 'a.pdf', caption: 'with words' },
  { media: 'sticker', bytes: randomBytes(1) },
  { media: 'image', bytes: randomBytes(100), viewOnce: true },
  { media: 'document', bytes: { zeros: 300_000 } },
]

test.each(contents)('a file that a phone sends is one Baileys can decrypt: $media', async (content) => {
  const sent = emulator.phone(customer).sendsMedia(support, content)
  const { message } = await arrived(sent.id)
  const media = mediaOf(message)
  if (media === undefined) throw new Error('no media arrived')
  const { reference, kind } = media
  const whole = await request(reference.directPath)
  expect(whole.status).toBe(200)
  expect(createHash('sha256').update(whole.body).digest()).toEqual(reference.fileEncSha256)
  const { mediaKey, directPath } = reference
  const plain = await buffer(
    await downloadContentFromMessage({ mediaKey, directPath }, kind, { host: emulator.media.host }),
  )
  const expected = 'zeros' in content.bytes ? Buffer.alloc(content.bytes.zeros) : Buffer.from(content.bytes)
  expect(plain.equals(expected)).toBe(true)
  expect(reference.fileLength).toBe(expected.length)
})

test('what Baileys uploads is what the phone of its reader downloads', async () => {
  const bytes = randomBytes(123_456)
  const phone = emulator.phone(customer)
  await client.socket.sendMessage(phone.pn, {
    document: bytes,
    mimetype: 'application/pdf',
    fileName: 'terms.pdf',
  })
  const received = await phone.receives((message) => mediaOf(message.message)?.kind === 'document')
  expect((await phone.downloads(received)).equals(bytes)).toBe(true)
  expect(emulator.truth.media.find(({ transfer }) => transfer === 'upload')).toMatchObject({ status: 200 })
})

test('a phone refuses a file that is not what its message says', async () => {
  const phone = emulator.phone(customer)
  const lies = { fileSha256: Buffer.alloc(32) }
  const sent = phone.sendsMedia(support, { media: 'image', bytes: randomBytes(20), lies })
  const own = phone.messages.find(({ id }) => id === sent.id)
  if (own === undefined) throw new Error('it was not kept')
  const failure = await phone.downloads(own).catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(MediaError)
  expect(failure).toMatchObject({ flaw: 'hash' })
})

describe('the media host', () => {
  const put = (bytes: Buffer): string => emulator.media.store.putBytes(bytes, 'document')

  test('gives parts of a file', async () => {
    const bytes = randomBytes(100_000)
    const path = put(bytes)
    const part = await request(path, { headers: { range: 'bytes=70000-70009' } })
    expect(part).toMatchObject({ status: 206, body: bytes.subarray(70_000, 70_010) })
    expect(part.headers['content-range']).toBe('bytes 70000-70009/100000')
    expect((await request(path, { headers: { range: 'bytes=-10' } })).body).toEqual(bytes.subarray(-10))
    expect((await request(path, { headers: { range: 'bytes=99990-' } })).body).toEqual(bytes.subarray(-10))
    expect((await request(path, { headers: { range: 'bytes=100000-' } })).status).toBe(416)
  })

  test('knows nothing but what it gave out, and says what is gone', async () => {
    const path = put(randomBytes(10))
    expect((await request(path.replace('oh=01_', 'oh=01_x'))).status).toBe(403)
    emulator.media.expire(path)
    expect((await request(path)).status).toBe(410)
    emulator.media.expire(path, 404)
    expect((await request(path)).status).toBe(404)
  })

  test('takes only what it was asked for, from those it let in', async () => {
    const body = randomBytes(5000)
    const token = createHash('sha256').update(body).digest('base64url')
    const { auth } = emulator.media.takeAuth()
    const path = `/mms/image/${token}?auth=${encodeURIComponent(auth)}&token=${token}`
    expect((await request(path, { method: 'POST', body })).status).toBe(200)
    expect((await request(path, { method: 'POST', body: randomBytes(5000) })).status).toBe(400)
    expect((await request(`/mms/image/${token}?auth=x`, { method: 'POST', body })).status).toBe(401)
    expect((await request(path.replace('image', 'nothing'), { method: 'POST', body })).status).toBe(404)
    emulator.media.onUploads({ kind: 'status', status: 503 })
    expect((await request(path, { method: 'POST', body })).status).toBe(503)
    emulator.media.forgetAuths()
    expect((await request(path, { method: 'POST', body })).status).toBe(401)
  })

  test('is trusted by nobody who was not told to', async () => {
    const socket = connect({
      host: '127.0.0.1',
      port: Number(emulator.media.host.split(':')[1]),
      ca: [...rootCertificates],
    })
    const failed = Promise.withResolvers<NodeJS.ErrnoException>()
    socket.on('error', failed.resolve)
    expect((await failed.promise).code).toBe('UNABLE_TO_VERIFY_LEAF_SIGNATURE')
  })

  test.each([
    [{ kind: 'status', status: 302, location: 'https://example.com/' } as const, { status: 302 }],
    [{ kind: 'short', afterBytes: 7 } as const, { status: 200, length: 7 }],
    [{ kind: 'corrupt', where: 'mac' } as const, { status: 200, length: 200_000, differs: true }],
    [{ kind: 'corrupt', where: 'middle' } as const, { status: 200, length: 200_000, differs: true }],
    [{ kind: 'drip', bytes: 50_000, everyMs: 1 } as const, { status: 200, length: 200_000 }],
    [{ kind: 'slow', delayMs: 1 } as const, { status: 200, length: 200_000 }],
  ])('lets a download go wrong: $kind', async (fault, expected) => {
    const bytes = randomBytes(200_000)
    const path = put(bytes)
    emulator.media.onDownloads(fault, { directPath: path })
    const answer = await request(path)
    expect(answer.status).toBe(expected.status)
    if ('length' in expected) expect(answer.body.length).toBe(expected.length)
    if ('differs' in expected) expect(answer.body.equals(bytes)).toBe(false)
    // Once, and of that file.
    expect((await request(path)).body.equals(bytes)).toBe(true)
  })

  test('breaks off in the middle', async () => {
    const path = put(randomBytes(200_000))
    emulator.media.onDownloads({ kind: 'cut', afterBytes: 1000 }, { directPath: path })
    await expect(request(path)).rejects.toThrow('aborted')
    expect(emulator.truth.media.at(-1)).toMatchObject({ path, status: 200, bytes: 1000 })
  })

  test('goes on for ever when told to, and ends with its reader', async () => {
    const path = put(randomBytes(10))
    emulator.media.onDownloads({ kind: 'endless' }, { directPath: path })
    const { promise, resolve } = Promise.withResolvers<void>()
    get(`https://${emulator.media.host}${path}`, (response) => {
      let bytes = 0
      response.on('data', (piece: Buffer) => {
        bytes += piece.length
        if (bytes > 5_000_000) response.destroy()
      })
      response.on('close', resolve)
      response.on('error', () => {})
    })
    await promise
    await emulator.truth.until((truth) => truth.media.at(-1)?.endedAt !== undefined)
    expect(emulator.truth.media.at(-1)?.bytes).toBeGreaterThan(5_000_000)
  })
})

describe('a client that cannot download a file asks its phone for it', () => {
  const retried = async (): Promise<WAMessage> => {
    const sent = emulator.phone(customer).sendsMedia(support, { media: 'image', bytes: randomBytes(50) })
    const message = await arrived(sent.id)
    emulator.media.expire(message.message?.imageMessage?.directPath ?? '')
    return message
  }

  test('which uploads it again under another path', async () => {
    const message = await retried()
    const before = message.message?.imageMessage?.directPath
    const { message: updated } = await client.socket.updateMediaMessage(message)
    const after = updated?.imageMessage?.directPath ?? ''
    expect(after).not.toBe(before)
    expect((await request(after)).status).toBe(200)
  })

  test.each([
    ['not_found', 404],
    ['decryption_error', 412],
    ['general_error', 418],
  ] as const)('which may not be able to: %s', async (answer, statusCode) => {
    const message = await retried()
    emulator.phone(support).mediaRetries = answer
    const failure = await client.socket.updateMediaMessage(message).catch((error: unknown) => error)
    emulator.phone(support).mediaRetries = 'uploads'
    expect(failure).toMatchObject({ output: { statusCode } })
  })

  test('which notices a request under another key', async () => {
    const message = await retried()
    const image = message.message?.imageMessage
    if (image) image.mediaKey = randomBytes(32)
    const failure = await client.socket.updateMediaMessage(message).catch((error: unknown) => error)
    expect(failure).toMatchObject({ output: { statusCode: 412 } })
  })
})
