import './tables.ts'

import type { Jid, MessageContent } from '@inbox-hub/whatsapp'

import type { MessageFiles } from '../media/index.ts'
import { nextIntegers, statement, type Tx } from '../platform/database/index.ts'
import { storedContent, withoutThumbnail } from './content.ts'
import { insertMessages, type MessageRow, outgoingRow } from './message-rows.ts'

/** A message of others that stands on a page of its own, as those of newsletters do. Times are Unix ms. */
export interface Unlisted {
  sessionId: number
  chat: Jid
  whatsappId: string
  content: MessageContent
  sentAt: number
}

/** Keeps a message that no list shows, so that its file can be fetched; answers it, or undefined when there is one already. */
export async function keepUnlisted(
  tx: Tx,
  { sessionId, chat, whatsappId, content, sentAt }: Unlisted,
  now: number,
  files: Pick<MessageFiles, 'arrived'>,
): Promise<MessageRow | undefined> {
  const [id = Number.NaN] = await nextIntegers(tx, 'message', 1)
  const row: MessageRow = {
    ...outgoingRow(
      { id, sessionId, chat, whatsappId, now: sentAt },
      storedContent(withoutThumbnail(content)),
    ),
    sender_jid: chat,
    from_me: 0,
    status: 'received',
    via_hub: 0,
    shown: 0,
    stored_at: now,
  }
  if ((await insertMessages.run(tx, [row])).length === 0) return undefined
  await files.arrived(tx, [{ messageId: id, sessionId, content, shown: false }])
  return row
}

const removeChanges = statement((db, p: { ids: readonly number[] }, { among }) =>
  db.deleteFrom('message_change').where(among('message_id', p.ids)),
)
const removeMessages = statement((db, p: { ids: readonly number[] }, { among }) =>
  db.deleteFrom('message').where(among('id', p.ids)),
)

/** Removes messages that no list shows, with what was done to them and their files. */
export async function forgetMessages(
  tx: Tx,
  ids: readonly number[],
  files: Pick<MessageFiles, 'forget'>,
): Promise<void> {
  for (const id of ids) await files.forget(tx, id)
  await removeChanges.run(tx, { ids })
  await removeMessages.run(tx, { ids })
}
