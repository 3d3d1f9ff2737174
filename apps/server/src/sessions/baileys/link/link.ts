import { randomBytes } from 'node:crypto'

import { LRUCache } from 'lru-cache'

import type { AuthenticationCreds, BinaryNode, ConnectionState, WASocket } from '../baileys.ts'
import { getBinaryNodeChild, getBinaryNodeChildren, proto } from '../baileys.ts'

import { HubError } from '@inbox-hub/contract'
import type { DisconnectCause, Jid, RawDisconnect } from '@inbox-hub/whatsapp'
import {
  classifyDisconnect,
  isLid,
  isStatus,
  statusJid,
  tryParseJid,
  userOf,
  withoutDevice,
} from '@inbox-hub/whatsapp'

import type { Lease } from '../../../cluster/index.ts'
import { Fenced } from '../../../cluster/index.ts'
import type { Clock } from '../../../platform/clock.ts'
import type { Log } from '../../../platform/log.ts'
import { QueryRefused, refusalError } from '../../query-refused.ts'
import { AppState } from '../app-state/sync.ts'
import { timerMessage } from '../journal/timer.ts'
import type { SharedCaches } from '../caches.ts'
import type { CredentialsWriter } from '../credentials.ts'
import type {
  Acquaintance,
  AppStateCalls,
  DialOptions,
  DialStep,
  FileToUpload,
  GroupCalls,
  Link,
  LinkEvent,
  OutboundContent,
  PhoneCalls,
  Passing,
  NewsletterCalls,
  StatusCalls,
  UploadedFile,
} from '../index.ts'
import { addressIn } from '../journal/envelope.ts'
import type { Inbox } from '../journal/inbox.ts'
import type { SignalStore } from '../signal/store.ts'
import type { SocketContext } from '../socket-context.ts'
import { accountCalls } from './account.ts'
import { businessCalls } from './business.ts'
import { callSignalIn, rejectionOf } from './calls.ts'
import { answerIn, type FileAgain, requestFor } from './file-again.ts'
import { noticesIn, pairsIn } from './group-notices.ts'
import { groupCalls } from './groups.ts'
import { leaveOutKeylessDevices } from './keyless-devices.ts'
import { numberChangesIn } from './number-changes.ts'
import type { NumberAnswer } from './numbers.ts'
import { askNumbers } from './numbers.ts'
import { type OutboundMessage, outboundMessage } from './outbound.ts'
import { peopleCalls, personNoticesIn } from './people.ts'
import { phoneCalls } from './phone-requests.ts'
import type { PrivacyTokens } from './privacy-tokens.ts'
import { pairingWindowMs, qrLifeMs, withSecret } from './qr.ts'
import { acknowledged, type AckParts, newMessageId } from './acknowledged.ts'
import {
  changedNewslettersIn,
  newsletterCalls,
  newsletterCountsIn,
  newsletterMessageIn,
  type NewsletterNews,
} from './newsletters.ts'
import { statusCalls } from './statuses.ts'
import { Uploader, type UploadRoute } from './upload.ts'
import { Wire } from './wire.ts'

/** Connecting, up to the answer to our payload: baileys runs without a timer of its own (`connectTimeoutMs: 0`). */
const CONNECT_MS = 20_000
const HANDSHAKE_MS = 20_000
const ANSWER_MS = 20_000
/** How long a code's refusal is waited for: baileys answers a code whatever the server said. */
const CODE_REFUSAL_MS = 5_000
/** A query of ours waits no longer: clients give up after 30 s. */
const QUERY_ANSWER_MS = 20_000
/** The phone has to upload a file in it, and whoever asked for the file waits meanwhile. */
const FILE_ANSWER_MS = 15_000
/** Then the connection is cut, politely closed or not. */
const POLITE_CLOSE_MS = 2_000
/** … and by then it is over for the session. */
const CLOSE_LIMIT_MS = 3_000
const LOGOUT_MS = 5_000

export interface LinkParts {
  options: DialOptions
  context: SocketContext
  creds: AuthenticationCreds
  credentials: CredentialsWriter
  store: SignalStore
  inbox: Inbox
  caches: SharedCaches
  tokens: PrivacyTokens
  uploadRoute: UploadRoute
  clock: Clock
  log: Log
  tellPassing: (passing: Passing) => void
  keepFacts: (facts: readonly Acquaintance[]) => Promise<void>
  /** Fetches from WhatsApp's own hosts alone, the way the session's traffic goes. */
  download: (url: string, limits: { maxBytes: number; timeoutMs: number }) => Promise<Uint8Array>
  onOnline: () => void
  onClosed: () => void
}

interface ShownQr {
  text: string
  index: number
  of: number
  expiresAt: number
}

interface Ack {
  id: string
  chat: Jid
  error: number | undefined
  at: number
}

/**
 * One generation's socket as its session sees it. `attach` must run in the turn that made the socket: its emitters
 * replay nothing. Order of ending: our own death first (nothing is told any more but the end), then flush, polite
 * close, cut after 2 s, settled after 3 s at the latest. baileys alone waits 30 s for a dead peer.
 */
