import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { MediaKind } from '@inbox-hub/whatsapp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { systemClock } from '../../platform/clock.ts'
import { silentLog } from '../../platform/log.ts'
import { createConverter, type Converter, type Prepared } from './index.ts'
import { readImageFacts } from './image-size.ts'
import { probe } from './probe.ts'
import { findPrograms } from './programs.ts'
import { clip, generated, picture, systemFfmpeg, tone, withFfmpeg } from './testing/ffmpeg.ts'

let directory: string
let converter: Converter
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'inbox-hub-conversion-'))
  converter = converterOf({})
})
afterAll(() => rmSync(directory, { recursive: true, force: true }))

function converterOf({ ffmpeg = 'ffmpeg', maxBytes = 8 * 1024 * 1024, jobs = 2 }): Converter {
  return createConverter({
    directory: join(directory, 'work'),
    settings: { ffmpeg, searchPath: systemFfmpeg.searchPath, jobs },
    maxBytes,
    clock: systemClock,
    log: silentLog,
  })
}

let files = 0
async function prepare(
  bytes: Buffer,
  mimetype: string,
  as: MediaKind,
  { by = converter, signal = new AbortController().signal } = {},
): Promise<Prepared & { read(): Promise<Buffer> }> {
  const path = join(directory, `source-${++files}`)
  writeFileSync(path, bytes)
  const prepared = await by.prepare({ path, mimetype, size: bytes.length }, as, { signal })
  return { ...prepared, read: () => readFile(prepared.path ?? path) }
}

async function probed(prepared: Prepared) {
  const programs = await findPrograms('ffmpeg', systemFfmpeg.searchPath)
  if (programs === undefined || prepared.path === undefined) throw new Error('nothing to probe')
  const context = { cwd: directory, signal: new AbortController().signal, clock: systemClock }
  return await probe(programs.ffprobe, { path: prepared.path, mimetype: prepared.mimetype }, context)
}

/** Nothing is left of any conversion. */
const leftovers = () => (existsSync(join(directory, 'work')) ? readdirSync(join(directory, 'work')) : [])

