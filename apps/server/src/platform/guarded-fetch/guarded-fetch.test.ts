import type { LookupAddress } from 'node:dns'
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo } from 'node:net'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { systemClock } from '../clock.ts'
import { createManualClock } from '../testing/manual-clock.ts'
import type { Resolve } from './connector.ts'
import {
  type Allowed,
  createGuardedFetch,
  type GuardedFetch,
  OutboundError,
  type OutboundAnswer,
  type OutboundRequest,
  parseAllowed,
} from './index.ts'

// A host inside: it listens wherever loopback is, and everything that reaches it is an escape.
const inside: { server: Server; reached: string[]; port: number } = {
  server: createServer(),
  reached: [],
  port: 0,
}

beforeAll(async () => {
  inside.server.on('connection', (socket) => inside.reached.push(`${socket.localAddress}`))
  inside.server.on('request', (_: IncomingMessage, answer: ServerResponse) => answer.end('secret'))
  inside.port = await listening(inside.server, '::')
})
afterAll(() => inside.server.close())

/** Names that a stranger's DNS server answers for. */
const names: Record<string, string[]> = {
  'loopback.example': ['127.0.0.1'],
  'loopback6.example': ['::1'],
  'private.example': ['10.1.2.3'],
  'metadata.example': ['169.254.169.254'],
  'mixed.example': ['93.184.215.14', '127.0.0.1'],
  'mixed-family.example': ['2606:2800:21f:cb07:6820:80da:af6b:8b2c', '::ffff:127.0.0.1'],
  'mapped.example': ['::ffff:127.0.0.1'],
  'nat64.example': ['64:ff9b::7f00:1'],
  'sixtofour.example': ['2002:7f00:1::'],
  'teredo.example': ['2001:0:4136:e378:8000:63bf:3fff:fdd2'],
  'unique-local.example': ['fd12:3456::1'],
  'link-local.example': ['fe80::1'],
  'unspecified.example': ['0.0.0.0'],
  'zone.example': ['fe80::1%1'],
  'empty.example': [],
  'garbage.example': ['not an address'],
}
const resolve: Resolve = (hostname, _, callback) => {
  const addresses = names[hostname]
  if (addresses === undefined) callback(Object.assign(new Error('no such host'), { code: 'ENOTFOUND' }), [])
  else
    callback(
      null,
      addresses.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 })),
    )
}

