import type { MessageType } from '@inbox-hub/contract'
import { type MessageContent, quotedOf, textOf } from '@inbox-hub/whatsapp'

/** What a message's content becomes in its row. */
export interface StoredContent {
  /** The API's word, or 'undecryptable', which the API never shows. */
  type: MessageType | 'undecryptable'
  body: string
  /** JSON, or null when `body` says everything. */
  content: string | null
  quotedId: string | null
}

/** The API's words for kinds of content that are kept but not read yet, by their name in WhatsApp's protobuf. */
const typeOfField: Readonly<Record<string, MessageType>> = {
  imageMessage: 'image',
  videoMessage: 'video',
  ptvMessage: 'video',
  audioMessage: 'audio',
  documentMessage: 'document',
  documentWithCaptionMessage: 'document',
  locationMessage: 'location',
  liveLocationMessage: 'location',
  contactMessage: 'contact',
  contactsArrayMessage: 'contact',
  stickerMessage: 'sticker',
  lottieStickerMessage: 'sticker',
  buttonsMessage: 'buttons',
  buttonsResponseMessage: 'buttons',
  templateMessage: 'buttons',
  templateButtonReplyMessage: 'buttons',
  interactiveMessage: 'buttons',
  interactiveResponseMessage: 'buttons',
  listMessage: 'list',
  listResponseMessage: 'list',
  pollCreationMessage: 'poll',
  pollCreationMessageV2: 'poll',
  pollCreationMessageV3: 'poll',
  reactionMessage: 'reaction',
}

export function storedContent(content: MessageContent): StoredContent {
  if (content.kind === 'undecryptable') {
    return { type: 'undecryptable', body: '', content: JSON.stringify(content), quotedId: null }
  }
  const quoted = quotedOf(content)
  const mentions = content.kind === 'text' ? content.mentions : undefined
  const plain =
    content.kind === 'text' && quoted === undefined && (mentions === undefined || mentions.length === 0)
  return {
    type: content.kind === 'text' ? 'text' : (typeOfField[content.name] ?? 'text'),
    body: textOf(content),
    content: plain ? null : JSON.stringify(content),
    quotedId: quoted?.id ?? null,
  }
}

export function contentOf(row: { body: string; content: string | null }): MessageContent {
  if (row.content === null) return { kind: 'text', text: row.body }
  // Only storedContent writes this column.
  return JSON.parse(row.content) as MessageContent
}

/** What WhatsApp shows on other messages instead of as a message of its own: taking one back, taking a reaction away. */
export function isAboutAnother(content: MessageContent): boolean {
  if (content.kind !== 'unsupported') return false
  return (
    content.name === 'protocolMessage.REVOKE' || (content.name === 'reactionMessage' && content.text === '')
  )
}
