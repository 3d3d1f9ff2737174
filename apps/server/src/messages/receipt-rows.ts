import './tables.ts'

import type { Jid } from '@inbox-hub/whatsapp'
import type { Selectable } from 'kysely'

import { insertRows, statement, type Tx } from '../platform/database/index.ts'

/** Migration 0025 says what each column means. */
interface MessageReceiptTable {
  message_id: number
  session_id: number
  jid: string
  delivered_at: number | null
  read_at: number | null
  played_at: number | null
}

declare module '../platform/database/index.ts' {
  interface Tables {
    message_receipt: MessageReceiptTable
  }
}

export type ReceiptRow = Selectable<MessageReceiptTable>

/** The first time that was told counts. */
export const putReceipts = insertRows(
  'message_receipt',
  ['message_id', 'session_id', 'jid', 'delivered_at', 'read_at', 'played_at'],
  (insert) =>
    insert.onConflict((conflict) =>
      conflict.columns(['message_id', 'jid']).doUpdateSet((eb) => ({
        delivered_at: eb.fn.coalesce('message_receipt.delivered_at', 'excluded.delivered_at'),
        read_at: eb.fn.coalesce('message_receipt.read_at', 'excluded.read_at'),
        played_at: eb.fn.coalesce('message_receipt.played_at', 'excluded.played_at'),
      })),
    ),
)

export const receiptsOf = statement((db, p: { messageId: number }) =>
  db.selectFrom('message_receipt').selectAll().where('message_id', '=', p.messageId),
)

/** All of these messages, to be put where they belong now. */
export const takeReceipts = statement((db, p: { ids: readonly number[] }, { among }) =>
  db.deleteFrom('message_receipt').where(among('message_id', p.ids)).returningAll(),
)

/** Those of some people for some messages. */
export const receiptsAmong = statement(
  (db, p: { ids: readonly number[]; jids: readonly string[] }, { among }) =>
    db
      .selectFrom('message_receipt')
      .selectAll()
      .where(among('message_id', p.ids))
      .where(among('jid', p.jids)),
)

export const removeReceipt = statement((db, p: { messageId: number; jid: string }) =>
  db.deleteFrom('message_receipt').where('message_id', '=', p.messageId).where('jid', '=', p.jid),
)

export const forgetReceipts = statement((db, p: { messageId: number }) =>
  db.deleteFrom('message_receipt').where('message_id', '=', p.messageId),
)

/** Answers 1 when it is news. */
export const markPlayed = statement((db, p: { id: number }) =>
  db.updateTable('message').set({ played: 1 }).where('id', '=', p.id).where('played', '=', 0),
)

/** Who has what, gathered over a batch of receipts and written at once. */
export class NewReceipts {
  readonly #rows = new Map<string, ReceiptRow>()

  /** `at` is Unix ms. */
  add(
    { id: messageId, session_id: sessionId }: { id: number; session_id: number },
    jid: Jid,
    status: 'delivered' | 'read' | 'played',
    at: number,
  ): void {
    const key = `${messageId} ${jid}`
    let row = this.#rows.get(key)
    if (row === undefined) {
      const nothing = { delivered_at: null, read_at: null, played_at: null }
      row = { message_id: messageId, session_id: sessionId, jid, ...nothing }
      this.#rows.set(key, row)
    }
    row[`${status}_at`] ??= at
  }

  async write(tx: Tx): Promise<void> {
    if (this.#rows.size > 0) await putReceipts.run(tx, [...this.#rows.values()])
  }
}
