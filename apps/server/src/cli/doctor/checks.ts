/** What a hub needs of the machine it runs on. Each check looks at one thing, changes nothing, and says what to do about it. */
import { spawn } from 'node:child_process'
import { access, constants, stat, statfs } from 'node:fs/promises'
import { createServer } from 'node:net'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

import { describeReason, endpoints } from '@inbox-hub/contract'
import pg from 'pg'

import { createApiClient } from '../../client/index.ts'
import type { Config } from '../../config.ts'
import { findPrograms } from '../../media/index.ts'
import { BlobsUnavailable, openBlobs } from '../../platform/blobs/index.ts'
import { systemClock } from '../../platform/clock.ts'
import { type ProbeResult, probeWebSocketServer } from '../../platform/probes.ts'
import { BAILEYS_VERSION, installedBaileysVersion } from '../../sessions/baileys/runtime/version.ts'
import { verdictOf } from '../../sessions/diagnosis.ts'
import { urlOf } from '../hub.ts'

/** What one check found. `warn`: the hub runs, and something will be missing. */
export interface Finding {
  readonly check: string
  readonly status: 'ok' | 'warn' | 'fail'
  /** What was found. */
  readonly message: string
  /** What to do; only when there is something. */
  readonly remedy?: string
}

const ok = (check: string, message: string): Finding => ({ check, status: 'ok', message })
const warn = (check: string, message: string, remedy: string): Finding => ({
  check,
  status: 'warn',
  message,
  remedy,
})
const fail = (check: string, message: string, remedy: string): Finding => ({
  check,
  status: 'fail',
  message,
  remedy,
})

/** The launcher refuses what is older; said here for whoever starts the hub in another way. */
export function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > 24 || (major === 24 && minor >= 15)
    ? ok('node', `Node ${version}`)
    : fail('node', `Node ${version}`, 'Install Node 24.15 or later from nodejs.org.')
}

export function checkBaileys(installed: string | undefined = installedBaileysVersion()): Finding {
  return installed === BAILEYS_VERSION
    ? ok('baileys', `baileys ${installed}`)
    : fail(
        'baileys',
        `baileys ${installed ?? 'not installed'}; this hub was tested with ${BAILEYS_VERSION} alone`,
        'Run npm ci.',
      )
}

export async function checkDataDir({ dataDir }: Pick<Config, 'dataDir'>): Promise<Finding> {
  const dir = resolve(dataDir)
  const found = await stat(dir).catch(() => undefined)
  if (found === undefined) {
    const parent = await nearestExisting(dirname(dir))
    return (await isWritable(parent))
      ? ok('data directory', `${dir} will be made by the first start`)
      : fail('data directory', `${dir} cannot be made`, `Make it, or let this user write in ${parent}.`)
  }
  if (!found.isDirectory()) {
    return fail('data directory', `${dir} is no directory`, 'Set INBOX_HUB_DATA_DIR to a directory.')
  }
  if (!(await isWritable(dir))) {
    return fail(
      'data directory',
      `${dir} cannot be written to`,
      'Give it to the user that runs the hub (chown).',
    )
  }
  return (found.mode & 0o077) === 0 || process.platform === 'win32'
    ? ok('data directory', dir)
    : warn(
        'data directory',
        `${dir} can be read by other users`,
        `chmod 700 ${dir}: it holds credentials and messages.`,
      )
}

const megabyte = 1024 * 1024

export async function checkDisk({ dataDir }: Pick<Config, 'dataDir'>): Promise<Finding> {
  const { bavail, bsize } = await statfs(await nearestExisting(resolve(dataDir)))
  const freeMegabytes = Math.floor((bavail * bsize) / megabyte)
  const message = `${freeMegabytes.toLocaleString('en')} MB free`
  if (freeMegabytes < 100)
    return fail('disk', message, 'Free some space: a full disk stops the receiving of messages.')
  return freeMegabytes < 1024 ? warn('disk', message, 'Free some space soon.') : ok('disk', message)
}

/** Whether files can be kept where the configuration says. */
export async function checkMedia({ dataDir, media }: Pick<Config, 'dataDir' | 'media'>): Promise<Finding> {
  const directory = join(resolve(dataDir), 'media', 'files')
  const where = media.s3 === undefined ? directory : `bucket ${media.s3.bucket} at ${media.s3.endpoint}`
  if (media.s3 === undefined && (await stat(directory).catch(() => undefined)) === undefined)
    return ok('media', `${where}, made with the first file`)
  await using blobs = openBlobs({ directory, s3: media.s3, clock: systemClock })
  try {
    await blobs.probe()
    return ok('media', where)
  } catch (error) {
    if (!(error instanceof BlobsUnavailable)) throw error
    return fail('media', `${where}: ${error.message}`, error.remedy)
  }
}

/** The store as it is, without opening it for good: another process may be using it, and only `serve` migrates. */
export async function checkDatabase(config: Config): Promise<Finding> {
  return config.databaseUrl === undefined ? checkSqlite(config) : await checkPostgres(config.databaseUrl)
}

function checkSqlite({ dataDir }: Pick<Config, 'dataDir'>): Finding {
  const path = join(resolve(dataDir), 'inbox-hub.db')
  try {
    using database = new DatabaseSync(path, { readOnly: true })
    const sessions = database.prepare('SELECT count(*) AS count FROM session WHERE deleted_at IS NULL').get()
    const wrong = database.prepare('PRAGMA quick_check(1)').get()?.['quick_check']
    return wrong === 'ok'
      ? ok('database', `SQLite, ${String(sessions?.['count'])} sessions, sound`)
      : fail(
          'database',
          `SQLite: ${String(wrong)}`,
          'Stop the hub and restore the backup (docs/guide/backup-and-restore.md).',
        )
  } catch (error) {
    const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined
    if (code === cannotOpen) return ok('database', 'SQLite, made by the first start')
    return fail(
      'database',
      `SQLite: ${messageOf(error)}`,
      `Look at ${path}; restore the backup if it is damaged (docs/guide/backup-and-restore.md).`,
    )
  }
}

