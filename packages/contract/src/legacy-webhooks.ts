import { z } from 'zod'

import { isoSchema } from './answers.ts'
import { messageTypes } from './message-events.ts'

/*
 * The bodies that CRM clients of the first hour are sent (contract §7). The server translates each stored event into
 * one of these; nothing here is free to change, every key has a reader.
 */

const head = { sessionId: z.string(), session_db_id: z.int() }

const progress = (status: 'sent' | 'delivered' | 'read') =>
  z.object({
    ...head,
    messageId: z.string(),
    status: z.literal(status),
    chatId: z.string(),
    timestamp: isoSchema,
  })

const archived = z.object({ ...head, chatId: z.string(), isArchived: z.boolean() })

/** `data` of each event as the `legacy` preset sends it. */
export const legacyWebhookData = {
  'message.received': z.object({
    ...head,
    message: z.object({
      whatsappMessageId: z.string(),
      messageId: z.string(),
      chatId: z.string(),
      from: z.string(),
      to: z.string().meta({ description: 'The own number, digits; the session while that is not known.' }),
      content: z.string(),
      body: z.string(),
      timestamp: z.int().meta({ description: 'Unix seconds.' }),
      type: z.enum(messageTypes),
      fromMe: z.literal(false),
      isGroup: z.boolean(),
      participant: z.string().optional(),
      pushName: z.string().optional(),
      has_attachment: z.boolean(),
      hasMedia: z.boolean(),
      media: z
        .object({
          filename: z.string(),
          filesize: z.number(),
          mimetype: z.string(),
          url: z.string().nullable(),
          fileSha256: z.string().optional(),
        })
        .nullable(),
      quotedMsgId: z.string().optional(),
      reactionMessage: z
        .object({
          key: z.object({ remoteJid: z.string(), fromMe: z.boolean(), id: z.string() }),
          text: z.string(),
          senderTimestampMs: z.int(),
        })
        .optional()
        .meta({ description: 'For `type: "reaction"`: on which message (`key.id`), and the emoji.' }),
    }),
  }),
  'message.sent': progress('sent'),
  'message.delivered': progress('delivered'),
  'message.read': progress('read'),
  'message.failed': z.object({
    ...head,
    messageId: z.string(),
    status: z.literal('failed'),
    chatId: z.string(),
    timestamp: isoSchema,
    error: z.string(),
  }),
  'message.ack': z
    .object({ ...head, messageId: z.string(), ack: z.int().min(0).max(3), timestamp: isoSchema })
    .meta({ description: 'Only for receivers that ask for it by name: 1 server, 2 delivered, 3 read.' }),
  'session.connected': z.object({
    ...head,
    status: z.literal('connected'),
    isConnected: z.literal(true),
    phoneNumber: z.string().nullable(),
    timestamp: isoSchema,
  }),
  'session.disconnected': z.object({
    ...head,
    status: z.literal('disconnected'),
    isConnected: z.literal(false),
    reason: z.string(),
    timestamp: isoSchema,
  }),
  'session.qr': z.object({
    ...head,
    status: z.literal('qr_code'),
    qrCode: z.string().meta({ description: 'Data URL of a PNG.' }),
    expiresAt: isoSchema,
    timestamp: isoSchema,
  }),
  'contact.updated': z.object({
    ...head,
    contact: z.object({ id: z.string(), phone: z.string(), name: z.string(), imgUrl: z.string().nullable() }),
  }),
  'chat.archived': archived,
  'chat.unarchived': archived,
} as const

export type LegacyWebhookEvent = keyof typeof legacyWebhookData

/** The whole body of a legacy webhook. */
export function legacyWebhookBody<Event extends LegacyWebhookEvent>(event: Event) {
  return z.strictObject({
    event: z.literal(event),
    sessionId: z.string(),
    timestamp: isoSchema,
    data: legacyWebhookData[event],
  })
}
