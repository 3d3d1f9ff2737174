import { createHmac, type KeyObject, randomBytes } from 'node:crypto'

import { jwtVerify, SignJWT } from 'jose'

import type { Clock } from '../platform/clock.ts'

export const accessTokenMs = 24 * 3_600_000

/** What an access token says: whose it is, and of which login. */
export interface AccessClaims {
  userId: number
  loginId: string
}

const issuer = 'inbox-hub'
const audience = 'inbox-hub api'

/** A JWT (RFC 7519) of one login. It is worth nothing once the login has ended: whoever verifies it looks there too. */
export function signAccess({ userId, loginId }: AccessClaims, key: KeyObject, clock: Clock): Promise<string> {
  const now = Math.floor(clock.now() / 1000)
  return new SignJWT({ sid: loginId })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setSubject(String(userId))
    .setIssuer(issuer)
    .setAudience(audience)
    .setIssuedAt(now)
    .setExpirationTime(now + accessTokenMs / 1000)
    .sign(key)
}

/** What a token says if it is genuine and not too old. */
export async function verifyAccess(
  token: string,
  key: KeyObject,
  clock: Clock,
): Promise<AccessClaims | undefined> {
  try {
    const { payload } = await jwtVerify(token, key, {
      algorithms: ['HS256'],
      issuer,
      audience,
      currentDate: new Date(clock.now()),
    })
    const { sub, sid } = payload
    return typeof sub === 'string' && typeof sid === 'string'
      ? { userId: Number(sub), loginId: sid }
      : undefined
  } catch {
    return undefined
  }
}

/** A long random token for a link or a refresh: it exists with its holder, here is only its hash. */
export function makeToken(pepper: KeyObject): { token: string; hash: string } {
  const token = randomBytes(32).toString('base64url')
  return { token, hash: hashToken(token, pepper) }
}

export function hashToken(token: string, pepper: KeyObject): string {
  return createHmac('sha256', pepper).update(token).digest('hex')
}
