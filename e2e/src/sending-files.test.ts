import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { endpoints, exampleFileUrl, exampleMediaId, kindMatrix, type SendableFile } from '@inbox-hub/contract'
import {
  clip,
  generated,
  picture,
  tone,
  withFfmpeg,
} from 'inbox-hub/internal/media/conversion/testing/ffmpeg'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { eventually, type Hub, startHub } from './harness.ts'

const customer = '+12025550123'
const params = { sessionId: 'support' }
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('base64')

const made = new AsyncDisposableStack()
let hub: Hub
let folder: string
/** What the web server of the test gives out, by path. */
const files = new Map<string, { bytes: Buffer; type: string; location?: string }>()
/** Of everything that was asked of it: the path and who asked. */
const askedOfServer: string[] = []
let fileServer: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'inbox-hub-files-'))
  made.defer(() => rm(folder, { recursive: true, force: true }))
  const server = createServer((request, response) => {
    askedOfServer.push(`${request.url} ${request.headers['user-agent']}`)
    const file = files.get(request.url ?? '')
    if (file === undefined) response.writeHead(404).end()
    else if (file.location !== undefined) response.writeHead(302, { location: file.location }).end()
    else response.writeHead(200, { 'content-type': file.type }).end(file.bytes)
  })
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  made.defer(() => void server.close())
  fileServer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  hub = made.use(
    await startHub({
      preset: 'standard',
      env: {
        PATH: process.env['PATH'] ?? '',
        RATE_LIMITS: 'off',
        OUTBOUND_ALLOW_CIDRS: '127.0.0.1',
        MEDIA_UPLOAD_DIR: folder,
        MEDIA_MAX_MB: '4',
      },
    }),
  )
  await hub.pairSession('support')
})
afterAll(() => made.disposeAsync())

const send = (message: unknown, more: object = {}, on = hub) =>
  on.api.call(endpoints.sendMessage, {
    params,
    body: { to: customer, message: message as string, ...more },
  })

const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')

/** Uploads a file to the hub; answers its mediaId. */
async function uploaded(bytes: Buffer, name: string, on = hub): Promise<string> {
  const form = new FormData()
  form.append('file', new Blob([new Uint8Array(bytes)]), name)
  const answer = await fetch(`${on.url}/api/media/sessions/support/upload`, {
    method: 'POST',
    headers: { 'x-api-key': on.key },
    body: form,
  })
  const { data } = (await answer.json()) as { data: { mediaId: string } }
  return data.mediaId
}

/** The message on the phone of its recipient, and its file, opened there and checked against all its message says. */
async function arrived(messageId: string, on = hub, number = customer) {
  const phone = on.emulator.phone(number)
  const received = await phone.receives(({ id }) => id === messageId)
  return { message: received.message, bytes: await phone.downloads(received) }
}

/** Files that work in progress left behind. */
async function leftovers(): Promise<readonly string[]> {
  const places = ['drafts', 'conversions'].map((name) => join(hub.dataDir, 'media', name))
  return (await Promise.all(places.map((place) => readdir(place).catch(() => [])))).flat()
}

const uploads = (on = hub) => on.emulator.truth.media.filter(({ transfer }) => transfer === 'upload')

