import { z } from 'zod'

import { messageContent } from './message-content.ts'
import { messageTypes } from './message-events.ts'

const ref = {
  statusId: z.string().describe("WhatsApp's id of the status"),
  dbId: z.int().describe('Its number in the hub'),
  timestamp: z.int().describe('When it happened, Unix ms'),
}

const by = {
  from: z.string().describe('Who, with the phone number when it is known: …@s.whatsapp.net, else …@lid'),
  fromLid: z.string().nullable().describe('The same person, as the address that hides the number'),
}

/** How a status of text looks. Colours are `#RRGGBB`; null: as WhatsApp likes. */
export const statusStyle = {
  backgroundColor: z.string().nullable(),
  textColor: z.string().nullable(),
  font: z.int().nullable().describe("WhatsApp's number of the font"),
}

/** Data of `status.received`: somebody posted a status for the account to see. */
export const statusReceived = z.object({
  ...ref,
  ...by,
  pushName: z.string().nullable(),
  type: z.enum(messageTypes),
  text: z.string().describe('The text, or the caption'),
  ...statusStyle,
  expiresAt: z.int().describe('Unix ms'),
  ...messageContent,
})
export type StatusReceived = z.infer<typeof statusReceived>

/** Data of `status.posted`: WhatsApp has a status that the hub posted. */
export const statusPosted = z.object(ref)
export type StatusPosted = z.infer<typeof statusPosted>

/** Data of `status.failed`: a status that the hub was to post did not go out. */
export const statusFailed = z.object({
  ...ref,
  reason: z.string().describe('Stable word, as in `details.reason` of WHATSAPP_ERROR'),
  error: z.string().describe('The same for people'),
})
export type StatusFailed = z.infer<typeof statusFailed>

/** Data of `status.viewed`: somebody saw a status of ours, for the first time. */
export const statusViewed = z.object({ ...ref, ...by })
export type StatusViewed = z.infer<typeof statusViewed>

/** Data of `status.reaction`: somebody reacted to a status of ours, or took that back. */
export const statusReaction = z.object({
  ...ref,
  ...by,
  emoji: z.string().nullable().describe('null: taken back'),
})
export type StatusReaction = z.infer<typeof statusReaction>

/** Data of `status.deleted`: its author took a status back, also us on our phone. */
export const statusDeleted = z.object({ ...ref, ...by, fromMe: z.boolean() })
export type StatusDeleted = z.infer<typeof statusDeleted>
