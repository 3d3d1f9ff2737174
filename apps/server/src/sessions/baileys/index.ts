export { createBaileys, type EngineOptions } from './engine.ts'
export { openVote } from './journal/vote.ts'

import type { Readable } from 'node:stream'

import type { DisconnectCause, Jid, MessageChange, MessageContent, OwnDeed } from '@inbox-hub/whatsapp'

import type { Lease } from '../../cluster/index.ts'
import type { Tx } from '../../platform/database/index.ts'
import type { AccountCalls } from './link/account.ts'
import type { BusinessCalls } from './link/business.ts'
import type { FileAgain } from './link/file-again.ts'
import type { CallSignal } from './link/calls.ts'
import type { AppStateChange, NamedMessage } from './app-state/actions.ts'
import type { PeopleCalls, PersonNotice } from './link/people.ts'
import type { NewsletterMetadata, NewsletterNews, NewsletterPost } from './link/newsletters.ts'
import type {
  GroupMember,
  GroupMetadata,
  GroupNotice,
  JoinRequest,
  ParticipantOutcome,
} from './link/group-nodes.ts'
import type { GroupSetting } from './link/groups.ts'

export type { PrivacyCategories } from './link/account.ts'
export type { BusinessHours, BusinessProfile, CatalogueProduct, OrderDetails } from './link/business.ts'
export type { CallSignal } from './link/calls.ts'
export type { AppStateChange, LastMessage, NamedMessage } from './app-state/actions.ts'
export type { FileAgain } from './link/file-again.ts'
export type {
  NewsletterMetadata,
  NewsletterNews,
  NewsletterPost,
  NewsletterReaction,
} from './link/newsletters.ts'
export type {
  GroupChange,
  GroupMember,
  GroupMetadata,
  GroupNotice,
  GroupPerson,
  GroupRole,
  JoinRequest,
  ParticipantOutcome,
} from './link/group-nodes.ts'
export type { GroupSetting } from './link/groups.ts'

export type { About, PersonNotice, PictureRef } from './link/people.ts'

/** One step of a dial, for the timeline and the diagnosis (engine §1.5). `detail` is safe to show. */
export interface DialStep {
  at: number
  step:
    | 'dns'
    | 'tcp'
    | 'tls'
    | 'upgrade'
    | 'unexpected_response'
    | 'first_frame'
    | 'payload' // detail.kind: 'register' | 'login'
    | 'pair_device'
    | 'success'
    | 'failure'
    | 'stream_error'
    | 'companion_reg_refresh'
    | 'passkey_prologue'
    | 'bad_frame'
    | 'closed'
  detail: Record<string, string | number | boolean | null>
}

/** What one generation's socket tells its session. Each is told at most as often as it happens, in order; nothing after `closed`. */
export type LinkEvent =
  | { type: 'step'; step: DialStep }
  | { type: 'qr'; text: string; index: number; of: number; expiresAt: number }
  | { type: 'pairing_code'; code: string; expiresAt: number }
  | { type: 'pairing_code_refused'; status: number }
  | { type: 'paired'; me: { pn: Jid; lid: Jid | undefined } } // credentials are durable
  | { type: 'logged_in' } // <success>: the login is accepted, sync follows
  | { type: 'online'; me: { pn: Jid; lid: Jid | undefined; name: string | undefined } }
  | { type: 'passkey_required' }
  /** What the account calls itself now. */
  | { type: 'renamed'; name: string }
  | { type: 'restricted'; until: number; scope: 'account' | 'new_chats' }
  | { type: 'store_fault'; error: Error } // nothing was acknowledged after the failed write; the socket is already cut
  | { type: 'fenced' } // another node owns the session
  | { type: 'closed'; cause: DisconnectCause }

export interface DialOptions {
  sessionId: number
  generation: number
  lease: Lease
  /** How to pair when the session has no credentials. A phone is digits, international. */
  pairing: { method: 'qr' } | { method: 'code'; phone: string }
  /** Ask the phone for all of its history when it links us, not only for the last months. */
  fullHistory?: boolean
  /** WhatsApp Web version, for the 405 ladder; undefined = the pinned one. */
  version: [number, number, number] | undefined
  /** http://, https:// or socks5:// URL. */
  proxy: string | undefined
  onEvent: (event: LinkEvent) => void
}

