import { createHash } from 'node:crypto'

import type { BinaryNode } from '../baileys.ts'
import {
  encodeWAMessage,
  getBinaryNodeChild,
  getBinaryNodeChildren,
  proto,
  unpadRandomMax16,
} from '../baileys.ts'

import type { Jid } from '@inbox-hub/whatsapp'
import { isGroup, isNewsletter, isStatus, sameAccount, tryParseJid, withoutDevice } from '@inbox-hub/whatsapp'

import type { Clock } from '../../../platform/clock.ts'
import type { Database } from '../../../platform/database/index.ts'
import { statement } from '../../../platform/database/index.ts'
import type { JournalRow } from '../commit-queue.ts'
import type { Sealer } from '../../../platform/secrets/index.ts'
import type { Beside } from '../signal/ratchet-step.ts'
import type { Change, SignalStore } from '../signal/store.ts'
import '../tables.ts'
import type { Attributes, Envelope, Self } from './envelope.ts'
import { addressIn, envelopeOf } from './envelope.ts'
import type { JournalRecord, RowPlace } from './record.ts'
import { timerIn } from './timer.ts'
import { decodePadded, entryOf, messageEntry, packRecord, unpackRecord } from './record.ts'
import { isMissing } from '../missing.ts'

const rowOf = statement((db, p: { sessionId: number; hash: string }) =>
  db
    .selectFrom('inbox_journal')
    .select(['sealed'])
    .where('session_id', '=', p.sessionId)
    .where('hash', '=', p.hash),
)

/** One ciphertext of a message stanza on its way to the ratchet. */
export interface Arrival {
  readonly hash: string
  readonly envelope: Envelope | undefined
}

/** What baileys says of a stanza without anything to open. */
const NOTHING_TO_OPEN = 'Message absent from node'

/**
 * The way from stanzas to journal rows for one socket: remembers which stanza a ciphertext came in, and makes the rows
 * that are stored in the transaction of its ratchet step.
 */
export class Inbox {
  readonly #store: SignalStore
  readonly #sealer: Sealer
  readonly #database: Database
  readonly #clock: Clock
  readonly #self: () => Self
  readonly #nextSeq: () => number
  /** By the very bytes that baileys hands to the ratchet: the stanza's own content. */
  readonly #stanzas = new WeakMap<Uint8Array, { attributes: Attributes; verifiedName: string | undefined }>()

  constructor(deps: {
    store: SignalStore
    sealer: Sealer
    database: Database
    clock: Clock
    self: () => Self
    nextSeq: () => number
  }) {
    this.#store = deps.store
    this.#sealer = deps.sealer
    this.#database = deps.database
    this.#clock = deps.clock
    this.#self = deps.self
    this.#nextSeq = deps.nextSeq
  }

  /** Called with every `<message>` before baileys sees it. */
  remember(stanza: BinaryNode): void {
    if (!Array.isArray(stanza.content)) return
    const verifiedName = verifiedNameIn(stanza)
    for (const { tag, content } of stanza.content)
      if (tag === 'enc' && content instanceof Uint8Array)
        this.#stanzas.set(content, { attributes: stanza.attrs, verifiedName })
  }

