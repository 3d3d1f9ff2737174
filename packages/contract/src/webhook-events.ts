import { type EventType, eventTypes } from './events.ts'

/** Names that clients use for others (contract §7). */
export const webhookEventAliases: Readonly<Record<string, readonly string[]>> = {
  message: ['message.received'],
  message_status: ['message.sent', 'message.delivered', 'message.read', 'message.failed'],
  message_ack: ['message.sent', 'message.delivered', 'message.read', 'message.failed'],
  session_status: ['session.state', 'session.connected', 'session.disconnected', 'session.qr'],
  contact_update: ['contact.updated'],
  message_edit: ['message.edited'],
  message_revoke: ['message.deleted'],
  group_join: ['group.joined'],
  group_update: ['group.updated'],
  group_participants_update: ['group.participants'],
  '*': eventTypes,
}

/** Names of old clients that nothing answers to: accepted, and silent. */
const silent = [
  'presence_update',
  'message_create',
  'chat_update',
  'connection_update',
  'battery_update',
  'group_leave',
  'conversation.created',
  'conversation.updated',
  'contact.created',
] as const

/** Told by the `legacy` preset alone, to who names it. */
const legacyOnly = 'message.ack'

const known = new Set<string>([...eventTypes, legacyOnly, ...Object.keys(webhookEventAliases), ...silent])

/** Whether an endpoint may ask for events by this name. */
export function isWebhookEventName(name: string): boolean {
  return known.has(name)
}

/** What the CRM knows; it logs anything else as an error. The `legacy` preset sends it to who names no events. */
export const crmEvents = [
  'message.received',
  'message.sent',
  'message.delivered',
  'message.read',
  'message.failed',
  'session.connected',
  'session.disconnected',
  'session.qr',
  'contact.updated',
  'chat.archived',
  'chat.unarchived',
] as const satisfies readonly EventType[]
