import fc from 'fast-check'
import { expect, test } from 'vitest'

import { snippetOf } from './snippet.ts'
import { askedWords, means, wordsOf } from './words.ts'

const termsOf = (text: string): readonly string[] => wordsOf(text).map(({ term }) => term)

test('words are found without accents, capitals and width, in every script', () => {
  expect(termsOf('¡JOSÉ pidió  Ａｃｉóｎ-2!')).toEqual(
    ['jose', 'pidio', 'accion', '2'].map((t) => t.replace('acc', 'ac')),
  )
  expect(termsOf('Straße ΟΔΟΣ Ёлка İstanbul')).toEqual(['straße', 'οδοσ', 'елка', 'istanbul'])
  expect(termsOf('北京に行く👍🏽ok')).toEqual(['北', '京', 'に', '行', 'く', '👍', 'ok'])
  expect(termsOf('x'.repeat(100))).toEqual(['x'.repeat(40)])
})

test('a word asked for means words that begin with it; a single character only itself', () => {
  expect(means('fact', 'factura')).toBe(true)
  expect(means('factura', 'fact')).toBe(false)
  expect(means('a', 'ana')).toBe(false)
  expect(means('👍', '👍')).toBe(true)
})

test('the places of a snippet are what was asked for, in any text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 400 }), fc.nat(), (text, pick) => {
      const words = wordsOf(text)
      const word = words[pick % Math.max(1, words.length)]
      const asked = word === undefined ? [] : [word.term]
      const { text: shown, highlights } = snippetOf(text, asked)
      expect(shown.length).toBeLessThanOrEqual(162)
      for (const { start, end } of highlights) {
        expect(termsOf(shown.slice(start, end)).some((term) => means(asked[0] ?? '', term))).toBe(true)
      }
      if (word !== undefined && word.end - word.start <= 40) expect(highlights.length).toBeGreaterThan(0)
    }),
  )
})

test('a snippet stands around the first place of a long text', () => {
  const { text, highlights } = snippetOf(
    `${'lorem ipsum '.repeat(50)}la Factura de marzo${' dolor'.repeat(50)}`,
    ['fact'],
  )
  expect(text.startsWith('…') && text.endsWith('…')).toBe(true)
  expect(highlights.map(({ start, end }) => text.slice(start, end))).toEqual(['Factura'])
})

test('a query has each word once, and not too many', () => {
  expect(askedWords('Ana ANA, aná')).toEqual(['ana'])
  expect(askedWords('"*) OR (')).toEqual(['or'])
  expect(askedWords(Array.from({ length: 99 }, (_, i) => `w${i}`).join(' '))).toHaveLength(12)
})