withFfmpeg('files of every kind, on a phone', () => {
  interface Kind {
    bytes: () => Buffer
    arrives: object
    listed: object
    /** It is sent as it is. */
    same?: true
  }
  /** A JPEG, whatever its bytes. */
  const jpegThumbnail = expect.objectContaining({ 0: 0xff, 1: 0xd8 })
  const mp4 = ['-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-preset', 'ultrafast']
  const kinds: Readonly<Record<SendableFile, Kind>> = {
    image: {
      bytes: () => generated('png', ...picture(300, 200)),
      arrives: {
        imageMessage: { caption: 'the view', mimetype: 'image/png', width: 300, height: 200, jpegThumbnail },
      },
      listed: { body: 'the view', caption: 'the view' },
      same: true,
    },
    'view once': {
      bytes: () => generated('jpg', ...picture(64, 64)),
      arrives: { viewOnceMessageV2: { message: { imageMessage: { viewOnce: true } } } },
      listed: { viewOnce: true },
      same: true,
    },
    'picture of an album': {
      bytes: () => generated('jpg', ...picture(60, 40)),
      arrives: {
        imageMessage: { caption: 'the view', width: 60 },
        messageContextInfo: { messageAssociation: { associationType: 1 } },
      },
      listed: { body: 'the view', albumId: expect.any(String) },
      same: true,
    },
    video: {
      bytes: () => generated('mp4', ...clip(64, 64), ...mp4),
      arrives: {
        videoMessage: { caption: 'moving', seconds: 1, width: 64, mimetype: 'video/mp4', jpegThumbnail },
      },
      listed: { body: 'moving', media: { seconds: 1, width: 64, height: 64 } },
      same: true,
    },
    gif: {
      bytes: () => generated('gif', ...clip(64, 64)),
      arrives: { videoMessage: { gifPlayback: true, mimetype: 'video/mp4' } },
      listed: {},
    },
    'video note': {
      bytes: () => generated('mp4', ...clip(80, 64), ...mp4),
      arrives: { ptvMessage: { width: 480, height: 480, mimetype: 'video/mp4' } },
      listed: {},
    },
    audio: {
      bytes: () => generated('mp3', ...tone(1)),
      arrives: { audioMessage: { ptt: false, mimetype: 'audio/mpeg', seconds: 1 } },
      listed: {},
      same: true,
    },
    'voice note': {
      bytes: () => generated('wav', ...tone(2)),
      arrives: {
        audioMessage: {
          ptt: true,
          mimetype: 'audio/ogg; codecs=opus',
          seconds: 2,
          waveform: expect.objectContaining({ length: 64 }),
        },
      },
      listed: { media: { seconds: 2, waveform: expect.any(String) } },
    },
    'document with a caption': {
      bytes: () => Buffer.from('%PDF-1.7 not much in it'),
      arrives: {
        documentWithCaptionMessage: {
          message: {
            documentMessage: { fileName: 'invoice.pdf', mimetype: 'application/pdf', caption: 'as agreed' },
          },
        },
      },
      listed: { body: 'as agreed', media: { filename: 'invoice.pdf' } },
      same: true,
    },
    'sticker that moves': {
      bytes: () => generated('gif', ...clip(64, 64)),
      arrives: { stickerMessage: { mimetype: 'image/webp', width: 512, height: 512, isAnimated: true } },
      listed: { media: { animated: true } },
    },
    sticker: {
      bytes: () => generated('png', ...picture(100, 50)),
      arrives: { stickerMessage: { mimetype: 'image/webp', width: 512, height: 512, isAnimated: false } },
      listed: { media: { animated: false } },
    },
  }

  test.each(Object.keys(kinds) as SendableFile[])('%s', async (name) => {
    const { bytes: make, arrives, listed, same } = kinds[name]
    const { hub: asked, kind, type } = kindMatrix[name]
    const bytes = make()
    files.set(`/${encodeURIComponent(name)}`, { bytes, type: 'application/octet-stream' })
    const example = JSON.stringify(asked)
      .replace(exampleMediaId, await uploaded(bytes, 'file'))
      .replace(exampleFileUrl, `${fileServer}/${encodeURIComponent(name)}`)
    const answer = await send(JSON.parse(example))
    const shown = { kind, type, hasMedia: true, has_attachment: true, ...listed }
    expect(answer).toMatchObject({ status: 'sent', type, message: shown })
    const found = await arrived(answer.messageId)
    expect(found.message).toMatchObject(arrives)
    if (same === true) expect(sha256(found.bytes)).toBe(sha256(bytes))
    const { messages } = await hub.api.call(endpoints.listMessages, { params, query: { limit: 5 } })
    const item = messages.find(({ messageId }) => messageId === answer.messageId)
    expect(item).toMatchObject(shown)
    // What we sent is given out as what others sent is, from the hub's own store.
    const { url, sha256: hash } = await hub.api.call(endpoints.getMessageMedia, {
      params: { ...params, messageId: answer.messageId },
    })
    const given = Buffer.from(await (await fetch(url)).arrayBuffer())
    expect(given.equals(found.bytes)).toBe(true)
    expect(hash).toBe(createHash('sha256').update(found.bytes).digest('hex'))
    // What opens the file stays here.
    expect(JSON.stringify(item)).not.toMatch(/directPath|encSha256|storedAs|"thumbnail"/)
    expect(await leftovers()).toEqual([])
  })

  test('what the key leaves open, `type` and the bytes say; where it says it, it decides', async () => {
    const sound = base64(generated('mp3', ...tone(1)))
    const told = async (message: unknown, more: object = {}) => (await send(message, more)).message.kind
    expect(await told({ audio: { base64: sound } }, { type: 'voice' })).toBe('voice')
    expect(await told({ audio: { base64: sound } }, { type: 'sticker' })).toBe('audio')
    expect(await told({ file: `data:audio/mpeg;base64,${sound}` })).toBe('audio')
    const moving = base64(generated('gif', ...clip(32, 32)))
    expect(await told({ document: { buffer: moving } }, { type: 'sticker' })).toBe('document')
    expect(await told({ sticker: { base64: moving } })).toBe('sticker')
    expect(await told({ file: { base64: moving } })).toBe('gif')
  })
})

