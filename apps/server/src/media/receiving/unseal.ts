import { createDecipheriv, createHash, createHmac, createSecretKey, hkdfSync } from 'node:crypto'

import type { Media, MediaKind, MediaSource } from '@inbox-hub/whatsapp'

// docs/protocol/media.md has where this is from.

/** The name WhatsApp puts into the keys of each kind. */
const keyNames: Readonly<Record<MediaKind, string>> = {
  image: 'Image',
  sticker: 'Image',
  video: 'Video',
  gif: 'Video',
  video_note: 'Video',
  audio: 'Audio',
  voice: 'Audio',
  document: 'Document',
}
const macBytes = 10
const blockBytes = 16

/** The file is not what its message says. */
export class FileCorrupt extends Error {
  override readonly name = 'FileCorrupt'
}

/** More bytes than are taken. */
export class FileTooLong extends Error {
  override readonly name = 'FileTooLong'
}

/**
 * A file as it arrives: what is sealed is opened, what lies there as it is (of newsletters) is only checked.
 *
 * @throws {FileCorrupt} also when bytes are missing at the end
 * @throws {FileTooLong} after `maxBytes` of file
 */
export function fileIn(
  arriving: AsyncIterable<Uint8Array>,
  kind: MediaKind,
  said: Pick<Media, 'bytes' | 'sha256'> & { source: MediaSource },
  maxBytes: number,
): AsyncGenerator<Buffer> {
  const { key } = said.source
  return key === undefined
    ? unsealed(arriving, said.sha256, maxBytes)
    : unseal(arriving, kind, { ...said, source: { ...said.source, key } }, maxBytes)
}

/**
 * Decrypts a file as it arrives, and checks it against all that its message says: the hash of what is sent, the MAC, the hash of
 * the file. What it yields counts only when it ends without an error: the MAC stands at the end. Memory holds one piece at a time.
 *
 * @throws {FileCorrupt} also when bytes are missing at the end
 * @throws {FileTooLong} after `maxBytes` of file
 */
export async function* unseal(
  sealed: AsyncIterable<Uint8Array>,
  kind: MediaKind,
  said: Pick<Media, 'bytes' | 'sha256'> & { source: MediaSource & { key: string } },
  maxBytes: number,
): AsyncGenerator<Buffer> {
  const mediaKey = Buffer.from(said.source.key, 'base64')
  if (mediaKey.length !== 32) throw new FileCorrupt(`a key of ${mediaKey.length} bytes`)
  const info = `WhatsApp ${keyNames[kind]} Keys`
  const expanded = Buffer.from(hkdfSync('sha256', createSecretKey(mediaKey), Buffer.alloc(32), info, 112))
  const iv = expanded.subarray(0, 16)
  const decipher = createDecipheriv('aes-256-cbc', createSecretKey(expanded.subarray(16, 48)), iv)
  const mac = createHmac('sha256', createSecretKey(expanded.subarray(48, 80))).update(iv)
  const sealedHash = createHash('sha256')
  const plainHash = createHash('sha256')
  let plainBytes = 0
  let cipherBytes = 0
  /** The last bytes so far: they may be the MAC. */
  let held: Buffer = Buffer.alloc(0)

  const counted = (plain: Buffer): Buffer => {
    plainBytes += plain.length
    if (plainBytes > maxBytes) throw new FileTooLong(`more than ${maxBytes} bytes`)
    plainHash.update(plain)
    return plain
  }

  for await (const piece of sealed) {
    sealedHash.update(piece)
    // Only the ends are joined: a copy of every piece would be garbage as large as the file.
    const rest = Buffer.concat([held, piece.subarray(Math.max(piece.length - macBytes, 0))])
    const fromHeld = piece.length >= macBytes ? held : rest.subarray(0, Math.max(rest.length - macBytes, 0))
    for (const body of [fromHeld, piece.subarray(0, Math.max(piece.length - macBytes, 0))]) {
      if (body.length === 0) continue
      cipherBytes += body.length
      mac.update(body)
      const plain = decipher.update(body)
      if (plain.length > 0) yield counted(plain)
    }
    held = rest.subarray(Math.max(rest.length - macBytes, 0))
  }

  const { bytes, sha256, source } = said
  if (source.encSha256 !== undefined && sealedHash.digest('base64') !== source.encSha256)
    throw new FileCorrupt('the SHA-256 of the encrypted file')
  if (cipherBytes === 0 || cipherBytes % blockBytes !== 0) throw new FileCorrupt('its length in blocks')
  if (!mac.digest().subarray(0, macBytes).equals(held)) throw new FileCorrupt('the MAC')
  const last = finished(decipher)
  if (last.length > 0) yield counted(last)
  if (sha256 !== undefined) {
    // Right by its hash, it is the file that was meant: a length that says otherwise is only a wrong label.
    if (plainHash.digest('base64') !== sha256) throw new FileCorrupt('the SHA-256 of the file')
  } else if (bytes !== undefined && plainBytes !== bytes) throw new FileCorrupt('the length of the file')
}

/** A file that lies there as it is. */
async function* unsealed(
  pieces: AsyncIterable<Uint8Array>,
  sha256: string | undefined,
  maxBytes: number,
): AsyncGenerator<Buffer> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const piece of pieces) {
    bytes += piece.length
    if (bytes > maxBytes) throw new FileTooLong(`more than ${maxBytes} bytes`)
    hash.update(piece)
    yield Buffer.from(piece.buffer, piece.byteOffset, piece.length)
  }
  if (hash.digest('base64') !== sha256) throw new FileCorrupt('the SHA-256 of the file')
}

function finished(decipher: { final(): Buffer }): Buffer {
  try {
    return decipher.final()
  } catch (cause) {
    throw new FileCorrupt('the padding', { cause })
  }
}