  arrivalOf(ciphertext: Uint8Array, type: string): Arrival {
    const stanza = this.#stanzas.get(ciphertext)
    const attributes = stanza?.attributes ?? {}
    const author = attributes['participant'] ?? attributes['from'] ?? ''
    const hash = createHash('sha256')
      .update(`${author}\0${attributes['participant'] === undefined ? '' : attributes['from']}\0${type}\0`)
      .update(ciphertext)
      .digest('base64url')
    return {
      hash,
      envelope:
        stanza &&
        envelopeOf(attributes, this.#self(), {
          verifiedName: stanza.verifiedName,
          receivedAt: this.#clock.now(),
        }),
    }
  }

  /** The plaintext that this ciphertext was opened to before: an empty message once that was cleared. */
  async find({ hash }: Arrival): Promise<Uint8Array | undefined> {
    const { sessionId } = this.#store.lease
    return this.#store.guard(async () => {
      const row = await rowOf.first(this.#database, { sessionId, hash })
      if (row === undefined) return undefined
      if (row.sealed === null) return nothingToSay
      const record = unpackRecord(this.#sealer.open(row.sealed, journalContext(sessionId, hash)))
      return 'plaintext' in record ? record.plaintext : nothingToSay
    })
  }

  /** What is stored with the ratchet step that opened this plaintext. */
  opened({ hash, envelope }: Arrival, plaintext: Uint8Array): Opened {
    if (envelope === undefined) return { forBaileys: plaintext }
    const place = this.#place(hash)
    let message: proto.Message
    try {
      message = decodePadded(plaintext)
    } catch {
      // Not a message: the ratchet turned all the same, and baileys answers WhatsApp on its own decoding.
      const reason = 'not a WhatsApp message'
      return {
        rows: [this.#row({ kind: 'undecryptable', envelope, reason }, place, { mustBeNew: true })],
        forBaileys: plaintext,
      }
    }
    const entry = messageEntry(envelope, unpadRandomMax16(plaintext), place, message)
    const inner = message.deviceSentMessage?.message ?? message
    // A key for the group may travel with its first message.
    const answersAgain = !isMissing(inner.senderKeyDistributionMessage)
    if (entry !== undefined)
      return {
        rows: [
          this.#row({ kind: 'message', envelope, plaintext }, place, {
            mustBeNew: true,
            entry,
            answersAgain,
          }),
        ],
        forBaileys: answersAgain ? plaintext : nothingToSay,
      }
    // What only our own account may send is not taken from a stranger (whatsmeow does the same).
    const protocol = envelope.fromMe ? inner.protocolMessage : undefined
    const kind = isMissing(protocol?.historySyncNotification) ? 'keys' : 'history'
    const rows = [this.#row({ kind, envelope, plaintext }, place, { mustBeNew: true })]
    return {
      rows: [...rows, ...this.#resentBy(protocol, hash)],
      changes: [...appStateKeysIn(protocol)],
      facts: timerIn(this.#store.lease.sessionId, envelope, message),
      forBaileys: plaintext,
    }
  }

  /** Stores, before WhatsApp is told, that a message could not be opened; a retry of its sender may bring it. */
  async keepUndecryptable({ envelope }: Arrival, error: unknown): Promise<void> {
    if (envelope === undefined) return
    const reason = error instanceof Error ? error.message.slice(0, 200) : 'unknown'
    await this.#storeUndecryptable(envelope, reason)
  }

  /** A message stanza that carries nothing to open: WhatsApp withholds it from linked devices (ads, view once, …). */
  async keepAbsent(stanza: BinaryNode): Promise<void> {
    const envelope = envelopeOf(stanza.attrs, this.#self(), {
      verifiedName: verifiedNameIn(stanza),
      receivedAt: this.#clock.now(),
    })
    if (envelope === undefined || isNewsletter(envelope.chat)) return
    await this.#storeUndecryptable(envelope, NOTHING_TO_OPEN)
  }

  /** The row of a delivery, read or played receipt; undefined for receipts that are not about reading. */
  receiptRow(stanza: BinaryNode): JournalRow | undefined {
    const attributes: Attributes = stanza.attrs
    const status = receiptStatus[attributes['type'] ?? '']
    const { id } = attributes
    const from = addressIn(attributes, 'from')
    if (status === undefined || id === undefined || from === undefined) return undefined
    const self = this.#self()
    const participant = addressIn(attributes, 'participant')
    const isOwn = [self.pn, self.lid].some(
      (own) => own !== undefined && sameAccount(own, participant ?? from),
    )
    const recipient = addressIn(attributes, 'recipient')
    // Our own devices tell what was read on them; that they received what we sent is no news.
    if (isOwn && status === 'delivered') return undefined
    const chat = isOwn && !isGroup(from) && !isStatus(from) ? recipient : from
    if (chat === undefined) return undefined
    const [list] = getBinaryNodeChildren(stanza, 'list')
    const items = list === undefined ? [] : getBinaryNodeChildren(list, 'item')
    const ids = [id, ...items.map((item) => item.attrs['id'])].filter((item) => item !== undefined)
    const seconds = Number(attributes['t'])
    const receivedAt = this.#clock.now()
    const hash = createHash('sha256')
      .update(['receipt', chat, participant ?? from, status, ...ids].join('\0'))
      .digest('base64url')
    return this.#row(
      {
        kind: 'receipt',
        receipt: {
          ids,
          chat,
          participant: participant ?? (isOwn ? from : undefined),
          status,
          sentAt: Number.isSafeInteger(seconds) && seconds > 0 ? seconds * 1000 : receivedAt,
          offline: attributes['offline'] !== undefined,
        },
      },
      this.#place(hash),
    )
  }

  async #storeUndecryptable(envelope: Envelope, reason: string): Promise<void> {
    const hash = createHash('sha256')
      .update(['undecryptable', envelope.chat, envelope.sender, envelope.id].join('\0'))
      .digest('base64url')
    await this.#store.commit([], [this.#row({ kind: 'undecryptable', envelope, reason }, this.#place(hash))])
  }

  /** Messages that our phone sends again because we could not open them, inside an answer to our request. */
  #resentBy(protocol: proto.Message.IProtocolMessage | null | undefined, hash: string): JournalRow[] {
    const results = protocol?.peerDataOperationRequestResponseMessage?.peerDataOperationResult ?? []
    const rows: JournalRow[] = []
    for (const [index, result] of results.entries()) {
      const bytes = result.placeholderMessageResendResponse?.webMessageInfoBytes
      if (isMissing(bytes)) continue
      const { key, message, messageTimestamp, pushName } = proto.WebMessageInfo.decode(bytes)
      const chat = tryParseJid(key?.remoteJid ?? '')
      const { pn, lid } = this.#self()
      const self = lid ?? pn
      if (chat === undefined || isMissing(key?.id) || isMissing(message) || self === undefined) continue
      const fromMe = key.fromMe === true
      const sender: Jid = fromMe ? self : (tryParseJid(key.participant ?? '') ?? chat)
      const envelope: Envelope = {
        id: key.id,
        chat: withoutDevice(chat),
        chatAlt: undefined,
        sender: withoutDevice(sender),
        senderAlt: undefined,
        fromMe,
        sentAt: Number(messageTimestamp ?? 0) * 1000 || this.#clock.now(),
        pushName: pushName ?? undefined,
        verifiedName: undefined,
        offline: false,
      }
      const record = { kind: 'resent' as const, envelope, message: proto.Message.encode(message).finish() }
      rows.push(this.#row(record, this.#place(`${hash}.${index}`)))
    }
    return rows
  }

  #place(hash: string): RowPlace {
    return {
      sessionId: this.#store.lease.sessionId,
      seq: this.#nextSeq(),
      hash,
      receivedAt: this.#clock.now(),
    }
  }

  #row(
    record: JournalRecord,
    place: RowPlace,
    {
      mustBeNew = false,
      answersAgain = false,
      entry = entryOf(record, place),
    }: Partial<Pick<JournalRow, 'mustBeNew' | 'answersAgain' | 'entry'>> = {},
  ): JournalRow {
    const { sessionId, hash, seq, receivedAt } = place
    return {
      hash,
      seq,
      kind: record.kind === 'resent' ? 'message' : record.kind,
      seal: () => this.#sealer.seal(packRecord(record), journalContext(sessionId, hash)),
      answersAgain,
      receivedAt,
      entry,
      mustBeNew,
    }
  }
}

