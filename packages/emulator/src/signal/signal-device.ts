import { randomInt } from 'node:crypto'

import type { KeyBundle } from '../line.ts'
import { KeyPair, withType } from './curve.ts'
import { OwnSenderKey, SenderKeyReader } from './sender-key.ts'
import { Session } from './session.ts'
import { SignalError } from './signal-error.ts'
import { decodePreKeySignalMessage, encodePreKeySignalMessage } from './wire.ts'

/** How a 1:1 ciphertext names itself in `<enc type>`: `pkmsg` carries the start of a session as well. */
export type CiphertextType = 'pkmsg' | 'msg'

/** Sessions kept for one device, as many as libsignal keeps. */
const maxSessions = 40
/** One-time pre-keys handed out and not yet used; the oldest are forgotten beyond this. */
const maxPreKeys = 2000

/**
 * The Signal side of one device: its keys, its sessions with other devices, its sender keys.
 * Other devices go by an address of the caller's choosing; one device must always have the same one
 * (the LID form, for WhatsApp). Everything happens in memory and at once: a step that throws has changed nothing.
 *
 * Keys are made when first needed, so a device that never speaks costs nothing.
 */
export class SignalDevice {
  #identity: KeyPair | undefined
  /** 14 bits, as WhatsApp's are. */
  readonly registrationId = randomInt(1, 0x3fff)
  #signedPreKey: { id: number; pair: KeyPair; signature: Buffer } | undefined
  readonly #preKeys = new Map<number, KeyPair>()
  #nextPreKeyId = 1
  /** By address; the one written to first, then those that can still read what is under way. */
  readonly #sessions = new Map<string, readonly Session[]>()
  readonly #ownSenderKeys = new Map<string, OwnSenderKey>()
  /** Group → sender's address → keys. */
  readonly #senderKeys = new Map<string, Map<string, SenderKeyReader>>()

  /** @param identity of the account's first device it is the account's own key; made when left out */
  constructor(identity?: KeyPair) {
    this.#identity = identity
  }

  get identity(): KeyPair {
    return (this.#identity ??= KeyPair.generate())
  }

  /** A bundle to give to one device, with a one-time pre-key of its own unless `oneTime` is false. */
  bundle({ oneTime = true } = {}): KeyBundle {
    const { id, pair, signature } = this.#signed()
    const preKey = oneTime ? this.#makePreKey() : undefined
    return {
      registrationId: this.registrationId,
      identityKey: this.identity.publicKey,
      signedPreKey: { id, publicKey: pair.publicKey, signature },
      ...(preKey === undefined ? {} : { preKey }),
    }
  }

  /** Whether {@link encrypt} can write to `address`. */
  hasSession(address: string): boolean {
    return this.#sessions.has(address)
  }

  /**
   * Starts a session from the device's bundle; the one in use until now can still read what is under way.
   * @throws SignalError `bad_signature`
   */
  startSession(address: string, bundle: KeyBundle): void {
    this.#promote(address, Session.start(this.identity, bundle))
  }

  /** Forgets everything agreed with others; its own keys stay. */
  forgetAll(): void {
    this.#sessions.clear()
    this.#senderKeys.clear()
    this.#ownSenderKeys.clear()
  }

  /** @throws SignalError `no_session` */
  encrypt(address: string, plaintext: Uint8Array): { type: CiphertextType; ciphertext: Buffer } {
    const session = this.#sessions.get(address)?.[0]
    if (session === undefined) throw new SignalError('no_session', `No session with ${address}`)
    const message = session.encrypt(plaintext)
    if (session.pending === undefined) return { type: 'msg', ciphertext: message }
    return {
      type: 'pkmsg',
      ciphertext: encodePreKeySignalMessage({
        ...session.pending,
        registrationId: this.registrationId,
        baseKey: session.baseKey,
        identityKey: withType(this.identity.publicKey),
        message,
      }),
    }
  }

  /**
   * The session that read the message is the one written to from now on, so two sides that started
   * at once soon agree on one.
   * @throws SignalError
   */
  decrypt(address: string, type: CiphertextType, ciphertext: Uint8Array): Buffer {
    return type === 'pkmsg'
      ? this.#decryptFirst(address, ciphertext)
      : this.#decryptLater(address, ciphertext)
  }

  /** What other members need to read what {@link encryptGroup} writes from now on. */
  senderKeyDistribution(group: string): Buffer {
    return this.#ownSenderKey(group).distribution()
  }

  encryptGroup(group: string, plaintext: Uint8Array): Buffer {
    return this.#ownSenderKey(group).encrypt(plaintext)
  }

  /** The next group message is written with a new key, which nobody has yet: for when a member left. */
  renewSenderKey(group: string): void {
    this.#ownSenderKeys.delete(group)
  }

  /** @throws SignalError `malformed` */
  learnSenderKey(group: string, sender: string, distribution: Uint8Array): void {
    const senders = this.#senderKeys.get(group) ?? new Map<string, SenderKeyReader>()
    const reader = senders.get(sender) ?? new SenderKeyReader()
    reader.learn(distribution)
    senders.set(sender, reader)
    this.#senderKeys.set(group, senders)
  }

  /** @throws SignalError */
  decryptGroup(group: string, sender: string, ciphertext: Uint8Array): Buffer {
    const reader = this.#senderKeys.get(group)?.get(sender)
    if (reader === undefined)
      throw new SignalError('no_sender_key', `${sender} has not told us its key for ${group}`)
    return reader.decrypt(ciphertext)
  }

  #decryptFirst(address: string, ciphertext: Uint8Array): Buffer {
    const first = decodePreKeySignalMessage(ciphertext)
    const known = this.#sessions.get(address)?.find((session) => session.baseKey.equals(first.baseKey))
    const session = known ?? this.#accept(first)
    const plaintext = session.decrypt(first.message)
    if (known === undefined && first.preKeyId !== undefined) this.#preKeys.delete(first.preKeyId)
    this.#promote(address, session)
    return plaintext
  }

