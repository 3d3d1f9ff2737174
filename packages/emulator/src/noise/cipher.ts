import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto'

const tagBytes = 16

/** AES-256-GCM as Noise uses it: the nonce is a counter in the last four of twelve bytes, the tag follows the text. */
export class CounterCipher {
  readonly #key: KeyObject
  readonly #iv = Buffer.alloc(12)
  #counter = 0

  constructor(key: Uint8Array) {
    // As a key object: given bytes, node 24 takes a slow path for every message.
    this.#key = createSecretKey(key)
  }

  encrypt(plaintext: Uint8Array, associated?: Uint8Array): Buffer {
    const cipher = createCipheriv('aes-256-gcm', this.#key, this.#nextIv())
    if (associated !== undefined) cipher.setAAD(associated)
    const text = cipher.update(plaintext)
    cipher.final()
    return Buffer.concat([text, cipher.getAuthTag()])
  }

  /** @throws {Error} when the text was not encrypted with this key and counter. */
  decrypt(ciphertext: Uint8Array, associated?: Uint8Array): Buffer {
    const end = ciphertext.length - tagBytes
    if (end < 0) throw new Error('A ciphertext is shorter than its tag.')
    const decipher = createDecipheriv('aes-256-gcm', this.#key, this.#nextIv())
    if (associated !== undefined) decipher.setAAD(associated)
    decipher.setAuthTag(ciphertext.subarray(end))
    const text = decipher.update(ciphertext.subarray(0, end))
    decipher.final()
    return text
  }

  /** Skips one nonce, as a frame that the other side was never meant to read. */
  skip(): void {
    this.#counter += 1
  }

  #nextIv(): Buffer {
    this.#iv.writeUInt32BE(this.#counter, 8)
    this.#counter += 1
    return this.#iv
  }
}
