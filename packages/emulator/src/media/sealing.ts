import { createCipheriv, createDecipheriv, createHash, createHmac, createSecretKey } from 'node:crypto'

import { hkdf } from '../signal/index.ts'

// How WhatsApp encrypts media: one random key per file, expanded by HKDF with the kind's name; AES-256-CBC; an HMAC over
// IV and ciphertext, cut to ten bytes, at the end. Sources: docs/protocol/media.md.

/** What a file is to WhatsApp; the names of Baileys. */
export type SealedKind = 'image' | 'video' | 'audio' | 'document' | 'sticker' | 'md-msg-hist' | 'md-app-state'

const keyNames = {
  image: 'Image',
  sticker: 'Image',
  video: 'Video',
  audio: 'Audio',
  document: 'Document',
  'md-msg-hist': 'History',
  'md-app-state': 'App State',
} as const satisfies Record<SealedKind, string>

/** Bytes of the MAC at the end of a sealed file. */
const macBytes = 10
/** A player checks a stream in pieces of this size, by the sidecar. */
const sidecarPiece = 65_536

/** What a message says of a file, besides where it is. */
export interface SealedFile {
  mediaKey: Buffer
  fileSha256: Buffer
  fileEncSha256: Buffer
  /** Bytes, before they were encrypted. */
  fileLength: number
}

function keysOf(mediaKey: Uint8Array, kind: SealedKind): { iv: Buffer; cipherKey: Buffer; macKey: Buffer } {
  const expanded = hkdf(mediaKey, { info: `WhatsApp ${keyNames[kind]} Keys`, length: 112 })
  return {
    iv: expanded.subarray(0, 16),
    cipherKey: expanded.subarray(16, 48),
    macKey: expanded.subarray(48, 80),
  }
}

/** Encrypts piece by piece; the last piece is the MAC. */
export function* seal(
  plain: Iterable<Uint8Array>,
  mediaKey: Uint8Array,
  kind: SealedKind,
): Generator<Buffer, void> {
  const { iv, cipherKey, macKey } = keysOf(mediaKey, kind)
  const cipher = createCipheriv('aes-256-cbc', createSecretKey(cipherKey), iv)
  const hmac = createHmac('sha256', createSecretKey(macKey)).update(iv)
  for (const piece of plain) {
    const sealed = cipher.update(piece)
    hmac.update(sealed)
    yield sealed
  }
  const last = cipher.final()
  yield last
  yield hmac.update(last).digest().subarray(0, macBytes)
}

/** What a message says of a file that {@link seal} makes of `plain`. Reads it once; the sealed bytes go to `take`. */
export function describe(
  plain: () => Iterable<Uint8Array>,
  mediaKey: Buffer,
  kind: SealedKind,
  take: (sealed: Buffer) => void = () => {},
): SealedFile {
  const sha256 = createHash('sha256')
  const encSha256 = createHash('sha256')
  let fileLength = 0
  function* counted(): Generator<Uint8Array> {
    for (const piece of plain()) {
      sha256.update(piece)
      fileLength += piece.length
      yield piece
    }
  }
  for (const sealed of seal(counted(), mediaKey, kind)) {
    encSha256.update(sealed)
    take(sealed)
  }
  return { mediaKey, fileSha256: sha256.digest(), fileEncSha256: encSha256.digest(), fileLength }
}

/**
 * The sidecar of a sealed video or audio: for each 64 KiB of it a MAC over those and the 16 bytes that follow, which a
 * player checks while it streams.
 */
export function sidecarOf(sealed: Uint8Array, mediaKey: Uint8Array, kind: SealedKind): Buffer {
  const { iv, macKey } = keysOf(mediaKey, kind)
  const key = createSecretKey(macKey)
  const whole = Buffer.concat([iv, sealed])
  const macs: Buffer[] = []
  for (let from = 0; from < whole.length; from += sidecarPiece) {
    const piece = whole.subarray(from, from + sidecarPiece + 16)
    macs.push(createHmac('sha256', key).update(piece).digest().subarray(0, macBytes))
  }
  return Buffer.concat(macs)
}

/** What is wrong with a file that was downloaded. */
export type MediaFlaw = 'enc_hash' | 'mac' | 'padding' | 'hash' | 'length'

export class MediaError extends Error {
  override readonly name = 'MediaError'
  readonly flaw: MediaFlaw
  constructor(flaw: MediaFlaw, message: string) {
    super(message)
    this.flaw = flaw
  }
}

/**
 * Decrypts a file and checks all that its message says of it.
 *
 * @throws {MediaError}
 */
export function open(sealed: Buffer, said: Readonly<SealedFile>, kind: SealedKind): Buffer {
  const { iv, cipherKey, macKey } = keysOf(said.mediaKey, kind)
  if (!createHash('sha256').update(sealed).digest().equals(said.fileEncSha256))
    throw new MediaError('enc_hash', 'The encrypted file has another SHA-256 than its message says.')
  const body = sealed.subarray(0, -macBytes)
  const mac = createHmac('sha256', createSecretKey(macKey)).update(iv).update(body).digest()
  if (!mac.subarray(0, macBytes).equals(sealed.subarray(-macBytes)))
    throw new MediaError('mac', 'The MAC at the end of the file is wrong.')
  const decipher = createDecipheriv('aes-256-cbc', createSecretKey(cipherKey), iv)
  let plain: Buffer
  try {
    plain = Buffer.concat([decipher.update(body), decipher.final()])
  } catch (cause) {
    throw new MediaError('padding', `The file could not be decrypted: ${String(cause)}`)
  }
  if (!createHash('sha256').update(plain).digest().equals(said.fileSha256))
    throw new MediaError('hash', 'The file has another SHA-256 than its message says.')
  if (plain.length !== said.fileLength)
    throw new MediaError('length', `The file has ${plain.length} bytes, its message says ${said.fileLength}.`)
  return plain
}
