import type { QueryResult } from 'pg'

import { bindable, type SqlResult } from '../sql.ts'
import { classified } from './errors.ts'

/** A pool or one of its clients. */
interface Queryable {
  query(text: string, values?: unknown[]): Promise<QueryResult<object>>
}

/** Runs one statement. Never a named one: PgBouncer in transaction mode hands each transaction to another connection. */
export async function runOn(client: Queryable, sql: string, values: readonly unknown[]): Promise<SqlResult> {
  const bound = [...bindable(values, sql, { lists: true })]
  try {
    const { rows, rowCount } = await client.query(sql, bound)
    return { rows, changes: rowCount ?? 0 }
  } catch (error) {
    throw classified(error)
  }
}
