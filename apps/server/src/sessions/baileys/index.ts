export { createBaileys, type EngineOptions } from './engine.ts'
export { openEventAnswer, openReaction, openVote } from './journal/sealed-deed.ts'

import type { Lease } from '../../cluster/index.ts'
import type { Tx } from '../../platform/database/index.ts'
import type { Acquaintance, Passing } from './acquaintances.ts'
import type { CredentialsKind } from './credentials.ts'
import type { HistoryTaker } from './history/taker.ts'
import type { Journal } from './journal/entry.ts'
import type { DialOptions, Link } from './link/dial.ts'

export type { Acquaintance, Passing } from './acquaintances.ts'
export type { AppStateChange, LastMessage, NamedMessage } from './app-state/actions.ts'
export type { CredentialsKind } from './credentials.ts'
export type {
  HistoryBatch,
  HistoryKind,
  HistoryPart,
  HistoryTaker,
  PastChat,
  PastMessage,
} from './history/taker.ts'
export type { ChangeEntry, Journal, JournalEntry, Projection } from './journal/entry.ts'
export type { PrivacyCategories } from './link/account.ts'
export type { AppStateCalls } from './link/app-state.ts'
export type { BusinessHours, BusinessProfile, CatalogueProduct, OrderDetails } from './link/business.ts'
export type { PastCall } from './history/past-call.ts'
export type { CallSignal } from './link/calls.ts'
export type { CommunityCalls, CommunityGroup } from './link/communities.ts'
export type { DialOptions, DialStep, Link, LinkEvent } from './link/dial.ts'
export type { FileAgain } from './link/file-again.ts'
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
export type { GroupCalls, GroupSetting } from './link/groups.ts'
export type {
  NewsletterCalls,
  NewsletterMetadata,
  NewsletterNews,
  NewsletterPost,
  NewsletterReaction,
} from './link/newsletters.ts'
export type { OutboundContent } from './link/outbound.ts'
export type { About, PersonNotice, PictureRef } from './link/people.ts'
export type { PhoneCalls, PhoneMessageKey } from './link/phone-requests.ts'
export type { StatusCalls } from './link/statuses.ts'
export type { FileToUpload, UploadedAs, UploadedFile } from './link/upload.ts'

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
