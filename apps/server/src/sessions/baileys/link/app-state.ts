import type { BinaryNode, WASocket } from '../baileys.ts'

import { HubError } from '@inbox-hub/contract'

import { QueryRefused, refusalError } from '../../query-refused.ts'
import { AppState } from '../app-state/sync.ts'
import type { Connection } from './connection.ts'
import type { LinkParts } from './parts.ts'
import type { AppStateChange } from '../app-state/actions.ts'

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

/** The account's app state on one connection: fetched once, followed, and changed when the hub asks. */
export class LinkAppState {
  readonly #connection: Connection
  readonly #parts: LinkParts
  readonly #isOnline: () => boolean
  #appState: AppState | undefined

  constructor(connection: Connection, parts: LinkParts, isOnline: () => boolean) {
    this.#connection = connection
    this.#parts = parts
    this.#isOnline = isOnline
  }

  attach(sock: WASocket, media: { mediaHost: string; fetchOptions: RequestInit }): void {
    const { store, creds, log, clock, self, past } = this.#parts
    this.#appState = new AppState({
      sessionId: this.#connection.lease.sessionId,
      sock,
      ask: (query) => this.#connection.ask(query),
      store,
      creds,
      keepPairs: (pairs) => sock.signalRepository.lidMapping.storeLIDPNMappings([...pairs]),
      self,
      past,
      ...media,
      clock,
      log,
    })
  }

  get calls(): AppStateCalls {
    return {
      isBusiness: this.#appState?.isBusiness,
      change: (change) => this.#run((appState) => appState.change(change)),
      sync: (how) => this.#run((appState) => appState.sync(how)),
    }
  }

  async #run(work: (appState: AppState) => Promise<void>): Promise<void> {
    this.#connection.connected()
    if (this.#appState === undefined) throw new HubError('SESSION_NOT_CONNECTED')
    try {
      await work(this.#appState)
    } catch (error) {
      // Of a connection that has gone meanwhile, that is what is to be said.
      this.#connection.connected()
      throw error instanceof QueryRefused ? refusalError(error, undefined) : error
    }
  }

  /**
   * Stored before WhatsApp is told that we know. baileys is left the acknowledgement alone: it takes patches that nobody wrote, and stores
   * that it has them before it tells what they say.
   */
  async follow(node: BinaryNode): Promise<BinaryNode> {
    // Without a key nothing could be read; with the first one everything is.
    if (this.#parts.creds.accountSyncCounter > 0) {
      try {
        await this.#appState?.follow(node)
      } catch (error) {
        const { isEnding, names } = this.#connection
        if (!isEnding)
          this.#parts.log.warn({ ...names, error }, 'a change of app state was not read; it comes again')
        throw error
      }
    }
    return { ...node, content: [] }
  }

  async onKey(): Promise<void> {
    if (this.#parts.creds.accountSyncCounter === 0) await this.fetch()
    await this.#appState?.keysCame().catch((error: unknown) => this.#onUnread(error))
  }

  /** The address book, settings of chats, labels: fetched once, when the keys to them have come. */
  async fetch(): Promise<void> {
    const { sock } = this.#connection
    if (sock === undefined || !this.#isOnline()) return
    try {
      await this.#appState?.sync({ afresh: false })
      sock.ev.emit('creds.update', { accountSyncCounter: this.#parts.creds.accountSyncCounter + 1 })
    } catch (error) {
      this.#onUnread(error)
    }
  }

  #onUnread(error: unknown): void {
    const { isEnding, names } = this.#connection
    if (!isEnding) this.#parts.log.warn({ ...names, error }, 'app state could not be read')
  }
}
