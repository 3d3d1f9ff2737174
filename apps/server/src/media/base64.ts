/** Bytes written as base64, not decoded yet. */
interface Base64 {
  /** Bytes. */
  readonly size: number
  /** As a data URL says. */
  readonly type: string | undefined
  bytes(): AsyncIterable<Uint8Array>
}

/** Characters decoded at once; a multiple of four. */
const chunkChars = 256 * 1024

/** Reads base64 (also base64url, with line breaks, as a data URL); undefined when it is none. */
export function decodeBase64(text: string): Base64 | undefined {
  const dataUrl = /^\s*data:([^,;]{0,200})(?:;[^,;]{0,100})*;base64,/i.exec(text)
  const body = text.slice(dataUrl?.[0].length ?? 0)
  const plain = /\s/.test(body) ? body.replaceAll(/\s+/g, '') : body
  // One pass without a choice to come back to: the text is long, and a stranger's.
  if (!/^[\w+/-]*={0,2}$/.test(plain)) return undefined
  const digits = plain.replace(/=+$/, '').length
  if (digits % 4 === 1) return undefined
  return {
    size: Math.floor((digits * 3) / 4),
    type: dataUrl?.[1],
    async *bytes() {
      for (let at = 0; at < digits; at += chunkChars)
        yield Buffer.from(plain.slice(at, Math.min(at + chunkChars, digits)), 'base64')
    },
  }
}
