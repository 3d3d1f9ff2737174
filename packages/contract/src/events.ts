/** Every event an integrator can receive. */
export const eventTypes = [
  'session.state',
  'session.connected',
  'session.disconnected',
  'session.qr',
  'message.received',
  'message.sent',
  'message.delivered',
  'message.read',
  'message.failed',
  'message.undecryptable',
  'contact.updated',
  'chat.archived',
  'chat.unarchived',
  'group.joined',
  'group.updated',
  'group.participants',
  'group.join_request',
] as const
export type EventType = (typeof eventTypes)[number]
