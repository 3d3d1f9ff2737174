import '../tables.ts'

import {
  chosenBy,
  isPerson,
  type Jid,
  longestChoice,
  type MenuOption,
  type MessageContent,
} from '@inbox-hub/whatsapp'

import { insertRows, statement, type Tx } from '../../platform/database/index.ts'
import type { JournalEntry } from '../../sessions/baileys/index.ts'
import { contentOf } from '../content.ts'
import type { MessageRow } from '../message-rows.ts'

type MessageEntry = Extract<JournalEntry, { kind: 'message' | 'undecryptable' }>

/** A menu is answered within this time, or not any more. */
export const openForMs = 3 * 86_400_000
/** Chats with open menus that are remembered of a session; with more of them the store is asked for each short text. */
const remembered = 20_000

/**
 * Menus that went out as numbered text and still wait for a choice: the newest of each chat with a person, until something else is sent to
 * that chat. A received message costs nothing where no menu is open.
 */
export interface Menus {
  /** A message of ours is stored: it is the chat's menu from now on, or ends the one that was open. */
  sent(tx: Tx, row: MessageRow): Promise<void>
  /** Messages as they came, where one is the choice of an option with that option. */
  answered(
    tx: Tx,
    entries: readonly MessageEntry[],
    canonical: (sessionId: number, jid: Jid) => Jid,
  ): Promise<readonly MessageEntry[]>
  /** A chat has another address. */
  move(tx: Tx, move: { sessionId: number; from: Jid; to: Jid }): Promise<void>
  /** Forgets what is remembered of a session, which another process may have had. */
  forget(sessionId: number): void
}

const open = insertRows(
  'open_menu',
  ['session_id', 'chat_jid', 'whatsapp_id', 'options', 'kind', 'sent_at'],
  (insert) =>
    insert.onConflict((conflict) =>
      conflict.columns(['session_id', 'chat_jid']).doUpdateSet((eb) => ({
        whatsapp_id: eb.ref('excluded.whatsapp_id'),
        options: eb.ref('excluded.options'),
        kind: eb.ref('excluded.kind'),
        sent_at: eb.ref('excluded.sent_at'),
      })),
    ),
)
type In = { sessionId: number; chat: string }
const close = statement((db, p: In) =>
  db.deleteFrom('open_menu').where('session_id', '=', p.sessionId).where('chat_jid', '=', p.chat),
)
const take = statement((db, p: In) =>
  db
    .deleteFrom('open_menu')
    .where('session_id', '=', p.sessionId)
    .where('chat_jid', '=', p.chat)
    .returningAll(),
)
const find = statement((db, p: In) =>
  db.selectFrom('open_menu').selectAll().where('session_id', '=', p.sessionId).where('chat_jid', '=', p.chat),
)
const chatsWith = statement((db, p: { sessionId: number; limit: number }) =>
  db.selectFrom('open_menu').select('chat_jid').where('session_id', '=', p.sessionId).limit(p.limit),
)
const sweep = statement((db, p: { before: number }) =>
  db.deleteFrom('open_menu').where('sent_at', '<', p.before),
)

/** Forgets menus that nobody will answer any more. */
export async function sweepMenus(tx: Tx, now: number): Promise<void> {
  await sweep.run(tx, { before: now - openForMs })
}

export function createMenus(): Menus {
  /** Chats with an open menu, of each session that was asked about; 'many': more than are remembered. */
  const known = new Map<number, Set<string> | 'many'>()

  async function chatsOf(tx: Tx, sessionId: number): Promise<Set<string> | 'many'> {
    const chats = known.get(sessionId)
    if (chats !== undefined) return chats
    const rows = await chatsWith.all(tx, { sessionId, limit: remembered + 1 })
    const read = rows.length > remembered ? 'many' : new Set(rows.map(({ chat_jid: chat }) => chat))
    // Somebody else may have asked meanwhile, and a menu been opened since.
    const meanwhile = known.get(sessionId)
    if (meanwhile !== undefined) return meanwhile
    known.set(sessionId, read)
    return read
  }

  function remember(sessionId: number, chat: string): void {
    const chats = known.get(sessionId)
    if (chats === undefined || chats === 'many') return
    chats.add(chat)
    if (chats.size > remembered) known.set(sessionId, 'many')
  }

  return {
    async sent(tx, row) {
      const { session_id: sessionId, chat_jid: chat } = row
      if (row.type === 'list' || row.type === 'buttons') {
        const content = contentOf(row)
        if (!('options' in content) || content.numbered !== true) return
        // Before it is committed: what is not there after all is looked for in vain, once.
        remember(sessionId, chat)
        await open.run(tx, [
          {
            session_id: sessionId,
            chat_jid: chat,
            whatsapp_id: row.whatsapp_id,
            options: JSON.stringify(content.options),
            kind: row.type,
            sent_at: row.sent_at,
          },
        ])
        return
      }
      const chats = known.get(sessionId)
      if (chats === undefined || (chats !== 'many' && !chats.has(chat))) return
      await close.run(tx, { sessionId, chat })
      if (chats !== 'many') tx.afterCommit(() => void chats.delete(chat))
    },
    async answered(tx, entries, canonical) {
      const made: MessageEntry[] = []
      for (const entry of entries) {
        const { sessionId } = entry
        const chat = canonical(sessionId, entry.chat)
        const isAnswer = isPerson(chat) && entry.kind === 'message' && mayChoose(entry)
        const chats = isAnswer ? (known.get(sessionId) ?? (await chatsOf(tx, sessionId))) : undefined
        if (chats === undefined || (chats !== 'many' && !chats.has(chat))) made.push(entry)
        else made.push(await withChoice(tx, entry, chat))
      }
      return made
    },
    async move(tx, { sessionId, from, to }) {
      const [moved] = await take.all(tx, { sessionId, chat: from })
      if (moved === undefined) return
      await open.run(tx, [{ ...moved, chat_jid: to }])
      remember(sessionId, to)
    },
    forget: (sessionId) => void known.delete(sessionId),
  }
}

/** Whether it is short enough, and no answer to something else: that is seen later. */
function mayChoose(entry: Extract<MessageEntry, { kind: 'message' }>): boolean {
  const { content, fromMe } = entry
  return !fromMe && content.kind === 'text' && content.text.length <= longestChoice
}

async function withChoice(tx: Tx, entry: MessageEntry, chat: Jid): Promise<MessageEntry> {
  if (entry.kind === 'undecryptable' || entry.content.kind !== 'text') return entry
  const { text, quoted } = entry.content
  const menu = await find.first(tx, { sessionId: entry.sessionId, chat })
  if (menu === undefined || entry.sentAt > menu.sent_at + openForMs) return entry
  if (quoted !== undefined && quoted.id !== menu.whatsapp_id) return entry
  // Only `sent` writes this column.
  const option = chosenBy(text, JSON.parse(menu.options) as MenuOption[])
  if (option === undefined) return entry
  const { id, title, description } = option
  const choice = { id, title, ...(description !== undefined && { description }), menuId: menu.whatsapp_id }
  const content: MessageContent = { ...entry.content, choice }
  return { ...entry, content }
}
