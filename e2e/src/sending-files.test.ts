import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'

import { endpoints } from '@inbox-hub/contract'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import {
  clip,
  generated,
  picture,
  tone,
  withFfmpeg,
} from 'inbox-hub/internal/media/conversion/testing/ffmpeg'

import { type Hub, startHub } from './harness.ts'

const customer = '+12025550123'
const params = { sessionId: 'support' }
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('base64')

let hub: Hub
beforeAll(async () => {
  hub = await startHub({ preset: 'standard', env: { PATH: process.env['PATH'] ?? '', RATE_LIMITS: 'off' } })
  await hub.pairSession('support')
})
afterAll(() => hub[Symbol.asyncDispose]())

const send = (message: unknown, more: object = {}) =>
  hub.api.call(endpoints.sendMessage, {
    params,
    body: { to: customer, message: message as string, ...more },
  })

/** The message on the phone of its recipient, and its file, opened there and checked against all its message says. */
async function arrived(messageId: string) {
  const phone = hub.emulator.phone(customer)
  const received = await phone.receives(({ id }) => id === messageId)
  return { message: received.message, bytes: await phone.downloads(received) }
}

/** Files that work in progress left behind. */
async function leftovers(): Promise<readonly string[]> {
  const places = ['drafts', 'conversions'].map((name) => join(hub.dataDir, 'media', name))
  return (await Promise.all(places.map((place) => readdir(place).catch(() => [])))).flat()
}

