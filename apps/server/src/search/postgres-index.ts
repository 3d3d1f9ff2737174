import type { MessageIndex } from './message-index.ts'
import type { AnyOf } from './terms.ts'

/** undefined_table, data_corrupted, index_corrupted. */
const brokenCodes = new Set<unknown>(['42P01', 'XX001', 'XX002'])

/**
 * A tsvector of our own terms: no parser and no dictionary of the server comes between, so no extension is needed to fold accents and
 * both stores find the same. GIN finds rare terms; common ones are met soon in the order of keys, which the planner chooses between.
 */
export const postgresIndex: MessageIndex = {
  async create({ sql }) {
    await sql.execute('DROP TABLE IF EXISTS search_message', [])
    await sql.execute('CREATE TABLE search_message (key BIGINT PRIMARY KEY, terms TSVECTOR NOT NULL)', [])
    await sql.execute('CREATE INDEX search_message_terms ON search_message USING gin (terms)', [])
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
  async newest({ sql }, { all, from, below, limit }) {
    const { rows } = await sql.execute(
      // As text: the key has 63 bits, and a number of JavaScript 53.
      `SELECT key::text AS key FROM search_message
       WHERE terms @@ $1::tsquery AND search_message.key >= $2 AND search_message.key < $3
       ORDER BY search_message.key DESC LIMIT $4`,
      [matching(all), from, below, limit],
    )
    // The one column selected above.
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
