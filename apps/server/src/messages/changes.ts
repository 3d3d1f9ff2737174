import type {
  EventType,
  MessageDeleted,
  MessageEdited,
  MessageEventAnswer,
  MessageKept,
  MessagePinned,
  MessagePollVote,
  MessageReaction,
} from '@inbox-hub/contract'
import {
  isGroup,
  isLid,
  isStatus,
  type Jid,
  type MessageContent,
  secretOf,
  withoutDevice,
} from '@inbox-hub/whatsapp'

import type { Address, Chats } from '../chats/index.ts'
import type { NewEvent } from '../events/index.ts'
import type { Tx } from '../platform/database/index.ts'
import { type JournalEntry, openEventAnswer, openReaction, openVote } from '../sessions/baileys/index.ts'
import {
  attachChange,
  deedOf,
  keepChanges,
  type MessageChangeRow,
  type StoredDeed,
  waitingChanges,
} from './change-rows.ts'
import { contentOf } from './content.ts'
import { eventId } from './event-ids.ts'
import { type MessageRow, messagesByWhatsappId, rewriteMessage, settleStub } from './message-rows.ts'
import { isOwn, type Own } from './own.ts'
import type { StatusKeeper } from './status-keeper.ts'

export type ChangeEntry = Extract<JournalEntry, { kind: 'change' }>

export interface ChangeDeps {
  canonical: (sessionId: number, jid: Jid) => Jid
  chats: Pick<Chats, 'addresses'>
  own: (sessionId: number) => Own
  statuses: Pick<StatusKeeper, 'changed'>
}

/** A message that has just been stored. */
interface NewMessage {
  sessionId: number
  whatsappId: string
}

type ChangeEvent = NewEvent<
  | MessageReaction
  | MessageEdited
  | MessageDeleted
  | MessagePinned
  | MessageKept
  | MessagePollVote
  | MessageEventAnswer
>

/**
 * Keeps what was done to messages, and does it to those that are here: what came first waits for its message. Answers what to tell, in
 * order, each once and only after its message: nothing for what we did ourselves, or what was done to a message that is not shown.
 */
export async function applyChanges(
  tx: Tx,
  entries: readonly ChangeEntry[],
  fresh: readonly NewMessage[],
  now: number,
  deps: ChangeDeps,
): Promise<readonly NewEvent[]> {
  return applyDue(tx, [...(await keepAll(tx, entries, deps)), ...(await waitingFor(tx, fresh))], now, deps)
}

/** Does the same with changes that are known as rows: what we did ourselves. */
export async function applyChangeRows(
  tx: Tx,
  rows: readonly MessageChangeRow[],
  now: number,
  deps: ChangeDeps,
): Promise<void> {
  const kept: MessageChangeRow[] = []
  for (const row of rows) if ((await keepChanges.run(tx, [row])).length > 0) kept.push(row)
  await applyDue(tx, kept, now, deps)
}

async function applyDue(
  tx: Tx,
  due: readonly MessageChangeRow[],
  now: number,
  deps: ChangeDeps,
): Promise<readonly NewEvent[]> {
  const once = new Map(due.map((row) => [keyOf(row), row]))
  const ordered = [...once.values()].sort((left, right) => left.changed_at - right.changed_at)
  if (ordered.length === 0) return []
  const { shown, targetOf } = await targetsOf(tx, ordered, deps)
  const told: NewEvent[] = []
  for (const row of ordered) {
    const message = await targetOf(row)
    if (message === undefined) continue
    const deed =
      opened(deedOf(row), { row, message, self: deps.own(row.session_id), shown })?.deed ?? deedOf(row)
    await attachChange.run(tx, { ...placeOf(row), messageId: message.id, value: JSON.stringify(deed) })
    if (isStatus(message.chat_jid as Jid)) {
      told.push(...(await deps.statuses.changed(tx, { row, deed, message, shown })))
    }
    if (message.shown === 0) continue
    if (deed.kind === 'edit') {
      const content = contentOf(message)
      if (content.kind === 'undecryptable') continue
      const { mentions: _, ...rest } = withoutOldPreview(content, deed.text)
      const mentions = deed.mentions.length > 0 && { mentions: deed.mentions }
      const edited = { ...rest, text: deed.text, ...mentions }
      await rewriteMessage.run(tx, { id: message.id, body: deed.text, content: JSON.stringify(edited) })
    }
    if (row.sender_jid !== '') told.push(...eventOf({ row, deed, message, shown, now }))
  }
  return told
}

/** Finds the message that each of `rows` is about, and the addresses to show people by. */
async function targetsOf(
  tx: Tx,
  rows: readonly MessageChangeRow[],
  { chats }: Pick<ChangeDeps, 'chats'>,
): Promise<{
  shown: ChangeDeps['canonical']
  targetOf: (row: MessageChangeRow) => Promise<MessageRow | undefined>
}> {
  const addresses = rows.flatMap(addressesIn)
  const [canonical, shown] = await Promise.all([
    chats.addresses.canonical(tx, addresses),
    chats.addresses.shown(tx, addresses),
  ])
  return {
    shown,
    async targetOf(row) {
      const { session_id: sessionId, target_id: whatsappId } = row
      const stored = await messagesByWhatsappId.all(tx, { sessionId, whatsappId })
      return stored.find((message) => isTarget(row, message, (jid) => canonical(sessionId, jid)))
    },
  }
}

