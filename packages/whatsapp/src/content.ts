import type { Jid } from './jid.ts'

/** What a message says: one of its kinds, with what all kinds may carry. */
export type MessageContent =
  | (MessageBody & MessageExtras)
  | {
      kind: 'undecryptable'
      /** What the ratchet said, without key material. */
      reason: string
    }

/** A kind with what is its own. `text` is what a person would read: the text, the caption, the title; '' when there is none. */
export type MessageBody = { text: string } &
  /** `choice`: it names an option of a menu that the hub sent as numbered text. */
  (
    | { kind: 'text'; style?: TextStyle; choice?: Choice; preview?: LinkPreview }
    /** `style`: of a voice note that is a status. */
    | { kind: MediaKind; media: Media; style?: TextStyle }
    | { kind: 'location'; location: Location }
    | { kind: 'live_location'; location: Location }
    | { kind: 'contacts'; contacts: readonly ContactCard[] }
    | { kind: 'poll'; poll: Poll }
    | { kind: 'event'; event: PlannedEvent }
    /** A menu of a business: `buttons` and templates show their options at once, a `list` opens. */
    | {
        kind: 'buttons' | 'list'
        options: readonly MenuOption[]
        footer?: string
        /** Sent as text, which has the options numbered from 1 and the footer in it. */
        numbered?: true
        /** What opens a list. */
        button?: string
      }
    /** What somebody chose of such a menu. */
    | { kind: 'buttons_reply' | 'list_reply'; choice: Choice }
    | { kind: 'group_invite'; invite: GroupInvite }
    | { kind: 'product'; product: Product }
    | { kind: 'order'; order: Order }
    /** Announces pictures and videos that follow as messages of their own, each with this message's id as `albumId`. */
    | { kind: 'album'; album: { images: number; videos: number } }
    /** A kind we do not know yet keeps WhatsApp's name for it, and is never dropped. */
    | {
        kind: 'unsupported'
        /** The field of WhatsApp's `Message` protobuf that was set, e.g. `invoiceMessage`. */
        name: string
        /** The encoded `Message`, base64; absent when it is too large to keep beside its text. */
        raw?: string
      }
  )

export const mediaKinds = [
  'image',
  'video',
  'gif',
  'video_note',
  'audio',
  'voice',
  'document',
  'sticker',
] as const
export type MediaKind = (typeof mediaKinds)[number]

/** How a status of text or sound looks. What is not there is as WhatsApp likes. */
export interface TextStyle {
  /** `#RRGGBB` */
  background?: string
  /** `#RRGGBB`, of the letters. */
  color?: string
  /** WhatsApp's number of it. */
  font?: number
}

/** What an address in a text leads to, as the message shows it; made by its sender. */
export interface LinkPreview {
  /** As it stands in the text. */
  url: string
  title?: string
  description?: string
  /** A small JPEG, base64. Of what was received it is kept apart: a stored content has `hasThumbnail` instead. */
  thumbnail?: string
  hasThumbnail?: true
}

/** What any kind may carry. */
export interface MessageExtras {
  mentions?: readonly Jid[]
  /** Of a group: everybody in it is named. */
  mentionsEveryone?: true
  quoted?: QuotedRef
  /** How often it was passed on; from 5 on WhatsApp says "forwarded many times". */
  forwarded?: number
  /** It disappears so many seconds after it was sent. */
  expiresInS?: number
  viewOnce?: true
  /** Id of the album it is a part of. */
  albumId?: string
  ad?: AdReferral
  /**
   * What is done to the message under a seal is sealed with it, base64; kept where reactions are, in groups for announcements. Polls and events
   * have their own.
   */
  secret?: string
}

/** The message that another one answers. */
export interface QuotedRef {
  /** WhatsApp's message id. */
  id: string
  /** Who wrote it; undefined when WhatsApp did not say. */
  sender: Jid | undefined
  /** Its text or caption, '' when it has none. */
  text: string
}

/** The ad or post on Facebook or Instagram that somebody tapped to write to a business (click to WhatsApp). */
export interface AdReferral {
  /** As WhatsApp names it, e.g. `ad`, `post`. */
  sourceType?: string
  sourceId?: string
  sourceUrl?: string
  title?: string
  body?: string
  mediaUrl?: string
  thumbnailUrl?: string
  /** Click id for the advertiser's conversion reports. */
  clickId?: string
  /** The app the ad was shown in, e.g. `facebook`, `instagram`. */
  app?: string
}

