import { setImmediate as turn } from 'node:timers/promises'

import type { Cluster } from '../../../cluster/index.ts'
import type { Clock } from '../../../platform/clock.ts'
import type { Database, Tx } from '../../../platform/database/index.ts'
import { statement, StoreFault } from '../../../platform/database/index.ts'
import type { Log } from '../../../platform/log.ts'
import type { Sealer } from '../../../platform/secrets/index.ts'
import type { Acquaintance } from '../acquaintances.ts'
import type { WASocket } from '../baileys.ts'
import { buildMergedTcTokenIndexWrite, proto, resolveTcTokenJid } from '../baileys.ts'
import type { HistoryBatch, HistoryKind, HistoryPart, HistoryTaker } from './taker.ts'
import type { Self } from '../journal/envelope.ts'
import { factOf } from '../journal/facts.ts'
import { journalContext } from '../journal/inbox.ts'
import { decodePadded, unpackRecord } from '../journal/record.ts'
import type { ExpiredPart } from '../link/phone-requests.ts'
import { isMissing } from '../missing.ts'
import type { LidMap } from '../signal/lid-map.ts'
import type { SignalStore } from '../signal/store.ts'
import { pastCallOf } from './past-call.ts'
import { pastChatOf, pastOf, pastStatusOf } from './past.ts'
import { type HistoryPiece, MalformedHistory } from './reader.ts'
import type { HistorySlots } from './slots.ts'
import { HistoryExpired, HistoryGone, partOf, piecesOf } from './source.ts'

const owedParts = statement((db, p: { sessionId: number }) =>
  db
    .selectFrom('inbox_journal')
    .select('hash')
    .where('session_id', '=', p.sessionId)
    .where('state', '=', 'new')
    .where('kind', '=', 'history')
    .orderBy('seq'),
)
const sealedPart = statement((db, p: { sessionId: number; hash: string }) =>
  db
    .selectFrom('inbox_journal')
    .select('sealed')
    .where('session_id', '=', p.sessionId)
    .where('hash', '=', p.hash),
)
// What it held is stored message by message: megabytes that nobody asks for again.
const partDone = statement((db, p: { sessionId: number; hash: string }) =>
  db
    .updateTable('inbox_journal')
    .set({ state: 'done', sealed: null })
    .where('session_id', '=', p.sessionId)
    .where('hash', '=', p.hash),
)

type Notification = proto.Message.IHistorySyncNotification

/** Items per transaction: what arrives meanwhile waits behind one of them. */
const batchSize = 32
/** Per time that a batch took, how long what arrives meanwhile has the process for itself. */
const restPerWork = 0.5
/** How often the phone is asked for one part on one connection. */
const maxAsked = 2
const retryAfterMs = [1_000, 5_000, 30_000, 120_000] as const

const { HistorySyncType } = proto.HistorySync
const kindOf: Readonly<Record<number, HistoryKind>> = {
  [HistorySyncType.INITIAL_BOOTSTRAP]: 'bootstrap',
  [HistorySyncType.RECENT]: 'recent',
  [HistorySyncType.FULL]: 'full',
  [HistorySyncType.ON_DEMAND]: 'on_demand',
  [HistorySyncType.PUSH_NAME]: 'names',
  [HistorySyncType.INITIAL_STATUS_V3]: 'status',
}

export interface HarvestDeps {
  sock: WASocket
  store: SignalStore
  lids: LidMap
  sealer: Sealer
  database: Database
  cluster: Cluster
  slots: HistorySlots
  taker: HistoryTaker
  self: () => Self
  clock: Clock
  log: Log
  /** Where history lies that is too long for its message, and how to get there. */
  mediaHost: string
  fetchOptions: RequestInit
  /** Asks the phone for a part whose file is gone. */
  askAgain: (part: ExpiredPart) => Promise<void>
  /** Ends with the socket. */
  signal: AbortSignal
}

/**
 * Reads the history that a phone sends, part by part. The notifications wait in the journal (their receipt goes out before they are
 * read), so a crash only delays this: a part that was begun goes on where it was left.
 */
