import { randomBytes } from 'node:crypto'

import { isLid, type Jid, textOf } from '@inbox-hub/whatsapp'

import type { OutboundContent } from '../../sessions/baileys/index.ts'
import { contentOf, isDeed, type SentContent } from '../content.ts'
import type { MessageRow } from '../message-rows.ts'
import { type Own, ownAddress } from '../own.ts'
import type { Prepared } from './prepare.ts'

/** The message that a request becomes: what is stored, and what it is sent from however often that takes. */
export function sentContent(
  { content, mentions, mentionsEveryone, quoted }: Prepared,
  own: Own,
): SentContent {
  if (isDeed(content)) return content
  return {
    ...content,
    ...(mentions.length === 0 ? {} : { mentions }),
    ...(mentionsEveryone === true && { mentionsEveryone }),
    ...(quoted === undefined
      ? {}
      : {
          quoted: { id: quoted.whatsapp_id, sender: authorOf(quoted, own), text: textOf(contentOf(quoted)) },
        }),
  }
}

/**
 * What people do to it under a seal is sealed with a secret of the message's own, which must be the same each time it is sent.
 *
 * @param always - also when nothing is voted or answered
 */
export function withSecret(content: SentContent, always: boolean): SentContent {
  const secret = (): string => randomBytes(32).toString('base64')
  if (content.kind === 'poll') return { ...content, poll: { ...content.poll, secret: secret() } }
  if (content.kind === 'event') return { ...content, event: { ...content.event, secret: secret() } }
  return always && !isDeed(content) && content.kind !== 'undecryptable'
    ? { ...content, secret: secret() }
    : content
}

/** What the link needs to send it. */
export function outboundContent(
  content: SentContent,
  quoted: MessageRow | undefined,
  own: Own,
): OutboundContent {
  const author = quoted === undefined ? undefined : authorOf(quoted, own)
  return {
    content,
    quoted:
      quoted === undefined || author === undefined
        ? undefined
        : {
            id: quoted.whatsapp_id,
            // Columns that only canonical addresses are written to.
            chat: quoted.chat_jid as Jid,
            sender: author,
            fromMe: quoted.from_me === 1,
            content: contentOf(quoted),
          },
  }
}

/** Who wrote a message, in the addressing of its chat; undefined when it is ours and we do not know our address yet. */
export function authorOf(row: MessageRow, own: Own): Jid | undefined {
  // Columns that only canonical addresses are written to.
  if (row.from_me === 0) return row.sender_jid as Jid
  return isLid(row.chat_jid as Jid) ? (own.lid ?? ownAddress(own)) : ownAddress(own)
}
