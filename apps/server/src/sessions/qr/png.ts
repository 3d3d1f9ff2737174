import { crc32, deflateSync } from 'node:zlib'

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])

/**
 * A black-and-white PNG of a square matrix, `true` drawn black, each cell `scale` pixels wide.
 * One bit per pixel: an RGBA encoder spends thirty times the work on the same picture.
 * Source: PNG specification, third edition, §11.2 (IHDR, IDAT) and §9.2 (filter Up).
 */
export function blackAndWhitePng(cells: readonly (readonly boolean[])[], scale: number): Buffer {
  const width = cells.length * scale
  const rowBytes = Math.ceil(width / 8)
  const height = width
  // Every scanline starts with its filter. The first of each cell row is plain; its repeats say "as above" (Up, all zero).
  const scanlines = Buffer.alloc((rowBytes + 1) * height)
  cells.forEach((row, y) => {
    const first = y * scale * (rowBytes + 1)
    row.forEach((black, x) => {
      if (black) return
      for (let pixel = x * scale; pixel < (x + 1) * scale; pixel++) {
        const at = first + 1 + (pixel >> 3)
        scanlines[at] = (scanlines[at] ?? 0) | (0x80 >> (pixel & 7))
      }
    })
    for (let repeat = 1; repeat < scale; repeat++) scanlines[first + repeat * (rowBytes + 1)] = 2
  })
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header[8] = 1 // bits per pixel; the rest stays 0: grayscale, deflate, no interlace
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(scanlines, { level: 3, windowBits: 13 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

function chunk(type: string, content: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), content])
  const framed = Buffer.alloc(body.length + 8)
  framed.writeUInt32BE(content.length, 0)
  body.copy(framed, 4)
  framed.writeUInt32BE(crc32(body), body.length + 4)
  return framed
}
