import { expect, test } from 'vitest'

import { onSqlite } from '../platform/testing/databases.ts'
import { elsewhere, mentionedIn, namedIn, ownRows } from './places.ts'

/** Names of columns that hold addresses, numbers or parts of them. */
const looksLikeSomebody =
  /jid|^pn$|^lid$|digits|^number$|phone|creator|viewer|author|sender|recipient|^audience$|^to_|^from_(?!me)/

onSqlite('the places where people stand', ({ open }) => {
  test('are all known: a table with a column for somebody is in one of the lists', async () => {
    await using database = await open()
    const { rows } = await database.sql.execute(
      `SELECT t.name AS "table", c.name AS "column" FROM sqlite_schema AS t JOIN pragma_table_info(t.name) AS c WHERE t.type = 'table'`,
      [],
    )
    const known = new Set([ownRows, namedIn, mentionedIn, elsewhere].flatMap((list) => Object.keys(list)))
    const columns = rows as readonly { table: string; column: string }[]
    expect(columns.length).toBeGreaterThan(300)
    const missing = columns.filter(({ table, column }) => looksLikeSomebody.test(column) && !known.has(table))
    expect(missing).toEqual([])
    const tables = new Set(columns.map(({ table }) => table))
    expect([...known].filter((table) => !tables.has(table))).toEqual([])
  })
})
