import { type DataOf, endpoints, HubError, isoOf, offsetOf, paginationOf } from '@inbox-hub/contract'
import { isGroup, isLid, type Jid } from '@inbox-hub/whatsapp'

import type { Chats, ExtrasOf } from '../chats/index.ts'
import type { MessageLinks } from '../media/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { Database } from '../platform/database/index.ts'
import type { Http } from '../platform/http/index.ts'
import type { Sessions, SessionView } from '../sessions/index.ts'
import { chatName } from './chat-wire.ts'
import { chatFilterOf } from './message-list.ts'
import { afterNews } from './message-status.ts'
import type { Messages, MessageRow, SendRequest } from './index.ts'
import type { Own } from './own.ts'
import { type PacingSettings, warmUpDay } from './pacing/pacing.ts'
import { type RequestedSends, saidOf } from './sending/requested.ts'
import type { WireContext } from './wire.ts'
import { createWires } from './wires.ts'

export interface MessageRoutesDeps {
  database: Database
  sessions: Pick<Sessions, 'find' | 'list' | 'view'>
  chats: Pick<Chats, 'addresses'>
  messages: Messages
  requested: RequestedSends
  /** What lists show beside names. */
  extras: ExtrasOf
  links: MessageLinks
  clock: Clock
}

const usualWarmUpDays = 14

