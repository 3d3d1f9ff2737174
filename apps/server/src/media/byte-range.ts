import type { ByteRange } from '../platform/blobs/index.ts'

/** What of a file a request wants: all of it, a part, or something that cannot be given. */
export type Wanted = { kind: 'all' } | { kind: 'part'; range: ByteRange } | { kind: 'refused' }

/**
 * Reads a Range header (RFC 9110 §14). Other units and what is malformed are ignored, as the RFC says. Several ranges are refused: their
 * answer would be of a form that hardly any client reads, and asking for many is a known way to make a server work.
 */
export function wantedOf(header: string | undefined, size: number): Wanted {
  if (header === undefined || !/^bytes=/i.test(header)) return { kind: 'all' }
  const set = header.slice('bytes='.length)
  if (set.includes(',')) return { kind: 'refused' }
  const found = /^\s*(\d{0,15})-(\d{0,15})\s*$/.exec(set)
  const [first, last] = [found?.[1] ?? '', found?.[2] ?? '']
  if (found === null || (first === '' && last === '')) return { kind: 'all' }
  if (first === '') {
    const count = Math.min(Number(last), size)
    return count === 0 ? { kind: 'refused' } : { kind: 'part', range: { start: size - count, end: size - 1 } }
  }
  const start = Number(first)
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (last !== '' && Number(last) < start) return { kind: 'all' }
  return start >= size ? { kind: 'refused' } : { kind: 'part', range: { start, end } }
}
