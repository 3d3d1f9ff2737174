import type { Jid, OwnDeed } from '@inbox-hub/whatsapp'

import { statement, type Tx } from '../platform/database/index.ts'
import type { MessageChangeRow, StoredDeed } from './change-rows.ts'
import { applyChangeRows, type ChangeDeps } from './changes.ts'
import { isDeed, sentContentOf } from './content.ts'
import type { MessageRow } from './message-rows.ts'

const byId = statement((db, p: { id: number }) => db.selectFrom('message').selectAll().where('id', '=', p.id))

/**
 * Does to a message what we asked WhatsApp to do to it, once WhatsApp has taken it: until then it does not show, and of what failed nothing
 * ever does. `id` is the number of the deed's own row, which no list shows.
 */
export async function applyOwnDeed(
  tx: Tx,
  id: number,
  now: number,
  deps: Omit<ChangeDeps, 'canonical'>,
): Promise<void> {
  const row = await byId.first(tx, { id })
  if (row === undefined || row.content === null) return
  const content = sentContentOf(row)
  if (!isDeed(content)) return
  const { session_id: sessionId } = row
  const { author } = content.target
  // Columns that only canonical addresses are written to.
  const addresses = [row.chat_jid as Jid, author].map((jid) => ({ sessionId, jid }))
  const canonical = await deps.chats.addresses.canonical(tx, addresses)
  await applyChangeRows(tx, [changeRowOf(row, content, canonical(sessionId, author))], now, {
    ...deps,
    canonical,
  })
}

function changeRowOf(row: MessageRow, deed: OwnDeed, author: Jid): MessageChangeRow {
  const { target } = deed
  return {
    session_id: row.session_id,
    target_id: target.id,
    chat_jid: row.chat_jid,
    sender_jid: '',
    kind: deed.kind,
    author_jid: target.fromMe ? '' : author,
    by_admin: deed.kind === 'revoke' && !target.fromMe ? 1 : 0,
    whatsapp_id: row.whatsapp_id,
    value: JSON.stringify(storedDeed(deed)),
    changed_at: deed.at,
    message_id: null,
  }
}

/** Without the secret of the poll, which stays with the poll. */
function storedDeed(deed: OwnDeed): StoredDeed {
  switch (deed.kind) {
    case 'reaction':
      return { kind: 'reaction', emoji: deed.emoji }
    case 'edit':
      return { kind: 'edit', text: deed.text, mentions: deed.mentions }
    case 'revoke':
      return { kind: 'revoke' }
    case 'pin':
      return { kind: 'pin', pinned: deed.pinned, forS: deed.forS }
    case 'keep':
      return { kind: 'keep', kept: deed.kept }
    case 'vote':
      break
  }
  return { kind: 'vote', chosen: deed.chosen }
}
