import { randomBytes } from 'node:crypto'

import { Secret, TOTP } from 'otpauth'

const periodSeconds = 30

/** A new secret of 160 bits, base32, as RFC 4226 advises. */
export const makeTotpSecret = (): string => new Secret({ size: 20 }).base32

function totpOf(secret: string, label: string): TOTP {
  return new TOTP({ issuer: 'Inbox Hub', label, secret: Secret.fromBase32(secret), period: periodSeconds })
}

/** What an authenticator app scans. */
export const totpUri = (secret: string, label: string): string => totpOf(secret, label).toString()

/**
 * The step a code belongs to, of this moment or the ones beside it; undefined when it is of none, or not after `last`: a code is good
 * once (RFC 6238, 5.2).
 */
export function stepOf(code: string, secret: string, now: number, last: number | null): number | undefined {
  const delta = totpOf(secret, '').validate({ token: code.replaceAll(' ', ''), timestamp: now, window: 1 })
  if (delta === null) return undefined
  const step = Math.floor(now / 1000 / periodSeconds) + delta
  return last !== null && step <= last ? undefined : step
}

/** Ten codes for the day the phone is lost: 50 bits each, in a form that can be read out. */
export function makeRecoveryCodes(): string[] {
  const alphabet = 'abcdefghjkmnpqrstuvwxyz23456789'
  return Array.from({ length: 10 }, () => {
    const letters = Array.from(randomBytes(10), (byte) => alphabet.charAt(byte % alphabet.length)).join('')
    return `${letters.slice(0, 5)}-${letters.slice(5)}`
  })
}
