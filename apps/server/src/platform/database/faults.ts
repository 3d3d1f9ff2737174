/**
 * The store could not commit: nothing of the transaction is stored. `cause` is the driver's error.
 * One exception, by nature: a PostgreSQL connection lost during COMMIT leaves the outcome unknown, so do work again idempotently.
 */
export class StoreFault extends Error {
  override readonly name = 'StoreFault'
}

export type Violation = 'unique' | 'foreign_key' | 'not_null' | 'check'

/** Which rule of the schema a statement broke; undefined when the error is something else. */
export function violation(error: unknown): Violation | undefined {
  if (!(error instanceof Error)) return undefined
  if ('errcode' in error && typeof error.errcode === 'number') return sqliteViolations.get(error.errcode)
  if ('code' in error && typeof error.code === 'string') return postgresViolations.get(error.code)
  return undefined
}

/** Extended result codes, https://www.sqlite.org/rescode.html. */
const sqliteViolations = new Map<number, Violation>([
  [1555, 'unique'], // SQLITE_CONSTRAINT_PRIMARYKEY
  [2067, 'unique'], // SQLITE_CONSTRAINT_UNIQUE
  [2579, 'unique'], // SQLITE_CONSTRAINT_ROWID
  [787, 'foreign_key'],
  [1299, 'not_null'],
  [275, 'check'],
])

/** https://www.postgresql.org/docs/15/errcodes-appendix.html, class 23. */
const postgresViolations = new Map<string, Violation>([
  ['23505', 'unique'],
  ['23503', 'foreign_key'],
  ['23502', 'not_null'],
  ['23514', 'check'],
])