/** URLs of hosts inside; `PORT` is where ours listens. */
const vectors = [
  // IPv4 in every spelling that a URL parser or a resolver may accept
  'http://127.0.0.1:PORT/',
  'http://127.0.0.2:PORT/',
  'http://127.255.255.254:PORT/',
  'http://127.1:PORT/',
  'http://127.0.1:PORT/',
  'http://2130706433:PORT/',
  'http://0x7f000001:PORT/',
  'http://0x7f.0.0.1:PORT/',
  'http://0x7f.1:PORT/',
  'http://0177.0.0.1:PORT/',
  'http://0177.1:PORT/',
  'http://017700000001:PORT/',
  'http://127.0.0.1.:PORT/',
  'http://127.0.0.%31:PORT/',
  'http://%31%32%37.0.0.1:PORT/',
  'http://①②⑦.⓪.⓪.①:PORT/',
  'http://127。0。0。1:PORT/',
  'http://127.0.0.1:PORT',
  'HTTP://127.0.0.1:PORT/',
  'http:\\\\127.0.0.1:PORT\\',
  'http:127.0.0.1:PORT/',
  'http:///127.0.0.1:PORT/',
  '\thttp://127.0.0.1:PORT/\n',
  'http://127.0.0.1\t:PORT/',
  'http://0:PORT/',
  'http://0.0.0.0:PORT/',
  'http://0x0:PORT/',
  'http://0.0.0.1:PORT/',
  'http://10.0.0.1/',
  'http://10.255.255.255/',
  'http://012.0.0.1/',
  'http://167772161/',
  'http://100.64.0.1/',
  'http://100.100.100.200/latest/meta-data/',
  'http://100.127.255.255/',
  'http://168.63.129.16/machine',
  'http://169.254.169.254/latest/meta-data/',
  'http://169.254.0.1/',
  'http://2852039166/latest/meta-data/',
  'http://0xa9fea9fe/latest/meta-data/',
  'http://0251.0376.0251.0376/latest/meta-data/',
  'http://172.16.0.1/',
  'http://172.31.255.255/',
  'http://192.0.0.1/',
  'http://192.0.0.192/opc/v2/instance/',
  'http://192.0.2.1/',
  'http://192.88.99.1/',
  'http://192.168.0.1/',
  'http://192.168.255.255/',
  'http://3232235521/',
  'http://198.18.0.1/',
  'http://198.19.255.255/',
  'http://198.51.100.1/',
  'http://203.0.113.1/',
  'http://224.0.0.1/',
  'http://239.255.255.250/',
  'http://240.0.0.1/',
  'http://255.255.255.255/',
  // IPv6, and IPv4 inside it
  'http://[::1]:PORT/',
  'http://[0:0:0:0:0:0:0:1]:PORT/',
  'http://[0000::0001]:PORT/',
  'http://[::]:PORT/',
  'http://[::ffff:127.0.0.1]:PORT/',
  'http://[::ffff:7f00:1]:PORT/',
  'http://[0:0:0:0:0:ffff:127.0.0.1]:PORT/',
  'http://[::ffff:10.0.0.1]/',
  'http://[::ffff:169.254.169.254]/',
  'http://[::ffff:0:127.0.0.1]/',
  'http://[::127.0.0.1]:PORT/',
  'http://[::7f00:1]:PORT/',
  'http://[64:ff9b::127.0.0.1]/',
  'http://[64:ff9b::a9fe:a9fe]/',
  'http://[64:ff9b:1::1]/',
  'http://[100::1]/',
  'http://[2001::1]/',
  'http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/',
  'http://[2001:2::1]/',
  'http://[2001:10::1]/',
  'http://[2001:20::1]/',
  'http://[2001:db8::1]/',
  'http://[2002:7f00:1::]/',
  'http://[2002:a9fe:a9fe::]/',
  'http://[3fff::1]/',
  'http://[5f00::1]/',
  'http://[fc00::1]/',
  'http://[fd00:ec2::254]/latest/meta-data/',
  'http://[fdff:ffff::1]/',
  'http://[fe80::1]/',
  'http://[febf::1]/',
  'http://[fec0::1]/',
  'http://[ff02::1]/',
  'http://[ff0e::1]/',
  'http://[4000::1]/',
  // names
  ...Object.keys(names)
    .filter((name) => name !== 'empty.example')
    .map((name) => `http://${name}:PORT/`),
  'http://LOOPBACK.example:PORT/',
  'https://loopback.example:PORT/',
  // not ours to speak
  'file:///etc/passwd',
  'ftp://ftp.example/',
  'gopher://127.0.0.1:PORT/_x',
  'data:text/plain,x',
  'blob:http://loopback.example/1',
  'ws://loopback.example:PORT/',
  'unix:/var/run/docker.sock',
  'http+unix://%2Fvar%2Frun%2Fdocker.sock/info',
  'javascript:alert(1)',
  '//127.0.0.1:PORT/',
  '/etc/passwd',
  '',
  'http://',
  'http://[::1',
  'http://127.0.0.1:99999/',
  // who is asked is not who it looks like
  'http://public.example@127.0.0.1:PORT/',
  'http://user:password@public.example/',
  'http://user@public.example/',
  'http://127.0.0.1:PORT#@public.example/',
  'http://127.0.0.1:PORT?@public.example/',
  'http://127.0.0.1:PORT\\@public.example/',
  // ports that are not the web's
  'http://93.184.215.14:22/',
  'http://93.184.215.14:25/',
  'http://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]:6379/',
]

