import './tables.ts'

import { type Selectable, sql } from 'kysely'

import type { Rekeying } from '../chats/index.ts'
import { type Database, insertRows, statement, type Tx } from '../platform/database/index.ts'
import type { LabelTable, QuickReplyTable } from './tables.ts'

export type LabelRow = Selectable<LabelTable>
export type QuickReplyRow = Selectable<QuickReplyTable>

export const findLabel = statement((db, p: { sessionId: number; id: string }) =>
  db.selectFrom('label').selectAll().where('session_id', '=', p.sessionId).where('id', '=', p.id),
)
export const putLabel = insertRows(
  'label',
  ['session_id', 'id', 'name', 'color', 'predefined_id', 'updated_at'],
  (insert) =>
    insert.onConflict((conflict) =>
      conflict.columns(['session_id', 'id']).doUpdateSet((eb) => ({
        name: eb.ref('excluded.name'),
        color: eb.ref('excluded.color'),
        predefined_id: eb.ref('excluded.predefined_id'),
        updated_at: eb.ref('excluded.updated_at'),
      })),
    ),
)
const dropLabel = statement((db, p: { sessionId: number; id: string }) =>
  db.deleteFrom('label').where('session_id', '=', p.sessionId).where('id', '=', p.id),
)
const dropUses = statement((db, p: { sessionId: number; id: string }) =>
  db.deleteFrom('label_use').where('session_id', '=', p.sessionId).where('label_id', '=', p.id),
)

/** Deletes a label with all its uses; answers whether there was one. */
export async function deleteLabel(tx: Tx, sessionId: number, id: string): Promise<boolean> {
  await dropUses.run(tx, { sessionId, id })
  return (await dropLabel.run(tx, { sessionId, id })) > 0
}

interface Use {
  sessionId: number
  label: string
  chat: string
  /** '' for the chat itself. */
  whatsappId: string
}

const findUse = statement((db, p: Use) =>
  db
    .selectFrom('label_use')
    .select('label_id')
    .where('session_id', '=', p.sessionId)
    .where('label_id', '=', p.label)
    .where('chat_jid', '=', p.chat)
    .where('whatsapp_id', '=', p.whatsappId),
)
const addUse = insertRows(
  'label_use',
  ['session_id', 'label_id', 'chat_jid', 'whatsapp_id', 'used_at'],
  (insert) => insert.onConflict((conflict) => conflict.doNothing()),
)
const dropUse = statement((db, p: Use) =>
  db
    .deleteFrom('label_use')
    .where('session_id', '=', p.sessionId)
    .where('label_id', '=', p.label)
    .where('chat_jid', '=', p.chat)
    .where('whatsapp_id', '=', p.whatsappId),
)

/** Puts a label on a chat or a message, or takes it off; answers whether that changed anything. */
export async function useLabel(tx: Tx, use: Use, labelled: boolean, at: number): Promise<boolean> {
  if (!labelled) return (await dropUse.run(tx, use)) > 0
  if ((await findUse.first(tx, use)) !== undefined) return false
  const { sessionId, label, chat, whatsappId } = use
  await addUse.run(tx, [
    { session_id: sessionId, label_id: label, chat_jid: chat, whatsapp_id: whatsappId, used_at: at },
  ])
  return true
}

const usesIn = statement((db, p: { sessionId: number; chat: string }) =>
  db.selectFrom('label_use').selectAll().where('session_id', '=', p.sessionId).where('chat_jid', '=', p.chat),
)
const dropUsesIn = statement((db, p: { sessionId: number; chat: string }) =>
  db.deleteFrom('label_use').where('session_id', '=', p.sessionId).where('chat_jid', '=', p.chat),
)

/** Moves what is labelled in one chat to its other address. */
export async function moveUses(tx: Tx, { sessionId, from, to }: Rekeying): Promise<void> {
  const uses = await usesIn.all(tx, { sessionId, chat: from })
  if (uses.length === 0) return
  await addUse.run(
    tx,
    uses.map((use) => ({ ...use, chat_jid: to })),
  )
  await dropUsesIn.run(tx, { sessionId, chat: from })
}

