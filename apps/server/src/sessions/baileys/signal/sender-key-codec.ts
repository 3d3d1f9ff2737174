import type { SenderKeyStateStructure } from 'baileys/lib/Signal/Group/sender-key-record.js'

import { SenderKeyRecord } from '../baileys.ts'

import { ByteReader, ByteWriter, MalformedRecord } from './bytes.ts'

const VERSION = 1

/** The record as bytes; baileys' own form is JSON of JSON, parsed with a reviver per group message. */
export function packSenderKeyRecord(record: SenderKeyRecord): Buffer {
  const states = record.serialize()
  const writer = new ByteWriter().byte(VERSION).integer(states.length)
  for (const state of states) {
    writer
      .integer(state.senderKeyId)
      .integer(state.senderChainKey.iteration)
      .bytes(bytesOf(state.senderChainKey.seed))
      .bytes(bytesOf(state.senderSigningKey.public))
      .bytes(bytesOf(state.senderSigningKey.private ?? new Uint8Array()))
      .integer(state.senderMessageKeys.length)
    for (const { iteration, seed } of state.senderMessageKeys) writer.integer(iteration).bytes(bytesOf(seed))
  }
  return writer.finish()
}

/** @throws {MalformedRecord} */
export function unpackSenderKeyRecord(bytes: Uint8Array): SenderKeyRecord {
  const reader = new ByteReader(bytes)
  const version = reader.byte()
  if (version !== VERSION) throw new MalformedRecord(`sender key record of unknown version ${version}`)
  const states: SenderKeyStateStructure[] = []
  for (let left = reader.integer(); left > 0; left -= 1) {
    const state: SenderKeyStateStructure = {
      senderKeyId: reader.integer(),
      senderChainKey: { iteration: reader.integer(), seed: reader.bytes() },
      senderSigningKey: { public: reader.bytes(), private: reader.bytes() },
      senderMessageKeys: [],
    }
    for (let keys = reader.integer(); keys > 0; keys -= 1)
      state.senderMessageKeys.push({ iteration: reader.integer(), seed: reader.bytes() })
    states.push(state)
  }
  return new SenderKeyRecord(states)
}

/** What baileys parsed from its own JSON are objects that look like Buffers. */
function bytesOf(value: Uint8Array): Uint8Array {
  return value instanceof Uint8Array ? value : Buffer.from(value)
}
