import { getContentType, proto } from '../baileys.ts'

import type { Jid, MessageBody, MessageContent, MessageExtras, QuotedRef } from '@inbox-hub/whatsapp'
import { tryParseJid } from '@inbox-hub/whatsapp'
import { isMissing } from '../missing.ts'
import { bodyOf, readableText } from './message-body.ts'
import { base64Of, countOf, present, textIn } from './protobuf.ts'

/** Fields that are read by `changeOf`, or are between devices. */
const notContent: ReadonlySet<string> = new Set([
  'protocolMessage',
  'reactionMessage',
  'pinInChatMessage',
  'keepInChatMessage',
  'pollUpdateMessage',
  'encEventResponseMessage',
  'encReactionMessage',
])

/** Fields that hold another message, which is what people see. */
const wrappers = [
  'ephemeralMessage',
  'viewOnceMessage',
  'viewOnceMessageV2',
  'viewOnceMessageV2Extension',
  'documentWithCaptionMessage',
  'editedMessage',
  'associatedChildMessage',
  'groupMentionedMessage',
  'groupStatusMessage',
  'groupStatusMessageV2',
  'lottieStickerMessage',
  'pollCreationMessageV4',
  'botInvokeMessage',
  'botForwardedMessage',
  'limitSharingMessage',
  'questionMessage',
  'questionReplyMessage',
] as const
const viewOnceWrappers: ReadonlySet<string> = new Set(wrappers.filter((name) => name.startsWith('viewOnce')))
/** A hostile sender may nest them without end. */
const maxWrappers = 8

/** A message with its wrappers taken off. */
interface Unwrapped {
  inner: proto.IMessage
  viewOnce: boolean
  /** What travels beside the content, from the outermost message that has it. */
  info: proto.IMessageContextInfo | undefined
}

/**
 * What a decrypted message says, its wrappers taken off (own phone's copies, disappearing, view once, documents with
 * captions). Undefined for what is no message of its own: what was done to another one (`changeOf`), sender keys, app state keys,
 * history, settings of a chat.
 */
export function contentOf(message: proto.IMessage): MessageContent | undefined {
  const { inner, viewOnce, info } = unwrapped(message)
  const name = getContentType(inner)
  if (name === undefined || notContent.has(name)) return undefined
  const field: unknown = inner[name]
  const body = bodyOf(inner, info) ?? unsupported(name, inner, field)
  return { ...body, ...extrasOf(field, { viewOnce, info }) }
}

/** With the secret that came beside it, unless its kind keeps that itself. */
export function withSecret(content: MessageContent, message: proto.IMessage): MessageContent {
  if (content.kind === 'undecryptable' || content.kind === 'poll' || content.kind === 'event') return content
  const secret = base64Of(unwrapped(message).info?.messageSecret)
  return secret === undefined ? content : { ...content, secret }
}

export function unwrapped(message: proto.IMessage): Unwrapped {
  let inner = message.deviceSentMessage?.message ?? message
  let info = message.messageContextInfo ?? inner.messageContextInfo ?? undefined
  let viewOnce = false
  for (let depth = 0; depth < maxWrappers; depth += 1) {
    const wrapper = wrappers.find((name) => !isMissing(inner[name]?.message))
    const next = wrapper && inner[wrapper]?.message
    if (isMissing(next)) break
    viewOnce ||= viewOnceWrappers.has(wrapper ?? '')
    inner = next
    info ??= inner.messageContextInfo ?? undefined
  }
  return { inner, viewOnce, info }
}

/** A message of this many bytes is kept whole, so that a later release can read it. */
export const maxRawBytes = 65_536

function unsupported(name: string, inner: proto.IMessage, field: unknown): MessageBody {
  const raw = proto.Message.encode(inner).finish()
  return {
    kind: 'unsupported',
    name,
    text: readableText(field),
    ...(raw.length <= maxRawBytes && { raw: Buffer.from(raw).toString('base64') }),
  }
}

function extrasOf(field: unknown, { viewOnce, info }: Pick<Unwrapped, 'viewOnce' | 'info'>): MessageExtras {
  const context = contextOf(field)
  const mentions = jidsOf(context?.mentionedJid)
  const quoted = quotedRefOf(context) ?? commentedOn(field)
  const forwarded =
    context?.isForwarded === true
      ? Math.max(1, countOf(context.forwardingScore) ?? 1)
      : countOf(context?.forwardingScore)
  const association = info?.messageAssociation
  const albumId =
    association?.associationType === proto.MessageAssociation.AssociationType.MEDIA_ALBUM
      ? textIn(association.parentMessageKey?.id)
      : undefined
  const ad = context?.externalAdReply
  const isAd = !isMissing(ad) && [ad.sourceId, ad.ctwaClid, ad.sourceType].some((text) => !!text)
  return {
    ...(mentions.length > 0 && { mentions }),
    ...(countOf(context?.nonJidMentions) && { mentionsEveryone: true as const }),
    ...(quoted && { quoted }),
    ...(forwarded && { forwarded }),
    ...present({ expiresInS: countOf(context?.expiration) || undefined, albumId }),
    ...((viewOnce || flagIn(field, 'viewOnce')) && { viewOnce: true }),
    ...(isAd && {
      ad: present({
        sourceType: textIn(ad.sourceType),
        sourceId: textIn(ad.sourceId),
        sourceUrl: textIn(ad.sourceUrl),
        title: textIn(ad.title),
        body: textIn(ad.body),
        mediaUrl: textIn(ad.mediaUrl),
        thumbnailUrl: textIn(ad.thumbnailUrl),
        clickId: textIn(ad.ctwaClid),
        app: textIn(ad.sourceApp),
      }),
    }),
  }
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

/** A sealed comment, as groups for announcements have them, names the message that it is about as nothing else does. */
function commentedOn(field: unknown): QuotedRef | undefined {
  if (typeof field !== 'object' || field === null || !('targetMessageKey' in field)) return undefined
  // The protobuf's own field of that name, on every kind of message that has it.
  const key = field.targetMessageKey as proto.IMessageKey | null | undefined
  if (isMissing(key?.id) || key.id === '') return undefined
  return { id: key.id, sender: tryParseJid(key.participant ?? ''), text: '' }
}

function contextOf(field: unknown): proto.IContextInfo | undefined {
  if (typeof field !== 'object' || field === null || !('contextInfo' in field)) return undefined
  // The protobuf's own field of that name, on every kind of message that has it.
  return field.contextInfo ?? undefined
}

function flagIn(field: unknown, name: string): boolean {
  return typeof field === 'object' && field !== null && (field as Record<string, unknown>)[name] === true
}

function jidsOf(texts: readonly string[] | null | undefined): readonly Jid[] {
  return (texts ?? []).map((text) => tryParseJid(text)).filter((jid) => jid !== undefined)
}
