import { endpoints, HubError, isoOf, offsetOf, paginationOf } from '@inbox-hub/contract'
import { isGroup, isLid, type Jid } from '@inbox-hub/whatsapp'

import type { Address, Chats } from '../chats/index.ts'
import type { MessageRow, Own } from '../messages/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { Database } from '../platform/database/index.ts'
import type { Http } from '../platform/http/index.ts'
import { askWhatsApp, type Sessions } from '../sessions/index.ts'
import { createOlderMessages } from './older-messages.ts'
import { createUndecryptableList } from './undecryptable.ts'

export interface HistoryRoutesDeps {
  database: Database
  sessions: Pick<Sessions, 'find' | 'linkWithin' | 'onHistoryAnswered'>
  chats: Pick<Chats, 'addresses'>
  own: (sessionId: number) => Own
  clock: Clock
}

const usualCount = 50
const usualWaitMs = 15_000
/** Asked for at once when nobody says which. */
const recoveredAtOnce = 50

/** Older messages, and messages that could not be read: both are asked of the phone. */
export function historyRoutes(
  http: Pick<Http, 'serve'>,
  { database, sessions, chats, own, clock }: HistoryRoutesDeps,
): Disposable {
  const older = createOlderMessages({ database, sessions, chats, clock })
  const list = createUndecryptableList(database)
  const canonical = async (sessionId: number, jid: Jid): Promise<Jid> =>
    (await chats.addresses.canonical(database, [{ sessionId, jid }]))(sessionId, jid)

  http.serve(endpoints.fetchOlderMessages, async ({ params, body, ownerId, signal }) => {
    const { id } = sessions.find(ownerId, params.sessionId, 'name_first')
    const chat = await canonical(id, params.chatId)
    const { requestId, status, messages, isComplete } = await older.fetch(id, chat, {
      count: body.count ?? usualCount,
      waitMs: body.wait ?? usualWaitMs,
      signal,
    })
    const shown = await chats.addresses.shown(database, [{ sessionId: id, jid: chat }])
    return {
      data: { chatId: shown(id, chat), requestId: requestId ?? null, status, messages, isComplete },
      message: status === 'done' ? 'older_messages_stored' : 'older_messages_asked',
    }
  })

  http.serve(endpoints.listUndecryptable, async ({ params, query, ownerId }) => {
    const { id } = sessions.find(ownerId, params.sessionId, 'name_first')
    const chat = query.chatId === undefined ? undefined : await canonical(id, query.chatId)
    const { rows, total } = await list.page({ sessionId: id, chat }, query.limit, offsetOf(query))
    const shown = await chats.addresses.shown(database, rows.flatMap(addressesOf))
    return {
      data: {
        messages: rows.map((row) => undecryptableWire(row, shown, own(id))),
        pagination: paginationOf(total, query.page, query.limit),
        total,
      },
    }
  })

  http.serve(endpoints.recoverMessages, async ({ params, body, ownerId }) => {
    const { id } = sessions.find(ownerId, params.sessionId, 'name_first')
    const { messageIds } = body
    const rows =
      messageIds === undefined
        ? (await list.page({ sessionId: id, chat: undefined }, recoveredAtOnce, 0)).rows
        : await list.among(id, messageIds)
    if (messageIds !== undefined && rows.length === 0) throw new HubError('MESSAGE_NOT_FOUND')
    if (rows.length > 0) {
      await askWhatsApp(sessions, id, (link) =>
        link.phone.resend(
          rows.map((row) => ({
            id: row.whatsapp_id,
            // Columns that only canonical addresses are written to.
            chat: row.chat_jid as Jid,
            sender: row.sender_jid === '' ? undefined : (row.sender_jid as Jid),
            fromMe: row.from_me === 1,
          })),
        ),
      )
    }
    const asked = [...new Set(rows.map((row) => row.whatsapp_id))]
    return { data: { requested: asked.length, messageIds: asked }, message: 'messages_asked_again' }
  })

  return older
}

function addressesOf(row: MessageRow): readonly Address[] {
  // Columns that only canonical addresses are written to.
  const jids = [row.chat_jid, row.sender_jid].filter((jid) => jid !== '') as Jid[]
  return jids.map((jid) => ({ sessionId: row.session_id, jid }))
}

function undecryptableWire(row: MessageRow, shown: (sessionId: number, jid: Jid) => Jid, own: Own) {
  // Columns that only canonical addresses are written to.
  const chat = row.chat_jid as Jid
  const sender = row.sender_jid as Jid | ''
  const from = sender === '' ? (own.pn ?? own.lid ?? '') : shown(row.session_id, sender)
  return {
    messageId: row.whatsapp_id,
    dbId: row.id,
    chatId: shown(row.session_id, chat),
    from,
    fromLid: sender !== '' && isLid(sender) ? sender : null,
    fromMe: row.from_me === 1,
    participant: isGroup(chat) && row.from_me === 0 ? from : null,
    isGroup: isGroup(chat),
    reason: reasonOf(row),
    timestamp: isoOf(row.sent_at),
    receivedAt: isoOf(row.stored_at),
  }
}

function reasonOf({ content }: Pick<MessageRow, 'content'>): string {
  if (content === null) return ''
  // Written as the content of an undecryptable message, which has a reason.
  return (JSON.parse(content) as { reason?: string }).reason ?? ''
}
