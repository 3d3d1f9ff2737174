import { type BinaryNode, codecConstants } from './baileys.ts'

// Our own encoder beside Baileys' decoder: the codec is the only thing both ends would share, and Baileys'
// pushes byte by byte into an array, which cost more than the encryption. Format: its `WABinary/encode.js`.

const { TAGS, TOKEN_MAP } = codecConstants

/** Token → its two bytes; the first is 0 where there is only one. */
const tokens = new Map(
  Object.entries(TOKEN_MAP).map(([token, { dict, index }]) => [
    token,
    dict === undefined ? index : ((TAGS.DICTIONARY_0 + dict) << 8) | index,
  ]),
)

const zero = '0'.charCodeAt(0)
const nine = '9'.charCodeAt(0)
const upperA = 'A'.charCodeAt(0)
const upperF = 'F'.charCodeAt(0)
const dash = '-'.charCodeAt(0)
const dot = '.'.charCodeAt(0)
const endOfPacked = 0xf

/** Where stanzas are put together, one after the other. Grows as needed. */
let buffer = Buffer.allocUnsafe(64 * 1024)
let length = 0

/**
 * The plaintext of a frame: a flag byte of 0, then the binary node.
 *
 * @returns a view that holds until the next call: encrypt or copy it at once.
 */
export function encodeStanza(stanza: BinaryNode): Buffer {
  length = 0
  writeByte(0)
  writeNode(stanza)
  return buffer.subarray(0, length)
}

function writeNode({ tag, attrs, content }: BinaryNode): void {
  let count = 0
  for (const _ in attrs) count += 1
  writeListStart(1 + 2 * count + (content === undefined ? 0 : 1))
  writeString(tag)
  for (const name in attrs) {
    writeString(name)
    writeString(attrs[name] ?? '')
  }
  if (content === undefined) return
  if (typeof content === 'string') return writeString(content)
  if (!Array.isArray(content)) return writeBytes(content)
  writeListStart(content.length)
  for (const child of content) writeNode(child)
}

function writeString(text: string): void {
  const token = text === '' ? undefined : tokens.get(text)
  if (token !== undefined) {
    if (token > 0xff) writeByte(token >> 8)
    return writeByte(token & 0xff)
  }
  if (writePacked(text)) return
  const at = text.indexOf('@')
  if (at < 0) return writeBytes(Buffer.from(text))
  writeJid(text.slice(0, at), text.slice(at + 1))
}

function writeJid(name: string, server: string): void {
  const colon = name.indexOf(':')
  if (colon < 0) {
    writeByte(TAGS.JID_PAIR)
    if (name === '') writeByte(TAGS.LIST_EMPTY)
    else writeString(name)
    return writeString(server)
  }
  // A device: of these there are only two kinds of addresses here.
  writeByte(TAGS.AD_JID)
  writeByte(server === 'lid' ? 1 : 0)
  writeByte(Number(name.slice(colon + 1)))
  writeString(name.slice(0, colon))
}

/** Numbers and hex as two characters in a byte. False: the text holds something else. */
function writePacked(text: string): boolean {
  if (text === '' || text.length > TAGS.PACKED_MAX) return false
  let tag = TAGS.NIBBLE_8
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index)
    if (code >= zero && code <= nine) continue
    if (code >= upperA && code <= upperF) tag = TAGS.HEX_8
    else if (code !== dash && code !== dot) return false
  }
  // Hex has no dash and no dot.
  if (tag === TAGS.HEX_8 && /[-.]/.test(text)) return false
  writeByte(tag)
  const isOdd = text.length % 2 === 1
  writeByte(((text.length + 1) >> 1) | (isOdd ? 0x80 : 0))
  for (let index = 0; index < text.length; index += 2) {
    const low = index + 1 < text.length ? packed(text.charCodeAt(index + 1)) : endOfPacked
    writeByte((packed(text.charCodeAt(index)) << 4) | low)
  }
  return true
}

function packed(code: number): number {
  if (code <= nine) return code === dash ? 10 : code === dot ? 11 : code - zero
  return code - upperA + 10
}

function writeListStart(size: number): void {
  if (size === 0) return writeByte(TAGS.LIST_EMPTY)
  if (size < 256) {
    writeByte(TAGS.LIST_8)
    return writeByte(size)
  }
  writeByte(TAGS.LIST_16)
  writeByte(size >> 8)
  writeByte(size & 0xff)
}

function writeBytes(bytes: Uint8Array): void {
  const size = bytes.length
  reserve(size + 5)
  if (size < 256) {
    writeByte(TAGS.BINARY_8)
    writeByte(size)
  } else if (size < 1 << 20) {
    writeByte(TAGS.BINARY_20)
    length = buffer.writeUIntBE(size, length, 3)
  } else {
    writeByte(TAGS.BINARY_32)
    length = buffer.writeUInt32BE(size, length)
  }
  buffer.set(bytes, length)
  length += size
}

function writeByte(byte: number): void {
  if (length === buffer.length) reserve(1)
  buffer[length] = byte
  length += 1
}

function reserve(size: number): void {
  if (length + size <= buffer.length) return
  const larger = Buffer.allocUnsafe(Math.max(buffer.length * 2, length + size))
  buffer.copy(larger, 0, 0, length)
  buffer = larger
}
