import { endpoints, HubError, issueText, offsetOf, paginationOf } from '@inbox-hub/contract'
import type { Jid } from '@inbox-hub/whatsapp'

import type { createWires, Messages } from '../messages/index.ts'
import { chatFilterOf } from '../messages/index.ts'
import type { Clock } from '../platform/clock.ts'
import type { Http } from '../platform/http/index.ts'
import type { Sessions, SessionView } from '../sessions/index.ts'
import type { ChatDeed, ChatSettings } from './index.ts'

export interface ChatSettingsRoutesDeps {
  sessions: Pick<Sessions, 'find'>
  settings: ChatSettings
  messages: { list: Pick<Messages['list'], 'chats'> }
  wires: ReturnType<typeof createWires>
  clock: Clock
}

/** Chats and what is done to them. */
export function chatRoutes(
  http: Pick<Http, 'serve'>,
  { sessions, settings, messages, wires, clock }: ChatSettingsRoutesDeps,
): void {
  const find = (ownerId: number, ref: string): SessionView => sessions.find(ownerId, ref, 'name_first')

  async function wire(session: SessionView, chatId: Jid, baseUrl: string) {
    const [chat] = await wires.chats([await settings.get(session, chatId)], baseUrl)
    if (chat === undefined) throw new Error('one chat makes one')
    return chat
  }

  http.serve(endpoints.listSessionChats, async ({ params, query, ownerId, baseUrl }) => {
    const { id } = find(ownerId, params.sessionId)
    const { page, limit } = query
    const { chats, total } = await messages.list.chats(
      chatFilterOf(id, query, clock.now()),
      limit,
      offsetOf(query),
    )
    return {
      data: { chats: await wires.chats(chats, baseUrl), pagination: paginationOf(total, page, limit), total },
    }
  })

  http.serve(endpoints.getChat, async ({ params, ownerId, baseUrl }) => ({
    data: { chat: await wire(find(ownerId, params.sessionId), params.chatId, baseUrl) },
  }))

  for (const [endpoint, deed] of [
    [endpoints.archiveChat, 'archive'],
    [endpoints.unarchiveChat, 'unarchive'],
    [endpoints.pinChat, 'pin'],
    [endpoints.unpinChat, 'unpin'],
    [endpoints.unmuteChat, 'unmute'],
    [endpoints.readChat, 'read'],
    [endpoints.unreadChat, 'unread'],
    [endpoints.clearChat, 'clear'],
  ] as const) {
    http.serve(endpoint, async ({ params, ownerId, baseUrl }) => {
      const session = find(ownerId, params.sessionId)
      await settings.set(session, params.chatId, { do: deed })
      return {
        data: { chat: await wire(session, params.chatId, baseUrl) },
        message: deed === 'clear' ? 'chat_cleared' : 'chat_updated',
      }
    })
  }

  http.serve(endpoints.muteChat, async ({ params, body, ownerId, language, baseUrl }) => {
    const session = find(ownerId, params.sessionId)
    const { until, seconds } = body
    const now = clock.now()
    if (until !== undefined && until <= now)
      throw new HubError('VALIDATION_ERROR', { until: issueText('not_in_future', language) })
    const deed: ChatDeed = {
      do: 'mute',
      until: until ?? (seconds === undefined ? 'always' : now + seconds * 1000),
    }
    await settings.set(session, params.chatId, deed)
    return { data: { chat: await wire(session, params.chatId, baseUrl) }, message: 'chat_updated' }
  })

  http.serve(endpoints.setDisappearing, async ({ params, body, ownerId, baseUrl }) => {
    const session = find(ownerId, params.sessionId)
    await settings.setDisappearing(session, params.chatId, body.seconds)
    return { data: { chat: await wire(session, params.chatId, baseUrl) }, message: 'chat_updated' }
  })

  http.serve(endpoints.deleteChat, async ({ params, ownerId, baseUrl }) => {
    const session = find(ownerId, params.sessionId)
    const { chatId } = await wire(session, params.chatId, baseUrl)
    await settings.set(session, params.chatId, { do: 'delete' })
    return { data: { chatId, deleted: true as const }, message: 'chat_deleted' }
  })
}
