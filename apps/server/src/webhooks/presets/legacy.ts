import type { EventData, EventType, SessionReason } from '@inbox-hub/contract'

import type { StoredEvent } from '../../events/index.ts'
import type { SessionView } from '../../sessions/index.ts'
import { legacySignature } from '../signing.ts'
import type { LaneName } from '../tables.ts'
import { type Attempt, type Preset, type Telling, withData } from './preset.ts'
import { knownToCrm, subscribed } from './subscription.ts'

/** The CRM stores a sent message when it has the send answer: it must know the message before it hears of its fate. */
const holdStatusesMs = 1000

/**
 * The webhook that CRM clients of the contract's §7 already understand: names, fields and quirks are the contract's.
 * One call at a time per lane, each waiting for the success of the one before.
 */
export const legacy: Preset = {
  ordered: true,
  timeoutMs: 7000,
  check: 'frappe',
  tell,
  ping: ({ type, at, sessionName, sessionNumber, data }) =>
    bodyOf(type, at, { sessionId: sessionName, id: sessionNumber }, data),
  withQr: (body, qr) => withData(body, { qrCode: qr.dataUrl, expiresAt: instant(qr.expiresAt) }),
  headers,
}

function headers({ id, eventType, sessionName, body, keys, now }: Attempt): Record<string, string> {
  const signature = legacySignature(keys[0], body)
  return {
    'content-type': 'application/json',
    'x-webhook-event': eventType,
    'x-webhook-session': sessionName,
    // On every call, whether or not a secret was set: the CRM refuses unsigned ones before it looks at its own secret.
    'x-webhook-signature': signature,
    'x-signature': signature,
    'x-webhook-timestamp': String(now),
    'x-webhook-id': id,
  }
}

function tell(event: StoredEvent, session: SessionView, events: readonly string[]): readonly Telling[] {
  const wanted = subscribed(events, knownToCrm)
  const tellings: Telling[] = []
  const add = (type: string, lane: LaneName, fields: object): void => {
    tellings.push({
      type,
      lane,
      holdMs: lane === 'main' ? 0 : holdStatusesMs,
      body: bodyOf(type, event.at, session, fields),
    })
  }

  // Whoever appended the event used the schema of its type.
  const translate = translations[event.type] as Translate<never> | undefined
  const type = event.type === 'message.reaction' ? 'message.received' : event.type
  const fields = translate?.(event.data as never, session)
  if (fields !== undefined && wanted.has(type)) add(type, statuses.has(type) ? 'statuses' : 'main', fields)
  const ack = acks[event.type]
  if (ack !== undefined && wanted.has('message.ack')) {
    const { messageId } = event.data as EventData<'message.sent'> // the types in `acks` have this schema
    add('message.ack', 'acks', { messageId, ack, timestamp: instant(event.at) })
  }
  return tellings
}

function bodyOf(
  type: string,
  at: number,
  { sessionId, id }: Pick<SessionView, 'sessionId' | 'id'>,
  fields: object,
): string {
  return JSON.stringify({
    event: type,
    sessionId,
    timestamp: new Date(at).toISOString(),
    data: { sessionId, session_db_id: id, ...fields },
  })
}

const statuses: ReadonlySet<string> = new Set([
  'message.sent',
  'message.delivered',
  'message.read',
  'message.failed',
])
const acks: Readonly<Record<string, number>> = {
  'message.sent': 1,
  'message.delivered': 2,
  'message.read': 3,
}

type Translate<Data> = (data: Data, session: SessionView) => object | undefined

