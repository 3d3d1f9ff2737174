import { randomBytes } from 'node:crypto'

import pg from 'pg'

/** A schema of a PostgreSQL server for one run. */
interface Throwaway extends AsyncDisposable {
  readonly url: string
  /** What a query answers, a row a line. */
  rows: (sql: string) => Promise<string[]>
}

/** A schema of a PostgreSQL server for one run alone; dropped when disposed. */
export async function throwawayDatabase(serverUrl: string): Promise<Throwaway> {
  const schema = `chaos_${randomBytes(6).toString('hex')}`
  const run = async (connectionString: string, sql: string): Promise<string[]> => {
    const client = new pg.Client({ connectionString, connectionTimeoutMillis: 5_000 })
    await client.connect()
    try {
      const { rows } = await client.query<Record<string, unknown>>(sql)
      return rows.map((row) => Object.values(row).join(' '))
    } finally {
      await client.end()
    }
  }
  await run(serverUrl, `CREATE SCHEMA ${schema}`)
  const url = new URL(serverUrl)
  url.searchParams.set('options', `-c search_path=${schema}`)
  return {
    url: url.href,
    rows: (sql) => run(url.href, sql),
    [Symbol.asyncDispose]: async () => void (await run(serverUrl, `DROP SCHEMA ${schema} CASCADE`)),
  }
}

/** A server to run on: that of TEST_DATABASE_URL, or a local one that lets user postgres in; undefined when none answers. */
export async function postgresServer(): Promise<string | undefined> {
  const url = process.env['TEST_DATABASE_URL'] ?? 'postgres://postgres@127.0.0.1:5432/test'
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 })
  client.on('error', () => {})
  try {
    await client.connect()
    await client.end()
    return url
  } catch {
    return undefined
  }
}
