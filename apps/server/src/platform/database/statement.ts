import {
  type Compilable,
  type Expression,
  type Insertable,
  type InsertQueryBuilder,
  type InsertResult,
  type Kysely,
  sql,
  type SqlBool,
} from 'kysely'

import type { Tables } from './index.ts'
import { compilers } from './kysely.ts'
import type { Dialect, SqlResult, SqlRunner } from './sql.ts'

/** Where a statement runs: a `Tx`, or the `Database` itself for reading committed data. */
export interface StatementTarget {
  readonly sql: SqlRunner
}

/** A query built and compiled once per store, run many times with other values: a tenth of the cost of building it. */
export interface Statement<Params extends object, Row> {
  all(on: StatementTarget, params: Params): Promise<readonly Row[]>
  first(on: StatementTarget, params: Params): Promise<Row | undefined>
  /** Answers how many rows were inserted, updated or deleted. */
  run(on: StatementTarget, params: Params): Promise<number>
  /** Runs once per element, in order, as cheaply as the store can; answers how many rows changed in all. */
  runMany(on: StatementTarget, list: readonly Params[]): Promise<number>
}

export interface StatementTools {
  /** For the little that SQL itself does not share: row locks, the server's clock. */
  readonly dialect: Dialect
  /** `column` is one of the values of a list parameter, of any length. */
  readonly among: (column: string, list: readonly (string | number)[]) => Expression<SqlBool>
  /** The same for two columns of integers at once. */
  readonly amongPairs: (
    columns: readonly [string, string],
    list: readonly (readonly [number, number])[],
  ) => Expression<SqlBool>
}

/**
 * Declares a query whose values come later. `build` runs once per store, with placeholders in `p`: put them only where Kysely takes a
 * value (their types say what they will be). Used in a JavaScript expression (`p.limit + 1`) they throw.
 */
export function statement<Params extends object, Row>(
  build: (db: Kysely<Tables>, p: Params, tools: StatementTools) => Compilable<Row>,
): Statement<Params, Row> {
  const templates: Partial<Record<Dialect, Template>> = {}
  const templateOf = (dialect: Dialect) =>
    (templates[dialect] ??= template(
      // Whatever names Params has, there is a placeholder for each; `fill` puts the values in their places.
      build(compilers[dialect], placeholders(0) as Params, toolsOf(dialect)),
    ))

  const execute = (runner: SqlRunner, params: Params): SqlResult | Promise<SqlResult> => {
    const { text, slots } = templateOf(runner.dialect)
    return runner.execute(text, fill(slots, [params]))
  }
  // The rows have the shape the query selects, which is what Kysely inferred as Row.
  const rowsOf = (result: SqlResult) => result.rows as readonly Row[]
  return {
    all: async (on, params) => rowsOf(await execute(on.sql, params)),
    first: async (on, params) => rowsOf(await execute(on.sql, params))[0],
    run: async (on, params) => (await execute(on.sql, params)).changes,
    async runMany(on, list) {
      // On PostgreSQL all are on the wire before the first answer arrives.
      const results = await answered(list.map((params) => execute(on.sql, params)))
      return results.reduce((sum, result) => sum + result.changes, 0)
    },
  }
}

/** Inserts any number of rows into one table. */
export interface RowInsert<Row extends object, Answer> {
  /** Answers what `returning` names, for the rows that were inserted, in no promised order. */
  run(on: StatementTarget, rows: readonly Row[]): Promise<readonly Answer[]>
}

/**
 * Declares an insert of many rows. `finish` adds the rest of the query:
 * `insertRows('event', ['seq', 'id'], (insert) => insert.onConflict((c) => c.column('id').doNothing()).returning('seq'))`.
 */
export function insertRows<
  Table extends keyof Tables,
  Column extends keyof Insertable<Tables[Table]> & string,
  Answer = InsertResult,
