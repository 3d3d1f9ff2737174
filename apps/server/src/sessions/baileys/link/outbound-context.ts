import { getContentType, type proto } from '../baileys.ts'

import type { MessageContent } from '@inbox-hub/whatsapp'

/** What any kind may carry stands in the context of its field of the protobuf. */
export function withContext(message: proto.IMessage, content: MessageContent): proto.IMessage {
  if (content.kind === 'undecryptable') return message
  const { mentions = [], mentionsEveryone, forwarded, expiresInS } = content
  const context: proto.IContextInfo = {
    ...(mentions.length > 0 && { mentionedJid: [...mentions] }),
    ...(mentionsEveryone === true && { nonJidMentions: 1 }),
    ...(forwarded !== undefined && { forwardingScore: forwarded, isForwarded: true }),
    ...(expiresInS !== undefined && { expiration: expiresInS }),
  }
  // A document with a caption stands one message deeper.
  const inner = message.documentWithCaptionMessage?.message ?? message
  const name = getContentType(inner)
  const field: unknown = name && inner[name]
  if (Object.keys(context).length === 0 || typeof field !== 'object' || field === null) return message
  // Every message of ours is in a field that has it.
  const holder = field as { contextInfo?: proto.IContextInfo | null }
  holder.contextInfo = { ...holder.contextInfo, ...context }
  return message
}
