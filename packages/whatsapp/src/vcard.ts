/** Somebody to introduce, as far as they are known. */
export interface CardFields {
  name: string
  /** Digits with country code. */
  phone: string
  organization?: string | undefined
  email?: string | undefined
}

/** A vCard 3.0 as WhatsApp writes them: `waid` is what makes its number one to write to. */
export function vcardOf({ name, phone, organization, email }: CardFields): string {
  return [
    'BEGIN:VCARD',
    'VERSION:3.0',
    `N:;${escaped(name)};;;`,
    `FN:${escaped(name)}`,
    ...(organization === undefined ? [] : [`ORG:${escaped(organization)};`]),
    ...(email === undefined ? [] : [`EMAIL;type=INTERNET:${escaped(email)}`]),
    `TEL;type=CELL;type=VOICE;waid=${phone}:+${phone}`,
    'END:VCARD',
  ].join('\n')
}

/** The name that a vCard shows; undefined when it has none. */
export function nameInVcard(vcard: string): string | undefined {
  const name = /^FN(?:;[^:\r\n]*)?:(.*)$/im.exec(vcard)?.[1]?.trim()
  return name === undefined || name === '' ? undefined : name.replaceAll(/\\([\\,;])/g, '$1')
}

function escaped(text: string): string {
  return text.replaceAll(/[\\,;]/g, String.raw`\$&`).replaceAll(/\r?\n|\r/g, String.raw`\n`)
}
