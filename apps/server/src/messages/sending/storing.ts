import { HubError } from '@inbox-hub/contract'
import { isDeedKind, isGroup, isPerson, type Jid } from '@inbox-hub/whatsapp'

import type { Chats } from '../../chats/index.ts'
import type { Clock } from '../../platform/clock.ts'
import { type Database, nextIntegers, type Tx } from '../../platform/database/index.ts'
import { contentOf, sentContentOf, storedContent } from '../content.ts'
import { insertMessages, type MessageRow, outgoingRow, setContent } from '../message-rows.ts'
import type { Menus } from '../menus/menus.ts'
import type { OrdinaryGroups } from '../needed-secrets.ts'
import type { Outbox } from '../outbound/outbox.ts'
import type { Outgoing } from '../outbound/outgoing.ts'
import { insertOutbound } from '../outbound/outbound-rows.ts'
import { queued } from '../outbound/outbound-state.ts'
import { isOwed } from '../outbound/uploads.ts'
import type { Own } from '../own.ts'
import { findScheduled, insertScheduled, type ScheduledRow } from '../scheduling/scheduled-rows.ts'
import { TallyChange } from '../tally.ts'
import { type MessageKey, messagesOf } from './album.ts'
import { outboundContent } from './compose.ts'
import type { Prepared } from './prepare.ts'

/** Writes what is to go out, now or at its time. `to` is the chat as the recipients were found. */
export interface OutgoingStore {
  /** Everything about the message, or all of an album, in one transaction; undefined when another call with the same key was faster. */
  store(
    sessionId: number,
    prepared: Prepared,
    to: Jid,
    key: MessageKey,
  ): Promise<readonly { message: Outgoing; row: MessageRow }[] | undefined>
  /** Keeps a message until its time, Unix ms, an album as its messages; answers the one of another call with the same key when that was faster. */
  schedule(
    sessionId: number,
    prepared: Prepared,
    sendAt: number,
    to: Jid,
    key: MessageKey,
  ): Promise<ScheduledRow>
  /**
   * The rows of a message that is to go out, and what they change in its chat; answers its row, which says by then when it disappears.
   * Undefined when there is one under its id.
   */
  insert(
    tx: Tx,
    row: MessageRow,
    owed: { fingerprint: string; asked: number; onWire: boolean },
    tally: TallyChange,
  ): Promise<MessageRow | undefined>
}

export interface OutgoingStoreDeps {
  database: Database
  chats: Chats
  outbox: Pick<Outbox, 'now' | 'isOpen'>
  menus: Pick<Menus, 'sent'>
  own: (sessionId: number) => Own
  ordinaryGroups: OrdinaryGroups
  clock: Clock
}

/** Another call with the same key stored its message while ours was being made. */
class StoredMeanwhile extends Error {
  override readonly name = 'StoredMeanwhile'
}

/** A message disappears when those of its chat do; the row says so, for it is what the message is sent from. */
async function disappearing(tx: Tx, row: MessageRow, seconds: number): Promise<MessageRow> {
  if (seconds === 0) return row
  const said = contentOf(row)
  if (said.kind === 'undecryptable') return row
  const { content } = storedContent({ ...said, expiresInS: seconds })
  await setContent.run(tx, { id: row.id, content })
  return { ...row, content }
}

