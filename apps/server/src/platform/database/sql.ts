/** What a column can hold, on both stores. */
export type SqlValue = string | number | bigint | null | Uint8Array

/** What a statement answers: its rows, or how many rows it changed. */
export interface SqlResult {
  readonly rows: readonly object[]
  /** Rows inserted, updated or deleted; the number of `rows` for a statement that answers rows. */
  readonly changes: number
}

/** Runs SQL text with bound values on one store. SQLite answers at once; PostgreSQL with a promise. */
export interface SqlRunner {
  readonly dialect: Dialect
  execute(sql: string, values: readonly unknown[]): SqlResult | Promise<SqlResult>
}

export type Dialect = 'sqlite' | 'postgres'

/**
 * The values as the driver takes them. Refuses what the stores would each treat in their own way: node:sqlite reads a leading
 * object as named parameters and shifts the others; pg turns `undefined` into NULL, dates and objects into text.
 * With `lists`, a value may be a list (PostgreSQL's arrays, for `among`).
 */
export function bindable(values: readonly unknown[], sql: string): readonly SqlValue[]
export function bindable(
  values: readonly unknown[],
  sql: string,
  options: { lists: true },
): readonly (SqlValue | readonly SqlValue[])[]
export function bindable(
  values: readonly unknown[],
  sql: string,
  { lists }: { lists: boolean } = { lists: false },
): readonly (SqlValue | readonly SqlValue[])[] {
  let replaced: (SqlValue | readonly SqlValue[])[] | undefined
  for (let i = 0; i < values.length; i++) {
    const value = values[i]
    if (typeof value === 'string') {
      if (value.includes('\0')) {
        // Everything before `i` was checked, and the rest is checked before this array is used.
        replaced ??= [...values] as SqlValue[]
        replaced[i] = value.replaceAll('\0', '\uFFFD')
      }
    } else if (typeof value === 'number') {
      if (!Number.isFinite(value) || (Number.isInteger(value) && !Number.isSafeInteger(value))) {
        throw refused(i, String(value), sql)
      }
    } else if (lists && Array.isArray(value)) {
      replaced ??= [...values] as SqlValue[]
      replaced[i] = bindable(value, sql)
    } else if (typeof value !== 'bigint' && value !== null && !(value instanceof Uint8Array)) {
      throw refused(i, typeof value === 'object' ? Object.prototype.toString.call(value) : typeof value, sql)
    }
  }
  // The loop has seen each value: it is one of SqlValue.
  return replaced ?? (values as readonly SqlValue[])
}

function refused(index: number, what: string, sql: string): TypeError {
  return new TypeError(
    `Value ${index + 1} is ${what}: bind strings, finite numbers, null or Uint8Array only (0/1 for booleans, JSON for objects). In: ${sql}`,
  )
}
