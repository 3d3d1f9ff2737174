/** What a client sends before its first frame: "WA", protocol version 6, token dictionary 3. */
export const prologue = Buffer.from([0x57, 0x41, 6, 3])

/** `ED`, 0, 1: a client that was once given routing info sends it ahead of the prologue. */
const routingMarker = Buffer.from([0x45, 0x44, 0, 1])

/** The bytes are not the protocol's. The connection they came on is of no more use. */
export class FramingError extends Error {
  override readonly name = 'FramingError'
}

/** A frame on the wire: its length in three bytes, big-endian, then its bytes. */
export function frame(bytes: Uint8Array): Buffer {
  const framed = Buffer.allocUnsafe(bytes.length + 3)
  framed.writeUIntBE(bytes.length, 0, 3)
  framed.set(bytes, 3)
  return framed
}

/** Cuts what a client sends into frames. WebSocket messages may hold parts of a frame, or several. */
export class FrameReader {
  /** What the client was told to route by, if it sent that. */
  routingInfo: Buffer | undefined
  #introduced = false
  #rest: Buffer = Buffer.alloc(0)

  /** @throws {FramingError} The connection does not begin as the protocol does. */
  push(bytes: Buffer): Buffer[] {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    if (!this.#introduced && !this.#readIntroduction()) return []
    const frames: Buffer[] = []
    let at = 0
    while (this.#rest.length - at >= 3) {
      const end = at + 3 + this.#rest.readUIntBE(at, 3)
      if (this.#rest.length < end) break
      frames.push(this.#rest.subarray(at + 3, end))
      at = end
    }
    this.#rest = this.#rest.subarray(at)
    return frames
  }

  /** Whether the introduction is complete. */
  #readIntroduction(): boolean {
    const rest = this.#rest
    let at = 0
    if (startsAlike(rest, routingMarker) && rest[0] === routingMarker[0]) {
      if (rest.length < 7) return false
      const length = rest.readUIntBE(4, 3)
      if (rest.length < 7 + length) return false
      this.routingInfo = Buffer.from(rest.subarray(7, 7 + length))
      at = 7 + length
    }
    const intro = rest.subarray(at)
    if (!startsAlike(intro, prologue)) throw new FramingError('The connection does not begin with WA, 6, 3.')
    if (intro.length < prologue.length) return false
    this.#rest = intro.subarray(prologue.length)
    this.#introduced = true
    return true
  }
}

/** Whether the two agree as far as the shorter goes. */
function startsAlike(bytes: Buffer, marker: Buffer): boolean {
  const length = Math.min(bytes.length, marker.length)
  return bytes.subarray(0, length).equals(marker.subarray(0, length))
}
