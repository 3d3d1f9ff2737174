import type { MessageIndex } from './message-index.ts'
import type { AnyOf } from './terms.ts'

/** Beginnings of words that have an index of their own, in characters. */
const indexedBeginnings = [2, 3, 4, 6, 8]

/**
 * FTS5 without the text (contentless) and without positions (detail=none): it only says which message has which term. The `ascii` tokenizer
 * leaves all but ASCII as it is, so the terms stay what words.ts made of them; accents are folded there, for both stores alike.
 */
const table = `CREATE VIRTUAL TABLE search_message USING fts5(
  terms, content = '', contentless_delete = 1, detail = none, tokenize = 'ascii', prefix = '${indexedBeginnings.join(' ')}'
)`

/**
 * Fewer and later merges than usual: a fifth less work for a message, and what a merge that can wait no longer would stop the event loop
 * for is done in small pieces before. Measured with bodies of ten words.
 */
const merging = [
  `INSERT INTO search_message (search_message, rank) VALUES ('automerge', 8)`,
  `INSERT INTO search_message (search_message, rank) VALUES ('crisismerge', 64)`,
]

/** Pages of a merge in one transaction: some milliseconds. */
const pagesPerStep = 200

/** SQLITE_CORRUPT_VTAB: FTS5 found its own tables inconsistent. */
const corruptIndex = 267

export const sqliteIndex: MessageIndex = {
  async create({ sql }) {
    await sql.execute('DROP TABLE IF EXISTS search_message', [])
    for (const text of [table, ...merging]) await sql.execute(text, [])
  },
  async add({ sql }, entries) {
    for (const { key, terms } of entries) {
      await sql.execute('INSERT INTO search_message (rowid, terms) VALUES (?, ?)', [key, terms.join(' ')])
    }
  },
  async remove({ sql }, keys) {
    for (const key of keys) await sql.execute('DELETE FROM search_message WHERE rowid = ?', [key])
  },
  async compact({ sql }, step) {
    const changes = async (): Promise<number> => {
      const { rows } = await sql.execute('SELECT total_changes() AS n', [])
      return (rows as readonly { n: number }[])[0]?.n ?? 0 // the one column
    }
    const before = await changes()
    // Negative: all segments become one to merge; then that is gone on with. Less than two changes: nothing was left to do.
    // https://www.sqlite.org/fts5.html#the_merge_command
    await sql.execute(`INSERT INTO search_message (search_message, rank) VALUES ('merge', ?)`, [
      step === 0 ? -pagesPerStep : pagesPerStep,
    ])
    return (await changes()) - before >= 2
  },
  async newest({ sql }, { all, from, below, limit }) {
    const { rows } = await sql.execute(
      // As text: the key has 63 bits, and a number of JavaScript 53.
      `SELECT CAST(rowid AS TEXT) AS key FROM search_message
       WHERE search_message MATCH ? AND rowid >= ? AND rowid < ? ORDER BY rowid DESC LIMIT ?`,
      [matching(all), from, below, limit],
    )
    // The one column selected above.
    return (rows as readonly { key: string }[]).map(({ key }) => BigInt(key))
  },
  isBroken(error) {
    for (let cause = error; cause instanceof Error; cause = cause.cause) {
      if ('errcode' in cause && cause.errcode === corruptIndex) return true
      if (/no such table: search_message|vtable constructor failed: search_message/.test(cause.message))
        return true
    }
    return false
  },
}

/** FTS5's syntax, with every term as a string: terms have no quotes (terms.ts). */
function matching(all: readonly AnyOf[]): string {
  return all
    .map(
      (any) =>
        `(${any.map(({ term, prefix }) => (prefix ? `"${beginningOf(term)}" *` : `"${term}"`)).join(' OR ')})`,
    )
    .join(' AND ')
}

/**
 * As much of a word as there is an index for. FTS5 reads that one in the order of keys, until there is enough; of a longer beginning it
 * would first gather every message of every word that has it (25 ms among 300,000 messages, growing with them). The few too many that this
 * finds are sorted out where the messages are read.
 */
function beginningOf(word: string): string {
  const characters = Array.from(word)
  const length = indexedBeginnings.findLast((indexed) => indexed <= characters.length)
  return characters.slice(0, length).join('')
}
