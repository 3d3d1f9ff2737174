import {
  endpoints,
  HubError,
  isoOf,
  type LabelWire,
  offsetOf,
  paginationOf,
  type QuickReplyWire,
} from '@inbox-hub/contract'
import type { Jid } from '@inbox-hub/whatsapp'

import type { Chats } from '../chats/index.ts'
import type { createWires, MessageRow, Messages } from '../messages/index.ts'
import type { Database } from '../platform/database/index.ts'
import type { Http } from '../platform/http/index.ts'
import type { Sessions, SessionView } from '../sessions/index.ts'
import type { Labels } from './index.ts'
import { type CountedLabel, keywordsOf, type QuickReplyRow } from './label-rows.ts'

export interface LabelRoutesDeps {
  database: Database
  sessions: Pick<Sessions, 'find'>
  chats: Pick<Chats, 'addresses'>
  messages: Pick<Messages, 'finder' | 'list'>
  wires: ReturnType<typeof createWires>
  labels: Labels
}

/** Labels, what they are on, and texts to answer with. */
export function labelRoutes(
  http: Pick<Http, 'serve'>,
  { database, sessions, chats, messages, wires, labels }: LabelRoutesDeps,
): void {
  const find = (ownerId: number, ref: string): SessionView => sessions.find(ownerId, ref, 'name_first')
  const shownOf = async (sessionId: number, jid: Jid): Promise<Jid> =>
    (await chats.addresses.shown(database, [{ sessionId, jid }]))(sessionId, jid)

  async function wireOf({ id: sessionId }: SessionView, id: string): Promise<LabelWire> {
    const label = (await labels.list.labels(sessionId)).find((one) => one.id === id)
    if (label === undefined) throw new HubError('LABEL_NOT_FOUND')
    return labelWire(label)
  }

  http.serve(endpoints.listLabels, async ({ params, ownerId }) => {
    const rows = await labels.list.labels(find(ownerId, params.sessionId).id)
    return { data: { labels: rows.map(labelWire), total: rows.length } }
  })

  http.serve(endpoints.createLabel, async ({ params, body, ownerId }) => {
    const session = find(ownerId, params.sessionId)
    const id = await labels.create(session, { name: body.name, color: body.color })
    return { data: { label: await wireOf(session, id) }, message: 'label_saved' }
  })

  http.serve(endpoints.updateLabel, async ({ params, body, ownerId }) => {
    const session = find(ownerId, params.sessionId)
    await labels.update(session, params.labelId, { name: body.name, color: body.color })
    return { data: { label: await wireOf(session, params.labelId) }, message: 'label_saved' }
  })

  http.serve(endpoints.deleteLabel, async ({ params, ownerId }) => {
    await labels.remove(find(ownerId, params.sessionId), params.labelId)
    return { data: { labelId: params.labelId, deleted: true as const }, message: 'label_deleted' }
  })

  http.serve(endpoints.listLabelChats, async ({ params, query, ownerId, baseUrl }) => {
    const { id: sessionId } = find(ownerId, params.sessionId)
    const { id: label } = await labels.get(sessionId, params.labelId)
    const { page, limit } = query
    const { chats: items, total } = await messages.list.chats({ sessionId, label }, limit, offsetOf(query))
    return {
      data: { chats: await wires.chats(items, baseUrl), pagination: paginationOf(total, page, limit), total },
    }
  })

  http.serve(endpoints.listLabelMessages, async ({ params, query, ownerId, language, baseUrl }) => {
    const { id: sessionId } = find(ownerId, params.sessionId)
    const { id: label } = await labels.get(sessionId, params.labelId)
    const { page, limit } = query
    const { uses, total } = await labels.list.messages(sessionId, label, limit, offsetOf(query))
    const found = await Promise.all(uses.map(({ whatsapp_id: id }) => messages.finder.find([sessionId], id)))
    const rows = found.filter((row): row is MessageRow => row?.shown === 1)
    return {
      data: {
        messages: await wires.messages(rows, { language, baseUrl }),
        pagination: paginationOf(total, page, limit),
        total,
      },
    }
  })

  for (const [endpoint, labelled] of [
    [endpoints.labelChat, true],
    [endpoints.unlabelChat, false],
  ] as const) {
    http.serve(endpoint, async ({ params, ownerId }) => {
      const session = find(ownerId, params.sessionId)
      const { labelId, chatId } = params
      const address = { sessionId: session.id, jid: chatId }
      const chat = (await chats.addresses.canonical(database, [address]))(session.id, chatId)
      if ((await messages.list.chat(session.id, chat)) === undefined) throw new HubError('CHAT_NOT_FOUND')
      await labels.onChat(session, labelId, chat, labelled)
      return { data: { labelId, chatId: await shownOf(session.id, chat), messageId: null, labelled } }
    })
  }

  for (const [endpoint, labelled] of [
    [endpoints.labelMessage, true],
    [endpoints.unlabelMessage, false],
  ] as const) {
    http.serve(endpoint, async ({ params, ownerId }) => {
      const session = find(ownerId, params.sessionId)
      const { labelId } = params
      const row = await messages.finder.find([session.id], params.messageId)
      if (row === undefined) throw new HubError('MESSAGE_NOT_FOUND')
      await labels.onMessage(session, labelId, row, labelled)
      // A column that only canonical addresses are written to.
      const chatId = await shownOf(session.id, row.chat_jid as Jid)
      return { data: { labelId, chatId, messageId: row.whatsapp_id, labelled } }
    })
  }

  http.serve(endpoints.listQuickReplies, async ({ params, ownerId }) => {
    const rows = await labels.list.quickReplies(find(ownerId, params.sessionId).id)
    return { data: { quickReplies: rows.map(replyWire), total: rows.length } }
  })

  http.serve(endpoints.createQuickReply, async ({ params, body, ownerId }) => {
    const session = find(ownerId, params.sessionId)
    const { shortcut, text, keywords } = body
    const id = await labels.keepQuickReply(session, undefined, { shortcut, text, keywords })
    return {
      data: { quickReply: replyWire(await labels.quickReply(session.id, id)) },
      message: 'quick_reply_saved',
    }
  })

  http.serve(endpoints.updateQuickReply, async ({ params, body, ownerId }) => {
    const session = find(ownerId, params.sessionId)
    const { shortcut, text, keywords } = body
    const id = await labels.keepQuickReply(session, params.replyId, { shortcut, text, keywords })
    return {
      data: { quickReply: replyWire(await labels.quickReply(session.id, id)) },
      message: 'quick_reply_saved',
    }
  })

  http.serve(endpoints.deleteQuickReply, async ({ params, ownerId }) => {
    await labels.removeQuickReply(find(ownerId, params.sessionId), params.replyId)
    return { data: { replyId: params.replyId, deleted: true as const }, message: 'quick_reply_deleted' }
  })
}

function labelWire(row: CountedLabel): LabelWire {
  return {
    id: row.id,
    name: row.name,
    color: row.color,
    isPredefined: row.predefined_id !== null,
    chats: row.chats,
    messages: row.messages,
    updatedAt: isoOf(row.updated_at),
  }
}

function replyWire(row: QuickReplyRow): QuickReplyWire {
  return {
    id: row.id,
    shortcut: row.shortcut,
    text: row.text,
    keywords: [...keywordsOf(row)],
    updatedAt: isoOf(row.updated_at),
  }
}
