import type {
  AuthenticationCreds,
  GroupMetadata,
  SignalRepositoryWithLIDStore,
  WAMessageKey,
  WASocket,
} from './baileys.ts'
import {
  Browsers,
  DEFAULT_CONNECTION_CONFIG,
  generateSignalPubKey,
  initAuthCreds,
  makeWASocket,
  proto,
  WA_CERT_DETAILS,
} from './baileys.ts'
import { LRUCache } from 'lru-cache'

import { tryParseJid } from '@inbox-hub/whatsapp'

import type { Cluster, Lease } from '../../cluster/index.ts'
import { Fenced } from '../../cluster/index.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Database, Tx } from '../../platform/database/index.ts'
import type { Log } from '../../platform/log.ts'
import { dispatcherFor, uploadAgentFor } from '../../platform/proxy-agent.ts'
import type { Sealer } from '../../platform/secrets/index.ts'
import { SharedCaches } from './caches.ts'
import { CommitQueue } from './commit-queue.ts'
import {
  credentialsKindOf,
  CredentialsWriter,
  eraseCredentials,
  readCredentials,
  sweepArchive,
} from './credentials.ts'
import { HistoryHarvest } from './history/harvest.ts'
import { HistorySlots } from './history/slots.ts'
import type { Engine } from './index.ts'
import type { Acquaintance, Passing } from './acquaintances.ts'
import type { CredentialsKind } from './credentials.ts'
import type { HistoryTaker } from './history/taker.ts'
import type { DialOptions, Link } from './link/dial.ts'
import type { Self } from './journal/envelope.ts'
import { Inbox } from './journal/inbox.ts'
import { EntryJournal } from './journal/journal.ts'
import { downloadFromWhatsApp } from './link/download.ts'
import { agentFor } from './link/agent.ts'
import { SocketLink } from './link/link.ts'
import { PrivacyTokens } from './link/privacy-tokens.ts'
import { RetryCounters } from './retry-counters.ts'
import { keyPool, silentLogger } from './runtime/index.ts'
import { DeviceLists } from './signal/device-lists.ts'
import { LidMap } from './signal/lid-map.ts'
import type { SignalKeyPair } from './signal/libsignal.ts'
import type { OwnKeys } from './signal/ratchet-step.ts'
import { createSignalRepository } from './signal/repository.ts'
import { SignalStore } from './signal/store.ts'
import type { SocketContext } from './socket-context.ts'
import { socketContext } from './socket-context.ts'
import { isMissing } from './missing.ts'

export interface EngineOptions {
  database: Database
  cluster: Cluster
  clock: Clock
  log: Log
  /** Opens the session's data key; called once per dial and per sweep. */
  sealerOf: (sessionId: number) => Promise<Sealer>
  whatsapp: {
    /** `wss://web.whatsapp.com/ws/chat`, or a private server's. */
    url: string
    /** Root key of a private server, hex, instead of WhatsApp's. Process-wide. */
    rootKey: string | undefined
    /** Instead of the version that baileys was released with. */
    version: readonly [number, number, number] | undefined
    /** Where media lie; default `mmg.whatsapp.net`. */
    mediaHost?: string
    /** Who vouches for that host, PEM; default whom Node trusts. */
    mediaCa?: string | undefined
  }
  /**
   * Offers rejections that nobody handled (platform/process.ts). Node exits on one, and baileys leaves some (a malformed node, a query on a
   * closed socket): the asynchronous context of the rejection says whose it is, and only that socket is ended.
   */
  onUnhandledRejection: (claim: (reason: unknown) => boolean) => Disposable
}

/** How long a group's member list is used without asking again; changes to it are told. */
const GROUP_TTL_MS = 60 * 60_000

/**
 * How often a connection is asked whether it still lives; baileys gives it up at the second time that nothing came since. Its own 30 s
 * leave a server that fell silent unnoticed for up to 65 s; with this it is 45 at most, and no more traffic than whatsmeow's (20 to 30 s).
 */
const KEEP_ALIVE_MS = 20_000

/** Builds the engine. One per process: what it changes in Node and libsignal is process-wide (runtime/). */
export function createBaileys(options: EngineOptions): Engine {
  return new BaileysEngine(options)
}

