import { type Jid, sameAccount, withoutDevice } from '@inbox-hub/whatsapp'

/** The addresses of a session's own account, as far as they are known. */
export interface Own {
  pn: Jid | undefined
  lid: Jid | undefined
}

/** Whether `jid` is the account itself, whichever of its devices. */
export function isOwn({ pn, lid }: Own, jid: Jid): boolean {
  return (pn !== undefined && sameAccount(pn, jid)) || (lid !== undefined && sameAccount(lid, jid))
}

/** Its address for the world: the number when known, without device. */
export function ownAddress({ pn, lid }: Own): Jid | undefined {
  const jid = pn ?? lid
  return jid === undefined ? undefined : withoutDevice(jid)
}
