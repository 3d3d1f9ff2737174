import { proto } from '../baileys.ts'
import { hmacSha256, type KeyPair } from '../signal/index.ts'

// ADV, "account device verification": how a phone vouches for a linked device, so that the server cannot
// slip one in. Source: Baileys `Utils/validate-connection.js` (configureSuccessfulPairing) and
// `Defaults/index.js` for the prefixes, docs/protocol/pairing.md.

const accountSignaturePrefix = Buffer.from([6, 0])
const deviceSignaturePrefix = Buffer.from([6, 1])

export interface DeviceToLink {
  /** Number of the device, also its key index. */
  device: number
  /** The device's identity key, 32 bytes. */
  identityKey: Uint8Array
}

/** What the phone signs for a device: `ADVSignedDeviceIdentity`, encoded. `at` is in Unix seconds. */
export function signDevice(account: KeyPair, rawId: number, to: DeviceToLink, at: number): Uint8Array {
  const details = proto.ADVDeviceIdentity.encode({ rawId, timestamp: at, keyIndex: to.device }).finish()
  return proto.ADVSignedDeviceIdentity.encode({
    details,
    accountSignatureKey: account.publicKey,
    accountSignature: account.sign(Buffer.concat([accountSignaturePrefix, details, to.identityKey])),
  }).finish()
}

/**
 * That, with the proof that it comes from whoever saw the QR code or knew the pairing code:
 * `ADVSignedDeviceIdentityHMAC`, encoded.
 */
export function sealDeviceIdentity(signed: Uint8Array, advSecret: Uint8Array): Uint8Array {
  return proto.ADVSignedDeviceIdentityHMAC.encode({
    details: signed,
    hmac: hmacSha256(advSecret, signed),
  }).finish()
}

/** What a device shows with a `pkmsg`, to prove that its account vouches for it: signed by the phone and by itself. */
export function ownDeviceIdentity(signed: Uint8Array, device: KeyPair): Uint8Array {
  const identity = proto.ADVSignedDeviceIdentity.decode(signed)
  const { details, accountSignatureKey } = identity
  identity.deviceSignature = device.sign(
    Buffer.concat([
      deviceSignaturePrefix,
      details ?? noBytes,
      device.publicKey,
      accountSignatureKey ?? noBytes,
    ]),
  )
  return proto.ADVSignedDeviceIdentity.encode(identity).finish()
}
const noBytes = Buffer.alloc(0)