withFfmpeg('conversion', () => {
  test.each([
    ['wav', 'audio/wav', []],
    ['mp3', 'audio/mpeg', ['-ac', '2']],
    ['webm', 'video/webm', ['-c:a', 'libopus']],
    ['wma', 'audio/x-ms-wma', []],
    ['ogg', 'audio/ogg', ['-c:a', 'libopus', '-ac', '2']],
    ['mp4', 'video/mp4', ['-f', 'lavfi', '-i', 'testsrc=size=64x64:rate=5:duration=2', '-shortest']],
  ])(
    'a voice note is made of %s: one channel of Opus, with its duration and waveform',
    async (ending, type, args) => {
      await using note = await prepare(generated(ending, ...tone(2), ...args), type, 'voice')
      expect(note).toMatchObject({ mimetype: 'audio/ogg; codecs=opus' })
      expect(note.seconds).toBeCloseTo(2, 0)
      expect(note.waveform).toHaveLength(64)
      expect(Math.max(...(note.waveform ?? []))).toBe(100)
      expect(await probed(note)).toMatchObject({ picture: undefined, sound: { codec: 'opus', channels: 1 } })
      expect((await note.read()).toString('latin1', 0, 4)).toBe('OggS')
    },
  )

  test('a voice note that is one already is sent as it is, with its waveform', async () => {
    // Silence, then sound: the bars say which.
    const halves = [
      '-f',
      'lavfi',
      '-i',
      "aevalsrc='if(gt(t,1),sin(2000*t),0)':d=2",
      '-ac',
      '1',
      '-c:a',
      'libopus',
    ]
    await using note = await prepare(generated('ogg', ...halves), 'audio/ogg', 'voice')
    expect(note.path).toBeUndefined()
    expect(note.seconds).toBeCloseTo(2, 1)
    const bars = [...(note.waveform ?? [])]
    expect(Math.max(...bars.slice(0, 28))).toBeLessThan(5)
    expect(Math.min(...bars.slice(36, 62))).toBeGreaterThan(50)
  })

  test('a video in a codec that phones do not play is encoded, one in another box is put into MP4, a good one stays', async () => {
    await using encoded = await prepare(
      generated(
        'webm',
        ...clip(161, 121),
        ...tone(1),
        '-c:v',
        'libvpx',
        '-deadline',
        'realtime',
        '-c:a',
        'libopus',
      ),
      'video/webm',
      'video',
    )
    expect(encoded).toMatchObject({ mimetype: 'video/mp4', width: 160, height: 120 })
    expect(await probed(encoded)).toMatchObject({
      picture: { codec: 'h264', pixelFormat: 'yuv420p' },
      sound: { codec: 'aac' },
    })
    expect(encoded.seconds).toBeCloseTo(1, 0)
    expect(encoded.thumbnail?.subarray(0, 3)).toEqual(Buffer.from([0xff, 0xd8, 0xff]))

    const good = ['-pix_fmt', 'yuv420p', '-c:v', 'libx264', '-preset', 'ultrafast']
    await using boxed = await prepare(
      generated('mkv', ...clip(160, 120), ...good),
      'video/x-matroska',
      'video',
    )
    expect(await probed(boxed)).toMatchObject({ picture: { codec: 'h264', width: 160 } })
    await using kept = await prepare(generated('mp4', ...clip(160, 120), ...good), 'video/mp4', 'video')
    expect(kept).toMatchObject({ path: undefined, mimetype: 'video/mp4', width: 160, height: 120 })
  })

  test('a GIF becomes a video without sound, and so does a video that is to play like one', async () => {
    await using gif = await prepare(generated('gif', ...clip(101, 75)), 'image/gif', 'gif')
    expect(await probed(gif)).toMatchObject({ picture: { codec: 'h264', width: 100 }, sound: undefined })
    const video = generated('mp4', ...clip(64, 64), ...tone(1), '-pix_fmt', 'yuv420p', '-c:v', 'libx264')
    await using silent = await prepare(video, 'video/mp4', 'gif')
    expect(await probed(silent)).toMatchObject({ picture: { codec: 'h264', width: 64 }, sound: undefined })
  })

  test.each([
    ['png', 'image/png', picture(300, 100), 100],
    ['jpg', 'image/jpeg', picture(1000, 900), 640],
    ['gif', 'image/gif', clip(80, 120), 80],
  ])('a picture to be shown is cut out of %s as a square JPEG', async (ending, type, source, side) => {
    const bytes = generated(ending, ...source)
    const path = join(directory, `portrait-${ending}`)
    writeFileSync(path, bytes)
    const { signal } = new AbortController()
    await using made = await converter.profilePicture(
      { path, mimetype: type, size: bytes.length },
      { signal },
    )
    await using file = await open(made.path ?? path)
    expect(await readImageFacts(file, 'image/jpeg')).toMatchObject({ width: side, height: side })
  })

  test('a video note is square', async () => {
    const wide = generated('mp4', ...clip(320, 180), '-pix_fmt', 'yuv420p', '-c:v', 'libx264')
    await using note = await prepare(wide, 'video/mp4', 'video_note')
    expect(note).toMatchObject({ width: 480, height: 480 })
  })

  test.each([
    ['png', 'image/png', picture(300, 100)],
    ['jpg', 'image/jpeg', picture(1000, 1000)],
    ['webp', 'image/webp', picture(64, 64)],
  ])('a still sticker is made of %s', async (ending, type, source) => {
    await using sticker = await prepare(generated(ending, ...source), type, 'sticker')
    expect(sticker).toMatchObject({ mimetype: 'image/webp', width: 512, height: 512, animated: false })
    expect((await sticker.read()).length).toBeLessThanOrEqual(100 * 1024)
  })

  test.each([
    ['gif', 'image/gif', clip(200, 120, 2)],
    ['mp4', 'video/mp4', [...clip(320, 240, 12), ...tone(12)]],
  ])('a sticker that moves is made of %s', async (ending, type, source) => {
    await using sticker = await prepare(generated(ending, ...source), type, 'sticker')
    expect(sticker).toMatchObject({ mimetype: 'image/webp', width: 512, height: 512, animated: true })
    const bytes = await sticker.read()
    expect(bytes.length).toBeLessThanOrEqual(500 * 1024)
    // What it made is good enough to be taken as it is.
    await using again = await prepare(bytes, 'image/webp', 'sticker')
    expect(again).toMatchObject({ path: undefined, animated: true, width: 512 })
  })

  test('a picture that phones do not show becomes a JPEG, a JPEG and a PNG stay, all have a preview', async () => {
    await using webp = await prepare(generated('webp', ...picture(300, 200)), 'image/webp', 'image')
    expect(webp).toMatchObject({ mimetype: 'image/jpeg', width: 300, height: 200 })
    await using png = await prepare(generated('png', ...picture(300, 200)), 'image/png', 'image')
    expect(png).toMatchObject({ path: undefined, mimetype: 'image/png', width: 300, height: 200 })
    const preview = join(directory, 'preview.jpg')
    writeFileSync(preview, png.thumbnail ?? '')
    await using file = await open(preview)
    expect(await readImageFacts(file, 'image/jpeg')).toMatchObject({ width: 96, height: 64 })
  })

  test('a sound that phones do not play becomes M4A, an MP3 stays', async () => {
    await using wav = await prepare(generated('wav', ...tone(1)), 'audio/wav', 'audio')
    expect(await probed(wav)).toMatchObject({ sound: { codec: 'aac' } })
    await using mp3 = await prepare(generated('mp3', ...tone(1)), 'audio/mpeg', 'audio')
    expect(mp3).toMatchObject({ path: undefined, mimetype: 'audio/mpeg' })
    expect(mp3.seconds).toBeCloseTo(1, 0)
  })

  describe('what is refused', () => {
    const half = () => generated('mp4', ...clip(64, 64)).subarray(0, 1500)
    test.each([
      ['noise called MP3', () => Buffer.alloc(5000, 'ID3 noise'), 'audio/mpeg', 'voice', 'MEDIA_BROKEN'],
      ['an MP4 cut short', half, 'video/mp4', 'video', 'MEDIA_BROKEN'],
      [
        'a silent video as a voice note',
        () => generated('mp4', ...clip(64, 64)),
        'video/mp4',
        'voice',
        'MEDIA_BROKEN',
      ],
      ['a sound as a video', () => generated('m4a', ...tone(1)), 'video/mp4', 'video', 'MEDIA_BROKEN'],
      ['a PNG without its picture', () => pngOf(100, 100), 'image/png', 'image', 'MEDIA_BROKEN'],
      ['a PDF as a picture', () => Buffer.from('%PDF-1.7'), 'application/pdf', 'image', 'FILE_TYPE_MISMATCH'],
      ['a picture as a voice note', () => pngOf(1, 1), 'image/png', 'voice', 'FILE_TYPE_MISMATCH'],
    ] as const)('%s', async (_name, bytes, type, as, code) => {
      await expect(prepare(bytes(), type, as)).rejects.toMatchObject({ code })
      expect(leftovers()).toEqual([])
    })

    test('a playlist called MP4 reads no other file', async () => {
      const bait = join(directory, 'bait.mp4')
      writeFileSync(bait, generated('mp4', ...clip(64, 64)))
      const playlist = Buffer.from(
        `#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:${bait}\n#EXT-X-ENDLIST\n`,
      )
      const script = Buffer.from(`ffconcat version 1.0\nfile '${bait}'\n`)
      for (const bytes of [playlist, script]) {
        await expect(prepare(bytes, 'video/mp4', 'video')).rejects.toMatchObject({ code: 'MEDIA_BROKEN' })
      }
    })

    test('a result that would be larger than files may be', async () => {
      await expect(
        prepare(wav(20), 'audio/wav', 'voice', { by: converterOf({ maxBytes: 2000 }) }),
      ).rejects.toMatchObject({
        code: 'FILE_TOO_LARGE',
      })
      expect(leftovers()).toEqual([])
    })
  })

  test('a conversion that nobody waits for is killed, and nothing is left of it', async () => {
    const slow = converterOf({ jobs: 1 })
    // Half an hour of silence: some seconds of work.
    const source = wav(1800)
    const first = new AbortController()
    const second = new AbortController()
    const running = prepare(source, 'audio/wav', 'voice', { by: slow, signal: first.signal })
    const waiting = prepare(source, 'audio/wav', 'voice', { by: slow, signal: second.signal })
    second.abort(new Error('the waiting one'))
    await expect(waiting).rejects.toThrow('the waiting one')
    while (leftovers().length === 0) await new Promise((resolve) => void setImmediate(resolve))
    first.abort(new Error('the running one'))
    await expect(running).rejects.toThrow('the running one')
    expect(leftovers()).toEqual([])
    // Its turn is free again.
    await using next = await prepare(generated('mp3', ...tone(1)), 'audio/mpeg', 'audio', { by: slow })
    expect(next.mimetype).toBe('audio/mpeg')
  })
})

