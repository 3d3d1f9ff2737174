import { randomBytes } from 'node:crypto'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { createReadStream } from 'node:fs'
import { rename } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'

import type { SealedKind } from './sealing.ts'

/** Bytes somebody keeps for us: `start` and `end` (exclusive) as in `Buffer.subarray`. */
export interface StoredFile {
  /** Bytes, as they are transferred. */
  readonly size: number
  read(start: number, end: number): Readable
}

/** A file as the media host has it. */
interface Hosted {
  file: StoredFile
  /** Gone for clients, with this status; the bytes stay, as on the phone that sent them. */
  gone: 403 | 404 | 410 | undefined
}

/** Folders of direct paths by kind, as WhatsApp's look. */
const folders = {
  image: 't62.7118-24',
  video: 't62.7161-24',
  audio: 't62.7117-24',
  document: 't62.7119-24',
  sticker: 't62.15575-24',
  'md-msg-hist': 't62.36147-24',
  'md-app-state': 't62.36147-25',
} as const satisfies Record<SealedKind, string>

/** What lies on the media host, under direct paths. */
export class MediaStore implements Disposable {
  readonly #files = new Map<string, Hosted>()
  #directory: string | undefined

  /** A fresh direct path for a file, which leads to it from now on. */
  put(file: StoredFile, kind: SealedKind): string {
    const directPath = `/v/${folders[kind]}/${randomBytes(8).readBigUInt64BE()}_${randomBytes(4).readUInt32BE()}_n.enc?ccb=11-4&oh=01_${randomBytes(24).toString('base64url')}&oe=${randomBytes(4).toString('hex').toUpperCase()}&_nc_sid=5e03e0`
    this.#files.set(directPath, { file, gone: undefined })
    return directPath
  }

  putBytes(bytes: Buffer, kind: SealedKind): string {
    return this.put(inMemory(bytes), kind)
  }

  /** Takes a finished upload over, from a file of {@link draft}. */
  async putUpload(path: string, size: number, kind: SealedKind): Promise<string> {
    const kept = `${path}.kept`
    await rename(path, kept)
    return this.put({ size, read: (start, end) => readPart(kept, start, end) }, kind)
  }

  /** Where an upload is to be written. */
  draft(): string {
    this.#directory ??= mkdtempSync(join(tmpdir(), 'inbox-hub-emulator-'))
    mkdirSync(this.#directory, { recursive: true })
    return join(this.#directory, randomBytes(12).toString('hex'))
  }

  /** What clients get: `find` knows gone files too. Of the query only what was given out is right. */
  find(directPath: string): Readonly<Hosted> | undefined {
    return this.#files.get(directPath) ?? this.#files.get(directPath.replace(/[?&]mms3=true$/, ''))
  }

  /** From now on clients get this status for it; undefined brings it back. @throws {RangeError} */
  setGone(directPath: string, gone: Hosted['gone']): void {
    const hosted = this.#files.get(directPath)
    if (hosted === undefined) throw new RangeError(`Nothing lies at ${directPath}`)
    hosted.gone = gone
  }

  [Symbol.dispose](): void {
    this.#files.clear()
    if (this.#directory !== undefined) rmSync(this.#directory, { recursive: true, force: true })
  }
}

function inMemory(bytes: Buffer): StoredFile {
  return {
    size: bytes.length,
    read: (start, end) => Readable.from(pieces(bytes.subarray(start, end)), { objectMode: false }),
  }
}

function* pieces(bytes: Buffer): Generator<Buffer> {
  for (let from = 0; from < bytes.length; from += 65_536) yield bytes.subarray(from, from + 65_536)
}

function readPart(path: string, start: number, end: number): Readable {
  return end <= start ? Readable.from([]) : createReadStream(path, { start, end: end - 1 })
}

/** All of a file. */
export async function bytesOfFile(file: StoredFile): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of file.read(0, file.size)) pieces.push(piece as Buffer) // no encoding is set
  return Buffer.concat(pieces)
}
