/** The languages in which the API speaks to people. Spanish is the default: the texts that clients match are Spanish. */
export const languages = ['es', 'en', 'pt'] as const
export type Language = (typeof languages)[number]

/** The same sentence in every language. `{name}` marks a value. */
export type Text = Readonly<Record<Language, string>>

export type TextValues = Readonly<Record<string, string | number>>

/** The sentence in one language, its values filled in. A value that is missing stays visible as `{name}`. */
export function say(text: Text, language: Language, values: TextValues = {}): string {
  return text[language].replace(/\{(\w+)\}/g, (mark, name: string) => String(values[name] ?? mark))
}

/** The best of our languages for an `Accept-Language` header; Spanish when it names none of ours. */
export function languageFor(acceptLanguage: string | undefined): Language {
  if (acceptLanguage === undefined || acceptLanguage === '') return 'es'
  let best: Language = 'es'
  let bestQuality = 0
  for (const part of acceptLanguage.slice(0, 500).split(',')) {
    const [tag = '', ...parameters] = part.trim().toLowerCase().split(';')
    const written = parameters
      .map((parameter) => parameter.trim())
      .find((parameter) => parameter.startsWith('q='))
    const quality = written === undefined ? 1 : Number(written.slice(2))
    const language = languages.find((name) => tag === name || tag.startsWith(`${name}-`))
    if (language !== undefined && quality > bestQuality) {
      best = language
      bestQuality = quality
    }
  }
  return best
}
