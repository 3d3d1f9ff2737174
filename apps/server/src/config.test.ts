import { startEmulator } from '@inbox-hub/emulator'
import { mediaKinds } from '@inbox-hub/whatsapp'
import { describe, expect, test } from 'vitest'

import { configHelp, ConfigRefused, readConfig, variables } from './config.ts'

const key = Buffer.alloc(32, 7)

/** The message that refuses this environment. */
function refusalOf(env: Record<string, string>): string {
  try {
    readConfig(env)
  } catch (error) {
    if (error instanceof ConfigRefused) return error.message
    throw error
  }
  return 'accepted'
}

test('an empty environment is a hub on SQLite that listens on this machine and speaks to WhatsApp', () => {
  expect(readConfig({})).toEqual({
    host: '127.0.0.1',
    port: 8084,
    publicUrl: undefined,
    trustedProxies: ['loopback'],
    dataDir: './data',
    apiKey: undefined,
    masterKeys: undefined,
    databaseUrl: undefined,
    whatsapp: {
      url: 'wss://web.whatsapp.com/ws/chat',
      rootKey: undefined,
      mediaHost: 'mmg.whatsapp.net',
      version: undefined,
    },
    frappe: undefined,
    outboundAllowed: { networks: [], ports: new Set() },
    media: {
      s3: undefined,
      maxBytes: 100 * 1024 * 1024,
      quotaBytes: undefined,
      retentionMs: 90 * 86_400_000,
      linkMs: 86_400_000,
      uploadDir: undefined,
      conversion: { ffmpeg: 'ffmpeg', searchPath: '', jobs: 2 },
      downloads: { kinds: mediaKinds, maxBytes: 16 * 1024 * 1024 },
    },
    mail: undefined,
    isRegistrationOpen: true,
    logLevel: 'info',
  })
})

test('every variable is read', () => {
  const config = readConfig({
    HOST: '0.0.0.0',
    PORT: ' 9000 ',
    PUBLIC_URL: 'https://hub.example.com/',
    INBOX_HUB_DATA_DIR: '/var/lib/inbox-hub',
    INBOX_HUB_API_KEY: 'sixteen characters',
    INBOX_HUB_MASTER_KEY: `${key.toString('base64')}, ${key.toString('hex')}`,
    DATABASE_URL: 'postgres://hub@db.example.com/hub',
    WHATSAPP_URL: 'ws://127.0.0.1:7000/ws/chat',
    WHATSAPP_ROOT_KEY: key.toString('hex'),
    WHATSAPP_MEDIA_HOST: 'media.internal:7001',
    WHATSAPP_VERSION: '2.3000.1035194821',
    FRAPPE_WEBHOOK_URL: 'https://crm.example.com/api/method/x.handle_webhook',
    FRAPPE_WEBHOOK_SECRET: 'shared',
    OUTBOUND_ALLOW_CIDRS: '10.0.0.0/8, :8443',
    MEDIA_STORE: 'S3',
    MEDIA_MAX_MB: '16',
    MEDIA_QUOTA_MB: '1000',
    MEDIA_RETENTION_DAYS: '0',
    MEDIA_LINK_HOURS: '1',
    MEDIA_UPLOAD_DIR: '/srv/files',
    FFMPEG_PATH: '/opt/ffmpeg',
    MEDIA_CONVERSIONS: '4',
    PATH: '/usr/bin',
    MEDIA_AUTO_DOWNLOAD: 'image, Voice',
    MEDIA_AUTO_DOWNLOAD_MAX_MB: '0',
    S3_ENDPOINT: 'http://minio.internal:9000/',
    S3_BUCKET: 'media',
    S3_REGION: 'eu-central-1',
    S3_ACCESS_KEY_ID: 'hub',
    S3_SECRET_ACCESS_KEY: 'key of the hub',
    S3_PREFIX: 'inbox-hub',
    S3_ADDRESSING: 'virtual',
    LOG_LEVEL: 'DEBUG',
  })
  expect(config).toMatchObject({
    host: '0.0.0.0',
    port: 9000,
    publicUrl: 'https://hub.example.com',
    dataDir: '/var/lib/inbox-hub',
    apiKey: 'sixteen characters',
    databaseUrl: 'postgres://hub@db.example.com/hub',
    whatsapp: {
      url: 'ws://127.0.0.1:7000/ws/chat',
      mediaHost: 'media.internal:7001',
      version: [2, 3000, 1035194821],
    },
    frappe: { url: 'https://crm.example.com/api/method/x.handle_webhook', secret: 'shared' },
    media: {
      s3: {
        endpoint: 'http://minio.internal:9000',
        bucket: 'media',
        region: 'eu-central-1',
        accessKeyId: 'hub',
        secretAccessKey: 'key of the hub',
        prefix: 'inbox-hub/',
        addressing: 'virtual',
      },
      maxBytes: 16 * 1024 * 1024,
      quotaBytes: 1000 * 1024 * 1024,
      retentionMs: undefined,
      linkMs: 3_600_000,
      uploadDir: '/srv/files',
      conversion: { ffmpeg: '/opt/ffmpeg', searchPath: '/usr/bin', jobs: 4 },
      downloads: { kinds: ['image', 'voice'], maxBytes: 0 },
    },
    logLevel: 'debug',
  })
  expect(config.masterKeys?.map((bytes) => [...bytes])).toEqual([[...key], [...key]])
  expect([...(config.whatsapp.rootKey ?? [])]).toEqual([...key])
  expect(config.outboundAllowed.ports).toEqual(new Set([8443]))
})

