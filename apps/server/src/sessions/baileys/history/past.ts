import { createHash } from 'node:crypto'

import type { Jid } from '@inbox-hub/whatsapp'
import { isGroup, isPerson, isStatus, tryParseJid, withoutDevice } from '@inbox-hub/whatsapp'

import { proto } from '../baileys.ts'
import { unwrapped } from '../journal/content.ts'
import type { ChangeEntry } from '../journal/entry.ts'
import type { PastChat, PastMessage } from './taker.ts'
import type { Envelope, Self } from '../journal/envelope.ts'
import { countOf, momentOf, type Numeric, textIn } from '../journal/protobuf.ts'
import { messageEntry, type RowPlace } from '../journal/record.ts'
import { eventAnswerIn } from '../journal/sealed-deed.ts'
import { isMissing } from '../missing.ts'
import { fieldAt } from './reader.ts'

/** What one message of history tells: itself, and what was done to it. */
export interface Told {
  messages: readonly PastMessage[]
  changes: readonly ChangeEntry[]
}

/** Where a message of history stands: its part's place, and how it is encoded when its kind is not known. */
interface Context {
  self: Self
  place: RowPlace
  encoded: () => Uint8Array | undefined
}

const nothing: Told = { messages: [], changes: [] }

const { StubType, Status } = proto.WebMessageInfo

/** How far a message of ours came. */
const statusOf: Readonly<Record<number, PastMessage['status']>> = {
  [Status.ERROR]: 'failed',
  [Status.PENDING]: 'sent', // It is in the phone's history: the phone sees to it.
  [Status.SERVER_ACK]: 'sent',
  [Status.DELIVERY_ACK]: 'delivered',
  [Status.READ]: 'read',
  [Status.PLAYED]: 'read',
}

/** A `HistorySyncMsg` as it came; nothing of one that is no message of people: notices, calls, what we cannot place. */
export function pastOf(bytes: Uint8Array, at: Omit<Context, 'encoded'>): Told {
  const { message } = proto.HistorySyncMsg.decode(bytes)
  return isMissing(message) ? nothing : toldBy(message, { ...at, encoded: () => fieldAt(bytes, [1, 2]) })
}

/** A `WebMessageInfo` as it came: a status. */
export function pastStatusOf(bytes: Uint8Array, at: Omit<Context, 'encoded'>): Told {
  return toldBy(proto.WebMessageInfo.decode(bytes), { ...at, encoded: () => fieldAt(bytes, [2]) })
}

function toldBy(info: proto.IWebMessageInfo, { self, place, encoded }: Context): Told {
  const envelope = envelopeIn(info, self)
  if (envelope === undefined) return nothing
  const changes = changesIn(info, envelope, place, self)
  const status = envelope.fromMe ? (statusOf[info.status ?? Status.SERVER_ACK] ?? 'sent') : undefined
  const past = (entry: PastMessage['entry']): Told => ({
    messages: [{ entry, status, starred: info.starred === true }],
    changes,
  })
  const message = withSecretOf(info)
  if (isMissing(message)) {
    const { id, chat, chatAlt, sender, senderAlt, sentAt, offline } = envelope
    const common = { ...place, id, chat, chatAlt, sender, senderAlt, sentAt, offline }
    if (info.messageStubType === StubType.CIPHERTEXT)
      return past({ ...common, kind: 'undecryptable', reason: 'the phone could not open it' })
    if (info.messageStubType !== StubType.REVOKE) return nothing
    const { fromMe, pushName, verifiedName } = envelope
    // What it said is gone; that it was there is not.
    return past({
      ...common,
      kind: 'message',
      fromMe,
      pushName,
      verifiedName,
      content: { kind: 'text', text: '' },
    })
  }
  const entry =
    messageEntry(envelope, new Uint8Array(), place, message) ??
    messageEntry(envelope, encoded() ?? new Uint8Array(), place, message)
  if (entry?.kind === 'change') return { messages: [], changes: [entry] }
  return entry?.kind === 'message' ? past(entry) : nothing
}

