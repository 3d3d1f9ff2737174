import { isIP } from 'node:net'

import { OutboundError } from './outbound-error.ts'

/** Where a request goes, as its URL says. */
export interface Target {
  readonly origin: string
  /** Path and query. */
  readonly path: string
  readonly port: number
  /** The host when it is an address; WHATWG parsing has turned 0x7f.1, 2130706433 and their like into one. */
  readonly literal: string | undefined
}

/** Reads a URL that someone else chose: http or https, and no user in it. */
export function parseTarget(text: string): Target | OutboundError {
  if (!URL.canParse(text)) return new OutboundError('forbidden', 'not a URL')
  const url = new URL(text)
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return new OutboundError('forbidden', `${url.protocol} is not http: or https:`)
  }
  if (url.username !== '' || url.password !== '') {
    return new OutboundError('forbidden', 'a user or password in the URL')
  }
  const host = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname
  return {
    origin: url.origin,
    path: `${url.pathname}${url.search}`,
    port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
    literal: isIP(host) === 0 ? undefined : host,
  }
}
