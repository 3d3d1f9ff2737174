import type { KeyObject } from 'node:crypto'
import { createPrivateKey, createPublicKey, diffieHellman } from 'node:crypto'
import { createRequire } from 'node:module'

import { proto } from 'baileys/WAProto/index.js'
import { calculateSignature as signQuickly, verifySignature as verifyQuickly } from 'whatsapp-rust-bridge'

import { boundedCache } from '../../../platform/bounded-cache.ts'
import { socketContext } from '../socket-context.ts'
import type { KeyPool } from './key-pool.ts'
import { isMissing } from '../missing.ts'

/** What libsignal's `src/curve.js` exports. Public keys are 33 bytes, the first one 5; private keys 32. */
export interface CurveModule {
  generateKeyPair: () => { pubKey: Buffer; privKey: Buffer }
  calculateAgreement: (publicKey: Uint8Array, privateKey: Uint8Array) => Buffer
  calculateSignature: (privateKey: Uint8Array, message: Uint8Array) => Buffer
  verifySignature: (
    publicKey: Uint8Array,
    message: Uint8Array,
    signature: Uint8Array,
    isInit?: boolean,
  ) => boolean
}

/** RFC 8410 encodings of an X25519 key, up to the key's own 32 bytes. */
const SPKI_PREFIX = Buffer.from('302a300506032b656e032100', 'hex')
const PKCS8_PREFIX = Buffer.from('302e020100300506032b656e04220420', 'hex')
const TYPE_BYTE = Buffer.from([5])

/**
 * Certificates of WhatsApp's servers found good, to the byte: key, signature and content. Every dial shows the same two, and checking
 * both takes 0.5 ms, a twelfth of a dial. A few hundred bytes each.
 */
const CERTIFICATES_KEPT = 64

/**
 * Replaces the exports of libsignal's `src/curve.js`, which baileys' own `Curve` and its sender keys use too:
 *
 * - signing and verifying from pure JavaScript (4.5 ms) to WebAssembly that baileys ships already (0.14 ms);
 * - key agreement with key objects that are made once for keys that live long;
 * - key pairs from a pool that a worker thread fills.
 *
 * One difference is meant: a signature that does not verify throws. The original answers `false`, which
 * baileys' `Curve.verify` (Utils/crypto.js:30) takes for valid, so that neither the Noise certificates nor the
 * account signature of a pairing are checked by it. With ours they are.
 *
 * Must run before anything imports `libsignal/src/curve.js` as an ES module: its named exports are read once.
 */
export function replaceCurve(pool: KeyPool): { original: CurveModule; replaced: CurveModule } {
  const curve = createRequire(import.meta.url)('libsignal/src/curve.js') as CurveModule
  const original = { ...curve }
  const replaced = fastCurve(original, pool)
  Object.assign(curve, replaced)
  return { original, replaced }
}

/** The functions without installing them. Refuses what `original` refuses, by asking it. */
export function fastCurve(original: CurveModule, pool: KeyPool): CurveModule {
  const privateKeys = keyObjectsOf((bytes) =>
    createPrivateKey({ key: Buffer.concat([PKCS8_PREFIX, bytes]), format: 'der', type: 'pkcs8' }),
  )
  const publicKeys = keyObjectsOf((bytes) =>
    createPublicKey({ key: Buffer.concat([SPKI_PREFIX, bytes]), format: 'der', type: 'spki' }),
  )
  const certificates = boundedCache<string, true>(CERTIFICATES_KEPT)
  return {
    generateKeyPair: () => {
      const { publicKey, privateKey } = pool.take()
      return { pubKey: Buffer.concat([TYPE_BYTE, publicKey]), privKey: privateKey }
    },

    calculateAgreement: (publicKey, privateKey) => {
      if (!isPublicKey(publicKey) || !isPrivateKey(privateKey))
        return original.calculateAgreement(publicKey, privateKey)
      const handshake = socketContext.getStore()?.handshake
      if (handshake !== undefined) handshake.agreedWith = publicKey.subarray(1)
      return diffieHellman({ privateKey: privateKeys(privateKey), publicKey: publicKeys(publicKey) })
    },

    calculateSignature: (privateKey, message) => {
      if (!isPrivateKey(privateKey) || !(message instanceof Uint8Array))
        return original.calculateSignature(privateKey, message)
      return Buffer.from(signQuickly(privateKey, message))
    },

    verifySignature: (publicKey, message, signature, isInit) => {
      if (!isPublicKey(publicKey) || !(message instanceof Uint8Array) || signature?.byteLength !== 64)
        return honest(original.verifySignature(publicKey, message, signature, isInit))
      if (isInit === true) return true
      const handshake = socketContext.getStore()?.handshake
      const certificate =
        handshake === undefined
          ? undefined
          : Buffer.concat([publicKey, signature, message]).toString('latin1')
      let isValid = certificate !== undefined && certificates.has(certificate)
      try {
        isValid ||= verifyQuickly(publicKey, message, signature)
      } catch {
        // The bridge throws on points that are not on the curve: not a signature of that key.
      }
      if (isValid && certificate !== undefined) certificates.set(certificate, true)
      // Of every handshake, known certificate or not: the secret was agreed anew.
      if (isValid && handshake?.agreedWith !== undefined) assertCertificateOf(handshake.agreedWith, message)
      return honest(isValid)
    },
  }
}

function honest(isValid: boolean): true {
  if (!isValid) throw new Error('Invalid signature')
  return true
}

/**
 * During the Noise handshake the server's leaf certificate must name the static key that we just agreed a secret
 * with; rc14 never compares them (noise-handler.js), whatsmeow does (`handshake.go`). The intermediate certificate,
 * recognised by its issuer 0 (the root), names its own key.
 */
function assertCertificateOf(staticKey: Uint8Array, details: Uint8Array): void {
  const { key, issuerSerial } = proto.CertChain.NoiseCertificate.Details.decode(details)
  if (issuerSerial === 0) return
  if (isMissing(key) || !Buffer.from(staticKey).equals(key))
    throw new Error('The Noise certificate names another static key')
}

/** 33 bytes with the type byte: the form that needs no correction (and no printed warning) from libsignal. */
function isPublicKey(key: unknown): key is Buffer {
  return Buffer.isBuffer(key) && key.byteLength === 33 && key[0] === 5
}

function isPrivateKey(key: unknown): key is Buffer {
  return Buffer.isBuffer(key) && key.byteLength === 32
}

/** Key objects of keys that live as the same Buffer: identity keys, signed pre-keys, ratchets of hot sessions. */
function keyObjectsOf(make: (bytes: Uint8Array) => KeyObject): (key: Buffer) => KeyObject {
  const kept = new WeakMap<Buffer, { bytes: Buffer; key: KeyObject }>()
  return (key) => {
    const known = kept.get(key)
    if (known !== undefined && known.bytes.equals(key)) return known.key
    const made = make(key.byteLength === 33 ? key.subarray(1) : key)
    kept.set(key, { bytes: Buffer.from(key), key: made })
    return made
  }
}
