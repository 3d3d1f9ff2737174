import { type Jid, type MessageChange, parseJid, textOf } from '@inbox-hub/whatsapp'

import type { Lease } from '../../cluster/index.ts'
import type { Tx } from '../../platform/database/index.ts'
import type {
  Acquaintance,
  Journal,
  JournalEntry,
  Link,
  OutboundContent,
} from '../../sessions/baileys/index.ts'
import type { Sessions, SessionView } from '../../sessions/index.ts'

/** An entry as tests write it: what they leave out is usual. */
export type ScriptedEntry = { sessionId?: number; offline?: boolean; receivedAt?: number } & (
  | (Partial<Extract<JournalEntry, { kind: 'message' }>> & { kind: 'message'; chat: Jid; id: string })
  | (Partial<Extract<JournalEntry, { kind: 'undecryptable' }>> & {
      kind: 'undecryptable'
      chat: Jid
      id: string
    })
  | (Partial<Extract<JournalEntry, { kind: 'change' }>> & {
      kind: 'change'
      chat: Jid
      id: string
      change: MessageChange
    })
  | (Partial<Extract<JournalEntry, { kind: 'receipt' }>> & {
      kind: 'receipt'
      chat: Jid
      ids: readonly string[]
      status: 'delivered' | 'read' | 'played'
    })
)

/** A link that writes down what it is asked to do, and answers when told to. */
export interface ScriptedLink extends Link {
  /** What `send` wrote, in order. */
  readonly written: readonly { id: string; to: Jid; content: OutboundContent; refreshDevices: boolean }[]
  readonly markedRead: readonly { chat: Jid; sender: Jid | undefined; id: string }[]
  readonly typed: readonly { chat: Jid; state: string }[]
  readonly asked: readonly string[]
  ack(id: string, error?: number): void
  /** Acks everything at once when it is written; errors by id. */
  ackAtOnce: boolean
  /** What the next sends reject with, in order. */
  readonly refusals: Error[]
  /** Sends wait for it before they write. */
  gate: Promise<void> | undefined
  /** Numbers that WhatsApp does not have, and the spelling of others. */
  readonly directory: Map<string, { exists: boolean | undefined; pn?: Jid; lid?: Jid }>
}

/** The text of what a link wrote. */
export const textWritten = ({ content }: ScriptedLink['written'][number]): string =>
  'target' in content.content ? '' : textOf(content.content)

/** The sessions door without WhatsApp: a journal in memory, links that do as told. */
export interface ScriptedSessions extends Sessions {
  /** Puts entries into the journal, and tells the projector unless `told` is false. */
  arrive(entries: readonly ScriptedEntry[], told?: boolean): void
  /** Entries not settled yet. */
  owedEntries(): readonly JournalEntry[]
  acquaint(tx: Tx, facts: readonly Acquaintance[]): Promise<void>
  /** Ends a session for good. */
  purge(tx: Tx, id: number): Promise<void>
  /** Brings the session online with a new link. */
  online(id?: number): ScriptedLink
  offline(id?: number): void
  /** Makes `settle` throw for a session. */
  fence(id: number, error: Error | undefined): void
  retryAnswer(sessionId: number, whatsappId: string): Promise<Uint8Array | undefined>
  readonly touched: ReadonlySet<number>
}

export const me = { pn: parseJid('12025550100:7@s.whatsapp.net'), lid: parseJid('100200300:7@lid') }
const epoch = Date.UTC(2026, 0, 1)