/** What a step stores beside the ratchet, and what baileys is told. */
export interface Opened extends Beside {
  /**
   * The plaintext when it concerns the protocol. What people write is in the journal already, and baileys would only
   * decode it, copy it into events that nobody listens to, and hold it in memory: it gets an empty message to acknowledge.
   */
  forBaileys: Uint8Array
}

const nothingToSay = encodeWAMessage({})

export function journalContext(sessionId: number, hash: string): string {
  return `${sessionId}|inbox_journal|${hash}`
}

const receiptStatus: Readonly<Record<string, 'delivered' | 'read' | 'played' | undefined>> = {
  '': 'delivered',
  inactive: 'delivered',
  read: 'read',
  'read-self': 'read',
  played: 'played',
  'played-self': 'played',
}

function verifiedNameIn(stanza: BinaryNode): string | undefined {
  const content = getBinaryNodeChild(stanza, 'verified_name')?.content
  if (!(content instanceof Uint8Array)) return undefined
  try {
    const { details } = proto.VerifiedNameCertificate.decode(content)
    if (isMissing(details)) return undefined
    return proto.VerifiedNameCertificate.Details.decode(details).verifiedName ?? undefined
  } catch {
    // A business certificate we cannot read takes nothing from its message.
    return undefined
  }
}

/** The keys of app state, stored with the step that brought them: their receipt tells the phone never to send them again. */
function appStateKeysIn(protocol: proto.Message.IProtocolMessage | null | undefined): readonly Change[] {
  const changes: Change[] = []
  for (const { keyId, keyData } of protocol?.appStateSyncKeyShare?.keys ?? []) {
    if (isMissing(keyId?.keyId) || isMissing(keyData)) continue
    changes.push({
      type: 'app-state-sync-key',
      id: Buffer.from(keyId.keyId).toString('base64'),
      bytes: proto.Message.AppStateSyncKeyData.encode(keyData).finish(),
    })
  }
  return changes
}
