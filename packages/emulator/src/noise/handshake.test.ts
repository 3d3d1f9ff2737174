import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import { proto } from '../baileys.ts'
import { hkdf, KeyPair, verify } from '../signal/index.ts'
import { certify } from './certificates.ts'
import { CounterCipher } from './cipher.ts'
import { prologue } from './framing.ts'
import { Handshake } from './handshake.ts'

const root = KeyPair.generate()
const key = KeyPair.generate()
const none = Buffer.alloc(0)
const now = 1_795_000_000
const identity = { key, certificates: certify(root, key, now) }

/** The initiator's side, written from the Noise specification and used by nothing else. */
class Initiator {
  readonly ephemeral = KeyPair.generate()
  readonly identity = KeyPair.generate()
  #hash: Buffer = Buffer.from('Noise_XX_25519_AESGCM_SHA256\0\0\0\0')
  #salt: Buffer = Buffer.from(this.#hash)
  #cipher = new CounterCipher(this.#salt)

  hello(): Uint8Array {
    this.#mixHash(prologue)
    this.#mixHash(this.ephemeral.publicKey)
    return proto.HandshakeMessage.encode({ clientHello: { ephemeral: this.ephemeral.publicKey } }).finish()
  }

  finish(serverHello: Uint8Array, payload: Buffer) {
    const hello = proto.HandshakeMessage.decode(serverHello).serverHello
    if (!hello?.ephemeral || !hello.static || !hello.payload) throw new Error('no server hello')
    this.#mixHash(hello.ephemeral)
    this.#mixKey(this.ephemeral.agree(hello.ephemeral))
    const serverKey = this.#decrypt(hello.static)
    this.#mixKey(this.ephemeral.agree(serverKey))
    const certificates = this.#decrypt(hello.payload)
    const encryptedStatic = this.#encrypt(this.identity.publicKey)
    this.#mixKey(this.identity.agree(hello.ephemeral))
    const clientFinish = { static: encryptedStatic, payload: this.#encrypt(payload) }
    const keys = hkdf(Buffer.alloc(0), { salt: this.#salt, info: '', length: 64 })
    return {
      message: proto.HandshakeMessage.encode({ clientFinish }).finish(),
      serverKey,
      certificates: proto.CertChain.decode(certificates),
      outgoing: new CounterCipher(keys.subarray(0, 32)),
      incoming: new CounterCipher(keys.subarray(32)),
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

test('both sides end with the same keys, and know each other', () => {
  const client = new Initiator()
  const server = new Handshake(identity)
  const answer = server.answer(client.hello())
  const theirs = client.finish(answer, Buffer.from('payload'))
  const ours = server.finish(theirs.message)

  expect(ours.payload.toString()).toBe('payload')
  expect(ours.clientKey).toEqual(client.identity.publicKey)
  expect(theirs.serverKey).toEqual(key.publicKey)
  expect(ours.incoming.decrypt(theirs.outgoing.encrypt(Buffer.from('one')))).toEqual(Buffer.from('one'))
  expect(ours.incoming.decrypt(theirs.outgoing.encrypt(Buffer.from('two')))).toEqual(Buffer.from('two'))
  expect(theirs.incoming.decrypt(ours.outgoing.encrypt(Buffer.from('three')))).toEqual(Buffer.from('three'))
})

test('the chain leads from the root to the server’s key', () => {
  const { leaf, intermediate } = proto.CertChain.decode(identity.certificates)
  const details = (of: typeof leaf) => proto.CertChain.NoiseCertificate.Details.decode(of?.details ?? none)
  const signedBy = (signer: Uint8Array, of: typeof leaf): boolean =>
    verify(signer, of?.details ?? none, of?.signature ?? none)

  expect(signedBy(root.publicKey, intermediate)).toBe(true)
  expect(signedBy(details(intermediate).key ?? none, leaf)).toBe(true)
  expect(Buffer.from(details(leaf).key ?? none)).toEqual(key.publicKey)
  expect(details(intermediate).issuerSerial).toBe(0)
  expect(details(leaf).issuerSerial).toBe(details(intermediate).serial)
  expect(Number(details(leaf).notBefore)).toBeLessThan(now)
})

test('a damaged finish is refused', () => {
  const client = new Initiator()
  const server = new Handshake(identity)
  const { message } = client.finish(server.answer(client.hello()), Buffer.from('payload'))
  const damaged = Buffer.from(message)
  damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1
  expect(() => server.finish(damaged)).toThrow('authenticate')
})

test('what is no hello is refused', () => {
  expect(() => new Handshake(identity).answer(Buffer.alloc(0))).toThrow('ephemeral')
})

test('a skipped nonce makes the next frame unreadable for whoever did not skip it', () => {
  const secret = Buffer.alloc(32, 1)
  const [one, other] = [new CounterCipher(secret), new CounterCipher(secret)]
  one.skip()
  expect(() => other.decrypt(one.encrypt(Buffer.from('late')))).toThrow('authenticate')
})
