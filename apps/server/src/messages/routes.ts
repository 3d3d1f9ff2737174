import {
  type DataOf,
  endpoints,
  HubError,
  isoOf,
  issueText,
  type Language,
  type MessageStatus,
  offsetOf,
  paginationOf,
} from '@inbox-hub/contract'
import { isBroadcastList, isGroup, isNewsletter, isStatus, type Jid } from '@inbox-hub/whatsapp'

import type { Chats, ExtrasOf } from '../chats/index.ts'
import type { MessageLinks } from '../media/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { Database } from '../platform/database/index.ts'
import type { Http } from '../platform/http/index.ts'
import type { Sessions, SessionView } from '../sessions/index.ts'
import { chatName } from './chat-wire.ts'
import { chatFilterOf } from './message-list.ts'
import type { Messages, MessageRow, SendRequest } from './index.ts'
import type { Own } from './own.ts'
import { type PacingSettings, warmUpDay } from './pacing/pacing.ts'
import { rowOfScheduled, type ScheduledRow } from './scheduling/scheduled-rows.ts'
import { addressesIn, messageWire, nothingYet, scheduledWire, type WireContext } from './wire.ts'
import { createWires, fileLinksAt, type WireReader } from './wires.ts'

export interface MessageRoutesDeps {
  database: Database
  sessions: Pick<Sessions, 'find' | 'list' | 'view'>
  chats: Pick<Chats, 'addresses'>
  messages: Messages
  /** What lists show beside names. */
  extras: ExtrasOf
  links: MessageLinks
  clock: Clock
}

const usualWarmUpDays = 14

type SendAnswer = DataOf<typeof endpoints.retryMessage>

/** Messages and the chats they stand in. Lists come from the store alone: no read touches a socket (contract §12, pain 11). */
export function messageRoutes(
  http: Pick<Http, 'serve' | 'serveForm'>,
  { database, sessions, chats, messages, extras, links, clock }: MessageRoutesDeps,
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

  async function sendAnswer(
    stored: { row: MessageRow } | { scheduled: ScheduledRow },
    to: string,
    { language, baseUrl }: WireReader,
  ): Promise<SendAnswer> {
    const now = clock.now()
    const row = 'row' in stored ? stored.row : rowOfScheduled(stored.scheduled, now)
    // The message is out: nothing that fails from here on may make its sender send it again.
    const shown = await chats.addresses
      .shown(database, addressesIn(row))
      .catch(() => (_: number, jid: Jid) => jid)
    const fileLinks = fileLinksAt(links, baseUrl)
    const context = { shown, own, ...nothingYet, waiting, now, language, fileLinks }
    const message =
      'row' in stored ? messageWire(row, context) : scheduledWire(stored.scheduled, now, context)
    const { messageId, whatsappMessageId, dbId, chatId, type, status, timestamp, body: text } = message
    const { waitingFor, position, expectedAt } = message
    return {
      messageId,
      whatsappMessageId,
      dbId,
      to,
      chatId,
      type,
      status,
      timestamp,
      text,
      waitingFor,
      position,
      expectedAt,
      message,
    }
  }

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

  /** Where something is done that does not say to whom: in the chat of the message it is done to. */
  async function chatOf(sessionId: number, content: SendRequest['content']) {
    const row = 'messageId' in content ? await finder.find([sessionId], content.messageId) : undefined
    if (row === undefined) throw new HubError('MESSAGE_NOT_FOUND')
    // A column that only canonical addresses are written to.
    const jid = row.chat_jid as Jid
    const shown = await chats.addresses.shown(database, [{ sessionId, jid }])
    return { many: false, recipients: [{ input: shown(sessionId, jid), jid }] }
  }

  http.serveForm(
    endpoints.sendMessage,
    (form) => messages.files.readForm(form),
    async ({ params, body, headers, ownerId, language, baseUrl, signal, file }) => {
      const session = sessions.find(ownerId, params.sessionId, 'name_first')
      // Whatever came of the request: bytes that were not kept are gone with its answer.
      await using taken = new AsyncDisposableStack()
      const common = {
        content:
          'file' in body.message
            ? await messages.files.take(body.message, taken, {
                signal,
                upload: file,
                notBase64: () =>
                  new HubError('VALIDATION_ERROR', { message: issueText('not_base64', language) }),
              })
            : body.message,
        mentions: body.mentions ?? [],
        mentionsEveryone: body.mentionsEveryone,
        quotedId: body.quotedMessageId ?? body.quotedMsgId,
        sendAt: body.sendAt,
        idempotencyKey: headers['idempotency-key'] ?? body.clientId,
      }
      const to = body.to ?? (await chatOf(session.id, common.content))
      const requests = new Map<Jid, SendRequest>()
      for (const { jid } of to.recipients) {
        if (jid !== undefined && canBeWrittenTo(jid)) requests.set(jid, { to: jid, ...common })
      }
      // Made when needed: an error takes down its stack, which costs as much as the rest of this route.
      const notAChat = (): HubError =>
        new HubError('VALIDATION_ERROR', { to: issueText('not_a_chat', language) })
      if (requests.size === 0) throw notAChat()
      const outcomes = await messages.send(session, [...requests.values()], { language, signal })
      const answers = new Map<Jid, SendAnswer | HubError>()
      for (const outcome of outcomes) {
        if (!('error' in outcome))
          answers.set(
            outcome.request.to,
            await sendAnswer(outcome, outcome.request.to, { language, baseUrl }),
          )
        else if (outcome.error instanceof HubError) answers.set(outcome.request.to, outcome.error)
        else throw outcome.error
      }
      const results = to.recipients.map(({ input, jid }) => ({
        to: input,
        answer: (jid === undefined ? undefined : answers.get(jid)) ?? notAChat(),
      }))
      const first = results.find(({ answer }) => !(answer instanceof HubError))
      if (first === undefined || first.answer instanceof HubError) {
        throw results.map(({ answer }) => answer).find((answer) => answer instanceof HubError) ?? notAChat()
      }
      const message = saidOf(first.answer.status)
      const data = { ...first.answer, to: first.to }
      if (!to.many) return { data, message }
      const told = results.map(({ to, answer }) =>
        answer instanceof HubError
          ? { to, success: false, code: answer.code, error: explained(answer, language) }
          : { to, success: true, messageId: answer.messageId, status: answer.status },
      )
      const sent = told.filter(({ success }) => success).length
      return { data: { ...data, results: told, sent, failed: told.length - sent }, message }
    },
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
    const data = await sendAnswer({ row: sent }, '', { language, baseUrl })
    return {
      data: { ...data, to: data.chatId },
      message: saidOf(sent.status),
    }
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

function saidOf(status: MessageStatus): 'message_scheduled' | 'message_accepted' | 'message_sent' {
  if (status === 'scheduled') return 'message_scheduled'
  return status === 'pending' ? 'message_accepted' : 'message_sent'
}

/** People and groups. Statuses, channels and broadcast lists have sends of their own. */
function canBeWrittenTo(jid: Jid): boolean {
  return !isStatus(jid) && !isNewsletter(jid) && !isBroadcastList(jid)
}

/** Why one of several recipients got nothing, as precisely as it is known. */
function explained(error: HubError, language: Language): string {
  const { explanation } = error.details
  return typeof explanation === 'string' ? explanation : error.messageIn(language)
}
