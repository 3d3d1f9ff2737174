import { z } from 'zod'

import { isoSchema } from './answers.ts'
import { endpoint } from './endpoint.ts'
import { maybe, sessionRef } from './fields.ts'
import { messageId, messageStatuses } from './messages.ts'

const tag = 'Messages'
const moment = isoSchema.nullable()

const messageReceipts = endpoint({
  id: 'messageReceipts',
  method: 'GET',
  path: '/api/messages/:sessionId/:messageId/receipts',
  tag,
  summary: 'Read who has received, read and played a message of ours',
  description:
    'From the store, as far as receipts came: in a group each member, else the one it was sent to. Empty for messages of others. Whoever keeps read receipts off is never among the readers.',
  params: z.object({ sessionId: sessionRef, messageId }),
  data: z.object({
    messageId: z.string(),
    dbId: z.int(),
    chatId: z.string(),
    status: z.enum(messageStatuses).meta({ description: 'In a group that of whoever is farthest.' }),
    receipts: z
      .array(
        z.object({
          id: z.string().meta({ description: 'With the phone number when it is known.' }),
          lid: z.string().nullable(),
          deliveredAt: moment,
          readAt: moment,
          playedAt: moment,
        }),
      )
      .meta({ description: 'Whoever got it first stands first.' }),
    delivered: z.int().meta({ description: 'How many have it.' }),
    read: z.int(),
    played: z.int(),
  }),
  errors: ['SESSION_NOT_FOUND', 'MESSAGE_NOT_FOUND'],
})

const playMessage = endpoint({
  id: 'playMessage',
  method: 'POST',
  path: '/api/messages/:messageId/played',
  tag,
  summary: 'Tell the author of a voice note, video note or view-once message that it was played',
  description:
    'Asks WhatsApp, the first time. It is read by that, too. WhatsApp tells authors of it whatever the account set for read receipts.',
  params: z.object({ messageId }),
  body: z.object({ sessionId: maybe(sessionRef) }),
  data: z.object({ messageId: z.string(), played: z.literal(true) }),
  errors: [
    'MESSAGE_NOT_FOUND',
    'SESSION_NOT_FOUND',
    'SESSION_NOT_CONNECTED',
    'MESSAGE_NOT_PLAYABLE',
    'WHATSAPP_ERROR',
  ],
})

export const receiptEndpoints = { messageReceipts, playMessage }
