/** A word of a text: where it stands (UTF-16 offsets, `end` excluded) and the term it is found by. */
export interface Word {
  start: number
  end: number
  term: string
}

/** Longer words are found by their beginning: what is longer is a link or a key, and a stranger chooses its length. */
const maxTermLength = 40

/**
 * Letters, digits and their marks stand together. Chinese and Japanese are written without spaces, so each of their characters is a word;
 * so is each emoji.
 */
const wordPattern =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]|\p{Extended_Pictographic}|(?:(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}])[\p{L}\p{N}\p{M}])+/gu

/** The words of a text, in order. Both stores index exactly these, so that a search answers the same on both. */
export function wordsOf(text: string): Word[] {
  const words: Word[] = []
  for (const { 0: written, index } of text.matchAll(wordPattern)) {
    const term = termOf(written)
    if (term !== '') words.push({ start: index, end: index + written.length, term })
  }
  return words
}

/** Without accents, capitals and width: `JOSÉ` is found by `jose`. Only letters, digits and emoji remain. */
function termOf(written: string): string {
  const folded = /^[\w]+$/.test(written)
    ? written.toLowerCase()
    : written
        .normalize('NFKD')
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\p{Extended_Pictographic}]/gu, '')
        .replaceAll('ς', 'σ')
  if (folded.length <= maxTermLength) return folded
  // Not in the middle of a character.
  return folded.slice(0, maxTermLength).replace(/[\uD800-\uDBFF]$/, '')
}

/** Whether a word of a query means a word of a text: by its beginning; a single character only as a whole. */
export function means(asked: string, term: string): boolean {
  return isPrefix(asked) ? term.startsWith(asked) : term === asked
}

/** Whether a word of a query is taken as the beginning of words. */
export function isPrefix(asked: string): boolean {
  return asked.length > 1 && Array.from(asked).length > 1
}

/** The words of a query, each once, at most `maxAsked`. */
export function askedWords(query: string): readonly string[] {
  return [...new Set(wordsOf(query).map(({ term }) => term))].slice(0, maxAsked)
}

const maxAsked = 12