/** Phones keep the secret of a message beside it. */
function withSecretOf({ message, messageSecret }: proto.IWebMessageInfo): proto.IMessage | undefined {
  if (isMissing(message)) return undefined
  const { info } = unwrapped(message)
  if (isMissing(messageSecret) || !isMissing(info?.messageSecret)) return message
  return { ...message, messageContextInfo: { ...info, messageSecret } }
}

function envelopeIn(info: proto.IWebMessageInfo, self: Self): Envelope | undefined {
  const { key, messageTimestamp, pushName, verifiedBizName } = info
  const chat = personOrPlace(key?.remoteJid)
  const sentAt = momentOf(messageTimestamp)
  if (chat === undefined || sentAt === undefined || isMissing(key?.id) || key.id === '') return undefined
  const fromMe = key.fromMe === true
  const us = self.lid ?? self.pn
  const sender = fromMe
    ? us
    : (personOrPlace(key.participant ?? info.participant) ?? (isPerson(chat) ? chat : undefined))
  if (sender === undefined) return undefined
  return {
    id: key.id,
    chat,
    chatAlt: undefined,
    sender: withoutDevice(sender),
    senderAlt: undefined,
    fromMe,
    sentAt,
    pushName: fromMe ? undefined : textIn(pushName),
    verifiedName: textIn(verifiedBizName),
    offline: true,
  }
}

function personOrPlace(text: string | null | undefined): Jid | undefined {
  const jid = tryParseJid(text ?? '')
  return jid && withoutDevice(jid)
}

/** Reactions, votes, answers and the like, which history keeps with the message that they are about. */
function changesIn(
  info: proto.IWebMessageInfo,
  envelope: Envelope,
  place: RowPlace,
  self: Self,
): readonly ChangeEntry[] {
  const changes: ChangeEntry[] = []
  const add = (
    by: proto.IMessageKey | null | undefined,
    atMs: Numeric,
    deed: WithoutTarget<ChangeEntry['change']>,
  ): void => {
    const sender = byWhom(by, envelope, self)
    if (sender === undefined) return
    const sentAt = countOf(atMs) || envelope.sentAt
    const n = changes.length
    changes.push({
      ...place,
      hash: `${place.hash}.${n}`,
      kind: 'change',
      id: textIn(by?.id) ?? `${envelope.id}.${n}`,
      chat: envelope.chat,
      chatAlt: undefined,
      sender,
      senderAlt: undefined,
      fromMe: by?.fromMe === true,
      sentAt,
      pushName: undefined,
      verifiedName: undefined,
      offline: true,
      byAdmin: false,
      change: { ...deed, target: { id: envelope.id, bySender: false, author: envelope.sender }, at: sentAt },
    })
  }
  for (const { key, text, senderTimestampMs } of info.reactions ?? [])
    if (!isMissing(text) && text !== '') add(key, senderTimestampMs, { kind: 'reaction', emoji: text })
  const options = optionsIn(info.message)
  for (const { pollUpdateMessageKey, vote, senderTimestampMs } of info.pollUpdates ?? []) {
    const chosen = new Set((vote?.selectedOptions ?? []).map((hash) => Buffer.from(hash).toString('hex')))
    add(pollUpdateMessageKey, senderTimestampMs, {
      kind: 'vote',
      chosen: options.filter((option) => chosen.has(createHash('sha256').update(option).digest('hex'))),
    })
  }
  for (const { eventResponseMessageKey, timestampMs, eventResponseMessage } of info.eventResponses ?? []) {
    const answer = eventAnswerIn(eventResponseMessage ?? {})
    if (answer !== undefined) add(eventResponseMessageKey, timestampMs, { kind: 'vote', ...answer })
  }
  const { pinInChat, keepInChat } = info
  if (pinInChat?.type === proto.PinInChat.Type.PIN_FOR_ALL) {
    const forS = countOf(pinInChat.messageAddOnContextInfo?.messageAddOnDurationInSecs) || undefined
    add(pinInChat.key, pinInChat.senderTimestampMs, { kind: 'pin', pinned: true, forS })
  }
  if (keepInChat?.keepType === proto.KeepType.KEEP_FOR_ALL)
    add(keepInChat.key, keepInChat.clientTimestampMs, { kind: 'keep', kept: true })
  if (isMissing(info.message) && info.messageStubType === StubType.REVOKE) {
    const at = momentOf(info.revokeMessageTimestamp) ?? envelope.sentAt
    add({ ...info.key, id: `${envelope.id}.revoked` }, at, { kind: 'revoke' })
  }
  return changes
}