export function scriptedSessions(now: () => number = () => epoch): ScriptedSessions {
  /** What is owed, by hash, in order. */
  const owedRows = new Map<string, JournalEntry>()
  const listeners = new Set<(entries: readonly JournalEntry[]) => void>()
  const onlineListeners = new Set<(id: number, link: Link) => void>()
  const links = new Map<number, ScriptedLink>()
  const waiters = new Set<() => void>()
  const fences = new Map<number, Error>()
  const touched = new Set<number>()
  const learners: ((tx: Tx, facts: readonly Acquaintance[]) => Promise<void>)[] = []
  let answerRetry: (sessionId: number, whatsappId: string) => Promise<Uint8Array | undefined> = async () =>
    undefined
  const purgers: ((tx: Tx, id: number) => Promise<void>)[] = []
  let seq = 0
  let generation = 0

  const view = (id: number): SessionView => ({
    id,
    ownerId: 1,
    sessionId: `session-${id}`,
    name: `Session ${id}`,
    mePn: me.pn,
    meLid: me.lid,
    phoneNumber: '12025550100',
    webhook: { url: undefined, secret: undefined, events: [], preset: 'legacy' },
    sendToFrappe: false,
  })

  const journal: Journal = {
    onEntries(listener) {
      listeners.add(listener)
      return { [Symbol.dispose]: () => void listeners.delete(listener) }
    },
    owing: async () => [...new Set([...owedRows.values()].map((row) => row.sessionId))],
    owed: async (sessionId, limit, after) =>
      [...owedRows.values()].filter((row) => row.sessionId === sessionId && row.seq > after).slice(0, limit),
    async settle(tx, entries) {
      for (const { sessionId } of entries) {
        const error = fences.get(sessionId)
        if (error !== undefined) throw error
      }
      tx.afterCommit(() => {
        for (const { hash } of entries) owedRows.delete(hash)
      })
    },
    // Its entries are durable before they are told: all are owed.
    projectWith: () => {},
  }

  return {
    journal,
    touched,
    find: (_ownerId, ref) => view(Number(/\d+/.exec(ref)?.[0] ?? 1)),
    view,
    list: () => [view(1)],
    link: (id) => links.get(id),
    linkWithin(id, maxMs) {
      const link = links.get(id)
      if (link !== undefined || maxMs === 0) return Promise.resolve(link)
      return new Promise((resolve) => {
        const check = (): void => {
          waiters.delete(check)
          resolve(links.get(id))
        }
        waiters.add(check)
      })
    },
    onOnline(listener) {
      onlineListeners.add(listener)
      return { [Symbol.dispose]: () => void onlineListeners.delete(listener) }
    },
    touch: (id) => void touched.add(id),
    waitingQr: () => undefined,
    whilePurging: (work) => void purgers.push(work),
    async purge(tx, id) {
      for (const work of purgers) await work(tx, id)
    },
    onPassing: () => ({ [Symbol.dispose]: () => {} }),
    onAcquaintances: (listener) => void learners.push(listener),
    storeHistoryWith: () => {},
    onHistoryAnswered: () => ({ [Symbol.dispose]: () => {} }),
    answerRetriesWith: (find) => void (answerRetry = find),
    async [Symbol.asyncDispose]() {},

    retryAnswer: (sessionId, whatsappId) => answerRetry(sessionId, whatsappId),
    async acquaint(tx, facts) {
      for (const learn of learners) await learn(tx, facts)
    },
    arrive(entries, told = true) {
      const rows = entries.map((entry) => {
        seq += 1
        return complete(entry, seq, now())
      })
      for (const row of rows) owedRows.set(row.hash, row)
      if (told) for (const listener of listeners) listener(rows)
    },
    owedEntries: () => [...owedRows.values()],
    online(id = 1) {
      generation += 1
      const link = scriptedLink(id, generation, now)
      links.set(id, link)
      for (const listener of onlineListeners) listener(id, link)
      for (const waiter of Array.from(waiters)) waiter()
      return link
    },
    offline(id = 1) {
      links.delete(id)
      for (const waiter of Array.from(waiters)) waiter()
    },
    fence(id, error) {
      if (error === undefined) fences.delete(id)
      else fences.set(id, error)
    },
  }
}

