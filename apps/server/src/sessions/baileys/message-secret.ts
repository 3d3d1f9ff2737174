import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

import { type Jid, withoutDevice } from '@inbox-hub/whatsapp'

/** What is done to a message under its `messageSecret`, in WhatsApp's words, which are a part of the key. */
export type SecretUse = 'Poll Vote' | 'Event Response' | 'Enc Reaction'

/** By whom what is done to which message. Both people are named by an address that is a part of the key. */
export interface SecretDeed {
  use: SecretUse
  messageId: string
  /** The `messageSecret` of the message. */
  secret: Uint8Array
  author: Jid
  doer: Jid
}

const tagBytes = 16

/** Sealed for one message and one person: nobody else can have done it, and it fits no other message. */
export function sealUnder(deed: SecretDeed, plaintext: Uint8Array): { encPayload: Buffer; encIv: Buffer } {
  const encIv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', keyOf(deed), encIv, { authTagLength: tagBytes })
  const beside = besideOf(deed)
  if (beside !== undefined) cipher.setAAD(beside)
  return { encPayload: Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]), encIv }
}

/** Throws on what was sealed for another message, person or use. */
export function openUnder(
  deed: SecretDeed,
  { encPayload, encIv }: { encPayload: Uint8Array; encIv: Uint8Array },
): Buffer {
  const opener = createDecipheriv('aes-256-gcm', keyOf(deed), encIv, { authTagLength: tagBytes })
  const beside = besideOf(deed)
  if (beside !== undefined) opener.setAAD(beside)
  opener.setAuthTag(encPayload.subarray(-tagBytes))
  return Buffer.concat([opener.update(encPayload.subarray(0, -tagBytes)), opener.final()])
}

/** Source: baileys `decryptPollVote`, `decryptEventResponse`; whatsmeow `msgsecret.go`, which has reactions too. */
function keyOf({ use, messageId, secret, author, doer }: SecretDeed): Buffer {
  const names = `${messageId}${withoutDevice(author)}${withoutDevice(doer)}${use}`
  return Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), names, 32))
}

/** Votes and answers are bound to who gave them once more; reactions are not (whatsmeow `generateMsgSecretKey`). */
function besideOf({ use, messageId, doer }: SecretDeed): Buffer | undefined {
  return use === 'Enc Reaction' ? undefined : Buffer.from(`${messageId}\0${withoutDevice(doer)}`)
}