test('an empty variable, as compose files pass it, counts as unset', () => {
  const empty = Object.fromEntries(variables.map(({ name }) => [name, ' ']))
  expect(readConfig(empty)).toEqual(readConfig({}))
})

describe('a refusal names the variable, what it is and what to give', () => {
  test.each([
    ['HOST', 'a b', /HOST is "a b": give an address/],
    ['PORT', 'abc', /PORT is "abc": give a TCP port, 0 to 65535\./],
    ['PORT', '65536', /PORT is "65536"/],
    ['PORT', '-1', /PORT is "-1"/],
    ['PUBLIC_URL', 'hub.example.com', /PUBLIC_URL is "hub\.example\.com": give an http\(s\) URL/],
    ['PUBLIC_URL', 'ftp://hub.example.com', /PUBLIC_URL/],
    ['INBOX_HUB_API_KEY', 'short', /INBOX_HUB_API_KEY has the wrong form: give at least 16 characters/],
    [
      'INBOX_HUB_MASTER_KEY',
      'password1',
      /INBOX_HUB_MASTER_KEY has the wrong form: give 32 bytes as base64 or hex/,
    ],
    ['DATABASE_URL', 'mysql://root:pass1@host/db', /DATABASE_URL has the wrong form: give postgres:/],
    ['WHATSAPP_URL', 'https://web.whatsapp.com', /WHATSAPP_URL is "https.*give a wss:\/\/ URL/],
    ['WHATSAPP_URL', 'ws://web.whatsapp.com/ws/chat', /WHATSAPP_URL/],
    ['WHATSAPP_ROOT_KEY', 'ab', /WHATSAPP_ROOT_KEY is "ab": give 32 bytes as hex/],
    ['WHATSAPP_MEDIA_HOST', 'https://mmg.whatsapp.net/', /WHATSAPP_MEDIA_HOST/],
    ['WHATSAPP_MEDIA_CA', 'AAAA', /WHATSAPP_MEDIA_CA is "AAAA": give a certificate as base64/],
    ['WHATSAPP_VERSION', '2.3000', /WHATSAPP_VERSION is "2\.3000": give three numbers/],
    ['FRAPPE_WEBHOOK_URL', 'crm', /FRAPPE_WEBHOOK_URL is "crm": give an http\(s\) URL/],
    [
      'FRAPPE_WEBHOOK_URL',
      'https://crm.example.com/',
      /FRAPPE_WEBHOOK_SECRET is unset: with FRAPPE_WEBHOOK_URL/,
    ],
    ['OUTBOUND_ALLOW_CIDRS', '10.0.0.0/40', /OUTBOUND_ALLOW_CIDRS is "10\.0\.0\.0\/40": give networks/],
    ['MEDIA_STORE', 'tape', /MEDIA_STORE is "tape": give disk or s3\./],
    ['MEDIA_STORE', 's3', /S3_ENDPOINT is unset: MEDIA_STORE=s3 needs an http\(s\) URL/],
    ['MEDIA_MAX_MB', '0', /MEDIA_MAX_MB is "0": give MiB, 1 to 5120\./],
    ['MEDIA_QUOTA_MB', 'lots', /MEDIA_QUOTA_MB/],
    [
      'MEDIA_AUTO_DOWNLOAD',
      'image, gifs',
      /MEDIA_AUTO_DOWNLOAD is "image, gifs": give all, none, or of image/,
    ],
    ['S3_BUCKET', '../other', /S3_BUCKET is "\.\.\/other"/],
    ['S3_PREFIX', '../', /S3_PREFIX/],
    ['LOG_LEVEL', 'loud', /LOG_LEVEL is "loud": give debug, info, warn, error, fatal, silent\./],
    ['NODE_TLS_REJECT_UNAUTHORIZED', '0', /NODE_TLS_REJECT_UNAUTHORIZED is 0.*Unset it.*NODE_EXTRA_CA_CERTS/],
  ])('%s=%s', (name, value, message) => {
    expect(refusalOf({ [name]: value })).toMatch(message)
  })

  test('all that is wrong is said at once', () => {
    expect(refusalOf({ PORT: 'x', LOG_LEVEL: 'y', WHATSAPP_VERSION: 'z' }).split('\n')).toHaveLength(4)
  })

  test('a secret is never repeated', () => {
    const message = refusalOf({
      INBOX_HUB_API_KEY: 'hunter2',
      INBOX_HUB_MASTER_KEY: 'hunter2',
      DATABASE_URL: 'mysql://root:hunter2@host/db',
    })
    expect(message.split('\n')).toHaveLength(4)
    expect(message).not.toContain('hunter2')
  })
})

describe('a root key of our own is for servers of our own', () => {
  test.each([
    'ws://127.0.0.1:1/',
    'ws://[::1]:1/',
    'wss://10.1.2.3/',
    'ws://192.168.1.5/',
    'ws://emulator:7000/',
    'ws://localhost:7000/',
    'wss://wa.internal/',
  ])('accepted at %s', (url) => {
    expect(
      readConfig({ WHATSAPP_URL: url, WHATSAPP_ROOT_KEY: key.toString('hex') }).whatsapp.rootKey,
    ).toBeDefined()
  })

  test.each([
    undefined,
    'wss://web.whatsapp.com/ws/chat',
    'wss://wa.example.com/',
    'wss://93.184.215.14/',
    'wss://[2606:4700::1]/',
  ])('refused at %s', (url) => {
    const env = {
      WHATSAPP_ROOT_KEY: key.toString('hex'),
      ...(url === undefined ? {} : { WHATSAPP_URL: url }),
    }
    expect(refusalOf(env)).toMatch(/WHATSAPP_ROOT_KEY would make the hub trust certificates/)
  })
})

test("a private server's media host has an authority of its own, which WhatsApp's never has", async () => {
  await using emulator = await startEmulator()
  const { environment } = emulator
  expect(readConfig(environment).whatsapp).toMatchObject({
    url: environment.WHATSAPP_URL,
    mediaHost: environment.WHATSAPP_MEDIA_HOST,
    mediaCa: emulator.media.authority,
  })
  const { WHATSAPP_MEDIA_CA } = environment
  expect(refusalOf({ WHATSAPP_MEDIA_CA })).toMatch(/WHATSAPP_MEDIA_CA would have others/)
})

test('the help lists every variable with its shape and default, and fits the screen', () => {
  const help = configHelp(80)
  const text = help.replaceAll(/\s+/g, ' ')
  for (const { name, shape, default: fallback } of variables) {
    expect(text).toContain(fallback === undefined ? name : `${name} (default ${fallback})`)
    expect(text).toContain(shape)
  }
  expect(Math.max(...help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
})

test("the process's own environment can be read", () => {
  expect(() => readConfig(process.env)).not.toThrow()
})

test.each([
  [{}, ['loopback']],
  [{ TRUSTED_PROXIES: 'none' }, []],
  [{ TRUSTED_PROXIES: '10.0.0.0/8, fd00::1' }, ['10.0.0.0/8', 'fd00::1']],
])('%j: trusted are %j', (env, trusted) => {
  expect(readConfig(env).trustedProxies).toEqual(trusted)
})

test('a proxy that is neither an address nor a network is refused', () => {
  expect(refusalOf({ TRUSTED_PROXIES: 'proxy.example.com' })).toMatch(/TRUSTED_PROXIES/)
})

test.each([
  [{}, true],
  [{ HOST: '::1' }, true],
  [{ HOST: '0.0.0.0' }, false],
  [{ HOST: '0.0.0.0', REGISTRATION: 'open' }, true],
  [{ REGISTRATION: 'invited' }, false],
])('%j: whether strangers may register is %s', (env, isOpen) => {
  expect(readConfig(env).isRegistrationOpen).toBe(isOpen)
})
