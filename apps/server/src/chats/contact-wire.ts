import type { ContactWire } from '@inbox-hub/contract'
import { isGroup, isLid, isPerson, isPn, type Jid, userOf } from '@inbox-hub/whatsapp'

import { type ContactRow, nameOf, newContact, numberOf, tagsOf } from './contacts.ts'

/** A contact as every list of the API shows it (contract §6): under its number when that is known. */
export function contactWire(row: Omit<ContactRow, 'search'>): ContactWire {
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
    imgUrl: null,
    profilePicUrl: null,
    isUser: isPerson(jid),
    isGroup: isGroup(jid),
    isWAContact: isPerson(jid),
    isMyContact: row.saved_name !== null,
    isBlocked: false,
    isBusiness: row.verified_name !== null,
    tags: [...tagsOf(row)],
    notes: row.notes,
    assignedToUserId: row.assigned_to,
  }
}

/** Somebody nothing is known about but an address that could be theirs. */
export function strangerWire(sessionId: number, jid: Jid): ContactWire {
  const contact = contactWire(newContact(sessionId, jid, isPn(jid) ? numberOf(jid) : null, {}, 0))
  return { ...contact, isWAContact: false, name: userOf(jid) }
}

/** What `info` adds: nothing of it is kept by the hub yet, so it is null. */
export function contactInfoWire(contact: ContactWire): ContactWire & {
  businessProfile: null
  status: null
  about: null
  lastSeen: null
} {
  return { ...contact, businessProfile: null, status: null, about: null, lastSeen: null }
}
