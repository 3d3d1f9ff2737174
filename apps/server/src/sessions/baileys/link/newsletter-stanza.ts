import type { BinaryNode } from '../baileys.ts'
import { proto } from '../baileys.ts'

import type { Jid, MediaKind } from '@inbox-hub/whatsapp'

import type { OutboundContent } from '../index.ts'

/** What the stanza says of a file, for who reads it without its message. (whatsmeow: `getMediaTypeFromMessage`) */
const mediaTypes: Readonly<Record<MediaKind, string>> = {
  image: 'image',
  video: 'video',
  gif: 'gif',
  video_note: 'video',
  audio: 'audio',
  voice: 'ptt',
  document: 'document',
  sticker: 'sticker',
}

/**
 * A message of ours to a newsletter: nothing in it is sealed, and its upload is named beside it. Not baileys' own, which names neither. Pure.
 * Source: whatsmeow send.go (`sendNewsletter`); docs/protocol/messages.md.
 */
export function newsletterStanza({
  id,
  to,
  content: { content },
  message,
}: {
  id: string
  to: Jid
  content: OutboundContent
  message: proto.IMessage
}): BinaryNode {
  const plaintext = proto.Message.encode(message).finish()
  if (!('media' in content))
    return {
      tag: 'message',
      attrs: { to, id, type: 'text' },
      content: [{ tag: 'plaintext', attrs: {}, content: plaintext }],
    }
  const { handle } = content.media.source ?? {}
  return {
    tag: 'message',
    attrs: { to, id, type: 'media', ...(handle !== undefined && { media_id: handle }) },
    content: [{ tag: 'plaintext', attrs: { mediatype: mediaTypes[content.kind] }, content: plaintext }],
  }
}