/** Each of the kinds for itself: `Omit` would take what all have in common. */
type WithoutTarget<Change> = Change extends unknown ? Omit<Change, 'target' | 'at'> : never

function byWhom(
  key: proto.IMessageKey | null | undefined,
  { chat, sender }: Envelope,
  { lid, pn }: Self,
): Jid | undefined {
  if (isMissing(key)) return undefined
  const us = lid ?? pn
  if (key.fromMe === true) return us && withoutDevice(us)
  return personOrPlace(key.participant) ?? (isGroup(chat) || isStatus(chat) ? sender : chat)
}

function optionsIn(message: proto.IMessage | null | undefined): readonly string[] {
  const poll =
    message?.pollCreationMessage ??
    message?.pollCreationMessageV2 ??
    message?.pollCreationMessageV3 ??
    message?.pollCreationMessageV5
  return (poll?.options ?? []).map(({ optionName }) => optionName ?? '')
}

const { EndOfHistoryTransferType } = proto.Conversation

/** A conversation without its messages; undefined when we cannot place it. Which address it has beside is answered with it. */
export function pastChatOf(
  bytes: Uint8Array,
): { chat: PastChat; pair: { lid: string; pn: string } | undefined; told: proto.Conversation } | undefined {
  const told = proto.Conversation.decode(bytes)
  const jid = personOrPlace(told.id)
  if (jid === undefined) return undefined
  const name = isPerson(jid) ? undefined : (textIn(told.name) ?? textIn(told.displayName))
  const person = isPerson(jid)
    ? { savedName: textIn(told.name), username: textIn(told.username) }
    : { savedName: undefined, username: undefined }
  const other = jid.endsWith('@lid') ? textIn(told.pnJid) : (textIn(told.lidJid) ?? textIn(told.accountLid))
  const pair =
    other === undefined || !isPerson(jid)
      ? undefined
      : jid.endsWith('@lid')
        ? { lid: jid, pn: other }
        : { lid: other, pn: jid }
  return {
    told,
    pair,
    chat: {
      jid,
      name,
      ...person,
      unread: countOf(told.unreadCount) ?? 0,
      archived: told.archived === true,
      pinned: (countOf(told.pinned) ?? 0) > 0,
      mutedUntil: endOfMute(told.muteEndTime),
      markedUnread: told.markedAsUnread === true,
      ephemeralS: countOf(told.ephemeralExpiration) || null,
      activeAt: momentOf(told.conversationTimestamp) ?? momentOf(told.lastMsgTimestamp) ?? 0,
      isWhole:
        told.endOfHistoryTransferType ===
        EndOfHistoryTransferType.COMPLETE_AND_NO_MORE_MESSAGE_REMAIN_ON_PRIMARY,
    },
  }
}

/** The last moment a date can name. */
const ALWAYS = 8_640_000_000_000_000

/** Unix ms. Phones write seconds here, app state milliseconds; -1, for ever, is the largest number there is. */
function endOfMute(time: Numeric): number | null {
  const end = Number(time ?? 0)
  if (end === 0) return null
  if (end < 0 || end > ALWAYS) return ALWAYS
  return end < 100_000_000_000 ? end * 1000 : end
}