describe('what a stranger asks for inside', () => {
  test('there are at least eighty ways to ask', () => {
    expect(new Set(vectors).size).toBe(vectors.length)
    expect(vectors.length).toBeGreaterThanOrEqual(80)
  })

  test.each(vectors)('%j is not asked', async (vector) => {
    // The port is allowed, so that the address alone is what refuses.
    await using guarded = createGuardedFetch({
      allowed: allow(`:${inside.port}`),
      clock: systemClock,
      resolve,
    })
    const url = vector.replace('PORT', String(inside.port))
    const outcome = await sent(guarded, { url })
    expect(outcome).toBeInstanceOf(OutboundError)
    expect(outcome).toMatchObject({ because: 'forbidden' })
    expect(inside.reached).toEqual([])
  })

  test('neither do the guarded connections that libraries are given', async () => {
    await using guarded = createGuardedFetch({
      allowed: allow(`:${inside.port}`),
      clock: systemClock,
      resolve,
    })
    const dispatcher = await guarded.dispatcher()
    for (const host of ['127.0.0.1', '[::1]', 'loopback.example', '[::ffff:127.0.0.1]']) {
      const asked = dispatcher.request({
        origin: `http://${host}:${inside.port}`,
        path: '/',
        method: 'GET',
      })
      await expect(asked).rejects.toThrow(OutboundError)
    }
    expect(inside.reached).toEqual([])
  })

  test('a name that changes its answer gains nothing: what was judged is what is connected to', async () => {
    await using outside = await receiver((_, answer) =>
      answer.writeHead(200, { connection: 'close' }).end('ok'),
    )
    const answers = ['127.0.0.2', '127.0.0.1', '::1']
    const rebinding: Resolve = (_, __, callback) => {
      const address = answers.shift() ?? '127.0.0.1'
      callback(null, [{ address, family: address.includes(':') ? 6 : 4 }])
    }
    // 127.0.0.2 plays the public address.
    const allowed = allow('127.0.0.2')
    await using guarded = createGuardedFetch({ allowed, clock: systemClock, resolve: rebinding })
    const url = `http://rebinding.example:${outside.port}/`
    expect(await sent(guarded, { url })).toMatchObject({ status: 200 })
    expect(await sent(guarded, { url })).toMatchObject({ because: 'forbidden' })
    expect(await sent(guarded, { url })).toMatchObject({ because: 'forbidden' })
    expect(answers).toEqual([])
  })

  test.each([
    'http://127.0.0.1:PORT/',
    'http://loopback.example:PORT/',
    'file:///etc/passwd',
    'http://[::1]:PORT/',
    'http://a@127.0.0.3/',
  ])('a redirect to %s is judged again and refused', async (location) => {
    await using outside = await receiver((_, answer) =>
      answer.writeHead(302, { location: location.replace('PORT', String(inside.port)) }).end(),
    )
    await using guarded = createGuardedFetch({ allowed: allow('127.0.0.2'), clock: systemClock, resolve })
    const fetched = guarded.fetchBytes(`http://127.0.0.2:${outside.port}/`, {
      maxBytes: 10,
      timeoutMs: 5_000,
    })
    await expect(fetched).rejects.toMatchObject({ because: 'forbidden' })
    expect(inside.reached).toEqual([])
  })
})

