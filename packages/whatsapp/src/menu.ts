import type { MenuOption } from './content.ts'

/** Options under a heading of their own; most menus have one part without. */
export interface MenuPart {
  title?: string | undefined
  options: readonly MenuOption[]
}

/**
 * A menu as everybody can read it: WhatsApp shows buttons and lists of ordinary accounts to few recipients, and nothing at all to the others.
 * Options are numbered through all parts, from 1.
 */
export function numberedText({
  text,
  parts,
  footer,
}: {
  text: string
  parts: readonly MenuPart[]
  footer?: string | undefined
}): string {
  let number = 0
  const lines = parts.map(({ title, options }) =>
    [
      ...(title === undefined ? [] : [`*${title}*`]),
      ...options.map(({ title: name, description }) => {
        number += 1
        return `${number}. ${name}${description === undefined ? '' : `\n   ${description}`}`
      }),
    ].join('\n'),
  )
  return [text, ...lines, ...(footer === undefined ? [] : [`_${footer}_`])].join('\n\n')
}

/** Longer than this is no choice, but something to say. */
export const longestChoice = 80

/**
 * Which option of a numbered menu somebody means who writes `text`: its number (`2`, `2.`, `#2`, `2️⃣`), or its title in any case, with or
 * without accents and punctuation. Undefined when it is neither, or the title of two.
 */
export function chosenBy(text: string, options: readonly MenuOption[]): MenuOption | undefined {
  if (text.length > longestChoice) return undefined
  const written = text
    .normalize('NFKC')
    .replaceAll(/[\uFE0F\u20E3]/g, '')
    .trim()
  const number = /^[#(]?(\d{1,3})[.):)]?$/.exec(written)?.[1]
  if (number !== undefined) return options[Number(number) - 1]
  const wanted = plain(written)
  if (wanted === '') return undefined
  const named = options.filter(({ title }) => plain(title) === wanted)
  return named.length === 1 ? named[0] : undefined
}

function plain(text: string): string {
  return text
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, ' ')
    .trim()
}
