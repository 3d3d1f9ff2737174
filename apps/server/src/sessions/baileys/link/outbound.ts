import type { BinaryNode, WAMessage } from '../baileys.ts'
import { generateWAMessageFromContent, proto } from '../baileys.ts'

import type { Jid, MessageContent, OwnDeedTarget } from '@inbox-hub/whatsapp'
import { secretOf, textOf } from '@inbox-hub/whatsapp'

import { isMissing } from '../missing.ts'
import type { People } from './naming.ts'
import { withContext } from './outbound-context.ts'
import { deedMessage } from './outbound-deeds.ts'
import { protoOf } from './outbound-kinds.ts'
import type { OwnDeed } from '@inbox-hub/whatsapp'

export interface OutboundContent {
  content: MessageContent | OwnDeed
  /** The message this answers, as stored. */
  quoted: { id: string; chat: Jid; sender: Jid; fromMe: boolean; content: MessageContent } | undefined
  /** Whom a status is for. The account itself sees it anyway. */
  audience?: readonly Jid[] | undefined
}

/** A message as it is encrypted, and what its stanza says beside it. */
export interface OutboundMessage {
  message: proto.IMessage
  nodes: BinaryNode[]
  attributes: BinaryNode['attrs']
}

/** The protobuf of what we send, made by baileys' own generator where it has one, so that it is what WhatsApp Web would write. */
export async function outboundMessage({
  id,
  to,
  content: { content, quoted },
  self,
  people,
}: {
  id: string
  to: Jid
  content: OutboundContent
  /** Our address in the chat. */
  self: Jid
  /** Of a deed: how the chat names them. */
  people: (target: OwnDeedTarget) => Promise<People>
}): Promise<OutboundMessage> {
  if ('target' in content) return deedMessage(content, to, await people(content.target))
  const whole = inAlbum(withContext(await protoOf(content), content), content, to)
  const said = secretly(oncewise(whole, content), content)
  const made = generateWAMessageFromContent(to, said, {
    userJid: self,
    messageId: id,
    ...(quoted && { quoted: quotedMessage(quoted) }),
  })
  if (isMissing(made.message)) throw new Error('baileys made a message without content')
  return { message: made.message, nodes: metaOf(content), attributes: {} }
}

/** A picture of an album says which, beside what it is: phones show those of one album together. */
function inAlbum(message: proto.IMessage, content: MessageContent, to: Jid): proto.IMessage {
  if (content.kind === 'undecryptable' || content.albumId === undefined) return message
  const messageAssociation: proto.IMessageAssociation = {
    associationType: proto.MessageAssociation.AssociationType.MEDIA_ALBUM,
    parentMessageKey: { remoteJid: to, fromMe: true, id: content.albumId },
  }
  return { ...message, messageContextInfo: { ...message.messageContextInfo, messageAssociation } }
}

/** What is done to it under a seal is sealed with a secret that stands beside it. */
function secretly(message: proto.IMessage, content: MessageContent): proto.IMessage {
  const secret = secretOf(content)
  if (secret === undefined) return message
  const messageSecret = Buffer.from(secret, 'base64')
  return { ...message, messageContextInfo: { ...message.messageContextInfo, messageSecret } }
}

/** What is shown once only says so, and is wrapped so that older phones do not show it at all. */
function oncewise(message: proto.IMessage, content: MessageContent): proto.IMessage {
  if (content.kind === 'undecryptable' || content.viewOnce !== true) return message
  for (const field of [message.imageMessage, message.videoMessage, message.audioMessage])
    if (!isMissing(field)) field.viewOnce = true
  return content.kind === 'voice'
    ? { viewOnceMessageV2Extension: { message } }
    : { viewOnceMessageV2: { message } }
}

/** WhatsApp Web says in the stanza what some kinds are, for who cannot read them (baileys: `sendMessage`). */
function metaOf(content: MessageContent): BinaryNode[] {
  const { kind } = content
  if (kind === 'poll') return [{ tag: 'meta', attrs: { polltype: 'creation' } }]
  if (kind === 'event') return [{ tag: 'meta', attrs: { event_type: 'creation' } }]
  if ('options' in content && content.numbered !== true) return [nativeFlow]
  return []
}

/** Without it the server drops menus of ordinary accounts. */
const nativeFlow: BinaryNode = {
  tag: 'biz',
  attrs: {},
  content: [
    {
      tag: 'interactive',
      attrs: { type: 'native_flow', v: '1' },
      content: [{ tag: 'native_flow', attrs: { v: '9', name: 'mixed' } }],
    },
  ],
}

/** The message that is answered, as far as a quote shows it. */
function quotedMessage(quoted: NonNullable<OutboundContent['quoted']>): WAMessage {
  const { id, chat, sender, fromMe, content } = quoted
  return {
    key: { id, remoteJid: chat, fromMe, participant: sender },
    message: { conversation: textOf(content) },
  }
}