/** A preview is of a link that stands in the text. */
function withoutOldPreview<Content extends Exclude<MessageContent, { kind: 'undecryptable' }>>(
  content: Content,
  text: string,
): Content {
  if (content.kind !== 'text' || content.preview === undefined || text.includes(content.preview.url))
    return content
  const { preview: _, ...rest } = content
  // The field is optional.
  return rest as Content
}

/** Answers those that are news: the last of their kind by their sender. */
async function keepAll(
  tx: Tx,
  entries: readonly ChangeEntry[],
  deps: ChangeDeps,
): Promise<readonly MessageChangeRow[]> {
  const kept: MessageChangeRow[] = []
  for (const entry of entries) {
    const told = rowOf(entry, deps.canonical, deps.own(entry.sessionId))
    const isTimed = entry.change.at !== undefined || !('payload' in entry.change)
    const row = isTimed ? told : await timed(tx, told, entry, deps)
    // Its envelope may have come before its content.
    await settleStub.run(tx, {
      sessionId: entry.sessionId,
      whatsappId: entry.id,
      chat: row.chat_jid,
      sender: row.sender_jid,
      type: row.kind,
    })
    if ((await keepChanges.run(tx, [row])).length > 0) kept.push(row)
  }
  return kept
}

/** Two of one second are told apart by the time under the seal, when that can be opened: their stanzas say no more than the second. */
async function timed(
  tx: Tx,
  row: MessageChangeRow,
  { sentAt }: ChangeEntry,
  deps: ChangeDeps,
): Promise<MessageChangeRow> {
  const { shown, targetOf } = await targetsOf(tx, [row], deps)
  const message = await targetOf(row)
  if (message === undefined) return row
  const { at } = opened(deedOf(row), { row, message, self: deps.own(row.session_id), shown }) ?? {}
  return at === undefined ? row : { ...row, changed_at: plausible(at, sentAt) }
}

function rowOf(entry: ChangeEntry, canonical: ChangeDeps['canonical'], own: Own): MessageChangeRow {
  const { sessionId, change } = entry
  const { target, at, ...deed } = change
  const sender = entry.fromMe ? '' : canonical(sessionId, entry.sender)
  const chat = canonical(sessionId, entry.chat)
  return {
    session_id: sessionId,
    target_id: target.id,
    chat_jid: chat,
    sender_jid: sender,
    kind: deed.kind,
    author_jid: authorOf(entry, chat, sender, own),
    by_admin: entry.byAdmin ? 1 : 0,
    whatsapp_id: entry.id,
    value: JSON.stringify(deed),
    changed_at: plausible(at, entry.sentAt),
    message_id: null,
  }
}

const maxSkewMs = 60_000

/** A clock that runs ahead of WhatsApp's would win over everything its owner does later. */
const plausible = (at: number | undefined, sentAt: number): number =>
  at === undefined || Math.abs(at - sentAt) > maxSkewMs ? sentAt : at

/** Who wrote the message, '' for us; null when the change does not say. */
function authorOf({ change, fromMe }: ChangeEntry, chat: Jid, sender: Jid | '', own: Own): Jid | '' | null {
  const { bySender, author } = change.target
  if (bySender) return sender
  if (author !== undefined) return isOwn(own, author) ? '' : author
  // A chat of two: it was the other one.
  if (isGroup(chat)) return null
  return fromMe ? chat : ''
}

async function waitingFor(tx: Tx, fresh: readonly NewMessage[]): Promise<readonly MessageChangeRow[]> {
  const bySession = Map.groupBy(fresh, ({ sessionId }) => sessionId)
  const found = await Promise.all(
    [...bySession].map(([sessionId, messages]) =>
      waitingChanges.all(tx, { sessionId, targets: messages.map(({ whatsappId }) => whatsappId) }),
    ),
  )
  return found.flat()
}

/** Ids are chosen by senders: only the author's message changes, in the chat where it was changed. */
function isTarget(change: MessageChangeRow, message: MessageRow, canonical: (jid: Jid) => Jid): boolean {
  if (message.chat_jid !== change.chat_jid || message.type === 'undecryptable') return false
  if (change.kind === 'edit') return message.sender_jid === change.sender_jid
  const author =
    change.author_jid === null || change.author_jid === ''
      ? change.author_jid
      : // Written with the addresses of people; canonical as of today.
        canonical(change.author_jid as Jid)
  if (change.kind === 'revoke' && message.sender_jid !== change.sender_jid)
    return change.by_admin === 1 && message.in_group === 1 && author === message.sender_jid
  if (change.kind === 'revoke') return true
  return author === null || author === message.sender_jid
}

