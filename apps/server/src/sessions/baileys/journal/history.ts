import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import { createInflate, inflate } from 'node:zlib'

import type { WASocket } from '../baileys.ts'
import { downloadContentFromMessage, processHistoryMessage, proto } from '../baileys.ts'
import { buildMergedTcTokenIndexWrite, resolveTcTokenJid } from '../baileys.ts'

import type { Database } from '../../../platform/database/index.ts'
import { statement } from '../../../platform/database/index.ts'
import type { Log } from '../../../platform/log.ts'
import type { Sealer } from '../../../platform/secrets/index.ts'
import type { Acquaintance } from '../index.ts'
import { silentLogger } from '../runtime/index.ts'
import type { LidMap } from '../signal/lid-map.ts'
import type { SignalStore } from '../signal/store.ts'
import { factOf } from './facts.ts'
import { journalContext } from './inbox.ts'
import { decodePadded, unpackRecord } from './record.ts'
import { isMissing } from '../missing.ts'

/** What is taken of history: who people are. Its messages are another feature's. */
const harvested: ReadonlySet<number> = new Set([
  proto.HistorySync.HistorySyncType.INITIAL_BOOTSTRAP,
  proto.HistorySync.HistorySyncType.RECENT,
  proto.HistorySync.HistorySyncType.PUSH_NAME,
  proto.HistorySync.HistorySyncType.NON_BLOCKING_DATA,
])

const owedHistory = statement((db, p: { sessionId: number }) =>
  db
    .selectFrom('inbox_journal')
    .select(['hash', 'sealed'])
    .where('session_id', '=', p.sessionId)
    .where('state', '=', 'new')
    .where('kind', '=', 'history')
    .orderBy('seq'),
)
const historyDone = statement((db, p: { sessionId: number; hash: string }) =>
  db
    .updateTable('inbox_journal')
    .set({ state: 'done' })
    .where('session_id', '=', p.sessionId)
    .where('hash', '=', p.hash),
)

/** At most two histories are in memory at a time, in the whole process: each is inflated as a whole. */
export class HistorySlots {
  #free = 2
  readonly #waiting: (() => void)[] = []

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      if (next === undefined) this.#free += 1
      else next()
    }
  }
}

interface HarvestDeps {
  sock: WASocket
  store: SignalStore
  lids: LidMap
  sealer: Sealer
  database: Database
  slots: HistorySlots
  log: Log
  /** Where history lies that is too long for its message, and how to get there. */
  mediaHost: string
  fetchOptions: RequestInit
}

/**
 * Takes LID mappings, names and privacy tokens from the history that a phone sends after linking. The notifications wait
 * in the journal (their receipt goes out before they are processed), so a crash only delays this.
 */
export class HistoryHarvest {
  readonly #deps: HarvestDeps
  #running: Promise<void> | undefined
  #again = false

  constructor(deps: HarvestDeps) {
    this.#deps = deps
  }

  /** Looks for history that waits. */
  wake(): void {
    if (this.#running !== undefined) {
      this.#again = true
      return
    }
    this.#running = this.#run().finally(() => {
      this.#running = undefined
      if (this.#again) {
        this.#again = false
        this.wake()
      }
    })
  }

  async #run(): Promise<void> {
    const { store, log, slots } = this.#deps
    const { sessionId } = store.lease
    try {
      for (const { hash, sealed } of await owedHistory.all(this.#deps.database, { sessionId }))
        await slots.run(() => this.#one(hash, sealed))
    } catch (error) {
      // Stays owed: the next dial looks again.
      log.warn(
        { sessionId, error },
        'history could not be read; it will be tried again at the next connection',
      )
    }
  }

  async #one(hash: string, sealed: Uint8Array | null): Promise<void> {
    const { store, lids, sealer, mediaHost, fetchOptions } = this.#deps
    const { sessionId } = store.lease
    const done = async (facts: readonly Acquaintance[] = []): Promise<void> =>
      store.commit([], [], facts, async (tx) => {
        await historyDone.run(tx, { sessionId, hash })
      })
    if (sealed === null) return done()
    const record = unpackRecord(sealer.open(sealed, journalContext(sessionId, hash)))
    const message = 'plaintext' in record ? decodePadded(record.plaintext) : undefined
    const inner = message?.deviceSentMessage?.message ?? message
    const notification = inner?.protocolMessage?.historySyncNotification
    if (isMissing(notification) || !harvested.has(notification.syncType ?? -1)) return done()
    const history = await historyOf(notification, mediaHost, fetchOptions)
    const { contacts, lidPnMappings, chats } = processHistoryMessage(history, silentLogger)
    await lids.storeLIDPNMappings(lidPnMappings ?? [])
    await this.#keepPrivacyTokens(chats)
    const named = [
      // What a chat is called there is its display name, which may be anything; `name` is the address book's.
      ...chats.map(({ id, name }) => ({ id, name })),
      ...contacts.map(({ id, notify, verifiedName }) => ({ id, notify, verifiedName })),
    ]
    await done(named.map((contact) => factOf(sessionId, contact)).filter((fact) => fact !== undefined))
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

/** More than any phone sends in one part; a bomb ends here. */
const MAX_HISTORY_BYTES = 512 * 1024 * 1024

/**
 * The history of a notification: inside it, or at WhatsApp's media host. Only there, whatever address the notification carries:
 * baileys would fetch from any host that the sender named.
 */
async function historyOf(
  { initialHistBootstrapInlinePayload: inline, directPath, mediaKey }: proto.Message.IHistorySyncNotification,
  host: string,
  options: RequestInit,
): Promise<proto.HistorySync> {
  if (!isMissing(inline) && inline.length > 0)
    return proto.HistorySync.decode(await promisify(inflate)(inline, { maxOutputLength: MAX_HISTORY_BYTES }))
  if (isMissing(directPath) || !/^\/[\w\-./?=&%~+:]+$/.test(directPath))
    throw new Error('the history has no path that we would follow')
  const encrypted = await downloadContentFromMessage(
    { mediaKey: mediaKey ?? null, directPath },
    'md-msg-hist',
    {
      host,
      options,
    },
  )
  const chunks: Buffer[] = []
  let bytes = 0
  await pipeline(encrypted, createInflate(), async (inflated: AsyncIterable<Buffer>) => {
    for await (const chunk of inflated) {
      bytes += chunk.byteLength
      if (bytes > MAX_HISTORY_BYTES) throw new Error('the history is larger than any phone sends')
      chunks.push(chunk)
    }
  })
  return proto.HistorySync.decode(Buffer.concat(chunks))
}
