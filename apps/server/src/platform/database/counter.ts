import type { Tx } from './index.ts'
import { statement } from './statement.ts'

declare module './index.ts' {
  interface Tables {
    counter: CounterTable
  }
}

interface CounterTable {
  name: string
  value: number
}

const advance = statement((db, p: { name: string; by: number }) =>
  db
    .insertInto('counter')
    .values({ name: p.name, value: p.by })
    .onConflict((conflict) =>
      conflict
        .column('name')
        .doUpdateSet((eb) => ({ value: eb('counter.value', '+', eb.ref('excluded.value')) })),
    )
    .returning('value'),
)

/**
 * The next `count` integers of the counter `name`, ascending; the first ever is 1. Given out for good when `tx` commits, and without
 * holes: on PostgreSQL the counter's row stays locked until then, so ask late in the transaction.
 */
export async function nextIntegers(tx: Tx, name: string, count: number): Promise<number[]> {
  if (count < 1) return []
  const row = await advance.first(tx, { name, by: count })
  if (row === undefined) throw new Error(`Counter ${name} did not answer.`)
  return Array.from({ length: count }, (_, i) => row.value - count + 1 + i)
}
