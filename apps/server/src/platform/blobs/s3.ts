/** An S3-compatible store: AWS, MinIO, Ceph, R2, Garage. Signatures are aws4fetch's, bytes travel through undici as they come. */
import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'

import { AwsV4Signer } from 'aws4fetch'
import type { Agent, Dispatcher, request as requestWith } from 'undici'

import type { Clock } from '../clock.ts'
import { BlobMissing, type Blobs, BlobsUnavailable, checkHash } from './port.ts'

export interface S3Settings {
  /** As in https://s3.eu-central-1.amazonaws.com; without the bucket. */
  readonly endpoint: string
  readonly bucket: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Before every key; '' or ending in a slash. */
  readonly prefix: string
  /** Whether the bucket stands in the host name, or in the path (which every server but some new ones of AWS takes). */
  readonly addressing: 'path' | 'virtual'
}

type Answer = Dispatcher.ResponseData

interface Request {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE'
  /** Undefined = the bucket itself. */
  readonly key?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Made anew for each attempt. */
  readonly body?: () => Readable
  readonly signal?: AbortSignal | undefined
}

/** Waits before the second and the third attempt, ms. All our requests can be repeated. */
const retryAfterMs = [200, 1_000]
/** A server that says or takes nothing for so long is gone, ms. */
const silenceMs = 30_000
const emptyHash = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
/** What one PUT may carry, by the protocol. */
const maxPutBytes = 5 * 1024 ** 3

export function createS3Blobs(settings: S3Settings, clock: Clock): Blobs {
  const { bucket, prefix, region, accessKeyId, secretAccessKey } = settings
  const base = new URL(settings.endpoint)
  if (settings.addressing === 'virtual') base.hostname = `${bucket}.${base.hostname}`
  const root = `${base.origin}${base.pathname.replace(/\/+$/, '')}${settings.addressing === 'path' ? `/${bucket}` : ''}`
  const keyOf = (hash: string) => `${prefix}${checkHash(hash)}`

  // Loaded with the first request, like that of the guarded fetch. The operator chose the address: it may be inside.
  let opening: Promise<{ agent: Agent; request: typeof requestWith }> | undefined
  const opened = () =>
    (opening ??= import('undici').then(({ Agent, request }) => ({
      agent: new Agent({
        headersTimeout: silenceMs,
        bodyTimeout: silenceMs,
        connect: { timeout: 5_000 },
        connections: 32,
      }),
      request,
    })))

  async function attempt({ method, key, headers = {}, body, signal }: Request): Promise<Answer> {
    const { agent, request } = await opened()
    const signed = await new AwsV4Signer({
      method,
      // Hashes and a prefix of plain characters: nothing in a key needs an encoding that servers disagree about.
      url: key === undefined ? root : `${root}/${key}`,
      headers: { 'x-amz-content-sha256': emptyHash, ...headers },
      service: 's3',
      region,
      accessKeyId,
      secretAccessKey,
    }).sign()
    return request(signed.url, {
      dispatcher: agent,
      method,
      headers: Object.fromEntries(signed.headers),
      body: body?.() ?? null,
      signal: signal ?? null,
    })
  }

  /** Answers what the server answered, whichever status below 500; tries again when it was another, or none. */
  async function send(request: Request): Promise<Answer> {
    let failure: unknown
    for (const waitMs of [0, ...retryAfterMs]) {
      if (waitMs > 0) await pause(waitMs)
      request.signal?.throwIfAborted()
      try {
        const answer = await attempt(request)
        if (answer.statusCode < 500 && answer.statusCode !== 429) return answer
        failure = await refused(answer)
      } catch (error) {
        failure = error
      }
    }
    request.signal?.throwIfAborted()
    if (failure instanceof BlobsUnavailable) throw failure
    throw new BlobsUnavailable(
      `The S3 server at ${base.host} does not answer (${codeOf(failure)}).`,
      'Check S3_ENDPOINT, and that the server lets this machine in.',
      { cause: failure },
    )
  }

  async function pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    using _timer = clock.after(ms, resolve)
    await promise
  }

  async function refused(answer: Answer): Promise<BlobsUnavailable> {
    // A HEAD has no body; the texts of the others are short.
    const said = (await text(answer.body).catch(() => '')).slice(0, 4096)
    const code = /<Code>([\w.-]{1,80})<\/Code>/.exec(said)?.[1]
    return new BlobsUnavailable(
      `The S3 server at ${base.host} answered ${answer.statusCode}${code === undefined ? '' : ` ${code}`}.`,
      remedyOf(answer.statusCode),
    )
  }

  return {
    kind: 's3',

    async keep({ hash, path, size }) {
      if (size > maxPutBytes) {
        throw new BlobsUnavailable(
          'S3 takes at most 5 GiB in one file.',
          'Lower MEDIA_MAX_MB to 5120 or less, or keep media on the disk (MEDIA_STORE=disk).',
        )
      }
      const there = await send({ method: 'HEAD', key: keyOf(hash) })
      await there.body.dump()
      if (there.statusCode === 200 && Number(there.headers['content-length']) === size) return
      const answer = await send({
        method: 'PUT',
        key: keyOf(hash),
        // The signature covers the hash, so the server refuses what was changed on the way.
        headers: {
          'x-amz-content-sha256': hash,
          'content-length': String(size),
          'content-type': 'application/octet-stream',
        },
        body: () => createReadStream(path),
      })
      if (answer.statusCode !== 200) throw await refused(answer)
      await answer.body.dump()
    },

    async open(hash, { size, range, signal }) {
      const answer = await send({
        method: 'GET',
        key: keyOf(hash),
        headers: range === undefined ? {} : { range: `bytes=${range.start}-${range.end}` },
        signal,
      })
      if (answer.statusCode === 404 || answer.statusCode === 416) {
        await answer.body.dump()
        throw new BlobMissing(hash)
      }
      if (answer.statusCode !== (range === undefined ? 200 : 206)) throw await refused(answer)
      const wanted = range === undefined ? size : range.end - range.start + 1
      const announced = answer.headers['content-length']
      if (announced !== undefined && Number(announced) !== wanted) {
        answer.body.destroy()
        throw new BlobMissing(`${hash} has ${String(announced)} bytes instead of ${wanted}`)
      }
      return answer.body
    },

    async remove(hash) {
      const answer = await send({ method: 'DELETE', key: keyOf(hash) })
      if (answer.statusCode >= 300 && answer.statusCode !== 404) throw await refused(answer)
      await answer.body.dump()
    },

    async probe() {
      const answer = await send({ method: 'HEAD' })
      if (answer.statusCode !== 200) throw await refused(answer)
      await answer.body.dump()
    },

    async [Symbol.asyncDispose]() {
      await (await opening)?.agent.destroy()
    },
  }
}

function remedyOf(status: number): string {
  switch (status) {
    case 301:
    case 307:
    case 400:
      return 'Set S3_REGION to the region of the bucket, and S3_ENDPOINT to its address.'
    case 403:
      return 'Check S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY, that they may read, write and delete in S3_BUCKET, and the clock of this machine.'
    case 404:
      return 'Make the bucket that S3_BUCKET names, or correct the name.'
    default:
      return 'Look at the S3 server; the hub goes on when it answers again.'
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