export function createOutgoingStore({
  database,
  chats,
  outbox,
  menus,
  own,
  ordinaryGroups,
  clock,
}: OutgoingStoreDeps): OutgoingStore {
  const insert: OutgoingStore['insert'] = async (tx, row, { fingerprint, asked, onWire }, tally) => {
    const { id, session_id: sessionId, sent_at: now } = row
    // A column that only canonical addresses are written to.
    const chat = row.chat_jid as Jid
    if ((await insertMessages.run(tx, [row])).length === 0) return undefined
    const owed = await insertOutbound.run(tx, [
      {
        message_id: id,
        session_id: sessionId,
        whatsapp_id: row.whatsapp_id,
        fingerprint,
        state: onWire ? 'sending' : 'queued',
        attempts: onWire ? 1 : 0,
        retries: 0,
        asked_at: asked,
      },
    ])
    if (owed.length === 0) return undefined
    if (isDeedKind(row.type)) return row
    const isShown = row.shown === 1
    if (isShown && isPerson(chat)) {
      await chats.meet(tx, [{ sessionId, jid: chat }])
      await menus.sent(tx, row)
    }
    const last = isShown ? { id, sentAt: now } : undefined
    const [changed] = await chats.change(tx, [
      { sessionId, jid: chat, messages: row.shown, unread: 0, last, seenAt: now },
    ])
    if (isShown) tally.add(row)
    return disappearing(tx, row, changed?.disappearingSeconds ?? 0)
  }

  async function messagesTo(
    sessionId: number,
    to: Jid,
    prepared: Prepared,
    key: MessageKey,
  ): Promise<ReturnType<typeof messagesOf>> {
    const group = isGroup(to) ? [{ sessionId, jid: to }] : []
    const needsSecret = group.length > 0 && !(await ordinaryGroups(database, group))(sessionId, to)
    return messagesOf(sessionId, prepared, key, { own: own(sessionId), needsSecret })
  }

  return {
    insert,
    async store(sessionId, prepared, to, key) {
      const all = await messagesTo(sessionId, to, prepared, key)
      const now = clock.now()
      const asked = outbox.now()
      const write = database.write(async (tx): Promise<{ message: Outgoing; row: MessageRow }[]> => {
        await chats.hold(tx, [sessionId])
        const chat = (await chats.addresses.canonical(tx, [{ sessionId, jid: to }]))(sessionId, to)
        const isOpen = outbox.isOpen(sessionId, chat)
        const ids = await nextIntegers(tx, 'message', all.length)
        const tally = new TallyChange()
        const stored: { message: Outgoing; row: MessageRow }[] = []
        for (const [index, { key, content, isFirst }] of all.entries()) {
          const id = ids[index] ?? Number.NaN
          const onWire = index === 0 && isOpen && !isOwed(content, now)
          const made = outgoingRow(
            { id, sessionId, chat, whatsappId: key.whatsappId, now },
            storedContent(content),
          )
          const row = await insert(tx, made, { fingerprint: key.fingerprint, asked, onWire }, tally)
          if (row === undefined) throw new StoredMeanwhile()
          const message: Outgoing = {
            messageId: id,
            place: id,
            sessionId,
            whatsappId: key.whatsappId,
            chat,
            state: queued(asked),
            marked: onWire,
            retries: 0,
            content: outboundContent(
              row === made ? content : sentContentOf(row),
              isFirst ? prepared.quoted : undefined,
              own(sessionId),
            ),
          }
          stored.push({ message, row })
        }
        await tally.write(tx)
        return stored
      })
      try {
        return await write
      } catch (error) {
        if (error instanceof StoredMeanwhile) return undefined
        throw error
      }
    },
    async schedule(sessionId, prepared, sendAt, to, key) {
      const all = await messagesTo(sessionId, to, prepared, key)
      const asked = outbox.now()
      return database.write(async (tx) => {
        const ids = await nextIntegers(tx, 'message', all.length)
        const chat = (await chats.addresses.canonical(tx, [{ sessionId, jid: to }]))(sessionId, to)
        const made = all.map(({ key, content }, index): ScheduledRow => {
          const stored = storedContent(content)
          return {
            message_id: ids[index] ?? Number.NaN,
            session_id: sessionId,
            whatsapp_id: key.whatsappId,
            fingerprint: key.fingerprint,
            chat_jid: chat,
            type: stored.type,
            body: stored.body,
            content: stored.content,
            quoted_id: stored.quotedId,
            send_at: sendAt,
            asked_at: asked,
            cancelled_at: null,
          }
        })
        const first = made.find(({ whatsapp_id: whatsappId }) => whatsappId === key.whatsappId)
        if ((await insertScheduled.run(tx, made)).length > 0 && first !== undefined) return first
        const other = await findScheduled.first(tx, { sessionId, whatsappId: key.whatsappId })
        if (other?.fingerprint !== key.fingerprint) throw new HubError('IDEMPOTENCY_CONFLICT')
        return other
      })
    },
  }
}
