import { crc32, inflateSync } from 'node:zlib'

import { decodeQR } from 'qr/decode.js'
import { expect, test } from 'vitest'

import { renderQr } from './index.ts'

const secret = 'A'.repeat(43) + '='
const text = `https://wa.me/settings/linked_devices#2@${'b'.repeat(88)},${secret},${secret},${secret},1`

test('the PNG of a linking QR reads back as its text', () => {
  const picture = readPng(renderQr({ text }).png)
  expect(picture.side).toBeGreaterThanOrEqual(200)
  expect(decodeQR({ width: picture.side, height: picture.side, data: picture.rgba })).toBe(text)
})

test.each([1, 20, 150, 285, 600])('the PNG of a text of %i characters reads back', (length) => {
  const content = 'x'.repeat(length)
  const picture = readPng(renderQr({ text: content }).png)
  expect(picture.side).toBeGreaterThanOrEqual(200)
  expect(decodeQR({ width: picture.side, height: picture.side, data: picture.rgba })).toBe(content)
})

test('the picture keeps a white margin of four modules, which phones need', () => {
  const { side, rgba } = readPng(renderQr({ text }).png)
  const margin = Array.from({ length: side }, (_, x) => rgba[x * 4])
  expect(margin.every((value) => value === 255)).toBe(true)
})

test('the data URL carries the same bytes as the bare base64', () => {
  const { dataUrl, base64, png } = renderQr({ text })
  expect(dataUrl).toBe(`data:image/png;base64,${base64}`)
  expect(Buffer.from(base64, 'base64')).toEqual(png)
})

test('one QR is drawn once, however many ask', () => {
  const qr = { text }
  expect(renderQr(qr)).toBe(renderQr(qr))
  expect(renderQr(qr).png).toBe(renderQr(qr).png)
})

test('the SVG covers the modules of the symbol', () => {
  const { svg } = renderQr({ text })
  const side = Number(/viewBox="0 0 (\d+)/.exec(svg)?.[1])
  const cells = Array.from({ length: side }, () => Array.from({ length: side }, () => false))
  for (const [, x, y, run] of svg.matchAll(/M(\d+) (\d+)h(\d+)v1H\d+z/g))
    for (let step = 0; step < Number(run); step++) cells[Number(y)]![Number(x) + step] = true
  expect(decodeQR(enlarge(cells))).toBe(text)
})

test('the terminal drawing reads back as the text', () => {
  const rows = renderQr({ text })
    .terminal.trimEnd()
    .split('\n')
    // oxlint-disable-next-line no-control-regex
    .map((row) => row.replaceAll(/\u001B\[[\d;]+m/g, ''))
  const cells = rows.flatMap((row) => [
    Array.from(row, (character) => character === '█' || character === '▀'),
    Array.from(row, (character) => character === '█' || character === '▄'),
  ])
  const side = cells[0]!.length
  expect(decodeQR(enlarge(cells.slice(0, side)))).toBe(text)
})

/** A reader of our own for the one kind of PNG we write: checks every length and checksum. */
function readPng(png: Buffer): { side: number; rgba: Uint8Array } {
  expect(png.subarray(1, 4).toString('latin1')).toBe('PNG')
  const chunks = new Map<string, Buffer>()
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at)
    const body = png.subarray(at + 4, at + 8 + length)
    expect(png.readUInt32BE(at + 8 + length)).toBe(crc32(body))
    chunks.set(body.subarray(0, 4).toString('latin1'), body.subarray(4))
    at += length + 12
  }
  const header = chunks.get('IHDR')!
  const side = header.readUInt32BE(0)
  expect([header.readUInt32BE(4), header[8], header[9]]).toEqual([side, 1, 0])
  expect(chunks.has('IEND')).toBe(true)
  const rowBytes = Math.ceil(side / 8)
  const scanlines = inflateSync(chunks.get('IDAT')!)
  expect(scanlines.length).toBe((rowBytes + 1) * side)
  const rgba = new Uint8Array(side * side * 4).fill(255)
  let above: Buffer = Buffer.alloc(rowBytes)
  for (let y = 0; y < side; y++) {
    const line = scanlines.subarray(y * (rowBytes + 1), (y + 1) * (rowBytes + 1))
    const row = Buffer.from(
      line.subarray(1).map((byte, x) => (line[0] === 2 ? (byte + above[x]!) & 255 : byte)),
    )
    for (let x = 0; x < side; x++)
      if ((row[x >> 3]! & (0x80 >> (x & 7))) === 0) rgba.fill(0, (y * side + x) * 4, (y * side + x) * 4 + 3)
    above = row
  }
  return { side, rgba }
}

function enlarge(cells: readonly (readonly boolean[])[]): {
  width: number
  height: number
  data: Uint8Array
} {
  const scale = 4
  const side = cells.length * scale
  const data = new Uint8Array(side * side * 4).fill(255)
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++)
      if (cells[Math.floor(y / scale)]![Math.floor(x / scale)] === true)
        data.fill(0, (y * side + x) * 4, (y * side + x) * 4 + 3)
  return { width: side, height: side, data }
}