describe('without ffmpeg', () => {
  const without = () => ({ by: converterOf({ ffmpeg: '/nowhere/ffmpeg' }) })

  test.each([
    ['a voice note that is no Opus', Buffer.from('RIFF1234WAVEfmt '), 'audio/wav', 'voice'],
    ['a video that is no MP4', Buffer.from('\x1A\x45\xDF\xA3'), 'video/webm', 'video'],
    ['a GIF as a video', Buffer.from('GIF89a\x10\0\x10\0', 'latin1'), 'image/gif', 'gif'],
    ['a sticker that is no WebP', pngOf(512, 512), 'image/png', 'sticker'],
  ] as const)('%s is refused with the reason', async (_name, bytes, type, as) => {
    await expect(prepare(bytes, type, as, without())).rejects.toMatchObject({
      code: 'MEDIA_CONVERSION_UNAVAILABLE',
    })
    expect(leftovers()).toEqual([])
  })

  test('what needs no conversion is sent: Ogg Opus with its duration, MP4, MP3, PNG with its size, documents', async () => {
    await using note = await prepare(oggOpus(2.5), 'audio/ogg', 'voice', without())
    expect(note).toMatchObject({ path: undefined, mimetype: 'audio/ogg; codecs=opus', seconds: 2.5 })
    await using video = await prepare(Buffer.from('....ftypisom'), 'video/mp4', 'video', without())
    expect(video).toMatchObject({ path: undefined, mimetype: 'video/mp4' })
    await using sound = await prepare(Buffer.from('ID3'), 'audio/mpeg', 'audio', without())
    expect(sound).toMatchObject({ path: undefined, mimetype: 'audio/mpeg' })
    await using image = await prepare(pngOf(800, 600), 'image/png', 'image', without())
    expect(image).toMatchObject({ path: undefined, width: 800, height: 600, thumbnail: undefined })
    await using file = await prepare(Buffer.from('a,b'), 'text/csv', 'document', without())
    expect(file).toMatchObject({ path: undefined, mimetype: 'text/csv' })
  })

  test('a picture whose header says it is huge is refused before anything is decoded', async () => {
    for (const as of ['image', 'sticker'] as const) {
      await expect(prepare(pngOf(60_000, 60_000), 'image/png', as, without())).rejects.toMatchObject({
        code: 'MEDIA_DIMENSIONS_TOO_LARGE',
        details: { width: 60_000, height: 60_000 },
      })
    }
  })
})

