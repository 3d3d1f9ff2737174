/** Somebody, or several, by what of their addresses stands in texts: digits. */
export interface Named {
  readonly digits: readonly string[]
}

/** Whether a text has one of these digits in it. */
export function names({ digits }: Named, text: string): boolean {
  return digits.some((each) => text.includes(each))
}

/** What stands in the place of an address that was taken out: digits still, so that what reads addresses can read it. */
export const nobody = '0'

/** The text without these digits. */
export function withoutPerson({ digits }: Named, text: string): string {
  return digits.reduce((rest, each) => rest.replaceAll(each, nobody), text)
}

/** The same of JSON, where also what they are quoted with, and cards that carry their number, are emptied. */
export function jsonWithoutPerson(person: Named, json: string): string {
  return names(person, json) ? withoutPerson(person, JSON.stringify(emptied(person, JSON.parse(json)))) : json
}

function emptied(person: Named, value: unknown): unknown {
  if (Array.isArray(value)) return value.map((each: unknown) => emptied(person, each))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  const { sender } = value as { sender?: unknown }
  const isTheirs =
    (typeof sender === 'string' && names(person, sender)) ||
    entries.some(([, text]) => typeof text === 'string' && /BEGIN:VCARD/i.test(text) && names(person, text))
  return Object.fromEntries(
    entries.map(([key, each]) => [
      key,
      isTheirs && typeof each === 'string' && key !== 'id' && key !== 'kind' && key !== 'sender'
        ? ''
        : emptied(person, each),
    ]),
  )
}
