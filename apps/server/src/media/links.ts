import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto'

/** What a link gives: a file, or a small picture of it. A link to one is none to the other. */
export type Linked = 'files' | 'thumbnails'

/** Links that need no key: the address of one file, until a time, signed by us. */
export interface Links {
  /** `expiresAt` in Unix ms; seconds count. */
  linkTo(baseUrl: string, id: string, expiresAt: number, what?: Linked): string
  /** Whether we signed this, and it is not over. */
  isGood(
    id: string,
    given: { expires: string | undefined; signature: string | undefined },
    now: number,
    what?: Linked,
  ): boolean
}

export function createLinks(key: KeyObject): Links {
  const sign = (what: Linked, id: string, expires: string) =>
    createHmac('sha256', key)
      .update(what === 'files' ? `${id}\n${expires}` : `${what}\n${id}\n${expires}`)
      .digest()
  return {
    linkTo(baseUrl, id, expiresAt, what = 'files') {
      const expires = String(Math.floor(expiresAt / 1000))
      return `${baseUrl}/api/media/${what}/${id}?expires=${expires}&signature=${sign(what, id, expires).toString('base64url')}`
    },
    isGood(id, { expires = '', signature = '' }, now, what = 'files') {
      if (!/^\d{1,12}$/.test(expires)) return false
      const given = Buffer.from(signature, 'base64url')
      const right = sign(what, id, expires)
      return given.length === right.length && timingSafeEqual(given, right) && Number(expires) * 1000 > now
    },
  }
}
