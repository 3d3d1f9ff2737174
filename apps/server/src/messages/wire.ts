import {
  ackOfStatus,
  isoOf,
  type Language,
  messageTypes,
  type MessageWire,
  say,
  sendFailures,
} from '@inbox-hub/contract'
import { isGroup, type Jid, mediaOf } from '@inbox-hub/whatsapp'

import type { Address } from '../chats/index.ts'
import { contentOf, mentionsOf } from './content.ts'
import { contentWire } from './content-wire.ts'
import type { MessageRow } from './message-rows.ts'
import type { Waiting } from './outbound/outbox.ts'
import type { SendFailure } from './outbound/outbound-state.ts'
import { type Own, ownAddress } from './own.ts'
import { rowOfScheduled, type ScheduledRow } from './scheduling/scheduled-rows.ts'

/** What a message's wire shape needs beside its row. */
export interface WireContext {
  /** The address to show to the world. */
  shown: (sessionId: number, jid: Jid) => Jid
  own: (sessionId: number) => Own
  /** Why it failed, by the message's number. */
  failures: ReadonlyMap<number, SendFailure>
  /** What a message on its way out waits for. */
  waiting: (sessionId: number, whatsappId: string) => Waiting | undefined
  language: Language
}

/** Every address that `messageWire` will show of a row. */
export function addressesIn(row: MessageRow): readonly Address[] {
  // Columns that only canonical addresses are written to; mentions are addresses as they came.
  const jids = [
    row.chat_jid as Jid,
    ...(row.sender_jid === '' ? [] : [row.sender_jid as Jid]),
    ...mentionsIn(row),
  ]
  return jids.map((jid) => ({ sessionId: row.session_id, jid }))
}

/** A message as every list of the API shows it (contract §5). */
export function messageWire(
  row: MessageRow,
  { shown, own, failures, waiting, language }: WireContext,
): MessageWire {
  const { session_id: sessionId } = row
  const show = (jid: Jid): Jid => shown(sessionId, jid)
  // Columns that only canonical addresses are written to.
  const chat = row.chat_jid as Jid
  const chatId = show(chat)
  const fromMe = row.from_me === 1
  const us = ownAddress(own(sessionId)) ?? ''
  const author = fromMe ? us : show(row.sender_jid as Jid)
  const content = contentOf(row)
  const media = mediaOf(content)
  const type = messageTypes.find((known) => known === row.type) ?? 'text'
  const failure = failures.get(row.id)
  const wait = row.status === 'pending' && row.via_hub === 1 ? waiting(sessionId, row.whatsapp_id) : undefined
  return {
    id: { fromMe, remote: chatId, id: row.whatsapp_id, _serialized: row.whatsapp_id },
    dbId: row.id,
    whatsappMessageId: row.whatsapp_id,
    messageId: row.whatsapp_id,
    chatId,
    from: author,
    to: fromMe ? chatId : us,
    fromMe,
    direction: fromMe ? 'outgoing' : 'incoming',
    type,
    body: row.body,
    content: row.body,
    caption: type === 'text' || row.body === '' ? null : row.body,
    status: row.status,
    ack: ackOfStatus[row.status],
    timestamp: isoOf(row.sent_at),
    isRead: row.is_read === 1,
    hasMedia: media !== undefined,
    has_attachment: media !== undefined,
    mediaUrl: null,
    hasReactions: false,
    reactions: [],
    isStarred: false,
    quotedMsgId: row.quoted_id,
    mentions: mentionsIn(row).map(show),
    isGroup: isGroup(chat),
    participant: isGroup(chat) && !fromMe ? author : null,
    pushName: row.push_name,
    ...contentWire(content),
    undecryptable: row.type === 'undecryptable',
    error:
      failure === undefined
        ? null
        : { code: failure.reason, message: say(sendFailures[failure.reason].message, language) },
    waitingFor: wait?.for ?? null,
    position: wait?.position ?? null,
    expectedAt: wait?.expectedAt === undefined ? null : isoOf(wait.expectedAt),
  }
}

/** A message whose time has not come, in the same shape. `now` is Unix ms. */
export function scheduledWire(scheduled: ScheduledRow, now: number, context: WireContext): MessageWire {
  const isDue = scheduled.send_at <= now
  return {
    ...messageWire(rowOfScheduled(scheduled, scheduled.send_at), context),
    status: 'scheduled',
    ack: ackOfStatus.scheduled,
    waitingFor: isDue ? 'connection' : 'schedule',
    expectedAt: isDue ? null : isoOf(scheduled.send_at),
  }
}

function mentionsIn(row: MessageRow): readonly Jid[] {
  if (row.content === null) return []
  return mentionsOf(contentOf(row))
}
