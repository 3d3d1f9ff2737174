import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { pipeline } from 'node:stream/promises'

import type { Clock } from '../clock.ts'
import type { MediaTransfer, Truth } from '../truth.ts'
import { loopbackIdentity } from './authority.ts'
import { type MediaFault, MediaFaults, type MediaFaultScope } from './faults.ts'
import type { SealedKind } from './sealing.ts'
import { MediaStore, type StoredFile } from './store.ts'

/** Where clients upload to: `/mms/<type>/<token>`, `/newsletter/newsletter-<type>/<token>` what is not sealed, and the few that lie elsewhere (`MEDIA_PATH_MAP` of baileys). */
const uploadPath = /^\/(?:(?:mms|newsletter)\/([a-z-]+)|product\/image|pps\/biz-cover-photo)\/([\w%-]+)$/
const uploadKinds: Readonly<Record<string, SealedKind>> = {
  image: 'image',
  video: 'video',
  audio: 'audio',
  document: 'document',
  'newsletter-image': 'image',
  'newsletter-video': 'video',
  'newsletter-audio': 'audio',
  'newsletter-document': 'document',
  'md-app-state': 'md-msg-hist',
}
/** How long what `media_conn` gives out is good, seconds; WhatsApp's own. */
const authTtlS = 21_600

/**
 * WhatsApp's media host: takes encrypted files and gives them out again, over HTTPS under an authority of its own that
 * clients must be told to trust. Checks who uploads, and that what came is what was announced.
 */
export class MediaHost implements AsyncDisposable {
  /** The authority's certificate, PEM. */
  readonly authority: string
  readonly store = new MediaStore()
  /** What was uploaded, by the names that its answers gave: where it lies. */
  readonly uploads = new Map<string, string>()
  /** The most bytes it takes; 413 beyond. WhatsApp's is 2 GB. */
  maxUploadBytes = 2_147_483_648
  readonly #clock: Clock
  readonly #truth: Truth
  readonly #faults = new MediaFaults()
  /** Given out → until when, Unix ms. */
  readonly #auths = new Map<string, number>()
  readonly #server: Server
  readonly #sockets = new Set<Socket>()

