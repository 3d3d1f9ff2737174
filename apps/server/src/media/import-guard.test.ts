import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { onSqlite } from '../platform/testing/databases.ts'
import { png, startMedia } from './testing/media-under-test.ts'

// A server inside: it listens wherever loopback is, and whatever reaches it is an escape. Its counterpart is the public one below.
const inside: { server: Server; reached: string[]; port: number } = {
  server: createServer(),
  reached: [],
  port: 0,
}
beforeAll(async () => {
  inside.server.on('connection', (socket) => inside.reached.push(String(socket.localAddress)))
  inside.server.on('request', (_, answer) => answer.end('secret'))
  inside.port = await listening(inside.server, '::')
})
afterAll(() => inside.server.close())

/** Names that a stranger's DNS server answers for. */
const names = {
  'loopback.example': ['127.0.0.1'],
  'loopback6.example': ['::1'],
  'private.example': ['10.1.2.3'],
  'metadata.example': ['169.254.169.254'],
  'mixed.example': ['93.184.215.14', '127.0.0.1'],
  'mixed6.example': ['2606:2800:21f:cb07:6820:80da:af6b:8b2c', '::ffff:127.0.0.1'],
  'nat64.example': ['64:ff9b::7f00:1'],
  'sixtofour.example': ['2002:7f00:1::'],
  'teredo.example': ['2001:0:4136:e378:8000:63bf:3fff:fdd2'],
  'ula.example': ['fd12:3456::1'],
  'link-local.example': ['fe80::1'],
  'zero.example': ['0.0.0.0'],
  'garbage.example': ['not an address'],
}

/** What an import by URL must not fetch; `PORT` is the inside server's. */
const urls = [
  // Files and other schemes
  'file:///etc/passwd',
  'file://localhost/etc/passwd',
  'FILE:///etc/passwd',
  'file:/etc/passwd',
  'file:\\\\\\etc\\passwd',
  '/etc/passwd',
  './master.key',
  '../../../../etc/passwd',
  '..\\..\\windows\\win.ini',
  'C:\\windows\\win.ini',
  '\\\\server\\share\\file',
  '//127.0.0.1:PORT/',
  '~/.ssh/id_rsa',
  '/proc/self/environ',
  '/dev/stdin',
  '/dev/zero',
  'ftp://127.0.0.1/x',
  'gopher://127.0.0.1:PORT/_GET',
  'dict://127.0.0.1:PORT/x',
  'ldap://127.0.0.1/x',
  'tftp://127.0.0.1/x',
  'jar:http://127.0.0.1:PORT/!/',
  'netdoc:///etc/passwd',
  'data:text/plain,secret',
  'blob:http://127.0.0.1:PORT/x',
  'javascript:alert(1)',
  'view-source:http://127.0.0.1:PORT/',
  'unix:///var/run/docker.sock',
  'http+unix://%2Fvar%2Frun%2Fdocker.sock/x',
  'php://filter/resource=/etc/passwd',
  'ws://127.0.0.1:PORT/',
  'about:blank',
  'etc/passwd',
  'http://',
  'http://?',
  'https://#',
  // IPv4 in every spelling
  'http://127.0.0.1:PORT/',
  'http://127.1:PORT/',
  'http://127.0.1:PORT/',
  'http://2130706433:PORT/',
  'http://0x7f000001:PORT/',
  'http://0x7f.1:PORT/',
  'http://0177.0.0.1:PORT/',
  'http://017700000001:PORT/',
  'http://127.0.0.1.:PORT/',
  'http://127.0.0.%31:PORT/',
  'http://①②⑦.⓪.⓪.①:PORT/',
  'http://127。0。0。1:PORT/',
  'HTTP://127.0.0.1:PORT/',
  'http:\\\\127.0.0.1:PORT\\',
  'http:127.0.0.1:PORT/',
  'http:///127.0.0.1:PORT/',
  '\thttp://127.0.0.1:PORT/\n',
  'http://127.0.0.1\t:PORT/',
  'http://0:PORT/',
  'http://0.0.0.0:PORT/',
  'http://10.0.0.1/',
  'http://100.64.0.1/',
  'http://100.100.100.200/latest/meta-data/',
  'http://169.254.169.254/latest/meta-data/iam/security-credentials/',
  'http://2852039166/latest/meta-data/',
  'http://0xa9fea9fe/',
  'http://172.16.0.1/',
  'http://192.0.0.192/',
  'http://192.168.1.1/admin',
  'http://198.18.0.1/',
  'http://224.0.0.1/',
  'http://240.0.0.1/',
  'http://255.255.255.255/',
  // IPv6, and IPv4 hidden in it
  'http://[::1]:PORT/',
  'http://[::]:PORT/',
  'http://[0:0:0:0:0:0:0:1]:PORT/',
  'http://[::ffff:127.0.0.1]:PORT/',
  'http://[::ffff:7f00:1]:PORT/',
  'http://[::127.0.0.1]:PORT/',
  'http://[64:ff9b::127.0.0.1]:PORT/',
  'http://[2002:7f00:1::]:PORT/',
  'http://[fc00::1]/',
  'http://[fd00:ec2::254]/latest/meta-data/',
  'http://[fe80::1]/',
  'http://[fe80::1%25eth0]:PORT/',
  'http://[ff02::1]/',
  // Users, ports and parsers that disagree
  'http://user:password@127.0.0.1:PORT/',
  'http://example.com@127.0.0.1:PORT/',
  'http://127.0.0.1:PORT@example.com/',
  'http://example.com#@127.0.0.1:PORT/',
  'http://127.0.0.1:PORT\\@example.com/',
  'http://example.com:22/',
  'http://example.com:6379/',
  'http://example.com:PORT/',
  // Names
  'http://localhost:PORT/',
  'http://LOCALHOST:PORT/',
  'http://localhost.:PORT/',
  'http://sub.localhost:PORT/',
  'http://metadata.google.internal/computeMetadata/v1/',
  ...Object.keys(names).flatMap((name) => [`http://${name}/`, `http://${name}:PORT/`]),
]

