import type { Database, StatementTarget, Tx } from '../platform/database/index.ts'
import { postgresIndex } from './postgres-index.ts'
import { sqliteIndex } from './sqlite-index.ts'
import type { AnyOf } from './terms.ts'

/** A message to be found: its key (`keyOf`) and its terms. */
export interface Entry {
  key: bigint
  terms: readonly string[]
}

/** An inverted index over messages in one of the stores. It holds terms, never text. */
export interface MessageIndex {
  /** Makes the empty index, in place of what there is. */
  create(tx: Tx): Promise<void>
  /** Adds messages that are not in it. */
  add(tx: Tx, entries: readonly Entry[]): Promise<void>
  remove(tx: Tx, keys: readonly bigint[]): Promise<void>
  /** One step on the way to an index that has nothing of removed messages in it; answers whether there are more. */
  compact(tx: Tx, step: number): Promise<boolean>
  /** Keys of messages that have one of each of `all`, from `from` to below `below`, the greatest first. */
  newest(
    on: StatementTarget,
    query: { all: readonly AnyOf[]; from: bigint; below: bigint; limit: number },
  ): Promise<readonly bigint[]>
  /** Whether this failure means that the index is missing or damaged, while the messages may be well. */
  isBroken(error: unknown): boolean
}

export function messageIndexOf({ dialect }: Pick<Database, 'dialect'>): MessageIndex {
  return dialect === 'sqlite' ? sqliteIndex : postgresIndex
}
