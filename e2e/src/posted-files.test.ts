import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { type DataOf, endpoints, type EventData } from '@inbox-hub/contract'
import { generated, picture, tone, withFfmpeg } from 'inbox-hub/internal/media/conversion/testing/ffmpeg'
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

/** The smallest JPEG that is one: a pixel. */
const picture64 = Uint8Array.from(
  Buffer.from(
    '/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAAgGBgcGBQgHBwcJCQgKDBQNDAsLDBkSEw8UHRofHh0aHBwgJC4nICIsIxwcKDcpLDAxNDQ0Hyc5PTgyPC4zNDL/wAALCAABAAEBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAACf/EABQQAQAAAAAAAAAAAAAAAAAAAAD/2gAIAQEAAD8AKp//2Q==',
    'base64',
  ),
)

type Status = DataOf<typeof endpoints.postStatus>['status']

const post = async (body: object, headers: Record<string, string> = {}): Promise<Status> =>
  (await hub.api.call(endpoints.postStatus, { params, body: { recipients: [ana, ben], ...body }, headers }))
    .status
const uploads = (): number => hub.emulator.truth.media.filter(({ transfer }) => transfer === 'upload').length

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

const codeAt = async (url: string | null | undefined): Promise<unknown> => {
  const answer = await fetch(url ?? 'about:blank')
  return answer.ok ? undefined : ((await answer.json()) as { code?: string }).code
}

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

  test('sounds are posted as voice notes before a colour', async () => {
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

test('a file is posted to a newsletter as it is, once, and opened by its followers', async () => {
  const { newsletter: shop } = await hub.api.call(endpoints.createNewsletter, {
    params,
    body: { name: 'The shop' },
  })
  const news = hub.emulator.newsletterAt(shop.id)
  const of = { ...params, newsletterId: shop.id }
  files.set('/prices.txt', Buffer.from('all for free'))
  const before = uploads()
  const postTwice = async () =>
    (
      await hub.api.call(endpoints.postNewsletterMessage, {
        params: of,
        body: { message: { document: { url: `${fileServer}/prices.txt` }, caption: 'Prices' } },
        headers: { 'idempotency-key': 'prices' },
      })
    ).message
  const posted = await postTwice()
  expect(posted).toMatchObject({ kind: 'document', content: 'Prices', fromMe: true, status: 'sent' })
  expect((await postTwice()).messageId).toBe(posted.messageId)
  const { message, bytes } = await news.opens(Number(posted.serverId))
  expect(bytes.toString()).toBe('all for free')
  const { documentMessage } = message.documentWithCaptionMessage?.message ?? {}
  expect(documentMessage).toMatchObject({ fileName: 'prices.txt', caption: 'Prices' })
  // Whoever follows it needs no key; its upload is named beside it.
  expect(documentMessage?.mediaKey).toBeFalsy()
  expect(hub.emulator.truth.media.at(-1)?.path).toMatch(/^\/newsletter\/newsletter-document\//)
  expect((await fetched(posted.media?.url ?? null)).toString()).toBe('all for free')

  const form = new FormData()
  form.append('message', 'In colour')
  form.append('file', new Blob([picture64]), 'window.jpg')
  const answer = await fetch(`${hub.url}/api/newsletters/sessions/shop/newsletters/${shop.id}/messages`, {
    method: 'POST',
    headers: { 'x-api-key': hub.key },
    body: form,
  })
  const { data } = (await answer.json()) as { data: { message: typeof posted } }
  expect(data.message).toMatchObject({ kind: 'image', content: 'In colour' })
  expect((await news.opens(Number(data.message.serverId))).message.imageMessage).toMatchObject({
    caption: 'In colour',
    mimetype: 'image/jpeg',
  })
  expect(uploads() - before).toBe(2)
  await expect(
    hub.api.call(endpoints.postNewsletterMessage, {
      params: of,
      body: { message: { location: { latitude: 1, longitude: 2 } } },
    }),
  ).rejects.toMatchObject({ status: 400, code: 'VALIDATION_ERROR' })
})

test('the file of a newsletter is fetched when it is asked for, checked, and gone when it is taken back', async () => {
  const news = hub.emulator.newsletter('Noticias', ben)
  const of = { params: { ...params, newsletterId: news.jid } }
  await hub.api.call(endpoints.followNewsletter, of)
  const bytes = Buffer.from(picture64)
  const thumbnail = bytes.subarray(0, 12)
  const right = news.postsFile({ media: 'image', bytes, caption: 'The new bridge', thumbnail })
  news.postsFile({ media: 'image', bytes, lies: { fileSha256: Buffer.alloc(32) } })
  const [told] = await eventually(
    async () => {
      const query = { sessionId: 'shop', types: 'newsletter.message' }
      const { events } = await hub.api.call(endpoints.listEvents, { query })
      return events.length === 2
        ? events.map(({ data }) => data as EventData<'newsletter.message'>)
        : undefined
    },
    () => 'the messages did not come',
  )
  expect(told).toMatchObject({ kind: 'image', text: 'The new bridge' })
  expect((await fetched(told?.media?.url ?? null)).equals(bytes)).toBe(true)
  const { messages } = await hub.api.call(endpoints.listNewsletterMessages, of)
  const [wrong, item] = messages
  expect(item).toMatchObject({ serverId: String(right), fromMe: false, status: 'received' })
  expect((await fetched(item?.media?.thumbnailUrl ?? null)).equals(thumbnail)).toBe(true)
  // What is not what its message says is given to nobody.
  expect(await codeAt(wrong?.media?.url)).toBe('MEDIA_NOT_READY')
  expect(await hub.api.call(endpoints.listMessages, { params })).toMatchObject({ total: 0 })
  news.deletes(right)
  await eventually(
    async () => (await codeAt(told?.media?.url)) === 'MEDIA_NOT_FOUND' || undefined,
    () => 'the file is still given out',
  )
})
