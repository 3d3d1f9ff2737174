import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'

import { endpoints } from '@inbox-hub/contract'
import { type MediaContent, mediaOf, type Phone } from '@inbox-hub/emulator'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'

import { eventually, type Hub, type PairedSession, startHub } from './harness.ts'

// T16: what a stranger can put into a message with a file, or behind its link. Nothing of it may leave the store, fill the disk, be run by
// a browser, or lead the hub to another host. `npm run chaos -- media` does the same with 2 GB and 10,000 files.

const mebibyte = 1024 * 1024

let hub: Hub
let support: PairedSession
let customer: Phone
/** A host that nobody may be led to. */
let elsewhere: Server
let led = 0

beforeAll(async () => {
  // libsignal prints its session records, keys included.
  vi.spyOn(console, 'error').mockImplementation(() => {})
  elsewhere = createServer((socket) => {
    led += 1
    socket.destroy()
  }).listen(0, '127.0.0.1')
  hub = await startHub({ env: { MEDIA_MAX_MB: '1' } })
  support = await hub.pairSession('support')
  customer = hub.emulator.phone('+12025550123')
})
afterAll(async () => {
  await hub[Symbol.asyncDispose]()
  elsewhere.close()
})

const mediaOfMessage = (messageId: string) =>
  hub.api.call(endpoints.getMessageMedia, { params: { sessionId: 'support', messageId } })

async function codeOf(work: Promise<unknown>): Promise<string> {
  const failure = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  return failure instanceof Error && 'code' in failure
    ? String(failure.code)
    : `not refused: ${String(failure)}`
}

/** Asks until the answer is final: what may come later is tried again. */
async function refusalOf(messageId: string): Promise<string> {
  return eventually(
    async () => {
      const code = await codeOf(mediaOfMessage(messageId))
      return code === 'MEDIA_NOT_READY' ? undefined : code
    },
    () => `${messageId} was never refused for good`,
  )
}

/** The message as it is listed, once it is. */
async function arrived(messageId: string): Promise<{ mediaUrl: string | null }> {
  return eventually(
    async () => {
      const { messages } = await hub.api.call(endpoints.listMessages, {
        params: { sessionId: 'support' },
        query: { limit: 1000 },
      })
      return messages.find((message) => message.messageId === messageId)
    },
    () => `${messageId} was not received`,
  )
}

/** The link to its file. */
async function received(messageId: string): Promise<string> {
  return (await arrived(messageId)).mediaUrl ?? `${messageId} has no link`
}

const send = (content: MediaContent): string => customer.sendsMedia(support.number, content).id

function pathOf(messageId: string): string {
  return mediaOf(customer.messages.find(({ id }) => id === messageId)?.message)?.reference.directPath ?? ''
}

/** Everything below the directory of files: names, and what lies around it. */
async function filesOnDisk(): Promise<{ drafts: string[]; files: string[] }> {
  const inside = async (name: string): Promise<string[]> => {
    const found = await readdir(join(hub.dataDir, 'media', name), {
      recursive: true,
      withFileTypes: true,
    }).catch(() => [])
    return found.filter((entry) => entry.isFile()).map(({ name: file }) => file)
  }
  return { drafts: await inside('drafts'), files: await inside('files') }
}

async function nothingIsLeft(): Promise<void> {
  const { drafts, files } = await filesOnDisk()
  expect(drafts).toEqual([])
  for (const file of files) expect(file).toMatch(/^[\da-f]{64}$/)
}

const picture = (bytes: number): Buffer =>
  Buffer.concat([Buffer.from('ffd8ffe000104a464946', 'hex'), randomBytes(bytes)])

