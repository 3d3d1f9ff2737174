import {
  ackOfStatus,
  isoOf,
  type Language,
  messageTypes,
  type MessageWire,
  playedAck,
  say,
  sendFailures,
} from '@inbox-hub/contract'
import { isGroup, type Jid, mediaOf, type MessageContent } from '@inbox-hub/whatsapp'

import type { Address } from '../chats/index.ts'
import { deedOf, type MessageChangeRow, type StoredDeed } from './change-rows.ts'
import { pinnedUntil } from './changes.ts'
import { contentOf, mentionsOf, sentContentOf } from './content.ts'
import { contentWire, type FileLinks } from './content-wire.ts'
import type { MessageRow } from './message-rows.ts'
import type { Waiting } from './outbound/waiting.ts'
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
  /** What was done to it, by the message's number, oldest first. */
  changes: ReadonlyMap<number, readonly MessageChangeRow[]>
  /** Unix ms. */
  now: number
  language: Language
  /** Where the file of a message is fetched without a key. */
  fileLinks: (messageId: number) => FileLinks
}

/** What has just been stored did not fail, and nothing was done to it. */
export const nothingYet = {
  failures: new Map<number, never>(),
  changes: new Map<number, never>(),
} satisfies Partial<WireContext>

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
  { shown, own, failures, changes, waiting, now, language, fileLinks }: WireContext,
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
  const wire = contentWire(sentContentOf(row), () => fileLinks(row.id))
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
    ack: fromMe && row.played === 1 ? playedAck : ackOfStatus[row.status],
    timestamp: isoOf(row.sent_at),
    isRead: row.is_read === 1,
    isPlayed: row.played === 1,
    hasMedia: media !== undefined,
    has_attachment: media !== undefined,
    mediaUrl: wire.media?.url ?? null,
    ...changesWire(row, content, { changes: changes.get(row.id) ?? [], show, us, now }),
    isStarred: row.is_starred === 1,
    quotedMsgId: row.quoted_id,
    mentions: mentionsIn(row).map(show),
    isGroup: isGroup(chat),
    participant: isGroup(chat) && !fromMe ? author : null,
    pushName: row.push_name,
    ...wire,
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

function changesWire(
  row: MessageRow,
  content: MessageContent,
  {
    changes,
    show,
    us,
    now,
  }: { changes: readonly MessageChangeRow[]; show: (jid: Jid) => Jid; us: string; now: number },
) {
  const done = changes.map((change) => ({
    change,
    deed: deedOf(change),
    fromMe: change.sender_jid === '',
    // A column that only canonical addresses are written to.
    from: change.sender_jid === '' ? us : show(change.sender_jid as Jid),
  }))
  const last = <Kind extends StoredDeed['kind']>(kind: Kind) =>
    done.findLast(
      (one): one is typeof one & { deed: Extract<StoredDeed, { kind: Kind }> } => one.deed.kind === kind,
    )
  const reactions = done.flatMap(({ change, deed, fromMe, from }) =>
    'emoji' in deed && deed.emoji !== ''
      ? [{ emoji: deed.emoji, from, fromMe, timestamp: isoOf(change.changed_at) }]
      : [],
  )
  const edited = last('edit')
  const deleted = last('revoke')
  const pin = last('pin')
  const pinEnds = pin && pinnedUntil(pin.change, pin.deed.forS)
  return {
    hasReactions: reactions.length > 0,
    reactions,
    // A message that the hub removed says nothing, and was not changed.
    editedAt: edited === undefined || row.shown === 0 ? null : isoOf(edited.change.changed_at),
    deletedAt: deleted === undefined ? null : isoOf(deleted.change.changed_at),
    deletedBy: deleted?.from ?? null,
    isPinned: pin?.deed.pinned === true && (pinEnds === null || pinEnds === undefined || pinEnds > now),
    isKept: last('keep')?.deed.kept === true,
    eventAnswers:
      content.kind === 'event'
        ? done.flatMap(({ change, deed, from }) =>
            'answer' in deed
              ? [
                  {
                    answer: deed.answer,
                    extraGuests: deed.extraGuests,
                    from,
                    timestamp: isoOf(change.changed_at),
                  },
                ]
              : [],
          )
        : null,
    pollVotes:
      content.kind === 'poll'
        ? content.poll.options.map((option) => {
            const voters = done.flatMap(({ deed, from }) =>
              'chosen' in deed && deed.chosen.includes(option) ? [from] : [],
            )
            return { option, votes: voters.length, voters }
          })
        : null,
  }
}

function mentionsIn(row: MessageRow): readonly Jid[] {
  if (row.content === null) return []
  return mentionsOf(contentOf(row))
}