export class HistoryHarvest {
  readonly #deps: HarvestDeps
  #running: Promise<void> | undefined
  #again = false
  #failures = 0
  /** Parts that the phone was asked for again, and how often. */
  readonly #asked = new Map<string, number>()
  #retry: Disposable | undefined

  constructor(deps: HarvestDeps) {
    this.#deps = deps
    deps.signal.addEventListener('abort', () => this.#retry?.[Symbol.dispose](), { once: true })
  }

  /** Looks for history that waits. */
  wake(): void {
    if (this.#deps.signal.aborted) return
    if (this.#running !== undefined) {
      this.#again = true
      return
    }
    this.#running = this.#run().finally(() => {
      this.#running = undefined
      if (!this.#again) return
      this.#again = false
      this.wake()
    })
  }

  async #run(): Promise<void> {
    const { store, log, slots, database, signal } = this.#deps
    const { sessionId } = store.lease
    this.#retry?.[Symbol.dispose]()
    const unreadable = new Set<string>()
    try {
      while (!signal.aborted) {
        const owed = await owedParts.all(database, { sessionId })
        const next = owed.find(({ hash }) => !unreadable.has(hash))
        if (next === undefined) break
        if (!(await slots.run(() => this.#part(next.hash)))) unreadable.add(next.hash)
      }
      if (unreadable.size === 0) this.#failures = 0
      else this.#tryLater()
    } catch (error) {
      if (signal.aborted) return
      log.warn({ sessionId, error }, 'history could not be stored; it will be tried again')
      this.#tryLater()
    }
  }

  #tryLater(): void {
    const { clock, signal } = this.#deps
    // After the last of these at the next connection, or when another part comes.
    const pauseMs = retryAfterMs[this.#failures]
    this.#failures += 1
    if (pauseMs !== undefined && !signal.aborted) this.#retry = clock.after(pauseMs, () => this.wake())
  }

  /** Reads one part to its end; answers false when it has to be tried again. Throws what the store throws. */
  async #part(hash: string): Promise<boolean> {
    const { store, taker, log, mediaHost, fetchOptions, signal } = this.#deps
    const { sessionId } = store.lease
    const { notification, id: notificationId = '' } = (await this.#notification(hash)) ?? {}
    const part: HistoryPart = {
      sessionId,
      hash,
      kind: kindOf[notification?.syncType ?? -1] ?? 'other',
      order: notification?.chunkOrder ?? undefined,
      percent: Math.min(100, notification?.progress ?? 100),
      requestId: notification?.peerDataRequestSessionId || undefined,
    }
    if (notification === undefined) {
      await this.#settle(part, undefined)
      return true
    }
    let failure: string | undefined
    try {
      const bytes = await partOf(notification, mediaHost, fetchOptions)
      await this.#read(part, bytes)
    } catch (error) {
      if (signal.aborted) return false
      const isFinal = error instanceof HistoryGone || error instanceof MalformedHistory
      if (!isFinal && error instanceof StoreFault) throw error
      failure = error instanceof Error ? error.message : String(error)
      log.warn({ sessionId, error, kind: part.kind }, 'a part of the history could not be read')
      if (!isFinal) {
        const reason = failure
        await this.#write((tx) => taker.failed(tx, part, reason))
        return false
      }
      if (error instanceof HistoryExpired && (await this.#askAgain(notification, notificationId)))
        failure = `${failure}; the phone was asked to send it again`
    }
    if (signal.aborted) return false
    await this.#settle(part, failure)
    return true
  }

  /** Has the phone put a part there again; what it sends then is a part of its own. False when it was asked often enough. */
  async #askAgain({ syncType, chunkOrder }: Notification, notificationId: string): Promise<boolean> {
    const { store, log, askAgain } = this.#deps
    const name = `${syncType} ${chunkOrder}`
    const asked = this.#asked.get(name) ?? 0
    if (isMissing(syncType) || notificationId === '' || asked >= maxAsked) return false
    this.#asked.set(name, asked + 1)
    try {
      await askAgain({ notificationId, syncType, chunkOrder: chunkOrder ?? undefined })
      return true
    } catch (error) {
      log.warn(
        { sessionId: store.lease.sessionId, error },
        'the phone was not asked for a part of its history',
      )
      return false
    }
  }

  async #notification(hash: string): Promise<{ notification: Notification; id: string } | undefined> {
    const { store, sealer, database } = this.#deps
    const { sessionId } = store.lease
    const sealed = (await sealedPart.first(database, { sessionId, hash }))?.sealed
    if (sealed === null || sealed === undefined) return undefined
    const record = unpackRecord(sealer.open(sealed, journalContext(sessionId, hash)))
    if (!('plaintext' in record)) return undefined
    const message = decodePadded(record.plaintext)
    const inner = message.deviceSentMessage?.message ?? message
    const notification = inner.protocolMessage?.historySyncNotification
    return notification ? { notification, id: record.envelope.id } : undefined
  }

  async #settle(part: HistoryPart, failure: string | undefined): Promise<void> {
    const { sessionId, hash } = part
    await this.#write(async (tx) => {
      await partDone.run(tx, { sessionId, hash })
      await this.#deps.taker.end(tx, part, failure)
    })
  }