describe('a file that is not what its message says is not kept', () => {
  test.each<[string, MediaContent['lies'], string]>([
    ['another file by its hash', { fileSha256: randomBytes(32) }, 'MEDIA_REJECTED'],
    ['another file as it is sent', { fileEncSha256: randomBytes(32) }, 'MEDIA_REJECTED'],
    ['under another key', { mediaKey: randomBytes(32) }, 'MEDIA_REJECTED'],
    ['under half a key', { mediaKey: randomBytes(16) }, 'MEDIA_REJECTED'],
    ['of 2 GB, it says', { fileLength: 2 ** 31 }, 'FILE_TOO_LARGE'],
    ['without a path', { directPath: '' }, 'MEDIA_NOT_FOUND'],
  ])('%s', async (_, lies, code) => {
    const id = send({ media: 'image', bytes: picture(3000), ...(lies && { lies }) })
    await arrived(id)
    expect(await refusalOf(id)).toBe(code)
    await nothingIsLeft()
  })

  test.each([
    ['a changed byte', { kind: 'corrupt', where: 'middle' } as const, 'MEDIA_REJECTED'],
    ['a changed MAC', { kind: 'corrupt', where: 'mac' } as const, 'MEDIA_REJECTED'],
    ['the half of it, as if that were all', { kind: 'short' } as const, 'MEDIA_REJECTED'],
    ['five bytes of it', { kind: 'short', afterBytes: 5 } as const, 'MEDIA_REJECTED'],
    ['nothing of it', { kind: 'short', afterBytes: 0 } as const, 'MEDIA_REJECTED'],
    ['bytes without end', { kind: 'endless' } as const, 'FILE_TOO_LARGE'],
  ])('%s', async (_, fault, code) => {
    // Every time: an attempt that the hub made by itself is one of them.
    using _faults = hub.emulator.media.onDownloads(fault, { times: 1000 })
    const id = send({ media: 'image', bytes: picture(50_000) })
    await received(id)
    expect(await refusalOf(id)).toBe(code)
    await nothingIsLeft()
  })

  test('a wrong length alone is a wrong label: the file is right by its hash', async () => {
    const id = send({ media: 'image', bytes: picture(3000), lies: { fileLength: 7 } })
    await received(id)
    expect((await mediaOfMessage(id)).filesize).toBe(3010)
  })

  test('more than is taken breaks off, however much it says it is', async () => {
    const id = send({ media: 'document', bytes: { zeros: 3 * mebibyte }, lies: { fileLength: 1000 } })
    await received(id)
    expect(await refusalOf(id)).toBe('FILE_TOO_LARGE')
    await nothingIsLeft()
  })
})

describe('a message leads nowhere but to the media host', () => {
  const port = () => (elsewhere.address() as { port: number }).port
  test('whatever its address and path say', async () => {
    const paths = [
      `//127.0.0.1:${port()}/x`,
      `https://127.0.0.1:${port()}/x`,
      `@127.0.0.1:${port()}/x`,
      `:${port()}/x`,
      `/\\127.0.0.1:${port()}/x`,
      '/v/../../etc/passwd',
      'file:///etc/passwd',
      '/v/x y',
      '/v/x\r\nHost: evil',
      `/${'x'.repeat(5000)}`,
    ]
    const ids = paths.map((directPath) =>
      send({
        media: 'image',
        bytes: picture(100),
        lies: { directPath, url: `https://127.0.0.1:${port()}/x` },
      }),
    )
    const own = send({ media: 'image', bytes: picture(100), lies: { url: `https://127.0.0.1:${port()}/x` } })
    await received(own)
    expect((await mediaOfMessage(own)).filesize).toBe(110)
    support.phone.mediaRetries = 'not_found'
    for (const id of ids) expect(await refusalOf(id)).toBe('MEDIA_EXPIRED')
    support.phone.mediaRetries = 'uploads'
    expect(led).toBe(0)
    const asked = hub.emulator.truth.media.filter(({ path }) => paths.some((lie) => path.includes(lie)))
    expect(asked.filter(({ status }) => status === 200)).toEqual([])
  })

  test('nor does a redirect', async () => {
    const location = `https://127.0.0.1:${port()}/x`
    using _redirects = hub.emulator.media.onDownloads(
      { kind: 'status', status: 302, location },
      { times: 1000 },
    )
    const id = send({ media: 'image', bytes: picture(100) })
    await received(id)
    expect(await codeOf(mediaOfMessage(id))).toBe('MEDIA_NOT_READY')
    expect(led).toBe(0)
  })
})