class BaileysEngine implements Engine {
  readonly journal: EntryJournal
  readonly #options: EngineOptions
  readonly #commits: CommitQueue
  readonly #caches = new SharedCaches()
  readonly #retries: RetryCounters
  readonly #groups = new LRUCache<string, Promise<GroupMetadata | undefined>>({
    max: 5_000,
    ttl: GROUP_TTL_MS,
  })
  readonly #slots = new HistorySlots()
  readonly #links = new Map<number, SocketLink>()
  readonly #harvests = new Map<number, HistoryHarvest>()
  readonly #stores = new Map<number, { store: SignalStore; onFault: Set<(error: unknown) => void> }>()
  readonly #passing = new Set<(passing: Passing) => void>()
  readonly #acquaintances: ((tx: Tx, facts: readonly Acquaintance[]) => Promise<void>)[] = []
  readonly #guard: Disposable
  #historyTaker: HistoryTaker | undefined
  #findSent: (sessionId: number, whatsappId: string) => Promise<Uint8Array | undefined> = async () =>
    undefined

  constructor(options: EngineOptions) {
    const { database, cluster, clock, log, sealerOf, whatsapp, onUnhandledRejection } = options
    if (process.env['NODE_TLS_REJECT_UNAUTHORIZED'] === '0')
      throw new Error('NODE_TLS_REJECT_UNAUTHORIZED=0 would let anybody answer as WhatsApp: unset it.')
    this.#options = options
    // The one place where baileys keeps the key it trusts (Defaults/index.js).
    if (whatsapp.rootKey !== undefined) WA_CERT_DETAILS.PUBLIC_KEY = Buffer.from(whatsapp.rootKey, 'hex')
    this.#retries = new RetryCounters({ database, clock, log })
    this.journal = new EntryJournal({ database, clock, log, sealerOf })
    this.#commits = new CommitQueue({
      database,
      cluster,
      projection: () => this.journal.projection,
      tell: (entries) => this.journal.tell(entries),
      remember: async (tx, facts) => {
        for (const listener of this.#acquaintances) await listener(tx, facts)
      },
      onHistory: (sessionId) => this.#harvests.get(sessionId)?.wake(),
    })
    this.#guard = onUnhandledRejection((reason) => {
      const context = socketContext.getStore()
      if (context === undefined) return false
      const { sessionId, generation } = context
      log.warn(
        { sessionId, generation, error: reason },
        'an unhandled rejection ends the socket it belongs to',
      )
      const link = this.#links.get(sessionId)
      if (link?.generation === generation) link.onStray(reason)
      return true
    })
    keyPool.fill()
  }

  async dial(options: DialOptions): Promise<Link> {
    const { sessionId, generation, lease, version, proxy, fullHistory = false } = options
    const { database, cluster, clock, log, whatsapp } = this.#options
    if (lease.lost.aborted) throw new Fenced('the lease was lost before the dial')
    const sealer = await this.#options.sealerOf(sessionId)
    const stored = await readCredentials(database, sessionId, sealer)
    await Promise.all([this.journal.prepare(sessionId), this.#retries.load(sessionId)])
    // Half-registered ones are as good as none: logging in with them is a 401, and would look like a logout for ever.
    const known = credentialsKindOf(stored?.creds) === 'linked' ? stored : undefined
    const creds = known?.creds ?? initAuthCreds()

    const onFault = (error: unknown): void => link.onFault(error)
    const { store, forget } = this.#storeOf(lease, sealer, onFault)
    if (known !== undefined) await adoptAppStateKey(creds, store)
    const credentials = new CredentialsWriter({
      creds,
      stored: known?.digest,
      lease,
      sealer,
      commits: this.#commits,
      now: () => clock.now(),
      onFault,
    })
    const self = (): Self => ({
      pn: tryParseJid(creds.me?.id ?? ''),
      lid: tryParseJid(creds.me?.lid ?? ''),
    })
    const inbox = new Inbox({
      store,
      sealer,
      database,
      clock,
      self,
      nextSeq: () => this.journal.nextSeq(sessionId),
    })
    const devices = new DeviceLists({
      store,
      hot: this.#caches.hot.deviceLists,
      now: () => clock.now(),
    })
    // Known before the first frame.
    let fetchOptions: RequestInit = {}
    const tokens = new PrivacyTokens()
    const ended = new AbortController()
    const { mediaHost = 'mmg.whatsapp.net' } = whatsapp
    const agentOfUploads = await uploadAgentFor(proxy, whatsapp.mediaCa)
    const context: SocketContext = { sessionId, generation, handshake: { agreedWith: undefined } }
    const groupOf = (sock: WASocket, jid: string): Promise<GroupMetadata | undefined> =>
      this.#groupOf(sessionId, jid, () => sock.groupMetadata(jid))
    const link: SocketLink = new SocketLink({
      options,
      context,
      creds,
      credentials,
      store,
      inbox,
      devices,
      tokens,
      uploadRoute: { agent: agentOfUploads, mediaHost },
      groupOf,
      self,
      past: () => this.#historyTaker?.wants(sessionId) ?? { messages: true, since: undefined },
      clock,
      log,
      tellPassing: (passing) => {
        for (const listener of this.#passing) listener(passing)
      },
      keepFacts: (facts) => {
        for (const fact of facts) if (fact.type === 'group') this.#groups.delete(`${sessionId}|${fact.jid}`)
        return store.commit([], [], facts)
      },
      download: (url, limits) => downloadFromWhatsApp(url, limits, { mediaHost, fetchOptions }),
      onOnline: () => this.#harvests.get(sessionId)?.wake(),
      onClosed: () => {
        forget()
        ended.abort()
        if (this.#links.get(sessionId) !== link) return
        this.#links.delete(sessionId)
        this.#harvests.delete(sessionId)
      },
    })

    let lids: LidMap | undefined
    let repository: ReturnType<typeof createSignalRepository> | undefined
    const keys = store.forBaileys((changes) =>
      repository === undefined ? store.commit(changes) : repository.changingSessions(changes),
    )
    const url = new URL(whatsapp.url)
    const agent = await agentFor(url, proxy, {
      dns: (detail) => link.step('dns', detail),
      tcp: (detail) => link.step('tcp', detail),
      tls: (detail) => link.step('tls', detail),
    })
    const dispatcher = await dispatcherFor(proxy, whatsapp.mediaCa)
    // Node's fetch takes a dispatcher; the DOM's type of its options does not know it.
    fetchOptions = (dispatcher === undefined ? {} : { dispatcher }) as RequestInit
    if (lease.lost.aborted) throw new Fenced('the lease was lost during the dial')
    const sock = socketContext.run(context, () => {
      const made = makeWASocket({
        waWebSocketUrl: url,
        agent: agent as never,
        ...(agentOfUploads === undefined ? {} : { fetchAgent: agentOfUploads }),
        version: [...(version ?? whatsapp.version ?? DEFAULT_CONNECTION_CONFIG.version)],
        browser: Browsers.macOS('Chrome'),
        auth: { creds, keys: tokens.over(keys) },
        logger: silentLogger,
        ...this.#caches.of(sessionId),
        userDevicesCache: devices.asCache(),
        msgRetryCounterCache: this.#retries.of(sessionId),
        // Our own deadlines end what takes too long (link/connection.ts); a timer per frame costs a tenth of all CPU.
        connectTimeoutMs: 0,
        keepAliveIntervalMs: KEEP_ALIVE_MS,
        transactionOpts: { maxCommitRetries: 1, delayBetweenTriesMs: 10 },
        makeSignalRepository: (_auth, _logger, askLids): SignalRepositoryWithLIDStore => {
          lids = new LidMap({
            store,
            ask: async (pns) => askLids?.(pns),
            now: () => clock.monotonic(),
          })
          repository = createSignalRepository({
            store,
            lids,
            devices,
            hot: this.#caches.hot,
            own: ownKeysOf(creds),
            inbox,
          })
          return repository
        },
        getMessage: (key) => this.#sentMessage(sessionId, key),
        cachedGroupMetadata: (jid) => groupOf(made, jid),
        enableRecentMessageCache: false,
        emitOwnEvents: false,
        // The phone would stop ringing.
        markOnlineOnConnect: false,
        syncFullHistory: fullHistory,
        // History is harvested from the journal (history/harvest.ts), durably and two at a time.
        shouldSyncHistoryMessage: () => false,
        generateHighQualityLinkPreview: false,
        options: fetchOptions,
      })
      link.attach(made, { mediaHost, fetchOptions })
      const forgetGroups = (ids: readonly (string | undefined)[]): void => {
        for (const id of ids) this.#groups.delete(`${sessionId}|${id ?? ''}`)
      }
      made.ev.on('groups.update', (groups) => forgetGroups(groups.map(({ id }) => id)))
      made.ev.on('group-participants.update', ({ id }) => forgetGroups([id]))
      return made
    })
    // makeWASocket calls makeSignalRepository before it returns.
    const taker = this.#historyTaker
    if (lids !== undefined && taker !== undefined) {
      this.#harvests.set(
        sessionId,
        new HistoryHarvest({
          sock,
          store,
          lids,
          sealer,
          database,
          cluster,
          slots: this.#slots,
          taker,
          self,
          clock,
          log,
          mediaHost,
          fetchOptions,
          askAgain: (part) => link.phone.historyAgain(part),
          signal: ended.signal,
        }),
      )
    }
    this.#links.set(sessionId, link)
    return link
  }

  async credentialsKind(sessionId: number): Promise<CredentialsKind> {
    const sealer = await this.#options.sealerOf(sessionId)
    const stored = await readCredentials(this.#options.database, sessionId, sealer)
    return credentialsKindOf(stored?.creds)
  }

  async forget(lease: Lease, cause: string): Promise<void> {
    const { sessionId } = lease
    // A socket that is closing still wants to save this and that: it belongs to the identity that goes.
    this.#stores.get(sessionId)?.store.retire()
    this.#stores.delete(sessionId)
    const now = this.#options.clock.now()
    // Through the queue: after every step that was asked before.
    await this.#commits.commit({
      lease,
      puts: [],
      deletes: [],
      rows: [],
      facts: [],
      also: (tx) => eraseCredentials(tx, { sessionId, cause, now }),
    })
  }

  async sweep(): Promise<void> {
    await this.journal.sweep()
    await this.#retries.sweep()
    await sweepArchive(this.#options.database, this.#options.clock.now())
  }

  onPassing(listener: (passing: Passing) => void): Disposable {
    this.#passing.add(listener)
    return { [Symbol.dispose]: () => void this.#passing.delete(listener) }
  }

  onAcquaintances(listener: (tx: Tx, facts: readonly Acquaintance[]) => Promise<void>): void {
    this.#acquaintances.push(listener)
  }

  answerRetriesWith(find: (sessionId: number, whatsappId: string) => Promise<Uint8Array | undefined>): void {
    this.#findSent = find
  }

  takeHistoryWith(taker: HistoryTaker): void {
    this.#historyTaker = taker
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#links.values()].map((link) => link.close()))
    await this.#retries.settled()
    this.#guard[Symbol.dispose]()
    this.#caches.clear()
    this.#groups.clear()
    await keyPool.close()
  }

  /** The store lives as long as its lease: steps of an older socket still hold its locks when the next one begins. */
  #storeOf(lease: Lease, sealer: Sealer, onFault: (error: unknown) => void) {
    const { sessionId } = lease
    let known = this.#stores.get(sessionId)
    if (known === undefined || known.store.lease !== lease || known.store.isFaulty) {
      const faults = new Set<(error: unknown) => void>()
      const store = new SignalStore({
        lease,
        database: this.#options.database,
        commits: this.#commits,
        sealer,
        cache: this.#caches.keys,
        onFault: (error) => {
          for (const told of faults) told(error)
        },
      })
      known = { store, onFault: faults }
      this.#stores.set(sessionId, known)
    }
    const { store, onFault: faults } = known
    faults.add(onFault)
    return { store, forget: () => void faults.delete(onFault) }
  }

  /** For retry receipts: by id alone, since they may come addressed by LID or by number. */
  async #sentMessage(sessionId: number, { id }: WAMessageKey): Promise<proto.IMessage | undefined> {
    try {
      const unstored = isMissing(id) ? undefined : this.#links.get(sessionId)?.unstored(id)
      if (unstored !== undefined) return unstored
      const bytes = isMissing(id) ? undefined : await this.#findSent(sessionId, id)
      return bytes === undefined ? undefined : proto.Message.decode(bytes)
    } catch (error) {
      // baileys would take a throw for a failure of the retry; the next retry asks again.
      this.#options.log.warn({ sessionId, error }, 'a sent message could not be read for a retry')
      return undefined
    }
  }

  async #groupOf(
    sessionId: number,
    jid: string,
    fetch: () => Promise<GroupMetadata>,
  ): Promise<GroupMetadata | undefined> {
    const key = `${sessionId}|${jid}`
    const known = this.#groups.get(key)
    if (known !== undefined) return known
    const asked = fetch().catch(() => {
      this.#groups.delete(key)
      return undefined
    })
    this.#groups.set(key, asked)
    return asked
  }
}

