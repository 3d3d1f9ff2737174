import { createCipheriv, createHash, randomBytes } from 'node:crypto'

import { proto } from '../baileys.ts'
import { hmacSha256 } from '../signal/kdf.ts'

/**
 * A vote, sealed under the poll's secret for its voter: only who has the poll can open it, and it fits no other poll or person.
 * Source: `decryptPollVote` of baileys, `DecryptPollVote` of whatsmeow.
 *
 * @param creator - bare JID, like `voter` in the addressing of the chat
 */
export function sealVote(
  { id, secret, creator, voter }: { id: string; secret: Uint8Array; creator: string; voter: string },
  options: readonly string[],
): proto.Message.IPollEncValue {
  const seed = hmacSha256(new Uint8Array(32), secret)
  const key = hmacSha256(seed, Buffer.from(`${id}${creator}${voter}Poll Vote\u0001`))
  const encIv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, encIv).setAAD(Buffer.from(`${id}\0${voter}`))
  const selectedOptions = options.map((option) => createHash('sha256').update(option).digest())
  const vote = proto.Message.PollVoteMessage.encode({ selectedOptions }).finish()
  return { encPayload: Buffer.concat([cipher.update(vote), cipher.final(), cipher.getAuthTag()]), encIv }
}
