import type pg from 'pg'

/** What a schema held when it was made: its tables, and the rows that migrations put there, as JSON. */
export interface Newborn {
  readonly tables: readonly string[]
  readonly rows: readonly { name: string; rows: string }[]
}

/** Looks at the current schema of `client`, migrated and not used yet. */
export async function newborn(client: pg.Client): Promise<Newborn> {
  const tables = await tablesOf(client)
  const each = tables.map(
    (name) => `SELECT '${name}' AS name, (SELECT json_agg(t)::text FROM ${name} t) AS rows`,
  )
  const { rows } = await client.query<{ name: string; rows: string | null }>(each.join(' UNION ALL '))
  return {
    tables,
    rows: rows.flatMap(({ name, rows: held }) => (held === null ? [] : [{ name, rows: held }])),
  }
}

/** Makes the schema what it was. False when it has other tables now: it can only be dropped. */
export async function renew(client: pg.Client, { tables, rows }: Newborn): Promise<boolean> {
  if ((await tablesOf(client)).join() !== tables.join()) return false
  const each = tables.map((name) => `SELECT '${name}' AS name WHERE EXISTS (SELECT FROM ${name})`)
  const used = await client.query<{ name: string }>(each.join(' UNION ALL '))
  if (used.rows.length > 0) await client.query(`TRUNCATE ${used.rows.map(({ name }) => name).join()} CASCADE`)
  for (const { name, rows: held } of rows)
    await client.query(`INSERT INTO ${name} SELECT * FROM json_populate_recordset(NULL::${name}, $1)`, [held])
  return true
}

async function tablesOf(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    'SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema() ORDER BY 1',
  )
  return rows.map(({ name }) => name)
}
