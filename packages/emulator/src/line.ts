import type { BinaryNode } from './baileys.ts'
import type { Clock } from './clock.ts'
import type { MediaHost } from './media/index.ts'
import type { Business } from './server/profile.ts'
import type { Truth } from './truth.ts'

/**
 * The line between the server and a simulated phone, the boundary of this package's two halves.
 *
 * The server keeps accounts: number, LID, linked devices, queues, groups. A phone keeps keys and acts: it
 * encrypts, decrypts, scans, answers. They talk in stanzas, exactly those a socket would carry, so that a
 * simulated device and a linked client are routed by the same code; only what would be tedious as stanzas
 * (publishing keys, asking for devices) is a method. Everything is called synchronously, in order.
 */

/** The public keys from which somebody else starts a Signal session with a device. Keys are bare 32 bytes, without the type byte 05. */
export interface KeyBundle {
  registrationId: number
  identityKey: Uint8Array
  signedPreKey: { id: number; publicKey: Uint8Array; signature: Uint8Array }
  /** One-time pre-key; absent once a device has run out. */
  preKey?: { id: number; publicKey: Uint8Array }
}

/** An account's two addresses, without a device part. */
export interface Addresses {
  /** E.164 with the plus, `+12025550123`. */
  number: string
  /** `12025550123@s.whatsapp.net` */
  pn: string
  /** `198765432101234@lid` */
  lid: string
}

/** A client linked to an account over a socket. */
export interface Companion {
  /** Device number within the account, 1 and up. Also its key index. */
  device: number
  /** `12025550123:1@s.whatsapp.net` */
  pn: string
  /** `198765432101234:1@lid` */
  lid: string
  /** What it calls itself (`DeviceProps.os`). */
  platform: string
  /** It asked for the history of years when it was linked (`DeviceProps.requireFullSync`). */
  wantsFullHistory: boolean
  online: boolean
}

/** A companion that showed a QR code or asked for a pairing code, and waits for the phone's signature. */
export interface Pairing {
  /** The device number that was set aside for it. Goes into `ADVDeviceIdentity.keyIndex` too. */
  device: number
  /** From the companion's registration, 32 bytes. */
  identityKey: Uint8Array
  platform: string
  /**
   * Sends `pair-success` with this `ADVSignedDeviceIdentityHMAC` (encoded) and waits until the companion has
   * signed in turn. The server restarts its connection (515) afterwards.
   *
   * @throws {PairingError} The companion refused the signature, or went away.
   */
  finish(deviceIdentity: Uint8Array): Promise<Companion>
}

/** A companion asked to be linked by a code typed on the phone (`companion_hello`). */
export interface CodePairing {
  ref: string
  /** Salt (32), IV (16), AES-256-CTR of the companion's ephemeral key (32) under the code. */
  wrappedCompanionEphemeral: Uint8Array
  /** The companion's Noise static key. */
  companionAuthKey: Uint8Array
  /** What the phone shows, `Chrome (Mac OS)`. */
  platform: string
  /**
   * Sends the phone's answer (`primary_hello`), resolves with the companion's (`companion_finish`).
   *
   * @throws {PairingError} The companion went away before answering.
   */
  primaryHello(wrappedPrimaryEphemeral: Uint8Array, primaryIdentity: Uint8Array): Promise<CompanionFinish>
  /** The last step, the same as after a QR code. */
  pairing(): Pairing
}

export interface CompanionFinish {
  /** Salt (32), IV (12), AES-256-GCM of companion identity, primary identity and 32 random bytes. */
  wrappedKeyBundle: Uint8Array
  companionIdentity: Uint8Array
}

/** Why a link did not come about. */
export type PairingRefusal =
  | 'unknown_ref' // the server never gave out this ref, or it was used
  | 'expired_ref' // the companion shows another one by now, or is gone
  | 'too_many_devices' // four companions already
  | 'companion_gone' // its connection ended before it had signed
  | 'no_request' // no companion asked this number for a code

export class PairingError extends Error {
  override readonly name = 'PairingError'
  readonly refusal: PairingRefusal
  constructor(refusal: PairingRefusal) {
    super(`The device could not be linked: ${refusal.replaceAll('_', ' ')}.`)
    this.refusal = refusal
  }
}

