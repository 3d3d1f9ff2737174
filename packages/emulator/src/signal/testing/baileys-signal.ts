import { makeLibSignalRepository } from 'baileys/lib/Signal/libsignal.js'
import type { SignalDataSet, SignalDataTypeMap, SignalKeyStore } from 'baileys/lib/Types/index.js'
import { addTransactionCapability, initAuthCreds } from 'baileys/lib/Utils/auth-utils.js'
import { Curve } from 'baileys/lib/Utils/crypto.js'
import { BufferJSON } from 'baileys/lib/Utils/generics.js'

import type { KeyBundle } from '../../line.ts'
import type { CiphertextType } from '../signal-device.ts'

/**
 * A Signal device made of Baileys' own parts, libsignal underneath: the oracle our implementation is
 * compared with, in tests only.
 */
export class BaileysSignal {
  readonly #creds = initAuthCreds()
  readonly #keys = new Map<string, string>()
  readonly #repository: ReturnType<typeof makeLibSignalRepository>
  #nextPreKeyId = 1

  constructor() {
    const keys = addTransactionCapability(this.#store(), silent, {
      maxCommitRetries: 1,
      delayBetweenTriesMs: 1,
    })
    this.#repository = makeLibSignalRepository({ creds: this.#creds, keys }, silent)
  }

  async bundle({ oneTime = true } = {}): Promise<KeyBundle> {
    const { signedIdentityKey, signedPreKey, registrationId } = this.#creds
    const bundle: KeyBundle = {
      registrationId,
      identityKey: signedIdentityKey.public,
      signedPreKey: {
        id: signedPreKey.keyId,
        publicKey: signedPreKey.keyPair.public,
        signature: signedPreKey.signature,
      },
    }
    if (!oneTime) return bundle
    const pair = Curve.generateKeyPair()
    const id = this.#nextPreKeyId++
    this.#write({ 'pre-key': { [id]: pair } })
    return { ...bundle, preKey: { id, publicKey: pair.public } }
  }

  async startSession(jid: string, bundle: KeyBundle): Promise<void> {
    await this.#repository.injectE2ESession({
      jid,
      session: {
        registrationId: bundle.registrationId,
        identityKey: typed(bundle.identityKey),
        signedPreKey: {
          keyId: bundle.signedPreKey.id,
          publicKey: typed(bundle.signedPreKey.publicKey),
          signature: bundle.signedPreKey.signature,
        },
        ...(bundle.preKey === undefined
          ? {}
          : { preKey: { keyId: bundle.preKey.id, publicKey: typed(bundle.preKey.publicKey) } }),
      },
    })
  }

  async encrypt(jid: string, data: Uint8Array): Promise<{ type: CiphertextType; ciphertext: Uint8Array }> {
    return this.#repository.encryptMessage({ jid, data })
  }

  async decrypt(jid: string, type: CiphertextType, ciphertext: Uint8Array): Promise<Uint8Array> {
    return this.#repository.decryptMessage({ jid, type, ciphertext: Buffer.from(ciphertext) })
  }

  async encryptGroup(
    group: string,
    meId: string,
    data: Uint8Array,
  ): Promise<{ ciphertext: Uint8Array; distribution: Uint8Array }> {
    const { ciphertext, senderKeyDistributionMessage } = await this.#repository.encryptGroupMessage({
      group,
      meId,
      data,
    })
    return { ciphertext, distribution: senderKeyDistributionMessage }
  }

  async learnSenderKey(group: string, authorJid: string, distribution: Uint8Array): Promise<void> {
    await this.#repository.processSenderKeyDistributionMessage({
      authorJid,
      item: { groupId: group, axolotlSenderKeyDistributionMessage: distribution },
    })
  }

  async decryptGroup(group: string, authorJid: string, msg: Uint8Array): Promise<Uint8Array> {
    return this.#repository.decryptGroupMessage({ group, authorJid, msg: Buffer.from(msg) })
  }

  [Symbol.dispose](): void {
    this.#repository.close?.()
  }

  /** Copies in and out, as a store on disk would give. */
  #store(): SignalKeyStore {
    return {
      get: <T extends keyof SignalDataTypeMap>(type: T, ids: string[]) => {
        const found: { [id: string]: SignalDataTypeMap[T] } = {}
        for (const id of ids) {
          const value = this.#keys.get(`${type} ${id}`)
          if (value !== undefined) found[id] = JSON.parse(value, BufferJSON.reviver)
        }
        return found
      },
      set: (data) => this.#write(data),
    }
  }

  #write(data: SignalDataSet): void {
    for (const [type, entries] of Object.entries(data)) {
      for (const [id, value] of Object.entries(entries)) {
        if (value === null) this.#keys.delete(`${type} ${id}`)
        else this.#keys.set(`${type} ${id}`, JSON.stringify(value, BufferJSON.replacer))
      }
    }
  }
}

const silent = {
  level: 'silent',
  child: () => silent,
  trace() {},
  debug() {},
  info() {},
  warn() {},
  error() {},
}

function typed(key: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from([5]), key])
}
