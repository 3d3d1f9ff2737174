import { type MessageContent, picturedIn } from '@inbox-hub/whatsapp'

/** A thumbnail is a few kilobytes; what is much more is none. */
const maxBytes = 64 * 1024

/** The small picture that came in a message; null when there is none. Only a JPEG, for it is given to browsers as one. */
export function thumbnailIn(content: MessageContent): Uint8Array | null {
  const { thumbnail } = picturedIn(content) ?? {}
  if (thumbnail === undefined) return null
  const bytes = Buffer.from(thumbnail, 'base64')
  return isJpeg(bytes) && bytes.length <= maxBytes ? bytes : null
}

function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff
}