/** One generation's connection. Every method rejects with `HubError SESSION_NOT_CONNECTED` once it is closed. */
export interface Link {
  readonly generation: number
  readonly lease: Lease
  /** Ends the socket within 3 s: flush, end, terminate. Idempotent. Never logs the device out. */
  close(): Promise<void>
  /** Unlinks the device at WhatsApp, then closes. Only for a user's logout. */
  logout(): Promise<void>
  /** Switches a pairing dial to a code; answers the code once WhatsApp accepted it (5 s), or rejects with `PAIRING_CODE_REFUSED`. */
  requestPairingCode(phone: string): Promise<{ code: string; expiresAt: number }>
  /** Encrypts and writes one message under `id`. Resolves with the encoded proto when the bytes are written: that is not "sent", the ack is. */
  send(
    message: {
      id: string
      to: Jid
      content: OutboundContent
      /** Asks WhatsApp for the recipients' devices anew instead of trusting what we remember: after an ack with error 479. */
      refreshDevices: boolean
    },
    beforeWire: (proto: Uint8Array) => Promise<void>,
  ): Promise<void>
  /**
   * Seals a file and gives it to WhatsApp's media host. Rejects with `UploadRefused` when it will never take it, with what reading the file
   * throws, with the reason of `signal`, and with whatever else went wrong, which may go right the next time.
   */
  upload(file: FileToUpload, signal: AbortSignal): Promise<UploadedFile>
  /** Server acks of messages: `error` undefined means the server took it. */
  onAck(listener: (ack: { id: string; chat: Jid; error: number | undefined; at: number }) => void): Disposable
  markRead(keys: readonly { chat: Jid; sender: Jid | undefined; id: string }[]): Promise<void>
  typing(chat: Jid, state: 'composing' | 'recording' | 'paused'): Promise<void>
  readonly groups: GroupCalls
  readonly people: PeopleCalls
  readonly account: AccountCalls
  readonly business: BusinessCalls
  /** Asks the account's phone to upload a file again that WhatsApp has no more; waits at most 15 s for it. `key` is the file's. */
  fileAgain(message: {
    id: string
    chat: Jid
    /** In a group, who wrote it; undefined when we did. */
    sender: Jid | undefined
    fromMe: boolean
    key: Uint8Array
  }): Promise<FileAgain>
  /** Refuses a call that rings. Rejects with `QueryRefused` when WhatsApp does not know it (any more). */
  rejectCall(call: { id: string; creator: Jid }): Promise<void>
  readonly appState: AppStateCalls
  readonly phone: PhoneCalls
  /**
   * Sets how long messages with a person live from now on, 0: they stay. Resolves when WhatsApp took it; rejects with `WHATSAPP_ERROR`.
   * Groups have a setting of theirs for it.
   */
  setDisappearing(chat: Jid, seconds: number): Promise<void>
  readonly statuses: StatusCalls
  readonly newsletters: NewsletterCalls
  /** Asks WhatsApp whether numbers exist; undefined = it did not say. Answers the JID to send to. */
  numbers(
    digits: readonly string[],
  ): Promise<
    readonly { digits: string; exists: boolean | undefined; pn: Jid | undefined; lid: Jid | undefined }[]
  >
}

/** A message as the phone knows it. */
export interface PhoneMessageKey {
  id: string
  chat: Jid
  /** Who wrote it, in groups; undefined when we did. */
  sender: Jid | undefined
  fromMe: boolean
}

/**
 * What can be asked of the account's own phone. Each resolves when the request is written: the phone answers when it is online, be it
 * tomorrow. Rejects with `SESSION_NOT_CONNECTED`.
 */
export interface PhoneCalls {
  newRequestId(): string
  /** Messages of a chat before `oldest`; they come as history that names the request. `sentAt` is Unix ms. */
  olderMessages(
    requestId: string,
    wanted: { chat: Jid; oldest: { id: string; fromMe: boolean; sentAt: number }; count: number },
  ): Promise<void>
  /** Messages that could not be opened; they come as if they had just been sent. */
  resend(keys: readonly PhoneMessageKey[]): Promise<void>
}

