/** What a linking QR code holds. Keys are raw bytes. */
export interface LinkingQr {
  /** The server's name for the connection that shows it. */
  ref: string
  noiseKey: Buffer
  identityKey: Buffer
  /** Shared with nobody but whoever sees the code. */
  advSecret: Buffer
  /** `CompanionWebClientType`, only in the newer form. */
  platform: string | undefined
}

const linkPrefix = 'https://wa.me/settings/linked_devices#'

/** The text is no linking QR code. */
export class QrError extends Error {
  override readonly name = 'QrError'
}

/**
 * Reads the text of a QR code: `ref,noise,identity,secret` in base64, or since 2025 the same with a platform
 * behind an address (Baileys `Utils/companion-reg-client-utils.js`).
 *
 * @throws {QrError}
 */
export function parseLinkingQr(text: string): LinkingQr {
  const fragment = text.startsWith(linkPrefix) ? text.slice(linkPrefix.length) : text
  if (fragment.includes('://')) throw new QrError('This QR code leads somewhere else than to linked devices.')
  const parts = fragment.trim().split(',')
  if (parts.length < 4 || parts.length > 5) {
    throw new QrError(`A linking QR code has 4 or 5 parts; this one has ${parts.length}.`)
  }
  const [ref = '', noiseKey = '', identityKey = '', advSecret = '', platform] = parts
  if (ref === '') throw new QrError('This QR code names no connection.')
  return {
    ref,
    noiseKey: key(noiseKey, 'Noise key'),
    identityKey: key(identityKey, 'identity key'),
    advSecret: key(advSecret, 'secret'),
    platform,
  }
}

function key(base64: string, name: string): Buffer {
  const bytes = Buffer.from(base64, 'base64')
  if (bytes.length !== 32) throw new QrError(`The ${name} in this QR code has ${bytes.length} bytes, not 32.`)
  return bytes
}
