import { means, wordsOf } from './words.ts'

/** A part of a text with the places that were asked for; offsets in UTF-16 code units of `text`, `end` excluded. */
export interface Snippet {
  text: string
  highlights: { start: number; end: number }[]
}

const longest = 160
/** What is shown before the first place. */
const lead = 40
const more = '…'

/** The part of `body` around the first word that was asked for. Plain text: whoever shows it marks the places himself. */
export function snippetOf(body: string, asked: readonly string[]): Snippet {
  const words = wordsOf(body)
  const found = words.filter(({ term }) => asked.some((word) => means(word, term)))
  const first = found[0]?.start ?? 0
  // From the beginning of a word, so that none is cut in front.
  const start =
    body.length <= longest || first <= lead
      ? 0
      : (words.find((word) => word.start >= first - lead)?.start ?? first)
  const end = Math.min(body.length, start + longest)
  // Not in the middle of a character.
  const shown = body.slice(start, end).replace(/[\uD800-\uDBFF]$/, '')
  const before = start > 0 ? more : ''
  const shift = before.length - start
  return {
    text: before + shown + (end < body.length ? more : ''),
    highlights: found
      .filter((word) => word.start >= start && word.end <= start + shown.length)
      .map((word) => ({ start: word.start + shift, end: word.end + shift })),
  }
}