/** A file, as its message describes it; nothing here was checked against the file. Bytes are base64. */
export interface Media {
  mimetype?: string
  name?: string
  bytes?: number
  /** Of the plain file. */
  sha256?: string
  seconds?: number
  /** Pixels. */
  width?: number
  height?: number
  pages?: number
  /** Of a sticker that moves. */
  animated?: boolean
  /** Of a voice note: loudness over time, one byte of 0 to 100 for each bar. */
  waveform?: string
  /**
   * A small JPEG that travels in the message, to be seen before its file is there. Of what was received it is kept apart: a stored content has
   * `hasThumbnail` instead.
   */
  thumbnail?: string
  hasThumbnail?: true
  /** Of what we send: the id under which the hub keeps the file. */
  storedAs?: string
  /** What it takes to fetch and open the file; absent when the message lacks a part of it, and while it is not uploaded. */
  source?: MediaSource
}

/** Where WhatsApp keeps a file, and the key to it. */
export interface MediaSource {
  /** Of what we uploaded; of others' files it is not to be trusted. */
  url?: string
  directPath: string
  /** Absent: the file lies there as it is, as those of newsletters do. */
  key?: string
  /** Of the encrypted file. */
  encSha256?: string
  /** When the key was made, or the file without one uploaded, Unix s. */
  keyTimestamp?: number
  /** Of what we uploaded for a newsletter: the name of the upload. */
  handle?: string
}

export interface Location {
  latitude: number
  longitude: number
  name?: string
  address?: string
  url?: string
  accuracyM?: number
  speedMps?: number
  /** Clockwise from magnetic north. */
  headingDegrees?: number
}

export interface ContactCard {
  name: string
  vcard: string
}

export interface Poll {
  question: string
  options: readonly string[]
  /** How many may be chosen; 0 means any number. */
  selectable: number
  /** Votes are sealed with it, base64; undefined when the message lacked it: its votes cannot be opened. */
  secret?: string
}

export interface PlannedEvent {
  name: string
  description?: string
  location?: Location
  joinLink?: string
  /** Unix ms. */
  startsAt?: number
  endsAt?: number
  canceled: boolean
  /** Whether guests may bring others. */
  extraGuests?: boolean
  /** Answers to it are sealed with it, base64; undefined when the message lacked it. */
  secret?: string
}

export interface MenuOption {
  /** What a reply names. */
  id: string
  title: string
  description?: string
  url?: string
  phone?: string
}

export interface Choice {
  /** Of the option in the menu; '' when the reply does not say. */
  id: string
  title: string
  description?: string
  /** Of a flow: the form as it was filled in, JSON. */
  form?: string
  /** WhatsApp's id of the menu, when the hub knows which one. */
  menuId?: string
}

export interface GroupInvite {
  group: Jid
  name: string
  code: string
  /** Unix ms. */
  expiresAt?: number
}

export interface Product {
  id: string
  title: string
  description?: string
  /** In thousandths of the currency's unit. */
  priceMilli?: number
  currency?: string
  url?: string
  retailerId?: string
  seller?: Jid
}

export interface Order {
  id: string
  title: string
  items: number
  /** In thousandths of the currency's unit. */
  totalMilli?: number
  currency?: string
  seller?: Jid
}

/** The text that a person would read; '' when there is none. */
export function textOf(content: MessageContent): string {
  return content.kind === 'undecryptable' ? '' : content.text
}

/** What is done to the message under a seal is sealed with this, base64; undefined when it lacked it, or it was not kept. */
export function secretOf(content: MessageContent): string | undefined {
  if (content.kind === 'undecryptable') return undefined
  if (content.kind === 'poll') return content.poll.secret
  return content.kind === 'event' ? content.event.secret : content.secret
}

/** The message that this one answers, if any. */
export function quotedOf(content: MessageContent): QuotedRef | undefined {
  return content.kind === 'undecryptable' ? undefined : content.quoted
}

/** Where a message has its small picture: in what it says of its file, or of an address in it. */
export function picturedIn(content: MessageContent): Media | LinkPreview | undefined {
  return content.kind === 'text' ? content.preview : mediaOf(content)
}

/** The file of a message that is one. */
export function mediaOf(content: MessageContent): Media | undefined {
  return 'media' in content ? content.media : undefined
}
