/*
 * WhatsApp's `HistorySync` protobuf, read while it is inflated: a part may hold all messages of years, and decoded at once each of its
 * bytes costs some twenty of memory. Numbers of fields as in WAProto of baileys.
 */

/** A piece of a history that is complete. */
export type HistoryPiece =
  /** A `HistorySyncMsg` of the conversation that is being read. */
  | { is: 'message'; bytes: Uint8Array }
  /** The end of a conversation: a `Conversation` without its messages. */
  | { is: 'chat'; bytes: Uint8Array }
  | { is: 'status' | 'push_name' | 'call' | 'mapping' | 'account'; bytes: Uint8Array }

/** The bytes are no history. */
export class MalformedHistory extends Error {
  override readonly name = 'MalformedHistory'
}

const conversationsField = 2
const messagesField = 2
const pieceOfField: Readonly<Record<number, Exclude<HistoryPiece['is'], 'message' | 'chat'>>> = {
  3: 'status',
  7: 'push_name',
  13: 'call',
  15: 'mapping',
  18: 'account',
}

/** The largest single field that is held in memory: many times a message with its preview. */
const maxFieldBytes = 8 * 1024 * 1024

/** Takes the bytes as they come and gives the pieces that are complete, in their order. */
export class HistoryReader {
  #bytes: Buffer = Buffer.alloc(0)
  #at = 0
  /** Bytes of the field that is being left out that have not come yet. */
  #skip = 0
  #conversation: { left: number; others: Uint8Array[]; othersBytes: number } | undefined

  push(chunk: Buffer): void {
    this.#bytes =
      this.#at === this.#bytes.length ? chunk : Buffer.concat([this.#bytes.subarray(this.#at), chunk])
    this.#at = 0
  }

  /** Whether all that came was read. */
  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length && this.#skip === 0 && this.#conversation === undefined
  }

  /** The next piece; undefined when more bytes are needed for it. @throws {MalformedHistory} */
  next(): HistoryPiece | undefined {
    for (;;) {
      if (!this.#skipped()) return undefined
      const conversation = this.#conversation
      if (conversation?.left === 0) {
        this.#conversation = undefined
        return { is: 'chat', bytes: Buffer.concat(conversation.others) }
      }
      const began = this.#at
      const field = this.#field(conversation !== undefined)
      if (field === undefined) {
        this.#at = began
        return undefined
      }
      if (conversation === undefined) {
        if (field.value === undefined) continue
        const is = pieceOfField[field.number]
        if (is !== undefined) return { is, bytes: field.value }
        continue
      }
      conversation.left -= this.#at - began
      if (conversation.left < 0) throw new MalformedHistory('a field is longer than its conversation')
      if (field.number === messagesField && field.value !== undefined)
        return { is: 'message', bytes: field.value }
      const other = this.#bytes.subarray(began, this.#at)
      conversation.othersBytes += other.length
      if (conversation.othersBytes > maxFieldBytes)
        throw new MalformedHistory('a conversation is larger than any phone sends')
      // A copy: the chunk it lies in is not kept for it.
      conversation.others.push(Buffer.from(other))
    }
  }

  #skipped(): boolean {
    const skipped = Math.min(this.#skip, this.#bytes.length - this.#at)
    this.#skip -= skipped
    this.#at += skipped
    return this.#skip === 0
  }

  /** One field; its value when it is one of those with a length. Undefined when it has not come as a whole. */
  #field(inConversation: boolean): { number: number; value: Uint8Array | undefined } | undefined {
    const tag = this.#varint()
    if (tag === undefined) return undefined
    const number = Math.floor(tag / 8)
    switch (tag % 8) {
      case 0:
        return this.#varint() === undefined ? undefined : { number, value: undefined }
      case 1:
        return this.#take(8) === undefined ? undefined : { number, value: undefined }
      case 5:
        return this.#take(4) === undefined ? undefined : { number, value: undefined }
      case 2:
        return this.#withLength(number, inConversation)
      default:
        throw new MalformedHistory(`a field of wire type ${tag % 8}`)
    }
  }

  #withLength(
    number: number,
    inConversation: boolean,
  ): { number: number; value: Uint8Array | undefined } | undefined {
    const length = this.#varint()
    if (length === undefined) return undefined
    if (!inConversation && number === conversationsField) {
      this.#conversation = { left: length, others: [], othersBytes: 0 }
      return { number, value: undefined }
    }
    if (!inConversation && pieceOfField[number] === undefined) {
      this.#skip = length
      return { number, value: undefined }
    }
    if (length > maxFieldBytes) throw new MalformedHistory(`field ${number} has ${length} bytes`)
    const value = this.#take(length)
    return value && { number, value }
  }

  #take(length: number): Uint8Array | undefined {
    if (this.#bytes.length - this.#at < length) return undefined
    const value = this.#bytes.subarray(this.#at, this.#at + length)
    this.#at += length
    return value
  }

  #varint(): number | undefined {
    let value = 0
    for (let shift = 0; shift < 10; shift += 1) {
      const byte = this.#bytes[this.#at]
      if (byte === undefined) return undefined
      this.#at += 1
      // Exact up to 2^53; larger values are of fields whose value is not looked at.
      value += (byte & 0x7f) * 2 ** (7 * shift)
      if (byte < 0x80) return value
    }
    throw new MalformedHistory('a number that does not end')
  }
}

/** The bytes of a field with a length inside an encoded message, followed down `path`; undefined when there is none. */
export function fieldAt(encoded: Uint8Array, path: readonly number[]): Uint8Array | undefined {
  const [wanted, ...deeper] = path
  if (wanted === undefined) return encoded
  let at = 0
  const varint = (): number => {
    let value = 0
    for (let shift = 0; at < encoded.length && shift < 10; shift += 1) {
      const byte = encoded[at] ?? 0
      at += 1
      value += (byte & 0x7f) * 2 ** (7 * shift)
      if (byte < 0x80) return value
    }
    return Number.NaN
  }
  while (at < encoded.length) {
    const tag = varint()
    const type = tag % 8
    if (type === 0) varint()
    else if (type === 1) at += 8
    else if (type === 5) at += 4
    else if (type === 2) {
      const length = varint()
      if (!(at + length <= encoded.length)) return undefined
      if (Math.floor(tag / 8) === wanted) return fieldAt(encoded.subarray(at, at + length), deeper)
      at += length
    } else return undefined
  }
  return undefined
}
