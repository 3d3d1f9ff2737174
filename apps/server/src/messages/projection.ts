import { type MessageReceived, type MessageUndecryptable, messageTypes } from '@inbox-hub/contract'
import {
  isBroadcastList,
  isGroup,
  isLid,
  isNewsletter,
  isStatus,
  type Jid,
  mediaOf,
  type MessageContent,
} from '@inbox-hub/whatsapp'

import type { Address, ChangedChat, ChatChange, Chats, ContactFact, LidMapping } from '../chats/index.ts'
import type { NewEvent } from '../events/index.ts'
import type { ArrivedFile, MessageFiles } from '../media/index.ts'
import { nextIntegers, type Tx } from '../platform/database/index.ts'
import type { JournalEntry } from '../sessions/baileys/index.ts'
import { isFrame, mentionsOf, type StoredContent, storedContent, withoutThumbnail } from './content.ts'
import { contentWire } from './content-wire.ts'
import { applyChanges, type ChangeEntry } from './changes.ts'
import { eventId } from './event-ids.ts'
import type { Menus } from './menus/menus.ts'
import { type OrdinaryGroups, withNeededSecrets } from './needed-secrets.ts'
import { fillMessage, insertMessages, type MessageRow, messagesByWhatsappId } from './message-rows.ts'
import { isOwn, type Own, ownAddress } from './own.ts'
import { applyReceipts, type ReceiptEntry, type Receipts } from './receipts.ts'
import type { ReceivedStatus, StatusKeeper } from './status-keeper.ts'
import { TallyChange } from './tally.ts'

export interface ProjectionDeps {
  chats: Chats
  /** The session's own addresses, as far as they are known. */
  own: (sessionId: number) => Own
  /** Receipts prove that messages went out whose acks we missed. In the transaction of the projection. */
  receipts: Receipts
  menus: Pick<Menus, 'answered'>
  ordinaryGroups: OrdinaryGroups
  statuses: StatusKeeper
  /** The files that messages lead to. */
  files: Pick<MessageFiles, 'arrived' | 'links'>
}

type MessageEntry = Extract<JournalEntry, { kind: 'message' | 'undecryptable' }>

/** A message on its way into its row. */
export interface Arrival {
  entry: MessageEntry
  chat: Jid
  /** '' when it is ours. */
  sender: Jid | ''
  stored: StoredContent
  /** Whether lists show it and `message.received` tells it. Statuses and newsletters are kept for their own pages. */
  shown: boolean
  /** It is history: read already, and how far it came if it is ours. */
  past?: { status: MessageRow['status'] }
}

/**
 * Turns entries of the journal, of any sessions, into rows; answers the events to append, in the order of the entries. Doing it again
 * changes nothing and answers nothing. The cost per message is a few prepared statements: nothing here grows with what is stored.
 */
export async function project(
  tx: Tx,
  entries: readonly JournalEntry[],
  now: number,
  { chats, own, receipts, menus, ordinaryGroups, statuses, files }: ProjectionDeps,
): Promise<readonly NewEvent[]> {
  const told: NewEvent[] = [...(await chats.learn(tx, entries.flatMap(mappingsOf)))]
  await chats.hold(
    tx,
    entries.map(({ sessionId }) => sessionId),
  )
  const canonical = await chats.addresses.canonical(tx, entries.flatMap(addressesOf))
  const tally = new TallyChange()
  const messages: MessageEntry[] = []
  const changes: ChangeEntry[] = []
  const receiptEntries: ReceiptEntry[] = []
  for (const entry of entries) {
    if (entry.kind === 'receipt') receiptEntries.push(entry)
    else if (entry.kind === 'change') changes.push(entry)
    else messages.push(entry)
  }
  const stored: { sessionId: number; whatsappId: string }[] = []
  if (messages.length > 0) {
    const kept = await withNeededSecrets(tx, messages, ordinaryGroups)
    const read = await menus.answered(tx, kept, canonical)
    const arrivals = read.map((entry) => arrivalOf(entry, canonical, own))
    told.push(...(await chats.meet(tx, arrivals.flatMap(introductionOf))))
    const fresh = await store(tx, arrivals, now, tally)
    await noteTimers(tx, fresh, await chats.change(tx, changesOf(fresh)), chats)
    await files.arrived(tx, fresh.flatMap(fileOf))
    told.push(...(await eventsOf(tx, fresh, { addresses: chats.addresses, links: files.links }, own)))
    const received = fresh.flatMap(statusOf)
    if (received.length > 0) told.push(...(await statuses.received(tx, received)))
    for (const { entry } of fresh) stored.push({ sessionId: entry.sessionId, whatsappId: entry.id })
  }
  // After the messages: what is done to one is told after it.
  told.push(...(await applyChanges(tx, changes, stored, now, { canonical, chats, own, statuses })))
  // After the messages: within one batch a receipt may stand before the copy of a message that our phone sent.
  if (receiptEntries.length > 0) {
    told.push(...(await applyReceipts(tx, receiptEntries, { canonical, chats, own, receipts, tally })))
    const seen = receiptEntries.filter(({ chat, status }) => isStatus(chat) && status !== 'delivered')
    if (seen.length > 0) told.push(...(await statuses.seen(tx, seen)))
  }
  await tally.write(tx)
  return told
}