/** SQLITE_CANTOPEN: there is no such file. */
const cannotOpen = 14

async function checkPostgres(url: string): Promise<Finding> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5000, query_timeout: 5000 })
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<{ server_version: string; server_version_num: string }>(
      `SELECT current_setting('server_version') AS server_version, current_setting('server_version_num') AS server_version_num`,
    )
    const major = Math.floor(Number(rows[0]?.server_version_num) / 10_000)
    const message = `PostgreSQL ${rows[0]?.server_version ?? '?'}`
    return major >= 15 ? ok('database', message) : fail('database', message, 'Use PostgreSQL 15 or newer.')
  } catch (error) {
    return fail(
      'database',
      `PostgreSQL: ${messageOf(error)}`,
      'Check the host, user, password and database in DATABASE_URL, and that the server lets this machine in.',
    )
  } finally {
    await client.end().catch(() => {})
  }
}

/** Either our own hub answers there, or nobody does. */
export async function checkPort(config: Config): Promise<Finding> {
  const { host, port } = config
  const url = urlOf(config)
  const health = await createApiClient({ url, key: undefined })
    .call(endpoints.health, { timeoutMs: 2000 })
    .catch(() => undefined)
  if (health !== undefined) return ok('port', `a hub is serving at ${url}`)
  const taken = await new Promise<string | undefined>((done) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => done(error.code ?? error.message))
    server.listen(port, host, () => server.close(() => done(undefined)))
  })
  return taken === undefined
    ? ok('port', `${host}:${port} is free`)
    : fail(
        'port',
        `${host}:${port} cannot be listened on (${taken})`,
        'Stop what uses it, or set HOST and PORT.',
      )
}

const probeNames: Record<ProbeResult['name'], string> = {
  dns: 'whatsapp: name',
  tcp: 'whatsapp: connection',
  proxy: 'whatsapp: proxy',
  tls: 'whatsapp: TLS',
  clock: 'clock',
  upgrade: 'whatsapp: WebSocket',
}

/** Where the API's remedy sends its readers here, or to their operator. */
const remediesHere: Partial<Record<ProbeResult['name'], string>> = {
  dns: "Check this machine's resolver (/etc/resolv.conf) and, in a container, its network.",
  tcp: 'Allow traffic to web.whatsapp.com:443 in the firewall, or give a proxy with --proxy.',
}

/** The way to WhatsApp, step by step. What comes after a step that failed is left out. */
export async function checkWhatsApp(
  { whatsapp }: Pick<Config, 'whatsapp'>,
  proxy: string | undefined,
  signal: AbortSignal,
): Promise<Finding[]> {
  const results = await probeWebSocketServer({ url: whatsapp.url, proxy, clock: systemClock, signal })
  return results.map((result) => {
    const { name, ms, detail } = result
    const facts = Object.values(detail).filter((value) => value !== null && value !== '')
    const message = `${facts.join(', ')} (${ms} ms)`
    const verdict = verdictOf(result)
    if (verdict === undefined) return ok(probeNames[name], message)
    const reason = describeReason(verdict, 'en')
    return fail(probeNames[name], `${reason.message}: ${message}`, remediesHere[name] ?? reason.remedy)
  })
}

/** Voice notes, stickers and videos are converted by it; text needs none. */
export async function checkFfmpeg({ media }: Config): Promise<Finding> {
  const { ffmpeg, searchPath } = media.conversion
  const programs = await findPrograms(ffmpeg, searchPath)
  const lacking = (message: string): Finding =>
    warn(
      'ffmpeg',
      message,
      'Install ffmpeg with libopus, libx264 and libwebp to have voice notes, videos and stickers converted; text works without it.',
    )
  if (programs === undefined) return lacking(`${ffmpeg} and ffprobe were not both found`)
  const encoders = await outputOf(programs.ffmpeg, ['-hide_banner', '-encoders'])
  const missing = ['libopus', 'libx264', 'libwebp'].filter((name) => encoders?.includes(name) !== true)
  if (missing.length > 0) return lacking(`${programs.ffmpeg} lacks ${missing.join(', ')}`)
  const version = /ffmpeg version (\S+)/.exec((await outputOf(programs.ffmpeg, ['-version'])) ?? '')?.[1]
  return ok('ffmpeg', `ffmpeg ${version ?? 'found'}`)
}

function outputOf(command: string, args: readonly string[]): Promise<string | undefined> {
  return new Promise((done) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'ignore'], timeout: 5000 })
    let output = ''
    child.stdout.on('data', (part: Buffer) => (output += part.toString()))
    child.once('error', () => done(undefined))
    child.once('close', (code) => done(code === 0 ? output : undefined))
  })
}

async function nearestExisting(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined)
  return found !== undefined || dirname(path) === path ? path : await nearestExisting(dirname(path))
}

async function isWritable(path: string): Promise<boolean> {
  return await access(path, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  )
}

function messageOf(error: unknown): string {
  const [first]: unknown[] = error instanceof AggregateError ? error.errors : [error]
  return first instanceof Error ? first.message : String(error)
}
