import { z } from 'zod'

import { isoSchema, paginationSchema } from './answers.ts'
import { appStateErrors } from './app-state.ts'
import { endpoint } from './endpoint.ts'
import type { ErrorCode } from './errors/index.ts'
import { chatAddress, int, limit, list, maybe, page, sessionRef, text } from './fields.ts'
import { chatSchema, messageSchema } from './messages.ts'

export const labelSchema = z
  .object({
    id: z.string().meta({ example: '4' }),
    name: z.string(),
    color: z.int().meta({ description: "WhatsApp's number of the colour, 0 to 19." }),
    isPredefined: z.boolean().meta({ description: 'One that WhatsApp made.' }),
    chats: z.int().meta({ description: 'How many chats it is on.' }),
    messages: z.int().meta({ description: 'How many messages it is on.' }),
    updatedAt: isoSchema,
  })
  .meta({ id: 'Label' })
export type LabelWire = z.input<typeof labelSchema>

const quickReplySchema = z
  .object({
    id: z.string(),
    shortcut: z.string().meta({ description: 'What is typed after `/` to get the text.' }),
    text: z.string(),
    keywords: z.array(z.string()),
    updatedAt: isoSchema,
  })
  .meta({ id: 'QuickReply' })
export type QuickReplyWire = z.input<typeof quickReplySchema>

const tag = 'Labels'
const ofSession = z.object({ sessionId: sessionRef })
const labelId = z.string().min(1).max(40).meta({ example: '4' })
const ofLabel = ofSession.extend({ labelId })
const ofChat = ofLabel.extend({ chatId: chatAddress })
const ofMessage = ofLabel.extend({
  messageId: z.string().min(1).max(250).meta({ example: '3EB0C767D26A1B2C3D4E' }),
})
const color = int(0, 19)
const changing: readonly ErrorCode[] = [...appStateErrors, 'BUSINESS_ONLY']
const onLabel: readonly ErrorCode[] = [...changing, 'LABEL_NOT_FOUND']
const everywhere =
  'Asks WhatsApp: the phone and the other devices of the account follow. Only for WhatsApp Business.'

const listLabels = endpoint({
  id: 'listLabels',
  method: 'GET',
  path: '/api/labels/:sessionId',
  tag,
  summary: 'List the labels of an account, from the store',
  params: ofSession,
  data: z.object({ labels: z.array(labelSchema), total: z.int() }),
  errors: ['SESSION_NOT_FOUND'],
})

const createLabel = endpoint({
  id: 'createLabel',
  method: 'POST',
  path: '/api/labels/:sessionId',
  tag,
  summary: 'Make a label',
  description: everywhere,
  params: ofSession,
  body: z.object({
    name: text(1, 100),
    color: maybe(color).meta({ description: 'The next one that no label has, when not given.' }),
  }),
  status: 201,
  data: z.object({ label: labelSchema }),
  errors: changing,
})

const updateLabel = endpoint({
  id: 'updateLabel',
  method: 'PUT',
  path: '/api/labels/:sessionId/:labelId',
  tag,
  summary: 'Rename a label, or give it another colour',
  description: everywhere,
  params: ofLabel,
  body: z.object({ name: maybe(text(1, 100)), color: maybe(color) }),
  data: z.object({ label: labelSchema }),
  errors: onLabel,
})

const deleteLabel = endpoint({
  id: 'deleteLabel',
  method: 'DELETE',
  path: '/api/labels/:sessionId/:labelId',
  tag,
  summary: 'Delete a label, also from everything it is on',
  description: everywhere,
  params: ofLabel,
  data: z.object({ labelId: z.string(), deleted: z.literal(true) }),
  errors: onLabel,
})

const listLabelChats = endpoint({
  id: 'listLabelChats',
  method: 'GET',
  path: '/api/labels/:sessionId/:labelId/chats',
  tag,
  summary: 'List the chats with a label, newest first, from the store',
  params: ofLabel,
  query: z.object({ page, limit: limit(20) }),
  data: z.object({ chats: z.array(chatSchema), pagination: paginationSchema, total: z.int() }),
  errors: ['SESSION_NOT_FOUND', 'LABEL_NOT_FOUND'],
})

