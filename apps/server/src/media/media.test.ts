import { createHash, randomBytes } from 'node:crypto'
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { databases } from '../platform/testing/databases.ts'
import { createManualClock } from '../platform/testing/manual-clock.ts'
import { png, startMedia } from './testing/media-under-test.ts'

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** Every file of the disk store. */
async function stored(dataDir: string): Promise<string[]> {
  const files = await readdir(join(dataDir, 'media', 'files'), {
    recursive: true,
    withFileTypes: true,
  }).catch(() => [])
  return files.filter((file) => file.isFile()).map(({ name }) => name)
}
const pathOf = (dataDir: string, hash: string) =>
  join(dataDir, 'media', 'files', hash.slice(0, 2), hash.slice(2, 4), hash)
const draftsIn = (dataDir: string) => readdir(join(dataDir, 'media', 'drafts'))

databases('media', ({ open }) => {
  test('a file comes back as it was uploaded, by form and as it is, with its type and name', async () => {
    await using hub = await startMedia(await open())
    const form = new FormData()
    form.append('type', 'image')
    form.append('file', new Blob([png], { type: 'image/png' }), 'Foto del año.png')
    const first = await hub.call('POST', '/api/media/sessions/support/upload', { body: form })
    expect(first.status).toBe(201)
    expect(first.json).toMatchObject({
      success: true,
      message: 'File uploaded',
      data: {
        mediaId: expect.stringMatching(/^[\w-]{22}$/),
        type: 'image',
        filename: 'Foto del año.png',
        mimeType: 'image/png',
        size: png.length,
        sha256: sha256(png),
      },
    })
    const raw = await hub.upload(png, { type: 'image/png', name: 'again.png' })
    expect(raw['mediaId']).not.toBe(first.json['data'].mediaId)
    // Kept once.
    expect(await stored(hub.dataDir)).toEqual([sha256(png)])
    expect(await draftsIn(hub.dataDir)).toEqual([])

    const back = await hub.call('GET', `/api/media/${first.json['data'].mediaId}/download`)
    expect(back.status).toBe(200)
    expect(back.bytes.equals(png)).toBe(true)
    expect(Object.fromEntries(back.headers)).toMatchObject({
      'content-type': 'image/png',
      'content-length': String(png.length),
      etag: `"${sha256(png)}"`,
      'accept-ranges': 'bytes',
      'x-content-type-options': 'nosniff',
      'content-disposition': `inline; filename="Foto del ano.png"; filename*=UTF-8''Foto%20del%20a%C3%B1o.png`,
    })
  })

  test('a signed link works without a key until it ends, and only for its file', async () => {
    const clock = createManualClock(Date.now())
    await using hub = await startMedia(await open(), { clock })
    const file = await hub.upload(png)
    const other = await hub.upload(Buffer.from('another file'))
    const byLink = (url: string) => hub.call('GET', url, { owner: 0 })
    const good = await byLink(file['url'])
    expect(good.status).toBe(200)
    expect(good.bytes.equals(png)).toBe(true)

    const url: string = file['url']
    const wrong = [
      url.replace(file['mediaId'], other['mediaId']),
      url.replace(/expires=\d+/, 'expires=99999999999'),
      url.replace(/signature=[\w-]+/, `signature=${'A'.repeat(43)}`),
      url.replace(/signature=.*/, 'signature='),
      url.replace(/\?.*/, ''),
      url.replace(/expires=(\d+)/, 'expires=$1.0'),
      url.replace(file['mediaId'], 'x'.repeat(22)),
    ]
    for (const bad of wrong) expect((await byLink(bad)).json).toMatchObject({ code: 'MEDIA_LINK_INVALID' })
    await clock.advance(3_600_000)
    expect((await byLink(url)).status).toBe(403)
    const fresh = await hub.call('GET', `/api/media/${file['mediaId']}`)
    expect((await byLink(fresh.json['data'].url)).status).toBe(200)
    await hub.call('DELETE', `/api/media/${file['mediaId']}`)
    expect((await byLink(fresh.json['data'].url)).json).toMatchObject({ code: 'MEDIA_NOT_FOUND' })
  })

  test('one range is answered, several and those outside are not, and what is known is not sent again', async () => {
    await using hub = await startMedia(await open())
    const bytes = randomBytes(300_000)
    const { mediaId, sha256: hash } = await hub.upload(bytes)
    const get = (headers: Record<string, string>, method = 'GET') =>
      hub.call(method, `/api/media/${mediaId}/download`, { headers })
    for (const [range, start, end] of [
      ['bytes=0-0', 0, 0],
      ['bytes=100-199', 100, 199],
      ['bytes=299999-', 299_999, 299_999],
      ['bytes=-1000', 299_000, 299_999],
      ['bytes=-999999', 0, 299_999],
      ['bytes=100000-999999', 100_000, 299_999],
    ] as const) {
      const part = await get({ range })
      expect([part.status, part.headers.get('content-range')]).toEqual([206, `bytes ${start}-${end}/300000`])
      expect(part.bytes.equals(bytes.subarray(start, end + 1))).toBe(true)
    }
    for (const range of ['bytes=300000-', 'bytes=0-1,5-6', 'bytes=-0', `bytes=${'0-,'.repeat(40)}0-`]) {
      const refused = await get({ range })
      expect(refused.json).toMatchObject({ code: 'RANGE_NOT_SATISFIABLE' })
      expect(refused.headers.get('content-range')).toBe('bytes */300000')
    }
    for (const range of ['bytes=', 'bytes=a-b', 'bytes=5-1', 'lines=1-2', 'bytes=--1']) {
      expect((await get({ range })).status).toBe(200)
    }
    expect((await get({ range: 'bytes=0-9', 'if-range': '"other"' })).status).toBe(200)
    expect((await get({ range: 'bytes=0-9', 'if-range': `"${hash}"` })).status).toBe(206)
    const known = await get({ 'if-none-match': `W/"x", "${hash}"` })
    expect([known.status, known.bytes.length]).toEqual([304, 0])
    const head = await get({}, 'HEAD')
    expect([head.status, head.headers.get('content-length'), head.bytes.length]).toEqual([200, '300000', 0])
  })

  test('what a browser could run is saved, never shown, whatever it calls itself', async () => {
    await using hub = await startMedia(await open())
    const html = Buffer.from('<html><script>alert(1)</script>')
    for (const [type, name, bytes] of [
      ['text/html', 'page.html', html],
      ['image/svg+xml', 'x.svg', Buffer.from('<svg onload="alert(1)"/>')],
      ['image/png', 'fake.png', html],
      ['application/xhtml+xml', 'x.xhtml', html],
      ['application/pdf', 'x.pdf', Buffer.from('%PDF-1.7 /JS')],
      ['text/javascript', 'x.js', Buffer.from('alert(1)')],
      ['video/mp4', 'x.mp4', html],
    ] as const) {
      const { mediaId } = await hub.upload(bytes, { type, name })
      const { headers } = await hub.call('GET', `/api/media/${mediaId}/download`)
      expect(headers.get('content-type')).toBe('application/octet-stream')
      expect(headers.get('content-disposition')).toMatch(/^attachment; /)
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('content-security-policy')).toContain('sandbox')
    }
  })

  test('what is refused says why, and leaves nothing behind', async () => {
    await using hub = await startMedia(await open(), { settings: { maxBytes: 100_000, quotaBytes: 150_000 } })
    const post = (body: NonNullable<RequestInit['body']>, headers: Record<string, string>, query = '') =>
      hub.call('POST', `/api/media${query}`, { body, headers })
    const bytes = { 'content-type': 'application/octet-stream' }
    const form = (...parts: [string, string | Blob, string?][]) => {
      const made = new FormData()
      for (const [name, value, file] of parts) {
        if (typeof value === 'string') made.append(name, value)
        else made.append(name, value, file)
      }
      return made
    }
    const large = new Blob([randomBytes(100_001)])
    expect((await post(large, bytes)).json).toMatchObject({
      code: 'FILE_TOO_LARGE',
      details: { maxBytes: 100_000 },
    })
    expect((await post(form(['file', large, 'x']), {})).json).toMatchObject({ code: 'FILE_TOO_LARGE' })
    expect((await post('', bytes)).json).toMatchObject({ code: 'FILE_EMPTY' })
    expect((await post(form(['file', new Blob([]), 'x']), {})).json).toMatchObject({ code: 'FILE_EMPTY' })
    expect((await post(form(['type', 'image']), {})).json).toMatchObject({
      details: { file: 'It holds no file' },
    })
    const two = form(['a', new Blob(['1']), 'a'], ['b', new Blob(['2']), 'b'])
    expect((await post(two, {})).json).toMatchObject({
      details: { file: expect.stringContaining('more than one') },
    })
    const cut = await post('--x\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\nabc', {
      'content-type': 'multipart/form-data; boundary=x',
    })
    expect(cut.json).toMatchObject({ code: 'VALIDATION_ERROR', details: { file: expect.any(String) } })
    expect((await post('x', { 'content-type': 'multipart/form-data' })).status).toBe(400)
    expect((await post('{"url":"http://x"}', { 'content-type': 'application/json' })).json).toMatchObject({
      code: 'UNSUPPORTED_MEDIA_TYPE',
    })
    expect((await post(png, bytes, '?type=video')).json).toMatchObject({
      code: 'FILE_TYPE_MISMATCH',
      details: { found: 'image/png', type: 'video' },
    })
    expect((await post(form(['file', new Blob([png]), 'x'], ['type', 'audio']), {})).json).toMatchObject({
      code: 'FILE_TYPE_MISMATCH',
    })
    expect((await post(png, bytes, '?type=folder')).json).toMatchObject({ code: 'VALIDATION_ERROR' })
    expect((await hub.call('POST', '/api/media', { body: png, headers: bytes, owner: 0 })).status).toBe(401)
    expect(await draftsIn(hub.dataDir)).toEqual([])
    expect(await stored(hub.dataDir)).toEqual([])

    await hub.upload(randomBytes(90_000))
    expect((await post(new Blob([randomBytes(90_000)]), bytes)).json).toMatchObject({
      code: 'MEDIA_QUOTA_EXCEEDED',
    })
    // Another owner has room of its own, and removing makes room again.
    await hub.upload(randomBytes(90_000), { owner: 2 })
    const stats = await hub.call('GET', '/api/media/sessions/support/stats')
    expect(stats.json['data'].stats.owner).toEqual({ files: 1, bytes: 90_000, quotaBytes: 150_000 })
  })

  test('a client that goes away in the middle leaves no draft', async () => {
    await using hub = await startMedia(await open())
    const socket = connect(Number(new URL(hub.url).port), '127.0.0.1')
    socket.write(
      'POST /api/media HTTP/1.1\r\nHost: x\r\nX-API-Key: owner-1\r\nContent-Type: application/octet-stream\r\nContent-Length: 1000000\r\n\r\n',
    )
    socket.write(randomBytes(50_000))
    await until(async () => (await draftsIn(hub.dataDir).catch(() => [])).length === 1)
    socket.destroy()
    await until(async () => (await draftsIn(hub.dataDir)).length === 0)
    expect(await stored(hub.dataDir)).toEqual([])
  })

  test("another owner's file is not there", async () => {
    await using hub = await startMedia(await open())
    const { mediaId } = await hub.upload(png)
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/download'],
      ['DELETE', ''],
    ] as const) {
      const answer = await hub.call(method, `/api/media/${mediaId}${path}`, { owner: 2 })
      expect(answer.json).toMatchObject({ code: 'MEDIA_NOT_FOUND' })
    }
    expect((await hub.call('GET', `/api/media/${mediaId}`)).status).toBe(200)
  })

  test('the files of a session are listed, found by name and counted', async () => {
    await using hub = await startMedia(await open())
    const put = (name: string, bytes: Uint8Array) =>
      hub.call('POST', `/api/media/sessions/support/upload?fileName=${encodeURIComponent(name)}`, {
        body: Buffer.from(bytes),
        headers: { 'content-type': 'application/octet-stream' },
      })
    await put('Factura Ñandú 100%.pdf', Buffer.from('%PDF-1'))
    await put('uno.png', png)
    await put('dos.png', png)
    await hub.upload(png, { name: 'of no session.png' })
    const list = async (query: string) => {
      const { json } = await hub.call('GET', `/api/media/sessions/support${query}`)
      return json['data'].files.map(({ filename }: { filename: string }) => filename)
    }
    expect(await list('')).toEqual(['dos.png', 'uno.png', 'Factura Ñandú 100%.pdf'])
    expect(await list('?limit=1&page=2')).toEqual(['uno.png'])
    expect(await list('?type=document')).toEqual(['Factura Ñandú 100%.pdf'])
    expect(await list('/search?q=nandu')).toEqual(['Factura Ñandú 100%.pdf'])
    expect(await list('/search?q=100%25')).toEqual(['Factura Ñandú 100%.pdf'])
    expect(await list('/search?q=_no')).toEqual([])
    const { json } = await hub.call('GET', '/api/media/sessions/support/stats')
    expect(json['data'].stats).toMatchObject({
      files: 3,
      bytes: 6 + 2 * png.length,
      byType: { image: { files: 2 }, document: { files: 1 } },
      owner: { files: 4, quotaBytes: null },
    })
    expect((await hub.call('GET', '/api/media/sessions/other')).json).toMatchObject({
      code: 'SESSION_NOT_FOUND',
    })
  })

  test('base64 is taken, also as a data URL, and nonsense is not', async () => {
    await using hub = await startMedia(await open())
    const put = (body: object) =>
      hub.call('POST', '/api/media/import', {
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json' },
      })
    const large = randomBytes(2_000_001)
    for (const [base64, bytes] of [
      [png.toString('base64'), png],
      [png.toString('base64url'), png],
      [`data:image/png;base64,${png.toString('base64')}`, png],
      [png.toString('base64').replaceAll(/(.{20})/g, '$1\r\n'), png],
      [large.toString('base64'), large],
    ] as const) {
      const { status, json } = await put({ base64, fileName: 'x.png', mimetype: '' })
      expect(status).toBe(201)
      expect(json['data']).toMatchObject({ size: bytes.length, sha256: sha256(bytes) })
    }
    for (const base64 of ['%%%', 'a', 'data:image/png,plain', 'AAA=AAA='])
      expect((await put({ base64 })).json).toMatchObject({ code: 'VALIDATION_ERROR' })
    expect((await put({})).json).toMatchObject({ details: { url: 'Give `url` or `base64`, one of the two' } })
    expect((await put({ base64: 'AAAA', url: 'https://example.com/x' })).status).toBe(400)
  })

  test('files that nobody uses go after their time, and the bytes with the last of them', async () => {
    const clock = createManualClock()
    await using hub = await startMedia(await open(), { clock })
    const day = 86_400_000
    const first = await hub.upload(png)
    await hub.upload(randomBytes(10))
    await clock.advance(60 * day)
    const second = await hub.upload(png)
    await clock.advance(40 * day)
    await hub.media.sweep()
    expect((await hub.call('GET', `/api/media/${first['mediaId']}`)).status).toBe(404)
    // The same bytes still belong to the second.
    expect(await stored(hub.dataDir)).toEqual([sha256(png)])
    expect((await hub.call('GET', `/api/media/${second['mediaId']}/download`)).bytes.equals(png)).toBe(true)
    // Having been fetched it stays another 90 days.
    await clock.advance(80 * day)
    await hub.media.sweep()
    expect((await hub.call('GET', `/api/media/${second['mediaId']}`)).status).toBe(200)
    await clock.advance(91 * day)
    await hub.media.sweep()
    await clock.advance(3_600_001)
    await hub.media.sweep()
    expect(await stored(hub.dataDir)).toEqual([])
    expect(await hub.database.read.selectFrom('media_blob').selectAll().execute()).toEqual([])
    expect(await hub.database.read.selectFrom('media_usage').selectAll().execute()).toMatchObject([
      { owner_id: 1, files: 0, bytes: 0 },
    ])
  })

  test('a file whose bytes are being removed can be uploaded again at once', async () => {
    await using hub = await startMedia(await open())
    for (let round = 0; round < 5; round++) {
      const { mediaId } = await hub.upload(png)
      await hub.call('DELETE', `/api/media/${mediaId}`)
      const [again] = await Promise.all([hub.upload(png), hub.media.sweep()])
      const back = await hub.call('GET', `/api/media/${again['mediaId']}/download`)
      expect(back.bytes.equals(png)).toBe(true)
      await hub.call('DELETE', `/api/media/${again['mediaId']}`)
    }
  })

  test('damage is noticed: a short file at once, a changed one before its last bytes', async () => {
    await using hub = await startMedia(await open())
    const bytes = randomBytes(1_000_000)
    const { mediaId, sha256: hash } = await hub.upload(bytes)
    const path = pathOf(hub.dataDir, hash)
    const changed = await readFile(path)
    changed[500_000] = (changed[500_000] ?? 0) ^ 1
    await writeFile(path, changed)
    await expect(hub.call('GET', `/api/media/${mediaId}/download`)).rejects.toThrow(/terminated/)
    await truncate(path, 10)
    expect((await hub.call('GET', `/api/media/${mediaId}/download`)).json).toMatchObject({
      code: 'MEDIA_DAMAGED',
    })
    // The same file uploaded again mends it.
    await hub.upload(bytes)
    expect((await hub.call('GET', `/api/media/${mediaId}/download`)).bytes.equals(bytes)).toBe(true)
  })

  test('a store that does not take files says so, and what to do', async () => {
    await using hub = await startMedia(await open())
    expect(await hub.media.fault()).toBeUndefined()
    // A file where the directory should be.
    await using broken = await startMedia(await open())
    await writeFile(join(broken.dataDir, 'media'), '')
    const answer = await broken.call('POST', '/api/media', {
      body: png,
      headers: { 'content-type': 'image/png' },
    })
    expect([answer.status, answer.json['code']]).toEqual([503, 'MEDIA_STORE_UNAVAILABLE'])
    expect(await broken.media.fault()).toMatchObject({ remedy: expect.stringContaining('data directory') })
  })
})

async function until(come: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!(await come())) {
    if (performance.now() > deadline) throw new Error('it did not happen')
    await new Promise((resolve) => setImmediate(resolve))
  }
}