/**
 * What can be asked about groups. Every call is one query to WhatsApp: it rejects with `QueryRefused` when WhatsApp says no, with
 * `HubError WHATSAPP_ERROR` (`NO_ANSWER`) when there is no answer within 20 s that we understand.
 */
export interface GroupCalls {
  readonly communities: CommunityCalls
  /** All groups the account is in, with their members. */
  all(): Promise<readonly GroupMetadata[]>
  metadata(group: Jid): Promise<GroupMetadata>
  /** `key` names the group to be made: WhatsApp makes one per key. */
  create(
    subject: string,
    people: readonly Jid[],
    key: string,
    /** The community that it is to be a part of. */
    community?: Jid,
  ): Promise<{ group: GroupMetadata; outcomes: readonly ParticipantOutcome[] }>
  leave(group: Jid): Promise<void>
  set(group: Jid, setting: GroupSetting): Promise<void>
  /** `previous` is the id of the description that is replaced: WhatsApp answers 409 when it is another. */
  describe(group: Jid, text: string | null, ids: { id: string; previous: string | undefined }): Promise<void>
  participants(
    group: Jid,
    people: readonly Jid[],
    action: 'add' | 'remove' | 'promote' | 'demote',
  ): Promise<readonly ParticipantOutcome[]>
  inviteCode(group: Jid): Promise<string>
  /** Answers the new code. */
  revokeInvite(group: Jid): Promise<string>
  invited(code: string): Promise<GroupMetadata>
  join(code: string): Promise<{ group: Jid; isPending: boolean }>
  joinRequests(group: Jid): Promise<readonly JoinRequest[]>
  answerJoinRequests(
    group: Jid,
    people: readonly Jid[],
    action: 'approve' | 'reject',
  ): Promise<readonly ParticipantOutcome[]>
}

/**
 * What all devices of the account share: settings of chats, labels, the address book. Rejects with `HubError`: `APP_STATE_NOT_READY` while
 * the phone has not shared its keys, `APP_STATE_CONFLICT` when other devices change the same faster than we do, `WHATSAPP_ERROR`
 * with WhatsApp's reason, or `NO_ANSWER` within 20 s.
 */
export interface AppStateCalls {
  /** Whether the phone runs WhatsApp Business, which alone has labels and quick replies; undefined: it did not say. */
  readonly isBusiness: boolean | undefined
  /** Resolves when WhatsApp has it and it is stored and told here, as what other devices set is. */
  change(change: AppStateChange): Promise<void>
  /** Fetches what we do not have; `afresh`: everything, as if nothing were known. What it tells is stored and told. */
  sync(how: { afresh: boolean }): Promise<void>
}

/**
 * What can be asked about newsletters. Rejects with `QueryRefused` when WhatsApp says no (404: there is none), with `HubError
 * WHATSAPP_ERROR` (`NO_ANSWER`) when there is no answer within 20 s that we understand.
 */
export interface NewsletterCalls {
  /** All that the account follows or owns. */
  all(): Promise<readonly NewsletterMetadata[]>
  find(newsletter: Jid): Promise<NewsletterMetadata>
  invited(code: string): Promise<NewsletterMetadata>
  /** `picture`: a JPEG, base64. */
  create(wish: {
    name: string
    description: string | undefined
    picture: string | undefined
  }): Promise<NewsletterMetadata>
  /** Only what is given changes; '' takes description and picture away. */
  update(
    newsletter: Jid,
    updates: Partial<Readonly<Record<'name' | 'description' | 'picture', string>>>,
  ): Promise<void>
  act(newsletter: Jid, action: 'follow' | 'unfollow' | 'mute' | 'unmute' | 'delete'): Promise<void>
  /** The newest, or those before a `serverId`. */
  messages(
    newsletter: Jid,
    which: { count: number; before: number | undefined },
  ): Promise<readonly NewsletterPost[]>
  /** Answers how long WhatsApp tells views and reactions from now on, seconds. */
  live(newsletter: Jid): Promise<number>
  /** An empty emoji takes the reaction back. */
  react(newsletter: Jid, serverId: number, emoji: string): Promise<void>
  /** Takes the message that was posted under `id` back. */
  revoke(newsletter: Jid, id: string): Promise<void>
}

