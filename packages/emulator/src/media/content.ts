import { createHash, randomBytes } from 'node:crypto'
import { basename, extname } from 'node:path'
import { Readable } from 'node:stream'

import type { proto } from '../baileys.ts'
import type { MediaHost } from './host.ts'
import { describe, seal, type SealedFile, type SealedKind, sidecarOf } from './sealing.ts'

/** A file a phone sends. */
export interface MediaContent {
  media: 'image' | 'video' | 'gif' | 'video_note' | 'audio' | 'voice' | 'document' | 'sticker'
  /** So many zeros stand for a large file that is made while it is read. */
  bytes: Uint8Array | { zeros: number }
  /** Default: what phones send of this kind. */
  mimetype?: string
  caption?: string
  fileName?: string
  /** Of video and audio. */
  seconds?: number
  width?: number
  height?: number
  /** JPEG, in the message itself. */
  thumbnail?: Uint8Array
  viewOnce?: boolean
  /** What its message says of it, where that is not the truth. */
  lies?: Partial<MediaReference>
}

/** What the messages of all kinds say of their file. */
export interface MediaReference extends SealedFile {
  url: string
  directPath: string
}

const kinds = {
  image: { sealed: 'image', mimetype: 'image/jpeg' },
  video: { sealed: 'video', mimetype: 'video/mp4' },
  gif: { sealed: 'video', mimetype: 'video/mp4' },
  video_note: { sealed: 'video', mimetype: 'video/mp4' },
  audio: { sealed: 'audio', mimetype: 'audio/mp4' },
  voice: { sealed: 'audio', mimetype: 'audio/ogg; codecs=opus' },
  document: { sealed: 'document', mimetype: 'application/pdf' },
  sticker: { sealed: 'sticker', mimetype: 'image/webp' },
} as const satisfies Record<MediaContent['media'], { sealed: SealedKind; mimetype: string }>

const extensions: Readonly<Record<string, Pick<MediaContent, 'media' | 'mimetype'>>> = {
  jpg: { media: 'image' },
  jpeg: { media: 'image' },
  png: { media: 'image', mimetype: 'image/png' },
  webp: { media: 'sticker' },
  mp4: { media: 'video' },
  ogg: { media: 'voice' },
  opus: { media: 'voice' },
  mp3: { media: 'audio', mimetype: 'audio/mpeg' },
  m4a: { media: 'audio' },
  pdf: { media: 'document' },
  txt: { media: 'document', mimetype: 'text/plain' },
}

/** What a phone makes of a file of its own, by its name. */
export function mediaFromFile(path: string, bytes: Uint8Array): MediaContent {
  const known = extensions[extname(path).slice(1).toLowerCase()] ?? {
    media: 'document',
    mimetype: 'application/octet-stream',
  }
  return { ...known, bytes, ...(known.media === 'document' && { fileName: basename(path) }) }
}

/** Encrypts a file, puts it on the media host, and gives the message that leads to it. */
export function toMediaMessage(content: MediaContent, host: MediaHost, now: number): proto.IMessage {
  const { file, directPath, sidecar } = hosted(content.bytes, kinds[content.media].sealed, host)
  const placed = {
    url: host.urlOf(directPath),
    directPath,
    ...file,
    mediaKeyTimestamp: Math.floor(now / 1000),
  }
  return messageOf(content, placed, sidecar)
}

/** Puts a file on the media host as it is, as newsletters have theirs, and gives the message that leads to it. */
export function toOpenMessage(
  content: MediaContent & { bytes: Uint8Array },
  host: MediaHost,
): proto.IMessage {
  const directPath = host.store.putBytes(Buffer.from(content.bytes), kinds[content.media].sealed)
  const fileSha256 = createHash('sha256').update(content.bytes).digest()
  const placed = { url: host.urlOf(directPath), directPath, fileSha256, fileLength: content.bytes.length }
  return messageOf(content, placed, undefined)
}

function messageOf(
  content: MediaContent,
  placed: Partial<MediaReference> & { mediaKeyTimestamp?: number },
  sidecar: Buffer | undefined,
): proto.IMessage {
  const { caption, seconds, width, height, thumbnail, viewOnce } = content
  const common = {
    mimetype: content.mimetype ?? kinds[content.media].mimetype,
    ...placed,
    ...(thumbnail !== undefined && { jpegThumbnail: thumbnail }),
    ...content.lies,
  }
  const sized = { ...(width !== undefined && { width }), ...(height !== undefined && { height }) }
  const seen = { ...common, ...sized, ...(caption !== undefined && { caption }) }
  const played = {
    ...(seconds !== undefined && { seconds }),
    ...(sidecar !== undefined && { streamingSidecar: sidecar }),
  }
  const name = content.fileName === undefined ? {} : { fileName: content.fileName }
  const messages: Record<MediaContent['media'], () => proto.IMessage> = {
    image: () => ({ imageMessage: seen }),
    video: () => ({ videoMessage: { ...seen, ...played } }),
    gif: () => ({ videoMessage: { ...seen, ...played, gifPlayback: true } }),
    video_note: () => ({ ptvMessage: { ...seen, ...played } }),
    audio: () => ({ audioMessage: { ...common, ...played, ptt: false } }),
    voice: () => ({ audioMessage: { ...common, ...played, ptt: true } }),
    sticker: () => ({ stickerMessage: { ...common, ...sized } }),
    document: () => document({ ...common, ...name }, caption),
  }
  const message = messages[content.media]()
  return viewOnce === true ? { viewOnceMessageV2: { message } } : message
}