export class SocketLink implements Link {
  readonly generation: number
  readonly lease: Lease
  readonly #parts: LinkParts
  readonly #clock: Clock
  #sock: WASocket | undefined
  #wire: Wire | undefined
  #phase: 'connecting' | 'handshake' | 'answer' | 'settled' = 'connecting'
  #deadline: Disposable | undefined
  #ending: Promise<void> | undefined
  #closed = false
  #socketClosed = Promise.withResolvers<void>()
  #firstQr = Promise.withResolvers<void>()
  #qr: ShownQr | undefined
  #qrsFrom = 0
  #refs = 0
  #written = 0
  #isPaired: boolean
  #pairingHold: Promise<void> | undefined
  #isOpen = false
  #isCaughtUp = false
  #isOnline = false
  #offAbort: (() => void) | undefined
  readonly phone: PhoneCalls = phoneCalls((id, message) => this.#askPhone(id, message))
  readonly groups: GroupCalls = groupCalls((node) => this.#ask(node))
  get appState(): AppStateCalls {
    return {
      isBusiness: this.#appState?.isBusiness,
      change: (change) => this.#onAppState((appState) => appState.change(change)),
      sync: (how) => this.#onAppState((appState) => appState.sync(how)),
    }
  }
  #appState: AppState | undefined
  readonly #unstored = new LRUCache<string, proto.IMessage>({ max: 50 })
  readonly statuses: StatusCalls = statusCalls({
    self: () => this.#connectedAs().pn,
    relay: (id, message, audience, attributes) =>
      this.#relay(this.#connected(), {
        id,
        to: statusJid,
        self: this.#connectedAs().pn,
        outbound: { message, nodes: [], attributes: { ...attributes } },
        audience,
      }),
    acks: this.#acks(),
  })
  readonly newsletters: NewsletterCalls = newsletterCalls({
    ask: (node) => this.#ask(node),
    send: (node) => this.#connected().sendNode(node),
    acks: this.#acks(),
    now: () => this.#clock.now(),
  })
  #uploader: Uploader | undefined
  readonly business = businessCalls((node) => this.#ask(node))
  readonly people = peopleCalls({
    ask: (node, withinMs) => this.#ask(node, withinMs),
    connected: () => this.#connected(),
    me: () => this.#me(),
    download: (url, limits) => this.#parts.download(url, limits),
  })
  readonly account = accountCalls({
    ask: (node, withinMs) => this.#ask(node, withinMs),
    connected: () => this.#connected(),
    me: () => this.#me(),
  })
  readonly #ackListeners = new Set<(ack: Ack) => void>()

  constructor(parts: LinkParts) {
    this.#parts = parts
    this.#clock = parts.clock
    this.#isPaired = parts.creds.account !== undefined
    this.generation = parts.options.generation
    this.lease = parts.options.lease
  }

  /** Takes the socket and listens, before the turn ends. `media`: where what is too long for an answer lies, and how to get there. */
  attach(sock: WASocket, media: { mediaHost: string; fetchOptions: RequestInit }): void {
    this.#sock = sock
    const { store, creds, log } = this.#parts
    this.#appState = new AppState({
      sessionId: this.lease.sessionId,
      sock,
      ask: (query) => this.#ask(query),
      store,
      creds,
      keepPairs: (pairs) => sock.signalRepository.lidMapping.storeLIDPNMappings([...pairs]),
      ...media,
      clock: this.#clock,
      log,
    })
    const wire = new Wire(sock)
    this.#wire = wire
    this.#wait(CONNECT_MS, { origin: 'transport', code: 'ETIMEDOUT', message: 'no connection within 20 s' })

    wire.inOrder((error) => this.#onBadFrame(error))
    wire.beforeWriting(() => this.#beforeWriting())
    wire.on('open', () => {
      this.#step('upgrade', {})
      this.#phase = 'handshake'
      this.#wait(HANDSHAKE_MS, {
        origin: 'deadline',
        code: 408,
        message: 'the handshake was not answered within 20 s',
      })
    })
    wire.on('unexpected-response', (_request: unknown, response: { statusCode?: number; resume(): void }) => {
      // baileys has no listener of its own for this, and would wait for ever (measured: proofs e2).
      response.resume()
      const status = response.statusCode ?? 0
      this.#step('unexpected_response', { status })
      this.#end({ origin: 'upgrade', code: status, message: `the upgrade was answered with HTTP ${status}` })
    })
    wire.once('frame', () => this.#step('first_frame', {}))
    this.#attachStanzas(wire)
    this.#attachEvents(sock)
    this.#attachLease()
  }