export interface Group {
  /** `120363…@g.us` */
  jid: string
  subject: string
  /** How members are named in it. */
  addressing: 'lid' | 'pn'
  /** The one for announcements of its community. */
  isAnnouncement: boolean
  creator: Addresses
  /** Unix seconds. */
  createdAt: number
  participants: readonly Participant[]
}

export interface Participant extends Addresses {
  admin?: 'admin' | 'superadmin'
}

/** What an account shows of itself, changed on its phone: those who look at it are told, and its linked clients. */
export interface ProfileLine {
  /** A JPEG; undefined takes the picture away. */
  picture(jpeg: Uint8Array | undefined): void
  /** Of a group it is in. @throws {RangeError} There is none. */
  groupPicture(group: string, jpeg: Uint8Array | undefined): void
  about(text: string): void
  /** A category and its value, as WhatsApp names them: `profile` `none`. */
  privacy(category: string, value: string): void
  block(address: string, isBlocked: boolean): void
  /** Makes it a business with a shop, or no longer one. */
  business(business: Business | undefined): void
}

/** What the server offers a phone. */
export interface Line extends Addresses {
  readonly clock: Clock
  readonly truth: Truth
  readonly profile: ProfileLine
  /** Where files lie. */
  readonly media: MediaHost

  /**
   * Hands the server a stanza of one of the phone's own devices: `<message id to type>` with `participants`
   * (and `skmsg` for a group), `<receipt>`, `<presence>`, `<chatstate>`, `<call>`, `<ack>`. The server adds
   * sender and time, and routes; it does not answer simulated devices.
   */
  send(device: number, stanza: BinaryNode): void
  /** Takes a device number for another simulated device of this account (a contact's own WhatsApp Web). */
  addDevice(): number

  /** Sends one of the account's linked clients a `<notification>` of its phone's. */
  notify(device: number, attrs: BinaryNode['attrs'], content: BinaryNode[]): void

  /** What the QR code's ref leads to. @throws {PairingError} */
  pairing(ref: string): Pairing
  /** Unlinks a companion: `device_removed` now, 401 from then on. */
  unlink(device: number): void
  companions(): readonly Companion[]

  /** Any account, made on first mention. Takes a number, a PN or a LID, with or without device. Undefined when it is no address of an account. */
  account(address: string): Addresses | undefined
  /** The device JIDs of an account, phone first, in the form (PN or LID) that was asked. Empty when unregistered. */
  devices(address: string): readonly string[]
  /** Keys of a device; takes one of its one-time keys, as a `<key>` query does. Undefined for an unknown device. */
  bundle(deviceJid: string): KeyBundle | undefined
  group(jid: string): Group | undefined

  /** Appends a `SyncdPatch` (encoded) to one of the account's app-state collections and tells its companions. Returns the new version. */
  appendAppState(collection: string, patch: Uint8Array): number
  appStateVersion(collection: string): number
}

/** What a phone offers the server. Built by a {@link PhoneFactory} when its account is first needed. */
export interface SimulatedPhone {
  /** Shown to others as `notify` on its messages. */
  readonly pushName: string
  /** Its own devices: 0, then those from {@link Line.addDevice}. */
  readonly devices: readonly number[]
  /** Fresh keys of one of them: a new one-time key each time. */
  bundle(device: number): KeyBundle
  /**
   * Takes a stanza for one of its devices, `<message from id t …><enc/></message>` and the like. To be
   * acknowledged as a client would, with `<receipt>` through {@link Line.send}.
   */
  receive(device: number, stanza: BinaryNode): void
  /** A companion has logged in and asked for messages. The first time, the phone sends its key share and history (`category="peer"`). */
  companionOnline(companion: Companion, first: boolean): void
  /** A companion wrote a `SyncdPatch` to a collection (archived a chat, say). */
  appStatePatched(collection: string, patch: Uint8Array): void
  /** All that is set in a collection (`SyncdSnapshot`, encoded), as the phone would have uploaded it. */
  appStateSnapshot(collection: string): Uint8Array
  codeRequested(request: CodePairing): void
}

export type PhoneFactory<Phone extends SimulatedPhone = SimulatedPhone> = (line: Line) => Phone