  /** Not with the steps of the ratchet: they would wait for it. */
  #write<Result>(work: (tx: Tx) => Promise<Result>): Promise<Result> {
    const { database, cluster, store } = this.#deps
    return database.write(async (tx) => {
      await cluster.fence(tx, store.lease)
      return work(tx)
    })
  }

  /** First who is who, then the conversations: what is stored under a LID at once need not move to it. */
  async #read(part: HistoryPart, bytes: Uint8Array): Promise<void> {
    const taken = await this.#write((tx) => this.#deps.taker.begin(tx, part))
    await this.#readPeople(part, bytes, taken)
    await this.#readChats(part, bytes, taken)
  }

  async #readPeople(part: HistoryPart, bytes: Uint8Array, items: number): Promise<void> {
    const { sessionId } = part
    const pairs: Pair[] = []
    const people: HistoryBatch['people'][number][] = []
    const calls: Acquaintance[] = []
    const { messages: isWanted, since = 0 } = this.#deps.taker.wants(sessionId)
    const store = async (): Promise<void> => {
      const batch = { ...emptyBatch, people: people.splice(0) }
      await this.#keepPairs(pairs.splice(0))
      if (calls.length > 0) await this.#deps.store.commit([], [], calls.splice(0))
      if (batch.people.length > 0) await this.#take(part, batch, { items, read: 0 })
    }
    for await (const { piece } of piecesOf(bytes)) {
      if (this.#deps.signal.aborted) return
      if (piece.is === 'mapping') pairs.push(...pairIn(piece.bytes))
      else if (piece.is === 'push_name' || piece.is === 'account') people.push(...personIn(piece, sessionId))
      else if (piece.is === 'call' && isWanted) {
        const call = pastCallOf(proto.CallLogRecord.decode(piece.bytes), this.#deps.self())
        if (call !== undefined && call.startedAt >= since) calls.push({ type: 'past_call', sessionId, call })
      }
      if (pairs.length + people.length + calls.length >= batchSize) await this.#paced(store)
    }
    await this.#paced(store)
  }

  async #readChats(part: HistoryPart, bytes: Uint8Array, taken: number): Promise<void> {
    const { signal, taker, self, clock } = this.#deps
    const { sessionId, hash } = part
    const wants = taker.wants(sessionId)
    // What somebody asked for is wanted, whatever the session takes by itself.
    const isWanted = ({ sentAt }: { sentAt: number }): boolean =>
      part.kind === 'on_demand' || (wants.messages && (wants.since === undefined || sentAt >= wants.since))
    let items = 0
    let batch = newBatch()
    const store = async (read: number): Promise<void> => {
      const full = batch
      batch = newBatch()
      await this.#keepPairs(full.pairs)
      await this.#keepPrivacyTokens(full.tokens)
      await this.#take(part, full, { items, read })
    }
    for await (const { piece, read } of piecesOf(bytes)) {
      if (signal.aborted) return
      if (piece.is !== 'message' && piece.is !== 'chat' && piece.is !== 'status') continue
      items += 1
      if (items <= taken) continue
      batch.items += 1
      if (piece.is === 'chat') {
        const known = pastChatOf(piece.bytes)
        if (known === undefined) continue
        batch.chats.push(known.chat)
        if (known.pair !== undefined) batch.pairs.push(known.pair)
        if (!isMissing(known.told.tcToken)) batch.tokens.push(known.told)
      } else {
        const place = { sessionId, hash: `${hash}.${items}`, seq: items, receivedAt: clock.now() }
        const at = { self: self(), place }
        const { messages, changes } =
          piece.is === 'message' ? pastOf(piece.bytes, at) : pastStatusOf(piece.bytes, at)
        batch.messages.push(...messages.filter(({ entry }) => isWanted(entry)))
        batch.changes.push(...changes.filter(isWanted))
      }
      if (batch.items >= batchSize) await this.#paced(() => store(read))
    }
    if (batch.items > 0) await this.#paced(() => store(1))
  }

  #take(part: HistoryPart, batch: HistoryBatch, state: { items: number; read: number }): Promise<void> {
    return this.#write((tx) => this.#deps.taker.take(tx, part, batch, state))
  }

  /** What arrives meanwhile has its turn. */
  async #paced(work: () => Promise<void>): Promise<void> {
    const { clock } = this.#deps
    const began = clock.monotonic()
    await work()
    const restMs = (clock.monotonic() - began) * restPerWork
    if (restMs < 1) await turn()
    else await new Promise<void>((resolve) => void clock.after(restMs, resolve))
  }

  async #keepPairs(pairs: readonly Pair[]): Promise<void> {
    if (pairs.length > 0) await this.#deps.lids.storeLIDPNMappings(pairs)
  }

  /** Without its token, a message to an existing chat counts as reaching out to a stranger (error 463). */
  async #keepPrivacyTokens(chats: readonly proto.IConversation[]): Promise<void> {
    const { sock, lids } = this.#deps
    const { keys } = sock.authState
    const tokens: Record<string, { token: Buffer; timestamp: string; senderTimestamp?: number }> = {}
    for (const { id, tcToken, tcTokenTimestamp, tcTokenSenderTimestamp } of chats) {
      const timestamp = Number(tcTokenTimestamp ?? 0)
      if (isMissing(tcToken) || tcToken.length === 0 || timestamp <= 0 || isMissing(id)) continue
      const jid = await resolveTcTokenJid(id, (pn) => lids.getLIDForPN(pn))
      const sentAt = Number(tcTokenSenderTimestamp ?? 0)
      tokens[jid] = {
        token: Buffer.from(tcToken),
        timestamp: String(timestamp),
        ...(sentAt > 0 && { senderTimestamp: sentAt }),
      }
    }
    const jids = Object.keys(tokens)
    if (jids.length === 0) return
    const stored = await keys.get('tctoken', jids)
    for (const jid of jids)
      if (Number(stored[jid]?.timestamp ?? 0) >= Number(tokens[jid]?.timestamp)) delete tokens[jid]
    const index = await buildMergedTcTokenIndexWrite(keys, Object.keys(tokens))
    await keys.set({ tctoken: { ...tokens, ...index } })
  }
}