  #attachStanzas(wire: Wire): void {
    wire.before('CB:iq,type:set,pair-device', (node) => {
      const pairDevice = getBinaryNodeChild(node, 'pair-device')
      this.#refs = pairDevice === undefined ? 0 : getBinaryNodeChildren(pairDevice, 'ref').length
      this.#qrsFrom = this.#clock.now()
      this.#settled()
      this.#step('pair_device', { refs: this.#refs })
    })
    wire.before('CB:success', () => {
      this.#settled()
      this.#step('success', {})
      this.#tell({ type: 'logged_in' })
    })
    wire.before('CB:failure', ({ attrs }) => {
      this.#settled()
      this.#step('failure', { reason: attrs['reason'] ?? null, location: attrs['location'] ?? null })
      // A reason that is no number makes baileys throw inside its own handler, and the socket hang (proofs e2).
      const reason = Number(attrs['reason'])
      if (!Number.isInteger(reason) || reason < 400)
        this.#end({ origin: 'failure', code: 500, message: 'Connection Failure', data: attrs })
    })
    wire.before('CB:stream:error', (node) => {
      this.#settled()
      const [child] = Array.isArray(node.content) ? node.content : []
      this.#step('stream_error', { code: node.attrs['code'] ?? null, child: child?.tag ?? null })
    })
    wire.on(
      'CB:notification,type:companion_reg_refresh',
      (node: BinaryNode) => void this.#refreshSecret(node),
    )
    wire.on('CB:notification,type:passkey_prologue_request', () => {
      this.#step('passkey_prologue', {})
      this.#tell({ type: 'passkey_required' })
    })
    wire.inTurn(
      'CB:message',
      (node) => {
        const newsletter = newsletterMessageIn(node, this.#clock.now())
        if (newsletter !== undefined) return this.#keepNewsletter(newsletter)
        this.#parts.inbox.remember(node)
        return hasCiphertext(node) || node.attrs['category'] === 'peer'
          ? undefined
          : this.#parts.inbox.keepAbsent(node)
      },
      (error) => this.#onBadFrame(error),
    )
    wire.gate('CB:receipt', (node) => {
      const row = this.#parts.inbox.receiptRow(node)
      return row && this.#parts.store.commit([], [row])
    })
    wire.gate('CB:call', (node) => this.#keepCall(node))
    wire.gate('CB:notification', (node) => {
      if (node.attrs['type'] === 'w:gp2') return this.#keepGroupNotices(node)
      if (node.attrs['type'] === 'contacts') return this.#keepNumberChanges(node)
      if (node.attrs['type'] === 'newsletter') {
        const counts = newsletterCountsIn(node, this.#clock.now())
        return counts && this.#keepNewsletter(counts)
      }
      if (node.attrs['type'] === 'mex') return this.#keepChangedNewsletters(changedNewslettersIn(node))
      return node.attrs['type'] === 'server_sync' ? this.#followAppState(node) : this.#keepPersonNotices(node)
    })
    wire.on('CB:ack,class:message', (node: BinaryNode) => this.#onAck(node))
    wire.on('CB:presence', (node: BinaryNode) => this.#onPresence(node))
    wire.on('CB:chatstate', (node: BinaryNode) => this.#onPresence(node))
  }

  #attachEvents(sock: WASocket): void {
    sock.ev.on('connection.update', (update) => this.#onConnection(update))
    sock.ev.on('creds.update', (update) => {
      const { credentials, creds } = this.#parts
      credentials.changed()
      // baileys often says that all credentials changed; the account is new once.
      if (!this.#isPaired && creds.account !== undefined) {
        this.#isPaired = true
        // Signed and sent only when we could come back with it: a crash must not leave a device that nobody has the keys of.
        this.#pairingHold = credentials.durable()
        void this.#tellPaired(this.#pairingHold)
      }
      if (update.myAppStateKeyId !== undefined) void this.#onAppStateKey()
      const name = update.me?.name
      if (name !== undefined && this.#isOnline) this.#tell({ type: 'renamed', name })
    })
  }

  #attachLease(): void {
    const { lost } = this.lease
    const onLost = (): void => this.onFault(new Fenced('the lease was lost'))
    if (lost.aborted) return queueMicrotask(onLost)
    lost.addEventListener('abort', onLost, { once: true })
    this.#offAbort = () => lost.removeEventListener('abort', onLost)
  }

  // -- what the store says

  /** A write failed or the lease is gone: cut first, so that nothing is acknowledged, then tell. */
  onFault(error: unknown): void {
    this.#wire?.terminate()
    if (this.#ending !== undefined) return
    if (error instanceof Fenced) {
      this.#tell({ type: 'fenced' })
      this.#end({ origin: 'local', message: 'fenced' })
    } else {
      const fault = error instanceof Error ? error : new Error(String(error))
      this.#parts.log.error({ ...this.#names, error: fault }, 'the store failed; the socket was cut')
      this.#tell({ type: 'store_fault', error: fault })
      this.#end({ origin: 'local', message: 'store_fault' })
    }
  }

  /** A rejection that nobody handled came from this socket's work. */
  onStray(reason: unknown): void {
    // A write that came too late (`sendRawMessage`): the socket itself tells its end, with the true cause.
    if (reason instanceof Error && reason.message === 'Connection Closed') return
    this.#onBadFrame(reason)
  }

  // -- what the wire says

  #beforeWriting(): Promise<void> | undefined {
    this.#written += 1
    // The client hello, then the payload: registration or login.
    if (this.#written === 2) {
      this.#step('payload', { kind: this.#parts.creds.me === undefined ? 'register' : 'login' })
      this.#phase = 'answer'
      this.#parts.context.handshake = undefined
      this.#wait(ANSWER_MS, { origin: 'deadline', message: 'WhatsApp did not answer the login within 20 s' })
    }
    return this.#pairingHold
  }

  #onBadFrame(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error)
    this.#step('bad_frame', { message: message.slice(0, 120) })
    this.#end({
      origin: 'noise',
      message: this.#phase === 'settled' ? message : `noise handshake: ${message}`,
    })
  }

  #onAck(node: BinaryNode): void {
    const { id, from, error, server_id } = node.attrs
    const jid = tryParseJid(from ?? '')
    const serverId = Number(server_id ?? Number.NaN)
    if (id === undefined || jid === undefined || error !== undefined || !Number.isSafeInteger(serverId))
      return this.#tellAck(node)
    // The number that a newsletter gave a message of ours, before anybody hears that it is posted.
    void this.#keepNewsletter({ jid, news: { is: 'posted', id, serverId } })
      .catch(() => {}) // told as a fault by the store
      .finally(() => this.#tellAck(node))
  }

  #tellAck(node: BinaryNode): void {
    const { id, from, t, error } = node.attrs
    const chat = tryParseJid(from ?? '')
    if (id === undefined || chat === undefined) return
    const code = error === undefined ? undefined : Number(error)
    const seconds = Number(t)
    const at = Number.isSafeInteger(seconds) && seconds > 0 ? seconds * 1000 : this.#clock.now()
    for (const listener of this.#ackListeners) listener({ id, chat: withoutDevice(chat), error: code, at })
  }

  /**
   * The server wants a new QR secret while a code is shown (since July 2026; baileys PR 2765, whatsmeow 9ec8f76). rc14
   * neither knows the notification nor can acknowledge it unpaired, and the scan would fail without a word.
   */
  async #refreshSecret(node: BinaryNode): Promise<void> {
    const sock = this.#sock
    if (sock === undefined || this.#ending !== undefined) return
    this.#step('companion_reg_refresh', {})
    sock.ev.emit('creds.update', { advSecretKey: randomBytes(32).toString('base64') })
    const { id, from, type } = node.attrs
    try {
      await sock.sendNode({
        tag: 'ack',
        attrs: { id: id ?? '', to: from ?? '', class: 'notification', type: type ?? '' },
      })
    } catch {
      return // The connection is going; the next dial has its own secret.
    }
    if (this.#qr !== undefined) this.#showQr(this.#qr)
  }

  // -- what baileys says

  #onConnection(update: Partial<ConnectionState>): void {
    if (update.connection === 'close') return this.#onSocketClosed(update.lastDisconnect?.error)
    if (update.qr !== undefined) this.#onQr(update.qr)
    const lock = update.reachoutTimeLock
    if (lock?.isActive === true)
      this.#tell({
        type: 'restricted',
        scope: 'new_chats',
        until: lock.timeEnforcementEnds?.getTime() ?? this.#clock.now() + 60_000,
      })
    if (update.connection === 'open') this.#isOpen = true
    if (update.receivedPendingNotifications === true) this.#isCaughtUp = true
    if (this.#isOpen && this.#isCaughtUp) this.#comeOnline()
  }

  #comeOnline(): void {
    const me = this.#me()
    if (this.#isOnline || me === undefined) return
    this.#isOnline = true
    const { creds, onOnline } = this.#parts
    this.#tell({ type: 'online', me: { ...me, name: creds.me?.name } })
    onOnline()
    if (creds.accountSyncCounter === 0 && creds.myAppStateKeyId !== undefined) void this.#syncAppState()
  }

  #onQr(qr: string): void {
    const index = (this.#qr?.index ?? 0) + 1
    const expiresAt = this.#clock.now() + qrLifeMs(index)
    this.#qr = { text: qr, index, of: Math.max(this.#refs, index), expiresAt }
    this.#firstQr.resolve()
    const { pairing } = this.#parts.options
    if (pairing.method === 'qr') this.#showQr(this.#qr)
    // Once per dial, not on every QR: each request shows a notification on the phone.
    else if (index === 1) this.requestPairingCode(pairing.phone).catch(() => {})
  }

  #showQr({ text, index, of, expiresAt }: ShownQr): void {
    if (this.#parts.options.pairing.method !== 'qr') return
    this.#tell({ type: 'qr', text: withSecret(text, this.#parts.creds.advSecretKey), index, of, expiresAt })
  }

  async #tellPaired(durable: Promise<void>): Promise<void> {
    try {
      await durable
    } catch {
      return // The writer told its fault.
    }
    const me = this.#me()
    if (me !== undefined) this.#tell({ type: 'paired', me })
  }

