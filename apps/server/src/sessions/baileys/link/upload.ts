import { createCipheriv, createHash, createHmac, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import https from 'node:https'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

import type { BinaryNode, WASocket } from '../baileys.ts'
import {
  DEFAULT_ORIGIN,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  getMediaKeys,
  MEDIA_PATH_MAP,
  S_WHATSAPP_NET,
} from '../baileys.ts'

import type { Clock } from '../../../platform/clock.ts'
import { bytesPassed } from '../../../platform/give-back-memory.ts'
import { UploadRefused } from '../../upload-refused.ts'

/** A file on its way to WhatsApp. */
export interface FileToUpload {
  /** What WhatsApp derives its keys for, and where it goes: stickers are images. */
  readonly kind: UploadedAs
  /** Its bytes; asked for twice. */
  open(signal: AbortSignal): Promise<Readable>
}

type SealedAs = 'image' | 'video' | 'audio' | 'document'
/** Files of newsletters go up as they are. */
export type UploadedAs = SealedAs | `newsletter-${SealedAs}`

/** What a file is sealed with. */
interface FileKey {
  readonly bytes: Buffer
  readonly kind: SealedAs
}

function keyFor(kind: UploadedAs): FileKey | undefined {
  switch (kind) {
    case 'image':
    case 'video':
    case 'audio':
    case 'document':
      return { bytes: randomBytes(32), kind }
    case 'newsletter-image':
    case 'newsletter-video':
    case 'newsletter-audio':
    case 'newsletter-document':
      break
  }
  return undefined
}

/** Where WhatsApp has a file, and what opens it. Bytes are base64. */
export interface UploadedFile {
  readonly url: string | undefined
  readonly directPath: string
  /** With `encSha256`, of a file that is sealed. */
  readonly key?: string
  /** Unix s. */
  readonly keyTimestamp: number
  /** Of the plain file. */
  readonly sha256: string
  /** Of the sealed one. */
  readonly encSha256?: string
  /** Of a file that is not sealed: what its message names the upload by. */
  readonly handle?: string
}

/** Bytes of the MAC at the end of a sealed file. */
const macBytes = 10
const blockBytes = 16
const mediaConnMs = 20_000
/** An answer is a few lines of JSON. */
const maxAnswer = 64 * 1024

export interface UploadRoute {
  /** The way to the media hosts: through the session's proxy, if it has one. Undefined = direct. */
  readonly agent: https.Agent | undefined
  /** The media host the operator trusts besides those of WhatsApp. */
  readonly mediaHost: string
}

/** Where WhatsApp wants files, and what lets us in. */
interface MediaConn {
  readonly auth: string
  readonly hosts: readonly string[]
  /** Monotonic ms. */
  readonly until: number
}

/**
 * Gives files to WhatsApp's media hosts, sealed on the way: nothing of them is held in memory or written to the disk. baileys' own way writes the
 * sealed file to the temporary directory, and never asks for the hosts again once that failed (rc14, `refreshMediaConn` awaits the failure for ever).
 */
export class Uploader {
  readonly #sock: Pick<WASocket, 'query'>
  readonly #route: UploadRoute
  readonly #clock: Clock
  #conn: MediaConn | undefined

  constructor(sock: Pick<WASocket, 'query'>, route: UploadRoute, clock: Clock) {
    this.#sock = sock
    this.#route = route
    this.#clock = clock
  }

  /**
   * Resolves when a media host has the file. Reads it twice: its address is the hash of what will be sent. Rejects with `UploadRefused`, what
   * `file.open` and its stream throw, the reason of `signal`, and whatever went wrong on the way.
   */
  async upload(file: FileToUpload, signal: AbortSignal): Promise<UploadedFile> {
    const key = keyFor(file.kind)
    const sealed = await this.#measure(file, key, signal)
    const failures: unknown[] = []
    let isFresh = false
    for (let tries = 0; tries < 2 && !isFresh; tries++) {
      isFresh = this.#conn === undefined || tries > 0 || this.#clock.monotonic() >= this.#conn.until
      if (isFresh) this.#conn = await this.#ask()
      const conn = this.#conn
      if (conn === undefined) break
      for (const host of conn.hosts) {
        signal.throwIfAborted()
        const answer = await this.#post({ host, auth: conn.auth }, file, key, sealed, signal).catch(
          (error: unknown) => {
            signal.throwIfAborted()
            // The store of the files failed us, which another host would not mend.
            if (error instanceof SourceFailed) throw error.cause
            failures.push(error)
            return undefined
          },
        )
        if (answer === undefined) continue
        if (answer.directPath !== undefined) {
          return {
            url: answer.url,
            directPath: answer.directPath,
            keyTimestamp: Math.floor(this.#clock.now() / 1000),
            sha256: sealed.sha256.toString('base64'),
            ...(key === undefined
              ? answer.handle !== undefined && { handle: answer.handle }
              : { key: key.bytes.toString('base64'), encSha256: sealed.sentSha256.toString('base64') }),
          }
        }
        failures.push(new Error(`${host} answered ${answer.status} to an upload`))
        if (answer.status === 413 || answer.status === 415) throw new UploadRefused(answer.status)
        // What lets us in is over: asked for anew, once.
        if (answer.status === 401 || answer.status === 403) break
      }
    }
    throw new AggregateError(failures, 'no media host took the file')
  }

  /** The first reading: how long the file is as it goes up, and its hash. */
  async #measure(file: FileToUpload, key: FileKey | undefined, signal: AbortSignal): Promise<Sealed> {
    const sentSha256 = createHash('sha256')
    const sha256 = createHash('sha256')
    let bytes = 0
    const plain = await file.open(signal)
    for await (const chunk of seal(plain, key, (part) => sha256.update(part))) {
      signal.throwIfAborted()
      sentSha256.update(chunk)
      bytes += chunk.length
    }
    return { bytes, sha256: sha256.digest(), sentSha256: sentSha256.digest() }
  }

  /** The second reading, on the way to the host. `directPath` is undefined when the host did not take it. */
  async #post(
    { host, auth }: { host: string; auth: string },
    file: FileToUpload,
    key: FileKey | undefined,
    { bytes, sentSha256 }: Sealed,
    signal: AbortSignal,
  ): Promise<{ status: number } & UploadAnswer> {
    const token = sentSha256.toString('base64url')
    const path = key === undefined ? `/newsletter/${file.kind}` : MEDIA_PATH_MAP[key.kind]
    const query = new URLSearchParams({ auth, token })
    const request = https.request(`https://${host}${path}/${token}?${query.toString()}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/octet-stream',
        'content-length': bytes,
        origin: DEFAULT_ORIGIN,
      },
      agent: this.#route.agent,
      signal,
    })
    const answered = new Promise<IncomingMessage>((resolve, reject) => {
      request.once('response', resolve)
      request.once('error', reject)
    })
    answered.catch(() => {})
    const plain = await file.open(signal).catch((cause: unknown) => {
      request.destroy()
      throw new SourceFailed(cause)
    })
    let sourceError: unknown
    plain.once('error', (error) => {
      sourceError = error
    })
    // A host that refuses answers before it has read all, and closes: its answer says more than the broken pipe.
    const sent = pipeline(Readable.from(seal(plain, key), { objectMode: false }), request)
    sent.catch(() => {
      if (sourceError !== undefined) request.destroy()
    })
    try {
      const response = await answered
      return { status: response.statusCode ?? 0, ...readAnswer(await textOf(response)) }
    } catch (error) {
      throw sourceError === undefined ? error : new SourceFailed(sourceError)
    } finally {
      plain.destroy()
      request.destroy()
    }
  }

  async #ask(): Promise<MediaConn> {
    const node: BinaryNode = {
      tag: 'iq',
      attrs: { type: 'set', xmlns: 'w:m', to: S_WHATSAPP_NET },
      content: [{ tag: 'media_conn', attrs: {} }],
    }
    const answer: unknown = await this.#sock.query(node, mediaConnMs)
    // What `query` answers is a stanza, or it throws.
    const conn = getBinaryNodeChild(answer as BinaryNode, 'media_conn')
    const hosts = getBinaryNodeChildren(conn, 'host').map(({ attrs }) => attrs['hostname'] ?? '')
    const known = hosts.filter((host) => this.#isKnown(host))
    const auth = conn?.attrs['auth']
    if (auth === undefined || known.length === 0) throw new Error('WhatsApp named no media host that we know')
    const ttlS = Number(conn?.attrs['ttl'])
    const lastsMs = Number.isFinite(ttlS) ? ttlS * 1000 : 0
    return { auth, hosts: known, until: this.#clock.monotonic() + lastsMs }
  }

  #isKnown(host: string): boolean {
    return /^[\w.-]+\.whatsapp\.net$/.test(host) || host === this.#route.mediaHost
  }
}

interface Sealed {
  readonly bytes: number
  readonly sha256: Buffer
  /** Of what goes up. */
  readonly sentSha256: Buffer
}

interface UploadAnswer {
  directPath: string | undefined
  url: string | undefined
  handle: string | undefined
}

/** Reading the file failed, not giving it away. */
class SourceFailed extends Error {
  override readonly name = 'SourceFailed'
  constructor(cause: unknown) {
    super('the file could not be read', { cause })
  }
}

/** What goes up: without a key the file as it is, else AES-256-CBC under a key of the file's own, and ten bytes of an HMAC over IV and ciphertext at the end (docs/protocol/media.md). */
async function* seal(
  plain: AsyncIterable<Buffer>,
  key: FileKey | undefined,
  onPlain?: (chunk: Buffer) => void,
): AsyncGenerator<Buffer> {
  if (key === undefined) {
    for await (const chunk of plain) {
      onPlain?.(chunk)
      yield chunk
    }
    return
  }
  const { iv, cipherKey, macKey } = await getMediaKeys(key.bytes, key.kind)
  if (cipherKey === undefined || macKey === undefined) throw new Error('baileys gave no keys')
  const cipher = createCipheriv('aes-256-cbc', cipherKey, iv)
  const hmac = createHmac('sha256', macKey).update(iv)
  for await (const chunk of plain) {
    onPlain?.(chunk)
    const sealed = cipher.update(chunk)
    bytesPassed(chunk.length)
    hmac.update(sealed)
    if (sealed.length > 0) yield sealed
  }
  const last = cipher.final()
  hmac.update(last)
  yield Buffer.concat([last, hmac.digest().subarray(0, macBytes)], blockBytes + macBytes)
}

async function textOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxAnswer) break
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function readAnswer(text: string): UploadAnswer {
  let said: unknown
  try {
    said = JSON.parse(text)
  } catch {
    said = undefined
  }
  const found = typeof said === 'object' && said !== null ? (said as Readonly<Record<string, unknown>>) : {}
  const field = (name: string): string | undefined => {
    const value = found[name]
    return typeof value === 'string' && value.length <= 4096 ? value : undefined
  }
  return { directPath: field('direct_path'), url: field('url'), handle: field('handle') }
}