/** Ids that are paths, or would be if somebody made one of them. */
const ids = [
  '..',
  '../..',
  '../../master.key',
  '..%2f..%2fmaster.key',
  '%2e%2e%2fmaster.key',
  '%2e%2e',
  '..%5c..%5cmaster.key',
  '....//master.key',
  '%252e%252e%252fmaster.key',
  '%c0%ae%c0%ae/master.key',
  '/etc/passwd',
  '%2fetc%2fpasswd',
  'file:%2f%2f%2fetc%2fpasswd',
  'C:%5cwindows%5cwin.ini',
  'inbox-hub.db',
  'media%2ffiles',
  'master.key%00.png',
  '%00',
  '.',
  '~',
  'con',
  '__proto__',
  'constructor',
  "' OR 1=1 --",
  '%27%20OR%20%271%27%3D%271',
  '*',
  '%25',
  'x'.repeat(100),
  'ef/ab/efab',
]

onSqlite('imports and ids that mean something else', ({ open }) => {
  test(`none of ${urls.length} addresses of files and of hosts inside is fetched, directly or by redirect`, async () => {
    // Public as far as the guard is told: its address is allowed, and that address alone.
    const redirecting = createServer((request, answer) => {
      const at = new URL(request.url ?? '/', 'http://x').searchParams.get('to') ?? ''
      answer.writeHead(302, { location: at }).end()
    })
    const port = await listening(redirecting, '127.0.0.77')
    using _server = { [Symbol.dispose]: () => redirecting.close() }
    await using hub = await startMedia(await open(), { names, allowed: '127.0.0.77/32' })
    await writeFile(join(hub.dataDir, 'master.key'), 'secret')

    const escapes: string[] = []
    const attempt = async (url: string) => {
      const { status, json } = await hub.call('POST', '/api/media/import', {
        body: JSON.stringify({ url }),
        headers: { 'content-type': 'application/json' },
      })
      // Refused, or (where a name is not known at all) not found: never fetched, never our fault.
      if (status !== 400) escapes.push(`${url}: ${status} ${JSON.stringify(json)}`)
      else if (!['MEDIA_URL_REFUSED', 'MEDIA_URL_FAILED'].includes(String(json['code'])))
        escapes.push(`${url}: ${String(json['code'])}`)
    }
    expect(urls.length).toBeGreaterThanOrEqual(80)
    for (const vector of urls) {
      const url = vector.replaceAll('PORT', String(inside.port))
      await attempt(url)
      // A relative redirect leads to the redirecting server itself, and so to nowhere.
      // Header values cannot carry what is not Latin-1; those addresses are tried directly above.
      if (/^[\u0020-\u007E]*$/.test(url)) {
        await attempt(`http://127.0.0.77:${port}/?to=${encodeURIComponent(url)}`)
      }
    }
    expect(escapes).toEqual([])
    expect(inside.reached).toEqual([])
    expect(await hub.database.read.selectFrom('media').selectAll().execute()).toEqual([])
  }, 120_000)

  test(`none of ${ids.length} ids that look like paths opens anything`, async () => {
    await using hub = await startMedia(await open())
    await hub.upload(png)
    await writeFile(join(hub.dataDir, 'master.key'), 'secret')
    const escapes: string[] = []
    for (const id of ids) {
      for (const path of [`/api/media/${id}`, `/api/media/${id}/download`, `/api/media/files/${id}`]) {
        const { status, bytes } = await hub.call('GET', path)
        if (status < 400 || status >= 500 || bytes.includes('secret')) escapes.push(`${path}: ${status}`)
      }
      const gone = await hub.call('DELETE', `/api/media/${id}`)
      if (gone.status < 400 || gone.status >= 500) escapes.push(`DELETE ${id}: ${gone.status}`)
    }
    expect(escapes).toEqual([])
  })

  test('names of files are names, whatever was given', async () => {
    await using hub = await startMedia(await open())
    for (const [given, kept] of [
      ['../../../etc/passwd', 'passwd'],
      ['..\\..\\win.ini', 'win.ini'],
      ['/etc/cron.d/x', 'x'],
      ['a\u0000b\r\nSet-Cookie: x.png', 'abSet-Cookie x.png'],
      ['invoice\u202Efdp.exe', 'invoicefdp.exe'],
      ['con.txt', '_con.txt'],
      ['"; filename="x.html', '; filename=x.html'],
      ['日本語.png', '日本語.png'],
      [`${'ñ'.repeat(120)}.png`, `${'ñ'.repeat(98)}.png`],
    ]) {
      const form = new FormData()
      form.append('file', new Blob([png]), 'x.png')
      form.append('fileName', given ?? '')
      const { json } = await hub.call('POST', '/api/media', { body: form })
      expect(json['data']?.filename).toBe(kept)
      const { headers } = await hub.call('GET', `/api/media/${json['data'].mediaId}/download`)
      expect(headers.get('content-disposition')).toMatch(
        /^inline; filename="[^"\\]*"(; filename\*=UTF-8''[\w%.!~&+-]+)?$/,
      )
      expect(headers.get('set-cookie')).toBeNull()
    }
    for (const given of ['..', '.', '///', '\u202E']) {
      const form = new FormData()
      form.append('file', new Blob([png]), given)
      const { json } = await hub.call('POST', '/api/media', { body: form })
      expect(json['data'].filename).toMatch(/^image-\d+\.png$/)
    }
  })

  test('a link that somebody put into the store is not followed', async () => {
    await using hub = await startMedia(await open())
    const { mediaId, sha256: hash } = await hub.upload(png)
    const path = join(hub.dataDir, 'media', 'files', hash.slice(0, 2), hash.slice(2, 4), hash)
    await writeFile(join(hub.dataDir, 'elsewhere'), png)
    await symlink(join(hub.dataDir, 'elsewhere'), `${path}.link`)
    const { rename } = await import('node:fs/promises')
    await rename(`${path}.link`, path)
    expect((await hub.call('GET', `/api/media/${mediaId}/download`)).json).toMatchObject({
      code: 'MEDIA_DAMAGED',
    })
  })

  test('what may be fetched is, over redirects, streamed, and only as much as a file may have', async () => {
    const files = createServer((request, answer) => {
      if (request.url === '/hop') answer.writeHead(302, { location: '/a/Fact%C3%BAra%201.png?token=x' }).end()
      else if (request.url === '/loop') answer.writeHead(302, { location: '/loop' }).end()
      else if (request.url === '/large') {
        answer.writeHead(200, { 'content-type': 'video/mp4' })
        const more = (): void => {
          while (!answer.destroyed && answer.write(Buffer.alloc(65_536)));
          if (!answer.destroyed) answer.once('drain', more)
        }
        more()
      } else if (request.url === '/announced')
        answer.writeHead(200, { 'content-length': '99999999999' }).write('x')
      else if (request.url === '/cut') {
        answer.writeHead(200, { 'content-length': '1000' })
        answer.write('x', () => answer.destroy())
      } else if (request.url === '/404') answer.writeHead(404).end()
      else if (request.url === '/empty') answer.writeHead(200).end()
      else answer.writeHead(200, { 'content-type': 'text/html' }).end(png)
    })
    const port = await listening(files, '127.0.0.1')
    using _server = {
      [Symbol.dispose]: () => {
        files.closeAllConnections()
        files.close()
      },
    }
    await using hub = await startMedia(await open(), {
      names: { 'files.example': ['127.0.0.1'] },
      allowed: '127.0.0.0/8',
    })
    const from = async (path: string, more: object = {}) =>
      await hub.call('POST', '/api/media/import', {
        body: JSON.stringify({ url: `http://files.example:${port}${path}`, ...more }),
        headers: { 'content-type': 'application/json' },
      })
    const hop = await from('/hop', { sessionId: 'support' })
    expect(hop.status).toBe(201)
    expect(hop.json['data']).toMatchObject({
      filename: 'Factúra 1.png',
      mimeType: 'image/png',
      size: png.length,
    })
    expect((await from('/x', { type: 'video' })).json).toMatchObject({ code: 'FILE_TYPE_MISMATCH' })
    expect((await from('/x', { sessionId: 'nobody' })).json).toMatchObject({ code: 'SESSION_NOT_FOUND' })
    for (const [path, code] of [
      ['/loop', 'MEDIA_URL_REFUSED'],
      ['/large', 'FILE_TOO_LARGE'],
      ['/announced', 'FILE_TOO_LARGE'],
      ['/cut', 'MEDIA_URL_FAILED'],
      ['/404', 'MEDIA_URL_FAILED'],
      ['/empty', 'FILE_EMPTY'],
    ]) {
      expect((await from(path ?? '')).json).toMatchObject({ code })
    }
  })
})

async function listening(server: Server, host: string): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  // A TCP server's address is this object.
  return (server.address() as AddressInfo).port
}
