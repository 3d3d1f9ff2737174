/**
 * What we change in Node and libsignal to make Baileys fast and quiet. Imported before anything that imports baileys,
 * because ES modules read the exports of libsignal once. Each piece proves itself at start-up; nothing else of ours
 * patches anything. Measured by `bench/src/runtime-gains.ts`; decided in docs/decisions/runtime-gains.md.
 */
import assert from 'node:assert/strict'
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto'

import type { CurveModule } from './curve.ts'
import { replaceCurve } from './curve.ts'
import type { OriginalCrypto } from './key-objects.ts'
import { wrapKeyedCrypto } from './key-objects.ts'
import { KeyPool } from './key-pool.ts'
import { libsignalAnswers } from './libsignal-answers.ts'
import { silenceLibsignal } from './silence.ts'
import { assertBaileysVersion } from './version.ts'

export { BAILEYS_VERSION } from './version.ts'
export { silentLogger } from './logger.ts'

/** Key pairs ready for pre-keys and ratchet turns, for the whole process. */
export const keyPool = new KeyPool()

assertBaileysVersion()
silenceLibsignal()
export const originalCrypto = wrapKeyedCrypto()
proveKeyedCrypto(originalCrypto)
const curves = replaceCurve(keyPool)
proveCurve(curves)
export const originalCurve = curves.original

/** Wrapped and original agree, and the ES module imports of everybody see the wrapped ones. */
function proveKeyedCrypto(original: OriginalCrypto): void {
  const key = randomBytes(32)
  const iv = randomBytes(12)
  const text = Buffer.from('inbox-hub')
  assert.notEqual(createHmac, original.createHmac, 'node:crypto was not wrapped for ES modules')
  const mac = createHmac('sha256', key).update(text).digest()
  const cipher = createCipheriv('aes-256-gcm', key, iv)
  const sealed = cipher.update(text)
  cipher.final()
  const decipher = createDecipheriv('aes-256-gcm', key, iv).setAuthTag(cipher.getAuthTag())
  const opened = Buffer.concat([decipher.update(sealed), decipher.final()])
  assert.ok(opened.equals(text), 'wrapped ciphers do not open what they sealed')
  // The originals are Node's own createHmac and friends; only their types are ours.
  const hmac = original.createHmac('sha256', key) as ReturnType<typeof createHmac>
  assert.ok(mac.equals(hmac.update(text).digest()), 'wrapped createHmac answers something else')
}

/**
 * What libsignal signed verifies, so does what we sign, nothing else does, and the secret is libsignal's. Against answers that libsignal
 * gave before: asking it anew costs a tenth of a cold start (curve.test.ts asks it, with arbitrary keys).
 */
function proveCurve({ replaced }: { replaced: CurveModule }): void {
  const { privateKey, publicKey, message, signature, peer, secret } = libsignalAnswers
  assert.ok(
    replaced.verifySignature(publicKey, message, signature),
    "libsignal's signatures do not verify fast",
  )
  const ours = replaced.calculateSignature(privateKey, message)
  assert.ok(replaced.verifySignature(publicKey, message, ours), 'fast signatures do not verify')
  assert.throws(() => replaced.verifySignature(publicKey, message, Buffer.alloc(64)))
  assert.ok(replaced.calculateAgreement(peer, privateKey).equals(secret), 'agreements differ')
}