export const findQuickReply = statement((db, p: { sessionId: number; id: string }) =>
  db.selectFrom('quick_reply').selectAll().where('session_id', '=', p.sessionId).where('id', '=', p.id),
)
export const putQuickReply = insertRows(
  'quick_reply',
  ['session_id', 'id', 'shortcut', 'text', 'keywords', 'updated_at'],
  (insert) =>
    insert.onConflict((conflict) =>
      conflict.columns(['session_id', 'id']).doUpdateSet((eb) => ({
        shortcut: eb.ref('excluded.shortcut'),
        text: eb.ref('excluded.text'),
        keywords: eb.ref('excluded.keywords'),
        updated_at: eb.ref('excluded.updated_at'),
      })),
    ),
)
export const dropQuickReply = statement((db, p: { sessionId: number; id: string }) =>
  db.deleteFrom('quick_reply').where('session_id', '=', p.sessionId).where('id', '=', p.id),
)

export function keywordsOf(row: Pick<QuickReplyRow, 'keywords'> | undefined): readonly string[] {
  // Only this folder writes the column, always from string[].
  return row === undefined ? [] : (JSON.parse(row.keywords) as string[])
}

export async function purgeLabels(tx: Tx, sessionId: number): Promise<void> {
  for (const table of ['label_use', 'label', 'quick_reply'] as const)
    await tx.db.deleteFrom(table).where('session_id', '=', sessionId).execute()
}

/** A label, and how much it is on. */
export type CountedLabel = LabelRow & { chats: number; messages: number }

/** Reads labels and texts from the store. */
export interface LabelList {
  labels(sessionId: number): Promise<readonly CountedLabel[]>
  /** Ids of the messages with a label, by chat, the last labelled first; and how many there are. */
  messages(
    sessionId: number,
    label: string,
    limit: number,
    offset: number,
  ): Promise<{ uses: readonly { chat_jid: string; whatsapp_id: string }[]; total: number }>
  quickReplies(sessionId: number): Promise<readonly QuickReplyRow[]>
}

export function createLabelList({ read }: Pick<Database, 'read'>): LabelList {
  return {
    async labels(sessionId) {
      const [labels, counts] = await Promise.all([
        read.selectFrom('label').selectAll().where('session_id', '=', sessionId).execute(),
        read
          .selectFrom('label_use')
          .select(['label_id', sql<number>`case when whatsapp_id = '' then 1 else 0 end`.as('is_chat')])
          .select(({ fn }) => fn.countAll<number>().as('count'))
          .where('session_id', '=', sessionId)
          .groupBy(['label_id', sql`case when whatsapp_id = '' then 1 else 0 end`])
          .execute(),
      ])
      const count = (id: string, isChat: number): number =>
        counts.find((row) => row.label_id === id && row.is_chat === isChat)?.count ?? 0
      return labels
        .map((label) => ({ ...label, chats: count(label.id, 1), messages: count(label.id, 0) }))
        .sort((left, right) => Number(left.id) - Number(right.id) || (left.id < right.id ? -1 : 1))
    },
    async messages(sessionId, label, limit, offset) {
      const uses = read
        .selectFrom('label_use')
        .where('session_id', '=', sessionId)
        .where('label_id', '=', label)
        .where('whatsapp_id', '<>', '')
      const [page, counted] = await Promise.all([
        uses
          .select(['chat_jid', 'whatsapp_id'])
          .orderBy('used_at', 'desc')
          .orderBy('whatsapp_id')
          .limit(limit)
          .offset(offset)
          .execute(),
        uses.select(({ fn }) => fn.countAll<number>().as('count')).executeTakeFirst(),
      ])
      return { uses: page, total: counted?.count ?? 0 }
    },
    quickReplies: (sessionId) =>
      read
        .selectFrom('quick_reply')
        .selectAll()
        .where('session_id', '=', sessionId)
        .orderBy('shortcut')
        .orderBy('id')
        .execute(),
  }
}