/** A group of a community. */
export interface CommunityGroup {
  jid: Jid
  subject: string
  /** undefined when WhatsApp did not say. */
  size: number | undefined
  /** The one in which admins write to all. */
  isAnnouncement: boolean
}

/** What can be asked about communities: groups that hold groups. Rejects as `GroupCalls` do. */
export interface CommunityCalls {
  create(subject: string, description: string | undefined): Promise<Jid>
  groups(community: Jid): Promise<readonly CommunityGroup[]>
  /** Members of all its groups. */
  members(community: Jid): Promise<readonly GroupMember[]>
  /** Answers WhatsApp's number for each group, 200 when it was done. */
  link(community: Jid, groups: readonly Jid[]): Promise<readonly { jid: Jid; status: number }[]>
  unlink(community: Jid, group: Jid): Promise<number>
  /** Ends the community; its groups stay, but the one for announcements. */
  end(community: Jid): Promise<void>
}

/**
 * What is done to statuses. Each is a message: resolves when WhatsApp has it; rejects with `HubError WHATSAPP_ERROR` when it does not take
 * it, or does not answer within 20 s (`NO_ANSWER`).
 */
export interface StatusCalls {
  /** An empty emoji takes the reaction back. Answers the id of the message that says so. */
  react(status: { id: string; author: Jid }, emoji: string): Promise<string>
  /** Takes one of ours back from those it was sent to. */
  revoke(id: string, audience: readonly Jid[]): Promise<void>
}

/** A file on its way to WhatsApp. */
export interface FileToUpload {
  /** What WhatsApp derives its keys for: stickers are images. */
  readonly kind: SealedAs
  /** Its bytes; asked for twice. */
  open(signal: AbortSignal): Promise<Readable>
}

export type SealedAs = 'image' | 'video' | 'audio' | 'document'

/** Where WhatsApp has a file, and what opens it. Bytes are base64. */
export interface UploadedFile {
  readonly url: string | undefined
  readonly directPath: string
  readonly key: string
  /** Unix s. */
  readonly keyTimestamp: number
  /** Of the plain file. */
  readonly sha256: string
  /** Of the sealed one. */
  readonly encSha256: string
}

export interface OutboundContent {
  content: MessageContent | OwnDeed
  /** The message this answers, as stored. */
  quoted: { id: string; chat: Jid; sender: Jid; fromMe: boolean; content: MessageContent } | undefined
  /** Whom a status is for. The account itself sees it anyway. */
  audience?: readonly Jid[] | undefined
}

/** What a session's credentials amount to. */
export type CredentialsKind =
  | 'none'
  /** A pairing began and never completed; the next dial starts from a new identity. */
  | 'unpaired'
  /** Linked to a phone: the next dial logs in. */
  | 'linked'

/** The only door to Baileys: sockets, credentials, Signal keys and the journal of what came in. */
export interface Engine extends AsyncDisposable {
  /**
   * Opens one socket and answers at once with its link: everything that follows is told through `onEvent`, the first
   * step included. Rejects with `StoreFault` when the credentials cannot be read (never takes that for "none"),
   * with `Fenced` when the lease is stale.
   */
  dial(options: DialOptions): Promise<Link>
  /** Throws `StoreFault` when the store cannot be read. */
  credentialsKind(sessionId: number): Promise<CredentialsKind>
  /** Keeps a sealed copy of the credentials for 7 days, then erases them and the Signal keys, in one fenced transaction. */
  forget(lease: Lease, cause: string): Promise<void>
  /** Clears journal plaintext 72 h after projection, hashes after 14 days, archived credentials after 7. Bounded work per call; call it every few minutes. */
  sweep(): Promise<void>
  readonly journal: Journal
  onPassing(listener: (passing: Passing) => void): Disposable
  /** In the transaction that stored the fact. */
  onAcquaintances(listener: (tx: Tx, facts: readonly Acquaintance[]) => Promise<void>): void
  answerRetriesWith(find: (sessionId: number, whatsappId: string) => Promise<Uint8Array | undefined>): void
  /** Who takes what phones tell of before. Before the first dial. */
  takeHistoryWith(taker: HistoryTaker): void
}

