import { isLid, isPn, type Jid, pnOf, userOf, withoutDevice } from '@inbox-hub/whatsapp'

import { type Chats, findContact } from '../chats/index.ts'
import type { Database } from '../platform/database/index.ts'

/** Somebody a session deals with, by all their addresses. */
export interface Person {
  readonly sessionId: number
  /** LID and number, without device. */
  readonly jids: readonly Jid[]
  /** What of these stands in texts: digits. */
  readonly digits: readonly string[]
}

export async function personOf(
  database: Database,
  { addresses }: Pick<Chats, 'addresses'>,
  { sessionId, jid }: { sessionId: number; jid: Jid },
): Promise<Person> {
  const asked = withoutDevice(jid)
  const address = [{ sessionId, jid: asked }]
  const canonical = (await addresses.canonical(database, address))(sessionId, asked)
  const shown = (await addresses.shown(database, address))(sessionId, asked)
  const number = (await findContact.first(database, { sessionId, jid: canonical }))?.number
  const all = [asked, canonical, shown, ...(typeof number === 'string' ? [pnOf(number)] : [])]
  const jids = [...new Set(all)].filter((each) => isLid(each) || isPn(each))
  return { sessionId, jids, digits: jids.map(userOf) }
}
