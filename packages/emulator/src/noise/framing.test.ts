import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { frame, FrameReader, FramingError, prologue } from './framing.ts'

/** Cuts bytes at the given places. */
function cut(bytes: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [
    0,
    ...places.map((place) => place % (bytes.length + 1)).toSorted((a, b) => a - b),
    bytes.length,
  ]
  return sorted.slice(1).map((end, index) => bytes.subarray(sorted[index], end))
}

test('frames come out whole however they were split and joined', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 8 }),
      fc.array(fc.nat(), { maxLength: 12 }),
      fc.option(fc.uint8Array({ maxLength: 40 }), { nil: undefined }),
      (bodies, places, routing) => {
        const header = routing === undefined ? [] : [routingHeader(routing)]
        const sent = Buffer.concat([...header, prologue, ...bodies.map(frame)])
        const reader = new FrameReader()
        const frames = cut(sent, places).flatMap((part) => reader.push(part))
        expect(frames.map((each) => [...each])).toEqual(bodies.map((each) => [...each]))
        expect(reader.routingInfo?.toString('hex')).toBe(
          routing === undefined ? undefined : Buffer.from(routing).toString('hex'),
        )
      },
    ),
  )
})

test('a frame may be longer than 64 KiB', () => {
  const body = randomBytes(70_000)
  const reader = new FrameReader()
  expect(reader.push(Buffer.concat([prologue, frame(body)]))).toEqual([body])
})

test('nothing is given out before the prologue is complete', () => {
  const reader = new FrameReader()
  expect(reader.push(prologue.subarray(0, 3))).toEqual([])
  expect(reader.push(Buffer.concat([prologue.subarray(3), frame(Buffer.from('hi'))]))).toEqual([
    Buffer.from('hi'),
  ])
})

test('what begins otherwise is refused at its first wrong byte', () => {
  expect(() => new FrameReader().push(Buffer.from('GET / HTTP/1.1'))).toThrow(FramingError)
  expect(() => new FrameReader().push(Buffer.from([0x57, 0x41, 6, 2]))).toThrow(FramingError)
  expect(() => new FrameReader().push(Buffer.from([0x57, 0x42]))).toThrow(FramingError)
  expect(() =>
    new FrameReader().push(Buffer.concat([routingHeader(Buffer.alloc(3)), Buffer.from('no')])),
  ).toThrow(FramingError)
})

function routingHeader(info: Uint8Array): Buffer {
  const length = Buffer.alloc(3)
  length.writeUIntBE(info.length, 0, 3)
  return Buffer.concat([Buffer.from('ED'), Buffer.from([0, 1]), length, info])
}