describe('where files come from', () => {
  const note = Buffer.from('kept in the hub')

  test('an upload is sent by its mediaId, with the message as its caption', async () => {
    const mediaId = await uploaded(note, 'note.txt')
    const answer = await send('read this', { mediaId })
    expect(answer).toMatchObject({ type: 'document', text: 'read this', message: { caption: 'read this' } })
    const { message, bytes } = await arrived(answer.messageId)
    expect(bytes.equals(note)).toBe(true)
    expect(message).toMatchObject({
      documentWithCaptionMessage: { message: { documentMessage: { fileName: 'note.txt' } } },
    })
  })

  test('a form brings its file along, for one or several, with or without a caption', async () => {
    const form = new FormData()
    form.append('to', `${customer}, +12025550124`)
    form.append('type', 'document')
    form.append('message', 'from a form')
    form.append('file', new Blob([note], { type: 'text/plain' }), 'form.txt')
    const answer = await fetch(`${hub.url}/api/messages/support/send`, {
      method: 'POST',
      headers: { 'x-api-key': hub.key },
      body: form,
    })
    const { data } = (await answer.json()) as { data: { messageId: string; sent: number; text: string } }
    expect(answer.status).toBe(200)
    expect(data).toMatchObject({ sent: 2, failed: 0, type: 'document', text: 'from a form' })
    const { bytes, message } = await arrived(data.messageId)
    expect(bytes.equals(note)).toBe(true)
    expect(JSON.stringify(message)).toContain('form.txt')
    expect(await leftovers()).toEqual([])

    const without = new FormData()
    without.append('to', customer)
    const refused = await fetch(`${hub.url}/api/messages/support/send`, {
      method: 'POST',
      headers: { 'x-api-key': hub.key },
      body: without,
    })
    expect([refused.status, await refused.json()]).toMatchObject([400, { code: 'VALIDATION_ERROR' }])
  })

  test('a path leads into the upload folder, and nowhere else', async () => {
    mkdirSync(join(folder, 'inside'))
    writeFileSync(join(folder, 'inside', 'a.txt'), note)
    symlinkSync('/etc/hostname', join(folder, 'link'))
    symlinkSync(join(folder, 'inside'), join(folder, 'door'))
    const answer = await send({ document: { path: 'door/a.txt' } })
    expect((await arrived(answer.messageId)).bytes.equals(note)).toBe(true)
    expect(answer.message.media).toMatchObject({ filename: 'a.txt' })
    const elsewhere = ['../a.txt', '/etc/hostname', 'link', '.', '', 'inside', 'none.txt', 'inside/../../x']
    for (const path of [...elsewhere, join(folder, 'inside', 'a.txt'), 'a\0b']) {
      await expect(send({ document: { path } })).rejects.toMatchObject({ status: 400 })
    }
    expect(await leftovers()).toEqual([])
  })

  test('fifty recipients are one upload, and each opens the file', async () => {
    const to = Array.from({ length: 50 }, (_, index) => `120255501${index + 50}`)
    const bytes = Buffer.from('for all of you')
    const before = uploads().length
    const answer = await send({ document: { base64: base64(bytes) }, fileName: 'all.txt' }, { to })
    expect(answer).toMatchObject({ sent: 50, failed: 0 })
    expect(uploads().length - before).toBe(1)
    for (const index of [0, 49]) {
      const messageId = answer.results?.[index]?.messageId ?? ''
      expect((await arrived(messageId, hub, `+${to[index]}`)).bytes.equals(bytes)).toBe(true)
    }
    // And none more for who asks for it again.
    const again = await send({ document: { base64: base64(bytes) }, fileName: 'all.txt' })
    expect((await arrived(again.messageId)).bytes.equals(bytes)).toBe(true)
    expect(uploads().length - before).toBe(1)
  })

  test('a repeated call is the same message, also when its bytes come again', async () => {
    const message = { document: { base64: base64(randomBytes(1000)) } }
    const first = await send(message, { clientId: 'file-1' })
    const second = await send(message, { clientId: 'file-1' })
    expect(second.messageId).toBe(first.messageId)
    await expect(
      send({ document: { base64: base64(randomBytes(1000)) } }, { clientId: 'file-1' }),
    ).rejects.toMatchObject({ code: 'IDEMPOTENCY_CONFLICT' })
  })

  test('a file that is scheduled is kept until its time', async () => {
    files.set('/later.txt', { bytes: Buffer.from('later'), type: 'text/plain' })
    const answer = await send(
      { document: { url: `${fileServer}/later.txt` } },
      { sendAt: new Date(Date.now() + 1500).toISOString() },
    )
    expect(answer).toMatchObject({ status: 'scheduled', type: 'document' })
    // Fetched already: its address may be gone by then.
    files.delete('/later.txt')
    const { bytes } = await arrived(answer.messageId)
    expect(bytes.toString()).toBe('later')
  })
})