/** What stands under the seal of a deed to `message`, and when it was done; undefined when there is none, or it cannot be opened. */
function opened(
  deed: StoredDeed,
  {
    row,
    message,
    self,
    shown,
  }: { row: MessageChangeRow; message: MessageRow; self: Own; shown: ChangeDeps['canonical'] },
): { deed: StoredDeed; at: number | undefined } | undefined {
  if (!('payload' in deed)) return undefined
  const formsOf = (jid: string): readonly Jid[] => {
    const forms = jid === '' ? [self.lid, self.pn] : [jid as Jid, shown(row.session_id, jid as Jid)]
    return [...new Set(forms.filter((form) => form !== undefined).map((form) => withoutDevice(form)))]
  }
  const sealed = {
    targetId: row.target_id,
    authors: formsOf(message.sender_jid),
    doers: formsOf(row.sender_jid),
    payload: deed.payload,
    iv: deed.iv,
  }
  const content = contentOf(message)
  if (deed.kind === 'reaction') {
    const reaction = openReaction(secretOf(content), sealed)
    return reaction && { deed: { kind: 'reaction', emoji: reaction.said }, at: reaction.at }
  }
  if (content.kind === 'event') {
    const answer = openEventAnswer(content.event, sealed)
    return answer && { deed: { kind: 'vote', ...answer.said }, at: answer.at }
  }
  const chosen = content.kind === 'poll' ? openVote(content.poll, sealed) : undefined
  return chosen && { deed: { kind: 'vote', chosen }, at: undefined }
}

function eventOf({
  row,
  deed,
  message,
  shown,
  now,
}: {
  row: MessageChangeRow
  deed: StoredDeed
  message: MessageRow
  shown: ChangeDeps['canonical']
  now: number
}): readonly ChangeEvent[] {
  const { session_id: sessionId } = row
  // Columns that only canonical addresses are written to; ours is '' and gets no event.
  const sender = row.sender_jid as Jid
  const chat = row.chat_jid as Jid
  const from = shown(sessionId, sender)
  const common = {
    messageId: message.whatsapp_id,
    dbId: message.id,
    chatId: shown(sessionId, chat),
    timestamp: row.changed_at,
    isGroup: isGroup(chat),
    from,
    fromLid: isLid(sender) ? sender : null,
    participant: isGroup(chat) ? from : null,
    changeId: row.whatsapp_id,
    ofOurs: message.from_me === 1,
  }
  const event = <Data extends object>(type: EventType, data: Data) => ({
    sessionId,
    type,
    at: now,
    id: eventId(type, sessionId, chat, sender, row.target_id, row.whatsapp_id),
    data: { ...common, ...data },
  })
  switch (deed.kind) {
    case 'reaction':
      if (!('emoji' in deed)) return []
      return [event('message.reaction', { emoji: deed.emoji === '' ? null : deed.emoji })]
    case 'edit':
      return [
        event('message.edited', {
          text: deed.text,
          mentions: deed.mentions.map((jid) => shown(sessionId, jid)),
        }),
      ]
    case 'revoke':
      return [event('message.deleted', { byAdmin: message.sender_jid !== sender })]
    case 'pin': {
      const until = pinnedUntil(row, deed.forS)
      return [event('message.pinned', { pinned: deed.pinned, until: deed.pinned ? until : null })]
    }
    case 'keep':
      return [event('message.kept', { kept: deed.kept })]
    case 'vote':
      break
  }
  if ('chosen' in deed) return [event('message.poll_vote', { choices: [...deed.chosen] })]
  if (!('answer' in deed)) return []
  const { answer, extraGuests } = deed
  return [event('message.event_answer', { answer, extraGuests })]
}

/** Unix ms; null when it was not told how long. */
export function pinnedUntil(
  row: Pick<MessageChangeRow, 'changed_at'>,
  forS: number | undefined,
): number | null {
  return forS === undefined ? null : row.changed_at + forS * 1000
}

/** Every address that a change names. */
export function addressesIn(row: MessageChangeRow): readonly Address[] {
  const { session_id: sessionId, chat_jid, sender_jid, author_jid } = row
  const deed = deedOf(row)
  const mentions = deed.kind === 'edit' ? deed.mentions : []
  // Columns that only addresses are written to.
  const jids = [chat_jid, sender_jid, author_jid ?? ''].filter((jid) => jid !== '') as Jid[]
  return [...jids, ...mentions].map((jid) => ({ sessionId, jid }))
}

function placeOf(row: MessageChangeRow) {
  const { session_id: sessionId, target_id: targetId, chat_jid: chat, sender_jid: sender, kind } = row
  return { sessionId, targetId, chat, sender, kind }
}

const keyOf = (row: MessageChangeRow): string =>
  `${row.session_id} ${row.chat_jid} ${row.sender_jid} ${row.kind} ${row.target_id}`
