import type { MessageType } from '@inbox-hub/contract'
import {
  type DeedKind,
  isDeedKind,
  type Jid,
  type MessageContent,
  type OwnDeed,
  picturedIn,
  quotedOf,
  textOf,
} from '@inbox-hub/whatsapp'

/** What a message's content becomes in its row. */
export interface StoredContent {
  /** The API's word; or 'undecryptable', 'album' or the kind of a deed, which no list shows. */
  type: MessageType | 'undecryptable' | 'album' | DeedKind
  body: string
  /** JSON, or null when `body` says everything. */
  content: string | null
  quotedId: string | null
}

/** CRMs keep these words in a select field; what has no word of its own there comes with its text. */
const typeOfKind: Readonly<
  Record<Exclude<MessageContent['kind'], 'unsupported' | 'undecryptable'>, MessageType | 'album'>
> = {
  text: 'text',
  image: 'image',
  video: 'video',
  gif: 'video',
  video_note: 'video',
  audio: 'audio',
  voice: 'voice',
  document: 'document',
  sticker: 'sticker',
  location: 'location',
  live_location: 'location',
  contacts: 'contact',
  poll: 'poll',
  event: 'text',
  buttons: 'buttons',
  list: 'list',
  buttons_reply: 'buttons',
  list_reply: 'list',
  group_invite: 'text',
  product: 'text',
  order: 'text',
  album: 'album',
}

/** The same for kinds that are kept but not read, by their name in WhatsApp's protobuf: a message may lack what makes it its kind. */
const typeOfField: Readonly<Record<string, MessageType>> = {
  locationMessage: 'location',
  liveLocationMessage: 'location',
  templateMessage: 'buttons',
}

/** What we send: a message of its own, or something done to another one. */
export type SentContent = MessageContent | OwnDeed

export function isDeed(content: SentContent): content is OwnDeed {
  return isDeedKind(content.kind)
}

export function storedContent(content: SentContent): StoredContent {
  if (isDeed(content)) {
    const { kind } = content
    const body = kind === 'reaction' ? content.emoji : kind === 'edit' ? content.text : ''
    return { type: kind, body, content: JSON.stringify(content), quotedId: null }
  }
  if (content.kind === 'undecryptable') {
    return { type: 'undecryptable', body: '', content: JSON.stringify(content), quotedId: null }
  }
  const plain = content.kind === 'text' && Object.keys(content).length === 2
  return {
    type: content.kind === 'unsupported' ? (typeOfField[content.name] ?? 'text') : typeOfKind[content.kind],
    body: textOf(content),
    content: plain ? null : JSON.stringify(content),
    quotedId: quotedOf(content)?.id ?? null,
  }
}

/** What was received, without its thumbnail, which is kept with the file and asked for by itself. */
export function withoutThumbnail(content: MessageContent): MessageContent {
  const { thumbnail: inside, ...rest } = picturedIn(content) ?? {}
  if (inside === undefined) return content
  const without = { ...rest, hasThumbnail: true }
  // What `picturedIn` answers is the one field or the other.
  return { ...content, ...('media' in content ? { media: without } : { preview: without }) } as MessageContent
}

export function contentOf(row: { body: string; content: string | null }): MessageContent {
  if (row.content === null) return { kind: 'text', text: row.body }
  // Only storedContent writes this column.
  return JSON.parse(row.content) as MessageContent
}

/** The same of what we sent, which may be something done to another message. */
export function sentContentOf(row: { body: string; content: string | null }): SentContent {
  return contentOf(row)
}

/** The people it names, as their addresses came. */
export function mentionsOf(content: MessageContent): readonly Jid[] {
  return content.kind === 'undecryptable' ? [] : (content.mentions ?? [])
}

/** What WhatsApp never shows by itself, by the `type` of its row: the frame of an album, whose pictures are messages of their own. */
export function isFrame(type: string): boolean {
  return type === 'album'
}
