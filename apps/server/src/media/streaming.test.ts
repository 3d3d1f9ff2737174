import { randomBytes } from 'node:crypto'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'

import { expect, test } from 'vitest'

import { startS3 } from '../platform/blobs/testing/stores.ts'
import { onSqlite } from '../platform/testing/databases.ts'
import { startMedia } from './testing/media-under-test.ts'

const mebibyte = 1024 * 1024
/** One chunk, sent over and over: what the test itself holds does not grow either. */
const chunk = randomBytes(mebibyte)

/** Writes `size` bytes as fast as they are taken, calling `sample` after each chunk. */
async function pour(to: Writable, size: number, sample: () => void): Promise<void> {
  for (let sent = 0; sent < size && !to.destroyed; sent += chunk.length) {
    if (!to.write(chunk)) await new Promise((resolve) => to.once('drain', resolve))
    sample()
  }
  to.end()
}

onSqlite('large files', ({ open }) => {
  test('a file four times as large, in by form and by import and out again, needs no more memory', async () => {
    let most = 0
    function sample(): void {
      most = Math.max(most, process.memoryUsage.rss())
    }
    const files = createServer(({ url }, answer) => void pour(answer, Number(url?.slice(1)), sample))
    await new Promise<void>((resolve) => files.listen(0, '127.0.0.1', resolve))
    using _server = { [Symbol.dispose]: () => files.close() }
    // A TCP server's address is this object.
    const { port } = files.address() as AddressInfo
    await using hub = await startMedia(await open(), {
      settings: { maxBytes: 256 * mebibyte },
      names: { 'files.example': ['127.0.0.1'] },
      allowed: '127.0.0.0/8',
    })

    /** The most memory of this process, which is hub, client and file server at once, while a file goes through it all. */
    async function peakWith(size: number): Promise<number> {
      most = 0
      const { mediaId, sha256 } = await uploadForm(hub.url, size, sample)
      const imported = await hub.call('POST', '/api/media/import', {
        body: JSON.stringify({ url: `http://files.example:${port}/${size}` }),
        headers: { 'content-type': 'application/json' },
      })
      expect(imported.json['data']).toMatchObject({ size, sha256 })
      const answer = await fetch(`${hub.url}/api/media/${mediaId}/download`, {
        headers: { 'x-api-key': 'owner-1' },
      })
      let read = 0
      for await (const part of answer.body ?? []) {
        read += part.length
        sample()
      }
      expect(read).toBe(size)
      return most
    }

    const small = await peakWith(48 * mebibyte)
    const large = await peakWith(192 * mebibyte)
    // Held in memory, the file alone would be 144 MiB more. 64 is the figure.
    expect(Math.round((large - small) / mebibyte)).toBeLessThanOrEqual(64)
  }, 120_000)

  test('with S3 the same routes work: upload, ranges, links, removal', async () => {
    await using s3 = await startS3()
    await using hub = await startMedia(await open(), { settings: { s3 } })
    const bytes = randomBytes(3_000_000)
    const { mediaId, url } = await hub.upload(bytes, { name: 'x.bin' })
    const whole = await hub.call('GET', String(url), { owner: 0 })
    expect(whole.bytes.equals(bytes)).toBe(true)
    const part = await hub.call('GET', `/api/media/${mediaId}/download`, {
      headers: { range: 'bytes=1000000-1999999' },
    })
    expect(part.status).toBe(206)
    expect(part.bytes.equals(bytes.subarray(1_000_000, 2_000_000))).toBe(true)
    expect(await hub.media.fault()).toBeUndefined()
    const row = await hub.media.find(1, String(mediaId))
    await hub.call('DELETE', `/api/media/${mediaId}`)
    await hub.media.sweep()
    await expect(hub.media.open(row)).rejects.toMatchObject({ code: 'MEDIA_DAMAGED' })
  })
})

/** Uploads `size` bytes in a form, none of which exist at once. */
async function uploadForm(
  base: string,
  size: number,
  sample: () => void,
): Promise<{ mediaId: string; sha256: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  const headers = { 'x-api-key': 'owner-1', 'content-type': 'multipart/form-data; boundary=between' }
  const outgoing = request(`${base}/api/media`, { method: 'POST', headers }, (incoming) => {
    void text(incoming).then(resolve, reject)
  })
  outgoing.on('error', reject)
  outgoing.write('--between\r\nContent-Disposition: form-data; name="file"; filename="large.bin"\r\n\r\n')
  const end = outgoing.end.bind(outgoing)
  // The form ends after its file.
  outgoing.end = () => end('\r\n--between--\r\n')
  await pour(outgoing, size, sample)
  const { data } = JSON.parse(await promise) as { data: { mediaId: string; sha256: string } }
  return data
}
