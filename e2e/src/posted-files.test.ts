import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { type DataOf, endpoints } from '@inbox-hub/contract'
import {
  clip,
  generated,
  picture,
  tone,
  withFfmpeg,
} from 'inbox-hub/internal/media/conversion/testing/ffmpeg'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { eventually, type Hub, type PairedSession, startHub } from './harness.ts'

const ana = '+12025550123'
const ben = '+12025550124'
const params = { sessionId: 'shop' }

const made = new AsyncDisposableStack()
let hub: Hub
let session: PairedSession
/** What the web server of the test gives out, by path. */
const files = new Map<string, Buffer>()
let fileServer: string
beforeAll(async () => {
  const server = createServer((request, response) => {
    const bytes = files.get(request.url ?? '')
    response.writeHead(bytes === undefined ? 404 : 200).end(bytes)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  made.defer(() => void server.close())
  fileServer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const env = { PATH: process.env['PATH'] ?? '', OUTBOUND_ALLOW_CIDRS: '127.0.0.1' }
  hub = made.use(await startHub({ preset: 'standard', env }))
  session = await hub.pairSession('shop')
})
afterAll(() => made.disposeAsync())

type Status = DataOf<typeof endpoints.postStatus>['status']

const post = async (body: object, headers: Record<string, string> = {}): Promise<Status> =>
  (await hub.api.call(endpoints.postStatus, { params, body: { recipients: [ana, ben], ...body }, headers }))
    .status
const uploads = (): number => hub.emulator.truth.media.filter(({ transfer }) => transfer === 'upload').length
const base64 = (bytes: Buffer) => bytes.toString('base64')

/** A status on the phone of one of its readers, and its file, opened there. */
async function seenBy(number: string, id: string) {
  const phone = hub.emulator.phone(number)
  const received = await phone.receives((message) => message.id === id)
  return { chat: received.chat, message: received.message, bytes: await phone.downloads(received) }
}

/** Files that work in progress left behind. */
async function leftovers(): Promise<readonly string[]> {
  const places = ['drafts', 'conversions'].map((name) => join(hub.dataDir, 'media', name))
  return (await Promise.all(places.map((place) => readdir(place).catch(() => [])))).flat()
}

const fetched = async (url: string | null): Promise<Buffer> =>
  Buffer.from(await (await fetch(url ?? 'about:blank')).arrayBuffer())

withFfmpeg('statuses with files', () => {
  test('a picture of a form goes up once, and is opened by everybody it is for; a repeat is the same', async () => {
    const png = generated('png', ...picture(64, 48))
    const send = async (caption: string) => {
      const form = new FormData()
      form.append('caption', caption)
      form.append('recipients', `${ana}, ${ben}`)
      form.append('clientId', 'offer-1')
      form.append('file', new Blob([new Uint8Array(png)]), 'offer.png')
      const answer = await fetch(`${hub.url}/api/status/sessions/shop`, {
        method: 'POST',
        headers: { 'x-api-key': hub.key },
        body: form,
      })
      const { data, code } = (await answer.json()) as { data?: { status: Status }; code?: string }
      return { http: answer.status, status: data?.status, code }
    }
    const before = uploads()
    const { http, status } = await send('New in')
    expect(http).toBe(201)
    expect(status).toMatchObject({
      kind: 'image',
      type: 'image',
      caption: 'New in',
      fromMe: true,
      hasMedia: true,
      media: { mimetype: 'image/png', width: 64, height: 48 },
    })
    for (const reader of [ana, ben]) {
      const { chat, message, bytes } = await seenBy(reader, status?.id ?? '')
      expect(chat).toBe('status@broadcast')
      expect(message.imageMessage).toMatchObject({ caption: 'New in', mimetype: 'image/png' })
      expect(bytes.equals(png)).toBe(true)
    }
    expect(uploads() - before).toBe(1)
    expect((await send('New in')).status?.id).toBe(status?.id)
    expect(await send('Other')).toMatchObject({ http: 409, code: 'IDEMPOTENCY_CONFLICT' })
    expect((await fetched(status?.mediaUrl ?? null)).equals(png)).toBe(true)
    expect(await leftovers()).toEqual([])
  })

  test('sounds are posted as voice notes before a colour, videos as what they are', async () => {
    files.set('/jingle.mp3', generated('mp3', ...tone(1)))
    const voice = await post({
      type: 'audio',
      mediaUrl: `${fileServer}/jingle.mp3`,
      backgroundColor: '#1f7a4d',
    })
    expect(voice).toMatchObject({ kind: 'voice', type: 'voice', backgroundColor: '#1F7A4D' })
    const heard = await seenBy(ana, voice.id)
    expect(heard.message.audioMessage).toMatchObject({ ptt: true, seconds: 1, backgroundArgb: 0xff1f7a4d })
    expect(heard.bytes.subarray(0, 4).toString()).toBe('OggS')

    const film = base64(generated('mp4', ...clip(32, 32)))
    const video = await post({ video: { base64: film }, caption: 'How it is made' })
    expect(video).toMatchObject({ kind: 'video', content: 'How it is made' })
    expect((await seenBy(ben, video.id)).message.videoMessage).toMatchObject({ caption: 'How it is made' })
  })
})

test('a file that WhatsApp shows nobody as a status is refused, and so is half a request', async () => {
  const before = uploads()
  files.set('/price-list.txt', Buffer.from('all for free'))
  for (const [body, status, code] of [
    [{ type: 'document', mediaUrl: `${fileServer}/price-list.txt` }, 415, 'STATUS_FILE_NOT_SHOWN'],
    [{ type: 'image', mediaUrl: `${fileServer}/price-list.txt` }, 415, 'FILE_TYPE_MISMATCH'],
    [{ type: 'image', mediaUrl: `${fileServer}/gone.png` }, 400, 'MEDIA_URL_FAILED'],
    [{ type: 'image' }, 400, 'VALIDATION_ERROR'],
    [{ type: 'image', url: `${fileServer}/a`, base64: 'AAAA' }, 400, 'VALIDATION_ERROR'],
    [{ type: 'sticker', base64: 'AAAA' }, 400, 'VALIDATION_ERROR'],
    [{ type: 'image', base64: 'no base64!' }, 400, 'VALIDATION_ERROR'],
  ] as const)
    await expect(post(body)).rejects.toMatchObject({ status, code })
  expect(uploads()).toBe(before)
  expect(await leftovers()).toEqual([])
})

test('the picture of a status of somebody is fetched when it is asked for, and goes with it', async () => {
  const author = hub.emulator.phone(ana)
  const bytes = Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex')
  const content = { media: 'image', bytes, caption: 'At the beach', mimetype: 'image/png' } as const
  const { id } = author.sendsMedia('status@broadcast', content, { audience: [session.number] })
  const read = () => hub.api.call(endpoints.getStatus, { params: { ...params, statusId: id } })
  const { status } = await eventually(
    () => read().catch(() => undefined),
    () => 'the status did not come',
  )
  expect(status).toMatchObject({ kind: 'image', caption: 'At the beach', fromMe: false, hasMedia: true })
  expect((await fetched(status.mediaUrl)).equals(bytes)).toBe(true)
  // What is fetched for a page that is no chat is told to nobody.
  const query = { sessionId: 'shop', types: 'media.downloaded,media.failed' }
  expect((await hub.api.call(endpoints.listEvents, { query })).events).toEqual([])
  await hub.api.call(endpoints.deleteStatus, { params: { ...params, statusId: id } })
  expect((await fetch(status.mediaUrl ?? '')).status).toBe(404)
})