const listLabelMessages = endpoint({
  id: 'listLabelMessages',
  method: 'GET',
  path: '/api/labels/:sessionId/:labelId/messages',
  tag,
  summary: 'List the messages with a label, the last labelled first, from the store',
  params: ofLabel,
  query: z.object({ page, limit: limit(50) }),
  data: z.object({ messages: z.array(messageSchema), pagination: paginationSchema, total: z.int() }),
  errors: ['SESSION_NOT_FOUND', 'LABEL_NOT_FOUND'],
})

const labelUse = z.object({
  labelId: z.string(),
  chatId: z.string(),
  messageId: z.string().nullable(),
  labelled: z.boolean(),
})

const ofChatUse = (id: string, method: 'PUT' | 'DELETE', summary: string) =>
  endpoint({
    id,
    method,
    path: '/api/labels/:sessionId/:labelId/chats/:chatId',
    tag,
    summary,
    description: everywhere,
    params: ofChat,
    data: labelUse,
    errors: [...onLabel, 'CHAT_NOT_FOUND'],
  })

const ofMessageUse = (id: string, method: 'PUT' | 'DELETE', summary: string) =>
  endpoint({
    id,
    method,
    path: '/api/labels/:sessionId/:labelId/messages/:messageId',
    tag,
    summary,
    description: everywhere,
    params: ofMessage,
    data: labelUse,
    errors: [...onLabel, 'MESSAGE_NOT_FOUND'],
  })

const labelChat = ofChatUse('labelChat', 'PUT', 'Put a label on a chat')
const unlabelChat = ofChatUse('unlabelChat', 'DELETE', 'Take a label off a chat')
const labelMessage = ofMessageUse('labelMessage', 'PUT', 'Put a label on a message')
const unlabelMessage = ofMessageUse('unlabelMessage', 'DELETE', 'Take a label off a message')

const ofReply = ofSession.extend({ replyId: z.string().min(1).max(40).meta({ example: '1769860800' }) })
const keywords = list(text(1, 50), 10)
const shortcut = text(1, 40)

const listQuickReplies = endpoint({
  id: 'listQuickReplies',
  method: 'GET',
  path: '/api/quick-replies/:sessionId',
  tag,
  summary: 'List the texts that the account keeps to answer with, from the store',
  params: ofSession,
  data: z.object({ quickReplies: z.array(quickReplySchema), total: z.int() }),
  errors: ['SESSION_NOT_FOUND'],
})

const createQuickReply = endpoint({
  id: 'createQuickReply',
  method: 'POST',
  path: '/api/quick-replies/:sessionId',
  tag,
  summary: 'Keep a text to answer with',
  description: everywhere,
  params: ofSession,
  body: z.object({ shortcut, text: text(1, 4096), keywords: keywords.optional() }),
  status: 201,
  data: z.object({ quickReply: quickReplySchema }),
  errors: changing,
})

const updateQuickReply = endpoint({
  id: 'updateQuickReply',
  method: 'PUT',
  path: '/api/quick-replies/:sessionId/:replyId',
  tag,
  summary: 'Change a text to answer with',
  description: everywhere,
  params: ofReply,
  body: z.object({ shortcut: maybe(shortcut), text: maybe(text(1, 4096)), keywords: keywords.optional() }),
  data: z.object({ quickReply: quickReplySchema }),
  errors: [...changing, 'QUICK_REPLY_NOT_FOUND'],
})

const deleteQuickReply = endpoint({
  id: 'deleteQuickReply',
  method: 'DELETE',
  path: '/api/quick-replies/:sessionId/:replyId',
  tag,
  summary: 'Keep a text no longer',
  description: everywhere,
  params: ofReply,
  data: z.object({ replyId: z.string(), deleted: z.literal(true) }),
  errors: [...changing, 'QUICK_REPLY_NOT_FOUND'],
})

export const labelEndpoints = {
  listLabels,
  createLabel,
  updateLabel,
  deleteLabel,
  listLabelChats,
  listLabelMessages,
  labelChat,
  unlabelChat,
  labelMessage,
  unlabelMessage,
  listQuickReplies,
  createQuickReply,
  updateQuickReply,
  deleteQuickReply,
}
