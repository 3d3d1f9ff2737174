import type { ContactWire } from '@inbox-hub/contract'
import { isGroup, isLid, isPerson, isPn, type Jid, userOf } from '@inbox-hub/whatsapp'

import { type ContactRow, nameOf, newContact, numberOf, tagsOf } from './contacts.ts'

/** What is known of somebody beside their names. `isBusiness` undefined: nobody asked. */
export interface ContactExtras {
  pictureUrl: string | null
  isBlocked: boolean
  isBusiness: boolean | undefined
  about: string | null
  /** ISO 8601. */
  lastSeen: string | null
  businessProfile: { description: string | null; website: string | null; email: string | null } | null
}

/** Reads that for people of one session, by canonical address; links begin with `baseUrl`. */
export type ExtrasOf = (
  sessionId: number,
  jids: readonly string[],
  baseUrl: string,
) => Promise<(jid: string) => ContactExtras>

/** A contact as every list of the API shows it (contract §6): under its number when that is known. */
export function contactWire(
  row: Omit<ContactRow, 'search'>,
  extras: (jid: string) => ContactExtras,
): ContactWire {
  const { pictureUrl, isBlocked, isBusiness } = extras(row.jid)
  // A column that only canonical addresses are written to.
  const jid = row.jid as Jid
  const id = row.number === null ? jid : `${row.number}@s.whatsapp.net`
  const number = row.number ?? ''
  return {
    id,
    jid: id,
    lid: isLid(jid) ? jid : null,
    name: nameOf(row),
    verifiedName: row.verified_name,
    username: row.username,
    notify: row.push_name,
    pushname: row.push_name,
    number,
    phone: number,
    phoneNumber: number,
    imgUrl: pictureUrl,
    profilePicUrl: pictureUrl,
    isUser: isPerson(jid),
    isGroup: isGroup(jid),
    isWAContact: isPerson(jid),
    isMyContact: row.saved_name !== null,
    isBlocked,
    isBusiness: isBusiness ?? row.verified_name !== null,
    tags: [...tagsOf(row)],
    notes: row.notes,
    assignedToUserId: row.assigned_to,
  }
}

/** Somebody nothing is known about but an address that could be theirs. */
export function strangerWire(
  sessionId: number,
  jid: Jid,
  extras: (jid: string) => ContactExtras,
): ContactWire {
  const contact = contactWire(newContact(sessionId, jid, isPn(jid) ? numberOf(jid) : null, {}, 0), extras)
  return { ...contact, isWAContact: false, name: userOf(jid) }
}

/** What `info` adds. */
export function contactInfoWire(
  contact: ContactWire,
  { about, lastSeen, businessProfile }: ContactExtras,
): ContactWire & Pick<ContactExtras, 'about' | 'lastSeen' | 'businessProfile'> & { status: string | null } {
  return { ...contact, businessProfile, status: about, about, lastSeen }
}
