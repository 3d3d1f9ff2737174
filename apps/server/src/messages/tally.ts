import './tables.ts'

import { insertRows, type Tx } from '../platform/database/index.ts'
import type { MessageStatus } from './tables.ts'

/** What a message counts as. */
export interface Counted {
  session_id: number
  from_me: number
  type: string
  status: MessageStatus
  sent_at: number
}

export const dayMs = 86_400_000
export const dayOf = (unixMs: number): number => Math.floor(unixMs / dayMs)

const add = insertRows(
  'message_tally',
  ['session_id', 'day', 'from_me', 'type', 'status', 'messages'],
  (insert) =>
    insert.onConflict((conflict) =>
      conflict
        .columns(['session_id', 'day', 'from_me', 'type', 'status'])
        .doUpdateSet((eb) => ({ messages: eb('message_tally.messages', '+', eb.ref('excluded.messages')) })),
    ),
)

/** Gathers what a transaction does to the counts of shown messages, so that each count is written once. */
export class TallyChange {
  readonly #deltas = new Map<
    string,
    {
      session_id: number
      day: number
      from_me: number
      type: string
      status: MessageStatus
      messages: number
    }
  >()

  add({ session_id, from_me, type, status, sent_at }: Counted, by = 1): void {
    const day = dayOf(sent_at)
    const key = `${session_id} ${day} ${from_me} ${type} ${status}`
    const delta = this.#deltas.get(key)
    if (delta === undefined) this.#deltas.set(key, { session_id, day, from_me, type, status, messages: by })
    else delta.messages += by
  }

  /** A message went from one status to another. One that is not shown is not counted. */
  move(message: Omit<Counted, 'status'> & { shown: number }, from: MessageStatus, to: MessageStatus): void {
    if (message.shown === 0) return
    this.add({ ...message, status: from }, -1)
    this.add({ ...message, status: to })
  }

  /** In the order of the key, so that two writers on PostgreSQL meet in the same order. */
  async write(tx: Tx): Promise<void> {
    const rows = [...this.#deltas].filter(([, { messages }]) => messages !== 0)
    rows.sort(([left], [right]) => (left < right ? -1 : 1))
    await add.run(
      tx,
      rows.map(([, row]) => row),
    )
  }
}