/** The header of a PNG, and nothing behind it. */
function pngOf(width: number, height: number): Buffer {
  const bytes = Buffer.alloc(33)
  bytes.write('\x89PNG\r\n\x1A\n', 'latin1')
  bytes.writeUInt32BE(13, 8)
  bytes.write('IHDR', 12, 'latin1')
  bytes.writeUInt32BE(width, 16)
  bytes.writeUInt32BE(height, 20)
  return bytes
}

/** Silence of 8000 Hz. */
function wav(seconds: number): Buffer {
  const rate = 8000
  const head = Buffer.alloc(44)
  head.write('RIFF')
  head.writeUInt32LE(36 + seconds * rate * 2, 4)
  head.write('WAVEfmt ', 8)
  head.writeUInt32LE(16, 16)
  head.writeUInt16LE(1, 20)
  head.writeUInt16LE(1, 22)
  head.writeUInt32LE(rate, 24)
  head.writeUInt32LE(rate * 2, 28)
  head.writeUInt16LE(2, 32)
  head.writeUInt16LE(16, 34)
  head.write('data', 36)
  head.writeUInt32LE(seconds * rate * 2, 40)
  return Buffer.concat([head, Buffer.alloc(seconds * rate * 2)])
}

/** Two pages of an Ogg Opus file, the header and an end that says how long it was. */
function oggOpus(seconds: number): Buffer {
  const preSkip = 312
  const head = Buffer.from('OpusHead\x01\x01\x38\x01\x80\xBB\0\0\0\0\0', 'latin1')
  return Buffer.concat([page(0, head), page(seconds * 48_000 + preSkip, Buffer.alloc(100))])
  function page(position: number, packet: Buffer): Buffer {
    const header = Buffer.alloc(28)
    header.write('OggS', 'latin1')
    header.writeBigInt64LE(BigInt(position), 6)
    header.writeUInt8(1, 26)
    header.writeUInt8(packet.length, 27)
    return Buffer.concat([header, packet])
  }
}
