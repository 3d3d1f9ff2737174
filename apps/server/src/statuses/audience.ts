import type { Jid } from '@inbox-hub/whatsapp'

import type { Chats } from '../chats/index.ts'
import type { Database } from '../platform/database/index.ts'

/** Whom a status is for, as its poster says. */
export interface AudienceWish {
  /** Only these; when left out, the people of the address book. */
  recipients: readonly Jid[] | undefined
  /** Of those, not these. */
  exclude: readonly Jid[]
}

/** WhatsApp's own apps send a status to no more. */
const maxAudience = 5000

/**
 * The people a status goes to, by their canonical addresses, each once. By default as WhatsApp does it: those saved on the phone, and those
 * named in the hub; not everybody who ever wrote.
 */
export async function audienceFor(
  { database, chats }: { database: Pick<Database, 'read' | 'sql'>; chats: Pick<Chats, 'addresses'> },
  sessionId: number,
  { recipients, exclude }: AudienceWish,
): Promise<readonly Jid[]> {
  const canonical = await chats.addresses.canonical(
    database,
    [...(recipients ?? []), ...exclude].map((jid) => ({ sessionId, jid })),
  )
  const left = new Set(exclude.map((jid) => canonical(sessionId, jid)))
  const wanted =
    recipients === undefined
      ? await addressBook(database, sessionId)
      : recipients.map((jid) => canonical(sessionId, jid))
  return [...new Set(wanted)].filter((jid) => !left.has(jid)).slice(0, maxAudience)
}

async function addressBook({ read }: Pick<Database, 'read'>, sessionId: number): Promise<readonly Jid[]> {
  const rows = await read
    .selectFrom('contact')
    .select('jid')
    .where('session_id', '=', sessionId)
    .where((eb) => eb.or([eb('saved_name', 'is not', null), eb('hub_name', 'is not', null)]))
    .orderBy('updated_at', 'desc')
    .limit(maxAudience + 1)
    .execute()
  // A column that only canonical addresses of people are written to.
  return rows.map(({ jid }) => jid as Jid)
}
