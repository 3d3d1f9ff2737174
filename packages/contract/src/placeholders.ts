const braces = /\{\{([^{}]*)\}\}/g

/** What stands between double braces in a text, each once, in order. It may be anything: whoever asks knows what is a name. */
export function placeholdersIn(text: string): string[] {
  return [...new Set([...text.matchAll(braces)].map(([, inside = '']) => inside.trim()))]
}

/** The text with each `{{name}}` in whose place `valueOf` has something. Values are not looked into. */
export function fillPlaceholders(text: string, valueOf: (name: string) => string | undefined): string {
  return text.replaceAll(braces, (whole, inside: string) => valueOf(inside.trim()) ?? whole)
}
