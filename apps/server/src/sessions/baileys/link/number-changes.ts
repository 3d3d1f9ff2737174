import type { BinaryNode } from '../baileys.ts'
import { getBinaryNodeChild, getBinaryNodeChildren } from '../baileys.ts'

import { isLid, isPn, type Jid } from '@inbox-hub/whatsapp'

import { addressIn } from '../journal/envelope.ts'

/** Somebody has another number now. Their LID stays; the notification names it sometimes. */
export interface NumberChange {
  from: Jid | undefined
  to: Jid
  lid: Jid | undefined
}

/** What a `contacts` notification says of changed numbers: `<modify old="…" new="…" new_lid="…"/>`. */
export function numberChangesIn(notification: BinaryNode): readonly NumberChange[] {
  return getBinaryNodeChildren(notification, 'modify').flatMap(({ attrs }) => {
    const from = addressIn(attrs, 'old')
    const to = addressIn(attrs, 'new')
    const lid = addressIn(attrs, 'new_lid') ?? addressIn(attrs, 'old_lid')
    if (from === undefined || to === undefined || !isPn(from) || !isPn(to)) return []
    return [{ from, to, lid: lid !== undefined && isLid(lid) ? lid : undefined }]
  })
}

/**
 * The same as a group is told of it: `<modify>` with the old address, the new one is who the notification is of. Pure. Source: baileys
 * Socket/messages-recv.js (`GROUP_PARTICIPANT_CHANGE_NUMBER`).
 */
export function groupNumberChangesIn(notification: BinaryNode): readonly NumberChange[] {
  const modify = getBinaryNodeChild(notification, 'modify')
  if (modify === undefined) return []
  const names = ['participant', 'participant_pn', 'participant_lid']
  const now = names.map((name) => addressIn(notification.attrs, name))
  const before = getBinaryNodeChildren(modify, 'participant').flatMap(({ attrs }) =>
    ['jid', 'phone_number', 'lid'].map((name) => addressIn(attrs, name)),
  )
  const pnIn = (some: readonly (Jid | undefined)[]) => some.find((jid) => jid !== undefined && isPn(jid))
  const lid = [...now, ...before].find((jid) => jid !== undefined && isLid(jid))
  const [from, to] = [pnIn(before), pnIn(now)]
  return to === undefined || from === to ? [] : [{ from, to, lid }]
}