interface Pair {
  lid: string
  pn: string
}

const emptyBatch: HistoryBatch = { messages: [], changes: [], chats: [], people: [] }

/** A batch that is being filled. */
const newBatch = () => ({
  ...emptyBatch,
  messages: [] as HistoryBatch['messages'][number][],
  changes: [] as HistoryBatch['changes'][number][],
  chats: [] as HistoryBatch['chats'][number][],
  pairs: [] as Pair[],
  tokens: [] as proto.IConversation[],
  items: 0,
})

function pairIn(bytes: Uint8Array): readonly Pair[] {
  const { lidJid, pnJid } = proto.PhoneNumberToLIDMapping.decode(bytes)
  return lidJid && pnJid ? [{ lid: lidJid, pn: pnJid }] : []
}

function personIn({ is, bytes }: HistoryPiece, sessionId: number): HistoryBatch['people'] {
  const fact =
    is === 'push_name'
      ? (({ id, pushname }) => factOf(sessionId, { id, notify: pushname }))(proto.Pushname.decode(bytes))
      : (({ lid, username, isUsernameDeleted }) =>
          factOf(sessionId, { id: lid, username: isUsernameDeleted === true ? '' : username }))(
          proto.Account.decode(bytes),
        )
  return fact?.type === 'contact' ? [fact] : []
}