/** Our keys, as the same Buffers every time: their key objects are made once (runtime/curve.ts). */
export function ownKeysOf(creds: AuthenticationCreds): OwnKeys {
  const identity = pairOf(creds.signedIdentityKey)
  let signed = { of: creds.signedPreKey, pair: pairOf(creds.signedPreKey.keyPair) }
  return {
    registrationId: () => creds.registrationId,
    identity: () => identity,
    signedPreKey: () => {
      if (signed.of !== creds.signedPreKey)
        signed = { of: creds.signedPreKey, pair: pairOf(creds.signedPreKey.keyPair) }
      return signed.pair
    },
  }
}

function pairOf(key: { public: Uint8Array; private: Uint8Array }): SignalKeyPair {
  return { pubKey: Buffer.from(generateSignalPubKey(key.public)), privKey: Buffer.from(key.private) }
}

/** A crash between storing app state keys (with their message) and naming the current one in the credentials. */
async function adoptAppStateKey(creds: AuthenticationCreds, store: SignalStore): Promise<void> {
  if (creds.myAppStateKeyId !== undefined) return
  const ids = await store.ids('app-state-sync-key')
  // Their bytes count up with each new key.
  const [newest] = ids.sort((a, b) => Buffer.compare(Buffer.from(b, 'base64'), Buffer.from(a, 'base64')))
  if (newest !== undefined) creds.myAppStateKeyId = newest
}