function mappingsOf(entry: JournalEntry): readonly LidMapping[] {
  if (entry.kind === 'receipt') return []
  const { sessionId, chat, chatAlt, sender, senderAlt } = entry
  const mappings: LidMapping[] = []
  const add = (one: Jid, other: Jid | undefined): void => {
    if (other === undefined) return
    if (isLid(one) && !isLid(other)) mappings.push({ sessionId, lid: one, pn: other })
    else if (isLid(other) && !isLid(one)) mappings.push({ sessionId, lid: other, pn: one })
  }
  add(chat, chatAlt)
  if (sender !== chat || chatAlt === undefined) add(sender, senderAlt)
  return mappings
}

function addressesOf(entry: JournalEntry): readonly Address[] {
  const { sessionId } = entry
  if (entry.kind === 'receipt')
    return [entry.chat, ...(entry.participant === undefined ? [] : [entry.participant])].map((jid) => ({
      sessionId,
      jid,
    }))
  // A change that people made to a message names its author too, which is looked up where it is needed.
  return entry.chat === entry.sender
    ? [{ sessionId, jid: entry.chat }]
    : [
        { sessionId, jid: entry.chat },
        { sessionId, jid: entry.sender },
      ]
}

export function arrivalOf(
  entry: MessageEntry,
  canonical: (sessionId: number, jid: Jid) => Jid,
  own: (sessionId: number) => Own,
): Arrival {
  const { sessionId } = entry
  const ours = entry.kind === 'message' ? entry.fromMe : isOwn(own(sessionId), entry.sender)
  const sender = ours ? '' : canonical(sessionId, entry.sender)
  const chat = canonical(sessionId, entry.chat)
  const content: MessageContent =
    entry.kind === 'message' ? entry.content : { kind: 'undecryptable', reason: entry.reason }
  const stored = storedContent(withoutThumbnail(content))
  return {
    entry,
    // What somebody sent to a broadcast list we are on stands in our chat with them, as the phone shows it.
    chat: isBroadcastList(chat) && sender !== '' ? sender : chat,
    sender,
    stored,
    shown: stored.type !== 'undecryptable' && !isFrame(stored.type) && !isStatus(chat) && !isNewsletter(chat),
  }
}

/** The file of a message that has one. */
export function fileOf({ entry, id, shown }: Fresh): readonly ArrivedFile[] {
  const { sessionId } = entry
  return entry.kind === 'message' && mediaOf(entry.content) !== undefined
    ? [{ messageId: id, sessionId, content: entry.content, shown }]
    : []
}

export function introductionOf({ entry, sender }: Arrival): readonly ContactFact[] {
  if (sender === '' || entry.kind !== 'message' || isNewsletter(sender)) return []
  return [
    { sessionId: entry.sessionId, jid: sender, pushName: entry.pushName, verifiedName: entry.verifiedName },
  ]
}

/** A message that was not in the store with its content before. */
export type Fresh = Arrival & { id: number }

