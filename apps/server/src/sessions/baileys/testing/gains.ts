import { createCipheriv, createHmac, randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'

import { pino } from 'pino'

import {
  BufferJSON,
  Curve,
  makeCacheableSignalKeyStore,
  promiseTimeout,
  SenderKeyRecord,
} from '../baileys.ts'
import { SharedCaches } from '../caches.ts'
import { fastCurve } from '../runtime/curve.ts'
import { keyPool, originalCrypto, originalCurve, silentLogger } from '../runtime/index.ts'
import { PreKeyBlock } from '../signal/pre-key-block.ts'
import { packSenderKeyRecord, unpackSenderKeyRecord } from '../signal/sender-key-codec.ts'
import { packSessionRecord, unpackSessionRecord } from '../signal/session-codec.ts'
import { Peer } from './peer.ts'

type Work = () => unknown

/** One thing that our runtime or our stores do otherwise than baileys as published. */
export interface Gain {
  name: string
  /** As published. */
  before: number
  after: number
  unit: 'µs' | 'bytes'
}

/** µs per call: the median of several rounds, so that a neighbour's burst does not count. */
async function cost(work: Work, calls: number): Promise<number> {
  for (let warm = 0; warm < Math.min(calls, 50); warm += 1) await work()
  const rounds: number[] = []
  for (let round = 0; round < 7; round += 1) {
    const start = performance.now()
    for (let call = 0; call < calls; call += 1) {
      const result = work()
      if (result instanceof Promise) await result
    }
    rounds.push(((performance.now() - start) * 1000) / calls)
  }
  return median(rounds)
}

async function compare(
  name: string,
  before: Work,
  after: Work,
  calls: number,
  callsBefore = calls,
): Promise<Gain> {
  return { name, before: await cost(before, callsBefore), after: await cost(after, calls), unit: 'µs' }
}

function median(samples: readonly number[]): number {
  return samples.toSorted((a, b) => a - b)[Math.floor(samples.length / 2)] ?? Number.NaN
}

/** Measures each gain of docs/decisions/runtime-gains.md that can be measured alone, before and after. Takes some 20 s. */
export async function measureGains(): Promise<readonly { title: string; gains: readonly Gain[] }[]> {
  const groups: { title: string; gains: readonly Gain[] }[] = []
  const key = randomBytes(32)
  const iv = randomBytes(12)
  const frame = randomBytes(300)

  groups.push({
    title: '1. Keys as KeyObjects (every frame and every Signal message)',
    gains: [
      await compare(
        'HMAC-SHA256, a fresh key each time',
        () =>
          (originalCrypto.createHmac('sha256', Buffer.from(key)) as ReturnType<typeof createHmac>)
            .update(frame)
            .digest(),
        () => createHmac('sha256', Buffer.from(key)).update(frame).digest(),
        2000,
      ),
      await compare(
        'AES-256-GCM frame, the same key each time',
        () => {
          const cipher = originalCrypto.createCipheriv('aes-256-gcm', key, iv) as ReturnType<
            typeof createCipheriv
          >
          return [cipher.update(frame), cipher.final()]
        },
        () => {
          const cipher = createCipheriv('aes-256-gcm', key, iv)
          return [cipher.update(frame), cipher.final()]
        },
        2000,
      ),
    ],
  })

  groups.push({
    title: '2. connectTimeoutMs: 0 (every frame sent)',
    gains: [
      await compare(
        'promiseTimeout around a write',
        () => promiseTimeout<void>(20_000, (resolve) => resolve()),
        () => promiseTimeout<void>(0, (resolve) => resolve()),
        500,
      ),
    ],
  })

  // baileys' default: pino at info, here without a destination; its hot paths build an object per call.
  const require = createRequire(import.meta.url)
  const published = pino({ level: 'info' }, { write: () => {} }).child({ class: 'baileys' })
  const attrs = { id: '3EB0AAAA', from: '12025550123@s.whatsapp.net' }
  const shared = new SharedCaches()
  const store = { get: async () => ({}), set: async () => {} }
  groups.push({
    title: '3. A logger of empty functions; caches shared by all sockets',
    gains: [
      await compare(
        'one `info` with attributes',
        () => published.info({ attrs, messageIds: ['3EB0AAAA'] }, 'sending receipt for messages'),
        () => silentLogger.info({ attrs, messageIds: ['3EB0AAAA'] }, 'sending receipt for messages'),
        5000,
      ),
      await compare(
        "a socket's caches made",
        () => {
          // One per socket, each with a timer of its own, in baileys as published.
          const cache = makeCacheableSignalKeyStore(store, silentLogger)
          return cache
        },
        () => shared.of(1),
        2000,
      ),
    ],
  })

  const fast = fastCurve(originalCurve, keyPool)
  const us = fast.generateKeyPair()
  const them = fast.generateKeyPair()
  const signature = fast.calculateSignature(us.privKey, frame)
  groups.push({
    title: '4. Curve25519 (handshakes, pre-keys, every turn of a ratchet, every group message)',
    gains: [
      await compare(
        'sign',
        () => originalCurve.calculateSignature(us.privKey, frame),
        () => fast.calculateSignature(us.privKey, frame),
        300,
        15,
      ),
      await compare(
        'verify',
        () => originalCurve.verifySignature(us.pubKey, frame, signature),
        () => fast.verifySignature(us.pubKey, frame, signature),
        300,
        15,
      ),
      await compare(
        'agree on a secret, long-lived keys',
        () => originalCurve.calculateAgreement(them.pubKey, us.privKey),
        () => fast.calculateAgreement(them.pubKey, us.privKey),
        500,
      ),
      await compare(
        'agree on a secret, a new key of the peer',
        () => originalCurve.calculateAgreement(Buffer.from(them.pubKey), us.privKey),
        () => fast.calculateAgreement(Buffer.from(them.pubKey), us.privKey),
        500,
      ),
    ],
  })

  await fillPool()
  const poolRounds: number[] = []
  for (let round = 0; round < 3; round += 1) {
    await fillPool()
    const start = performance.now()
    for (let pair = 0; pair < 812; pair += 1) Curve.generateKeyPair()
    poolRounds.push((performance.now() - start) * 1000)
  }
  const onTheSpot = await cost(() => originalCurve.generateKeyPair(), 200)
  const preKeys = Array.from({ length: 64 }, () => Curve.generateKeyPair())
  groups.push({
    title: '5. Pre-keys from a pool, stored 64 to a row',
    gains: [
      { name: '812 pairs at first login', before: onTheSpot * 812, after: median(poolRounds), unit: 'µs' },
      await compare(
        '64 keys made storable',
        () => preKeys.map((pair) => JSON.stringify(pair, BufferJSON.replacer)),
        () => {
          const block = new PreKeyBlock()
          for (const [id, pair] of preKeys.entries()) block.set(id, pair)
          return block.pack()
        },
        200,
      ),
    ],
  })

  const record = unpackSessionRecord(await sessionBytes())
  const serialisable = record as typeof record & { serialize(): unknown }
  const { SessionRecord } = require('libsignal') as {
    SessionRecord: { deserialize(json: unknown): unknown }
  }
  const json = JSON.stringify(serialisable.serialize(), BufferJSON.replacer)
  const packed = packSessionRecord(record, new Set())
  const senderKey = new SenderKeyRecord()
  senderKey.setSenderKeyState(1, 0, randomBytes(32), { public: us.pubKey, private: us.privKey })
  const senderKeyJson = Buffer.from(JSON.stringify(senderKey.serialize()))
  const touched = new Set(Object.values(record.sessions))
  groups.push({
    title: '8. Signal records kept parsed, and packed when written (every message)',
    gains: [
      await compare(
        'read and write one session record, not kept',
        () => {
          const read = SessionRecord.deserialize(JSON.parse(json, BufferJSON.reviver)) as typeof serialisable
          return JSON.stringify(read.serialize(), BufferJSON.replacer)
        },
        () => packSessionRecord(unpackSessionRecord(packed), new Set()),
        1000,
      ),
      await compare(
        'the same, kept parsed',
        () => {
          const read = SessionRecord.deserialize(JSON.parse(json, BufferJSON.reviver)) as typeof serialisable
          return JSON.stringify(read.serialize(), BufferJSON.replacer)
        },
        () => packSessionRecord(record, touched),
        1000,
      ),
      await compare(
        'read and write one sender key',
        () => Buffer.from(JSON.stringify(SenderKeyRecord.deserialize(senderKeyJson).serialize())),
        () => packSenderKeyRecord(unpackSenderKeyRecord(packSenderKeyRecord(senderKey))),
        1000,
      ),
      { name: 'a stored session record', before: json.length, after: packed.length, unit: 'bytes' },
    ],
  })
  await keyPool.close()
  return groups
}

/** Waits for the worker, which nobody does in production: the pool is full long before the first login. */
async function fillPool(): Promise<void> {
  keyPool.fill()
  while (keyPool.ready < 1900) await new Promise((resolve) => setImmediate(resolve))
}

/** A session as it is after a few messages each way. */
async function sessionBytes(): Promise<Uint8Array> {
  const [left, right] = [new Peer(), new Peer()]
  await left.begin(right.bundle())
  for (let turn = 0; turn < 3; turn += 1) {
    await right.decrypt(await left.encrypt(`there ${turn}`))
    await left.decrypt(await right.encrypt(`and back ${turn}`))
  }
  if (left.stored === undefined) throw new Error('the peer stored no session')
  return left.stored
}
