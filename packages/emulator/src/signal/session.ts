import { timingSafeEqual } from 'node:crypto'

import type { KeyBundle } from '../line.ts'
import { KeyPair, verify, withType } from './curve.ts'
import { decryptCbc, encryptCbc, hkdf, hmacSha256, stepChain } from './kdf.ts'
import { SignalError } from './signal-error.ts'
import { decodeSignalMessage, encodeSignalMessage, versionByte, withoutVersion } from './wire.ts'

/** Goes with every message until the other side has answered once. */
export interface PendingPreKey {
  preKeyId: number | undefined
  signedPreKeyId: number
}

/** The chain of one ratchet key of the other side. */
interface ReceivingChain {
  /** 33 bytes. */
  readonly ratchetKey: Buffer
  chainKey: Buffer
  /** Counter of the first message whose seed has not been derived yet. */
  next: number
  /** Seeds of messages that later ones overtook, by counter. */
  readonly skipped: Map<number, Buffer>
}

interface SendingChain {
  chainKey: Buffer
  /** Counter of the next message. */
  next: number
}

const macLength = 8
const maxSkipped = 2000
/** As many as libsignal keeps: messages older than five turns of the ratchet cannot be read. */
const maxReceivingChains = 5

/**
 * One Signal session: X3DH, then the double ratchet, version 3
 * (signal.org/docs/specifications/x3dh, /doubleratchet; the labels and the MAC's input are libsignal's).
 * A message that fails to decrypt leaves the session as it was.
 */
export class Session {
  /** 33 bytes; both sides know the session by it. Chosen by the side that started. */
  readonly baseKey: Buffer
  /** 33 bytes. */
  readonly remoteIdentity: Buffer
  readonly #localIdentity: Buffer
  /** Present while the other side may not have heard of this session. */
  pending: PendingPreKey | undefined

  #rootKey: Buffer
  /** The pair the other side's next ratchet key will be agreed with. */
  #ratchet: KeyPair
  /** Absent after the other side turned the ratchet, until we write again. */
  #sending: SendingChain | undefined
  #previousCounter = 0
  /** Newest first. */
  readonly #receiving: ReceivingChain[] = []

  private constructor(
    agreed: { baseKey: Buffer; secret: Buffer },
    identities: { local: KeyPair; remote: Uint8Array },
    ratchet: KeyPair,
  ) {
    this.baseKey = agreed.baseKey
    this.remoteIdentity = withType(identities.remote)
    this.#localIdentity = withType(identities.local.publicKey)
    this.#rootKey = hkdf(agreed.secret, { info: 'WhisperText', length: 64 }).subarray(0, 32)
    this.#ratchet = ratchet
  }

  /**
   * Starts a session with the device that published `bundle`.
   * @throws SignalError `bad_signature` if the bundle's signed pre-key is not its owner's
   */
  static start(local: KeyPair, bundle: KeyBundle): Session {
    const { signedPreKey, preKey } = bundle
    if (!verify(bundle.identityKey, withType(signedPreKey.publicKey), signedPreKey.signature)) {
      throw new SignalError(
        'bad_signature',
        'The signed pre-key of this bundle was not signed by its identity',
      )
    }
    const base = KeyPair.generate()
    const secret = Buffer.concat([
      discontinuity,
      local.agree(signedPreKey.publicKey),
      base.agree(bundle.identityKey),
      base.agree(signedPreKey.publicKey),
      ...(preKey === undefined ? [] : [base.agree(preKey.publicKey)]),
    ])
    const ratchet = KeyPair.generate()
    const agreed = { baseKey: withType(base.publicKey), secret }
    const session = new Session(agreed, { local, remote: bundle.identityKey }, ratchet)
    session.#sending = session.#turnSending(signedPreKey.publicKey)
    session.pending = { preKeyId: preKey?.id, signedPreKeyId: signedPreKey.id }
    return session
  }

  /** The session another device started with a bundle of ours; its first message is still to be decrypted. */
  static accept(
    ours: { identity: KeyPair; signedPreKey: KeyPair; preKey: KeyPair | undefined },
    theirs: { identityKey: Uint8Array; baseKey: Uint8Array },
  ): Session {
    const { identity, signedPreKey, preKey } = ours
    const secret = Buffer.concat([
      discontinuity,
      signedPreKey.agree(theirs.identityKey),
      identity.agree(theirs.baseKey),
      signedPreKey.agree(theirs.baseKey),
      ...(preKey === undefined ? [] : [preKey.agree(theirs.baseKey)]),
    ])
    const agreed = { baseKey: withType(theirs.baseKey), secret }
    return new Session(agreed, { local: identity, remote: theirs.identityKey }, signedPreKey)
  }

