import { createHash, randomBytes } from 'node:crypto'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { endpoints } from '@inbox-hub/contract'
import { mediaOf, type Phone } from '@inbox-hub/emulator'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { eventually, type Hub, type PairedSession, startHub } from './harness.ts'

/** What a test looks at freely: what is not there is undefined and fails the expectation. */
// oxlint-disable-next-line typescript/no-explicit-any
type Json = Record<string, any>

let hub: Hub
let support: PairedSession
let customer: Phone

beforeAll(async () => {
  // libsignal prints its session records, keys included.
  vi.spyOn(console, 'error').mockImplementation(() => {})
  hub = await startHub()
  support = await hub.pairSession('support')
  customer = hub.emulator.phone('+12025550123')
})
afterAll(() => hub[Symbol.asyncDispose]())

const jpegHead = Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0x00, 0x10, 0x4a, 0x46, 0x49, 0x46, 0x00, 0x01])
const picture = (bytes = 20_000): Buffer => Buffer.concat([jpegHead, randomBytes(bytes)])

const mediaOfMessage = (messageId: string, sessionId = 'support') =>
  hub.api.call(endpoints.getMessageMedia, { params: { sessionId, messageId } })

/** The webhook of one message. */
async function told(messageId: string): Promise<Json> {
  return eventually(
    () => {
      const call = hub.webhook.calls.find(
        ({ type, json }) =>
          type === 'message.received' &&
          (json as { data: { message?: { messageId: string } } }).data.message?.messageId === messageId,
      )
      return (call?.json as { data: { message: Json } } | undefined)?.data.message
    },
    () => `no webhook told of ${messageId}`,
  )
}

/** The first event of a type about a message. */
async function event(type: string, messageId: string): Promise<Json> {
  return eventually(
    async () => {
      const { events } = await hub.api.call(endpoints.listEvents, { query: { limit: 1000, types: type } })
      return events.find(({ data }) => (data as { messageId?: string }).messageId === messageId)?.data
    },
    () => `no ${type} about ${messageId}`,
  )
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const failure = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  return failure instanceof Error && 'code' in failure
    ? String(failure.code)
    : `nothing was refused: ${String(failure)}`
}

/** What the message of a phone says of its file. */
function pathOf(messageId: string): string {
  const message = customer.messages.find(({ id }) => id === messageId)
  return mediaOf(message?.message)?.reference.directPath ?? ''
}

const downloads = (messageId: string): number =>
  hub.emulator.truth.media.filter(({ path }) => path === pathOf(messageId)).length

async function drafts(): Promise<string[]> {
  return readdir(join(hub.dataDir, 'media', 'drafts')).catch(() => [])
}

async function fetchesByItself(kinds: readonly string[] | undefined): Promise<void> {
  await hub.api.call(endpoints.setMediaDownloads, {
    params: { sessionId: 'support' },
    body: kinds === undefined ? {} : { kinds: kinds as never },
  })
}

