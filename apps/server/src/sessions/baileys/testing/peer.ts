import type { OutgoingDevice, SessionRecord, SignalKeyPair, SignalStorage } from '../signal/libsignal.ts'
import { libsignal } from '../signal/libsignal.ts'
import { packSessionRecord, unpackSessionRecord } from '../signal/session-codec.ts'
import {
  Curve,
  encodeWAMessage,
  generateSignalPubKey,
  proto,
  signedKeyPair,
  unpadRandomMax16,
} from '../baileys.ts'

/** Somebody else's device, on libsignal as published: what our repository talks to in its tests. */
export class Peer {
  readonly identity = Curve.generateKeyPair()
  readonly #signed = signedKeyPair(this.identity, 1)
  readonly #preKey = Curve.generateKeyPair()
  #session: Uint8Array | undefined

  readonly #storage: SignalStorage = {
    loadSession: async () => this.#session && unpackSessionRecord(this.#session),
    storeSession: async (_address, record: SessionRecord) => {
      this.#session = packSessionRecord(record, new Set())
    },
    isTrustedIdentity: () => true,
    loadPreKey: async () => asPair(this.#preKey),
    removePreKey: () => {},
    loadSignedPreKey: () => asPair(this.#signed.keyPair),
    getOurRegistrationId: () => 1234,
    getOurIdentity: () => asPair(this.identity),
  }

  /** Begins a session with the device of these keys; the next ciphertext is a pkmsg. */
  async begin(device: OutgoingDevice): Promise<void> {
    await new libsignal.SessionBuilder(this.#storage, new libsignal.ProtocolAddress('us', 1)).initOutgoing(
      device,
    )
  }

  /** Our keys for others to begin a session with. */
  bundle(): OutgoingDevice {
    return {
      registrationId: 1234,
      identityKey: generateSignalPubKey(this.identity.public),
      signedPreKey: {
        keyId: this.#signed.keyId,
        publicKey: generateSignalPubKey(this.#signed.keyPair.public),
        signature: this.#signed.signature,
      },
      preKey: { keyId: 1, publicKey: generateSignalPubKey(this.#preKey.public) },
    }
  }

  async encrypt(text: string): Promise<{ type: 'pkmsg' | 'msg'; ciphertext: Buffer }> {
    const { type, body } = await this.#cipher().encrypt(encodeWAMessage({ conversation: text }))
    return { type: type === 3 ? 'pkmsg' : 'msg', ciphertext: body }
  }

  async decrypt({ type, ciphertext }: { type: string; ciphertext: Uint8Array }): Promise<string> {
    const data = Buffer.from(ciphertext)
    const padded =
      type === 'pkmsg'
        ? await this.#cipher().decryptPreKeyWhisperMessage(data)
        : await this.#cipher().decryptWhisperMessage(data)
    return proto.Message.decode(unpadRandomMax16(padded)).conversation ?? ''
  }

  /** Its Signal session with us, packed. */
  get stored(): Uint8Array | undefined {
    return this.#session
  }

  /** Loses its Signal session, as a reinstalled phone does. */
  forget(): void {
    this.#session = undefined
  }

  #cipher() {
    return new libsignal.SessionCipher(this.#storage, new libsignal.ProtocolAddress('us', 1))
  }
}

function asPair({
  public: publicKey,
  private: privateKey,
}: {
  public: Uint8Array
  private: Uint8Array
}): SignalKeyPair {
  return { pubKey: Buffer.from(generateSignalPubKey(publicKey)), privKey: Buffer.from(privateKey) }
}