/** Encrypts a part of a history and puts it on the media host: where it lies, as its notification says it. */
export function toHistoryReference(
  deflated: Uint8Array,
  host: MediaHost,
): SealedFile & { directPath: string } {
  const { file, directPath } = hosted(deflated, 'md-msg-hist', host)
  return { ...file, directPath }
}

/** Encrypts app state and puts it on the media host: where it lies, as answers say it. */
export function toAppStateReference(bytes: Uint8Array, host: MediaHost): proto.IExternalBlobReference {
  const { file, directPath } = hosted(bytes, 'md-app-state', host)
  const { mediaKey, fileSha256, fileEncSha256, fileLength } = file
  return { mediaKey, directPath, fileSizeBytes: fileLength, fileSha256, fileEncSha256 }
}

/** A caption makes it another kind of message, as WhatsApp's apps have it. */
function document(
  documentMessage: proto.Message.IDocumentMessage,
  caption: string | undefined,
): proto.IMessage {
  if (caption === undefined) return { documentMessage }
  return { documentWithCaptionMessage: { message: { documentMessage: { ...documentMessage, caption } } } }
}

function hosted(
  bytes: MediaContent['bytes'],
  kind: SealedKind,
  host: MediaHost,
): { file: SealedFile; directPath: string; sidecar: Buffer | undefined } {
  const mediaKey = randomBytes(32)
  if (bytes instanceof Uint8Array) {
    const sealed: Buffer[] = []
    const file = describe(
      () => [bytes],
      mediaKey,
      kind,
      (piece) => sealed.push(piece),
    )
    const whole = Buffer.concat(sealed)
    const sidecar = kind === 'video' || kind === 'audio' ? sidecarOf(whole, mediaKey, kind) : undefined
    return { file, directPath: host.store.putBytes(whole, kind), sidecar }
  }
  const plain = (): Iterable<Uint8Array> => zeros(bytes.zeros)
  let size = 0
  const file = describe(plain, mediaKey, kind, (piece) => (size += piece.length))
  const directPath = host.store.put(
    // Only ever read from its beginning: a part of it would have to be made from there all the same.
    {
      size,
      read: (start, end) =>
        Readable.from(part(seal(plain(), mediaKey, kind), start, end), { objectMode: false }),
    },
    kind,
  )
  return { file, directPath, sidecar: undefined }
}

const zeroPiece = Buffer.alloc(65_536)

function* zeros(count: number): Generator<Buffer> {
  for (let left = count; left > 0; left -= zeroPiece.length) yield zeroPiece.subarray(0, left)
}

function* part(pieces: Iterable<Buffer>, start: number, end: number): Generator<Buffer> {
  let at = 0
  for (const piece of pieces) {
    if (at + piece.length > start && at < end) yield piece.subarray(Math.max(start - at, 0), end - at)
    at += piece.length
    if (at >= end) return
  }
}

/** The part of a message that says where its file is, and what kind of key opens it. */
export function mediaOf(
  message: proto.IMessage | null | undefined,
): { reference: MediaReference; kind: SealedKind } | undefined {
  const inner = unwrapped(message)
  const found =
    given('image', inner?.imageMessage) ??
    given('video', inner?.videoMessage ?? inner?.ptvMessage) ??
    given('audio', inner?.audioMessage) ??
    given('document', inner?.documentMessage) ??
    given('sticker', inner?.stickerMessage)
  if (found === undefined) return undefined
  const { url, directPath, mediaKey, fileSha256, fileEncSha256, fileLength } = found.part
  return {
    kind: found.kind,
    reference: {
      url: url ?? '',
      directPath: directPath ?? '',
      mediaKey: Buffer.from(mediaKey ?? []),
      fileSha256: Buffer.from(fileSha256 ?? []),
      fileEncSha256: Buffer.from(fileEncSha256 ?? []),
      fileLength: Number(fileLength ?? 0),
    },
  }
}

function given<Part>(
  kind: SealedKind,
  part: Part | null | undefined,
): { kind: SealedKind; part: Part } | undefined {
  return part ? { kind, part } : undefined
}

function unwrapped(message: proto.IMessage | null | undefined): proto.IMessage | null | undefined {
  const wrapper =
    message?.ephemeralMessage ??
    message?.viewOnceMessage ??
    message?.viewOnceMessageV2 ??
    message?.viewOnceMessageV2Extension ??
    message?.documentWithCaptionMessage ??
    message?.associatedChildMessage
  return wrapper ? unwrapped(wrapper.message) : message
}
