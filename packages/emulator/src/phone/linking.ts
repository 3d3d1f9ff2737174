import { randomInt } from 'node:crypto'

import { type CodePairing, type Companion, type Line, type Pairing, PairingError } from '../line.ts'
import type { KeyPair } from '../signal/index.ts'
import { type DeviceToLink, sealDeviceIdentity, signDevice } from './adv.ts'
import { parseLinkingQr } from './linking-qr.ts'
import { exchangeCode, WrongCodeError } from './pairing-code.ts'

/** How long a person waits for the phone to say that a device wants to be linked. */
const codeRequestPatienceMs = 10_000

/** The phone's side of linking devices: the account's key, and what is signed with it. */
export class Linking {
  /** Names the account's list of devices, `ADVDeviceIdentity.rawId`. */
  readonly rawId = randomInt(2 ** 31)
  readonly #line: Line
  readonly #identity: () => KeyPair
  #codeRequest: CodePairing | undefined
  #codeRequested = Promise.withResolvers<void>()

  constructor(line: Line, identity: () => KeyPair) {
    this.#line = line
    this.#identity = identity
  }

  /** @throws {QrError | PairingError} */
  async scan(qrText: string): Promise<Companion> {
    const qr = parseLinkingQr(qrText)
    const pairing = this.#line.pairing(qr.ref)
    return this.#finish(pairing, qr.identityKey, qr.advSecret)
  }

  /** @throws {WrongCodeError | PairingError} */
  async enterCode(code: string): Promise<Companion> {
    const request = await this.#awaitRequest()
    try {
      const { advSecret, companionIdentity } = await exchangeCode(request, code, this.#identity())
      const companion = await this.#finish(request.pairing(), companionIdentity, advSecret)
      this.#forget(request)
      return companion
    } catch (error) {
      // A mistyped code may be typed again.
      if (!(error instanceof WrongCodeError)) this.#forget(request)
      throw error
    }
  }

  codeRequested(request: CodePairing): void {
    this.#codeRequest = request
    this.#codeRequested.resolve()
    this.#codeRequested = Promise.withResolvers()
  }

  /** The account's signature under a device: `ADVSignedDeviceIdentity`, encoded. */
  sign(device: DeviceToLink): Uint8Array {
    return signDevice(this.#identity(), this.rawId, device, Math.floor(this.#line.clock.now() / 1000))
  }

  /** @param identityKey - as the companion showed it: the server's word alone would not do */
  async #finish(pairing: Pairing, identityKey: Buffer, advSecret: Uint8Array): Promise<Companion> {
    if (!identityKey.equals(pairing.identityKey)) throw new PairingError('unknown_ref')
    return pairing.finish(sealDeviceIdentity(this.sign(pairing), advSecret))
  }

  #forget(request: CodePairing): void {
    if (this.#codeRequest === request) this.#codeRequest = undefined
  }

  async #awaitRequest(): Promise<CodePairing> {
    if (this.#codeRequest === undefined) {
      const patience = Promise.withResolvers<void>()
      using _timer = this.#line.clock.after(codeRequestPatienceMs, () => patience.resolve())
      await Promise.race([this.#codeRequested.promise, patience.promise])
    }
    if (this.#codeRequest === undefined) throw new PairingError('no_request')
    return this.#codeRequest
  }
}
