import type { BinaryNode } from '../baileys.ts'
import { getBinaryNodeChildren } from '../baileys.ts'

import { isLid, isPn, type Jid } from '@inbox-hub/whatsapp'

import { addressIn } from '../journal/envelope.ts'

/** Somebody has another number now. Their LID stays; the notification names it sometimes. */
export interface NumberChange {
  from: Jid
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