  private constructor(clock: Clock, truth: Truth) {
    this.#clock = clock
    this.#truth = truth
    const { authority, certificate, key } = loopbackIdentity(clock.now())
    this.authority = authority
    this.#server = createServer({ key, cert: certificate }, (request, response) => {
      // Whatever breaks here broke with its connection, and is noted with the transfer.
      this.#handle(request, response).catch(() => response.destroy())
    })
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
    // A client that does not trust us hangs up: its own affair.
    this.#server.on('tlsClientError', () => {})
  }

  static async start(clock: Clock, truth: Truth, port = 0): Promise<MediaHost> {
    const host = new MediaHost(clock, truth)
    host.#server.listen(port, '127.0.0.1')
    await once(host.#server, 'listening')
    return host
  }

  /** `127.0.0.1:<port>` */
  get host(): string {
    // A listening TCP server has an address of this kind.
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** What goes wrong with the next downloads, or those of one file. */
  onDownloads(fault: MediaFault, scope: MediaFaultScope = {}): Disposable {
    return this.#faults.add('download', fault, scope)
  }

  /** What goes wrong with the next uploads. */
  onUploads(fault: MediaFault, scope: Pick<MediaFaultScope, 'times'> = {}): Disposable {
    return this.#faults.add('upload', fault, scope)
  }

  /** Clients get 410 for a file from now on, or 404 or 403: its link has expired. @throws {RangeError} */
  expire(directPath: string, status: 403 | 404 | 410 = 410): void {
    this.store.setGone(directPath, status)
  }

  /** What `media_conn` tells a client. */
  takeAuth(): { auth: string; ttl: number } {
    const auth = randomBytes(24).toString('base64')
    this.#auths.set(auth, this.#clock.now() + authTtlS * 1000)
    for (const oldest of this.#auths.keys()) {
      if (this.#auths.size <= 1000) break
      this.#auths.delete(oldest)
    }
    return { auth, ttl: authTtlS }
  }

  /** Makes what was given out good for nothing: uploads are refused until clients asked anew. */
  forgetAuths(): void {
    this.#auths.clear()
  }

  /** Where a file lies, as messages name it. */
  urlOf(directPath: string): string {
    return `https://${this.host}${directPath}&mms3=true`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
    this.store[Symbol.dispose]()
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = request
    const transfer = this.#truth.media.add({
      transfer: method === 'POST' ? 'upload' : 'download',
      path: url,
      host: request.headers.host,
      range: request.headers.range,
      status: undefined,
      bytes: 0,
      at: this.#clock.now(),
      endedAt: undefined,
    })
    response.once('close', () => {
      transfer.endedAt = this.#clock.now()
      this.#truth.touched()
    })
    const answer = (status: number, headers: Record<string, string | number> = {}, body = ''): void => {
      transfer.status = status
      response.writeHead(status, { 'content-length': Buffer.byteLength(body), ...headers }).end(body)
    }
    if (method === 'POST') await this.#upload(request, response, transfer, answer)
    else if (method === 'GET' || method === 'HEAD') await this.#download(request, response, transfer, answer)
    else answer(405, { allow: 'GET, HEAD, POST' })
  }

  async #upload(
    request: IncomingMessage,
    response: ServerResponse,
    transfer: MediaTransfer,
    answer: Answer,
  ): Promise<void> {
    const refuse = (status: number, why: string): void => {
      // What follows is not read: the connection is of no more use.
      answer(status, { connection: 'close', 'content-type': 'text/plain' }, why)
      request.resume()
    }
    const url = new URL(request.url ?? '/', 'https://host')
    const [, type, token] = uploadPath.exec(url.pathname) ?? []
    if (token === undefined) return refuse(404, 'Nothing is uploaded to there')
    const kind = uploadKinds[type ?? 'image']
    if (kind === undefined) return refuse(404, `There is no type ${type ?? ''}`)
    const until = this.#auths.get(url.searchParams.get('auth') ?? '')
    if (until === undefined || until < this.#clock.now()) return refuse(401, 'Ask for media_conn anew')
    if (Number(request.headers['content-length'] ?? 0) > this.maxUploadBytes)
      return refuse(413, `At most ${this.maxUploadBytes} bytes`)

    const fault = this.#faults.take('upload')
    if (fault?.kind === 'silence') return
    if (fault?.kind === 'slow') await this.#pause(fault.delayMs)
    const path = this.store.draft()
    const sha256 = createHash('sha256')
    const cutAt =
      fault?.kind === 'cut'
        ? (fault.afterBytes ?? Number(request.headers['content-length'] ?? 0) / 2)
        : Infinity
    try {
      const { maxUploadBytes } = this
      await pipeline(
        request,
        async function* (pieces: AsyncIterable<Buffer>) {
          for await (const piece of pieces) {
            transfer.bytes += piece.length
            if (transfer.bytes > maxUploadBytes) throw new RangeError('too large')
            if (transfer.bytes > cutAt) response.destroy()
            sha256.update(piece)
            yield piece
          }
        },
        createWriteStream(path, { flags: 'wx' }),
      )
    } catch (error) {
      await rm(path, { force: true })
      if (error instanceof RangeError) return refuse(413, `At most ${this.maxUploadBytes} bytes`)
      throw error
    }
    if (fault?.kind === 'status') {
      await rm(path, { force: true })
      return answer(fault.status, locationOf(fault))
    }
    // The token is the hash of the encrypted file: what did not come whole is refused.
    if (decodeURIComponent(token) !== sha256.digest('base64url')) {
      await rm(path, { force: true })
      return refuse(400, 'The file has another hash than the token')
    }
    const directPath = await this.store.putUpload(path, transfer.bytes, kind)
    const handle = randomBytes(12).toString('hex')
    this.uploads.set(handle, directPath)
    const body = { url: this.urlOf(directPath), direct_path: directPath, handle }
    answer(200, { 'content-type': 'application/json' }, JSON.stringify(body))
  }

  async #download(
    request: IncomingMessage,
    response: ServerResponse,
    transfer: MediaTransfer,
    answer: Answer,
  ): Promise<void> {
    const hosted = this.store.find(request.url ?? '/')
    const directPath = hosted === undefined ? undefined : (request.url ?? '').replace(/&mms3=true$/, '')
    const fault = this.#faults.take('download', directPath)
    if (fault?.kind === 'silence') return
    if (fault?.kind === 'slow') await this.#pause(fault.delayMs)
    if (fault?.kind === 'status') return answer(fault.status, locationOf(fault))
    if (hosted === undefined) return answer(403, { 'content-type': 'text/plain' }, 'URL signature mismatch')
    if (hosted.gone !== undefined) return answer(hosted.gone)
    const { file } = hosted
    const range = rangeOf(request.headers.range, file.size)
    if (range === 'unsatisfiable') return answer(416, { 'content-range': `bytes */${file.size}` })
    const { start, end } = range ?? { start: 0, end: file.size }
    transfer.status = range === undefined ? 200 : 206
    const length = fault?.kind === 'short' ? (fault.afterBytes ?? Math.floor((end - start) / 2)) : end - start
    response.writeHead(transfer.status, {
      'content-type': 'application/octet-stream',
      'accept-ranges': 'bytes',
      'cache-control': 'private, immutable',
      ...(fault?.kind !== 'endless' && { 'content-length': length }),
      ...(range !== undefined && { 'content-range': `bytes ${start}-${end - 1}/${file.size}` }),
    })
    if (request.method === 'HEAD') {
      response.end()
      return
    }
    await pipeline(this.#bytesOf(file, { start, end, length }, fault, transfer, response), response)
  }

  /** The bytes of an answer, with what goes wrong in them. */
  async *#bytesOf(
    file: StoredFile,
    { start, end, length }: { start: number; end: number; length: number },
    fault: MediaFault | undefined,
    transfer: MediaTransfer,
    response: ServerResponse,
  ): AsyncGenerator<Buffer> {
    const cutAt = fault?.kind === 'cut' ? (fault.afterBytes ?? Math.floor((end - start) / 2)) : Infinity
    const changed =
      fault?.kind === 'corrupt' ? (fault.where === 'mac' ? file.size - 5 : Math.floor(file.size / 2)) : -1
    for await (const bytes of file.read(start, start + Math.min(length, end - start))) {
      // No encoding is set on what it reads.
      let piece = bytes as Buffer
      const at = start + transfer.bytes
      if (changed >= at && changed < at + piece.length) {
        piece = Buffer.from(piece)
        piece[changed - at] = (piece[changed - at] ?? 0) ^ 0xff
      }
      const step = fault?.kind === 'drip' ? fault.bytes : piece.length
      for (let from = 0; from < piece.length; from += step) {
        const part = piece.subarray(from, from + step)
        if (transfer.bytes + part.length > cutAt) {
          const last = part.subarray(0, cutAt - transfer.bytes)
          // Beside the pipeline, to know when it has left.
          await new Promise<void>((resolve) => void response.write(last, () => resolve()))
          transfer.bytes = cutAt
          response.destroy()
          return
        }
        yield part
        transfer.bytes += part.length
        if (fault?.kind === 'drip') await this.#pause(fault.everyMs)
      }
    }
    if (fault?.kind !== 'endless') return
    while (!response.destroyed) {
      yield filler
      transfer.bytes += filler.length
    }
  }

  async #pause(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#clock.after(ms, resolve)
    await promise
  }
}

type Answer = (status: number, headers?: Record<string, string | number>, body?: string) => void

const filler = Buffer.alloc(65_536)

function locationOf({ location }: Extract<MediaFault, { kind: 'status' }>): Record<string, string> {
  return location === undefined ? {} : { location }
}

/** The one range a client asked for, `end` exclusive; undefined when it wants all, also when it asked for what we do not do. */
function rangeOf(
  header: string | undefined,
  size: number,
): { start: number; end: number } | 'unsatisfiable' | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? '') ?? []
  if (first === undefined || last === undefined || (first === '' && last === '')) return undefined
  const start = first === '' ? Math.max(size - Number(last), 0) : Number(first)
  const end = first === '' || last === '' ? size : Math.min(Number(last) + 1, size)
  return start < end ? { start, end } : 'unsatisfiable'
}
