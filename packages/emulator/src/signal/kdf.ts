import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hkdfSync } from 'node:crypto'

// Every key becomes a KeyObject first: given bytes, node 24 takes a slow path that throws and catches
// inside (26 µs for an HMAC instead of 6).

/** HKDF-SHA256. Signal's salt is all zeros unless a root key takes its place. */
export function hkdf(
  secret: Uint8Array,
  options: { salt?: Uint8Array; info: string; length: number },
): Buffer {
  const salt = options.salt ?? noSalt
  return Buffer.from(hkdfSync('sha256', createSecretKey(secret), salt, options.info, options.length))
}
const noSalt = Buffer.alloc(32)

/** Over the parts joined. */
export function hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  const hmac = createHmac('sha256', createSecretKey(key))
  for (const part of parts) hmac.update(part)
  return hmac.digest()
}

/** One step of a Signal symmetric chain: the seed of this message's keys, and the key of the next link. */
export function stepChain(chainKey: Uint8Array): { seed: Buffer; next: Buffer } {
  const key = createSecretKey(chainKey)
  return {
    seed: createHmac('sha256', key).update(seedConstant).digest(),
    next: createHmac('sha256', key).update(chainConstant).digest(),
  }
}
const seedConstant = Buffer.from([1])
const chainConstant = Buffer.from([2])

export function encryptCbc(key: Uint8Array, iv: Uint8Array, plaintext: Uint8Array): Buffer {
  const cipher = createCipheriv('aes-256-cbc', createSecretKey(key), iv)
  return Buffer.concat([cipher.update(plaintext), cipher.final()])
}

/** @throws if the padding is wrong, which after a good MAC or signature cannot happen by accident */
export function decryptCbc(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Buffer {
  const decipher = createDecipheriv('aes-256-cbc', createSecretKey(key), iv)
  return Buffer.concat([decipher.update(ciphertext), decipher.final()])
}