describe('a file is given out as what its bytes are', () => {
  const html = Buffer.from('<!doctype html><script>alert(1)</script>')
  const svg = Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>')
  /** A picture of 30,000 by 30,000 pixels, in 100 bytes. */
  const bomb = Buffer.concat([
    Buffer.from('89504e470d0a1a0a0000000d49484452000075300000753008060000', 'hex'),
    randomBytes(80),
  ])
  const program = Buffer.concat([Buffer.from('MZ'), randomBytes(200)])

  test.each<[string, MediaContent, string]>([
    [
      'a page that says it is a picture',
      { media: 'image', bytes: html, mimetype: 'image/png' },
      'application/octet-stream',
    ],
    [
      'a page that says it is one',
      { media: 'document', bytes: html, mimetype: 'text/html' },
      'application/octet-stream',
    ],
    [
      'a drawing with a script',
      { media: 'image', bytes: svg, mimetype: 'image/svg+xml' },
      'application/octet-stream',
    ],
    ['a program', { media: 'image', bytes: program, mimetype: 'image/jpeg' }, 'application/octet-stream'],
    [
      'a type that is a header',
      { media: 'document', bytes: html, mimetype: 'text/html\r\nx: y' },
      'application/octet-stream',
    ],
    ['a picture that is a bomb', { media: 'image', bytes: bomb, mimetype: 'image/jpeg' }, 'image/png'],
  ])('%s', async (_, content, type) => {
    const answer = await fetch(await received(send(content)))
    expect(answer.status).toBe(200)
    expect(answer.headers.get('content-type')).toBe(type)
    expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
    expect(answer.headers.get('content-security-policy')).toMatch(/default-src 'none'|sandbox/)
    if (type === 'application/octet-stream')
      expect(answer.headers.get('content-disposition')).toMatch(/^attachment/)
    expect(answer.headers.get('x')).toBeNull()
  })

  test.each([
    ['../../../../etc/passwd', 'passwd'],
    ['..\\..\\windows\\system32\\x.pdf', 'x.pdf'],
    ['a\u0000b\r\nset-cookie: x.pdf', 'abset-cookie x.pdf'],
    ['invoice\u202Efdp.exe', 'invoicefdp.exe'],
    ['con.txt', '_con.txt'],
    ['...', /^document-\d+\.bin$/],
    [`${'x'.repeat(5000)}.pdf`, /^x{1,200}\.pdf$/],
  ])('the name %j is a name', async (fileName, expected) => {
    const id = send({ media: 'document', bytes: randomBytes(500), fileName, mimetype: 'application/x-thing' })
    await received(id)
    expect((await mediaOfMessage(id)).filename).toEqual(
      expected instanceof RegExp ? expect.stringMatching(expected) : expected,
    )
    await nothingIsLeft()
  })

  test('a thumbnail that is none is not given out', async () => {
    const id = send({ media: 'image', bytes: picture(100), thumbnail: html })
    await received(id)
    expect((await mediaOfMessage(id)).thumbnailUrl).toBeNull()
  })
})

test('many files at once are fetched a few at a time, and text goes on meanwhile', async () => {
  const count = 60
  let together = 0
  let most = 0
  const open = new Set<unknown>()
  const ids = Array.from({ length: count }, (_, index) => {
    const id = send({ media: 'image', bytes: picture(100 + index) })
    hub.emulator.media.onDownloads({ kind: 'slow', delayMs: 40 }, { directPath: pathOf(id) })
    return id
  })
  const watch = (): void => {
    open.clear()
    for (const transfer of hub.emulator.truth.media) if (transfer.endedAt === undefined) open.add(transfer)
    together = open.size
    most = Math.max(most, together)
  }
  await arrived(customer.sends(support.number, 'and a text').id)
  const { files } = await filesOnDisk()
  const before = files.length
  await eventually(
    async () => {
      watch()
      const done = new Set<string>()
      for (let after = 0, hasMore = true; hasMore;) {
        const page = await hub.api.call(endpoints.listEvents, {
          query: { after, limit: 1000, types: 'media.downloaded' },
        })
        for (const { data } of page.events) done.add(String(data['messageId']))
        after = page.next
        hasMore = page.hasMore
      }
      return ids.every((id) => done.has(id)) ? true : undefined
    },
    () => 'not all files came',
  )
  // The text did not wait for them; and of one session there are never more than two.
  expect((await filesOnDisk()).files.length).toBeGreaterThan(before)
  expect(most).toBeLessThanOrEqual(2)
  await nothingIsLeft()
})
