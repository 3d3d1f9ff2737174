import { createRequire } from 'node:module'

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import type { KeyPair } from '../baileys.ts'
import { SenderKeyRecord } from '../baileys.ts'
import { ByteReader, ByteWriter, MalformedRecord } from './bytes.ts'
import type { SessionRecord } from './libsignal.ts'
import { libsignal } from './libsignal.ts'
import { KEYS_PER_BLOCK, PreKeyBlock } from './pre-key-block.ts'
import { packSenderKeyRecord, unpackSenderKeyRecord } from './sender-key-codec.ts'
import { packSessionRecord, unpackSessionRecord } from './session-codec.ts'
import { decodeJson, encodeJson, valueCodecs } from './value-codecs.ts'

const bytes = (length: number) =>
  fc.uint8Array({ minLength: length, maxLength: length }).map((value) => Buffer.from(value))
const counter = fc.integer({ min: -1, max: 2 ** 31 })
const time = fc.integer({ min: 1, max: 2 ** 45 })

const chain = fc.record({
  chainKey: fc.oneof(
    fc.record({ counter, key: bytes(32) }),
    fc.record({ counter }), // closed by the next turn
  ),
  chainType: fc.constantFrom(1, 2),
  messageKeys: fc.dictionary(fc.nat(5000).map(String), bytes(32), { maxKeys: 5 }),
})

const entry = fc
  .record({
    registrationId: fc.option(fc.nat(16_383), { nil: undefined }),
    currentRatchet: fc.record({
      ephemeralKeyPair: fc.record({ pubKey: bytes(33), privKey: bytes(32) }),
      lastRemoteEphemeralKey: bytes(33),
      previousCounter: counter,
      rootKey: bytes(32),
    }),
    indexInfo: fc.record({
      baseKey: bytes(33),
      baseKeyType: fc.constantFrom(1, 2),
      closed: fc.oneof(fc.constant(-1), time),
      used: time,
      created: time,
      remoteIdentityKey: bytes(33),
    }),
    pendingPreKey: fc.option(
      fc.oneof(
        fc.record({ signedKeyId: fc.nat(), baseKey: bytes(33), preKeyId: fc.nat() }),
        fc.record({ signedKeyId: fc.nat(), baseKey: bytes(33) }),
      ),
      { nil: undefined },
    ),
    chains: fc.array(fc.tuple(bytes(33), chain), { maxLength: 4 }),
  })
  .map(({ chains, pendingPreKey, ...rest }) => {
    const made = libsignal.SessionRecord.createEntry()
    Object.assign(made, rest, pendingPreKey && { pendingPreKey })
    for (const [key, value] of chains) made._chains[key.toString('base64')] = value
    return made
  })

const record = fc.array(entry, { maxLength: 4 }).map((entries) => {
  const made = new libsignal.SessionRecord()
  for (const one of entries) made.sessions[one.indexInfo.baseKey.toString('base64')] = one
  return made
})

/** libsignal's own JSON form: the arbiter of what a record holds. */
function jsonOf(value: SessionRecord): unknown {
  return JSON.parse(JSON.stringify((value as SessionRecord & { serialize(): unknown }).serialize()))
}

