import type { FileHandle } from 'node:fs/promises'

/** What an Ogg Opus file says about itself, read without decoding it. */
export interface OggOpusFacts {
  readonly channels: number
  /** Undefined when its end does not say. */
  readonly seconds: number | undefined
}

/** Of any sampling rate: positions in Ogg Opus count at this one (RFC 7845, 4). */
const positionsPerSecond = 48_000
/** A page is no larger than this (RFC 3533, 6), so the last one begins within as much of the end. */
const maxPage = 65_307

/** Undefined when the file's first stream is no Opus. */
export async function readOggOpus(
  file: Pick<FileHandle, 'read'>,
  size: number,
): Promise<OggOpusFacts | undefined> {
  const head = await bytesAt(file, 0, 300)
  const segments = head.length > 27 ? head.readUInt8(26) : 0
  const packet = head.subarray(27 + segments)
  if (packet.length < 12 || packet.toString('latin1', 0, 8) !== 'OpusHead') return undefined
  const channels = packet.readUInt8(9)
  const preSkip = packet.readUInt16LE(10)
  const from = Math.max(0, size - maxPage)
  const tail = await bytesAt(file, from, size - from)
  const page = tail.lastIndexOf('OggS')
  const position = page === -1 || page + 14 > tail.length ? -1n : tail.readBigInt64LE(page + 6)
  const samples = Number(position) - preSkip
  return { channels, seconds: samples > 0 ? samples / positionsPerSecond : undefined }
}

async function bytesAt(file: Pick<FileHandle, 'read'>, at: number, length: number): Promise<Buffer> {
  const { bytesRead, buffer } = await file.read(Buffer.alloc(length), 0, length, at)
  return buffer.subarray(0, bytesRead)
}
