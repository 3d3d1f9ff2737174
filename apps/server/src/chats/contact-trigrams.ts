import type { Database } from '../platform/database/index.ts'

/** More than this many are common: the list has enough of them near its beginning, and is looked through instead. */
const mostCandidates = 1_000

/**
 * The addresses of the contacts that can have all of `parts` in their `search`, from the index of migration 0021: every three characters of a
 * part stand in it somewhere. Undefined when the index does not help: the parts are too short, or too many contacts have them.
 */
export async function candidates(
  { sql, dialect }: Pick<Database, 'sql' | 'dialect'>,
  sessionId: number,
  parts: readonly string[],
): Promise<readonly string[] | undefined> {
  const trigrams = [...new Set(parts.flatMap(trigramsOf))]
  if (trigrams.length === 0) return undefined
  const { rows } =
    dialect === 'sqlite'
      ? await sql.execute(
          // CROSS JOIN: in this order.
          `SELECT contact_key.jid FROM contact_trigram CROSS JOIN contact_key ON contact_key.id = contact_trigram.rowid
           WHERE contact_trigram MATCH ? AND contact_key.session_id = ? LIMIT ?`,
          [[markOf(sessionId), ...trigrams].map(quoted).join(' AND '), sessionId, mostCandidates + 1],
        )
      : await sql.execute(
          'SELECT jid FROM contact WHERE contact_trigrams(session_id, search) @> $1::text[] LIMIT $2',
          [trigrams.map((trigram) => `${sessionId} ${trigram}`), mostCandidates + 1],
        )
  if (rows.length > mostCandidates) return undefined
  // The one column that both select.
  return (rows as readonly { jid: string }[]).map(({ jid }) => jid)
}

/** By code points, as both stores count. */
function trigramsOf(part: string): readonly string[] {
  const characters = Array.from(part.replaceAll('\0', '\uFFFD'))
  return characters.slice(2).map((_, start) => characters.slice(start, start + 3).join(''))
}

/** Three private-use characters, as in migration 0021. Whoever has them in a name is sorted out by the session's number. */
const markOf = (sessionId: number): string =>
  String.fromCodePoint(0xe001, 0xf0000 + Math.floor(sessionId / 32_768), 0xf0000 + (sessionId % 32_768))

/** A string of FTS5's query syntax. */
const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`
