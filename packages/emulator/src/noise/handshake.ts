import { createHash } from 'node:crypto'
import { proto } from '../baileys.ts'
import { hkdf, KeyPair } from '../signal/index.ts'
import type { ServerIdentity } from './certificates.ts'
import { CounterCipher } from './cipher.ts'
import { prologue } from './framing.ts'

/** Exactly 32 bytes, so it is the first hash as it stands (Noise specification §5.2). */
const protocolName = Buffer.from('Noise_XX_25519_AESGCM_SHA256\0\0\0\0')
const nothing = Buffer.alloc(0)

/** What the client said in its last message of the handshake. */
export interface ClientFinish {
  /** The client's Noise key, which names it from the pairing on. */
  clientKey: Buffer
  /** `ClientPayload`, encoded. */
  payload: Buffer
  /** For what comes from the client. */
  incoming: CounterCipher
  /** For what goes to it. */
  outgoing: CounterCipher
}

/**
 * The responder's side of Noise XX: `→ e`, `← e, ee, s, es`, `→ s, se`.
 *
 * @see https://noiseprotocol.org/noise.html; the certificate chain as payload and the protobuf envelope are WhatsApp's.
 */
export class Handshake {
  readonly #identity: ServerIdentity
  readonly #ephemeral = KeyPair.generate()
  #hash: Buffer = protocolName
  #salt: Buffer = protocolName
  #cipher = new CounterCipher(protocolName)

  constructor(identity: ServerIdentity) {
    this.#identity = identity
    this.#mixHash(prologue)
  }

  /**
   * Answers the client's hello (both encoded `HandshakeMessage`).
   *
   * @throws {Error} The hello is none.
   */
  answer(clientHello: Uint8Array): Uint8Array {
    const theirs = proto.HandshakeMessage.decode(clientHello).clientHello?.ephemeral
    if (theirs?.length !== 32) throw new Error('A client hello without an ephemeral key.')
    this.#mixHash(theirs)
    this.#mixHash(this.#ephemeral.publicKey)
    this.#mixKey(this.#ephemeral.agree(theirs))
    const encryptedStatic = this.#encrypt(this.#identity.key.publicKey)
    this.#mixKey(this.#identity.key.agree(theirs))
    const payload = this.#encrypt(this.#identity.certificates)
    return proto.HandshakeMessage.encode({
      serverHello: { ephemeral: this.#ephemeral.publicKey, static: encryptedStatic, payload },
    }).finish()
  }

  /**
   * Reads the client's last message.
   *
   * @throws {Error} It is malformed, or was not made for this handshake.
   */
  finish(clientFinish: Uint8Array): ClientFinish {
    const finish = proto.HandshakeMessage.decode(clientFinish).clientFinish
    if (!finish?.static || !finish.payload) throw new Error('A client finish without key or payload.')
    const clientKey = this.#decrypt(finish.static)
    this.#mixKey(this.#ephemeral.agree(clientKey))
    const payload = this.#decrypt(finish.payload)
    const keys = hkdf(nothing, { salt: this.#salt, info: '', length: 64 })
    return {
      clientKey,
      payload,
      incoming: new CounterCipher(keys.subarray(0, 32)),
      outgoing: new CounterCipher(keys.subarray(32)),
    }
  }

  #mixHash(bytes: Uint8Array): void {
    this.#hash = createHash('sha256').update(this.#hash).update(bytes).digest()
  }

  #mixKey(secret: Uint8Array): void {
    const keys = hkdf(secret, { salt: this.#salt, info: '', length: 64 })
    this.#salt = keys.subarray(0, 32)
    this.#cipher = new CounterCipher(keys.subarray(32))
  }

  #encrypt(plaintext: Uint8Array): Buffer {
    const ciphertext = this.#cipher.encrypt(plaintext, this.#hash)
    this.#mixHash(ciphertext)
    return ciphertext
  }

  #decrypt(ciphertext: Uint8Array): Buffer {
    const plaintext = this.#cipher.decrypt(ciphertext, this.#hash)
    this.#mixHash(ciphertext)
    return plaintext
  }
}
