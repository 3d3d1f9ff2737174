import { getContentType, normalizeMessageContent, proto } from '../baileys.ts'

import type { Jid, MessageContent, QuotedRef } from '@inbox-hub/whatsapp'
import { tryParseJid } from '@inbox-hub/whatsapp'
import { isMissing } from '../missing.ts'

/** Protocol messages that say something about another message; the others are between devices. */
const aboutMessages: ReadonlyMap<number, string> = new Map([
  [proto.Message.ProtocolMessage.Type.REVOKE, 'protocolMessage.REVOKE'],
  [proto.Message.ProtocolMessage.Type.MESSAGE_EDIT, 'protocolMessage.MESSAGE_EDIT'],
])

/** Fields where one kind or another of message keeps its readable text, the most telling first. */
const textFields = [
  'text',
  'caption',
  'contentText',
  'selectedDisplayText',
  'name',
  'title',
  'displayName',
  'fileName',
  'address',
] as const

/**
 * What a decrypted message says, its wrappers taken off (own phone's copies, disappearing, view once, documents with
 * captions). Undefined for what people do not see: sender keys, app state keys, history, settings of a chat.
 */
export function contentOf(message: proto.IMessage): MessageContent | undefined {
  const inner = normalizeMessageContent(message.deviceSentMessage?.message ?? message) ?? {}
  const name = getContentType(inner)
  if (name === undefined) return undefined
  if (name === 'conversation') return { kind: 'text', text: inner.conversation ?? '' }
  if (name === 'protocolMessage') return aboutMessage(inner.protocolMessage)
  // getContentType answers a key of the message that is set.
  const body: unknown = inner[name as keyof proto.IMessage]
  const context = contextOf(body)
  const quoted = reactionTarget(inner.reactionMessage) ?? quotedRefOf(context)
  if (name === 'extendedTextMessage') {
    const mentions = jidsOf(context?.mentionedJid)
    return {
      kind: 'text',
      text: inner.extendedTextMessage?.text ?? '',
      ...(mentions.length > 0 && { mentions }),
      ...(quoted && { quoted }),
    }
  }
  return { kind: 'unsupported', name, text: readableText(body), ...(quoted && { quoted }) }
}

function aboutMessage(
  protocol: proto.Message.IProtocolMessage | null | undefined,
): MessageContent | undefined {
  const name = aboutMessages.get(protocol?.type ?? -1)
  if (name === undefined) return undefined
  const edited = isMissing(protocol?.editedMessage) ? undefined : contentOf(protocol.editedMessage)
  const text = edited !== undefined && edited.kind !== 'undecryptable' ? edited.text : ''
  const id = protocol?.key?.id
  return {
    kind: 'unsupported',
    name,
    text,
    // The message that is revoked or edited.
    ...(!isMissing(id) && {
      quoted: { id, sender: tryParseJid(protocol?.key?.participant ?? ''), text: '' },
    }),
  }
}

/** The message that a reaction is put on. */
function reactionTarget(reaction: proto.Message.IReactionMessage | null | undefined): QuotedRef | undefined {
  const id = reaction?.key?.id
  return isMissing(id) || id === ''
    ? undefined
    : { id, sender: tryParseJid(reaction?.key?.participant ?? ''), text: '' }
}

function quotedRefOf(context: proto.IContextInfo | undefined): QuotedRef | undefined {
  const id = context?.stanzaId
  if (isMissing(id) || id === '') return undefined
  const quoted = isMissing(context?.quotedMessage) ? undefined : contentOf(context.quotedMessage)
  return {
    id,
    sender: tryParseJid(context?.participant ?? ''),
    text: quoted !== undefined && quoted.kind !== 'undecryptable' ? quoted.text : '',
  }
}

function contextOf(body: unknown): proto.IContextInfo | undefined {
  if (typeof body !== 'object' || body === null || !('contextInfo' in body)) return undefined
  // The protobuf's own field of that name, on every kind of message that has it.
  return body.contextInfo ?? undefined
}

/** The caption or other text of a kind that we do not handle yet. */
function readableText(body: unknown): string {
  if (typeof body === 'string') return body
  if (typeof body !== 'object' || body === null) return ''
  const fields = body as Readonly<Record<string, unknown>>
  for (const field of textFields) {
    const value = fields[field]
    if (typeof value === 'string' && value !== '') return value
  }
  return 'body' in fields ? readableText(fields['body']) : ''
}

function jidsOf(texts: readonly string[] | null | undefined): readonly Jid[] {
  return (texts ?? []).map((text) => tryParseJid(text)).filter((jid) => jid !== undefined)
}
