import './tables.ts'

import type { Jid } from '@inbox-hub/whatsapp'

import type { Chats } from '../chats/index.ts'
import type { MessageFiles } from '../media/index.ts'
import { statement, type Tx } from '../platform/database/index.ts'
import { wipeMessage } from './message-rows.ts'
import { forgetReceipts } from './receipt-rows.ts'
import { newest } from './rekey-messages.ts'
import { TallyChange } from './tally.ts'

const byId = statement((db, p: { id: number }) => db.selectFrom('message').selectAll().where('id', '=', p.id))

/** Removes a message from the hub, and what it counted for in its chat; false when it is gone already. The caller holds the session. */
export async function removeMessage(
  tx: Tx,
  id: number,
  { chats, files }: { chats: Pick<Chats, 'lose'>; files: Pick<MessageFiles, 'forget'> },
): Promise<boolean> {
  // As it is now: it may have moved to another address, or on, since it was found.
  const current = await byId.first(tx, { id })
  if (current === undefined || (await wipeMessage.run(tx, { id })) !== 1) return false
  await files.forget(tx, id)
  await forgetReceipts.run(tx, { messageId: id })
  const tally = new TallyChange()
  tally.add(current, -1)
  await tally.write(tx)
  const { session_id: sessionId } = current
  // A column that only canonical addresses are written to.
  const chat = current.chat_jid as Jid
  await chats.lose(tx, {
    sessionId,
    jid: chat,
    messages: 1,
    unread: current.from_me === 0 && current.is_read === 0 ? 1 : 0,
    last: await newest.first(tx, { sessionId, chat }),
  })
  return true
}
