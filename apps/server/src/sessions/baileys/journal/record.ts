import { proto, unpadRandomMax16 } from '../baileys.ts'

import { isGroup } from '@inbox-hub/whatsapp'

import { ByteReader, ByteWriter, MalformedRecord } from '../signal/bytes.ts'
import type { JournalEntry } from './entry.ts'
import { changeOf } from './change.ts'
import { contentOf, withSecret } from './content.ts'
import type { Envelope } from './envelope.ts'
import { unknownKind } from './unknown-kind.ts'

/** What a row of the journal holds under its seal. */
export type JournalRecord =
  | {
      kind: 'message' | 'keys' | 'history'
      envelope: Envelope
      /** As the ratchet answered it, padding included: what a redelivery is answered with. */
      plaintext: Uint8Array
    }
  /** Content that came by another way than its own ciphertext: the phone's answer to a request for it. */
  | { kind: 'resent'; envelope: Envelope; message: Uint8Array }
  | { kind: 'undecryptable'; envelope: Envelope; reason: string }
  | { kind: 'receipt'; receipt: Omit<Receipt, 'kind'> }

type Receipt = Pick<
  Extract<JournalEntry, { kind: 'receipt' }>,
  'kind' | 'ids' | 'chat' | 'participant' | 'status' | 'sentAt'
> & { offline: boolean }

const VERSION = 1

export function packRecord(record: JournalRecord): Buffer {
  const writer = new ByteWriter().byte(VERSION)
  if ('plaintext' in record) {
    const { plaintext, ...head } = record
    return writer.text(JSON.stringify(head)).bytes(plaintext).finish()
  }
  if (record.kind === 'resent') {
    const { message, ...head } = record
    return writer.text(JSON.stringify(head)).bytes(message).finish()
  }
  return writer.text(JSON.stringify(record)).finish()
}

/** @throws {MalformedRecord} */
export function unpackRecord(bytes: Uint8Array): JournalRecord {
  const reader = new ByteReader(bytes)
  if (reader.byte() !== VERSION) throw new MalformedRecord('journal record of an unknown version')
  // Sealed under this row's name, so packRecord wrote it.
  const head = JSON.parse(reader.text()) as JournalRecord
  if (head.kind === 'undecryptable' || head.kind === 'receipt') return head
  if (head.kind === 'resent') return { ...head, message: reader.bytes() }
  return { ...head, plaintext: reader.bytes() }
}

/** Where and when a row stands. */
export interface RowPlace {
  sessionId: number
  seq: number
  hash: string
  receivedAt: number
}

/** What the projector is told of a row; undefined when there is nothing for people in it. */
export function entryOf(record: JournalRecord, place: RowPlace): JournalEntry | undefined {
  if (record.kind === 'message')
    return messageEntry(record.envelope, unpadRandomMax16(record.plaintext), place)
  if (record.kind === 'resent') return messageEntry(record.envelope, record.message, place)
  if (record.kind === 'receipt') {
    const { ids, chat, participant, status, sentAt, offline } = record.receipt
    return { ...place, kind: 'receipt', ids, chat, participant, status, sentAt, offline }
  }
  if (record.kind !== 'undecryptable') return undefined
  const { id, chat, chatAlt, sender, senderAlt, sentAt, offline } = record.envelope
  const { reason } = record
  return { ...place, kind: 'undecryptable', id, chat, chatAlt, sender, senderAlt, sentAt, offline, reason }
}

/**
 * The entry of an encoded message; undefined when it holds nothing for people. Throws on bytes that are no message, unless `message` is
 * what they were decoded to.
 */
export function messageEntry(
  envelope: Envelope,
  encoded: Uint8Array,
  place: RowPlace,
  message: proto.IMessage = proto.Message.decode(encoded),
): JournalEntry | undefined {
  const change = changeOf(message)
  const content = change === undefined ? (contentOf(message) ?? unknownKind(encoded, message)) : undefined
  // JSON leaves undefined fields out; the entry has them.
  const { id, chat, chatAlt, sender, senderAlt, fromMe, sentAt, pushName, verifiedName, offline } = envelope
  const common = {
    ...place,
    id,
    chat,
    chatAlt,
    sender,
    senderAlt,
    fromMe,
    sentAt,
    pushName,
    verifiedName,
    offline,
  }
  if (change !== undefined) return { ...common, kind: 'change', byAdmin: envelope.byAdmin === true, change }
  if (content === undefined) return undefined
  return { ...common, kind: 'message', content: isGroup(chat) ? withSecret(content, message) : content }
}

/** Throws on bytes that are no message: its sender could write anything. */
export function decodePadded(plaintext: Uint8Array): proto.Message {
  return proto.Message.decode(unpadRandomMax16(plaintext))
}
