import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { statement } from '../platform/database/index.ts'
import { databases } from '../platform/testing/databases.ts'
import { generated, tone, withFfmpeg } from './conversion/testing/ffmpeg.ts'
import { png, startMedia } from './testing/media-under-test.ts'

const remembered = statement((db, _: object) => db.selectFrom('media_rendition').selectAll())
const signal = new AbortController().signal
const workIn = async (dataDir: string) =>
  (
    await Promise.all(
      ['drafts', 'conversions'].map((name) => readdir(join(dataDir, 'media', name)).catch(() => [])),
    )
  ).flat()

databases('renditions', ({ open }) => {
  withFfmpeg('with ffmpeg', () => {
    test('what a file becomes is made once, belongs to its owner and session, and is made again when it is gone', async () => {
      await using hub = await startMedia(await open())
      const { media, dataDir } = hub
      const sound = generated('wav', ...tone(1))
      const form = new FormData()
      form.append('file', new Blob([new Uint8Array(sound)], { type: 'audio/wav' }), 'memo.wav')
      const uploaded = await hub.call('POST', '/api/media/sessions/support/upload', { body: form })
      const row = await media.find(1, uploaded.json['data'].mediaId)

      const first = await media.renditions.of(row, 'voice', signal)
      expect(first).toMatchObject({ mimetype: 'audio/ogg; codecs=opus', seconds: expect.closeTo(1, 0) })
      expect(Buffer.from(first.waveform ?? '', 'base64')).toHaveLength(64)
      expect(first.media).toMatchObject({ owner_id: 1, session_id: row.session_id, kind: 'audio' })
      expect(first.media.id).not.toBe(row.id)
      expect(await workIn(dataDir)).toEqual([])

      // The bytes are gone from the disk: whoever wanted to convert again would fail.
      await rm(join(dataDir, 'media', 'files', row.hash.slice(0, 2), row.hash.slice(2, 4), row.hash))
      expect(await media.renditions.of(row, 'voice', signal)).toEqual(first)
      await media.remove(first.media)
      await expect(media.renditions.of(row, 'voice', signal)).rejects.toMatchObject({ code: 'MEDIA_DAMAGED' })
      expect(await workIn(dataDir)).toEqual([])
    })

    test('a file that needs nothing is sent itself, with its size and preview', async () => {
      await using hub = await startMedia(await open())
      const row = await hub.media.find(1, (await hub.upload(png))['mediaId'])
      const image = await hub.media.renditions.of(row, 'image', signal)
      expect(image).toMatchObject({
        mimetype: 'image/png',
        width: 1,
        height: 1,
        thumbnail: expect.any(String),
      })
      expect(image.media.id).toBe(row.id)
      expect(await hub.media.renditions.of(row, 'image', signal)).toEqual(image)
    })
  })

  test('without ffmpeg a file that has to be converted is refused, and nothing is remembered of those that pass', async () => {
    const conversion = { ffmpeg: '/nowhere/ffmpeg', searchPath: '', jobs: 1 }
    await using hub = await startMedia(await open(), { settings: { conversion } })
    const row = await hub.media.find(1, (await hub.upload(png))['mediaId'])
    await expect(hub.media.renditions.of(row, 'sticker', signal)).rejects.toMatchObject({
      code: 'MEDIA_CONVERSION_UNAVAILABLE',
    })
    expect(await hub.media.renditions.of(row, 'image', signal)).toMatchObject({ width: 1, height: 1 })
    expect(await remembered.all(hub.database, {})).toEqual([])
    expect(await workIn(hub.dataDir)).toEqual([])
  })
})
