import type { MediaKind, MessageBody } from './content.ts'
import type { Jid } from './jid.ts'

/** Kinds of messages that are sent as they are asked for: nothing has to be fetched or looked up first. */
export const plainKinds = [
  'text',
  'location',
  'live_location',
  'contacts',
  'poll',
  'event',
  'buttons',
  'list',
] as const

/** What we can do to a message. It is sent like one, and shows on that message instead of as one of its own. */
export const deedKinds = ['reaction', 'edit', 'revoke', 'pin', 'keep', 'vote'] as const
export type DeedKind = (typeof deedKinds)[number]

/** What somebody asks us to send. What all kinds may carry beside it (mentions, a quote) is asked for beside it. */
export type OutgoingContent = OutgoingMessage | OutgoingLinkedText | OutgoingForward | OutgoingDeed

/** A message of its own. */
export type OutgoingMessage = Extract<MessageBody, { kind: (typeof plainKinds)[number] }>

/** A text that shows what the first address in it leads to. */
export interface OutgoingLinkedText {
  kind: 'text'
  text: string
  /** As the page says, or as whoever sends it does. */
  linkPreview: 'of_page' | { title: string; description?: string; imageUrl?: string }
}

/** Another message, passed on. */
export interface OutgoingForward {
  kind: 'forward'
  /** In any of the API's forms. */
  messageId: string
}

/** Something done to a message, which is named in any of the API's forms. */
export type OutgoingDeed = { messageId: string } & (
  | { kind: 'reaction'; emoji: string }
  | { kind: 'edit'; text: string }
  | { kind: 'revoke' }
  | { kind: 'pin'; pinned: boolean; forS: number }
  | { kind: 'keep'; kept: boolean }
  | { kind: 'vote'; chosen: readonly string[] }
)

/** Something that we do to a message, as it is stored and sent. */
export type OwnDeed = {
  target: OwnDeedTarget
  /** Unix ms. */
  at: number
} &
  /** `secret` is the message's, base64: in a group for announcements reactions are sealed with it. */
  (
    | { kind: 'reaction'; emoji: string; secret?: string }
    /** `file`: the one whose caption it is, as it was sent. */
    | { kind: 'edit'; text: string; mentions: readonly Jid[]; file?: FileBody }
    /** As an administrator of the group when it is not ours. */
    | { kind: 'revoke' }
    | { kind: 'pin'; pinned: boolean; forS: number }
    | { kind: 'keep'; kept: boolean }
    /** `secret` is the poll's, base64: votes are sealed with it. */
    | { kind: 'vote'; chosen: readonly string[]; secret: string }
  )

export interface OwnDeedTarget {
  /** WhatsApp's message id. */
  id: string
  fromMe: boolean
  /** Who wrote it, us included, by whichever address: the link names them as the chat does. */
  author: Jid
}

export function isDeedKind(word: string): word is DeedKind {
  return deedKinds.some((kind) => kind === word)
}

/** A file that somebody asks us to send: it has to be fetched, looked into and perhaps converted before it is a message. */
export interface AskedFile {
  /** `file`: whatever its bytes say. */
  kind: MediaKind | 'file'
  /** The caption; '' when there is none. */
  text: string
  file: FileSource
  /** How it is called; undefined = as where it comes from says. */
  name?: string
  /** As whoever sends it says; its bytes decide. */
  mimetype?: string
  viewOnce?: true
}

/** Pictures and videos that are shown together, each a message of its own. */
export interface AskedAlbum {
  kind: 'album'
  items: readonly AskedFile[]
}

/** Where a file comes from. */
export type FileSource =
  | { url: string }
  /** Of an earlier upload. */
  | { mediaId: string }
  | { base64: string }
  /** Inside the upload folder of the server. */
  | { path: string }
  /** It came as a part of the request. */
  | { upload: true }

/** What a file says. */
export type FileBody = Extract<MessageBody, { kind: MediaKind }>

/** A file that is ready to be sent. */
export type FileContent = FileBody & { viewOnce?: true }