/** Which history a part has: of all chats at linking (`bootstrap`), of some months (`recent`), of years (`full`), of one chat because we asked. */
export type HistoryKind = 'bootstrap' | 'recent' | 'full' | 'on_demand' | 'names' | 'status' | 'other'

/** One of the parts that a phone sends its history in. */
export interface HistoryPart {
  sessionId: number
  /** Names it for ever: the same part that comes again has the same. */
  hash: string
  kind: HistoryKind
  /** How much of its kind the phone has told with it, 0 to 100. */
  percent: number
  /** The id of our request that it answers. */
  requestId: string | undefined
}

/** Some of a part. Addresses are as told; which of them belong together is stored already. */
export interface HistoryBatch {
  messages: readonly PastMessage[]
  changes: readonly ChangeEntry[]
  /** Chats whose messages have all been taken. */
  chats: readonly PastChat[]
  people: readonly Extract<Acquaintance, { type: 'contact' }>[]
}

export type ChangeEntry = Extract<JournalEntry, { kind: 'change' }>

/** A message from before the session was linked, or from while it was away. */
export interface PastMessage {
  entry: Extract<JournalEntry, { kind: 'message' | 'undecryptable' }>
  /** How far ours came; undefined for those of others. */
  status: 'sent' | 'delivered' | 'read' | 'failed' | undefined
  starred: boolean
}

/** A chat as the phone has it. */
export interface PastChat {
  jid: Jid
  /** Of a group; people's names are their contact's. */
  name: string | undefined
  savedName: string | undefined
  username: string | undefined
  unread: number
  archived: boolean
  pinned: boolean
  /** Unix ms. */
  mutedUntil: number | null
  markedUnread: boolean
  /** Seconds until its messages disappear. */
  ephemeralS: number | null
  /** Unix ms, of its last message; 0 when not told. */
  activeAt: number
  /** The phone has nothing older. */
  isWhole: boolean
}

/** Stores what phones tell of before. What takes a transaction is called in one that the lease fences, and may run again. */
export interface HistoryTaker {
  /** What of a session's history is wanted; `since` is Unix ms. */
  wants(sessionId: number): { messages: boolean; since: number | undefined }
  /** A part is going to be read; answers how many of its items were taken before, by a process that did not come to its end. */
  begin(tx: Tx, part: HistoryPart): Promise<number>
  /** `items` of the part are taken with this batch, `read` of it is read, 0 to 1. */
  take(tx: Tx, part: HistoryPart, batch: HistoryBatch, state: { items: number; read: number }): Promise<void>
  /** The part is read to its end, in the transaction that settles it; or never will be. */
  end(tx: Tx, part: HistoryPart, failure: string | undefined): Promise<void>
  /** It cannot be read now, and will be tried again. */
  failed(tx: Tx, part: HistoryPart, failure: string): Promise<void>
}

/** Something WhatsApp told us, durable before WhatsApp was told to forget it. JIDs are as received; `alt` is the other form when the stanza carried it. */
export type JournalEntry = {
  sessionId: number
  seq: number
  hash: string
  offline: boolean
  receivedAt: number
} & (
  | {
      kind: 'message'
      id: string
      chat: Jid
      chatAlt: Jid | undefined
      sender: Jid
      senderAlt: Jid | undefined
      fromMe: boolean
      /** Unix ms, WhatsApp's clock. */
      sentAt: number
      pushName: string | undefined
      verifiedName: string | undefined
      content: MessageContent
    }
  | {
      /** Something was done to another message. */
      kind: 'change'
      id: string
      chat: Jid
      chatAlt: Jid | undefined
      sender: Jid
      senderAlt: Jid | undefined
      fromMe: boolean
      /** Unix ms, WhatsApp's clock. */
      sentAt: number
      pushName: string | undefined
      verifiedName: string | undefined
      /** Sent as an administrator of the group: only that may take back what others wrote. */
      byAdmin: boolean
      change: MessageChange
    }
  | {
      /** The ratchet could not open it; a later entry with the same id may. */
      kind: 'undecryptable'
      id: string
      chat: Jid
      chatAlt: Jid | undefined
      sender: Jid
      senderAlt: Jid | undefined
      sentAt: number
      reason: string
    }
  | {
      kind: 'receipt'
      ids: readonly string[]
      chat: Jid
      participant: Jid | undefined
      status: 'delivered' | 'read' | 'played'
      sentAt: number
    }
)