describe('the preview of a link', () => {
  const html = (page: string) => ({ bytes: Buffer.from(page), type: 'text/html; charset=utf-8' })
  const said = async (messageId: string) => {
    const { message } = await hub.emulator.phone(customer).receives(({ id }) => id === messageId)
    return message.extendedTextMessage
  }

  test('a text goes out without one when its page says nothing, or may not be asked', async () => {
    const none = { bytes: Buffer.alloc(0), type: '' }
    files.set('/inside', { ...none, location: 'http://10.0.0.1/' })
    files.set('/loop', { ...none, location: `${fileServer}/loop` })
    files.set('/no-title', html('<p>Nothing'))
    files.set('/no-page', { bytes: Buffer.from('<title>x</title>'), type: 'text/plain' })
    const links = ['http://10.0.0.1/', 'http://localhost:1/', 'no link']
    const paths = ['/inside', '/loop', '/no-title', '/no-page', '/missing']
    for (const link of [...links, ...paths.map((path) => fileServer + path)]) {
      const { messageId, status } = await send({ text: `See ${link}`, linkPreview: true })
      expect(status).toBe('sent')
      expect((await said(messageId))?.matchedText ?? null, `of ${link}`).toBeNull()
    }
  })

  test('it is not fetched unless it is asked for, and a page of our own is not fetched at all', async () => {
    files.set('/offer', html('<title>Page</title>'))
    const before = askedOfServer.length
    const text = `See ${fileServer}/offer`
    for (const message of [text, { text, linkPreview: false }, { text, linkPreview: null }]) {
      const { messageId } = await send(message)
      expect((await said(messageId))?.title ?? null).toBeNull()
    }
    const { messageId } = await send({ text, linkPreview: { title: 'Mine', description: 'and so' } })
    expect(await said(messageId)).toMatchObject({
      matchedText: `${fileServer}/offer`,
      title: 'Mine',
      description: 'and so',
    })
    expect(askedOfServer.length).toBe(before)
  })

  withFfmpeg('with ffmpeg', () => {
    test('its picture comes small, from wherever the page leads, and is given out by a link', async () => {
      files.set('/view.png', { bytes: generated('png', ...picture(900, 600)), type: 'image/png' })
      files.set('/shop', html('<meta property="og:image" content="view.png"><title>Shop</title>'))
      files.set('/old', { ...html(''), location: '/shop' })
      const answer = await send({ text: `${fileServer}/old`, preview_url: true })
      const thumbnail = (await said(answer.messageId))?.jpegThumbnail ?? Buffer.alloc(0)
      expect(Buffer.from(thumbnail).subarray(0, 3).toString('hex')).toBe('ffd8ff')
      expect(thumbnail.length).toBeLessThan(20_000)
      const { preview } = answer.message.details
      expect(preview).toMatchObject({ url: `${fileServer}/old`, title: 'Shop', description: null })
      const given = await (await fetch(preview?.thumbnailUrl ?? '')).arrayBuffer()
      expect(Buffer.from(given).equals(thumbnail)).toBe(true)
      expect(askedOfServer.slice(-3)).toEqual(
        ['/old', '/shop', '/view.png'].map((path) => expect.stringMatching(`^${path} WhatsApp/2 `)),
      )
      expect(await leftovers()).toEqual([])
    })
  })
})

