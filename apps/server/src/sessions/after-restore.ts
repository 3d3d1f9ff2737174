import './baileys/tables.ts'
import './tables.ts'

import { tryParseJid, userOf } from '@inbox-hub/whatsapp'

import type { Tx } from '../platform/database/index.ts'

/** Further than any hub counts between two backups: numbers given out since the backup must not be given out again. */
const skipped = { session: 1000, message: 10_000_000, event: 10_000_000 } as const

/**
 * Makes a store that was restored from a backup safe to work with. WhatsApp and its contacts have seen what the hub did after the backup
 * was made; going on from there would use ratchet keys a second time, which breaks the secrecy of messages and is refused by phones.
 * Forgets Signal sessions and our own sender keys, which are made anew with the next message; the identity stays, so no phone has to be
 * linked again. Takes leases away from whoever had them, and goes on counting beyond what was given out. Answers how many sessions it met.
 */
export async function afterRestore(tx: Tx): Promise<number> {
  for (const [name, by] of Object.entries(skipped)) {
    await tx.db
      .updateTable('counter')
      .set((eb) => ({ value: eb('value', '+', by) }))
      .where('name', '=', name)
      .execute()
  }
  await tx.db
    .updateTable('session_lease')
    .set((eb) => ({ epoch: eb('epoch', '+', 1), owner: null, expires_at: 0 }))
    .execute()
  await tx.db
    .deleteFrom('signal_key')
    .where('type', 'in', ['session', 'sender-key-memory', 'device-list'])
    .execute()
  const sessions = await tx.db.selectFrom('session').select(['id', 'me_pn', 'me_lid']).execute()
  for (const { id, me_pn, me_lid } of sessions) {
    for (const own of [me_pn, me_lid]) {
      const jid = own === null ? undefined : tryParseJid(own)
      if (jid === undefined) continue
      // `<group>::<user>::<device>`, the user with `_1` behind it when it is a LID (baileys lib/Signal/Group/sender-key-name.js).
      await tx.db
        .deleteFrom('signal_key')
        .where('session_id', '=', id)
        .where('type', '=', 'sender-key')
        .where((eb) =>
          eb.or([eb('id', 'like', `%::${userOf(jid)}::%`), eb('id', 'like', `%::${userOf(jid)}__::%`)]),
        )
        .execute()
    }
  }
  return sessions.length
}