/** The event's own fields under `data`; an event without a line, or without fields, is nothing this CRM knows. */
const translations: { [Type in EventType]?: Translate<EventData<Type>> } = {
  'message.received': (message, session) => ({ message: receivedMessage(message, session) }),
  'message.reaction': (reaction, session) => reactionMessage(reaction, session),
  'message.sent': messageProgress,
  'message.delivered': messageProgress,
  'message.read': messageProgress,
  'message.failed': ({ messageId, status, chatId, timestamp, error }) => ({
    messageId,
    status,
    chatId,
    timestamp: instant(timestamp),
    error,
  }),
  'session.connected': ({ status, isConnected, phoneNumber, timestamp }) => ({
    status,
    isConnected,
    phoneNumber,
    timestamp: instant(timestamp),
  }),
  'session.disconnected': ({ status, isConnected, reason, timestamp }) => ({
    status,
    isConnected,
    reason: oldReasons[reason] ?? reason,
    timestamp: instant(timestamp),
  }),
  'session.qr': ({ status, expiresAt, timestamp }) => ({
    status,
    expiresAt: instant(expiresAt),
    timestamp: instant(timestamp),
  }),
  'contact.updated': ({ contactId, phone, name }) => ({
    contact: { id: contactId, phone: phone ?? '', name, imgUrl: null },
  }),
  'chat.archived': archived,
  'chat.unarchived': archived,
}

function messageProgress({ messageId, status, chatId, timestamp }: EventData<'message.sent'>): object {
  return { messageId, status, chatId, timestamp: instant(timestamp) }
}

function archived({ chatId, isArchived }: EventData<'chat.archived'>): object {
  return { chatId, isArchived }
}

function receivedMessage(message: EventData<'message.received'>, session: SessionView): object {
  return {
    whatsappMessageId: message.messageId,
    messageId: message.messageId,
    chatId: message.chatId,
    from: message.from,
    // The client reads its own number here, and takes the session's name while there is none.
    to: session.phoneNumber ?? session.sessionId,
    content: message.text,
    body: message.text,
    timestamp: Math.floor(message.timestamp / 1000),
    type: message.type,
    fromMe: false,
    isGroup: message.isGroup,
    ...(message.participant === null ? {} : { participant: message.participant }),
    ...(message.pushName === null ? {} : { pushName: message.pushName }),
    has_attachment: message.media !== null,
    hasMedia: message.media !== null,
    media: message.media === null ? null : attachment(message.media),
    ...(message.quotedMessageId === null ? {} : { quotedMsgId: message.quotedMessageId }),
  }
}

/** The client wants each field; what the message did not say is the most general. */
function attachment({
  filename,
  filesize,
  mimetype,
  url,
  sha256,
}: NonNullable<EventData<'message.received'>['media']>): object {
  return {
    filename: filename ?? '',
    filesize: filesize ?? 0,
    mimetype: mimetype ?? 'application/octet-stream',
    url,
    ...(sha256 === null ? {} : { fileSha256: sha256 }),
  }
}

/**
 * A reaction comes as a message that holds one (contract §7); the client finds the message it is put on by its id alone. One that is
 * taken back has no text there, which the client refuses.
 */
function reactionMessage(reaction: EventData<'message.reaction'>, session: SessionView): object | undefined {
  const { messageId, changeId, chatId, from, isGroup, participant, emoji, ofOurs, timestamp } = reaction
  if (emoji === null) return undefined
  return {
    message: {
      whatsappMessageId: changeId,
      messageId: changeId,
      chatId,
      from,
      to: session.phoneNumber ?? session.sessionId,
      content: emoji,
      body: emoji,
      timestamp: Math.floor(timestamp / 1000),
      type: 'reaction',
      fromMe: false,
      isGroup,
      ...(participant === null ? {} : { participant }),
      has_attachment: false,
      hasMedia: false,
      media: null,
      quotedMsgId: messageId,
      reactionMessage: {
        key: { remoteJid: chatId, fromMe: ofOurs, id: messageId },
        text: emoji,
        senderTimestampMs: timestamp,
      },
    },
  }
}

/** The five words of the contract for the end of a session; a newer reason keeps its own name, which the client shows as it is. */
const oldReasons: Readonly<Record<string, string>> = {
  logged_out: 'logout',
  connection_replaced: 'conflict',
  locked: 'banned',
  banned: 'banned',
  qr_expired: 'qr_timeout',
  codes_used_up: 'qr_timeout',
} satisfies { [Reason in SessionReason]?: string }

function instant(at: number): string {
  return new Date(at).toISOString()
}
