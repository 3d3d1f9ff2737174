import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'

/**
 * A receiver's secret as a key. `whsec_…` is the Standard Webhooks form, base64 of the key's bytes;
 * anything else is taken as the UTF-8 bytes it is written in, which is what clients of the legacy preset do.
 * A KeyObject, because Node 24.21 spends five times as long on a Buffer key.
 */
export function signingKey(secret: string): KeyObject {
  return createSecretKey(
    secret.startsWith('whsec_') ? Buffer.from(secret.slice(6), 'base64') : Buffer.from(secret, 'utf8'),
  )
}

/** `sha256=<hex>` over the exact bytes sent: what the CRM's handler compares with `X-Webhook-Signature`. */
export function legacySignature(key: KeyObject, body: Uint8Array): string {
  return `sha256=${createHmac('sha256', key).update(body).digest('hex')}`
}

/** Whether `given` is that signature, with or without `sha256=` before it. */
export function isSignedAsLegacy(given: string, key: KeyObject, body: Uint8Array): boolean {
  const expected = Buffer.from(legacySignature(key, body))
  const signature = Buffer.from(given.startsWith('sha256=') ? given : `sha256=${given.toLowerCase()}`)
  return signature.length === expected.length && timingSafeEqual(signature, expected)
}

/** `v1,<base64>` over `id.timestamp.body`, Standard Webhooks 1.0. `timestamp` is Unix seconds of this attempt. */
export function standardSignature(key: KeyObject, id: string, timestamp: number, body: Uint8Array): string {
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64')}`
}
