import { createCipheriv, createDecipheriv, createSecretKey, randomBytes } from 'node:crypto'

import { type BinaryNode, proto } from '../baileys.ts'
import { hkdf } from '../signal/index.ts'
import { bytesOf, child, node } from '../stanza.ts'

// A linked client cannot download a file any more, and asks its phone to upload it again: `<receipt type="server-error">`,
// answered by `<notification type="mediaretry">`. Both carry a protobuf under a key that comes from the file's.

/** What a phone does when a client asks for a file again. */
export type MediaRetryAnswer =
  | 'uploads' // uploads it again, under another path
  | 'not_found' // has it no more
  | 'decryption_error' // could not read what it was asked
  | 'general_error'
  | 'silence' // is off, or has no network

/** The error a phone reports, as its number in `MediaRetryNotification.ResultType`. */
export const retryErrors = {
  general_error: proto.MediaRetryNotification.ResultType.GENERAL_ERROR,
  not_found: proto.MediaRetryNotification.ResultType.NOT_FOUND,
  decryption_error: proto.MediaRetryNotification.ResultType.DECRYPTION_ERROR,
} as const satisfies Partial<Record<MediaRetryAnswer, number>>

function keyOf(mediaKey: Uint8Array): Buffer {
  return hkdf(mediaKey, { info: 'WhatsApp Media Retry Notification', length: 32 })
}

/** Whether the client knows the file's key: what it sealed with it can be read, and names the message. */
export function isGoodRequest(receipt: BinaryNode, mediaKey: Uint8Array, id: string): boolean {
  const encrypted = child(receipt, 'encrypt')
  const sealed = bytesOf(child(encrypted, 'enc_p'))
  const iv = bytesOf(child(encrypted, 'enc_iv'))
  if (sealed === undefined || iv === undefined || sealed.length < 16) return false
  const decipher = createDecipheriv('aes-256-gcm', createSecretKey(keyOf(mediaKey)), iv)
  decipher.setAAD(Buffer.from(id)).setAuthTag(sealed.subarray(-16))
  try {
    const plain = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()])
    return proto.ServerErrorReceipt.decode(plain).stanzaId === id
  } catch {
    return false
  }
}

/** `<encrypt>` of the phone's answer: where the file lies now. */
export function retryResult(mediaKey: Uint8Array, id: string, directPath: string): BinaryNode {
  const { SUCCESS } = proto.MediaRetryNotification.ResultType
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', createSecretKey(keyOf(mediaKey)), iv).setAAD(Buffer.from(id))
  const plain = proto.MediaRetryNotification.encode({ stanzaId: id, directPath, result: SUCCESS }).finish()
  const sealed = Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()])
  return node('encrypt', {}, [node('enc_p', {}, sealed), node('enc_iv', {}, iv)])
}
