import { isPerson, type Jid, withoutDevice } from '@inbox-hub/whatsapp'
import { sql } from 'kysely'

import type { Address, Chats, ContactFact, PastChatState } from '../chats/index.ts'
import type { MessageFiles } from '../media/index.ts'
import { statement, type Tx } from '../platform/database/index.ts'
import type { HistoryBatch } from '../sessions/baileys/index.ts'
import type { Stored } from '../sessions/index.ts'
import { applyChanges } from './changes.ts'
import {
  type Arrival,
  arrivalOf,
  changesOf,
  fileOf,
  type Fresh,
  introductionOf,
  statusOf,
  store,
} from './projection.ts'
import { type OrdinaryGroups, withNeededSecrets } from './needed-secrets.ts'
import type { StatusKeeper } from './status-keeper.ts'
import type { Own } from './own.ts'
import { TallyChange } from './tally.ts'

export interface PastDeps {
  chats: Chats
  own: (sessionId: number) => Own
  statuses: StatusKeeper
  files: Pick<MessageFiles, 'arrived'>
  ordinaryGroups: OrdinaryGroups
}

/** The newest messages of others in a chat become unread. */
const markUnread = statement((db, p: { sessionId: number; chat: string; count: number }) =>
  db
    .updateTable('message')
    .set({ is_read: 0 })
    .where('id', 'in', (eb) =>
      eb
        .selectFrom('message as newest')
        .select('newest.id')
        .where('newest.session_id', '=', p.sessionId)
        .where('newest.chat_jid', '=', p.chat)
        .where('newest.from_me', '=', sql.lit(0))
        .where('newest.shown', '=', sql.lit(1))
        .orderBy('newest.sent_at', 'desc')
        .orderBy('newest.id', 'desc')
        .limit(p.count),
    ),
)
/** How many messages of a chat are unread. */
export const unreadIn = statement((db, p: { sessionId: number; chat: string }) =>
  db
    .selectFrom('message')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('session_id', '=', p.sessionId)
    .where('chat_jid', '=', p.chat)
    .where('from_me', '=', sql.lit(0))
    .where('is_read', '=', sql.lit(0))
    .where('shown', '=', sql.lit(1)),
)

/** Statuses are gone after a day. */
const statusLifeMs = 86_400_000

/** More unread messages than this are as good as all of them: nobody counts on. */
const maxUnread = 1_000

/**
 * Stores messages and chats from before the session was linked, or that were asked for: what is in the store already stays as it is, and
 * nobody is told of anything. Answers what was not there.
 */
export async function takePast(
  tx: Tx,
  sessionId: number,
  batch: HistoryBatch,
  now: number,
  { chats, own, statuses, files, ordinaryGroups }: PastDeps,
): Promise<Stored> {
  await chats.hold(tx, [sessionId])
  const {
    messages,
    changes,
    chats: past,
    people,
  } = withoutErased(batch, await chats.erased.since(tx, sessionId))
  const addresses = [
    ...messages.flatMap(({ entry: { chat, sender } }) => [chat, sender]),
    ...changes.flatMap(({ chat, sender }) => [chat, sender]),
    ...[...past, ...people].map(({ jid }) => jid),
  ].map((jid): Address => ({ sessionId, jid }))
  const canonical = await chats.addresses.canonical(tx, addresses)
  const stored = await takeMessages(tx, messages, now, { chats, own, canonical, ordinaryGroups })
  // Their thumbnails; nobody waits for files of before.
  await files.arrived(
    tx,
    stored.flatMap(fileOf).map((file) => ({ ...file, shown: false })),
  )
  const current = stored.filter(({ entry }) => entry.sentAt > now - statusLifeMs).flatMap(statusOf)
  if (current.length > 0) await statuses.received(tx, current)
  const whatsappIds = stored.map(({ entry }) => ({ sessionId, whatsappId: entry.id }))
  await applyChanges(tx, changes, whatsappIds, now, { canonical, chats, own, statuses })

  const states = past.map((chat): PastChatState => ({ ...chat, jid: canonical(sessionId, chat.jid) }))
  const facts = [
    ...people.map((person): ContactFact => ({ ...person, jid: canonical(sessionId, person.jid) })),
    ...past.flatMap(({ jid, savedName, username }): readonly ContactFact[] =>
      isPerson(jid) ? [{ sessionId, jid: canonical(sessionId, jid), savedName, username }] : [],
    ),
  ]
  let fresh = 0
  for (const [index, state] of states.entries()) {
    if (!(await chats.takePast(tx, sessionId, state))) continue
    fresh += 1
    // Only the first time: later it may have been read here.
    const unread = Math.min(past[index]?.unread ?? 0, maxUnread)
    if (unread > 0) await countUnread(tx, chats, { sessionId, chat: state.jid, unread })
  }
  const known = await chats.introduce(tx, facts, 'news')
  const wrote = await chats.introduce(tx, stored.flatMap(introductionOf), 'missing')
  return { messages: stored.filter(({ shown }) => shown).length, chats: fresh, contacts: known + wrote }
}

/** Without people whose data was erased: what they wrote later came when they wrote it. */
function withoutErased(batch: HistoryBatch, since: (jid: Jid) => number | undefined): HistoryBatch {
  const isOut = (...jids: readonly Jid[]): boolean =>
    jids.some((jid) => since(withoutDevice(jid)) !== undefined)
  return {
    ...batch,
    messages: batch.messages.filter(
      ({ entry: { chat, sender, sentAt } }) =>
        !isOut(chat, sender) || [chat, sender].every((jid) => sentAt > (since(withoutDevice(jid)) ?? 0)),
    ),
    changes: batch.changes.filter(({ chat, sender }) => !isOut(chat, sender)),
    chats: batch.chats.filter(({ jid }) => !isOut(jid)),
    people: batch.people.filter(({ jid }) => !isOut(jid)),
  }
}

async function takeMessages(
  tx: Tx,
  messages: HistoryBatch['messages'],
  now: number,
  {
    chats,
    own,
    canonical,
    ordinaryGroups,
  }: Omit<PastDeps, 'statuses' | 'files'> & { canonical: (sessionId: number, jid: Jid) => Jid },
): Promise<readonly Fresh[]> {
  if (messages.length === 0) return []
  const kept = await withNeededSecrets(
    tx,
    messages.map(({ entry }) => entry),
    ordinaryGroups,
  )
  const arrivals = kept
    .map((entry, index): Arrival => ({
      ...arrivalOf(entry, canonical, own),
      past: { status: messages[index]?.status ?? 'received' },
    }))
    // Phones tell the newest first; numbers grow with time, which is what orders messages of the same second.
    .reverse()
    .sort((left, right) => left.entry.sentAt - right.entry.sentAt)
  const tally = new TallyChange()
  const stored = await store(tx, arrivals, now, tally)
  await chats.change(
    tx,
    changesOf(stored).map((change) => ({ ...change, unread: 0 })),
  )
  await tally.write(tx)
  return stored
}

async function countUnread(
  tx: Tx,
  chats: Pick<Chats, 'setUnread'>,
  { sessionId, chat, unread }: { sessionId: number; chat: Jid; unread: number },
): Promise<void> {
  await markUnread.run(tx, { sessionId, chat, count: unread })
  const counted = await unreadIn.first(tx, { sessionId, chat })
  await chats.setUnread(tx, sessionId, chat, counted?.count ?? 0)
}
