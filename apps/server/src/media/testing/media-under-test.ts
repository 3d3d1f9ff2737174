import type { LookupAddress } from 'node:dns'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { HubError } from '@inbox-hub/contract'
import { Registry } from 'prom-client'

import { type Clock, systemClock } from '../../platform/clock.ts'
import type { Database } from '../../platform/database/index.ts'
import { createGuardedFetch, parseAllowed } from '../../platform/guarded-fetch/index.ts'
import { createHttp } from '../../platform/http/index.ts'
import { silentLog as log } from '../../platform/log.ts'
import { createSecrets } from '../../platform/secrets/index.ts'
import type { SessionView } from '../../sessions/index.ts'
import { systemFfmpeg } from '../conversion/testing/ffmpeg.ts'
import { createMedia, type Media, mediaRoutes, type MediaSettings } from '../index.ts'

/** What a test looks at freely: what is not there is undefined and fails the expectation. */
// oxlint-disable-next-line typescript/no-explicit-any
type Json = Record<string, any>

export interface MediaUnderTest extends AsyncDisposable {
  readonly media: Media
  readonly database: Database
  readonly dataDir: string
  readonly url: string
  /** Calls the API with the key of owner 1, or of another. */
  call(
    method: string,
    path: string,
    options?: { body?: NonNullable<RequestInit['body']>; headers?: Record<string, string>; owner?: number },
  ): Promise<{ status: number; headers: Headers; json: Json; bytes: Buffer }>
  /** Uploads bytes as they are, and answers the file. */
  upload(bytes: Uint8Array, options?: { type?: string; name?: string; owner?: number }): Promise<Json>
}

export const usualSettings: MediaSettings = {
  s3: undefined,
  maxBytes: 8 * 1024 * 1024,
  quotaBytes: undefined,
  retentionMs: 90 * 86_400_000,
  linkMs: 3_600_000,
  conversion: { ...systemFfmpeg, jobs: 2 },
}

/** The media module with its routes, over real HTTP, on a real database and in a directory of its own. */
export async function startMedia(
  database: Database,
  {
    settings = {},
    clock = systemClock,
    names = {},
    allowed = '',
  }: {
    settings?: Partial<MediaSettings>
    clock?: Clock
    /** What DNS answers. */
    names?: Readonly<Record<string, readonly string[]>>
    /** OUTBOUND_ALLOW_CIDRS. */
    allowed?: string
  } = {},
): Promise<MediaUnderTest> {
  await using stack = new AsyncDisposableStack()
  const dataDir = await mkdtemp(join(tmpdir(), 'inbox-hub-media-'))
  stack.defer(() => rm(dataDir, { recursive: true, force: true }))
  stack.use(database)
  const secrets = await createSecrets({
    database,
    dataDir,
    masterKeys: [new Uint8Array(32).fill(7)],
    log,
  })
  const permitted = parseAllowed(allowed)
  if ('unreadable' in permitted) throw new Error(`not networks: ${allowed}`)
  const outbound = stack.use(
    createGuardedFetch({
      allowed: permitted,
      clock: systemClock,
      connectTimeoutMs: 500,
      resolve(hostname, _, callback) {
        const addresses = names[hostname]
        if (addresses === undefined) callback(Object.assign(new Error('unknown'), { code: 'ENOTFOUND' }), [])
        else
          callback(
            null,
            addresses.map((address): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 })),
          )
      },
    }),
  )
  const media = stack.use(
    createMedia({
      database,
      dataDir,
      settings: { ...usualSettings, ...settings },
      outbound,
      secrets,
      clock,
      log,
    }),
  )
  const http = stack.use(
    createHttp({
      log,
      clock: systemClock,
      metrics: new Registry(),
      authenticate: (key) =>
        /^owner-(\d)$/.exec(key)?.[1] === undefined ? undefined : { ownerId: Number(key.slice(6)) },
      rateLimits: {
        general: { max: 1e6, windowMs: 1000 },
        reads: { max: 1e6, windowMs: 1000 },
        whatsapp: { max: 1e6, windowMs: 1000 },
        sending: { max: 1e6, windowMs: 1000 },
        sendingHoldMs: 0,
        auth: { max: 1e6, windowMs: 1000 },
      },
    }),
  )
  mediaRoutes(http, {
    database,
    media,
    clock,
    async fileOfMessage() {
      throw new HubError('MEDIA_NOT_FOUND')
    },
    sessions: {
      find(ownerId, ref) {
        if (ownerId !== 1 || ref !== 'support') throw new HubError('SESSION_NOT_FOUND')
        // The routes read no other field of a session.
        return { id: 5 } as SessionView
      },
    },
  })
  const { url } = await http.listen({ host: '127.0.0.1', port: 0 })

  const call: MediaUnderTest['call'] = async (method, path, { body, headers = {}, owner = 1 } = {}) => {
    const answer = await fetch(path.startsWith('http') ? path : `${url}${path}`, {
      method,
      headers: {
        'accept-language': 'en',
        ...(owner === 0 ? {} : { 'x-api-key': `owner-${owner}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body }),
    })
    const bytes = Buffer.from(await answer.arrayBuffer())
    const isJson = answer.headers.get('content-type')?.startsWith('application/json; charset') === true
    const json = isJson && bytes.length > 0 ? (JSON.parse(bytes.toString()) as Json) : {}
    return { status: answer.status, headers: answer.headers, json, bytes }
  }
  const all = stack.move()
  return {
    media,
    database,
    dataDir,
    url,
    call,
    async upload(bytes, { type = 'application/octet-stream', name = 'file.bin', owner = 1 } = {}) {
      const { status, json } = await call('POST', `/api/media?fileName=${encodeURIComponent(name)}`, {
        body: Buffer.from(bytes),
        headers: { 'content-type': type },
        owner,
      })
      if (status !== 201) throw new Error(`upload answered ${status} ${JSON.stringify(json)}`)
      return json['data'] as Json
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

/** The smallest PNG: one pixel. */
export const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
