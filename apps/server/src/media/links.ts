import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'

/** Links that need no key: the address of one file, until a time, signed by us. */
export interface Links {
  /** `expiresAt` in Unix ms; seconds count. */
  linkTo(baseUrl: string, id: string, expiresAt: number): string
  /** Whether we signed this, and it is not over. */
  isGood(
    id: string,
    given: { expires: string | undefined; signature: string | undefined },
    now: number,
  ): boolean
}

export function createLinks(key: KeyObject): Links {
  const sign = (id: string, expires: string) => createHmac('sha256', key).update(`${id}\n${expires}`).digest()
  return {
    linkTo(baseUrl, id, expiresAt) {
      const expires = String(Math.floor(expiresAt / 1000))
      return `${baseUrl}/api/media/files/${id}?expires=${expires}&signature=${sign(id, expires).toString('base64url')}`
    },
    isGood(id, { expires = '', signature = '' }, now) {
      if (!/^\d{1,12}$/.test(expires)) return false
      const given = Buffer.from(signature, 'base64url')
      const right = sign(id, expires)
      return given.length === right.length && timingSafeEqual(given, right) && Number(expires) * 1000 > now
    },
  }
}
