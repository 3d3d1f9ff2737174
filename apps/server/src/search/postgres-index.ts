import type { MessageIndex } from './message-index.ts'
import type { AnyOf } from './terms.ts'

/** undefined_table, data_corrupted, index_corrupted. */
const brokenCodes = new Set<unknown>(['42P01', 'XX001', 'XX002'])

/**
 * The newest messages, looked through one by one: a word that is in one of three hundred fills a page from them. What is rarer, GIN gathers in
 * little time. Left to choose, the planner has to guess how often a beginning of a word occurs, and a wrong guess walks through everything.
 */
const lookedThrough = 6_000

/** Every search reads the list of what waits to be put into GIN in full: at its usual size, 4 MB, that is most of the time of a search. */
const createTermsIndex =
  'CREATE INDEX search_message_terms ON search_message USING gin (terms) WITH (gin_pending_list_limit = 512)'

const amongNewest = `SELECT newest.key::text AS key FROM (
    SELECT key, terms FROM search_message WHERE key >= $2 AND key < $3 ORDER BY key DESC LIMIT ${lookedThrough}
  ) AS newest
  WHERE newest.terms @@ $1::tsquery ORDER BY newest.key DESC LIMIT $4`

const amongAll = `WITH matching AS MATERIALIZED (
    SELECT key FROM search_message WHERE terms @@ $1::tsquery AND key >= $2 AND key < $3
  )
  SELECT matching.key::text AS key FROM matching ORDER BY matching.key DESC LIMIT $4`

/**
 * A tsvector of our own terms: no parser and no dictionary of the server comes between, so no extension is needed to fold accents and
 * both stores find the same.
 */
export const postgresIndex: MessageIndex = {
  async create({ sql }) {
    await sql.execute('DROP TABLE IF EXISTS search_message', [])
    await sql.execute('CREATE TABLE search_message (key BIGINT PRIMARY KEY, terms TSVECTOR NOT NULL)', [])
    await sql.execute(createTermsIndex, [])
  },
  async add({ sql }, entries) {
    await Promise.all(
      entries.map(async ({ key, terms }) =>
        sql.execute('INSERT INTO search_message (key, terms) VALUES ($1, array_to_tsvector($2::text[]))', [
          key,
          terms,
        ]),
      ),
    )
  },
  async remove({ sql }, keys) {
    await sql.execute('DELETE FROM search_message WHERE key = ANY($1::bigint[])', [keys])
  },
  // A row that is removed leaves nothing that a query can see.
  compact: async () => false,
  async newest({ sql }, { all, from, below, limit }) {
    const values = [matching(all), from, below, limit]
    const near = await sql.execute(amongNewest, values)
    const { rows } = near.rows.length === limit ? near : await sql.execute(amongAll, values)
    // The one column that both select, as text: the key has 63 bits, and a number of JavaScript 53.
    return (rows as readonly { key: string }[]).map(({ key }) => BigInt(key))
  },
  isBroken(error) {
    for (let cause = error; cause instanceof Error; cause = cause.cause) {
      if ('code' in cause && brokenCodes.has(cause.code)) return true
    }
    return false
  },
}

/** The syntax of tsquery, with every term quoted: terms have no quotes and no backslashes (terms.ts). */
function matching(all: readonly AnyOf[]): string {
  return all
    .map((any) => `(${any.map(({ term, prefix }) => `'${term}'${prefix ? ':*' : ''}`).join(' | ')})`)
    .join(' & ')
}
