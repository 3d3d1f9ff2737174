import { randomBytes, randomInt } from 'node:crypto'

import { KeyPair, verify, withType } from './curve.ts'
import { decryptCbc, encryptCbc, hkdf, stepChain } from './kdf.ts'
import { SignalError } from './signal-error.ts'
import {
  decodeSenderKeyDistributionMessage,
  decodeSenderKeyMessage,
  encodeSenderKeyDistributionMessage,
  encodeSenderKeyMessage,
} from './wire.ts'

const signatureLength = 64
const maxSkipped = 2000
/** Keys of one sender kept at a time, as in libsignal: a sender makes a new one when somebody leaves. */
const maxKeys = 5

/** The key with which one device writes to one group; whoever holds its distribution message can read on. */
export class OwnSenderKey {
  readonly #id = randomInt(2 ** 31 - 1)
  readonly #signing = KeyPair.generate()
  #chainKey: Buffer = randomBytes(32)
  #iteration = 0

  /** What a new reader needs; reads from the next message on. */
  distribution(): Buffer {
    return encodeSenderKeyDistributionMessage({
      keyId: this.#id,
      iteration: this.#iteration,
      chainKey: this.#chainKey,
      signingKey: withType(this.#signing.publicKey),
    })
  }

  encrypt(plaintext: Uint8Array): Buffer {
    const { seed, next } = stepChain(this.#chainKey)
    const { cipherKey, iv } = messageKeys(seed)
    const ciphertext = encryptCbc(cipherKey, iv, plaintext)
    const message = encodeSenderKeyMessage({ keyId: this.#id, iteration: this.#iteration, ciphertext })
    this.#chainKey = next
    this.#iteration++
    return Buffer.concat([message, this.#signing.sign(message)])
  }
}

interface ReadingKey {
  readonly id: number
  /** 33 bytes. */
  readonly signingKey: Buffer
  chainKey: Buffer
  /** Iteration of the first message whose seed has not been derived yet. */
  next: number
  readonly skipped: Map<number, Buffer>
}

/** The sender keys that one device has told us for one group. */
export class SenderKeyReader {
  /** Newest first. */
  readonly #keys: ReadingKey[] = []

  /** @throws SignalError `malformed` */
  learn(distribution: Uint8Array): void {
    const { keyId, iteration, chainKey, signingKey } = decodeSenderKeyDistributionMessage(distribution)
    const known = this.#keys.findIndex((key) => key.id === keyId)
    const existing = this.#keys[known]
    // Told again, for example with a retry: ours reads everything the new one could, and what it skipped.
    if (existing?.signingKey.equals(signingKey) === true && existing.next <= iteration) return
    if (known >= 0) this.#keys.splice(known, 1)
    this.#keys.unshift({
      id: keyId,
      signingKey: Buffer.from(signingKey),
      chainKey: Buffer.from(chainKey),
      next: iteration,
      skipped: new Map(),
    })
    this.#keys.length = Math.min(this.#keys.length, maxKeys)
  }

  /** @throws SignalError `no_sender_key`, `bad_signature`, `duplicate`, `too_far_ahead`, `malformed` */
  decrypt(bytes: Uint8Array): Buffer {
    if (bytes.length <= 1 + signatureLength)
      throw new SignalError('malformed', 'Too short for a group message')
    const { keyId, iteration, ciphertext } = decodeSenderKeyMessage(bytes.subarray(0, -signatureLength))
    const key = this.#keys.find((key) => key.id === keyId)
    if (key === undefined)
      throw new SignalError('no_sender_key', `The sender has not told us its key ${keyId}`)
    if (!isSignedBy(key.signingKey, bytes)) {
      throw new SignalError('bad_signature', 'The group message was not signed by its sender')
    }
    const { cipherKey, iv } = messageKeys(takeSeed(key, iteration))
    return decryptCbc(cipherKey, iv, ciphertext)
  }
}

/** Messages whose signature was found good → the key it is of. */
const verified = new WeakMap<Uint8Array, Buffer>()

/** Remembers the answer by the bytes' object: all members of a group are given the same, and checking is slow. */
function isSignedBy(signingKey: Buffer, bytes: Uint8Array): boolean {
  if (verified.get(bytes)?.equals(signingKey) === true) return true
  const isGood = verify(signingKey, bytes.subarray(0, -signatureLength), bytes.subarray(-signatureLength))
  if (isGood) verified.set(bytes, signingKey)
  return isGood
}

/** The seed of `iteration`, used up: the signature was checked before. */
function takeSeed(key: ReadingKey, iteration: number): Buffer {
  if (iteration < key.next) {
    const seed = key.skipped.get(iteration)
    if (seed === undefined) throw new SignalError('duplicate', `Group message ${iteration} was read before`)
    key.skipped.delete(iteration)
    return seed
  }
  if (iteration - key.next > maxSkipped) {
    throw new SignalError(
      'too_far_ahead',
      `${iteration - key.next} group messages before this one are missing`,
    )
  }
  let step = stepChain(key.chainKey)
  for (; key.next < iteration; key.next++) {
    key.skipped.set(key.next, step.seed)
    step = stepChain(step.next)
  }
  for (const oldest of key.skipped.keys()) {
    if (key.skipped.size <= maxSkipped) break
    key.skipped.delete(oldest)
  }
  key.chainKey = step.next
  key.next = iteration + 1
  return step.seed
}

function messageKeys(seed: Buffer): { iv: Buffer; cipherKey: Buffer } {
  const derived = hkdf(seed, { info: 'WhisperGroup', length: 48 })
  return { iv: derived.subarray(0, 16), cipherKey: derived.subarray(16) }
}
