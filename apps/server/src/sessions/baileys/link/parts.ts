import type { AuthenticationCreds, GroupMetadata, WASocket } from '../baileys.ts'

import type { Clock } from '../../../platform/clock.ts'
import type { Log } from '../../../platform/log.ts'
import type { CredentialsWriter } from '../credentials.ts'
import type { Acquaintance, Passing } from '../acquaintances.ts'
import type { DialOptions } from './dial.ts'
import type { HistoryTaker } from '../history/taker.ts'
import type { Self } from '../journal/envelope.ts'
import type { Inbox } from '../journal/inbox.ts'
import type { DeviceLists } from '../signal/device-lists.ts'
import type { SignalStore } from '../signal/store.ts'
import type { SocketContext } from '../socket-context.ts'
import type { PrivacyTokens } from './privacy-tokens.ts'
import type { UploadRoute } from './upload.ts'

/** What one generation's link is made of, before there is a socket. */
export interface LinkParts {
  options: DialOptions
  context: SocketContext
  creds: AuthenticationCreds
  credentials: CredentialsWriter
  store: SignalStore
  inbox: Inbox
  devices: DeviceLists
  tokens: PrivacyTokens
  uploadRoute: UploadRoute
  /** A group from the cache that baileys sends by, asked for when it is not there; undefined when that failed. */
  groupOf: (sock: WASocket, jid: string) => Promise<GroupMetadata | undefined>
  /** Our own addresses. */
  self: () => Self
  /** What is wanted of before the session was linked; `since` is Unix ms. */
  past: () => ReturnType<HistoryTaker['wants']>
  clock: Clock
  log: Log
  tellPassing: (passing: Passing) => void
  keepFacts: (facts: readonly Acquaintance[]) => Promise<void>
  /** Fetches from WhatsApp's own hosts alone, the way the session's traffic goes. */
  download: (url: string, limits: { maxBytes: number; timeoutMs: number }) => Promise<Uint8Array>
  onOnline: () => void
  onClosed: () => void
}