describe('what an operator allows', () => {
  test.each([
    ['127.0.0.0/8', 'http://127.0.0.1:PORT/'],
    ['127.0.0.1', 'http://2130706433:PORT/'],
    ['10.0.0.0/8, 127.0.0.1/32', 'http://loopback.example:PORT/'],
    ['127.0.0.1', 'http://[::ffff:127.0.0.1]:PORT/'],
    ['::ffff:127.0.0.0/104', 'http://127.0.0.1:PORT/'],
    ['::1', 'http://[::1]:PORT/'],
    ['::/0,0.0.0.0/0', 'http://loopback6.example:PORT/'],
  ])('%s opens %s', async (text, url) => {
    await using outside = await receiver((_, answer) => answer.end('hello'), '::')
    await using guarded = createGuardedFetch({ allowed: allow(text), clock: systemClock, resolve })
    const outcome = await sent(guarded, { url: url.replace('PORT', String(outside.port)) })
    expect(outcome).toMatchObject({ status: 200 })
  })

  test('an address the operator configured is called wherever it is, and strangers gain no way there', async () => {
    await using outside = await receiver((_, answer) => answer.end('hello'))
    await using guarded = createGuardedFetch({ allowed: allow(''), clock: systemClock, resolve })
    const url = `http://loopback.example:${outside.port}/`
    expect(await sent(guarded, { url, chosenBy: 'operator' })).toMatchObject({ status: 200 })
    expect(await sent(guarded, { url })).toMatchObject({ because: 'forbidden' })
  })

  test.each([
    '10.0.0.0/33',
    '10.1',
    '0x7f000001',
    'localhost',
    ':0',
    ':70000',
    '10.0.0.1:80',
    '10.0.0.0/8/8',
    '10.0.0.0/',
  ])('%j cannot be read, and is named', (entry) => {
    expect(parseAllowed(`10.0.0.0/8, ${entry}`)).toEqual({ unreadable: entry })
  })

  test('a URL can be judged when it is entered, as far as it shows', () => {
    const guarded = createGuardedFetch({ allowed: allow('10.0.0.0/8'), clock: systemClock, resolve })
    expect(guarded.refusalOf('https://hooks.example/x')).toBeUndefined()
    expect(guarded.refusalOf('http://10.1.2.3:8000/x')).toBeUndefined()
    expect(guarded.refusalOf('http://192.168.1.1/')).toMatch(
      /192\.168\.1\.1 is not a public address.*OUTBOUND_ALLOW_CIDRS/,
    )
    expect(guarded.refusalOf('http://93.184.215.14:8443/')).toMatch(/port 8443.*:8443/)
    expect(guarded.refusalOf('nonsense')).toBe('not a URL')
  })
})

