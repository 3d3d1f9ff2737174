/** Secrets that a test hands to the hub, and where they must not come out. */

/** A text to hand out as a secret: unlike any other of this run, and unlike a real one. */
export function seedOf(purpose: string): string {
  return `seed-${purpose}-${crypto.randomUUID()}`
}

/** Finds secrets in what left the hub, however they were written down. */
export class Seeds {
  readonly #spellings: { name: string; spelling: string }[] = []

  /** From now on `secret` is looked for. At least 10 bytes, or chance finds it. */
  add(name: string, secret: string | Uint8Array): void {
    const bytes = typeof secret === 'string' ? Buffer.from(secret) : Buffer.from(secret)
    if (bytes.length < 10) throw new Error(`${name} is too short to be told from chance.`)
    const written = new Set([
      bytes.toString('latin1'),
      bytes.toString('hex'),
      bytes.toString('hex').toUpperCase(),
      ...(typeof secret === 'string' ? [encodeURIComponent(secret)] : []),
      ...[0, 1, 2].flatMap((before) => inBase64(bytes, before)),
    ])
    for (const spelling of written) this.#spellings.push({ name, spelling })
  }

  /** The names of the secrets in `text`; bytes are read as latin1. */
  in(text: string | Uint8Array): string[] {
    const read = typeof text === 'string' ? text : Buffer.from(text).toString('latin1')
    const found = this.#spellings.filter(({ spelling }) => read.includes(spelling))
    return [...new Set(found.map(({ name }) => name))]
  }
}

/** What of `bytes` shows in base64 that has `before` bytes in front of it, as `user:` is in front of a password. */
function inBase64(bytes: Buffer, before: number): string[] {
  const whole = Buffer.concat([Buffer.alloc(before), bytes])
  // The characters at both ends are made of other bytes too.
  const start = Math.ceil((before * 8) / 6)
  const end = Math.floor((whole.length * 8) / 6)
  return (['base64', 'base64url'] as const).map((encoding) => whole.toString(encoding).slice(start, end))
}
