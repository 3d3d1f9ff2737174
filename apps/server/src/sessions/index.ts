import type { Jid } from '@inbox-hub/whatsapp'

import type { Tx } from '../platform/database/index.ts'
import type { Acquaintance, Journal, Link, Passing } from './baileys/index.ts'
import type { Answered, StoreHistory } from './history.ts'

export { askWhatsApp } from './ask-whatsapp.ts'
export type { Answered, Stored, StoreHistory } from './history.ts'
export { QueryRefused } from './query-refused.ts'
export { sessionRoutes, type SessionRoutesDeps } from './routes.ts'
export { createSessions, type SessionLifecycle, type SessionsDeps } from './sessions.ts'
export { stateFacts } from './session-state.ts'
export { UploadRefused } from './upload-refused.ts'

/** One linked device as its readers see it. The API's wire shape derives from it in routes.ts. */
export interface SessionView {
  id: number
  ownerId: number
  sessionId: string
  name: string
  mePn: Jid | undefined
  meLid: Jid | undefined
  /** Digits, once paired. */
  phoneNumber: string | undefined
  webhook: {
    url: string | undefined
    secret: string | undefined
    events: readonly string[]
    preset: 'legacy' | 'standard'
  }
  sendToFrappe: boolean
}

/** What other modules may ask of sessions. The lifecycle methods that routes and the CLI call are beside it in sessions.ts. */
export interface Sessions extends AsyncDisposable {
  /** By number or by name, the owner's and not deleted; throws `SESSION_NOT_FOUND`. Answered from memory: it never waits for WhatsApp. */
  find(ownerId: number, ref: string, order: 'number_first' | 'name_first'): SessionView
  /** By number, deleted or not: for events and deliveries. */
  view(id: number): SessionView | undefined
  list(ownerId: number): readonly SessionView[]
  /** The live connection while the session is online; undefined otherwise. */
  link(id: number): Link | undefined
  /** Waits until the session is online, at most `maxMs`; undefined when it is not by then, at once when it is not on its way. */
  linkWithin(id: number, maxMs: number): Promise<Link | undefined>
  /** Called each time a session comes online, with its link, after the journal of the previous one was swept. */
  onOnline(listener: (id: number, link: Link) => void): Disposable
  /** The QR that waits for a scan now, drawn; undefined when none does. It links a device: show it, never store it. */
  waitingQr(id: number): { text: string; dataUrl: string; expiresAt: number } | undefined
  /** The wire moved for this session: keeps `lastActivity` fresh (written at most once a minute). */
  touch(id: number): void
  /** Adds work to the transaction that ends a deleted session for good: what belongs to it elsewhere goes with it. */
  whilePurging(work: (tx: Tx, id: number) => Promise<void>): void
  readonly journal: Journal
  onPassing(listener: (passing: Passing) => void): Disposable
  /** In the transaction that stored the fact. */
  onAcquaintances(listener: (tx: Tx, facts: readonly Acquaintance[]) => Promise<void>): void
  /** Where retry receipts find what was sent: the encoded proto.Message, by id alone (a retry may come LID- or PN-addressed). */
  answerRetriesWith(find: (sessionId: number, whatsappId: string) => Promise<Uint8Array | undefined>): void
  /** Who stores what phones tell of before; what is stored already stays, and nobody is told of messages. */
  storeHistoryWith(store: StoreHistory): void
  /** Called when older messages that we asked a phone for are stored. */
  onHistoryAnswered(listener: (answered: Answered) => void): Disposable
}
