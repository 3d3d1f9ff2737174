import type { Tx } from '../platform/database/index.ts'
import { changesBy, changesInChat, keepChanges, takeChange } from './change-rows.ts'

/** What an account did to messages, and what was done in the chat with it, moves to its other address; of two under both the later stays. */
export async function moveChanges(
  tx: Tx,
  { sessionId, from, to }: { sessionId: number; from: string; to: string },
): Promise<void> {
  const inChat = await changesInChat.all(tx, { sessionId, jid: from })
  const byThem = (await changesBy.all(tx, { sessionId, jid: from })).filter((row) => row.chat_jid !== from)
  for (const place of [...inChat, ...byThem]) {
    const row = await takeChange.first(tx, place)
    if (row === undefined) continue
    const { chat_jid: chat, sender_jid: sender } = row
    await keepChanges.run(tx, [
      { ...row, chat_jid: chat === from ? to : chat, sender_jid: sender === from ? to : sender },
    ])
  }
}
