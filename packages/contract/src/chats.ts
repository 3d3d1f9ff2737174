import { z } from 'zod'

import { paginationSchema } from './answers.ts'
import { appStateErrors } from './app-state.ts'
import { endpoint } from './endpoint.ts'
import type { ErrorCode } from './errors/index.ts'
import { chatAddress, int, issue, maybe, moment, sessionRef } from './fields.ts'
import { chatQuery, chatSchema } from './messages.ts'

const tag = 'Chats'
const ofSession = z.object({ sessionId: sessionRef })
const ofChat = ofSession.extend({ chatId: chatAddress })
const oneChat = z.object({ chat: chatSchema })

const onChat: readonly ErrorCode[] = [...appStateErrors, 'CHAT_NOT_FOUND']
const everywhere = 'Asks WhatsApp: the phone and the other devices of the account follow.'

const listSessionChats = endpoint({
  id: 'listSessionChats',
  method: 'GET',
  path: '/api/chats/:sessionId',
  tag,
  summary: 'List the chats of a session, newest first',
  description: 'From the store. Without a filter all chats are there, archived ones too.',
  params: ofSession,
  query: chatQuery,
  data: z.object({ chats: z.array(chatSchema), pagination: paginationSchema, total: z.int() }),
  errors: ['SESSION_NOT_FOUND'],
})

const getChat = endpoint({
  id: 'getChat',
  method: 'GET',
  path: '/api/chats/:sessionId/:chatId',
  tag,
  summary: 'Read a chat, from the store',
  params: ofChat,
  data: oneChat,
  errors: ['SESSION_NOT_FOUND', 'CHAT_NOT_FOUND'],
})

const act = (id: string, action: string, summary: string, more = '') =>
  endpoint({
    id,
    method: 'POST',
    path: `/api/chats/:sessionId/:chatId/${action}`,
    tag,
    summary,
    description: more === '' ? everywhere : `${more} ${everywhere}`,
    params: ofChat,
    data: oneChat,
    errors: onChat,
  })

const archiveChat = act('archiveChat', 'archive', 'Archive a chat', 'It is not pinned any more.')
const unarchiveChat = act('unarchiveChat', 'unarchive', 'Take a chat out of the archive')
const pinChat = act('pinChat', 'pin', 'Pin a chat', 'WhatsApp shows three pinned chats at the top.')
const unpinChat = act('unpinChat', 'unpin', 'Unpin a chat')
const unmuteChat = act('unmuteChat', 'unmute', 'Let a chat notify again')
const unreadChat = act('unreadChat', 'unread', 'Mark a chat as unread')
const readChat = act(
  'readChat',
  'read',
  'Mark a chat as read',
  'Its messages too: their authors are told, as with `PUT /api/messages/:sessionId/:chatId/read`.',
)
const clearChat = act(
  'clearChat',
  'clear',
  'Take all messages out of a chat',
  'For this account alone: the others keep them. They cannot be brought back.',
)

const muteChat = endpoint({
  id: 'muteChat',
  method: 'POST',
  path: '/api/chats/:sessionId/:chatId/mute',
  tag,
  summary: 'Mute a chat, for some time or always',
  description: `Without \`until\` and \`seconds\`: always. ${everywhere}`,
  params: ofChat,
  body: z.object({
    until: maybe(moment('end_of_day')),
    seconds: maybe(int(1, 10 * 365 * 86_400)).meta({ description: 'From now; `until` goes before it.' }),
  }),
  data: oneChat,
  errors: onChat,
})

/** What WhatsApp offers: off, a day, a week, 90 days. */
const timers: readonly number[] = [0, 86_400, 604_800, 7_776_000]

const setDisappearing = endpoint({
  id: 'setDisappearing',
  method: 'PUT',
  path: '/api/chats/:sessionId/:chatId/disappearing',
  tag,
  summary: 'Set how long new messages of a chat live',
  description:
    'Asks WhatsApp: it holds for both sides of the chat, and the other side is told. In a group it may be the right of admins. What is sent from then on disappears with it.',
  params: ofChat,
  body: z.object({
    seconds: int(0, 7_776_000)
      .refine((value) => timers.includes(value), issue('not_a_timer'))
      .meta({ description: '0 (they stay), 86400, 604800 or 7776000.', example: 604_800 }),
  }),
  data: oneChat,
  errors: [
    'SESSION_NOT_FOUND',
    'SESSION_NOT_CONNECTED',
    'WHATSAPP_ERROR',
    'CHAT_NOT_FOUND',
    'NOT_IN_GROUP',
    'NOT_GROUP_ADMIN',
    'GROUP_NOT_FOUND',
  ],
})

const deleteChat = endpoint({
  id: 'deleteChat',
  method: 'DELETE',
  path: '/api/chats/:sessionId/:chatId',
  tag,
  summary: 'Delete a chat with its messages',
  description: `For this account alone: the others keep it. It comes back, empty, with its next message. ${everywhere}`,
  params: ofChat,
  data: z.object({ chatId: z.string(), deleted: z.literal(true) }),
  errors: onChat,
})

const transferChat = endpoint({
  id: 'transferChat',
  method: 'POST',
  path: '/api/messages/:sessionId/transfer-chat',
  tag,
  summary: 'Take chats over from another session, with their messages',
  description:
    'For a number that takes over from another: the conversation goes on where it stands. Messages, their files, reactions and statuses move in the store, and what the hub knows about the person is known here too; WhatsApp is not asked, and phones notice nothing. A message that both sessions have is there once. What arrives at the other session from now on starts a chat there anew. Who was erased in this session is not brought back: their own chat is refused (`CONTACT_ERASED`), and a group comes without what they wrote.',
  params: ofSession,
  body: z
    .object({
      fromSessionId: sessionRef.meta({ description: 'The session that has the chats now' }),
      chatId: maybe(chatAddress),
      chatIds: maybe(z.array(chatAddress).min(1).max(100)),
    })
    .refine(({ chatId, chatIds }) => chatId !== undefined || chatIds !== undefined, {
      path: ['chatId'],
      ...issue('required'),
    }),
  data: z.object({
    fromSessionId: z.string(),
    transferred: z.int().meta({ description: 'How many chats' }),
    chats: z.array(
      z.object({ chatId: z.string(), messages: z.int().meta({ description: 'How many moved' }) }),
    ),
  }),
  errors: ['SESSION_NOT_FOUND', 'CHAT_NOT_FOUND', 'CHAT_HAS_UNSENT', 'CONTACT_ERASED'],
})

export const chatEndpoints = {
  listSessionChats,
  getChat,
  archiveChat,
  unarchiveChat,
  pinChat,
  unpinChat,
  muteChat,
  unmuteChat,
  readChat,
  unreadChat,
  clearChat,
  setDisappearing,
  deleteChat,
  transferChat,
}