/** Stores arrivals; answers those that are new, be it as a whole or by their content, in their order. */
export async function store(
  tx: Tx,
  arrivals: readonly Arrival[],
  now: number,
  tally: TallyChange,
): Promise<readonly Fresh[]> {
  const once = new Map<string, Arrival>()
  for (const arrival of arrivals) {
    const key = keyOf(arrival)
    const earlier = once.get(key)
    // A message may be in the batch twice: undecryptable, then sent again.
    if (earlier === undefined || earlier.stored.type === 'undecryptable') once.set(key, arrival)
  }
  const candidates = [...once.values()]
  const ids = await nextIntegers(tx, 'message', candidates.length)
  const numbered = candidates.map((arrival, index): Fresh => ({ ...arrival, id: ids[index] ?? Number.NaN }))
  const inserted = new Set(
    (
      await insertMessages.run(
        tx,
        numbered.map((fresh) => rowOf(fresh, now)),
      )
    ).map(({ id }) => id),
  )
  const fresh = await Promise.all(
    numbered.map(async (arrival) => (inserted.has(arrival.id) ? arrival : fill(tx, arrival))),
  )
  const news = fresh.filter((arrival) => arrival !== undefined)
  for (const arrival of news) if (arrival.shown) tally.add(rowOf(arrival, now))
  return news
}

/** The content of a message whose envelope stands in the store already; undefined when that is no news. */
async function fill(tx: Tx, arrival: Arrival): Promise<Fresh | undefined> {
  if (arrival.stored.type === 'undecryptable') return undefined
  const { sessionId, id: whatsappId } = arrival.entry
  const rows = await messagesByWhatsappId.all(tx, { sessionId, whatsappId })
  const stub = rows.find(
    (row) =>
      row.type === 'undecryptable' &&
      row.chat_jid === arrival.chat &&
      row.sender_jid === arrival.sender &&
      row.from_me === fromMe(arrival),
  )
  if (stub === undefined) return undefined
  const { push_name, status, shown } = rowOf({ ...arrival, id: stub.id }, 0)
  const filled = await fillMessage.run(tx, {
    id: stub.id,
    ...arrival.stored,
    pushName: push_name,
    status,
    shown,
  })
  return filled === 1 ? { ...arrival, id: stub.id } : undefined
}

export function statusOf({ entry, chat, sender, stored, id }: Fresh): readonly ReceivedStatus[] {
  if (!isStatus(chat) || entry.kind === 'undecryptable') return []
  const { sessionId, id: whatsappId, sentAt, receivedAt, pushName, content } = entry
  return [
    { sessionId, messageId: id, whatsappId, author: sender, sentAt, receivedAt, pushName, content, stored },
  ]
}

const fromMe = ({ sender }: Arrival): number => (sender === '' ? 1 : 0)

function keyOf({ entry, chat, sender }: Arrival): string {
  return `${entry.sessionId} ${chat} ${sender} ${entry.id}`
}

function rowOf(fresh: Fresh, now: number): MessageRow {
  const { entry, chat, sender, stored, shown, id, past } = fresh
  return {
    id,
    session_id: entry.sessionId,
    chat_jid: chat,
    sender_jid: sender,
    from_me: fromMe(fresh),
    in_group: isGroup(chat) || isStatus(chat) ? 1 : 0,
    whatsapp_id: entry.id,
    type: stored.type,
    body: stored.body,
    content: stored.content,
    quoted_id: stored.quotedId,
    push_name: entry.kind === 'message' && sender !== '' ? (entry.pushName ?? null) : null,
    status: past?.status ?? (sender === '' ? 'sent' : 'received'),
    via_hub: 0,
    is_read: past === undefined ? fromMe(fresh) : 1,
    shown: shown ? 1 : 0,
    is_starred: 0,
    played: 0,
    sent_at: entry.sentAt,
    stored_at: now,
  }
}

/**
 * A message that disappears tells of a timer that was set before the session was linked, or while nobody told us. That it is taken off again
 * comes as a change of its own: a message that stays may be of a client that knows no timers.
 */
