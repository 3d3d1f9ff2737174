/** Scratch memory of writers that are done: a record is written with every message. */
const scratch: Buffer[] = []

/** Writes small binary records: numbers as varints, byte strings with their length. */
export class ByteWriter {
  #buffer = scratch.pop() ?? Buffer.allocUnsafeSlow(4096)
  #length = 0

  byte(value: number): this {
    this.#room(1)
    this.#buffer[this.#length++] = value
    return this
  }

  /** A safe integer of either sign. */
  integer(value: number): this {
    this.#room(10)
    // Zigzag by arithmetic: bit operations would cut at 32 bits.
    let rest = value < 0 ? -value * 2 - 1 : value * 2
    while (rest >= 0x80) {
      this.#buffer[this.#length++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#buffer[this.#length++] = rest
    return this
  }

  bytes(value: Uint8Array): this {
    this.integer(value.byteLength)
    return this.raw(value)
  }

  raw(value: Uint8Array): this {
    this.#room(value.byteLength)
    this.#buffer.set(value, this.#length)
    this.#length += value.byteLength
    return this
  }

  text(value: string): this {
    return this.bytes(Buffer.from(value, 'utf8'))
  }

  /** A copy of what was written, in memory of its own. The writer is done. */
  finish(): Buffer {
    const written = Buffer.allocUnsafeSlow(this.#length)
    this.#buffer.copy(written, 0, 0, this.#length)
    // What was written are keys.
    this.#buffer.fill(0, 0, this.#length)
    if (scratch.length < 8 && this.#buffer.byteLength <= 65_536) scratch.push(this.#buffer)
    return written
  }

  #room(bytes: number): void {
    const needed = this.#length + bytes
    if (needed <= this.#buffer.byteLength) return
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.byteLength * 2))
    this.#buffer.copy(grown, 0, 0, this.#length)
    this.#buffer = grown
  }
}

/** The record is not what its writer wrote: corrupt, or of a version we do not know. */
export class MalformedRecord extends Error {
  override readonly name = 'MalformedRecord'
}

/**
 * Reads what ByteWriter wrote. Throws `MalformedRecord` instead of reading past the end. Byte strings are views of one
 * private copy of the record: small Buffers of their own would each pin a slab of Node's pool for as long as they live.
 */
export class ByteReader {
  readonly #buffer: Buffer
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.allocUnsafeSlow(bytes.byteLength)
    this.#buffer.set(bytes)
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#buffer.byteLength
  }

  byte(): number {
    const value = this.#buffer[this.#at]
    if (value === undefined) throw new MalformedRecord('record ends early')
    this.#at += 1
    return value
  }

  integer(): number {
    let value = 0
    let scale = 1
    for (;;) {
      const next = this.byte()
      value += (next & 0x7f) * scale
      if ((next & 0x80) === 0) break
      scale *= 0x80
      if (scale > 2 ** 56) throw new MalformedRecord('number is too long')
    }
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  bytes(): Buffer {
    return this.raw(this.integer())
  }

  raw(length: number): Buffer {
    if (length < 0 || this.#at + length > this.#buffer.byteLength)
      throw new MalformedRecord('record ends early')
    const value = this.#buffer.subarray(this.#at, this.#at + length)
    this.#at += length
    return value
  }

  text(): string {
    return this.bytes().toString('utf8')
  }

  /** Everything that is left. */
  rest(): Buffer {
    return this.raw(this.#buffer.byteLength - this.#at)
  }
}