describe('what is refused', () => {
  const pdf = base64(Buffer.from('%PDF-1.7'))
  const png = (width: number, height: number) => {
    const bytes = Buffer.alloc(33)
    bytes.write('\x89PNG\r\n\x1A\n', 'latin1')
    bytes.writeUInt32BE(13, 8)
    bytes.write('IHDR', 12, 'latin1')
    bytes.writeUInt32BE(width, 16)
    bytes.writeUInt32BE(height, 20)
    return base64(bytes)
  }
  test.each([
    ['a picture that is a PDF', { image: { base64: pdf } }, 415, 'FILE_TYPE_MISMATCH'],
    ['a sticker that is a PDF', { sticker: { base64: pdf } }, 415, 'FILE_TYPE_MISMATCH'],
    [
      'a picture of 60,000 by 60,000',
      { image: { base64: png(60_000, 60_000) } },
      413,
      'MEDIA_DIMENSIONS_TOO_LARGE',
    ],
    [
      'a file of 5 MiB',
      { document: { base64: base64(Buffer.alloc(5 * 1024 * 1024)) } },
      413,
      'FILE_TOO_LARGE',
    ],
    ['a file without bytes', { document: { base64: 'data:text/plain;base64,' } }, 400, 'FILE_EMPTY'],
    ['an address in our own network', { image: { url: 'http://10.0.0.1/a.png' } }, 400, 'MEDIA_URL_REFUSED'],
    ['a file of ours', { image: { url: 'file:///etc/passwd' } }, 400, 'MEDIA_URL_REFUSED'],
    ['an address that has nothing', { image: { url: '%SERVER%/none.png' } }, 400, 'MEDIA_URL_FAILED'],
    ['an unknown upload', { image: { mediaId: exampleMediaId } }, 404, 'MEDIA_NOT_FOUND'],
    ['text that is no base64', { image: { base64: 'not base64 at all!' } }, 400, 'VALIDATION_ERROR'],
    ['two sources', { image: { base64: pdf, mediaId: 'x' } }, 400, 'VALIDATION_ERROR'],
    ['no source', { image: {} }, 400, 'VALIDATION_ERROR'],
    ['a form that is none', { image: { upload: true } }, 400, 'FILE_EMPTY'],
  ])('%s', async (_name, message, status, code) => {
    const asked = JSON.parse(JSON.stringify(message).replace('%SERVER%', fileServer)) as unknown
    const sentBefore = hub.emulator.truth.sent.filter(() => true).length
    await expect(send(asked)).rejects.toMatchObject({ status, code })
    expect(hub.emulator.truth.sent.filter(() => true).length).toBe(sentBefore)
    expect(await leftovers()).toEqual([])
  })

  withFfmpeg('with ffmpeg', () => {
    test('a broken file, and nothing of it stays', async () => {
      const cut = generated('mp4', ...clip(64, 64)).subarray(0, 1500)
      await expect(send({ video: { base64: base64(cut) } })).rejects.toMatchObject({
        status: 400,
        code: 'MEDIA_BROKEN',
        details: { reason: 'unreadable' },
      })
      expect(await leftovers()).toEqual([])
    })
  })
})

