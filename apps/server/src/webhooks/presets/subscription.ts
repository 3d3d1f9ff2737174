import { eventTypes } from '@inbox-hub/contract'

/** Names that clients use for others (contract §7). Those without a counterpart are accepted and stay silent. */
const aliases: Readonly<Record<string, readonly string[]>> = {
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

/** What the CRM knows; it logs anything else as an error. */
export const knownToCrm: ReadonlySet<string> = new Set([
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
])

const known = new WeakMap<readonly string[], ReadonlySet<string>>()

/** The events that a webhook with this `webhookEvents` list is sent; `otherwise` when it names none. */
export function subscribed(
  webhookEvents: readonly string[],
  otherwise: ReadonlySet<string>,
): ReadonlySet<string> {
  if (webhookEvents.length === 0) return otherwise
  let names = known.get(webhookEvents)
  if (names === undefined) {
    names = new Set(webhookEvents.flatMap((name) => aliases[name] ?? [name]))
    known.set(webhookEvents, names)
  }
  return names
}
