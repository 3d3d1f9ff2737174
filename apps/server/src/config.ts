/** The environment, read once. Nothing else looks at `process.env`. */
import { X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'

import ipaddr from 'ipaddr.js'
import { z } from 'zod'

import type { ConversionSettings } from './media/conversion/index.ts'
import { type DownloadPolicy, parseKinds } from './media/receiving/policy.ts'
import type { S3Settings } from './platform/blobs/index.ts'
import { type Allowed, nothingAllowed, parseAllowed } from './platform/guarded-fetch/index.ts'
import type { MailSettings } from './accounts/index.ts'
import { parseRateLimits, type RateLimits } from './platform/http/rate-limits.ts'
import { type LogLevel, logLevels } from './platform/log.ts'
import { OperatorError } from './platform/operator-error.ts'
import { parseKey } from './platform/secrets/index.ts'

/** What the environment says, parsed. Names carry their units. */
export interface Config {
  /** Address or name to listen on. */
  readonly host: string
  readonly port: number
  /** Where clients reach us, without a slash at the end; undefined = derived from each request. */
  readonly publicUrl: string | undefined
  readonly dataDir: string
  /** Imported as a hash on start. */
  readonly apiKey: string | undefined
  /** The current one first; undefined = the file in `dataDir`. */
  readonly masterKeys: readonly Uint8Array[] | undefined
  /** Undefined = SQLite in `dataDir`. */
  readonly databaseUrl: string | undefined
  readonly whatsapp: {
    readonly url: string
    /** Root key of the certificates of a private server. */
    readonly rootKey: Uint8Array | undefined
    readonly mediaHost: string
    /** PEM of the authority that a private server's media host is certified by; undefined = those that Node knows. */
    readonly mediaCa: string | undefined
    /** Undefined = the one this release was tested with. */
    readonly version: [number, number, number] | undefined
  }
  /** The receiver of sessions that have no webhook of their own. */
  readonly frappe: { readonly url: string; readonly secret: string } | undefined
  /** What others may make us call besides the public internet. */
  readonly outboundAllowed: Allowed
  /** Files that messages carry. */
  readonly media: {
    /** Undefined = on the disk, in `dataDir`. */
    readonly s3: S3Settings | undefined
    readonly maxBytes: number
    /** Per owner; undefined = without limit. */
    readonly quotaBytes: number | undefined
    /** Undefined = for good. */
    readonly retentionMs: number | undefined
    readonly linkMs: number
    readonly conversion: ConversionSettings
    /** Where files may be sent from by their path; undefined = nowhere. */
    readonly uploadDir: string | undefined
    /** Which files of messages are fetched as they arrive, for sessions that say nothing of it. */
    readonly downloads: DownloadPolicy
  }
  /** Reverse proxies that are believed about who asks; `loopback` is a name for this machine's addresses. */
  readonly trustedProxies: readonly string[]
  /** Undefined = the contract's. */
  readonly rateLimits: RateLimits | undefined
  /** How letters to people are sent; undefined = not at all. */
  readonly mail: MailSettings | undefined
  /** Whether strangers may make accounts. */
  readonly isRegistrationOpen: boolean
  readonly logLevel: LogLevel
}

/** The environment cannot be used. The message names each variable, what is wrong with it and what to give. */
export class ConfigRefused extends OperatorError {
  override readonly name = 'ConfigRefused'
}

/** One variable as its readers see it: the parser, `--help` and the reference page. */
export interface Variable {
  readonly name: string
  /** What it is for. */
  readonly help: string
  /** What a value looks like, with its unit. */
  readonly shape: string
  /** As it would be written; undefined = unset. */
  readonly default: string | undefined
  /** Never printed. */
  readonly secret: boolean
}

interface Definition<T> {
  readonly help: string
  readonly shape: string
  readonly default?: string
  readonly secret?: true
  /** Undefined = not of that shape. */
  readonly parse: (text: string) => T | undefined
}

function variable<T>(definition: Definition<T>): Definition<T> {
  return definition
}

const whatsappUrl = 'wss://web.whatsapp.com/ws/chat'

const definitions = {
  HOST: variable({
    help: 'Where to listen. 127.0.0.1 = this machine only; 0.0.0.0 = every network it is in (behind a proxy with TLS).',
    shape: 'an address or a host name',
    default: '127.0.0.1',
    parse: (text) => (/^[\w.:-]+$/.test(text) ? text : undefined),
  }),
  PORT: variable({
    help: 'Port to listen on. 0 = any free one.',
    shape: 'a TCP port, 0 to 65535',
    default: '8084',
    parse: (text) => (/^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined),
  }),
  PUBLIC_URL: variable({
    help: 'Where clients reach the hub, for the links it hands out.',
    shape: 'an http(s) URL, as in https://hub.example.com',
    parse: (text) => httpUrl(text)?.href.replace(/\/+$/, ''),
  }),
  TRUSTED_PROXIES: variable({
    help: 'Reverse proxies whose X-Forwarded-For is believed: limits per address, networks of keys and the audit log go by the client behind them.',
    shape: 'addresses and networks, separated by commas, as in 127.0.0.1, 10.0.0.0/8; loopback; none',
    default: 'loopback',
    parse: parseProxies,
  }),
  INBOX_HUB_DATA_DIR: variable({
    help: 'Directory of the SQLite database and of the master key file; made when missing, readable by its owner alone.',
    shape: 'a path',
    default: './data',
    parse: (text) => text,
  }),
  INBOX_HUB_API_KEY: variable({
    help: 'An API key to accept. Unset = the first start makes one and prints it once.',
    shape: 'at least 16 characters, better 43 random ones',
    secret: true,
    parse: (text) => (text.length >= 16 && text.length <= 512 ? text : undefined),
  }),
  INBOX_HUB_MASTER_KEY: variable({
    help: 'The key that encrypts credentials, Signal keys and webhook secrets at rest. Unset = the file master.key in the data directory, made on the first start and replaced by `inbox-hub rotate-master-key`. While you rotate it here: the new key, a comma, the old one.',
    shape: '32 bytes as base64 or hex (openssl rand -base64 32)',
    secret: true,
    parse: masterKeys,
  }),
  DATABASE_URL: variable({
    help: 'A PostgreSQL 15+ database to use instead of SQLite.',
    shape: 'postgres://user:password@host:5432/database',
    secret: true,
    parse: (text) => (/^postgres(?:ql)?:\/\//.test(text) && URL.canParse(text) ? text : undefined),
  }),
  WHATSAPP_URL: variable({
    help: "WhatsApp's WebSocket. Another one for an emulator.",
    shape: 'a wss:// URL; ws:// only for a loopback or private host, where TLS protects nothing',
    default: whatsappUrl,
    parse: socketUrl,
  }),
  WHATSAPP_ROOT_KEY: variable({
    help: 'Root key of the certificates of a private server. Refused unless WHATSAPP_URL is loopback or private.',
    shape: '32 bytes as hex',
    parse: (text) => (/^[\da-f]{64}$/i.test(text) ? Uint8Array.from(Buffer.from(text, 'hex')) : undefined),
  }),
  WHATSAPP_MEDIA_HOST: variable({
    help: 'Host that media are downloaded from and uploaded to.',
    shape: 'a host name, with a port if need be',
    default: 'mmg.whatsapp.net',
    parse: (text) => (/^[\w.-]+(?::\d{1,5})?$/.test(text) ? text.toLowerCase() : undefined),
  }),
  WHATSAPP_MEDIA_CA: variable({
    help: "Certificate authority of a private server's media host. Refused unless WHATSAPP_URL is loopback or private.",
    shape: 'a certificate as base64: PEM without its first and last line, in one line',
    parse: certificate,
  }),
  WHATSAPP_VERSION: variable({
    help: 'WhatsApp Web version to announce, when WhatsApp refuses the one this release was tested with (405).',
    shape: 'three numbers, as in 2.3000.1035194821',
    parse: whatsappVersion,
  }),
  FRAPPE_WEBHOOK_URL: variable({
    help: 'Receiver for sessions that send to Frappe and have no webhook of their own.',
    shape: 'an http(s) URL',
    parse: (text) => httpUrl(text)?.href,
  }),
  FRAPPE_WEBHOOK_SECRET: variable({
    help: 'Key of the signature on those calls; the same text as in Frappe. Needed with FRAPPE_WEBHOOK_URL.',
    shape: 'any text, better 32 random characters',
    secret: true,
    parse: (text) => text,
  }),
  OUTBOUND_ALLOW_CIDRS: variable({
    help: 'Networks besides the public internet that webhook URLs may point into (on any port), and ports besides 80 and 443 at public addresses. A CRM in your own network needs its network here.',
    shape:
      'networks, addresses and :ports, separated by commas, as in 10.0.0.0/8, 192.168.1.20, fd00::/8, :8443',
    parse: (text) => {
      const allowed = parseAllowed(text)
      return 'unreadable' in allowed ? undefined : allowed
    },
  }),
  MEDIA_STORE: variable({
    help: 'Where files are kept: in the directory media of the data directory, or in an S3-compatible bucket (several nodes need one).',
    shape: 'disk or s3',
    default: 'disk',
    parse: (text) => (['disk', 's3'] as const).find((store) => store === text.toLowerCase()),
  }),
  MEDIA_MAX_MB: variable({
    help: 'The largest file to take.',
    shape: 'MiB, 1 to 5120',
    default: '100',
    parse: (text) => whole(text, 1, 5120),
  }),
  MEDIA_QUOTA_MB: variable({
    help: 'How much all files of one owner may take up. 0 = without limit.',
    shape: 'MiB, 0 or more',
    default: '0',
    parse: (text) => whole(text, 0, 1e9),
  }),
  MEDIA_RETENTION_DAYS: variable({
    help: 'How long a file that nobody fetches or sends is kept. 0 = for good.',
    shape: 'days, 0 or more',
    default: '90',
    parse: (text) => whole(text, 0, 36_500),
  }),
  MEDIA_LINK_HOURS: variable({
    help: 'How long a signed link to a file works.',
    shape: 'hours, 1 to 8760',
    default: '24',
    parse: (text) => whole(text, 1, 8760),
  }),
  MEDIA_UPLOAD_DIR: variable({
    help: 'Directory whose files may be sent by their path in it (`path`). Whoever has a key can send each of them. Unset = none.',
    shape: 'a path',
    parse: (text) => text,
  }),
  FFMPEG_PATH: variable({
    help: 'The ffmpeg that makes voice notes, stickers and videos of what is sent as such; ffprobe has to be beside it or in PATH. Without it, only what needs no conversion is sent.',
    shape: 'the name of a program in PATH, or a path',
    default: 'ffmpeg',
    parse: (text) => text,
  }),
  MEDIA_CONVERSIONS: variable({
    help: 'How many files are converted at once; others wait.',
    shape: 'a number, 1 to 64',
    default: '2',
    parse: (text) => whole(text, 1, 64),
  }),
  MEDIA_AUTO_DOWNLOAD: variable({
    help: 'Kinds of messages whose files are fetched as they arrive; the others when somebody asks for them. A session may have a list of its own.',
    shape:
      'all, none, or of image, video, gif, video_note, audio, voice, document, sticker, separated by commas',
    default: 'all',
    parse: parseKinds,
  }),
  MEDIA_AUTO_DOWNLOAD_MAX_MB: variable({
    help: 'Larger files than this wait to be asked for.',
    shape: 'MiB, 0 to 5120',
    default: '16',
    parse: (text) => whole(text, 0, 5120),
  }),
  S3_ENDPOINT: variable({
    help: 'The S3 server, with MEDIA_STORE=s3. It may be in your own network.',
    shape: 'an http(s) URL without the bucket, as in https://s3.eu-central-1.amazonaws.com',
    parse: (text) => httpUrl(text)?.href.replace(/\/+$/, ''),
  }),
  S3_BUCKET: variable({
    help: 'The bucket, which has to exist.',
    shape: 'a name of 3 to 63 small letters, digits, dots and hyphens',
    parse: (text) => (/^[a-z\d][a-z\d.-]{1,61}[a-z\d]$/.test(text) ? text : undefined),
  }),
  S3_REGION: variable({
    help: 'The region of the bucket; servers other than that of AWS mostly take any.',
    shape: 'a name such as eu-central-1',
    default: 'us-east-1',
    parse: (text) => (/^[\w-]{1,60}$/.test(text) ? text : undefined),
  }),
  S3_ACCESS_KEY_ID: variable({
    help: 'Who we are at the S3 server. It has to let us list, read, write and delete in the bucket.',
    shape: 'any text',
    parse: (text) => text,
  }),
  S3_SECRET_ACCESS_KEY: variable({
    help: 'The secret that belongs to it.',
    shape: 'any text',
    secret: true,
    parse: (text) => text,
  }),
  S3_PREFIX: variable({
    help: 'What the names of all objects begin with, to share a bucket.',
    shape: 'letters, digits, hyphens and slashes, as in inbox-hub/',
    parse: (text) => (/^[\w-][\w/-]{0,200}$/.test(text) ? text.replace(/\/*$/, '/') : undefined),
  }),
  S3_ADDRESSING: variable({
    help: 'Whether the bucket stands in the path of addresses, or before the host name.',
    shape: 'path or virtual',
    default: 'path',
    parse: (text) => (['path', 'virtual'] as const).find((way) => way === text.toLowerCase()),
  }),
  SMTP_URL: variable({
    help: 'The server that letters to people go out by: password resets and invitations. Unset = none are sent, and their links are handed over by hand.',
    shape: 'smtp://user:password@host:587 or smtps://user:password@host:465',
    secret: true,
    parse: (text) => (/^smtps?:$/.test(URL.parse(text)?.protocol ?? '') ? text : undefined),
  }),
  SMTP_FROM: variable({
    help: 'Whom these letters are from.',
    shape: 'an e-mail address, as in Inbox Hub <hub@example.com>',
    default: 'Inbox Hub <inbox-hub@localhost>',
    parse: (text) => (/^[^\r\n]{0,200}@[^\r\n]{1,200}$/.test(text) ? text : undefined),
  }),
  REGISTRATION: variable({
    help: 'Who may make an account: invited = holders of an invitation or of an API key; open = anybody, each with an organization of their own. Unset = open on this machine alone (HOST is a loopback address), invited elsewhere.',
    shape: 'open or invited',
    parse: (text) => (['open', 'invited'] as const).find((word) => word === text.toLowerCase()),
  }),
  RATE_LIMITS: variable({
    help: 'How many requests each owner and session may make: buckets to change from 1000/900 (general), 6000/900 (reads), 30/60 (whatsapp: create, connect, restart, disconnect, delete), 20/60 (sending) and 5/900 (auth: logging in, per address), or off.',
    shape: 'off, or bucket=requests/seconds separated by commas',
    parse: parseRateLimits,
  }),
  LOG_LEVEL: variable({
    help: 'The least important lines to log.',
    shape: logLevels.join(', '),
    default: 'info',
    parse: (text) => logLevels.find((level) => level === text.toLowerCase()),
  }),
}

type Name = keyof typeof definitions
type Parsed = { [N in Name]?: NonNullable<ReturnType<(typeof definitions)[N]['parse']>> }

function certificate(text: string): string | undefined {
  if (!/^[\w+/]+={0,2}$/.test(text)) return undefined
  const pem = `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`
  try {
    return new X509Certificate(pem).ca ? pem : undefined
  } catch {
    return undefined
  }
}

/** Every variable, in the order to show them. */
export const variables: readonly Variable[] = Object.entries<Definition<unknown>>(definitions).map(
  ([name, { help, shape, default: fallback, secret }]) => ({
    name,
    help,
    shape,
    default: fallback,
    secret: secret === true,
  }),
)

/** Reads the environment. Throws `ConfigRefused` naming all that is wrong at once. An empty variable counts as unset. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const outcome = environment.safeParse({ ...env }) // process.env is no plain object
  if (!outcome.success) {
    const lines = outcome.error.issues.map((issue) => `  ${issue.message}`)
    throw new ConfigRefused(`The configuration cannot be used:\n${lines.join('\n')}`)
  }
  return outcome.data
}

/** One schema for the whole environment: each variable by its own rule, then the rules between them. */
const environment = z.record(z.string(), z.string().optional()).transform((env, context): Config => {
  const refuse = (name: string, message: string) =>
    context.addIssue({ code: 'custom', path: [name], message: `${name} ${message}` })

  if (env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0') {
    refuse(
      'NODE_TLS_REJECT_UNAUTHORIZED',
      'is 0, which lets anyone in between read and answer for WhatsApp and your webhooks. Unset it; give your own certificate authority in NODE_EXTRA_CA_CERTS.',
    )
  }
  const parsed: Parsed = {}
  for (const [name, definition] of Object.entries<Definition<unknown>>(definitions)) {
    const text = env[name]?.trim() || definition.default
    if (text === undefined) continue
    const value = definition.parse(text)
    if (value === undefined) {
      refuse(
        name,
        `${definition.secret === true ? 'has the wrong form' : `is ${JSON.stringify(text)}`}: give ${definition.shape}.`,
      )
    } else Object.assign(parsed, { [name]: value })
  }

  const url = parsed.WHATSAPP_URL ?? whatsappUrl
  if (parsed.WHATSAPP_ROOT_KEY !== undefined && !isPrivateHost(new URL(url).hostname)) {
    refuse(
      'WHATSAPP_ROOT_KEY',
      `would make the hub trust certificates that are not WhatsApp's at ${url}. Unset it, or point WHATSAPP_URL at a loopback or private host.`,
    )
  }
  if (parsed.WHATSAPP_MEDIA_CA !== undefined && !isPrivateHost(new URL(url).hostname)) {
    refuse(
      'WHATSAPP_MEDIA_CA',
      `would have others than WhatsApp's authorities vouch for its media host at ${url}. Unset it, or point WHATSAPP_URL at a loopback or private host.`,
    )
  }
  if (parsed.FRAPPE_WEBHOOK_URL !== undefined && parsed.FRAPPE_WEBHOOK_SECRET === undefined) {
    refuse(
      'FRAPPE_WEBHOOK_SECRET',
      'is unset: with FRAPPE_WEBHOOK_URL, give the text that Frappe checks signatures with.',
    )
  }

  const s3 = s3Of(parsed, refuse)

  return {
    // The defaults of the table were parsed above; these stand for a value that was refused, when nothing is returned.
    host: parsed.HOST ?? '',
    port: parsed.PORT ?? 0,
    publicUrl: parsed.PUBLIC_URL,
    dataDir: parsed.INBOX_HUB_DATA_DIR ?? '',
    apiKey: parsed.INBOX_HUB_API_KEY,
    masterKeys: parsed.INBOX_HUB_MASTER_KEY,
    databaseUrl: parsed.DATABASE_URL,
    whatsapp: {
      url,
      rootKey: parsed.WHATSAPP_ROOT_KEY,
      mediaHost: parsed.WHATSAPP_MEDIA_HOST ?? '',
      mediaCa: parsed.WHATSAPP_MEDIA_CA,
      version: parsed.WHATSAPP_VERSION,
    },
    frappe:
      parsed.FRAPPE_WEBHOOK_URL === undefined || parsed.FRAPPE_WEBHOOK_SECRET === undefined
        ? undefined
        : { url: parsed.FRAPPE_WEBHOOK_URL, secret: parsed.FRAPPE_WEBHOOK_SECRET },
    outboundAllowed: parsed.OUTBOUND_ALLOW_CIDRS ?? nothingAllowed,
    trustedProxies: parsed.TRUSTED_PROXIES ?? [],
    media: {
      s3,
      maxBytes: (parsed.MEDIA_MAX_MB ?? 0) * mebibyte,
      quotaBytes: parsed.MEDIA_QUOTA_MB === 0 ? undefined : (parsed.MEDIA_QUOTA_MB ?? 0) * mebibyte,
      retentionMs:
        parsed.MEDIA_RETENTION_DAYS === 0 ? undefined : (parsed.MEDIA_RETENTION_DAYS ?? 0) * 86_400_000,
      linkMs: (parsed.MEDIA_LINK_HOURS ?? 0) * 3_600_000,
      uploadDir: parsed.MEDIA_UPLOAD_DIR,
      conversion: {
        ffmpeg: parsed.FFMPEG_PATH ?? '',
        searchPath: env['PATH'] ?? '',
        jobs: parsed.MEDIA_CONVERSIONS ?? 1,
      },
      downloads: {
        kinds: parsed.MEDIA_AUTO_DOWNLOAD ?? [],
        maxBytes: (parsed.MEDIA_AUTO_DOWNLOAD_MAX_MB ?? 0) * mebibyte,
      },
    },
    rateLimits: parsed.RATE_LIMITS,
    mail: parsed.SMTP_URL === undefined ? undefined : { url: parsed.SMTP_URL, from: parsed.SMTP_FROM ?? '' },
    isRegistrationOpen:
      (parsed.REGISTRATION ?? (isLoopback(parsed.HOST ?? '') ? 'open' : 'invited')) === 'open',
    logLevel: parsed.LOG_LEVEL ?? 'info',
  }
})

const mebibyte = 1024 * 1024

function isLoopback(host: string): boolean {
  return host === 'localhost' || (ipaddr.isValid(host) && ipaddr.process(host).range() === 'loopback')
}

/** Undefined = files stay on the disk. */
function s3Of(parsed: Parsed, refuse: (name: Name, message: string) => void): S3Settings | undefined {
  if (parsed.MEDIA_STORE !== 's3') return undefined
  const needed = (
    name: 'S3_ENDPOINT' | 'S3_BUCKET' | 'S3_ACCESS_KEY_ID' | 'S3_SECRET_ACCESS_KEY',
  ): string => {
    const value = parsed[name]
    if (value === undefined) refuse(name, `is unset: MEDIA_STORE=s3 needs ${definitions[name].shape}.`)
    return value ?? ''
  }
  return {
    endpoint: needed('S3_ENDPOINT'),
    bucket: needed('S3_BUCKET'),
    region: parsed.S3_REGION ?? '',
    accessKeyId: needed('S3_ACCESS_KEY_ID'),
    secretAccessKey: needed('S3_SECRET_ACCESS_KEY'),
    prefix: parsed.S3_PREFIX ?? '',
    addressing: parsed.S3_ADDRESSING ?? 'path',
  }
}

function whole(text: string, min: number, max: number): number | undefined {
  if (!/^\d{1,10}$/.test(text)) return undefined
  const value = Number(text)
  return value >= min && value <= max ? value : undefined
}

/** What `--help` says about the environment. */
export function configHelp(width = 100): string {
  const entries = variables.map(({ name, help, shape, default: fallback }) =>
    [
      `  ${name}${fallback === undefined ? '' : `  (default ${fallback})`}`,
      ...wrapped(`${help} Value: ${shape}.`, width - 6).map((line) => `      ${line}`),
    ].join('\n'),
  )
  return `Environment variables:\n${entries.join('\n')}`
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

/** Undefined when one of them is neither an address nor a network. */
function parseProxies(text: string): readonly string[] | undefined {
  if (text === 'none') return []
  const named = text.split(',').map((each) => each.trim())
  const isKnown = (each: string): boolean =>
    each === 'loopback' || ipaddr.isValid(each) || ipaddr.isValidCIDR(each)
  return named.every(isKnown) ? named : undefined
}

function httpUrl(text: string): URL | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  return url.protocol === 'http:' || url.protocol === 'https:' ? url : undefined
}

function socketUrl(text: string): string | undefined {
  if (!URL.canParse(text)) return undefined
  const url = new URL(text)
  // rc14 does not check the server's Noise key, so TLS is what proves that this is WhatsApp.
  const isSafe = url.protocol === 'wss:' || (url.protocol === 'ws:' && isPrivateHost(url.hostname))
  return isSafe ? url.href : undefined
}

function masterKeys(text: string): readonly Uint8Array[] | undefined {
  const keys = text.split(',').map(parseKey)
  return keys.every((key) => key !== undefined) ? keys : undefined
}

function whatsappVersion(text: string): [number, number, number] | undefined {
  const parts = /^(\d{1,9})\.(\d{1,9})\.(\d{1,10})$/.exec(text)
  return parts === null ? undefined : [Number(parts[1]), Number(parts[2]), Number(parts[3])]
}

/** A host that strangers cannot be behind: a loopback or private address, or a name that public DNS does not know. */
function isPrivateHost(hostname: string): boolean {
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
  if (isIP(host) !== 0) {
    return ['loopback', 'private', 'uniqueLocal', 'linkLocal'].includes(ipaddr.process(host).range())
  }
  // Single labels are those of a compose file or a hosts file.
  return !host.includes('.') || /\.(?:localhost|internal|local|test|home\.arpa)$/.test(host)
}