  #accept(first: ReturnType<typeof decodePreKeySignalMessage>): Session {
    const signed = this.#signed()
    if (first.signedPreKeyId !== signed.id) {
      throw new SignalError('no_pre_key', `There is no signed pre-key ${first.signedPreKeyId}`)
    }
    const preKey = first.preKeyId === undefined ? undefined : this.#preKeys.get(first.preKeyId)
    if (first.preKeyId !== undefined && preKey === undefined) {
      throw new SignalError('no_pre_key', `There is no one-time pre-key ${first.preKeyId} (any more)`)
    }
    try {
      return Session.accept({ identity: this.identity, signedPreKey: signed.pair, preKey }, first)
    } catch (cause) {
      throw new SignalError('malformed', 'A key in the message is not a Curve25519 public key', { cause })
    }
  }

  #decryptLater(address: string, ciphertext: Uint8Array): Buffer {
    const sessions = this.#sessions.get(address)
    if (sessions === undefined) throw new SignalError('no_session', `No session with ${address}`)
    const owner = sessions.find((session) => session.mayOwn(ciphertext))
    let failure: unknown
    for (const session of owner === undefined ? sessions : [owner]) {
      try {
        const plaintext = session.decrypt(ciphertext)
        this.#promote(address, session)
        return plaintext
      } catch (error) {
        failure ??= error
      }
    }
    throw failure
  }

  #promote(address: string, session: Session): void {
    const sessions = this.#sessions.get(address) ?? []
    if (sessions[0] === session) return
    const others = sessions.filter((other) => other !== session)
    this.#sessions.set(address, [session, ...others.slice(0, maxSessions - 1)])
  }

  #signed(): { id: number; pair: KeyPair; signature: Buffer } {
    if (this.#signedPreKey === undefined) {
      const pair = KeyPair.generate()
      this.#signedPreKey = { id: 1, pair, signature: this.identity.sign(withType(pair.publicKey)) }
    }
    return this.#signedPreKey
  }

  #makePreKey(): { id: number; publicKey: Buffer } {
    const id = this.#nextPreKeyId
    this.#nextPreKeyId = (id % 0xff_ff_fe) + 1 // WhatsApp's ids have three bytes
    const pair = KeyPair.generate()
    this.#preKeys.set(id, pair)
    for (const oldest of this.#preKeys.keys()) {
      if (this.#preKeys.size <= maxPreKeys) break
      this.#preKeys.delete(oldest)
    }
    return { id, publicKey: pair.publicKey }
  }

  #ownSenderKey(group: string): OwnSenderKey {
    let key = this.#ownSenderKeys.get(group)
    if (key === undefined) {
      key = new OwnSenderKey()
      this.#ownSenderKeys.set(group, key)
    }
    return key
  }
}