describe('an exchange', () => {
  test('the request arrives as given, the answer comes back as sent', async () => {
    const got: { method: string | undefined; url: string | undefined; header: unknown; body: string }[] = []
    await using outside = await receiver((request, answer) => {
      void textOf(request).then((body) => {
        got.push({ method: request.method, url: request.url, header: request.headers['x-a'], body })
        answer.writeHead(418, { 'X-B': 'b', 'Set-Cookie': ['a=1', 'b=2'] }).end('short and stout')
      })
    })
    await using guarded = local()
    const outcome = await sent(guarded, {
      method: 'POST',
      url: `http://127.0.0.1:${outside.port}/hook?x=ñ&y`,
      headers: { 'x-a': '1' },
      body: Buffer.from('{"a":1}'),
    })
    expect(got).toEqual([{ method: 'POST', url: '/hook?x=%C3%B1&y', header: '1', body: '{"a":1}' }])
    expect(outcome).toMatchObject({ status: 418, truncated: false })
    expect(answerOf(outcome).headers).toMatchObject({ 'x-b': 'b', 'set-cookie': ['a=1', 'b=2'] })
    expect(Buffer.from(answerOf(outcome).body).toString()).toBe('short and stout')
  })

  test('connections are kept for the next request', async () => {
    let connections = 0
    await using outside = await receiver((_, answer) => answer.end())
    outside.server.on('connection', () => connections++)
    await using guarded = local()
    for (let i = 0; i < 9; i++) await sent(guarded, { url: `http://127.0.0.1:${outside.port}/${i}` })
    // undici opens a second one when asked again in the very moment of an answer.
    expect(connections).toBeLessThanOrEqual(2)
  })

  test('requests of one name arrive in their order on one connection, several under way; the guard holds for them too', async () => {
    const arrived: (string | undefined)[] = []
    const answers: ServerResponse[] = []
    let connections = 0
    await using outside = await receiver((request, answer) => {
      arrived.push(request.url)
      answers.push(answer)
    })
    outside.server.on('connection', () => connections++)
    await using guarded = local()
    const paths = Array.from({ length: 12 }, (_, n) => `/${n}`)
    const outcomes = paths.map((path) =>
      sent(guarded, {
        method: 'POST',
        url: `http://127.0.0.1:${outside.port}${path}`,
        body: Buffer.from('{}'),
        inOrder: 'a lane',
      }),
    )
    await expect.poll(() => arrived.length).toBeGreaterThan(1)
    while (arrived.length < paths.length || answers.length > 0) {
      answers.shift()?.end('taken')
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(arrived).toEqual(paths)
    expect(connections).toBe(1)
    for (const outcome of await Promise.all(outcomes)) expect(outcome).toMatchObject({ status: 200 })

    const address = `http://loopback.example:${inside.port}/`
    const strict = createGuardedFetch({ allowed: allow(''), clock: systemClock, resolve })
    expect(await sent(strict, { url: address, inOrder: 'a lane' })).toMatchObject({ because: 'forbidden' })
    await strict[Symbol.asyncDispose]()
  })

  test('redirects are answers, except when fetching bytes, where three are followed', async () => {
    const headers: unknown[] = []
    await using outside = await receiver((request, answer) => {
      headers.push(request.headers['authorization'])
      const hops = Number(request.url?.slice(1))
      if (hops === 0) answer.end('here')
      else answer.writeHead(307, { location: `/${hops - 1}` }).end()
    })
    await using guarded = local()
    const base = `http://127.0.0.1:${outside.port}`
    expect(await sent(guarded, { url: `${base}/1` })).toMatchObject({ status: 307 })
    headers.length = 0
    const options = { maxBytes: 10, timeoutMs: 5_000, headers: { authorization: 'x' } }
    const fetched = await guarded.fetchBytes(`${base}/3`, options)
    expect([Buffer.from(fetched.body).toString(), fetched.url]).toEqual(['here', `${base}/0`])
    expect(headers).toEqual(['x', undefined, undefined, undefined])
    await expect(guarded.fetchBytes(`${base}/4`, options)).rejects.toThrow(/more than 3 redirects/)
    await expect(guarded.fetchBytes(`${base}/nowhere`, options)).rejects.toBeInstanceOf(OutboundError)
  })

  test('an answer larger than wanted is cut off or refused, and the connection dropped', async () => {
    const closed = Promise.withResolvers<void>()
    await using outside = await receiver((request, answer) => {
      request.socket.once('close', () => closed.resolve())
      const more = () => {
        while (answer.write(Buffer.alloc(65_536, 'x')));
      }
      answer.on('drain', more)
      more()
    })
    await using guarded = local()
    const url = `http://127.0.0.1:${outside.port}/`
    const cut = await sent(guarded, { url, maxBytes: 100_000, beyond: 'cut' })
    expect(cut).toMatchObject({ status: 200, truncated: true })
    expect(answerOf(cut).body).toHaveLength(100_000)
    await closed.promise
    expect(await sent(guarded, { url, maxBytes: 100_000, beyond: 'fail' })).toMatchObject({
      because: 'too_large',
    })
  })

  test.each(['never answers', 'never ends its answer', 'never accepts'])(
    'a receiver that %s costs its time and no more',
    async (kind) => {
      const arrived = Promise.withResolvers<void>()
      await using outside = await receiver((_, answer) => {
        if (kind === 'never ends its answer') answer.write('a')
        arrived.resolve()
      })
      const clock = createManualClock()
      const hanging: Resolve = () => arrived.resolve()
      await using guarded = createGuardedFetch({
        allowed: allow('127.0.0.1'),
        clock,
        ...(kind === 'never accepts' ? { resolve: hanging } : {}),
      })
      const host = kind === 'never accepts' ? 'slow.example' : '127.0.0.1'
      const outcome = sent(guarded, { url: `http://${host}:${outside.port}/`, timeoutMs: 15_000 })
      await arrived.promise
      await clock.advance(15_000)
      expect(await outcome).toMatchObject({ because: 'timeout', message: 'no answer in 15000 ms' })
      expect(clock.pending).toBe(0)
    },
  )

  test('what broke is told apart from what was never reached', async () => {
    await using outside = await receiver((request) => request.socket.destroy())
    const gone = await receiver(() => {})
    await gone[Symbol.asyncDispose]()
    await using guarded = createGuardedFetch({ allowed: allow('127.0.0.1'), clock: systemClock, resolve })
    const at = (url: string) => sent(guarded, { url })
    expect(await at(`http://127.0.0.1:${outside.port}/`)).toMatchObject({ because: 'reset' })
    expect(await at(`http://127.0.0.1:${gone.port}/`)).toMatchObject({ because: 'unreachable' })
    expect(await at('http://unknown.example/')).toMatchObject({
      because: 'unreachable',
      message: 'no connection (ENOTFOUND)',
    })
    expect(await at('http://empty.example/')).toMatchObject({ because: 'unreachable' })
    expect(await at(`https://127.0.0.1:${outside.port}/`)).toMatchObject({ because: 'unreachable' })
  })

  test('the caller can give up, before and during', async () => {
    const arrived = Promise.withResolvers<void>()
    await using outside = await receiver(() => arrived.resolve())
    await using guarded = local()
    const url = `http://127.0.0.1:${outside.port}/`
    expect(await sent(guarded, { url, signal: AbortSignal.abort() })).toMatchObject({ because: 'aborted' })
    const controller = new AbortController()
    const outcome = sent(guarded, { url, signal: controller.signal })
    await arrived.promise
    controller.abort()
    expect(await outcome).toMatchObject({ because: 'aborted' })
  })

  test('proxies of the environment are not asked', async () => {
    let proxied = 0
    await using proxy = await receiver((_, answer) => {
      proxied++
      answer.end('proxy')
    })
    await using outside = await receiver((_, answer) => answer.end('direct'))
    const names = ['HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'NODE_USE_ENV_PROXY'] as const
    const before = names.map((name) => process.env[name])
    try {
      for (const name of names)
        process.env[name] = name === 'NODE_USE_ENV_PROXY' ? '1' : `http://127.0.0.1:${proxy.port}`
      await using guarded = local()
      const outcome = await sent(guarded, { url: `http://127.0.0.1:${outside.port}/` })
      expect(Buffer.from(answerOf(outcome).body).toString()).toBe('direct')
      expect(proxied).toBe(0)
    } finally {
      names.forEach((name, i) => {
        const value = before[i]
        if (value === undefined) delete process.env[name]
        else process.env[name] = value
      })
    }
  })

  test('closing ends what is still open', async () => {
    const arrived = Promise.withResolvers<void>()
    await using outside = await receiver(() => arrived.resolve())
    const guarded = local()
    const outcome = sent(guarded, { url: `http://127.0.0.1:${outside.port}/` })
    await arrived.promise
    await guarded[Symbol.asyncDispose]()
    expect(await outcome).toBeInstanceOf(OutboundError)
  })
})

function allow(text: string): Allowed {
  const allowed = parseAllowed(text)
  if ('unreadable' in allowed) throw new Error(`cannot read ${allowed.unreadable}`)
  return allowed
}

function local(): GuardedFetch {
  return createGuardedFetch({ allowed: allow('127.0.0.0/8'), clock: systemClock, resolve })
}

function sent(
  guarded: GuardedFetch,
  request: Partial<OutboundRequest> & { url: string },
): Promise<OutboundAnswer | OutboundError> {
  return new Promise((resolve) =>
    guarded.send(
      { method: 'GET', headers: {}, timeoutMs: 10_000, maxBytes: 1_000_000, beyond: 'fail', ...request },
      resolve,
    ),
  )
}

function answerOf(outcome: OutboundAnswer | OutboundError): OutboundAnswer {
  if (outcome instanceof OutboundError) throw outcome
  return outcome
}

interface Receiver extends AsyncDisposable {
  readonly server: Server
  readonly port: number
}

async function receiver(listener: RequestListener, host = '127.0.0.1'): Promise<Receiver> {
  const server = createServer(listener)
  // 127.0.0.2 must reach it too where a test says so.
  const port = await listening(server, host === '127.0.0.1' ? '0.0.0.0' : host)
  return {
    server,
    port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function listening(server: Server, host: string): Promise<number> {
  return new Promise((resolve) =>
    server.listen(0, host, () => {
      // A TCP server's address is this object.
      resolve((server.address() as AddressInfo).port)
    }),
  )
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