describe('session records', () => {
  test('come back as libsignal would serialise them', () => {
    fc.assert(
      fc.property(record, (value) => {
        expect(jsonOf(unpackSessionRecord(packSessionRecord(value, new Set())))).toEqual(jsonOf(value))
      }),
    )
  })

  test('come back changed when a closed session was used, unchanged bytes or not', () => {
    fc.assert(
      fc.property(record, time, (value, used) => {
        const read = unpackSessionRecord(packSessionRecord(value, new Set()))
        const [first] = Object.values(read.sessions)
        if (first === undefined) return
        first.indexInfo.used = used
        first._chains = {}
        const packed = packSessionRecord(read, new Set([first]))
        expect(jsonOf(unpackSessionRecord(packed))).toEqual(jsonOf(read))
      }),
    )
  })

  test('a record that ends early, or is of another version, is refused', () => {
    const packed = packSessionRecord(fc.sample(record, { numRuns: 1, seed: 7 })[0]!, new Set())
    expect(() => unpackSessionRecord(Buffer.concat([Buffer.from([9]), packed.subarray(1)]))).toThrow(
      MalformedRecord,
    )
    expect(() => unpackSessionRecord(packed.subarray(0, 1))).toThrow(MalformedRecord)
  })

  test('baileys reads and writes them through its own serialised form', () => {
    fc.assert(
      fc.property(record, (value) => {
        const { SessionRecord: Class } = createRequire(import.meta.url)('libsignal') as {
          SessionRecord: { deserialize(json: unknown): SessionRecord }
        }
        const stored = valueCodecs.session.encode(jsonOf(value) as Uint8Array)
        expect(jsonOf(Class.deserialize(valueCodecs.session.decode(stored)))).toEqual(jsonOf(value))
      }),
      { numRuns: 20 },
    )
  })
})

test("sender keys come back, and read as baileys' own form", () => {
  const state = fc.record({
    senderKeyId: fc.nat(),
    senderChainKey: fc.record({ iteration: fc.nat(3000), seed: bytes(32) }),
    senderSigningKey: fc.record({ public: bytes(33), private: bytes(32) }),
    senderMessageKeys: fc.array(fc.record({ iteration: fc.nat(3000), seed: bytes(32) }), { maxLength: 5 }),
  })
  fc.assert(
    fc.property(fc.array(state, { maxLength: 5 }), (states) => {
      const packed = packSenderKeyRecord(new SenderKeyRecord(states))
      expect(unpackSenderKeyRecord(packed).serialize()).toEqual(new SenderKeyRecord(states).serialize())
      const asBaileys = SenderKeyRecord.deserialize(valueCodecs['sender-key'].decode(packed))
      expect(packSenderKeyRecord(asBaileys)).toEqual(packed)
    }),
  )
})

test('a block of pre-keys keeps those that are left', () => {
  const key: fc.Arbitrary<KeyPair> = fc.record({ public: bytes(32), private: bytes(32) })
  const changes = fc.array(fc.tuple(fc.nat(KEYS_PER_BLOCK - 1), fc.option(key, { nil: undefined })))
  fc.assert(
    fc.property(changes, (list) => {
      const expected = new Map<number, KeyPair>()
      let block = new PreKeyBlock()
      for (const [id, value] of list) {
        block.set(id, value)
        if (value === undefined) expected.delete(id)
        else expected.set(id, value)
        block = new PreKeyBlock(block.pack())
      }
      expect(block.isEmpty).toBe(expected.size === 0)
      for (let id = 0; id < KEYS_PER_BLOCK; id += 1) expect(block.get(id)).toEqual(expected.get(id))
    }),
  )
})

test('numbers of both signs and byte strings come back; nothing is read past the end', () => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.uint8Array(), (number, value) => {
      // Zigzag doubles: half of the safe range, which counters and times never leave.
      const small = Math.trunc(number / 4) || 0
      const packed = new ByteWriter().integer(small).bytes(value).finish()
      const reader = new ByteReader(packed)
      expect(reader.integer()).toBe(small)
      expect(reader.bytes()).toEqual(Buffer.from(value))
      expect(reader.isAtEnd).toBe(true)
      expect(() => reader.byte()).toThrow(MalformedRecord)
    }),
  )
})

test('JSON keeps byte strings, whatever holds them', () => {
  const value = {
    hash: Buffer.from('hash'),
    list: [new Uint8Array([1, 2]), 'text', null],
    map: { a: { valueMac: Buffer.alloc(3, 9) } },
    left: undefined,
  }
  expect(decodeJson(encodeJson(value))).toEqual({
    hash: Buffer.from('hash'),
    list: [Buffer.from([1, 2]), 'text', null],
    map: { a: { valueMac: Buffer.alloc(3, 9) } },
  })
})