>(
  table: Table,
  columns: readonly Column[],
  finish?: (insert: InsertQueryBuilder<Tables, Table, InsertResult>) => Compilable<Answer>,
): RowInsert<Pick<Insertable<Tables[Table]>, Column>, Answer> {
  type Row = Pick<Insertable<Tables[Table]>, Column>
  const templates = { sqlite: new Map<number, Template>(), postgres: new Map<number, Template>() }

  function templateOf(dialect: Dialect, count: number): Template {
    const known = templates[dialect].get(count)
    if (known !== undefined) return known
    const rows = Array.from({ length: count }, (_, row) => {
      // Exactly `columns`, each with a placeholder that stands for the type Kysely wants there.
      return Object.fromEntries(columns.map((name) => [name, new Placeholder(name, row)])) as Insertable<
        Tables[Table]
      >
    })
    const insert = compilers[dialect].insertInto<Table>(table).values(rows)
    const made = template(finish === undefined ? insert : finish(insert))
    templates[dialect].set(count, made)
    return made
  }

  return {
    async run(on, rows) {
      const answers: Answer[] = []
      const { dialect } = on.sql
      const results: (SqlResult | Promise<SqlResult>)[] = []
      for (let from = 0; from < rows.length;) {
        const count = chunkSize(rows.length - from)
        const { text, slots } = templateOf(dialect, count)
        results.push(on.sql.execute(text, fill(slots, rows satisfies readonly Row[], from)))
        from += count
      }
      for (const { rows: found } of await answered(results)) {
        // The shape `returning` selects, which Kysely inferred as Answer.
        for (const row of found) answers.push(row as Answer)
      }
      return answers
    },
  }
}

/** Few sizes, so that few texts are compiled and cached: the largest power of two that fits, at most 64. */
function chunkSize(left: number): number {
  return left >= 64 ? 64 : 2 ** Math.floor(Math.log2(left))
}

/** Stands in a query for a value that comes with each run. */
class Placeholder {
  readonly name: string
  readonly row: number
  /** The list travels as one JSON text. */
  readonly asJson: boolean
  constructor(name: string, row: number, asJson = false) {
    this.name = name
    this.row = row
    this.asJson = asJson
  }
  [Symbol.toPrimitive](): never {
    throw new TypeError(`${this.name} is a placeholder: its value is not known while the statement is built.`)
  }
}

/** Answers a placeholder for whatever name is asked. */
function placeholders(row: number): object {
  return new Proxy({}, { get: (_, name) => new Placeholder(String(name), row) })
}

function toolsOf(dialect: Dialect): StatementTools {
  return {
    dialect,
    among(column, list) {
      // `list` is typed as its future value; while building it is the placeholder.
      const given: unknown = list
      if (!(given instanceof Placeholder)) throw new TypeError('among() takes a parameter of the statement.')
      return dialect === 'sqlite'
        ? sql`${sql.ref(column)} in (select value from json_each(${new Placeholder(given.name, given.row, true)}))`
        : sql`${sql.ref(column)} = any(${given})`
    },
    amongPairs([left, right], list) {
      const given: unknown = list
      if (!(given instanceof Placeholder))
        throw new TypeError('amongPairs() takes a parameter of the statement.')
      const json = new Placeholder(given.name, given.row, true)
      const pairs =
        dialect === 'sqlite'
          ? sql`select value ->> 0, value ->> 1 from json_each(${json})`
          : sql`select (value ->> 0)::bigint, (value ->> 1)::bigint from json_array_elements(${json}::json)`
      return sql`(${sql.ref(left)}, ${sql.ref(right)}) in (${pairs})`
    },
  }
}

interface Template {
  readonly text: string
  readonly slots: readonly Slot[]
}

/** Where one bound value comes from: the member `name` of row `row`, or the query itself when there is no name. */
interface Slot {
  readonly name: string | undefined
  readonly row: number
  readonly asJson: boolean
  readonly value: unknown
}

function template(query: Compilable): Template {
  const { sql: text, parameters } = query.compile()
  return { text, slots: parameters.map(slotOf) }
}

// All slots are objects of one shape: `fill` reads some sixty of them for each message that arrives.
function slotOf(value: unknown): Slot {
  return value instanceof Placeholder
    ? { name: value.name, row: value.row, asJson: value.asJson, value: undefined }
    : { name: undefined, row: 0, asJson: false, value }
}

function fill(slots: readonly Slot[], rows: readonly object[], from = 0): unknown[] {
  const values: unknown[] = []
  for (const { name, row, asJson, value } of slots) {
    if (name === undefined) values.push(value)
    else {
      // A name that the row does not have answers undefined, which the runner refuses.
      const given = (rows[from + row] as Record<string, unknown>)[name]
      values.push(asJson ? JSON.stringify(given) : given)
    }
  }
  return values
}

/** All the answers; SQLite's are there already. */
async function answered(results: readonly (SqlResult | Promise<SqlResult>)[]): Promise<readonly SqlResult[]> {
  return Promise.all(results.map(async (result) => result))
}
