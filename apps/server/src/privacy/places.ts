/**
 * Where the store speaks of the people a session deals with: what an export of one of them shows, and what has to be gone when they are
 * erased. One list over the tables of all modules, because leaving one out is what must not happen: a test goes through the schema.
 */

/** Rows about one person, who stands in one of these columns by an address. Exported whole, deleted whole. */
export const ownRows = {
  contact: ['jid'],
  person: ['jid'],
  blocked_person: ['jid'],
  lid_mapping: ['lid', 'pn'],
  number_check: ['pn'],
  chat: ['jid'],
  label_use: ['chat_jid'],
  open_menu: ['chat_jid'],
  scheduled_message: ['chat_jid'],
  call: ['creator', 'creator_wire', 'callee'],
  wa_group_member: ['jid', 'alt'],
  message_change: ['chat_jid', 'sender_jid', 'author_jid'],
} as const

/** Rows with an address as a part of this column. They hold keys and counts: deleted, not exported. */
export const namedIn = { number_check: 'digits', retry_counter: 'name', signal_key: 'id' } as const

/** Texts of rows about something else, which may name somebody. The address is taken out, the row stays. */
export const mentionedIn = {
  message_change: ['value'],
  scheduled_message: ['body'],
  status: ['audience', 'search'],
  wa_group: ['description', 'search'],
} as const

/** Tables with columns that look as if people stood there, and why they are not in the lists above. */
export const elsewhere = {
  message: 'messages/erase.ts',
  message_receipt: 'messages/erase.ts: has no index by person',
  event: 'events/redaction.ts',
  webhook_delivery: 'webhooks: deliveries of events that are emptied',
  status_view: 'erase.ts: has no session of its own',
  contact_key: 'follows contact by triggers',
  outbound: 'goes with its message; what is sent is sealed',
  session: 'the own number of the account',
  app_user: 'people who work with the hub: they have accounts of their own',
  newsletter: 'channels: their followers are not shown',
  newsletter_message: 'channels',
} as const