withFfmpeg('files of every kind, on a phone', () => {
  interface Kind {
    bytes: () => Buffer
    asked: (base64: string) => unknown
    arrives: object
    listed: object
    /** It is sent as it is. */
    same?: true
  }
  const kinds: Readonly<Record<string, Kind>> = {
    'image with a caption': {
      bytes: () => generated('png', ...picture(300, 200)),
      asked: (base64) => ({ image: { base64 }, caption: 'a test card' }),
      arrives: { imageMessage: { caption: 'a test card', mimetype: 'image/png', width: 300, height: 200 } },
      listed: { type: 'image', kind: 'image', body: 'a test card', caption: 'a test card', hasMedia: true },
      same: true,
    },
    'image shown once': {
      bytes: () => generated('jpg', ...picture(64, 64)),
      asked: (base64) => ({ kind: 'image', base64, viewOnce: true }),
      arrives: { viewOnceMessageV2: { message: { imageMessage: { viewOnce: true } } } },
      listed: { type: 'image', viewOnce: true },
      same: true,
    },
    video: {
      bytes: () => generated('mp4', ...clip(64, 64), '-pix_fmt', 'yuv420p', '-c:v', 'libx264'),
      asked: (base64) => ({ video: `data:video/mp4;base64,${base64}`, caption: 'moving' }),
      arrives: { videoMessage: { caption: 'moving', seconds: 1, width: 64, mimetype: 'video/mp4' } },
      listed: { type: 'video', kind: 'video', media: { seconds: 1, width: 64, height: 64 } },
      same: true,
    },
    'GIF playback': {
      bytes: () => generated('gif', ...clip(64, 64)),
      asked: (base64) => ({ video: { base64 }, gifPlayback: true }),
      arrives: { videoMessage: { gifPlayback: true, mimetype: 'video/mp4' } },
      listed: { type: 'video', kind: 'gif' },
    },
    'video note': {
      bytes: () => generated('mp4', ...clip(80, 64), '-pix_fmt', 'yuv420p', '-c:v', 'libx264'),
      asked: (base64) => ({ video: { base64 }, ptv: 'true' }),
      arrives: { ptvMessage: { width: 480, height: 480, mimetype: 'video/mp4' } },
      listed: { type: 'video', kind: 'video_note' },
    },
    audio: {
      bytes: () => generated('mp3', ...tone(1)),
      asked: (base64) => ({ audio: { base64 } }),
      arrives: { audioMessage: { ptt: false, mimetype: 'audio/mpeg', seconds: 1 } },
      listed: { type: 'audio', kind: 'audio' },
      same: true,
    },
    'voice note of a WAV': {
      bytes: () => generated('wav', ...tone(2)),
      asked: (base64) => ({ audio: { base64 }, ptt: true }),
      arrives: { audioMessage: { ptt: true, mimetype: 'audio/ogg; codecs=opus', seconds: 2 } },
      listed: { type: 'voice', kind: 'voice', media: { seconds: 2, waveform: expect.any(String) } },
    },
    document: {
      bytes: () => Buffer.from('%PDF-1.7 not much in it'),
      asked: (base64) => ({ document: { buffer: base64 }, fileName: 'invoice.pdf', caption: 'as agreed' }),
      arrives: {
        documentWithCaptionMessage: {
          message: {
            documentMessage: { fileName: 'invoice.pdf', mimetype: 'application/pdf', caption: 'as agreed' },
          },
        },
      },
      listed: { type: 'document', kind: 'document', body: 'as agreed', media: { filename: 'invoice.pdf' } },
      same: true,
    },
    'still sticker of a PNG': {
      bytes: () => generated('png', ...picture(100, 50)),
      asked: (base64) => ({ sticker: { base64 } }),
      arrives: { stickerMessage: { mimetype: 'image/webp', width: 512, height: 512, isAnimated: false } },
      listed: { type: 'sticker', kind: 'sticker' },
    },
    'moving sticker of a GIF': {
      bytes: () => generated('gif', ...clip(64, 64)),
      asked: (base64) => ({ sticker: { base64 } }),
      arrives: { stickerMessage: { mimetype: 'image/webp', isAnimated: true } },
      listed: { type: 'sticker', kind: 'sticker', media: { animated: true } },
    },
    'file without a kind': {
      bytes: () => generated('mp3', ...tone(1)),
      asked: (base64) => ({ file: { base64 } }),
      arrives: { audioMessage: { mimetype: 'audio/mpeg' } },
      listed: { type: 'audio' },
      same: true,
    },
  }

  test.each(Object.keys(kinds))('%s', async (name) => {
    const kind = kinds[name]
    if (kind === undefined) throw new Error('no such kind')
    const bytes = kind.bytes()
    const answer = await send(kind.asked(bytes.toString('base64')))
    expect(answer).toMatchObject({ status: 'sent', message: kind.listed })
    const found = await arrived(answer.messageId)
    expect(found.message).toMatchObject(kind.arrives)
    if (kind.same === true) expect(sha256(found.bytes)).toBe(sha256(bytes))
    const { messages } = await hub.api.call(endpoints.listMessages, { params, query: { limit: 5 } })
    const listed = messages.find(({ messageId }) => messageId === answer.messageId)
    expect(listed).toMatchObject({ ...kind.listed, hasMedia: true })
    // What opens the file stays here.
    expect(JSON.stringify(listed)).not.toMatch(/directPath|encSha256|storedAs|thumbnail"/)
    expect(await leftovers()).toEqual([])
  })
})

describe('where files come from', () => {
  const note = Buffer.from('kept in the hub')

  test('an upload is sent by its mediaId, with the message as its caption', async () => {
    const form = new FormData()
    form.append('file', new Blob([note], { type: 'text/plain' }), 'note.txt')
    const uploaded = await fetch(`${hub.url}/api/media/sessions/support/upload`, {
      method: 'POST',
      headers: { 'x-api-key': hub.key },
      body: form,
    })
    const { data } = (await uploaded.json()) as { data: { mediaId: string } }
    const answer = await send('read this', { mediaId: data.mediaId })
    expect(answer).toMatchObject({ type: 'document', text: 'read this', message: { caption: 'read this' } })
    const { message, bytes } = await arrived(answer.messageId)
    expect(bytes.equals(note)).toBe(true)
    expect(message).toMatchObject({
      documentWithCaptionMessage: { message: { documentMessage: { fileName: 'note.txt' } } },
    })
    // Another owner's, or nobody's: there is no difference.
    await expect(send('x', { mediaId: 'q1N8bJp0R9yXw2Zt5uVc3A' })).rejects.toMatchObject({
      code: 'MEDIA_NOT_FOUND',
    })
  })

  test('fifty recipients are one upload, and each opens the file', async () => {
    const to = Array.from({ length: 50 }, (_, index) => `120255501${index + 50}`)
    const bytes = Buffer.from('for all of you')
    const uploadsBefore = uploads()
    const answer = await send({ document: { base64: bytes.toString('base64') }, fileName: 'all.txt' }, { to })
    expect(answer).toMatchObject({ sent: 50, failed: 0 })
    expect(uploads() - uploadsBefore).toBe(1)
    for (const index of [0, 49]) {
      const phone = hub.emulator.phone(`+${to[index]}`)
      const received = await phone.receives(({ id }) => id === answer.results?.[index]?.messageId)
      expect((await phone.downloads(received)).equals(bytes)).toBe(true)
    }
  })

  const uploads = () => hub.emulator.truth.media.filter(({ transfer }) => transfer === 'upload').length
})
