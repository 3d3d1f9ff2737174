import { createPublicKey, diffieHellman, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { calculateSignature, verifySignature } from 'whatsapp-rust-bridge'

/** Signal writes a Curve25519 public key as this byte and the 32 of the key. */
const curve25519Type = 0x05

/**
 * An X25519 key pair that also signs (XEdDSA). Holds node's key object rather than bytes, because building
 * one costs as much as using it. Bytes come and go as JWK: OpenSSL reads and writes DER ten times slower.
 */
export class KeyPair {
  /** The 32 raw bytes. */
  readonly publicKey: Buffer
  readonly #private: KeyObject
  #rawPrivate: Buffer | undefined

  private constructor(publicKey: Buffer, privateKey: KeyObject) {
    this.publicKey = publicKey
    this.#private = privateKey
  }

  static generate(): KeyPair {
    const { publicKey, privateKey } = generateKeyPairSync('x25519')
    return new KeyPair(fromBase64(publicKey.export({ format: 'jwk' }).x), privateKey)
  }

  /** The 32 bytes of secret shared with the holder of `theirs` (32 bytes, or 33 with the type byte). */
  agree(theirs: Uint8Array): Buffer {
    const x = Buffer.from(withoutType(theirs)).toString('base64url')
    const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'X25519', x }, format: 'jwk' })
    return diffieHellman({ privateKey: this.#private, publicKey })
  }

  /** XEdDSA signature of 64 bytes (signal.org/docs/specifications/xeddsa); about 0.1 ms. */
  sign(message: Uint8Array): Buffer {
    this.#rawPrivate ??= fromBase64(this.#private.export({ format: 'jwk' }).d)
    return Buffer.from(calculateSignature(this.#rawPrivate, message))
  }
}

function fromBase64(part: string | undefined): Buffer {
  if (part === undefined) throw new Error('An X25519 key always has both parts')
  return Buffer.from(part, 'base64url')
}

/** Whether `signature` over `message` was made with the private key of `publicKey` (32 or 33 bytes). */
export function verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (signature.length !== 64) return false
  try {
    return verifySignature(withoutType(publicKey), message, signature)
  } catch {
    return false // The bridge throws on bytes that are no point of the curve.
  }
}

/** The 33-byte form: type byte and key. */
export function withType(publicKey: Uint8Array): Buffer {
  const typed = Buffer.allocUnsafe(33)
  typed[0] = curve25519Type
  typed.set(withoutType(publicKey), 1)
  return typed
}

/**
 * The 32-byte form, whichever was given.
 * @throws RangeError if it is neither
 */
function withoutType(publicKey: Uint8Array): Uint8Array {
  if (publicKey.length === 32) return publicKey
  if (publicKey.length === 33 && publicKey[0] === curve25519Type) return publicKey.subarray(1)
  throw new RangeError(`Not a Curve25519 public key: ${publicKey.length} bytes`)
}
