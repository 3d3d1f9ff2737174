import { SignalError } from './signal-error.ts'

// The four protobuf messages of Signal (version 3), as WhatsApp sends them. Field numbers:
// WAProto `SignalMessage`, `PreKeySignalMessage`, `SenderKeyMessage`, `SenderKeyDistributionMessage`.
// A codec of our own because these are on the path of every message and are nothing but numbers and
// bytes. Public keys are in the 33-byte form throughout.

/** First byte of every Signal message: this version and the oldest it can talk to, both 3. */
export const versionByte = 0x33

export interface SignalMessage {
  ratchetKey: Uint8Array
  counter: number
  previousCounter: number
  ciphertext: Uint8Array
}

export interface PreKeySignalMessage {
  registrationId: number
  /** Absent when the sender's bundle held no one-time pre-key. */
  preKeyId: number | undefined
  signedPreKeyId: number
  baseKey: Uint8Array
  identityKey: Uint8Array
  /** A complete {@link SignalMessage} with version and MAC. */
  message: Uint8Array
}

export interface SenderKeyMessage {
  keyId: number
  iteration: number
  ciphertext: Uint8Array
}

export interface SenderKeyDistributionMessage {
  keyId: number
  iteration: number
  chainKey: Uint8Array
  signingKey: Uint8Array
}

export function encodeSignalMessage(message: SignalMessage): Buffer {
  return encode([
    [1, message.ratchetKey],
    [2, message.counter],
    [3, message.previousCounter],
    [4, message.ciphertext],
  ])
}

export function decodeSignalMessage(bytes: Uint8Array): SignalMessage {
  const fields = decode(bytes)
  return {
    ratchetKey: bytesOf(fields, 1),
    counter: numberOf(fields, 2) ?? 0,
    previousCounter: numberOf(fields, 3) ?? 0,
    ciphertext: bytesOf(fields, 4),
  }
}

/** With its version byte. */
export function encodePreKeySignalMessage(message: PreKeySignalMessage): Buffer {
  return encode(
    [
      [1, message.preKeyId],
      [2, message.baseKey],
      [3, message.identityKey],
      [4, message.message],
      [5, message.registrationId],
      [6, message.signedPreKeyId],
    ],
    versionByte,
  )
}

export function decodePreKeySignalMessage(bytes: Uint8Array): PreKeySignalMessage {
  const fields = decode(withoutVersion(bytes))
  return {
    preKeyId: numberOf(fields, 1),
    baseKey: bytesOf(fields, 2),
    identityKey: bytesOf(fields, 3),
    message: bytesOf(fields, 4),
    registrationId: numberOf(fields, 5) ?? 0,
    signedPreKeyId: numberOf(fields, 6) ?? 0,
  }
}

/** With its version byte, without the signature that follows on the wire. */
export function encodeSenderKeyMessage(message: SenderKeyMessage): Buffer {
  return encode(
    [
      [1, message.keyId],
      [2, message.iteration],
      [3, message.ciphertext],
    ],
    versionByte,
  )
}

export function decodeSenderKeyMessage(bytes: Uint8Array): SenderKeyMessage {
  const fields = decode(withoutVersion(bytes))
  return {
    keyId: numberOf(fields, 1) ?? 0,
    iteration: numberOf(fields, 2) ?? 0,
    ciphertext: bytesOf(fields, 3),
  }
}

/** With its version byte. */
export function encodeSenderKeyDistributionMessage(message: SenderKeyDistributionMessage): Buffer {
  return encode(
    [
      [1, message.keyId],
      [2, message.iteration],
      [3, message.chainKey],
      [4, message.signingKey],
    ],
    versionByte,
  )
}

export function decodeSenderKeyDistributionMessage(bytes: Uint8Array): SenderKeyDistributionMessage {
  const fields = decode(withoutVersion(bytes))
  return {
    keyId: numberOf(fields, 1) ?? 0,
    iteration: numberOf(fields, 2) ?? 0,
    chainKey: bytesOf(fields, 3),
    signingKey: bytesOf(fields, 4),
  }
}

/** @throws SignalError `malformed` unless version 3 is acceptable to both ends */
export function withoutVersion(bytes: Uint8Array): Uint8Array {
  const version = bytes[0]
  if (version === undefined || version >> 4 < 3 || (version & 0xf) > 3) {
    throw new SignalError('malformed', `Not a Signal message of version 3: it starts with ${version}`)
  }
  return bytes.subarray(1)
}

type Field = readonly [number: number, value: number | Uint8Array | undefined]

function encode(fields: readonly Field[], firstByte?: number): Buffer {
  let length = firstByte === undefined ? 0 : 1
  for (const [, value] of fields) {
    if (value === undefined) continue
    length +=
      1 + (typeof value === 'number' ? varintLength(value) : varintLength(value.length) + value.length)
  }
  const out = Buffer.allocUnsafe(length)
  let at = 0
  if (firstByte !== undefined) out[at++] = firstByte
  for (const [number, value] of fields) {
    if (value === undefined) continue
    if (typeof value === 'number') {
      out[at++] = number << 3
      at = writeVarint(out, at, value)
    } else {
      out[at++] = (number << 3) | 2
      at = writeVarint(out, at, value.length)
      out.set(value, at)
      at += value.length
    }
  }
  return out
}

function varintLength(value: number): number {
  let length = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) length++
  return length
}

function writeVarint(out: Buffer, start: number, value: number): number {
  let at = start
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) out[at++] = (rest % 0x80) | 0x80
  out[at++] = rest
  return at
}

/** Field number → value, indexed; the last of a repeated field wins, unknown fields are kept and ignored. */
function decode(bytes: Uint8Array): (number | Uint8Array | undefined)[] {
  const fields: (number | Uint8Array | undefined)[] = []
  let at = 0
  const readVarint = (): number => {
    let value = 0
    for (let factor = 1; at < bytes.length && factor < 2 ** 49; factor *= 0x80) {
      const byte = bytes[at++] ?? 0
      value += (byte & 0x7f) * factor
      if (byte < 0x80) return value
    }
    throw new SignalError('malformed', 'A number in a Signal message does not end')
  }
  while (at < bytes.length) {
    const tag = readVarint()
    const number = Math.floor(tag / 8)
    const wireType = tag % 8
    if (number > 15 || number === 0)
      throw new SignalError('malformed', `Signal messages have no field ${number}`)
    if (wireType === 0) {
      fields[number] = readVarint()
    } else if (wireType === 2) {
      const length = readVarint()
      if (at + length > bytes.length) throw new SignalError('malformed', 'A Signal message is cut short')
      fields[number] = bytes.subarray(at, at + length)
      at += length
    } else {
      throw new SignalError('malformed', `Signal messages have no wire type ${wireType}`)
    }
  }
  return fields
}

function bytesOf(fields: (number | Uint8Array | undefined)[], number: number): Uint8Array {
  const value = fields[number]
  if (value instanceof Uint8Array) return value
  throw new SignalError('malformed', `A Signal message lacks its field ${number}`)
}

function numberOf(fields: (number | Uint8Array | undefined)[], number: number): number | undefined {
  const value = fields[number]
  return typeof value === 'number' ? value : undefined
}