describe('when uploading goes wrong', () => {
  const document = (text: string) => ({ document: { base64: base64(Buffer.from(text)) } })

  test('WhatsApp does not take it: the message failed, with the reason, and can be sent again', async () => {
    hub.emulator.media.onUploads({ kind: 'status', status: 413 })
    const error = await send(document('refused at first')).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ status: 400, code: 'WHATSAPP_ERROR', details: { reason: 'MEDIA_REFUSED' } })
    const { messages } = await hub.api.call(endpoints.listMessages, { params, query: { limit: 1 } })
    expect(messages[0]).toMatchObject({ status: 'failed', error: { code: 'MEDIA_REFUSED' } })
    const again = await hub.api.call(endpoints.retryMessage, {
      params: { messageId: messages[0]?.messageId ?? '' },
    })
    expect(['sent', 'delivered']).toContain(again.status)
    expect((await arrived(again.messageId)).bytes.toString()).toBe('refused at first')
  })

  test('a stuck upload holds up its own chat, and no other', async () => {
    hub.emulator.media.onUploads({ kind: 'silence' })
    const before = uploads().length
    const stuck = send(document('stuck')).catch((error: unknown) => error)
    await hub.emulator.truth.until(() => uploads().length > before)
    const behind = send('behind it').catch((error: unknown) => error)
    const other = await send('elsewhere', { to: '+12025550124' })
    expect(other.status).toBe('sent')
    const file = await send(document('elsewhere, too'), { to: '+12025550124' })
    expect((await arrived(file.messageId, hub, '+12025550124')).bytes.toString()).toBe('elsewhere, too')
    const waiting = await eventually(
      async () => {
        const { messages } = await hub.api.call(endpoints.listMessages, { params, query: { limit: 10 } })
        return messages.find(({ waitingFor }) => waitingFor === 'upload')
      },
      () => 'no message says that it waits for its upload',
    )
    expect(waiting).toMatchObject({ status: 'pending', type: 'document' })
    // The hub is stopped meanwhile: the same message goes out afterwards, then the one behind it.
    await hub.restart()
    const { bytes, message } = await arrived(waiting.messageId)
    expect([bytes.toString(), message]).toMatchObject(['stuck', { documentMessage: {} }])
    const phone = hub.emulator.phone(customer)
    const follower = await phone.receives(({ message: said }) => JSON.stringify(said).includes('behind it'))
    const order = phone.messages.filter(() => true).map(({ id }) => id)
    expect(order.indexOf(waiting.messageId)).toBeLessThan(order.indexOf(follower.id))
    await Promise.all([stuck, behind])
  })
})

test('without ffmpeg, what has to be converted is refused with the remedy, and what need not be is sent', async () => {
  await using bare = await startHub({ preset: 'standard', env: { PATH: '' } })
  await bare.pairSession('support')
  const wav = { audio: { base64: base64(Buffer.from('RIFF\0\0\0\0WAVEfmt ')) }, ptt: true }
  await expect(send(wav, {}, bare)).rejects.toMatchObject({
    status: 415,
    code: 'MEDIA_CONVERSION_UNAVAILABLE',
    remedy: expect.stringContaining('ffmpeg'),
  })
  const opus = Buffer.from('OggS'.padEnd(26, '\0') + '\x01\x13OpusHead\x01\x01\0\0\0\0\0\0\0\0\0', 'latin1')
  const note = await send({ audio: { base64: base64(opus) }, ptt: true }, {}, bare)
  expect(note).toMatchObject({ type: 'voice', message: { media: { mimetype: 'audio/ogg; codecs=opus' } } })
  expect((await arrived(note.messageId, bare)).bytes.equals(opus)).toBe(true)
  // Nobody looks into a picture then: it goes without a small one.
  const mp4 = Buffer.from('\0\0\0\x18ftypmp42\0\0\0\0mp42isom', 'latin1')
  const video = await send({ video: { base64: base64(mp4) } }, {}, bare)
  const { message } = await arrived(video.messageId, bare)
  expect([message.videoMessage?.mimetype, message.videoMessage?.jpegThumbnail ?? null]).toEqual([
    'video/mp4',
    null,
  ])
})
