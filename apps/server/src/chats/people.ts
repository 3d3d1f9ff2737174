import { isLid, isPn, type Jid, tryParseJid } from '@inbox-hub/whatsapp'

import type { Database, Tx } from '../platform/database/index.ts'
import type { GroupPerson } from '../sessions/baileys/index.ts'
import type { Chats } from './index.ts'

/** Somebody as the API shows them. */
export interface ShownPerson {
  /** By number when it is known. */
  id: Jid
  lid: Jid | null
}

/** How to show each of `people`: by what was told of them, else by what we learnt elsewhere. */
export async function showPeople(
  on: Tx | Pick<Database, 'sql'>,
  { addresses }: Pick<Chats, 'addresses'>,
  sessionId: number,
  people: readonly GroupPerson[],
): Promise<(person: GroupPerson) => ShownPerson> {
  const half = people.filter(({ alt }) => alt === undefined).map(({ jid }) => ({ sessionId, jid }))
  const [shown, canonical] = await Promise.all([addresses.shown(on, half), addresses.canonical(on, half)])
  return ({ jid, alt }) => {
    if (isLid(jid)) return { id: alt ?? shown(sessionId, jid), lid: jid }
    const lid = alt ?? canonical(sessionId, jid)
    return { id: jid, lid: isLid(lid) ? lid : null }
  }
}

/** The person in two columns of a row, which only addresses are written to; undefined when they are empty. */
export function personOf(jid: string | null, alt: string | null): GroupPerson | undefined {
  const parsed = jid === null ? undefined : tryParseJid(jid)
  return parsed && { jid: parsed, alt: alt === null ? undefined : tryParseJid(alt) }
}

/** The address to add somebody under: WhatsApp finds people by their number in groups of either addressing. */
export function byNumber({ jid, alt }: GroupPerson): Jid {
  return alt !== undefined && isPn(alt) ? alt : jid
}
