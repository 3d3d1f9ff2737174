import {
  type BinaryNode,
  decodeMediaRetryNode,
  decryptMediaRetryData,
  encryptMediaRetryRequest,
  proto,
  type WAMessageKey,
} from '../baileys.ts'
import { isMissing } from '../missing.ts'

/** What the phone made of the wish to have a file again. */
export type FileAgain =
  | { is: 'uploaded'; directPath: string }
  /** It has the file no more, or could not upload it. */
  | { is: 'refused'; because: 'not_found' | 'not_understood' | 'failed' }
  /** It is off, or takes its time. */
  | { is: 'silent' }

/** The request for a file, as the phone expects it (docs/protocol/media.md). `me` is our own address. */
export function requestFor(key: WAMessageKey & { id: string }, mediaKey: Uint8Array, me: string): BinaryNode {
  return encryptMediaRetryRequest(key, Buffer.from(mediaKey), me)
}

/** What a `<notification type="mediaretry">` says. */
export function answerIn(notification: BinaryNode, mediaKey: Uint8Array): FileAgain {
  const { NOT_FOUND, DECRYPTION_ERROR, SUCCESS } = proto.MediaRetryNotification.ResultType
  const refused = (result: number | null | undefined): FileAgain => ({
    is: 'refused',
    because: result === NOT_FOUND ? 'not_found' : result === DECRYPTION_ERROR ? 'not_understood' : 'failed',
  })
  try {
    const { media, error, key } = decodeMediaRetryNode(notification)
    if (!isMissing(error)) {
      // A Boom with the attributes of `<error>`.
      const { code } = (error as { data?: { code?: string } }).data ?? {}
      return refused(Number(code))
    }
    if (isMissing(media) || isMissing(key.id)) return refused(undefined)
    const { directPath, result } = decryptMediaRetryData(media, mediaKey, key.id)
    return result === SUCCESS && !isMissing(directPath) ? { is: 'uploaded', directPath } : refused(result)
  } catch {
    // Sealed under another key, or no answer of the kind we know.
    return refused(undefined)
  }
}