/** Messages and the chats they stand in. Lists come from the store alone: no read touches a socket (contract §12, pain 11). */
export function messageRoutes(
  http: Pick<Http, 'serve' | 'serveForm'>,
  { database, sessions, chats, messages, requested, extras, links, clock }: MessageRoutesDeps,
): void {
  const { list, finder } = messages
  const waiting: WireContext['waiting'] = (sessionId, whatsappId) => messages.waiting(sessionId, whatsappId)
  const own = (sessionId: number): Own => {
    const view = sessions.view(sessionId)
    return { pn: view?.mePn, lid: view?.meLid }
  }
  const wires = createWires({ database, chats, extras, own, list, waiting, links, clock })
  const canonical = async (sessionId: number, jid: Jid): Promise<Jid> =>
    (await chats.addresses.canonical(database, [{ sessionId, jid }]))(sessionId, jid)

  /** The session and the message that a path names, among those of the caller. */
  async function named(
    ownerId: number,
    messageId: string,
    sessionRef: string | undefined,
  ): Promise<{ session: SessionView; row: MessageRow }> {
    const among =
      sessionRef === undefined ? sessions.list(ownerId) : [sessions.find(ownerId, sessionRef, 'name_first')]
    const row = await finder.find(
      among.map(({ id }) => id),
      messageId,
    )
    const session = among.find(({ id }) => id === row?.session_id)
    if (row === undefined || session === undefined) throw new HubError('MESSAGE_NOT_FOUND')
    return { session, row }
  }

  http.serveForm(
    endpoints.sendMessage,
    (form) => messages.files.readForm(form),
    async ({ params, body, headers, ownerId, language, baseUrl, signal, file }) =>
      requested.send(
        sessions.find(ownerId, params.sessionId, 'name_first'),
        { ...body, idempotencyKey: headers['idempotency-key'] ?? body.clientId },
        { language, baseUrl, signal, upload: file },
      ),
  )

  http.serve(endpoints.listMessages, async ({ params, query, ownerId, language, baseUrl }) => {
    const { id: sessionId } = sessions.find(ownerId, params.sessionId, 'name_first')
    const { page, limit, chatId, type, fromMe, startDate, endDate } = query
    const filter = {
      sessionId,
      chat: chatId === undefined ? undefined : await canonical(sessionId, chatId),
      type,
      fromMe,
      from: startDate,
      until: endDate,
    }
    const [rows, total] = await Promise.all([list.page(filter, limit, offsetOf(query)), list.total(filter)])
    return {
      data: {
        messages: await wires.messages(rows, { language, baseUrl }),
        pagination: paginationOf(total, page, limit),
        total,
      },
    }
  })

  http.serve(endpoints.listChats, async ({ params, query, ownerId, baseUrl }) => {
    const { id } = sessions.find(ownerId, params.sessionId, 'name_first')
    const { chats: items, total } = await list.chats(
      chatFilterOf(id, query, clock.now()),
      query.limit,
      offsetOf(query),
    )
    return {
      data: {
        chats: await wires.chats(items, baseUrl),
        pagination: paginationOf(total, query.page, query.limit),
        total,
      },
    }
  })

  http.serve(endpoints.messageStats, async ({ params, query, ownerId }) => {
    const { id } = sessions.find(ownerId, params.sessionId, 'name_first')
    const parts = await list.tallied(id, query.startDate, query.endDate)
    const count = (matches: (part: (typeof parts)[number]) => boolean): number =>
      parts.filter(matches).reduce((sum, { messages }) => sum + messages, 0)
    const outgoing = (status: string): number => count((part) => part.from_me === 1 && part.status === status)
    const types = [...new Set(parts.map(({ type }) => type))]
    return {
      data: {
        stats: {
          total: count(() => true),
          sent: count((part) => part.from_me === 1),
          received: count((part) => part.from_me === 0),
          byType: Object.fromEntries(types.map((type) => [type, count((part) => part.type === type)])),
          byStatus: {
            pending: outgoing('pending'),
            sent: outgoing('sent'),
            delivered: outgoing('delivered'),
            read: outgoing('read'),
            failed: outgoing('failed'),
          },
        },
      },
    }
  })

  http.serve(endpoints.listChatMessages, async ({ params, query, ownerId, language, baseUrl }) => {
    const { id: sessionId } = sessions.find(ownerId, params.sessionId, 'name_first')
    const chat = await canonical(sessionId, params.chatId)
    const filter = { sessionId, chat }
    const [rows, total, item, shown] = await Promise.all([
      list.page(filter, query.limit, offsetOf(query)),
      list.total(filter),
      list.chat(sessionId, chat),
      chats.addresses.shown(database, [{ sessionId, jid: chat }]),
    ])
    const chatId = shown(sessionId, chat)
    return {
      data: {
        messages: await wires.messages(rows, { language, baseUrl }),
        pagination: paginationOf(total, query.page, query.limit),
        total,
        chatInfo: {
          chatId,
          name: item === undefined ? chatId.slice(0, chatId.indexOf('@')) : chatName(item, chatId),
          isGroup: isGroup(chatId),
        },
      },
    }
  })

  http.serve(endpoints.markChatRead, async ({ params, ownerId }) => {
    const session = sessions.find(ownerId, params.sessionId, 'name_first')
    const { chat, marked } = await messages.markRead(session, params.chatId)
    const shown = await chats.addresses.shown(database, [{ sessionId: session.id, jid: chat }])
    return { data: { chatId: shown(session.id, chat), markedCount: marked }, message: 'messages_read' }
  })

  http.serve(endpoints.sendTyping, async ({ params, body, ownerId }) => {
    const session = sessions.find(ownerId, params.sessionId, 'name_first')
    await messages.typing(session, params.chatId, body.state)
    return { data: { chatId: params.chatId, state: body.state }, message: 'typing_sent' }
  })

  http.serve(endpoints.listUnread, async ({ ownerId }) => {
    const mine = new Map(sessions.list(ownerId).map((session) => [session.id, session.sessionId]))
    const { chats: items, total } = await list.unread([...mine.keys()])
    const shown = await wires.shownChats(items)
    return {
      data: {
        unreadMessages: items.map((item) => ({
          sessionId: mine.get(item.session_id) ?? String(item.session_id),
          chatId: shown(item),
          chatName: chatName(item, shown(item)),
          unreadCount: item.unread_count,
          lastMessage: {
            content: item.last_body ?? '',
            timestamp: isoOf(item.last_sent_at ?? item.active_at),
          },
        })),
        totalUnread: total,
      },
    }
  })

  http.serve(endpoints.deleteMessage, async ({ params, query, body, ownerId, language, signal }) => {
    const { session, row } = await named(ownerId, params.messageId, query.sessionId ?? body.sessionId)
    const forEveryone = query.forEveryone ?? body.forEveryone ?? false
    const forMe = query.forMe ?? body.forMe ?? false
    const deleted = { messageId: row.whatsapp_id, deleted: true as const, forEveryone }
    if (!forEveryone) {
      if (forMe) await messages.removeForMe(session, row)
      else await messages.remove(row)
      return { data: deleted, message: 'message_deleted' }
    }
    const request: SendRequest = {
      // A column that only canonical addresses are written to.
      to: row.chat_jid as Jid,
      content: { kind: 'revoke', messageId: row.whatsapp_id },
      mentions: [],
      quotedId: undefined,
      idempotencyKey: undefined,
    }
    const [outcome] = await messages.send(session, [request], { language, signal })
    if (outcome === undefined || 'error' in outcome) throw outcome?.error
    return {
      data: { ...deleted, ...('row' in outcome && { status: outcome.row.status }) },
      message: 'message_deleted',
    }
  })

  http.serve(endpoints.starMessage, async ({ params, body, ownerId }) => {
    const { session, row } = await named(ownerId, params.messageId, body.sessionId)
    const starred = body.starred ?? true
    await messages.star(session, row, starred)
    return {
      data: { messageId: row.whatsapp_id, starred },
      message: starred ? 'message_starred' : 'message_unstarred',
    }
  })

  http.serve(endpoints.retryMessage, async ({ params, body, ownerId, language, baseUrl, signal }) => {
    const { session, row } = await named(ownerId, params.messageId, body.sessionId)
    const sent = await messages.retry(session, row, { language, signal })
    const data = await requested.answer({ row: sent }, '', { language, baseUrl })
    return {
      data: { ...data, to: data.chatId },
      message: saidOf(sent.status),
    }
  })

  http.serve(endpoints.messageReceipts, async ({ params, ownerId }) => {
    const { row } = await named(ownerId, params.messageId, params.sessionId)
    const { session_id: sessionId } = row
    // A column that only canonical addresses are written to.
    const chat = row.chat_jid as Jid
    const people = await messages.receipts.of(row)
    const shown = await chats.addresses.shown(
      database,
      [chat, ...people.map(({ jid }) => jid)].map((jid) => ({ sessionId, jid })),
    )
    return {
      data: {
        messageId: row.whatsapp_id,
        dbId: row.id,
        chatId: shown(sessionId, chat),
        // A receipt may have come between the two readings: it counts.
        status: people.some(({ readAt }) => readAt !== null) ? afterNews(row.status, 'read') : row.status,
        receipts: people.map(({ jid, deliveredAt, readAt, playedAt }) => ({
          id: shown(sessionId, jid),
          lid: isLid(jid) ? jid : null,
          deliveredAt: momentOf(deliveredAt),
          readAt: momentOf(readAt),
          playedAt: momentOf(playedAt),
        })),
        delivered: people.filter(({ deliveredAt }) => deliveredAt !== null).length,
        read: people.filter(({ readAt }) => readAt !== null).length,
        played: people.filter(({ playedAt }) => playedAt !== null).length,
      },
    }
  })

  http.serve(endpoints.playMessage, async ({ params, body, ownerId }) => {
    const { session, row } = await named(ownerId, params.messageId, body.sessionId)
    await messages.receipts.play(session, row)
    return { data: { messageId: row.whatsapp_id, played: true as const } }
  })

  http.serve(endpoints.listScheduled, async ({ params, query, ownerId, language, baseUrl }) => {
    const { id: sessionId } = sessions.find(ownerId, params.sessionId, 'name_first')
    const chat = query.chatId === undefined ? undefined : await canonical(sessionId, query.chatId)
    const { rows, total } = await messages.scheduled.page({ sessionId, chat }, query.limit, offsetOf(query))
    return {
      data: {
        messages: await wires.scheduled(rows, { language, baseUrl }),
        pagination: paginationOf(total, query.page, query.limit),
        total,
      },
    }
  })

  http.serve(endpoints.cancelMessage, async ({ params, body, ownerId }) => {
    const among =
      body.sessionId === undefined
        ? sessions.list(ownerId)
        : [sessions.find(ownerId, body.sessionId, 'name_first')]
    const { sessionId, messageId, whatsappId, chat } = await messages.cancel(
      among.map(({ id }) => id),
      params.messageId,
    )
    const shown = await chats.addresses.shown(database, [{ sessionId, jid: chat }])
    return {
      data: {
        messageId: whatsappId,
        dbId: messageId,
        chatId: shown(sessionId, chat),
        cancelled: true as const,
      },
      message: 'message_cancelled',
    }
  })

  http.serve(endpoints.getPacing, async ({ params, ownerId }) => {
    const { id } = sessions.find(ownerId, params.sessionId, 'name_first')
    return { data: { pacing: pacingWire(messages.pacing(id)) } }
  })

  http.serve(endpoints.setPacing, async ({ params, body, ownerId }) => {
    const { id } = sessions.find(ownerId, params.sessionId, 'name_first')
    const { perMinute, pauseMinMs, pauseMaxMs, warmUpPerDay, warmUpDays } = body
    const { newChatsPerHour: perHour, newChatsPerDay: perDay } = body
    const isPausing = pauseMinMs !== undefined || pauseMaxMs !== undefined
    const pause = { min: pauseMinMs ?? 0, max: pauseMaxMs ?? pauseMinMs ?? 0 }
    const before = messages.pacing(id)
    const goesOn = warmUpDay(before, clock.now()) !== undefined
    const since = (goesOn ? before.warmUp?.since : undefined) ?? clock.now()
    await messages.pace(id, {
      perMinute,
      pauseMs: isPausing ? pause : undefined,
      warmUp:
        warmUpPerDay === undefined
          ? undefined
          : { perDay: warmUpPerDay, days: warmUpDays ?? usualWarmUpDays, since },
      newChats: { perHour, perDay },
    })
    return { data: { pacing: pacingWire(messages.pacing(id)) }, message: 'pacing_set' }
  })

  http.serve(endpoints.repairConversations, async ({ params, ownerId }) => {
    const session = sessions.find(ownerId, params.ref, 'number_first')
    const made = await messages.repair(session)
    const shown = await chats.addresses.shown(
      database,
      made.map(({ chat }) => ({ sessionId: session.id, jid: chat })),
    )
    return {
      data: {
        sessionId: session.sessionId,
        repairedConversations: made.map(({ chat, messages: count }) => ({
          chatId: shown(session.id, chat),
          messages: count,
        })),
        totalRepaired: made.length,
        timestamp: isoOf(clock.now()),
      },
      message: { key: 'conversations_repaired', values: { n: made.length } },
    }
  })
}

function pacingWire({
  perMinute,
  pauseMs,
  warmUp,
  newChats,
}: PacingSettings): DataOf<typeof endpoints.getPacing>['pacing'] {
  return {
    perMinute: perMinute ?? null,
    pauseMinMs: pauseMs?.min ?? null,
    pauseMaxMs: pauseMs?.max ?? null,
    warmUpPerDay: warmUp?.perDay ?? null,
    warmUpDays: warmUp?.days ?? null,
    warmUpSince: warmUp === undefined ? null : isoOf(warmUp.since),
    newChatsPerHour: newChats.perHour ?? null,
    newChatsPerDay: newChats.perDay ?? null,
  }
}

const momentOf = (at: number | null): string | null => (at === null ? null : isoOf(at))
