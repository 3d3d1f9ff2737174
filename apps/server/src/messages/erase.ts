import './tables.ts'

import { isStatus, type Jid } from '@inbox-hub/whatsapp'

import type { Chats } from '../chats/index.ts'
import type { MessageFiles } from '../media/index.ts'
import { type Database, statement } from '../platform/database/index.ts'
import { type Addresses, inSomeGroup, pagesFrom, type Place, receiptsBy } from './of-person.ts'
import { removeReceipt } from './receipt-rows.ts'
import { newest } from './rekey-messages.ts'
import { TallyChange } from './tally.ts'
import { forgetMessages } from './unlisted.ts'

/** Rows per transaction, and per look: everybody else writes in between. */
const batch = 200

const inChat = statement((db, p: { sessionId: number; jid: string; limit: number }) =>
  db
    .selectFrom('message')
    .selectAll()
    .where('session_id', '=', p.sessionId)
    .where('chat_jid', '=', p.jid)
    .limit(p.limit),
)
const inGroups = statement((db, p: { sessionId: number; jid: string; limit: number }) =>
  db
    .selectFrom('message')
    .selectAll()
    .where('session_id', '=', p.sessionId)
    .where('sender_jid', '=', p.jid)
    .where(inSomeGroup)
    .limit(p.limit),
)
const after = statement((db, p: Place & { sessionId: number; limit: number }) =>
  db
    .selectFrom('message')
    .select(['id', 'sent_at', 'body', 'content'])
    .where('session_id', '=', p.sessionId)
    .where((eb) => eb(eb.refTuple('sent_at', 'id'), '>', eb.tuple(p.sentAt, p.id)))
    .orderBy('sent_at')
    .orderBy('id')
    .limit(p.limit),
)
export const replaceText = statement((db, p: { id: number; body: string; content: string | null }) =>
  db.updateTable('message').set({ body: p.body, content: p.content }).where('id', '=', p.id),
)

/** Removes their receipts for messages of ours; answers how many. */
export async function eraseReceiptsOf(database: Database, person: Addresses): Promise<number> {
  let erased = 0
  for await (const rows of receiptsBy(database, person)) {
    const keys = rows.map(({ message_id: messageId, jid }) => ({ messageId, jid }))
    await database.write((tx) => removeReceipt.runMany(tx, keys))
    erased += keys.length
  }
  return erased
}

interface Erasing {
  database: Database
  chats: Pick<Chats, 'hold' | 'lose'>
  files: Pick<MessageFiles, 'forget'>
}

/** Removes what somebody wrote and what was written to them, everywhere in a session, with its files; answers how many messages it was. */
export async function eraseMessagesOf(
  { database, chats, files }: Erasing,
  { sessionId, jids }: Addresses,
): Promise<number> {
  let erased = 0
  for (const jid of jids) {
    for (const theirs of [inChat, inGroups]) {
      for (;;) {
        const count = await database.write(async (tx) => {
          await chats.hold(tx, [sessionId])
          const rows = await theirs.all(tx, { sessionId, jid, limit: batch })
          const tally = new TallyChange()
          const lost = new Map<Jid, { messages: number; unread: number }>()
          for (const row of rows) {
            if (row.shown === 0) continue
            tally.add(row, -1)
            // A column that only canonical addresses are written to.
            const chat = row.chat_jid as Jid
            const { messages, unread } = lost.get(chat) ?? { messages: 0, unread: 0 }
            const wasUnread = row.from_me === 0 && row.is_read === 0
            lost.set(chat, { messages: messages + 1, unread: unread + Number(wasUnread) })
          }
          await forgetMessages(
            tx,
            rows.map(({ id }) => id),
            files,
          )
          await tally.write(tx)
          for (const [chat, loss] of lost) {
            if (isStatus(chat)) continue
            await chats.lose(tx, {
              sessionId,
              jid: chat,
              ...loss,
              last: await newest.first(tx, { sessionId, chat }),
            })
          }
          return rows.length
        })
        erased += count
        if (count < batch) break
      }
    }
  }
  return erased
}

/** Takes somebody out of what others wrote in a session: mentions of them, quotes of what they wrote, their contact cards. Answers from how many. */
export async function redactMessages(
  database: Database,
  sessionId: number,
  redact: { text: (text: string) => string; json: (json: string) => string },
): Promise<number> {
  let redacted = 0
  const page = (from: Place) => after.all(database, { sessionId, ...from, limit: batch })
  for await (const rows of pagesFrom(page, batch)) {
    const changed = rows.flatMap(({ id, body, content }) => {
      const now = { id, body: redact.text(body), content: content === null ? null : redact.json(content) }
      return now.body === body && now.content === content ? [] : [now]
    })
    if (changed.length > 0) await database.write((tx) => replaceText.runMany(tx, changed))
    redacted += changed.length
  }
  return redacted
}