/** Told and forgotten: never stored. */
export type Passing = {
  type: 'presence'
  sessionId: number
  chat: Jid
  from: Jid
  state: 'available' | 'unavailable' | 'composing' | 'recording' | 'paused'
  /** When they were last online, Unix ms, where they let it be seen. */
  lastSeen: number | undefined
}

/** Facts about people and chats that pass by outside messages. */
export type Acquaintance =
  | { type: 'lid_mapping'; sessionId: number; lid: Jid; pn: Jid }
  | {
      type: 'contact'
      sessionId: number
      jid: Jid
      pushName?: string
      /** null: taken out of the address book. */
      savedName?: string | null
      verifiedName?: string
      username?: string
    }
  | {
      /** What the account set on a chat, on whichever of its devices. */
      type: 'chat'
      sessionId: number
      jid: Jid
      archived?: boolean
      pinned?: boolean
      /** Unix ms; null when no longer. */
      mutedUntil?: number | null
      markedUnread?: boolean
      /** Set by either side of the chat; 0: messages stay. */
      disappearingSeconds?: number
    }
  /** Everything in the chat up to this moment (Unix ms) was read on a device of the account. */
  | { type: 'chat_read'; sessionId: number; jid: Jid; through: number }
  /** The account cleared the chat up to this moment, Unix ms; `removed`: the chat too. */
  | { type: 'chat_emptied'; sessionId: number; jid: Jid; through: number; removed: boolean }
  /** `jid` is the chat of the message. */
  | { type: 'message_starred'; sessionId: number; jid: Jid; message: NamedMessage; starred: boolean }
  | { type: 'message_deleted_for_me'; sessionId: number; jid: Jid; message: NamedMessage }
  /** null: deleted. */
  | {
      type: 'label'
      sessionId: number
      id: string
      label: { name: string; color: number; predefinedId: number | undefined } | null
    }
  /** A label was put on, or taken off, a chat (`jid`) or a message in it. */
  | {
      type: 'label_use'
      sessionId: number
      label: string
      jid: Jid
      message: NamedMessage | undefined
      labelled: boolean
    }
  /** A text that the account keeps to answer with; null: deleted. */
  | {
      type: 'quick_reply'
      sessionId: number
      id: string
      reply: { shortcut: string; text: string; keywords: readonly string[] } | null
    }
  | { type: 'group'; sessionId: number; jid: Jid; notice: GroupNotice }
  | { type: 'call'; sessionId: number; signal: CallSignal }
  | { type: 'person'; sessionId: number; notice: PersonNotice }
  | { type: 'newsletter'; sessionId: number; jid: Jid; news: NewsletterNews }

/** The durable queue between the sockets and the projector. */
export interface Journal {
  /** Called after each commit with the entries it made durable and owed, in order per session; nothing is told twice in one process. */
  onEntries(listener: (entries: readonly JournalEntry[]) => void): Disposable
  /** Sessions that have entries still owed: for the sweep at boot. */
  owing(): Promise<readonly number[]>
  /** Entries still owed with `seq` greater than `after` (0 = all), oldest first: for the sweep at boot and at each take-over. */
  owed(sessionId: number, limit: number, after: number): Promise<readonly JournalEntry[]>
  /** Marks entries as projected, in the transaction of the projection, which the lease fences. */
  settle(tx: Tx, entries: readonly JournalEntry[]): Promise<void>
  /** Offers entries to `projection` in the transaction that makes them durable. What it does not take, or fails on, is owed and told as ever. */
  projectWith(projection: Projection): void
}

/** Whoever can project an entry in the very transaction that stores it: one commit, and nothing owed between two. */
export interface Projection {
  /** Whether nothing of this session waits to be projected; a new entry would overtake what does. */
  isCurrent(sessionId: number): boolean
  /** May run again, in another transaction. When it throws, its transaction is undone and the entries are stored as owed. */
  project(tx: Tx, entries: readonly JournalEntry[]): Promise<void>
}
