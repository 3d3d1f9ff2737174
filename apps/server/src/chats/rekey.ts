import { createHash } from 'node:crypto'

import type { ContactMerged, ContactUpdated } from '@inbox-hub/contract'
import { type Jid, userOf } from '@inbox-hub/whatsapp'

import type { NewEvent } from '../events/index.ts'
import { statement, type Tx } from '../platform/database/index.ts'
import type { StoredMapping } from './addresses.ts'
import { findChat } from './chat-rows.ts'
import { contactUpdatedEvent, findContact, merged, nameOf, numberOf, writeContact } from './contacts.ts'

/** Everything under `from` moves to `to`: two addresses of one account. */
export interface Rekeying {
  sessionId: number
  from: Jid
  to: Jid
}

/** What became of the messages: some may have been stored under both addresses. */
export interface RekeyedMessages {
  /** Shown messages that went because the same message stood under the other address. */
  shownLost: number
  /** How many of those were unread. */
  unreadLost: number
  /** The newest shown message of the chat as it is now. */
  last: { id: number; sentAt: number } | undefined
}

const removeContact = statement((db, p: { sessionId: number; jid: string }) =>
  db.deleteFrom('contact').where('session_id', '=', p.sessionId).where('jid', '=', p.jid),
)
const moveChat = statement((db, p: { sessionId: number; from: string; to: string }) =>
  db.updateTable('chat').set({ jid: p.to }).where('session_id', '=', p.sessionId).where('jid', '=', p.from),
)
const removeChat = statement((db, p: { sessionId: number; jid: string }) =>
  db.deleteFrom('chat').where('session_id', '=', p.sessionId).where('jid', '=', p.jid),
)
const setChat = statement(
  (
    db,
    p: {
      sessionId: number
      jid: string
      unread: number
      messages: number
      archived: number
      pinned: number
      mutedUntil: number | null
      markedUnread: number
      disappearingSeconds: number
      lastId: number | null
      activeAt: number
      syncedAt: number | null
      end: number
    },
  ) =>
    db
      .updateTable('chat')
      .set({
        unread_count: p.unread,
        message_count: p.messages,
        archived: p.archived,
        pinned: p.pinned,
        muted_until: p.mutedUntil,
        marked_unread: p.markedUnread,
        disappearing_seconds: p.disappearingSeconds,
        last_message_id: p.lastId,
        active_at: p.activeAt,
        synced_at: p.syncedAt,
        history_end: p.end,
      })
      .where('session_id', '=', p.sessionId)
      .where('jid', '=', p.jid),
)

/**
 * Moves what stands under a number to the LID that was learnt for it, making one of two where both exist. Doing it again changes
 * nothing. Answers the events to append: a contact that gains or changes its number is news, one that only moves is not.
 */
export async function rekey(
  tx: Tx,
  mapping: StoredMapping,
  at: number,
  moveMessages: (tx: Tx, rekeying: Rekeying) => Promise<RekeyedMessages>,
): Promise<readonly NewEvent<ContactUpdated | ContactMerged>[]> {
  const { sessionId, pn, lid, formerLid, formerPn } = mapping
  const events: NewEvent<ContactUpdated | ContactMerged>[] = []
  // What was shown under another id until now: where nothing was shown, nothing changes for anybody.
  const [person, chat] = await Promise.all([
    findContact.first(tx, { sessionId, jid: lid }),
    findChat.first(tx, { sessionId, jid: lid }),
  ])
  const wasShown = person !== undefined || chat !== undefined
  if (formerLid !== undefined) {
    const former = await findContact.first(tx, { sessionId, jid: formerLid })
    if (former !== undefined) await writeContact(tx, former.jid, { ...former, number: null, updated_at: at })
  }
  const event = await rekeyContact(tx, sessionId, pn, lid, at)
  if (event !== undefined) events.push(event)
  await rekeyChat(
    tx,
    { sessionId, from: pn, to: lid },
    await moveMessages(tx, { sessionId, from: pn, to: lid }),
  )
  if (wasShown) events.push(await mergedEvent(tx, { sessionId, pn, lid, former: formerPn ?? lid }, at))
  return events
}

async function mergedEvent(
  tx: Tx,
  { sessionId, pn, lid, former }: { sessionId: number; pn: Jid; lid: Jid; former: Jid },
  at: number,
): Promise<NewEvent<ContactMerged>> {
  const contact = await findContact.first(tx, { sessionId, jid: lid })
  const phone = userOf(pn)
  const cause = [sessionId, lid, pn, former, at].join('\n')
  return {
    sessionId,
    type: 'contact.merged',
    at,
    id: `contact_merged_${createHash('sha256').update(cause).digest('base64url').slice(0, 27)}`,
    data: {
      contactId: pn,
      lid,
      phone,
      formerIds: [former],
      name: contact === undefined ? phone : nameOf(contact),
    },
  }
}

async function rekeyContact(
  tx: Tx,
  sessionId: number,
  pn: Jid,
  lid: Jid,
  at: number,
): Promise<NewEvent<ContactUpdated> | undefined> {
  const [underNumber, underLid] = await Promise.all([
    findContact.first(tx, { sessionId, jid: pn }),
    findContact.first(tx, { sessionId, jid: lid }),
  ])
  const number = numberOf(pn)
  if (underLid === undefined) {
    if (underNumber !== undefined) await writeContact(tx, pn, { ...underNumber, jid: lid, number })
    return undefined
  }
  const whole = { ...(underNumber === undefined ? underLid : merged(underNumber, underLid)), number }
  if (underNumber !== undefined) await removeContact.run(tx, { sessionId, jid: pn })
  const gained = underLid.number !== number
  const row = gained ? { ...whole, updated_at: at } : whole
  await writeContact(tx, lid, row)
  return gained ? contactUpdatedEvent(row) : undefined
}

async function rekeyChat(
  tx: Tx,
  { sessionId, from, to }: Rekeying,
  messages: RekeyedMessages,
): Promise<void> {
  const [source, target] = await Promise.all([
    findChat.first(tx, { sessionId, jid: from }),
    findChat.first(tx, { sessionId, jid: to }),
  ])
  if (source === undefined) return
  if (target === undefined) {
    await moveChat.run(tx, { sessionId, from, to })
    return
  }
  await removeChat.run(tx, { sessionId, jid: from })
  await setChat.run(tx, {
    sessionId,
    jid: to,
    unread: Math.max(0, source.unread_count + target.unread_count - messages.unreadLost),
    messages: Math.max(0, source.message_count + target.message_count - messages.shownLost),
    // A chat that is open under either address is open.
    archived: Math.min(source.archived, target.archived),
    pinned: Math.max(source.pinned, target.pinned),
    mutedUntil: target.muted_until ?? source.muted_until,
    markedUnread: Math.max(source.marked_unread, target.marked_unread),
    disappearingSeconds: target.disappearing_seconds || source.disappearing_seconds,
    lastId: messages.last?.id ?? null,
    activeAt: messages.last?.sentAt ?? Math.max(source.active_at, target.active_at),
    syncedAt: target.synced_at ?? source.synced_at,
    end: Math.min(source.history_end, target.history_end),
  })
}
