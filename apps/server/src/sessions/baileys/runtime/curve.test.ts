import { randomBytes } from 'node:crypto'

import fc from 'fast-check'
import { expect, test } from 'vitest'

import { Curve, proto } from '../baileys.ts'
import { socketContext } from '../socket-context.ts'
import { fastCurve } from './curve.ts'
import { keyPool, originalCurve as original } from './index.ts'

const fast = fastCurve(original, keyPool)
const seed = fc.uint8Array({ minLength: 32, maxLength: 32 })
/** The original takes 4 to 20 ms for each signature and each check of one. */
const fewRuns = { numRuns: 12 }

/** A pair from arbitrary bytes, as WhatsApp's peers could have it: clamped or not, and hard cases among them. */
function pairOf(bytes: Uint8Array) {
  const privKey = Buffer.from(bytes)
  const base = Buffer.concat([Buffer.from([5, 9]), Buffer.alloc(31)])
  return { privKey, pubKey: Buffer.concat([Buffer.from([5]), original.calculateAgreement(base, privKey)]) }
}

test('agreements are the same as those of libsignal', () => {
  fc.assert(
    fc.property(seed, seed, (ours, theirs) => {
      const pair = pairOf(ours)
      const peer = pairOf(theirs)
      const secret = fast.calculateAgreement(peer.pubKey, pair.privKey)
      expect(secret).toEqual(original.calculateAgreement(peer.pubKey, pair.privKey))
      expect(secret).toEqual(fast.calculateAgreement(pair.pubKey, peer.privKey))
    }),
  )
})

test('a key whose bytes change in place is not taken for the old one', () => {
  const pair = fast.generateKeyPair()
  const peer = fast.generateKeyPair()
  const reused = Buffer.from(pair.privKey)
  const before = fast.calculateAgreement(peer.pubKey, reused)
  randomBytes(32).copy(reused)
  const after = fast.calculateAgreement(peer.pubKey, reused)
  expect(after).not.toEqual(before)
  expect(after).toEqual(original.calculateAgreement(peer.pubKey, reused))
})

test('signatures of each verify with the other, and with neither after a change', () => {
  fc.assert(
    fc.property(
      seed,
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
      fc.nat(63),
      fc.boolean(),
      (bytes, message, at, byFast) => {
        const { pubKey, privKey } = pairOf(bytes)
        const [signer, checker] = byFast ? [fast, original] : [original, fast]
        const signature = signer.calculateSignature(privKey, Buffer.from(message))
        expect(checker.verifySignature(pubKey, Buffer.from(message), signature)).toBe(true)
        const changed = Buffer.from(signature)
        changed[at] = (changed[at] ?? 0) ^ 0x10
        expect(original.verifySignature(pubKey, Buffer.from(message), changed)).toBe(false)
        expect(() => fast.verifySignature(pubKey, Buffer.from(message), changed)).toThrow('Invalid signature')
      },
    ),
    fewRuns,
  )
})

test('invalid inputs are refused in the same words', () => {
  const { pubKey, privKey } = fast.generateKeyPair()
  const message = Buffer.from('text')
  const signature = fast.calculateSignature(privKey, message)
  const calls: ((curve: typeof fast) => unknown)[] = [
    (curve) => curve.calculateAgreement(pubKey.subarray(0, 20), privKey),
    (curve) => curve.calculateAgreement(Buffer.concat([Buffer.from([6]), pubKey.subarray(1)]), privKey),
    (curve) => curve.calculateAgreement(pubKey, privKey.subarray(0, 31)),
    (curve) => curve.calculateAgreement(new Uint8Array(pubKey), privKey),
    (curve) => curve.calculateAgreement(pubKey, new Uint8Array(privKey)),
    // The point of order 1: no secret can be agreed with it.
    (curve) => curve.calculateAgreement(Buffer.concat([Buffer.from([5]), Buffer.alloc(32)]), privKey),
    (curve) => curve.calculateSignature(privKey.subarray(1), message),
    (curve) => curve.calculateSignature(privKey, undefined as never),
    (curve) => curve.verifySignature(pubKey, message, signature.subarray(1)),
    (curve) => curve.verifySignature(pubKey, undefined as never, signature),
    (curve) => curve.verifySignature(pubKey.subarray(0, 10), message, signature),
  ]
  for (const call of calls) {
    const refusal = errorOf(() => call(original))
    expect(refusal).toBeDefined()
    expect(errorOf(() => call(fast))).toBe(refusal)
  }
})

test('a certificate that was found good is held against the key of every handshake', () => {
  const authority = fast.generateKeyPair()
  const [server, other] = [fast.generateKeyPair(), fast.generateKeyPair()]
  const details = { serial: 1, issuerSerial: 7, key: server.pubKey.subarray(1) }
  const certificate = Buffer.from(proto.CertChain.NoiseCertificate.Details.encode(details).finish())
  const signature = fast.calculateSignature(authority.privKey, certificate)
  const forged = Buffer.from(signature)
  forged[3] = (forged[3] ?? 0) ^ 1
  const shake = (agreedWith: Buffer, signed: Buffer): boolean =>
    socketContext.run({ sessionId: 1, generation: 1, handshake: { agreedWith } }, () =>
      fast.verifySignature(authority.pubKey, certificate, signed),
    )
  for (let dial = 0; dial < 2; dial++) {
    expect(shake(server.pubKey.subarray(1), signature)).toBe(true)
    expect(() => shake(other.pubKey.subarray(1), signature)).toThrow('names another static key')
    expect(() => shake(server.pubKey.subarray(1), forged)).toThrow('Invalid signature')
    expect(() => fast.verifySignature(other.pubKey, certificate, signature)).toThrow('Invalid signature')
  }
})

test("baileys' own Curve refuses a forged signature, which it does not as published", () => {
  const { public: publicKey } = Curve.generateKeyPair()
  expect(Curve.verify(publicKey, Buffer.from('text'), Buffer.alloc(64))).toBe(false)
  // As published: the answer `false` of libsignal is not looked at (baileys Utils/crypto.js:30).
  expect(
    original.verifySignature(
      Buffer.concat([Buffer.from([5]), publicKey]),
      Buffer.from('text'),
      Buffer.alloc(64),
    ),
  ).toBe(false)
})

function errorOf(call: () => unknown): string | undefined {
  try {
    call()
    return undefined
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}
