import { isPerson, tryParseJid, withoutDevice } from '@inbox-hub/whatsapp'

import type { Acquaintance } from '../acquaintances.ts'

/** What one contact of history or of the address book tells; undefined when it tells nothing. */
export function factOf(
  sessionId: number,
  contact: Partial<Record<'id' | 'notify' | 'name' | 'verifiedName' | 'username', string | null | undefined>>,
): Acquaintance | undefined {
  const jid = tryParseJid(contact.id ?? '')
  if (jid === undefined || !isPerson(jid)) return undefined
  const names = {
    ...(contact.notify && { pushName: contact.notify }),
    ...(contact.name && { savedName: contact.name }),
    ...(contact.verifiedName && { verifiedName: contact.verifiedName }),
    ...(contact.username && { username: contact.username }),
  }
  if (Object.keys(names).length === 0) return undefined
  return { type: 'contact', sessionId, jid: withoutDevice(jid), ...names }
}
