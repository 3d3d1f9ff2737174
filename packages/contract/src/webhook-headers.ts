/** What stands in the place of a header's value when an endpoint is shown; given back, it leaves the value as it is. */
export const hiddenHeaderValue = '***'

/** Those of the connection (RFC 9110 §7.6.1), and those that say what the body is. */
const reserved = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'x-signature',
])

/** Whether a name is a header that only we may set: those of the connection, of the body, and of the presets. */
export function isReservedHeader(name: string): boolean {
  const lower = name.toLowerCase()
  return reserved.has(lower) || /^(x-)?webhook-|^ce-|^x-hub-signature/.test(lower)
}

/** A token of RFC 9110 §5.6.2. */
export function isHeaderName(name: string): boolean {
  return /^[\w!#$%&'*+.^`|~-]{1,100}$/.test(name)
}

/** Visible ASCII with blanks inside: what every server takes. */
export function isHeaderValue(value: string): boolean {
  return /^[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?$/.test(value) && value.length <= 2048
}
