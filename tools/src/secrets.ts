/** Something in a file that looks like it must not be there. */
export interface Finding {
  line: number
  kind: 'api key' | 'private key' | 'token' | 'password in a URL' | 'phone number'
  /** The first characters only: a report must not repeat the secret. */
  start: string
}

const secrets: readonly { kind: Finding['kind']; pattern: RegExp }[] = [
  { kind: 'private key', pattern: /-----BEGIN [A-Z ]*PRIVATE KEY-----/g },
  { kind: 'api key', pattern: /\b[a-z]+_[a-z_]*api_[0-9a-f]{24,}/g },
  { kind: 'api key', pattern: /\bihk_[0-9A-Za-z]{10}_[0-9A-Za-z]{30,}/g },
  { kind: 'token', pattern: /\b(?:ghp|gho|github_pat|glpat|xox[bap]|sk_live|AKIA)[-_0-9A-Za-z]{16,}/g },
  { kind: 'token', pattern: /\beyJ[-_0-9A-Za-z]{10,}\.eyJ[-_0-9A-Za-z]{10,}\.[-_0-9A-Za-z]{10,}/g },
  { kind: 'token', pattern: /\bwhsec_[0-9A-Za-z+/]{32,}={0,2}/g },
  {
    kind: 'password in a URL',
    pattern: /\b[a-z]+:\/\/[^\s:/@'"`$<>{}]+:(?!pass(?:word)?@|secret@)[^\s:/@'"`$<>{}]{8,}@/g,
  },
]

/** Numbers that no one owns: +1 202 555 01xx (NANP fiction), +44 7700 900xxx (Ofcom drama), +34 600 000 xxx. */
const documentation = /^(?:120255501\d\d|447700900\d{3}|34600000\d{3})$/

/** International numbers as people and WhatsApp write them. Other digit runs (times, ids) are not phone numbers. */
const phones = [
  /(?<![\w+/=-])\+(\d[\d \-().]{8,18}\d)(?![\w/=+])/g,
  /(?<![\w.:+-])(\d{9,15})(?=(?::\d+)?@(?:s\.whatsapp\.net|c\.us))/g,
]

/** What in `text` looks like a credential, or like the phone number of a real person. */
export function findSecrets(text: string): Finding[] {
  return text.split('\n').flatMap((content, index) => {
    const line = index + 1
    const credentials = secrets.flatMap(({ kind, pattern }) =>
      [...content.matchAll(pattern)].map((match) => ({ line, kind, start: match[0].slice(0, 8) })),
    )
    const numbers = phones
      .flatMap((pattern) => [...content.matchAll(pattern)])
      .map((match) => (match[1] ?? '').replaceAll(/\D/g, ''))
      .filter((digits) => digits.length >= 10 && digits.length <= 15 && !documentation.test(digits))
      .map((digits): Finding => ({ line, kind: 'phone number', start: digits.slice(0, 5) }))
    return [...credentials, ...numbers]
  })
}
