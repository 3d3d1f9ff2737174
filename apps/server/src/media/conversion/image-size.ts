import type { FileHandle } from 'node:fs/promises'

/** What the header of a picture says. Nothing is decoded. */
export interface ImageFacts {
  /** Pixels, as stored; 0 when the header says so. */
  readonly width: number
  readonly height: number
  /** It moves, as far as its header says; GIFs that do not move are rare enough to be taken for some that do. */
  readonly animated: boolean
}

type File = Pick<FileHandle, 'read'>

/** Reads the header of a picture of `type`. Undefined when there is none that makes sense, or for types that we know no header of. */
export async function readImageFacts(file: File, type: string): Promise<ImageFacts | undefined> {
  switch (type) {
    case 'image/png':
      return png(await bytesAt(file, 0, 33))
    case 'image/gif':
      return gif(await bytesAt(file, 0, 10))
    case 'image/webp':
      return webp(await bytesAt(file, 0, 30))
    case 'image/jpeg':
      return await jpeg(file)
    case 'image/bmp':
      return bmp(await bytesAt(file, 0, 26))
    default:
      return undefined
  }
}

async function bytesAt(file: File, at: number, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, at)
  return buffer.subarray(0, bytesRead)
}

/** PNG 3rd edition, 11.2.1: IHDR is the first chunk. `acTL` would make it an APNG, which WhatsApp shows as its first frame. */
function png(head: Buffer): ImageFacts | undefined {
  if (head.length < 33 || head.toString('latin1', 12, 16) !== 'IHDR') return undefined
  return { width: head.readUInt32BE(16), height: head.readUInt32BE(20), animated: false }
}

/** GIF89a, 18: the logical screen. Frames that are larger than it are cut to it. */
function gif(head: Buffer): ImageFacts | undefined {
  if (head.length < 10) return undefined
  return { width: head.readUInt16LE(6), height: head.readUInt16LE(8), animated: true }
}

/** RFC 9649, 2.5 to 2.7. */
function webp(head: Buffer): ImageFacts | undefined {
  if (head.length < 30) return undefined
  const chunk = head.toString('latin1', 12, 16)
  if (chunk === 'VP8X') {
    const animated = (head.readUInt8(20) & 0b10) !== 0
    return { width: 1 + head.readUIntLE(24, 3), height: 1 + head.readUIntLE(27, 3), animated }
  }
  if (chunk === 'VP8L') {
    const bits = head.readUInt32LE(21)
    return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >>> 14) & 0x3fff), animated: false }
  }
  if (chunk === 'VP8 ' && head.readUIntBE(23, 3) === 0x9d012a) {
    return { width: head.readUInt16LE(26) & 0x3fff, height: head.readUInt16LE(28) & 0x3fff, animated: false }
  }
  return undefined
}

function bmp(head: Buffer): ImageFacts | undefined {
  if (head.length < 26) return undefined
  return { width: Math.abs(head.readInt32LE(18)), height: Math.abs(head.readInt32LE(22)), animated: false }
}

/** Segments before the picture: profiles and thumbnails of cameras take some dozen. */
const maxSegments = 200

/** ITU T.81, B.2: the frame header, behind any number of other segments that say how long they are. */
async function jpeg(file: File): Promise<ImageFacts | undefined> {
  let at = 2
  for (let segment = 0; segment < maxSegments; segment++) {
    const head = await bytesAt(file, at, 9)
    if (head.length < 9 || head[0] !== 0xff) return undefined
    const marker = head.readUInt8(1)
    if (marker === 0xff) {
      at += 1 // fill bytes
      continue
    }
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)
    if (isFrame) return { width: head.readUInt16BE(7), height: head.readUInt16BE(5), animated: false }
    if (marker === 0xda || marker === 0xd9) return undefined // the picture began, or ended, without one
    at += 2 + head.readUInt16BE(2)
  }
  return undefined
}