async function noteTimers(
  tx: Tx,
  fresh: readonly Fresh[],
  chats: readonly ChangedChat[],
  { disappearAfter }: Pick<Chats, 'disappearAfter'>,
): Promise<void> {
  for (const { sessionId, jid, disappearingSeconds } of chats) {
    const told = fresh.findLast(
      ({ entry, chat, shown }) => shown && chat === jid && entry.sessionId === sessionId,
    )
    if (told?.entry.kind !== 'message' || told.entry.content.kind === 'undecryptable') continue
    const seconds = told.entry.content.expiresInS
    if (seconds !== undefined && seconds !== disappearingSeconds)
      await disappearAfter(tx, { sessionId, jid, seconds })
  }
}

/** What the messages do to their chats: one change per chat. */
export function changesOf(fresh: readonly Fresh[]): readonly ChatChange[] {
  const changes = new Map<string, ChatChange>()
  for (const arrival of fresh) {
    if (!arrival.shown) continue
    const { entry, chat, id } = arrival
    const key = `${entry.sessionId} ${chat}`
    const change = changes.get(key)
    const unread = fromMe(arrival) === 1 ? 0 : 1
    if (change === undefined) {
      changes.set(key, {
        sessionId: entry.sessionId,
        jid: chat,
        messages: 1,
        unread,
        last: { id, sentAt: entry.sentAt },
        seenAt: entry.sentAt,
      })
      continue
    }
    change.messages += 1
    change.unread += unread
    if (change.last === undefined || entry.sentAt >= change.last.sentAt)
      change.last = { id, sentAt: entry.sentAt }
  }
  return [...changes.values()].sort(
    (left, right) => left.sessionId - right.sessionId || (left.jid < right.jid ? -1 : 1),
  )
}

/** `message.received` and `message.undecryptable`. What the account wrote on its phone is stored, and told to nobody. */
async function eventsOf(
  tx: Tx,
  fresh: readonly Fresh[],
  { addresses, links }: Pick<Chats, 'addresses'> & Pick<MessageFiles, 'links'>,
  own: (sessionId: number) => Own,
): Promise<readonly NewEvent[]> {
  const incoming = fresh.filter(
    ({ sender, shown, stored, chat }) =>
      sender !== '' && (shown || (stored.type === 'undecryptable' && !isStatus(chat) && !isNewsletter(chat))),
  )
  const shown = await addresses.shown(tx, incoming.flatMap(shownAddressesOf))
  return incoming.map((arrival): NewEvent<MessageReceived | MessageUndecryptable> => {
    const { entry, chat, stored, id } = arrival
    const { sessionId } = entry
    // Only messages of others get here: they have a sender.
    const sender = arrival.sender as Jid
    const from = shown(sessionId, sender)
    const common = {
      messageId: entry.id,
      dbId: id,
      chatId: shown(sessionId, chat),
      timestamp: entry.sentAt,
      isGroup: isGroup(chat),
      from,
      fromLid: isLid(sender) ? sender : null,
      participant: isGroup(chat) ? from : null,
    }
    const cause = [sessionId, chat, sender, entry.id] as const
    if (entry.kind === 'undecryptable') {
      return {
        sessionId,
        type: 'message.undecryptable',
        at: entry.receivedAt,
        id: eventId('message.undecryptable', ...cause),
        data: { ...common, reason: entry.reason },
      }
    }
    const { content } = entry
    return {
      sessionId,
      type: 'message.received',
      at: entry.receivedAt,
      id: eventId('message.received', ...cause),
      data: {
        ...common,
        to: ownAddress(own(sessionId)) ?? null,
        fromMe: false,
        pushName: entry.pushName ?? null,
        type: messageTypes.find((type) => type === stored.type) ?? 'text',
        text: stored.body,
        mentions: mentionsOf(content).map((jid) => shown(sessionId, jid)),
        quotedMessageId: stored.quotedId,
        ...contentWire(content, () => links.ofEvent(id)),
      },
    }
  })
}

function shownAddressesOf({ entry, chat, sender }: Fresh): readonly Address[] {
  const { sessionId } = entry
  const addresses: Address[] = [{ sessionId, jid: chat }]
  if (sender !== '' && sender !== chat) addresses.push({ sessionId, jid: sender })
  if (entry.kind === 'message')
    for (const jid of mentionsOf(entry.content)) addresses.push({ sessionId, jid })
  return addresses
}
