import { createCipheriv, createDecipheriv, createSecretKey, pbkdf2, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'

import type { CodePairing } from '../line.ts'
import { hkdf, KeyPair } from '../signal/index.ts'

/** The code that was typed is not the one the companion shows. */
export class WrongCodeError extends Error {
  override readonly name = 'WrongCodeError'
  constructor(options?: ErrorOptions) {
    super('The device could not be linked: this is not the code it shows.', options)
  }
}

/**
 * The phone's part of linking by a code: proves to the companion that the person typed its code and learns
 * the secret that vouches for it. Source: Baileys `Socket/socket.js` (requestPairingCode) and
 * `Socket/messages-recv.js` (link_code_companion_reg), docs/protocol/pairing.md.
 *
 * @throws {WrongCodeError}
 * @throws {PairingError} the companion went away
 */
export async function exchangeCode(
  request: CodePairing,
  code: string,
  identity: KeyPair,
): Promise<{ advSecret: Buffer; companionIdentity: Buffer }> {
  const typed = code.replaceAll(/[\s-]/g, '').toUpperCase()
  const companionEphemeral = await unwrap(request.wrappedCompanionEphemeral, typed)
  const ephemeral = KeyPair.generate()
  const wrapped = await wrap(ephemeral.publicKey, typed)
  const finish = await request.primaryHello(wrapped, identity.publicKey)

  const shared = ephemeral.agree(companionEphemeral)
  const bundle = openKeyBundle(finish.wrappedKeyBundle, shared)
  const companionIdentity = bundle.subarray(0, 32)
  const primaryIdentity = bundle.subarray(32, 64)
  if (!primaryIdentity.equals(identity.publicKey) || !companionIdentity.equals(finish.companionIdentity)) {
    throw new WrongCodeError()
  }
  const random = bundle.subarray(64)
  const secret = Buffer.concat([shared, identity.agree(companionIdentity), random])
  return { advSecret: hkdf(secret, { info: 'adv_secret', length: 32 }), companionIdentity }
}

/** Salt (32), IV (16), AES-256-CTR of a public key under the code. */
async function wrap(publicKey: Uint8Array, code: string): Promise<Buffer> {
  const salt = randomBytes(32)
  const iv = randomBytes(16)
  const cipher = createCipheriv('aes-256-ctr', await codeKey(code, salt), iv)
  return Buffer.concat([salt, iv, cipher.update(publicKey), cipher.final()])
}

async function unwrap(wrapped: Uint8Array, code: string): Promise<Buffer> {
  const salt = wrapped.subarray(0, 32)
  const decipher = createDecipheriv('aes-256-ctr', await codeKey(code, salt), wrapped.subarray(32, 48))
  return Buffer.concat([decipher.update(wrapped.subarray(48, 80)), decipher.final()])
}

/** Slow on purpose: a code has only 40 bits. */
async function codeKey(code: string, salt: Uint8Array): Promise<ReturnType<typeof createSecretKey>> {
  return createSecretKey(await promisify(pbkdf2)(code, salt, 2 << 16, 32, 'sha256'))
}

/** Salt (32), IV (12), AES-256-GCM of companion identity, primary identity and 32 random bytes. */
function openKeyBundle(wrapped: Uint8Array, shared: Buffer): Buffer {
  const key = hkdf(shared, {
    salt: wrapped.subarray(0, 32),
    info: 'link_code_pairing_key_bundle_encryption_key',
    length: 32,
  })
  const decipher = createDecipheriv('aes-256-gcm', createSecretKey(key), wrapped.subarray(32, 44), {
    authTagLength: 16,
  })
  decipher.setAuthTag(wrapped.subarray(-16))
  try {
    return Buffer.concat([decipher.update(wrapped.subarray(44, -16)), decipher.final()])
  } catch (cause) {
    // The two sides agreed on different keys, because one used another code.
    throw new WrongCodeError({ cause })
  }
}