  /** Stored, with the addresses it tells, before WhatsApp is told that we know. */
  #keepGroupNotices(node: BinaryNode): Promise<void> | undefined {
    const { sessionId } = this.lease
    const facts = noticesIn(node, this.#clock.now()).flatMap(({ jid, notice }): Acquaintance[] => [
      ...pairsIn(notice).map(({ lid, pn }) => ({ type: 'lid_mapping' as const, sessionId, lid, pn })),
      { type: 'group', sessionId, jid, notice },
    ])
    return facts.length === 0 ? undefined : this.#parts.keepFacts(facts)
  }

  /** The LID stays when a number changes: what stands under it is shown under the new one from then on. */
  #keepNumberChanges(node: BinaryNode): Promise<void> | undefined {
    const changes = numberChangesIn(node)
    const sock = this.#sock
    if (changes.length === 0 || sock === undefined) return undefined
    return (async () => {
      const pairs: { lid: string; pn: string }[] = []
      for (const { from, to, lid } of changes) {
        // From the store alone: WhatsApp would answer of the old number that it is nobody's.
        const stored = lid ?? (await this.#lidOf(from))
        if (stored !== undefined) pairs.push({ lid: stored, pn: to })
      }
      if (pairs.length > 0) await sock.signalRepository.lidMapping.storeLIDPNMappings(pairs)
    })()
  }

  async #lidOf(pn: Jid): Promise<string | undefined> {
    const user = await this.#parts.store.readOne('lid-mapping', userOf(pn))
    return user === undefined ? undefined : `${Buffer.from(user).toString('utf8')}@lid`
  }

  #keepPersonNotices(node: BinaryNode): Promise<void> | undefined {
    const { sessionId } = this.lease
    const notices = personNoticesIn(node, this.#clock.now())
    if (notices.length === 0) return undefined
    return this.#parts.keepFacts(notices.map((notice) => ({ type: 'person', sessionId, notice })))
  }

  /** Stored, with the addresses it tells, before WhatsApp is told that we know. */
  #keepCall(node: BinaryNode): Promise<void> | undefined {
    const { sessionId } = this.lease
    const signal = callSignalIn(node, this.#clock.now())
    if (signal === undefined) return undefined
    const { jid, alt } = signal.creator
    const known: Acquaintance[] =
      alt === undefined || isLid(jid) === isLid(alt)
        ? []
        : [{ type: 'lid_mapping', sessionId, lid: isLid(jid) ? jid : alt, pn: isLid(jid) ? alt : jid }]
    return this.#parts.keepFacts([...known, { type: 'call', sessionId, signal }])
  }

  async setDisappearing(chat: Jid, seconds: number): Promise<void> {
    const sock = this.#connected()
    const me = this.#connectedAs()
    const self = isLid(chat) && me.lid !== undefined ? me.lid : me.pn
    const id = newMessageId()
    const message = timerMessage(seconds, this.#clock.now())
    // Whoever could not open it asks for it again.
    this.#unstored.set(id, message)
    const outbound = { message, nodes: [], attributes: {} }
    await acknowledged(this.#acks(), id, () =>
      this.#parts.tokens.behind(sock, chat, () =>
        this.#relay(sock, { id, to: chat, self, outbound, audience: [] }),
      ),
    )
  }

  /** A message of ours that stands in no chat, for a retry. */
  unstored(id: string): proto.IMessage | undefined {
    return this.#unstored.get(id)
  }

  async rejectCall(call: { id: string; creator: Jid }): Promise<void> {
    const me = this.#me()
    if (me === undefined) throw new HubError('SESSION_NOT_CONNECTED')
    await this.#ask(rejectionOf(call, withoutDevice(me.pn)))
  }

  #keepNewsletter({ jid, news }: { jid: Jid; news: NewsletterNews }): Promise<void> {
    const { sessionId } = this.lease
    return this.#parts.keepFacts([{ type: 'newsletter', sessionId, jid, news }])
  }

  #keepChangedNewsletters(jids: readonly Jid[]): Promise<void> | undefined {
    const { sessionId } = this.lease
    if (jids.length === 0) return undefined
    return this.#parts.keepFacts(
      jids.map((jid) => ({ type: 'newsletter', sessionId, jid, news: { is: 'changed' } })),
    )
  }

  #acks(): AckParts {
    return {
      onAck: (listener) => this.onAck(listener),
      after: (ms) => this.#after(ms),
      closed: this.#socketClosed.promise,
      connected: () => void this.#connected(),
    }
  }

  /** Rejects with `QueryRefused` for an `<error>`, with `WHATSAPP_ERROR` (`NO_ANSWER`) when nobody answers in time. */
  async #ask(node: BinaryNode, withinMs = QUERY_ANSWER_MS): Promise<BinaryNode> {
    const sock = this.#connected()
    let answer: unknown
    try {
      answer = await sock.query(node, withinMs)
    } catch (error) {
      const { data } = rawOf(error)
      if (typeof data === 'number' && this.#ending === undefined) throw new QueryRefused(data)
      this.#connected()
      throw new HubError('WHATSAPP_ERROR', { reason: 'NO_ANSWER' }, { cause: error })
    }
    // A query that timed out resolves with undefined (Socket/socket.js:107).
    if (answer === undefined) {
      this.#connected()
      throw new HubError('WHATSAPP_ERROR', { reason: 'NO_ANSWER' })
    }
    return answer as BinaryNode
  }

  /** From the stanzas: baileys' event says `available` when typing stops. */
  #onPresence(node: BinaryNode): void {
    const state = presenceIn(node)
    const chat = addressIn(node.attrs, 'from')
    const from = addressIn(node.attrs, 'participant') ?? chat
    if (state === undefined || chat === undefined || from === undefined) return
    const seconds = Number(node.attrs['last'])
    const lastSeen = Number.isSafeInteger(seconds) && seconds > 0 ? seconds * 1000 : undefined
    this.#parts.tellPassing({
      type: 'presence',
      sessionId: this.lease.sessionId,
      chat,
      from,
      state,
      lastSeen,
    })
  }

  async #onAppState(work: (appState: AppState) => Promise<void>): Promise<void> {
    this.#connected()
    if (this.#appState === undefined) throw new HubError('SESSION_NOT_CONNECTED')
    try {
      await work(this.#appState)
    } catch (error) {
      // Of a connection that has gone meanwhile, that is what is to be said.
      this.#connected()
      throw error instanceof QueryRefused ? refusalError(error, undefined) : error
    }
  }

  /**
   * Stored before WhatsApp is told that we know. baileys is left the acknowledgement alone: it takes patches that nobody wrote, and stores
   * that it has them before it tells what they say.
   */
  async #followAppState(node: BinaryNode): Promise<BinaryNode> {
    // Without a key nothing could be read; with the first one everything is.
    if (this.#parts.creds.accountSyncCounter > 0) {
      try {
        await this.#appState?.follow(node)
      } catch (error) {
        if (this.#ending === undefined)
          this.#parts.log.warn(
            { ...this.#names, error },
            'a change of app state was not read; it comes again',
          )
        throw error
      }
    }
    return { ...node, content: [] }
  }

  async #onAppStateKey(): Promise<void> {
    if (this.#parts.creds.accountSyncCounter === 0) await this.#syncAppState()
    await this.#appState?.keysCame().catch((error: unknown) => this.#onUnreadAppState(error))
  }

  /** The address book, settings of chats, labels: fetched once, when the keys to them have come. */
  async #syncAppState(): Promise<void> {
    const sock = this.#sock
    if (sock === undefined || !this.#isOnline) return
    try {
      await this.#appState?.sync({ afresh: false })
      sock.ev.emit('creds.update', { accountSyncCounter: this.#parts.creds.accountSyncCounter + 1 })
    } catch (error) {
      this.#onUnreadAppState(error)
    }
  }

  #onUnreadAppState(error: unknown): void {
    if (this.#ending !== undefined) return
    this.#parts.log.warn({ ...this.#names, error }, 'app state could not be read')
  }

  // -- what the hub asks

  close(): Promise<void> {
    this.#end({ origin: 'local', message: 'asked' })
    return this.#ending ?? Promise.resolve()
  }

  async logout(): Promise<void> {
    const sock = this.#connected()
    const gone = sock.logout().catch(() => {})
    await Promise.race([gone, this.#after(LOGOUT_MS)])
    await this.close()
  }

  async requestPairingCode(phone: string): Promise<{ code: string; expiresAt: number }> {
    const sock = this.#connected()
    // Before the first QR the server has not asked us to pair, and closes on a request.
    await Promise.race([this.#firstQr.promise, this.#after(CONNECT_MS), this.#socketClosed.promise])
    if (this.#qr === undefined) this.#connected('PAIRING_CODE_REFUSED')
    const wire = this.#wire
    if (wire === undefined) throw new HubError('SESSION_NOT_CONNECTED')
    const answer = Promise.withResolvers<number | undefined>()
    using _refused = wire.on('CB:iq,type:error', (node: BinaryNode) => {
      const error = getBinaryNodeChild(node, 'error')
      answer.resolve(Number(error?.attrs['code'] ?? 500))
    })
    using _accepted = wire.on('CB:iq,,link_code_companion_reg', () => answer.resolve(undefined))
    const code = await sock.requestPairingCode(phone).catch((cause: unknown) => {
      // It writes before it looks: on a socket that has just closed it throws a Boom of its own.
      throw new HubError('SESSION_NOT_CONNECTED', {}, { cause })
    })
    const refusal = await Promise.race([
      answer.promise,
      this.#after(CODE_REFUSAL_MS),
      this.#socketClosed.promise,
    ])
    if (this.#ending !== undefined) throw new HubError('SESSION_NOT_CONNECTED')
    if (typeof refusal === 'number') {
      this.#tell({ type: 'pairing_code_refused', status: refusal })
      throw new HubError('PAIRING_CODE_REFUSED', { status: refusal })
    }
    const expiresAt = this.#qrsFrom + pairingWindowMs(this.#refs)
    this.#tell({ type: 'pairing_code', code, expiresAt })
    return { code, expiresAt }
  }

  async send(
    {
      id,
      to,
      content,
      refreshDevices,
    }: { id: string; to: Jid; content: OutboundContent; refreshDevices: boolean },
    beforeWire: (bytes: Uint8Array) => Promise<void>,
  ): Promise<void> {
    const sock = this.#connected()
    const me = this.#connectedAs()
    const self = isLid(to) && me.lid !== undefined ? me.lid : me.pn
    const outbound = await outboundMessage({ id, to, content, self })
    await beforeWire(proto.Message.encode(outbound.message).finish())
    this.#connected()
    if (refreshDevices) this.#parts.caches.forgetDevices(this.lease.sessionId, userOf(to))
    const { audience = [] } = content
    await this.#parts.tokens.behind(sock, to, () => this.#relay(sock, { id, to, self, outbound, audience }))
  }

  async #relay(
    sock: WASocket,
    {
      id,
      to,
      self,
      outbound: { message, nodes, attributes },
      audience,
    }: {
      id: string
      to: Jid
      self: Jid
      outbound: OutboundMessage
      /** Of a status. */
      audience: readonly Jid[]
    },
  ): Promise<void> {
    const options = {
      messageId: id,
      additionalNodes: nodes,
      ...(isStatus(to) && { statusJidList: [...audience, withoutDevice(self)] }),
      additionalAttributes: attributes,
    }
    try {
      await sock.relayMessage(to, message, options)
    } catch (error) {
      // An error with a code of WhatsApp's: a query that the message needed was refused, and nothing was written.
      if (typeof rawOf(error).data !== 'number' || this.#ending !== undefined) throw error
      const cache = this.#parts.caches.devicesOf(this.lease.sessionId)
      if ((await leaveOutKeylessDevices(sock, cache, { to, self, audience })) === 0) throw error
      await sock.relayMessage(to, message, options)
    }
  }

  async upload(file: FileToUpload, signal: AbortSignal): Promise<UploadedFile> {
    const sock = this.#connected()
    this.#uploader ??= new Uploader(sock, this.#parts.uploadRoute, this.#clock)
    return this.#uploader.upload(file, signal)
  }

  async #askPhone(id: string, message: proto.IMessage): Promise<void> {
    const sock = this.#connected()
    const me = this.#me()
    if (me === undefined) throw new HubError('SESSION_NOT_CONNECTED')
    await sock.relayMessage(withoutDevice(me.pn), message, {
      messageId: id,
      additionalAttributes: { category: 'peer', push_priority: 'high_force' },
      additionalNodes: [{ tag: 'meta', attrs: { appdata: 'default' } }],
    })
  }

  onAck(listener: (ack: Ack) => void): Disposable {
    this.#ackListeners.add(listener)
    return { [Symbol.dispose]: () => void this.#ackListeners.delete(listener) }
  }

  async fileAgain({ id, chat, sender, fromMe, key }: Parameters<Link['fileAgain']>[0]): Promise<FileAgain> {
    const sock = this.#connected()
    const wire = this.#wire
    const me = this.#me()
    if (wire === undefined || me === undefined) throw new HubError('SESSION_NOT_CONNECTED')
    const answer = Promise.withResolvers<FileAgain>()
    using _answered = wire.on('CB:notification,type:mediaretry', (node: BinaryNode) => {
      if (node.attrs['id'] === id) answer.resolve(answerIn(node, key))
    })
    const participant = sender === undefined || sender === chat ? {} : { participant: sender }
    await sock.sendNode(requestFor({ id, remoteJid: chat, fromMe, ...participant }, key, me.pn))
    const silent: FileAgain = { is: 'silent' }
    // Awaited here: what listens for the answer ends with this function.
    return await Promise.race([
      answer.promise,
      this.#after(FILE_ANSWER_MS).then(() => silent),
      this.#socketClosed.promise.then(() => silent),
    ])
  }

  async markRead(keys: readonly { chat: Jid; sender: Jid | undefined; id: string }[]): Promise<void> {
    await this.#connected().readMessages(
      keys.map(({ chat, sender, id }) => ({
        remoteJid: chat,
        id,
        fromMe: false,
        ...(sender !== undefined && sender !== chat && { participant: sender }),
      })),
    )
  }

  async typing(chat: Jid, state: 'composing' | 'recording' | 'paused'): Promise<void> {
    await this.#connected().sendPresenceUpdate(state, chat)
  }

  async numbers(digits: readonly string[]): Promise<readonly NumberAnswer[]> {
    const sock = this.#connected()
    const answers = await askNumbers(sock, digits)
    const pairs = answers.flatMap(({ pn, lid }) =>
      pn === undefined || lid === undefined ? [] : [{ pn: String(pn), lid: String(lid) }],
    )
    await sock.signalRepository.lidMapping.storeLIDPNMappings(pairs)
    return answers
  }

  // -- the end

  #onSocketClosed(error: unknown): void {
    // In baileys' own turn, before it throws its buffered events away.
    this.#sock?.ev.flush()
    this.#socketClosed.resolve()
    const raw = rawOf(error)
    // What baileys refuses while it checks the server's certificates is a 400 of its own making.
    const isHandshake = this.#phase === 'handshake' && raw.code === 400
    this.#end(
      isHandshake ? { ...raw, origin: 'noise', message: `noise handshake: ${raw.message ?? ''}` } : raw,
    )
  }

  /** The first cause is the cause. */
  #end(raw: RawDisconnect): void {
    if (this.#ending !== undefined) return
    const cause = classifyDisconnect({
      ...raw,
      halfRegistered: this.#parts.creds.me !== undefined && this.#parts.creds.account === undefined,
    })
    // Set before anything can call back: ending a socket that is closed already closes it in the same turn.
    const ended = Promise.withResolvers<void>()
    this.#ending = ended.promise
    void this.#teardown(cause).finally(() => ended.resolve())
  }

  async #teardown(cause: DisconnectCause): Promise<void> {
    this.#deadline?.[Symbol.dispose]()
    this.#offAbort?.()
    const sock = this.#sock
    if (sock !== undefined) {
      sock.ev.flush()
      // Its promise settles when the peer has said goodbye, up to 30 s later; close is told before that, or we do not wait.
      sock.end(undefined).catch(() => {})
      using _cut = this.#clock.after(POLITE_CLOSE_MS, () => this.#wire?.terminate())
      await Promise.race([this.#socketClosed.promise, this.#after(CLOSE_LIMIT_MS)])
    }
    // A 515 redials with what pairing gave us: it must be there.
    await this.#parts.credentials.durable().catch(() => {})
    this.#step('closed', { reason: cause.reason, code: cause.code })
    this.#parts.onClosed()
    this.#tellLast({ type: 'closed', cause })
  }

  // -- small things

  #connected(code: 'SESSION_NOT_CONNECTED' | 'PAIRING_CODE_REFUSED' = 'SESSION_NOT_CONNECTED'): WASocket {
    if (this.#sock === undefined || this.#ending !== undefined) throw new HubError('SESSION_NOT_CONNECTED')
    if (code === 'PAIRING_CODE_REFUSED') throw new HubError(code)
    return this.#sock
  }

  #connectedAs(): { pn: Jid; lid: Jid | undefined } {
    this.#connected()
    const me = this.#me()
    if (me === undefined) throw new HubError('SESSION_NOT_CONNECTED')
    return me
  }

  #me(): { pn: Jid; lid: Jid | undefined } | undefined {
    const { me } = this.#parts.creds
    const pn = tryParseJid(me?.id ?? '')
    return pn === undefined ? undefined : { pn, lid: tryParseJid(me?.lid ?? '') }
  }

  #settled(): void {
    this.#phase = 'settled'
    this.#deadline?.[Symbol.dispose]()
  }

  #wait(ms: number, raw: RawDisconnect): void {
    this.#deadline?.[Symbol.dispose]()
    this.#deadline = this.#clock.after(ms, () => this.#end(raw))
  }

  #after(ms: number): Promise<undefined> {
    return new Promise((resolve) => {
      this.#clock.after(ms, () => resolve(undefined))
    })
  }

  step(step: DialStep['step'], detail: DialStep['detail']): void {
    this.#step(step, detail)
  }

  #step(step: DialStep['step'], detail: DialStep['detail']): void {
    const told: LinkEvent = { type: 'step', step: { at: this.#clock.now(), step, detail } }
    if (step === 'closed') this.#tellLast(told)
    else this.#tell(told)
  }

  /** Nothing is heard of a socket that is ending but its end. */
  #tell(event: LinkEvent): void {
    if (this.#ending === undefined) this.#tellLast(event)
  }

  #tellLast(event: LinkEvent): void {
    if (this.#closed) return
    if (event.type === 'closed') this.#closed = true
    try {
      this.#parts.options.onEvent(event)
    } catch (error) {
      this.#parts.log.error({ ...this.#names, error }, 'a session threw on an event of its link')
    }
  }

  get #names() {
    return { sessionId: this.lease.sessionId, generation: this.generation }
  }
}

function hasCiphertext({ content }: BinaryNode): boolean {
  return (
    Array.isArray(content) &&
    content.some(
      (child) => (child.tag === 'enc' || child.tag === 'plaintext') && child.content instanceof Uint8Array,
    )
  )
}

function presenceIn({ tag, attrs, content }: BinaryNode): Passing['state'] | undefined {
  if (tag === 'presence') return attrs['type'] === 'unavailable' ? 'unavailable' : 'available'
  const [child] = Array.isArray(content) ? content : []
  if (child?.tag === 'composing') return child.attrs['media'] === 'audio' ? 'recording' : 'composing'
  return child?.tag === 'paused' ? 'paused' : undefined
}

/** What baileys puts into `lastDisconnect.error`: a Boom, mostly. */
function rawOf(error: unknown): RawDisconnect {
  if (!(error instanceof Error)) return { origin: 'closed', code: 428, message: 'Connection Terminated' }
  const boom = error as Error & { output?: { statusCode?: number }; data?: unknown }
  return { code: boom.output?.statusCode, message: error.message, data: boom.data }
}