function complete(entry: ScriptedEntry, seq: number, now: number): JournalEntry {
  const common = {
    sessionId: 1,
    seq,
    hash: `hash-${seq}`,
    offline: false,
    receivedAt: now,
    sentAt: epoch + seq * 1000,
    chatAlt: undefined,
    senderAlt: undefined,
  }
  switch (entry.kind) {
    case 'message':
      return {
        ...common,
        fromMe: false,
        pushName: undefined,
        verifiedName: undefined,
        sender: entry.chat,
        content: { kind: 'text', text: `text of ${entry.id}` },
        ...entry,
      }
    case 'change':
      return {
        ...common,
        fromMe: false,
        pushName: undefined,
        verifiedName: undefined,
        sender: entry.chat,
        byAdmin: false,
        ...entry,
      }
    case 'undecryptable':
      return { ...common, sender: entry.chat, reason: 'bad mac', ...entry }
    case 'receipt':
      break
  }
  return { ...common, participant: undefined, ...entry }
}

function scriptedLink(sessionId: number, generation: number, now: () => number): ScriptedLink {
  const ackListeners = new Set<
    (ack: { id: string; chat: Jid; error: number | undefined; at: number }) => void
  >()
  const written: { id: string; to: Jid; content: OutboundContent; refreshDevices: boolean }[] = []
  const chats = new Map<string, Jid>()
  const markedRead: { chat: Jid; sender: Jid | undefined; id: string }[] = []
  const typed: { chat: Jid; state: string }[] = []
  const asked: string[] = []
  // Nothing reads the lease of a scripted link.
  const lease: Lease = { sessionId, epoch: generation, lost: new AbortController().signal }
  const link: ScriptedLink = {
    generation,
    lease,
    written,
    markedRead,
    typed,
    asked,
    ackAtOnce: true,
    refusals: [],
    gate: undefined,
    directory: new Map(),
    close: async () => {},
    logout: async () => {},
    requestPairingCode: async () => ({ code: 'ABCD1234', expiresAt: 0 }),
    async send(message, beforeWire) {
      await link.gate
      const refusal = link.refusals.shift()
      if (refusal !== undefined) throw refusal
      await beforeWire(new TextEncoder().encode(`proto of ${message.id}`))
      written.push(message)
      chats.set(message.id, message.to)
      if (link.ackAtOnce) queueMicrotask(() => link.ack(message.id))
    },
    upload: async () => {
      throw new Error('the script has no files')
    },
    onAck(listener) {
      ackListeners.add(listener)
      return { [Symbol.dispose]: () => void ackListeners.delete(listener) }
    },
    ack(id, error) {
      const chat = chats.get(id) ?? parseJid('12025550199@s.whatsapp.net')
      for (const listener of ackListeners) listener({ id, chat, error, at: now() })
    },
    fileAgain: async () => ({ is: 'silent' }),
    async markPlayed() {},
    async markRead(keys) {
      markedRead.push(...keys)
    },
    get groups(): Link['groups'] {
      throw new Error('a scripted link knows no groups')
    },
    get people(): Link['people'] {
      throw new Error('a scripted link knows no people')
    },
    get business(): Link['business'] {
      throw new Error('a scripted link knows no businesses')
    },
    get account(): Link['account'] {
      throw new Error('a scripted link has no account')
    },
    rejectCall: () => {
      throw new Error('a scripted link rejects no calls')
    },
    get phone(): Link['phone'] {
      throw new Error('a scripted link has no phone')
    },
    appState: {
      isBusiness: undefined,
      change: async () => {
        throw new Error('a scripted link changes no app state')
      },
      // There is nothing that was not told.
      sync: async () => {},
    },
    get newsletters(): Link['newsletters'] {
      throw new Error('a scripted link knows no newsletters')
    },
    get statuses(): Link['statuses'] {
      throw new Error('a scripted link knows no statuses')
    },
    setDisappearing: async () => {
      throw new Error('a scripted link sets no timers')
    },
    async typing(chat, state) {
      typed.push({ chat, state })
    },
    async numbers(digits) {
      asked.push(...digits)
      return digits.map((number) => {
        const known = link.directory.get(number)
        const exists = known === undefined ? true : known.exists
        return {
          digits: number,
          exists,
          pn: exists === true ? (known?.pn ?? parseJid(`${number}@s.whatsapp.net`)) : undefined,
          lid: known?.lid,
        }
      })
    },
  }
  return link
}