describe('a file that somebody sends', () => {
  test('is fetched by itself, told with a link that needs no key, and given out as what it is', async () => {
    const bytes = picture()
    const { id } = customer.sendsMedia(support.number, {
      media: 'image',
      bytes,
      caption: 'look',
      thumbnail: jpegHead,
    })
    const message = await told(id)
    expect(message).toMatchObject({ type: 'image', hasMedia: true, content: 'look' })
    expect(message['media']).toMatchObject({ mimetype: 'image/jpeg', filesize: bytes.length })
    const answer = await fetch(message['media'].url)
    expect(answer.status).toBe(200)
    expect(Buffer.from(await answer.arrayBuffer()).equals(bytes)).toBe(true)
    expect(answer.headers.get('content-type')).toBe('image/jpeg')
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')

    const downloaded = await event('media.downloaded', id)
    expect(downloaded).toMatchObject({
      filesize: bytes.length,
      mimetype: 'image/jpeg',
      sha256: createHash('sha256').update(bytes).digest('base64'),
    })
    const small = await fetch(downloaded['thumbnailUrl'])
    expect(small.headers.get('content-type')).toBe('image/jpeg')
    expect(Buffer.from(await small.arrayBuffer()).equals(jpegHead)).toBe(true)

    const asked = await mediaOfMessage(id)
    expect(asked).toMatchObject({
      mimetype: 'image/jpeg',
      filesize: bytes.length,
      mediaId: downloaded['mediaId'],
    })
    expect(asked.url).toBe(asked.media_url)
    expect((await fetch(asked.url, { headers: { range: 'bytes=0-2' } })).status).toBe(206)
    expect(downloads(id)).toBe(1)
  })

  test('of any kind stands in the list of messages with its link', async () => {
    const sent = (
      [
        ['video', 'a.mp4'],
        ['voice', undefined],
        ['document', 'Ofertas marzo.pdf'],
        ['sticker', undefined],
      ] as const
    ).map(([media, fileName]) =>
      customer.sendsMedia(support.number, {
        media,
        bytes: randomBytes(3000),
        ...(fileName === undefined ? {} : { fileName }),
      }),
    )
    for (const { id } of sent) await told(id)
    const { messages } = await hub.api.call(endpoints.listMessages, {
      params: { sessionId: 'support' },
      query: {},
    })
    for (const { id } of sent) {
      const listed = messages.find(({ messageId }) => messageId === id)
      const answer = await fetch(listed?.mediaUrl ?? '')
      expect(answer.status).toBe(200)
      expect((await answer.arrayBuffer()).byteLength).toBe(3000)
      if (listed?.type === 'document') {
        expect(listed.media?.filename).toBe('Ofertas marzo.pdf')
        expect(answer.headers.get('content-disposition')).toBe('attachment; filename="Ofertas marzo.pdf"')
      }
    }
  })

  test('that is sent twice is fetched and kept once', async () => {
    const bytes = picture()
    const first = customer.sendsMedia(support.number, { media: 'image', bytes })
    const { mediaId } = await event('media.downloaded', first.id)
    const second = customer.sendsMedia(support.number, { media: 'image', bytes })
    expect((await event('media.downloaded', second.id))['mediaId']).toBe(mediaId)
    expect(downloads(second.id)).toBe(0)
  })

  test('waits to be asked for when its kind is not fetched by itself', async () => {
    await fetchesByItself(['image'])
    const bytes = randomBytes(5000)
    const { id } = customer.sendsMedia(support.number, { media: 'audio', bytes })
    const { media } = await told(id)
    const other = customer.sendsMedia(support.number, { media: 'image', bytes: picture() })
    await event('media.downloaded', other.id)
    expect(downloads(id)).toBe(0)
    const answers = await Promise.all([fetch(media.url), fetch(media.url), mediaOfMessage(id)])
    expect(Buffer.from(await answers[0].arrayBuffer()).equals(bytes)).toBe(true)
    expect(answers[2].filesize).toBe(5000)
    // All who asked waited for the same.
    expect(downloads(id)).toBe(1)
    await fetchesByItself(undefined)
  })

  test('that the hub removes goes with its message', async () => {
    const { id } = customer.sendsMedia(support.number, { media: 'image', bytes: picture() })
    const { mediaId } = await event('media.downloaded', id)
    await hub.api.call(endpoints.deleteMessage, { params: { messageId: id } })
    expect(await codeOf(hub.api.call(endpoints.getMedia, { params: { mediaId } }))).toBe('MEDIA_NOT_FOUND')
    expect((await fetch((await told(id))['media'].url)).status).toBe(404)
  })

  test('has no link that leads to another, nor a thumbnail that leads to the file', async () => {
    const { id } = customer.sendsMedia(support.number, {
      media: 'image',
      bytes: picture(),
      thumbnail: jpegHead,
    })
    const { url, thumbnailUrl } = await event('media.downloaded', id)
    const other = String(url).replace(/msg-\d+/, 'msg-1')
    expect((await fetch(other)).status).toBe(403)
    expect((await fetch(String(thumbnailUrl).replace('/thumbnails/', '/files/'))).status).toBe(403)
    expect((await fetch(String(url).replace('/files/', '/thumbnails/'))).status).toBe(403)
  })
})

describe('a link of WhatsApp that has expired', () => {
  const expired = async (status: 404 | 410 = 410) => {
    await fetchesByItself([])
    const bytes = picture()
    const sent = customer.sendsMedia(support.number, { media: 'image', bytes })
    await told(sent.id)
    hub.emulator.media.expire(pathOf(sent.id), status)
    return { ...sent, bytes }
  }

  test.each([404, 410] as const)('has the phone send the file again (%s)', async (status) => {
    const { id, bytes } = await expired(status)
    const { url } = await mediaOfMessage(id)
    expect(Buffer.from(await (await fetch(url)).arrayBuffer()).equals(bytes)).toBe(true)
  })

  test('is told when the phone has the file no more', async () => {
    const { id } = await expired()
    support.phone.mediaRetries = 'not_found'
    expect(await codeOf(mediaOfMessage(id))).toBe('MEDIA_EXPIRED')
    expect(await event('media.failed', id)).toMatchObject({ reason: 'expired' })
    // At once, without asking the phone for every reader.
    expect(await codeOf(mediaOfMessage(id))).toBe('MEDIA_EXPIRED')
    expect(downloads(id)).toBe(1)
    support.phone.mediaRetries = 'uploads'
  })
})

describe('a host that does not give the file', () => {
  test.each([
    [{ kind: 'status', status: 503 } as const],
    [{ kind: 'status', status: 302, location: 'http://127.0.0.1:1/secret' } as const],
    [{ kind: 'cut' } as const],
  ])('is asked again later: %j', async (fault) => {
    await fetchesByItself([])
    const bytes = picture()
    const { id } = customer.sendsMedia(support.number, { media: 'image', bytes })
    await told(id)
    hub.emulator.media.onDownloads(fault, { directPath: pathOf(id) })
    expect(await codeOf(mediaOfMessage(id))).toBe('MEDIA_NOT_READY')
    // Whoever asks again is not made to wait for the next attempt that is planned.
    expect((await mediaOfMessage(id)).filesize).toBe(bytes.length)
    expect(await drafts()).toEqual([])
  })

  test('is asked again after a restart', async () => {
    await fetchesByItself(undefined)
    const bytes = picture()
    hub.emulator.media.onDownloads({ kind: 'silence' })
    const { id } = customer.sendsMedia(support.number, { media: 'image', bytes })
    await told(id)
    await hub.emulator.truth.until(() => downloads(id) > 0)
    await hub.stop()
    // As a process that was killed leaves it.
    await writeFile(join(hub.dataDir, 'media', 'drafts', 'half.draft'), 'half')
    await hub.start()
    expect((await event('media.downloaded', id))['filesize']).toBe(bytes.length)
    await eventually(
      async () => ((await drafts()).length === 0 ? true : undefined),
      () => 'something half written is left',
    )
  })
})
