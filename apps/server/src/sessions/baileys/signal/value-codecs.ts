import type { SignalDataTypeMap } from '../baileys.ts'
import { proto } from '../baileys.ts'
import { SenderKeyRecord } from '../baileys.ts'

import type { SessionRecord, SessionRecordClass } from './libsignal.ts'
import { libsignal } from './libsignal.ts'
import { packSenderKeyRecord, unpackSenderKeyRecord } from './sender-key-codec.ts'
import { packSessionRecord, unpackSessionRecord } from './session-codec.ts'

/** How one type of baileys' key store becomes bytes and back. `decode` always answers a fresh copy. */
interface ValueCodec<Value> {
  encode(value: Value): Uint8Array
  decode(bytes: Uint8Array): Value
}

type Codecs = { [Type in keyof SignalDataTypeMap]: ValueCodec<SignalDataTypeMap[Type]> }

/** libsignal's own JSON form of a session record, which baileys types as bytes. */
interface SerializingRecordClass extends SessionRecordClass {
  deserialize(json: unknown): SessionRecord & { serialize(): unknown }
}

/** `pre-key` values live together in blocks (pre-key-block.ts), `device-list` is ours (device-lists.ts): they have no codec here. */
export const valueCodecs: Omit<Codecs, 'pre-key' | 'device-list'> = {
  session: {
    encode: (json) =>
      packSessionRecord((libsignal.SessionRecord as SerializingRecordClass).deserialize(json), new Set()),
    // The record has libsignal's serialize(); its JSON is what baileys expects under this type.
    decode: (bytes) => (unpackSessionRecord(bytes) as unknown as { serialize(): Uint8Array }).serialize(),
  },
  'sender-key': {
    encode: (bytes) => packSenderKeyRecord(SenderKeyRecord.deserialize(bytes)),
    decode: (bytes) => Buffer.from(JSON.stringify(unpackSenderKeyRecord(bytes).serialize()), 'utf8'),
  },
  'app-state-sync-key': {
    encode: (key) => proto.Message.AppStateSyncKeyData.encode(key).finish(),
    decode: (bytes) => proto.Message.AppStateSyncKeyData.decode(bytes),
  },
  'lid-mapping': {
    encode: (user) => Buffer.from(user, 'utf8'),
    decode: (bytes) => Buffer.from(bytes).toString('utf8'),
  },
  'identity-key': { encode: (key) => key, decode: (bytes) => Buffer.from(bytes) },
  // Of a large group a thousand entries, read and written with every message to it.
  'sender-key-memory': {
    encode: (told) => Buffer.from(JSON.stringify(told), 'utf8'),
    // Only `encode` writes this type.
    decode: (bytes) => JSON.parse(Buffer.from(bytes).toString('utf8')) as Record<string, boolean>,
  },
  'app-state-sync-version': jsonCodec(),
  tctoken: jsonCodec(),
}

/** JSON with byte strings kept as such: for types that are read or written a few times a minute at most. */
function jsonCodec<Value>(): ValueCodec<Value> {
  return {
    encode: (value) => Buffer.from(encodeJson(value), 'utf8'),
    // What encodeJson wrote for this type, a Value.
    decode: (bytes) => decodeJson(Buffer.from(bytes).toString('utf8')) as Value,
  }
}

const BYTES_KEY = '$bytes'

/** JSON in which a byte string is `{"$bytes": base64}`. */
export function encodeJson(value: unknown): string {
  return JSON.stringify(bytesAsText(value))
}

export function decodeJson(json: string): unknown {
  return textAsBytes(JSON.parse(json))
}

/** Changes what JSON.parse has just made, in place: a reviver takes 72 µs for the credentials of a session, this 22. */
function textAsBytes(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (BYTES_KEY in value && typeof value[BYTES_KEY] === 'string')
    return Buffer.from(value[BYTES_KEY], 'base64')
  const fields = value as Record<string, unknown> // an object or an array of JSON
  for (const key of Object.keys(fields)) {
    const inner = fields[key]
    if (typeof inner === 'object') fields[key] = textAsBytes(inner)
  }
  return value
}

/** Own fields only: JSON.stringify would call Buffer's and protobufjs' toJSON, which turn bytes into text of theirs. */
function bytesAsText(value: unknown): unknown {
  if (value instanceof Uint8Array)
    return {
      [BYTES_KEY]: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64'),
    }
  if (Array.isArray(value)) return value.map(bytesAsText)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, bytesAsText(inner)]))
}