  /** A SignalMessage with version and MAC. */
  encrypt(plaintext: Uint8Array): Buffer {
    const sending = (this.#sending ??= this.#answer())
    const { seed, next } = stepChain(sending.chainKey)
    const keys = messageKeys(seed)
    const body = encodeSignalMessage({
      ratchetKey: withType(this.#ratchet.publicKey),
      counter: sending.next,
      previousCounter: this.#previousCounter,
      ciphertext: encryptCbc(keys.cipherKey, keys.iv, plaintext),
    })
    sending.chainKey = next
    sending.next++
    const mac = hmacSha256(keys.macKey, this.#localIdentity, this.remoteIdentity, version, body)
    return Buffer.concat([version, body, mac.subarray(0, macLength)])
  }

  /**
   * @throws SignalError `bad_mac` if the message is not of this session, `duplicate` if it was read
   * before, `too_far_ahead`, `malformed`
   */
  decrypt(bytes: Uint8Array): Buffer {
    if (bytes.length <= 1 + macLength) throw new SignalError('malformed', 'Too short for a Signal message')
    const authenticated = bytes.subarray(0, -macLength)
    const message = decodeSignalMessage(withoutVersion(authenticated))
    const known = this.#chainOf(message.ratchetKey)
    const turn = known === undefined ? this.#turnReceiving(message.ratchetKey) : undefined
    const chain = known ?? turn?.chain
    if (chain === undefined) throw new SignalError('bad_mac', 'The message is of no turn of this session')

    const step = seedOf(chain, message.counter)
    const keys = messageKeys(step.seed)
    const mac = hmacSha256(keys.macKey, this.remoteIdentity, this.#localIdentity, authenticated)
    if (!timingSafeEqual(mac.subarray(0, macLength), bytes.subarray(-macLength))) {
      throw new SignalError('bad_mac', 'The message does not authenticate in this session')
    }
    const plaintext = decryptCbc(keys.cipherKey, keys.iv, message.ciphertext)

    // Only now, knowing that the message is genuine, does anything change.
    if (turn !== undefined) {
      this.#rootKey = turn.rootKey
      this.#previousCounter = Math.max((this.#sending?.next ?? 0) - 1, 0)
      this.#sending = undefined
      this.#receiving.unshift(turn.chain)
      this.#receiving.length = Math.min(this.#receiving.length, maxReceivingChains)
    }
    step.commit()
    this.pending = undefined
    return plaintext
  }

  /** Whether the ratchet key in `bytes` has been seen here: then no other session can be meant. */
  mayOwn(bytes: Uint8Array): boolean {
    try {
      const { ratchetKey } = decodeSignalMessage(withoutVersion(bytes.subarray(0, -macLength)))
      return this.#chainOf(ratchetKey) !== undefined
    } catch {
      return false
    }
  }

  #chainOf(ratchetKey: Uint8Array): ReceivingChain | undefined {
    return this.#receiving.find((chain) => chain.ratchetKey.equals(ratchetKey))
  }

  /** Turns the ratchet in answer to the other side's newest key. */
  #answer(): SendingChain {
    const newest = this.#receiving[0]
    if (newest === undefined) throw new Error('An accepted session reads before it writes')
    this.#ratchet = KeyPair.generate()
    return this.#turnSending(newest.ratchetKey)
  }

  #turnSending(theirs: Uint8Array): SendingChain {
    const { rootKey, chainKey } = turnRoot(this.#rootKey, this.#ratchet.agree(theirs))
    this.#rootKey = rootKey
    return { chainKey, next: 0 }
  }

  /** What the root key and the newest receiving chain become if `ratchetKey` is genuine. */
  #turnReceiving(ratchetKey: Uint8Array): { rootKey: Buffer; chain: ReceivingChain } | undefined {
    // Nobody answers a ratchet key we have not sent yet.
    if (this.#sending === undefined && this.#receiving.length > 0) return undefined
    let shared: Buffer
    try {
      shared = this.#ratchet.agree(ratchetKey)
    } catch (cause) {
      throw new SignalError('malformed', 'The ratchet key is not a Curve25519 public key', { cause })
    }
    const { rootKey, chainKey } = turnRoot(this.#rootKey, shared)
    return { rootKey, chain: { ratchetKey: withType(ratchetKey), chainKey, next: 0, skipped: new Map() } }
  }
}

const version = Buffer.from([versionByte])

/** X3DH's first 32 bytes, which keep its input apart from any curve point. */
const discontinuity = Buffer.alloc(32, 0xff)

function turnRoot(rootKey: Buffer, shared: Buffer): { rootKey: Buffer; chainKey: Buffer } {
  const derived = hkdf(shared, { salt: rootKey, info: 'WhisperRatchet', length: 64 })
  return { rootKey: derived.subarray(0, 32), chainKey: derived.subarray(32) }
}

function messageKeys(seed: Buffer): { cipherKey: Buffer; macKey: Buffer; iv: Buffer } {
  const derived = hkdf(seed, { info: 'WhisperMessageKeys', length: 80 })
  return { cipherKey: derived.subarray(0, 32), macKey: derived.subarray(32, 64), iv: derived.subarray(64) }
}

/** The seed of message `counter` of `chain`, and what to do to the chain once the message proved genuine. */
function seedOf(chain: ReceivingChain, counter: number): { seed: Buffer; commit: () => void } {
  if (counter < chain.next) {
    const seed = chain.skipped.get(counter)
    if (seed === undefined) throw new SignalError('duplicate', `Message ${counter} was read before`)
    return { seed, commit: () => chain.skipped.delete(counter) }
  }
  if (counter - chain.next > maxSkipped) {
    throw new SignalError('too_far_ahead', `${counter - chain.next} messages before this one are missing`)
  }
  const overtaken: Buffer[] = []
  let step = stepChain(chain.chainKey)
  for (let at = chain.next; at < counter; at++) {
    overtaken.push(step.seed)
    step = stepChain(step.next)
  }
  const { seed, next } = step
  return {
    seed,
    commit: () => {
      for (const [index, skipped] of overtaken.entries()) chain.skipped.set(chain.next + index, skipped)
      for (const counter of chain.skipped.keys()) {
        if (chain.skipped.size <= maxSkipped) break
        chain.skipped.delete(counter)
      }
      chain.chainKey = next
      chain.next = counter + 1
    },
  }
}
